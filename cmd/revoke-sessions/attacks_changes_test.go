package main

import (
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// renamed and blocked change an account in Entra.
func (r *raid) renamed(n int, upn string) {
	r.t.Helper()
	r.entraUser(n, func(u *graphtest.User) { u.UserPrincipalName = upn })
}

func (r *raid) blocked(n int) {
	r.t.Helper()
	no := false
	r.entraUser(n, func(u *graphtest.User) { u.AccountEnabled = &no })
}

// fresh waits for the card that takes a void one's place, and goes on with it.
func (r *raid) fresh() {
	r.t.Helper()
	r.cardSays("This replaces " + r.request)
	cards := r.cards()
	r.card = cards[len(cards)-1]
	r.request = r.requestOf(r.card)
}

// Clicks that come when it is over.
var lateAttacks = []attack{
	{
		name: "an approver confirms what has expired",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.passes("9h")
			r.cardSays("nobody decided in 8 hours")
		},
		attack: presses(aliceID, nil),
		reads:  []string{"only:alice", "Nobody decided this in time, so it expired"},
		rows:   []row{{"refused", "already_decided", aliceID}}, state: bot.Expired,
	},
	{
		name:   "an approver confirms past the deadline, before the clock has come",
		before: func(r *raid) { r.at.timing.Tick = time.Hour },
		scene: func(r *raid) {
			carolsLaptop(r)
			r.passes("9h")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "This request has expired"},
		rows:   []row{{"refused", "too_late", aliceID}}, state: bot.Pending,
	},
	{
		name: "an approver confirms what another one has denied",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.denies(amirID, "Carol has it in her hands")
		},
		attack: presses(aliceID, nil),
		reads:  []string{"only:alice", "@amir denied this ("},
		rows:   []row{{"refused", "already_decided", aliceID}}, state: bot.Denied,
	},
	{
		name: "an approver confirms what was cancelled",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.typed(bobID, "cancel "+r.request)
			r.cardSays("cancelled the request")
		},
		attack: presses(aliceID, nil),
		reads:  []string{"only:alice", "@bob cancelled this ("},
		rows:   []row{{"refused", "already_decided", aliceID}}, state: bot.Cancelled,
	},
	{
		name: "an approver denies what is revoked", scene: revokedByAlice,
		attack: presses(amirID, func(c *slacktest.Click) { c.ActionID = bot.ActionDeny }),
		reads:  []string{"only:amir", "@alice approved this ("},
		rows:   []row{{"refused", "already_decided", amirID}}, posts: 1, state: bot.Verified,
	},
	{
		name: "an approver has it revoked once more by Try again", scene: revokedByAlice,
		attack: presses(amirID, func(c *slacktest.Click) { c.ActionID = bot.ActionRetry }),
		reads:  []string{"only:amir", "There is nothing to try again"},
		rows:   []row{{"refused", "not_retryable", amirID}}, posts: 1, state: bot.Verified,
	},
	{
		name: "an approver confirms on the void card when a fresh one stands",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.renamed(5, "carola@contoso.example")
			r.click(aliceID, bot.ActionConfirm)
			r.cardSays("This replaces " + r.request)
		},
		attack: presses(aliceID, nil),
		reads:  []string{"only:alice", "This card was out of date, so its request is closed", "replaces it"},
		rows:   []row{{"refused", "is_void", aliceID}}, state: bot.Void,
	},
	{
		name: "an approver's old click comes with the fresh card's ID",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.renamed(5, "carola@contoso.example")
			r.click(aliceID, bot.ActionConfirm)
			r.fresh()
		},
		attack: func(r *raid) {
			void := r.cards()[0]
			r.press(aliceID, func(c *slacktest.Click) { c.MessageTS = void.TS })
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
}

// changes is a scene in which something about Carol's account is not as on
// the card any more.
func changes(change func(*raid)) func(*raid) {
	return func(r *raid) {
		carolsLaptop(r)
		change(r)
	}
}

// freshCard demands that the fresh preview stands, unconfirmed.
func freshCard(words ...string) func(*raid) {
	return func(r *raid) {
		r.cardSays(append(words, "This replaces "+r.request, "Nobody has approved this one yet")...)
	}
}

// What was confirmed must be what was seen.
var changeAttacks = []attack{
	{
		name:   "the account was renamed between the card and the click",
		scene:  changes(func(r *raid) { r.renamed(5, "carola@contoso.example") }),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "the account was renamed", "Your click approved nothing"},
		rows:   []row{{"void", "", aliceID}, {"previewed_again", "", aliceID}}, state: bot.Void,
		then: freshCard("carola@contoso.example"),
	},
	{
		name: "the account was renamed between two approvals", policy: two,
		scene: func(r *raid) {
			confirmedByAlice(r)
			r.renamed(5, "carola@contoso.example")
		},
		attack: clicks(amirID, bot.ActionConfirm),
		reads:  []string{"only:amir", "the account was renamed", "Your click approved nothing"},
		rows:   []row{{"void", "", amirID}, {"previewed_again", "", amirID}}, state: bot.Void,
		then: freshCard("carola@contoso.example", "Waiting for 2 approvals."),
	},
	{
		name:   "the account became a guest's between the card and the click",
		scene:  changes(func(r *raid) { r.entraUser(5, func(u *graphtest.User) { u.UserType = "Guest" }) }),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "the account became a guest, or is no longer one", "Your click approved nothing"},
		rows:   []row{{"void", "", aliceID}, {"previewed_again", "", aliceID}}, state: bot.Void,
		then: freshCard("Guest account."),
	},
	{
		name: "the account was deleted, and another one has its name",
		scene: changes(func(r *raid) {
			r.entra.Remove(objectID(5))
			r.entra.AddUser(graphtest.User{ID: objectID(6), DisplayName: "Carol Target", UserPrincipalName: "carol@contoso.example", Mail: "carol@contoso.example"})
		}),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "the account no longer exists", "Your click approved nothing"},
		rows:   []row{{"void", "", aliceID}}, state: bot.Void,
	},
	{
		name:   "the account was given a privileged role, which needs more approvals",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {roles: privileged}, approvals: 2}]}`,
		scene:  changes(func(r *raid) { r.entra.AssignRole(objectID(5), graphtest.GlobalAdministrator, "") }),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "more approvals are needed now", "Your click approved nothing"},
		rows:   []row{{"void", "", aliceID}, {"previewed_again", "", aliceID}}, state: bot.Void,
		then: freshCard("Waiting for 2 approvals."),
	},
	{
		name:   "the account came under a protection that nobody may lift",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {groups: ["entra:` + entraGroup + `"]}, block: true}]}`,
		scene: changes(func(r *raid) {
			r.entra.AddMember(entraGroup, objectID(5))
			r.passes("2m")
		}),
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "the policy no longer lets anybody revoke this account here"},
		rows:   []row{{"void", "", aliceID}}, state: bot.Void,
	},
	{
		name: "the account was renamed before an approver tries again",
		scene: changes(func(r *raid) {
			r.entra.Inject(refusedOnce)
			r.approves(aliceID, "Microsoft refused")
			r.renamed(5, "carola@contoso.example")
		}),
		attack: clicks(amirID, bot.ActionRetry),
		reads:  []string{"only:amir", "This can't be tried again, because something changed: the account was renamed"},
		rows:   []row{{"refused", "target_changed", amirID}}, posts: 1, state: bot.Failed,
	},
}

// refusedOnce has Graph refuse one revoke.
var refusedOnce = graphtest.Fault{PathSuffix: "invalidateAllRefreshTokens", Status: 403, Times: 1}

const (
	privilegedTwo = `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {roles: privileged}, approvals: 2}]}`
	adminsGroup   = "00000000-0000-4000-8000-0000000000cc"
)

// Accounts that are more than they seem.
var protectedAttacks = []attack{
	{
		name:   "somebody asks for an account that nobody may revoke",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {users: [` + carolsEntra + `]}, block: true}]}`,
		attack: types(bobID, "<@"+carolID+"> stolen laptop"),
		reads:  []string{"only:bob", "The policy lets nobody revoke this account from Slack", "Call 555-0100."},
		rows:   []row{{"refused", "target_protected", bobID}},
	},
	{
		name:   "somebody asks for such an account by its object ID, where the policy names the Slack user",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {users: [U0CAROL]}, block: true}]}`,
		attack: types(aliceID, carolsEntra+" stolen laptop"),
		reads:  []string{"only:alice", "The policy lets nobody revoke this account from Slack"},
		rows:   []row{{"refused", "target_protected", aliceID}},
	},
	{
		name: "one approver signs out an administrator whose role comes from a group", policy: privilegedTwo,
		before: func(r *raid) {
			r.entra.AddGroup(graphtest.Group{ID: adminsGroup, DisplayName: "Admins", AssignableToRole: true, Members: []string{carolsEntra}})
			if !r.entra.AssignRole(adminsGroup, graphtest.GlobalAdministrator, "") {
				r.t.Fatal("Entra does not give the group a role")
			}
		},
		scene: carolsLaptop, attack: clicks(aliceID, bot.ActionConfirm),
		reads: []string{"card", "Protected account.", "because the account holds a privileged role", "@alice approved (1 of 2)."},
		rows:  []row{{"approval", "", aliceID}}, state: bot.Pending,
	},
	{
		name: "one approver signs out somebody whose roles the bot may not read", policy: privilegedTwo,
		before: func(r *raid) { r.entra.Withdraw("RoleManagement.Read.Directory") },
		scene:  carolsLaptop, attack: clicks(aliceID, bot.ActionConfirm),
		reads: []string{"card", "Protected account.", "because the account may hold a privileged role", "@alice approved (1 of 2)."},
		rows:  []row{{"approval", "", aliceID}}, state: bot.Pending,
	},
	{
		name:   "the target was taken out of the protected group when the card stood",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {groups: ["entra:` + entraGroup + `"]}, approvals: 2}]}`,
		before: func(r *raid) { r.entra.AddMember(entraGroup, carolsEntra) },
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.RemoveMember(entraGroup, carolsEntra)
			r.passes("2m")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		// The card asked for two, so it takes two.
		reads: []string{"card", "@alice approved (1 of 2)."},
		rows:  []row{{"approval", "", aliceID}}, state: bot.Pending,
	},
	{
		name:   "a finder waits until the policy carries out an administrator's report",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {self: {on_timeout: execute}}}`,
		scene: func(r *raid) {
			bobsPhone(r)
			r.cardSays("If nobody decides by")
			r.entra.AssignRole(objectID(1), graphtest.GlobalAdministrator, "")
		},
		attack: func(r *raid) {
			r.passes("16m")
			r.poll("the policy leaves it to people", func() bool { return r.count("not_executed") == 1 })
			r.press(olgaID, nil)
		},
		reads: []string{"only:olga", "You are not an approver"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending,
	},
}

const carolsEntra = "00000000-0000-4000-8000-000000000005"
