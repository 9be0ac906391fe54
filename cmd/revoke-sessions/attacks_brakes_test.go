package main

import (
	"revoke-sessions/bot"
)

const bobsEntra = "00000000-0000-4000-8000-000000000001"

// limited is a policy of two approvers with one limit.
func limited(limit string) string {
	return `{version: 1, approvers: [U0ALICE, U0AMIR], limits: {` + limit + `}}`
}

// revokedThenAsked is a revoke by Alice and a request about somebody else.
func revokedThenAsked(next string) func(*raid) {
	return func(r *raid) {
		carolsLaptop(r)
		r.approves(aliceID, "sessions are revoked", "Verified")
		r.ask(bobID, "<@"+next+"> stolen laptop")
	}
}

// What a stolen account can do in a given time.
var limitAttacks = []attack{
	{
		name: "somebody floods the approvers with requests", policy: limited("per_requester: 1/1h"), scene: carolsLaptop,
		attack: types(bobID, "<@"+olgaID+"> stolen laptop"),
		reads:  []string{"only:bob", "You have used your only request in 1 hour", "Call 555-0100."},
		rows:   []row{{"refused", "over_limit", bobID}}, state: bot.Pending,
	},
	{
		name: "somebody floods the approvers under two Slack accounts",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], limits: {per_requester: 1/1h},
  identity: {map: {U0BOB: ` + bobsEntra + `, U0OLGA: ` + bobsEntra + `}}}`,
		scene:  carolsLaptop,
		attack: types(olgaID, "<@"+amirID+"> stolen laptop"),
		reads:  []string{"only:olga", "You have used your only request in 1 hour"},
		rows:   []row{{"refused", "over_limit", olgaID}}, state: bot.Pending,
	},
	{
		name: "a stolen approver signs out one after the other", policy: limited("per_approver: 1/1h"), scene: revokedThenAsked(olgaID),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You have used your only approval in 1 hour", "Another approver can: @amir"},
		rows:   []row{{"refused", "over_limit", aliceID}}, posts: 1, state: bot.Pending,
		then: func(r *raid) { onlyOne(5)(r); r.alive() },
	},
	{
		name: "a stolen approver signs out one after the other under two Slack accounts",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR, U0OLGA], limits: {per_approver: 1/1h},
  identity: {map: {U0ALICE: ` + alicesEntra + `, U0AMIR: ` + alicesEntra + `}}}`,
		scene: revokedThenAsked(bobID), attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", "You have used your only approval in 1 hour"},
		rows:  []row{{"refused", "over_limit", amirID}}, posts: 1, state: bot.Pending,
		then: func(r *raid) { onlyOne(5)(r); r.alive() },
	},
	{
		name: "approvers sign out the same person again and again", policy: limited("per_target: 1/1h"), scene: revokedThenAsked(carolID),
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "The policy allows one revoke of one account in 1 hour"},
		rows:   []row{{"refused", "over_limit", amirID}}, posts: 1, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "approvers sign out the whole company", policy: limited("total: 1/24h"), scene: revokedThenAsked(olgaID),
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "The policy allows one revoke in 1 day altogether"},
		rows:   []row{{"refused", "over_limit", amirID}}, posts: 1, state: bot.Pending, then: (*raid).alive,
	},
}

// frozenByAlice is a pending request and a freeze.
func frozenByAlice(r *raid) {
	carolsLaptop(r)
	r.freezes(aliceID, "an odd card")
	r.cardSays("Frozen by @alice")
}

// stillFrozen demands that the brake holds.
func stillFrozen(r *raid) {
	if _, on, err := r.reader().Frozen(r.t.Context()); err != nil || !on {
		r.t.Errorf("no freeze is on (%v)", err)
	}
}

// The brake, and those who would pull it for long or let go of it.
var freezeAttacks = []attack{
	{
		name: "an approver confirms while every revoke is frozen", scene: frozenByAlice, attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", "A freeze is on, so nothing can be approved now", "Call 555-0100."},
		rows:  []row{{"refused", "frozen", amirID}}, state: bot.Pending,
		then: func(r *raid) { r.cardSays("Carol Target", "Frozen by @alice"); stillFrozen(r) },
	},
	{
		name: "an approver tries again while every revoke is frozen",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.Inject(refusedOnce)
			r.approves(aliceID, "Microsoft refused", "Try again")
			r.freezes(aliceID, "an odd card")
		},
		attack: clicks(amirID, bot.ActionRetry),
		reads:  []string{"only:amir", "A freeze is on"},
		rows:   []row{{"refused", "frozen", amirID}}, posts: 1, state: bot.Failed, then: stillFrozen,
	},
	{
		name: "a finder confirms a report of their own while every revoke is frozen", policy: ownConfirm,
		scene: func(r *raid) {
			bobsPhone(r)
			r.freezes(aliceID, "an odd card")
		},
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.acked(r.slack.As(bobID).Click(receipt.Channel, receipt.TS, bot.ActionConfirm))
		},
		reads: []string{"only:bob", "A freeze is on"},
		rows:  []row{{"refused", "frozen", bobID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "an outsider pulls the brake", scene: carolsLaptop, attack: types(olgaID, "freeze for fun"),
		reads: []string{"only:olga", "You are not an approver"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver pulls the brake twice within a day",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.passes("61m")
			r.cardSays("The freeze is over", "Its time was up")
		},
		attack: types(aliceID, "freeze again"),
		reads:  []string{"only:alice", "Your last freeze ended", "one person cannot block revokes for long", "Another approver can freeze now: @amir"},
		rows:   []row{{"refused", "froze_lately", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "one person pulls the brake twice within a day, under two Slack accounts", policy: twoOfThree,
		scene: func(r *raid) {
			frozenByAlice(r)
			r.passes("61m")
			r.cardSays("The freeze is over", "Its time was up")
		},
		attack: types(amirID, "freeze again"),
		reads:  []string{"only:amir", "one person cannot block revokes for long"},
		rows:   []row{{"refused", "froze_lately", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver pulls a brake that is pulled, to have it for longer",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.passes("30m")
		},
		attack: types(amirID, "freeze for longer"),
		reads:  []string{"only:amir", "A freeze is on already"},
		rows:   []row{{"refused", "already_frozen", amirID}}, state: bot.Pending,
		then: func(r *raid) {
			r.passes("31m")
			r.cardSays("The freeze is over", "Its time was up")
		},
	},
	{
		name: "an outsider lets go of the brake", scene: frozenByAlice, attack: types(olgaID, "unfreeze"),
		reads: []string{"only:olga", "You are not an approver"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "one approver alone lets go of the brake", scene: frozenByAlice, attack: types(amirID, "unfreeze"),
		reads: []string{"only:amir", "You asked to end the freeze (1 of 2). The freeze goes on until another approver"},
		rows:  []row{{"unfreeze_asked", "", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "one approver lets go of the brake twice",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.typed(amirID, "unfreeze")
			r.cardSays("asked to end the freeze (1 of 2)")
		},
		attack: types(amirID, "unfreeze"),
		reads:  []string{"only:amir", "You asked to end the freeze already, and each person counts once"},
		rows:   []row{{"refused", "already_voted", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "one person lets go of the brake under two Slack accounts", policy: twoOfThree,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.freezes(olgaID, "an odd card")
			r.typed(aliceID, "unfreeze")
			r.cardSays("asked to end the freeze (1 of 2)")
		},
		attack: types(amirID, "unfreeze"),
		reads:  []string{"only:amir", "You asked to end the freeze already, and each person counts once"},
		rows:   []row{{"refused", "already_voted", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "the vote of an approver who is none any more", policy: bySlackGroup,
		scene: func(r *raid) {
			frozenByAlice(r)
			r.typed(aliceID, "unfreeze")
			r.cardSays("asked to end the freeze (1 of 2)")
			r.members(amirID, olgaID)
			r.passes("2m")
		},
		attack: types(amirID, "unfreeze"),
		reads:  []string{"only:amir", "You asked to end the freeze (1 of 2)"},
		rows:   []row{{"unfreeze_asked", "", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "a demoted approver lets go of the brake", policy: bySlackGroup,
		scene: func(r *raid) {
			frozenByAlice(r)
			r.members(amirID, olgaID)
			r.passes("2m")
		},
		attack: types(aliceID, "unfreeze"),
		reads:  []string{"only:alice", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", aliceID}}, state: bot.Pending, then: stillFrozen,
	},
}
