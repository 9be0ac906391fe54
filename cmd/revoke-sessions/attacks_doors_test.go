package main

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// behindEachDoor are attacks whose request is made through each door: the rules are the
// same. They are known by their names.
var behindEachDoor = []string{
	"an outsider in the channel confirms",
	"an outsider in the channel cancels",
	"the target, an approver, confirms",
	"the target, an approver, denies",
	"the target asks what is known about them",
	"the finder of an approver's phone denies the report",
	"the finder cancels on the receipt",
	"the finder cancels by typing the ID, again and again",
	"a protected approver's phone confirms its owner's report",
	"one approver confirms twice",
	"somebody floods the approvers with requests",
	"approvers sign out the same person again and again",
	"an approver confirms while every revoke is frozen",
	"stolen token: the card's copy in another channel, pressed by an approver",
	"the finder cancels in the Home tab",
}

// doorAttacks are made for each door: what somebody asks for through it. Such an ask must
// go through raid.asks.
var doorAttacks = []attack{
	{
		name: "an approver confirms a request of her own", policy: protectedCarol,
		scene:  func(r *raid) { r.ask(aliceID, "<@"+carolID+"> stolen laptop") },
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You asked for this, so somebody else must approve it"},
		rows:   []row{{"refused", "requester_may_not_decide", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a request is confirmed, and the click comes again",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.approves(amirID, "sessions are revoked", "Verified")
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, posts: 1, state: bot.Verified, then: onlyOne(5),
	},
	{
		name: "the submission comes again", scene: carolsLaptop,
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, state: bot.Pending, then: oneCard,
	},
	{
		name: "one person asks twice for the same", scene: carolsLaptop,
		attack: func(r *raid) { r.asks(bobID, "<@"+carolID+"> again, and in other words") },
		reads:  []string{"thread", "again, and in other words"},
		rows:   []row{{"joined", "", bobID}}, state: bot.Pending, then: oneCard,
	},
	{
		name: "two people ask for the same", scene: carolsLaptop,
		attack: func(r *raid) { r.asks(olgaID, "<@"+carolID+"> I saw it, too") },
		reads:  []string{"thread", "Also asked by @olga"},
		rows:   []row{{"joined", "", olgaID}}, state: bot.Pending, then: oneCard,
	},
	{
		name: "the second request is over the limit", policy: limited("per_requester: 1/1h"), scene: carolsLaptop,
		attack: func(r *raid) { r.asks(bobID, "<@"+olgaID+"> stolen laptop") },
		reads:  []string{"form:bob", "You have used your only request in 1 hour", "Call 555-0100."},
		rows:   []row{{"refused", "over_limit", bobID}}, state: bot.Pending, then: oneCard,
	},
	{
		name: "somebody asks faster than anybody needs to", policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {who_may_request: approvers}}}`,
		scene: func(r *raid) {
			for range 10 {
				r.typed(olgaID, "<@"+carolID+"> stolen laptop")
			}
			r.poll("all are refused", func() bool {
				return r.acts(func(e bot.Entry) bool { return e.Reason == "may_not_request" }) == 10
			})
		},
		attack: func(r *raid) { r.asks(olgaID, "<@"+carolID+"> stolen laptop") },
		reads:  []string{"form:olga", "asking faster than I can look people up"},
		rows:   []row{{"refused", "too_fast", olgaID}}, then: every(noneAsked, notLookedUp(carolID)),
	},
	{
		name:   "somebody asks about others who may not",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {who_may_request: approvers}}}`,
		attack: func(r *raid) { r.asks(olgaID, "<@"+carolID+"> stolen laptop") },
		reads:  []string{"form:olga", "The policy does not let you ask for this"},
		rows:   []row{{"refused", "may_not_request", olgaID}}, then: every(noneAsked, notLookedUp(carolID)),
	},
	{
		name: "somebody asks about an account that nobody may revoke", policy: `{version: 1, approvers: [U0ALICE, U0AMIR],
  protected: [{match: {users: [` + carolsEntra + `]}, block: true}]}`,
		attack: func(r *raid) { r.asks(olgaID, "<@"+carolID+"> stolen laptop") },
		reads:  []string{"form:olga", "The policy lets nobody revoke this account from Slack"},
		rows:   []row{{"refused", "target_protected", olgaID}}, then: noneAsked,
	},
	{
		name: "somebody becomes a guest between the form and its submission",
		attack: func(r *raid) {
			r.door.opens(r, olgaID, carolID)
			r.form(olgaID, bot.FormCallback)
			r.slackUser(olgaID, func(u *slacktest.User) { u.Guest = true })
			r.passes("2m") // what was known of her counts no more
			r.sendsForm(olgaID, carolID, "stolen laptop")
		},
		reads: []string{"form:olga", "Guests can't ask for a revoke or decide one"},
		rows:  []row{{"refused", "guest", olgaID}}, then: every(noneAsked, notLookedUp(carolID)),
	},
	{
		name: "the reason is bait", attack: func(r *raid) { r.asks(bobID, "<@"+carolID+"> "+strings.Split(bait, "\a")[0]) },
		reads: []string{"card", "Carol Target", "Entra portal"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: every(oneCard, harmless(bobID, aliceID, amirID)),
	},
	{
		name: "a report of one's own device is of oneself", attack: func(r *raid) { r.asks(bobID, "me lost my phone") },
		reads: []string{"card", "Bob Reporter lost a device"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending,
		then: func(r *raid) {
			if _, e := r.asked(); e.TargetID != bobsEntra || !strings.HasPrefix(e.Origin, r.door.origin) {
				r.t.Errorf("about %s, from %q", e.TargetID, e.Origin)
			}
		},
	},
}

const protectedCarol = `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {users: [` + carolsEntra + `]}, requester_may_approve: false, approvals: 1}]}`

// TestAttacks_BehindEachDoor plays attacks on requests that were made in the Home tab, by a
// shortcut, or by one of the two buttons in place of a form.
func TestAttacks_BehindEachDoor(t *testing.T) {
	chosen := slices.Clone(doorAttacks)
	for _, name := range behindEachDoor {
		i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
		if i < 0 {
			t.Fatalf("there is no attack %q", name)
		}
		chosen = append(chosen, attacks[i])
	}
	for i, d := range doors {
		for j, a := range chosen {
			t.Run(d.name+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				r := raidOn(t, a, (i+j)%len(databases) == 1)
				r.door = &d
				r.play(a)
			})
		}
	}
}
