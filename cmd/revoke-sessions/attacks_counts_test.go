package main

import (
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

const (
	two = `{version: 1, approvers: [S0SECURITY], lanes: {third_party: {approvals: 2}}}`
	// Amir's Slack account is Alice's, too.
	twoOfThree = `{version: 1, approvers: [U0ALICE, U0AMIR, U0OLGA], lanes: {third_party: {approvals: 2}},
  identity: {map: {U0ALICE: ` + alicesEntra + `, U0AMIR: ` + alicesEntra + `}}}`
	alicesEntra = "00000000-0000-4000-8000-000000000002"
)

// confirmedByAlice is a request with the first of two approvals.
func confirmedByAlice(r *raid) {
	carolsLaptop(r)
	r.approves(aliceID, "@alice approved (1 of 2).")
}

// aboutAlice picks the calls that ask who she is.
func aboutAlice(params map[string]string) bool { return params["user"] == aliceID }

// One person who would be two, and approvals that count no more.
var countAttacks = []attack{
	{
		name: "one approver confirms twice", policy: two, scene: confirmedByAlice, attack: clicks(aliceID, bot.ActionConfirm),
		reads: []string{"only:alice", "You approved this already, and each person counts once"},
		rows:  []row{{"refused", "already_approved", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "one person confirms under two Slack accounts", policy: twoOfThree, scene: confirmedByAlice,
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "You approved this already, and each person counts once"},
		rows:   []row{{"refused", "already_approved", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the second approver's Slack account has the first one's address", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.slackUser(amirID, func(u *slacktest.User) { u.Email = "alice@contoso.example" })
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "You approved this already, and each person counts once"},
		rows:   []row{{"refused", "already_approved", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver was demoted between her two clicks", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.members(amirID, olgaID)
			r.passes("2m")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the first approver was demoted before the second one confirms", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.members(amirID, olgaID)
			r.passes("2m")
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"card", "@amir approved (1 of 2)."},
		rows:   []row{{"approval_lapsed", "", "bot"}, {"approval", "", amirID}}, state: bot.Pending,
		then: func(r *raid) { r.sees(false, []string{"thread", "The approval of @alice no longer counts"}) },
	},
	{
		name: "the first approver became a guest before the second one confirms", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.slackUser(aliceID, func(u *slacktest.User) { u.Guest = true })
			r.passes("2m")
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"card", "@amir approved (1 of 2)."},
		rows:   []row{{"approval_lapsed", "", "bot"}, {"approval", "", amirID}}, state: bot.Pending,
	},
	{
		name: "nobody can say whether the first approver is one still", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.passes("6m")
			r.slack.Inject(slacktest.Fault{Method: "users.info", Status: 500, Match: aboutAlice})
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "Slack did not answer"},
		rows:   []row{{"refused", "lookup_failed", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "Slack refuses to say who the first approver is, who was known a moment ago", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.passes("2m") // in a silence, what was known would count
			r.slack.Inject(slacktest.Fault{Method: "users.info", Error: "missing_scope", Match: aboutAlice})
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "Slack refused a look-up, so I could not check who you are", "missing_scope"},
		rows:   []row{{"refused", "lookup_failed", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "Slack is silent about the first approver after it has refused to say", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.passes("2m")
			r.slack.Inject(slacktest.Fault{Method: "users.info", Error: "missing_scope", Times: 1, Match: aboutAlice})
			r.click(amirID, bot.ActionConfirm)
			r.sees(false, []string{"only:amir", "Slack refused a look-up"})
			r.passes("2m") // or his next refusal is only counted
			r.slack.Inject(slacktest.Fault{Method: "users.info", Status: 500, Match: aboutAlice})
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "Slack did not answer, so I could not check"},
		rows:   []row{{"refused", "lookup_failed", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "an approver asks for the same when she has confirmed, so that a requester would count",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR, U0OLGA], lanes: {third_party: {approvals: 2, requester_may_approve: false}}}`,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.typed(aliceID, "<@"+carolID+"> I saw it too")
			r.sees(false, []string{"only:alice", "asked for this already"})
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"card", "@amir approved (1 of 2)."},
		rows:   []row{{"approval_lapsed", "", "bot"}, {"approval", "", amirID}}, state: bot.Pending,
	},
	{
		name: "two approvals were given to a card that is void, and one more for the fresh one", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.renamed(5, "carola@contoso.example")
			r.click(amirID, bot.ActionConfirm)
			r.fresh()
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"card", "carola@contoso.example", "@amir approved (1 of 2)."},
		rows:   []row{{"approval", "", amirID}}, state: bot.Pending,
	},
}

const othersApprove = `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {requester_may_approve: false}}}`

// Requesters who would be their own judges.
var requesterAttacks = []attack{
	{
		name: "an approver confirms what she asked for, where others must", policy: othersApprove,
		scene:  func(r *raid) { r.ask(aliceID, "<@"+carolID+"> stolen laptop") },
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You asked for this, so somebody else must approve it: @amir"},
		rows:   []row{{"refused", "requester_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver confirms what she asked for under another Slack account",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {requester_may_approve: false}},
  identity: {map: {U0ALICE: ` + alicesEntra + `, U0OLGA: ` + alicesEntra + `}}}`,
		scene:  func(r *raid) { r.ask(olgaID, "<@"+carolID+"> stolen laptop") },
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You asked for this, so somebody else must approve it: @amir"},
		rows:   []row{{"refused", "requester_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver asks, takes another address and confirms", policy: othersApprove,
		scene: func(r *raid) {
			r.ask(aliceID, "<@"+carolID+"> stolen laptop")
			r.slackUser(aliceID, func(u *slacktest.User) { u.Email = "olga@contoso.example" })
			r.passes("2m")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You asked for this, so somebody else must approve it"},
		rows:   []row{{"refused", "requester_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody joins a request and cancels it alone",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.typed(olgaID, "<@"+carolID+"> I saw it too")
			r.sees(false, []string{"only:olga", "asked for this already"})
		},
		attack: types(olgaID, "cancel REQ-THIS"),
		reads:  []string{"only:olga", "Other people asked for this too, so none of you can cancel it alone"},
		rows:   []row{{"refused", "others_asked_too", olgaID}}, state: bot.Pending,
	},
}
