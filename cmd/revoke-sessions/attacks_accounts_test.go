package main

import (
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

const (
	// fourEyes keeps whoever asks from approving.
	fourEyes   = `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {requester_may_approve: false}}}`
	twoByName  = `{version: 1, approvers: [U0ALICE, U0AMIR, U0OLGA], lanes: {third_party: {approvals: 2}}}`
	amirsOwn   = "amir@contoso.example"
	aliasOfOne = "alias@contoso.example"
)

// aliased gives an Entra account, and with it Amir's Slack account, an address more.
func aliased(n int) func(*raid) {
	return func(r *raid) {
		r.entraUser(n, func(u *graphtest.User) { u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+aliasOfOne) })
		r.slackUser(amirID, func(u *slacktest.User) { u.Email = aliasOfOne })
	}
}

// address gives a Slack account another address, which is looked up from now on.
func (r *raid) address(who, email string) {
	r.slackUser(who, func(u *slacktest.User) { u.Email = email })
	r.passes("2m")
}

// asAmirAgain asks, and then gives Amir's Slack account his own address back.
func asAmirAgain(ask func(*raid)) func(*raid) {
	return func(r *raid) {
		ask(r)
		r.address(amirID, amirsOwn)
	}
}

// accountAttacks are of people with a second Slack account, whose address is
// another person's by the time of the click. Amir's account, an approver's, is
// that second account.
var accountAttacks = []attack{
	{
		name:   "the target, who was mentioned, confirms from a second Slack account",
		before: aliased(5), scene: asAmirAgain(carolsLaptop), attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", "This is about your own account"},
		rows:  []row{{"refused", "target_may_not_decide", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "the target, who was mentioned, denies from a second Slack account",
		before: aliased(5), scene: asAmirAgain(carolsLaptop), attack: clicks(amirID, bot.ActionDeny),
		reads: []string{"only:amir", "This is about your own account"},
		rows:  []row{{"refused", "target_may_not_decide", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "the target, who was typed, confirms from a second Slack account",
		before: aliased(5), scene: asAmirAgain(func(r *raid) { r.ask(bobID, carolsEntra+" stolen laptop") }), attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", "This is about your own account"},
		rows:  []row{{"refused", "target_may_not_decide", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "the finder of a phone denies from its owner's second Slack account",
		before: aliased(2), scene: asAmirAgain(alicesPhone), attack: clicks(amirID, bot.ActionDeny),
		reads: []string{"only:amir", "another approver must deny it"},
		rows:  []row{{"refused", "target_may_not_end", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the target confirms from a second Slack account that somebody else's later report has found",
		scene: func(r *raid) {
			carolsLaptop(r)
			aliased(5)(r)
			r.passes("2m")
			r.typed(olgaID, "<@"+carolID+"> hers was stolen")
			r.cardSays("Asked by: @bob and @olga")
			r.address(amirID, amirsOwn)
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "This is about your own account"},
		rows:   []row{{"refused", "target_may_not_decide", amirID}}, state: bot.Pending,
	},
	{
		name: "an approver confirms while Slack has not said which accounts are the target's",
		scene: func(r *raid) {
			r.slack.Inject(slacktest.Fault{Method: "users.lookupByEmail", Status: 500})
			r.entraUser(5, func(u *graphtest.User) { u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+aliasOfOne) })
			carolsLaptop(r)
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "Slack did not answer"},
		rows:   []row{{"refused", "lookup_failed", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver denies while Slack has not said which accounts are the target's",
		scene: func(r *raid) {
			r.slack.Inject(slacktest.Fault{Method: "users.lookupByEmail", Status: 500})
			r.entraUser(5, func(u *graphtest.User) { u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+aliasOfOne) })
			carolsLaptop(r)
		},
		attack: func(r *raid) {
			r.click(aliceID, bot.ActionDeny)
			r.acked(r.slack.As(aliceID).Submit(r.form(aliceID, bot.DenyCallback).ID, because("no")))
		},
		reads: []string{"form:alice", "Slack did not answer"},
		rows:  []row{{"refused", "lookup_failed", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the requester approves from a second Slack account", policy: fourEyes,
		before: aliased(1), scene: asAmirAgain(carolsLaptop), attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", "You asked for this, so somebody else must approve it"},
		rows:  []row{{"refused", "requester_may_not_decide", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "whoever joined approves from a second Slack account", policy: fourEyes,
		scene: func(r *raid) {
			carolsLaptop(r)
			aliased(4)(r)
			r.passes("2m")
			r.typed(olgaID, "<@"+carolID+"> hers was stolen")
			r.cardSays("Asked by: @bob and @olga")
			r.address(amirID, amirsOwn)
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "You asked for this, so somebody else must approve it"},
		rows:   []row{{"refused", "requester_may_not_decide", amirID}}, state: bot.Pending,
	},
	{
		name: "an approver approves again from a second Slack account, the first being somebody else's by now", policy: twoByName,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.address(aliceID, "olga2@contoso.example")
			r.entraUser(4, func(u *graphtest.User) { u.ProxyAddresses = append(u.ProxyAddresses, "smtp:olga2@contoso.example") })
			r.address(amirID, "alice@contoso.example")
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"card", "@amir approved (1 of 2)."},
		rows:   []row{{"approval_lapsed", "", "bot"}, {"approval", "", amirID}}, state: bot.Pending,
	},
	{
		name: "an approver asks again to end a freeze, from a second Slack account, the first being somebody else's by now", policy: twoByName,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.freezes(olgaID, "odd")
			r.typed(aliceID, "unfreeze")
			r.until("Alice's vote is counted", func() bool { return r.count("unfreeze_asked") == 1 })
			r.entraUser(4, func(u *graphtest.User) { u.ProxyAddresses = append(u.ProxyAddresses, "smtp:olga2@contoso.example") })
			r.address(aliceID, "olga2@contoso.example")
			r.address(amirID, "alice@contoso.example")
		},
		attack: types(amirID, "unfreeze"),
		reads:  []string{"only:amir", "You asked to end the freeze (1 of 2)"},
		rows:   []row{{"unfreeze_asked", "", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name:   "one person with two Entra accounts, whom the map makes one, approves twice",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {approvals: 2}}, identity: {map: {U0AMIR: ` + alicesEntra + `}}}`,
		before: func(r *raid) { r.slackUser(amirID, func(u *slacktest.User) { u.Email = "adm-alice@contoso.example" }) },
		scene: func(r *raid) {
			r.entra.AddUser(graphtest.User{DisplayName: "Alice (admin)", UserPrincipalName: "adm-alice@contoso.example", Mail: "adm-alice@contoso.example"})
			carolsLaptop(r)
			r.click(amirID, bot.ActionConfirm)
			r.cardSays("@amir approved (1 of 2).")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "belongs to another Slack user"},
		rows:   []row{{"refused", "account_of_somebody", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
}
