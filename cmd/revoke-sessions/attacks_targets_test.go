package main

import (
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

func alicesPhish(r *raid) { r.ask(bobID, "<@"+aliceID+"> clicked a phishing link") }

// The target as the judge of what somebody else reported.
var targetAttacks = []attack{
	{
		name: "the target, an approver, confirms", scene: alicesPhish, attack: clicks(aliceID, bot.ActionConfirm),
		reads: []string{"only:alice", "This is about your own account, so somebody else must decide it: @amir"},
		rows:  []row{{"refused", "target_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target, an approver, denies", scene: alicesPhish, attack: clicks(aliceID, bot.ActionDeny),
		reads: []string{"only:alice", "This is about your own account"},
		rows:  []row{{"refused", "target_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target denies under a changed address",
		scene: func(r *raid) {
			alicesPhish(r)
			r.slackUser(aliceID, func(u *slacktest.User) { u.Email = "olga@contoso.example" })
			r.passes("2m")
		},
		attack: clicks(aliceID, bot.ActionDeny),
		reads:  []string{"only:alice", "This is about your own account"},
		rows:   []row{{"refused", "target_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target denies from a second Slack account that is an approver's",
		scene: func(r *raid) {
			r.ask(bobID, objectID(2)+" clicked a phishing link")
			r.slackUser(amirID, func(u *slacktest.User) { u.Email = "alice@contoso.example" })
		},
		attack: clicks(amirID, bot.ActionDeny),
		reads:  []string{"only:amir", "This is about your own account"},
		rows:   []row{{"refused", "target_may_not_decide", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target joins the request about them and cancels it",
		scene: func(r *raid) {
			r.ask(bobID, "<@"+carolID+"> stolen laptop")
			r.typed(bobID, "cancel "+r.request) // Bob takes it back, so that nobody else has asked
			r.cardSays("cancelled the request")
			r.ask(olgaID, "<@"+carolID+"> stolen laptop")
		},
		attack: types(carolID, "cancel REQ-THIS"),
		reads:  []string{"only:carol", "find that request among yours"},
		rows:   []row{{"refused", "not_requester", carolID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target asks what is known about them", scene: carolsLaptop, attack: types(carolID, "status REQ-THIS"),
		reads: []string{"only:carol", "find that request among yours"},
		rows:  []row{{"refused", "unknown_request", carolID}}, state: bot.Pending,
	},
}

const (
	ownConfirm     = `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {self: {approvals: 0}}}`
	protectedAlice = `{version: 1, approvers: [U0ALICE, U0AMIR, U0OLGA],
  protected: [{match: {users: [` + alicesEntra + `]}, approvals: 2, requester_may_approve: false}]}`
)

// Whoever found the phone has the reporter's Slack on it.
var ownDeviceAttacks = []attack{
	{
		name: "the finder of an approver's phone denies the report", scene: alicesPhone, attack: clicks(aliceID, bot.ActionDeny),
		reads: []string{"only:alice", "This is a report about your own device", "another approver must deny it"},
		rows:  []row{{"refused", "target_may_not_end", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the finder denies from the victim's second Slack account, an approver's",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR],
  identity: {map: {U0ALICE: ` + alicesEntra + `, U0OLGA: ` + alicesEntra + `}}}`,
		scene:  func(r *raid) { r.ask(olgaID, "me lost my phone") },
		attack: clicks(aliceID, bot.ActionDeny),
		reads:  []string{"only:alice", "another approver must deny it"},
		rows:   []row{{"refused", "target_may_not_end", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the finder cancels on the receipt", scene: bobsPhone,
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.acked(r.slack.As(bobID).Click(receipt.Channel, receipt.TS, bot.ActionCancel))
		},
		reads: []string{"only:bob", "It stays open until an approver denies it", "An approver should phone you first: @alice, @amir"},
		rows:  []row{{"cancel_asked", "cancel_needs_approver", bobID}}, state: bot.Pending,
		then: func(r *raid) {
			r.sees(false, []string{"thread", "asks to cancel. Phone them first; then press Deny"})
			r.alive()
		},
	},
	{
		name: "the finder cancels by typing the ID, again and again",
		scene: func(r *raid) {
			bobsPhone(r)
			r.typed(bobID, "cancel "+r.request)
			r.cardSays("asks to cancel")
		},
		attack: types(bobID, "cancel REQ-THIS"),
		reads:  []string{"only:bob", "It stays open until an approver denies it"},
		rows:   []row{{"cancel_asked_again", "cancel_needs_approver", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the finder confirms where no approval is needed, and signs out nobody but the owner", policy: ownConfirm, scene: bobsPhone,
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.acked(r.slack.As(bobID).Click(receipt.Channel, receipt.TS, bot.ActionConfirm))
		},
		reads: []string{"dm:bob", "Done: your sessions are revoked", "you decided this yourself"},
		rows:  []row{{"approved", "", bobID}}, posts: 1, state: bot.Verified, then: onlyOne(1),
	},
	{
		name: "the finder's receipt carries the ID of a request about somebody else", policy: ownConfirm,
		scene: func(r *raid) { bobsPhone(r); carolsLaptop(r) },
		attack: func(r *raid) {
			var own slacktest.Message
			for _, m := range r.slack.DMs(bobID) {
				for _, b := range m.Buttons() {
					if b.ActionID == bot.ActionConfirm {
						own = m
					}
				}
			}
			r.press(bobID, func(c *slacktest.Click) { c.ChannelID, c.MessageTS = own.Channel, own.TS })
		},
		reads: []string{"only:bob", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody else presses Confirm on the reporter's receipt", policy: ownConfirm, scene: bobsPhone,
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.press(olgaID, func(c *slacktest.Click) { c.ChannelID, c.MessageTS = receipt.Channel, receipt.TS })
		},
		reads: []string{"only:olga", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", olgaID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); r.receipt(bobID) },
	},
	{
		name: "an approver presses Confirm on the reporter's receipt", policy: ownConfirm, scene: bobsPhone,
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.press(aliceID, func(c *slacktest.Click) { c.ChannelID, c.MessageTS = receipt.Channel, receipt.TS })
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); r.receipt(bobID) },
	},
	{
		name: "an outsider confirms on a card that needs no approval", policy: ownConfirm, scene: bobsPhone,
		attack: clicks(olgaID, bot.ActionConfirm),
		reads:  []string{"only:olga", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a stranger confirms on a card that needs no approval", policy: ownConfirm,
		scene: func(r *raid) {
			bobsPhone(r)
			r.slackUser(olgaID, func(u *slacktest.User) { u.Stranger = true })
		},
		attack: clicks(olgaID, bot.ActionConfirm),
		reads:  []string{"only:olga", "Your Slack account belongs to another workspace"},
		rows:   []row{{"refused", "outside_workspace", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody else asks for the reporter, to confirm the report in their place", policy: ownConfirm, scene: bobsPhone,
		// What Olga asks for is a request about somebody else, with its own approvals.
		attack: func(r *raid) { r.ask(olgaID, "<@"+bobID+"> he lost it") },
		reads:  []string{"only:olga", "Nothing is revoked yet", "I'm asking the approvers now"},
		rows:   []row{{"requested", "", olgaID}}, state: bot.Pending,
	},
	{
		name: "a protected approver's phone confirms its owner's report", policy: protectedAlice, scene: alicesPhone,
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You asked for this, so somebody else must approve it"},
		rows:   []row{{"refused", "requester_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a protected person's own Confirm is not enough where others' is",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {self: {approvals: 0}},
  protected: [{match: {users: [U0BOB]}, approvals: 2}]}`,
		scene:  bobsPhone,
		attack: presses(bobID, nil),
		reads:  []string{"only:bob", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the account is blocked, and its phone's Slack says Confirm", policy: ownConfirm,
		scene: func(r *raid) { bobsPhone(r); r.blocked(1); r.passes("2m") },
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.acked(r.slack.As(bobID).Click(receipt.Channel, receipt.TS, bot.ActionConfirm))
		},
		// It signs out nobody but its owner, which is what everybody wants.
		reads: []string{"dm:bob", "Done: your sessions are revoked"},
		rows:  []row{{"approved", "", bobID}}, posts: 1, state: bot.Verified, then: onlyOne(1),
	},
}
