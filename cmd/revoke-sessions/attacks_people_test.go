package main

import (
	"net/http"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// becomes changes what Alice, an approver, is in Slack once the card stands.
func becomes(change func(*slacktest.User)) func(*raid) {
	return func(r *raid) {
		carolsLaptop(r)
		r.slackUser(aliceID, change)
	}
}

// People who are in the list and yet nobody, and people who are not in it.
var strangerAttacks = []attack{
	{
		name: "an outsider in the channel confirms", scene: carolsLaptop, attack: clicks(olgaID, bot.ActionConfirm),
		reads: []string{"only:olga", "You are not an approver", "@alice", "@amir", "This was recorded"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an outsider in the channel denies", scene: carolsLaptop, attack: clicks(olgaID, bot.ActionDeny),
		reads: []string{"only:olga", "You are not an approver"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an outsider in the channel cancels", scene: carolsLaptop, attack: clicks(olgaID, bot.ActionCancel),
		reads: []string{"only:olga", "Only the person who asked can cancel this"},
		rows:  []row{{"refused", "not_requester", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's account was made a guest's", scene: becomes(func(u *slacktest.User) { u.Guest = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Guests can't ask for a revoke or decide one"},
		rows: []row{{"refused", "guest", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's account was made a single-channel guest's", scene: becomes(func(u *slacktest.User) { u.SingleChannelGuest = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Guests can't ask for a revoke or decide one"},
		rows: []row{{"refused", "guest", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a bot user among the approvers presses", scene: becomes(func(u *slacktest.User) { u.Bot = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Apps, workflows and deactivated accounts can't"},
		rows: []row{{"refused", "not_a_member", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a workflow presses", scene: becomes(func(u *slacktest.User) { u.WorkflowBot = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Apps, workflows and deactivated accounts can't"},
		rows: []row{{"refused", "not_a_member", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a deactivated approver's session presses", scene: becomes(func(u *slacktest.User) { u.Deleted = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Apps, workflows and deactivated accounts can't"},
		rows: []row{{"refused", "not_a_member", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a stranger of a shared channel presses", scene: becomes(func(u *slacktest.User) { u.Stranger = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Your Slack account belongs to another workspace"},
		rows: []row{{"refused", "outside_workspace", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody whom Slack does not show presses", scene: becomes(func(u *slacktest.User) { u.Hidden = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Your Slack account belongs to another workspace"},
		rows: []row{{"refused", "outside_workspace", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody of another team presses", scene: becomes(func(u *slacktest.User) { u.TeamID = "T0OTHER" }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Your Slack account belongs to another workspace"},
		rows: []row{{"refused", "outside_workspace", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody of another team presses, and the click says ours", scene: becomes(func(u *slacktest.User) { u.TeamID = "T0OTHER" }),
		attack: presses(aliceID, func(c *slacktest.Click) { c.UserTeamID = c.TeamID }),
		reads:  []string{"only:alice", "Your Slack account belongs to another workspace"},
		rows:   []row{{"refused", "outside_workspace", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's address is not confirmed", scene: becomes(func(u *slacktest.User) { u.EmailUnconfirmed = true }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Your e-mail address is not confirmed in Slack"},
		rows: []row{{"refused", "email_unconfirmed", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver hides her address", scene: becomes(func(u *slacktest.User) { u.Email = "" }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "Slack shows me no e-mail address for you"},
		rows: []row{{"refused", "email_missing", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's address is nobody's in Entra", scene: becomes(func(u *slacktest.User) { u.Email = "alice@elsewhere.example" }),
		attack: presses(aliceID, nil), reads: []string{"only:alice", "I found no Entra account with your Slack e-mail address"},
		rows: []row{{"refused", "no_account", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "an approver's address is of a domain that anybody can have",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], identity: {match: [email], email_domains: [contoso.example]}}`,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entraUser(2, func(u *graphtest.User) { u.Mail = "alice@mail.example" })
			r.slackUser(aliceID, func(u *slacktest.User) { u.Email = "alice@mail.example" })
		},
		attack: presses(aliceID, nil), reads: []string{"only:alice", "The policy does not accept the domain of your Slack e-mail address"},
		rows: []row{{"refused", "email_domain", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "two accounts have the approver's address",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.AddUser(graphtest.User{DisplayName: "Twin", UserPrincipalName: "twin@contoso.example", Mail: "alice@contoso.example"})
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "found several Entra accounts with your Slack e-mail address"},
		rows:   []row{{"refused", "several_accounts", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the approver's Entra account is blocked, and the Slack session lives on",
		scene: func(r *raid) {
			carolsLaptop(r)
			no := false
			r.entraUser(2, func(u *graphtest.User) { u.AccountEnabled = &no })
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "Your own Entra account is blocked", "@amir"},
		rows:   []row{{"refused", "account_blocked", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an outsider takes the address of an approver who is named by Slack ID",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.slackUser(olgaID, func(u *slacktest.User) { u.Email = "alice@contoso.example" })
		},
		attack: clicks(olgaID, bot.ActionConfirm),
		reads:  []string{"only:olga", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "an outsider takes the address of somebody in the approvers' Entra group, whom the map names",
		policy: `{version: 1, approvers: ["entra:` + entraGroup + `"], identity: {map: {U0ALICE: ` + objectID(2) + `}}}`,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.slackUser(olgaID, func(u *slacktest.User) { u.Email = "alice@contoso.example" })
		},
		attack: clicks(olgaID, bot.ActionConfirm),
		reads:  []string{"only:olga", "belongs to another Slack user"},
		rows:   []row{{"refused", "account_of_somebody", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver whom the map does not name, where only the map counts",
		policy: `{version: 1, approvers: [S0SECURITY],
  identity: {match: [map], map: {U0BOB: ` + objectID(1) + `, U0AMIR: ` + objectID(3) + `, U0CAROL: ` + carolsEntra + `}}}`,
		scene: carolsLaptop, attack: clicks(aliceID, bot.ActionConfirm),
		reads: []string{"only:alice", "The policy does not say which Entra account is yours"},
		rows:  []row{{"refused", "not_mapped", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "Slack does not say who presses", scene: func(r *raid) {
			carolsLaptop(r)
			r.slack.Inject(slacktest.Fault{Method: "users.info", Status: 500})
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "Slack did not answer, so I could not check who you are"},
		rows:   []row{{"refused", "lookup_failed", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
}

const (
	bySlackGroup = `{version: 1, approvers: [S0SECURITY]}`
	byEntraGroup = `{version: 1, approvers: ["entra:` + entraGroup + `"]}`
	innerGroup   = "00000000-0000-4000-8000-0000000000bb"
)

// Approvers who have left the group, and groups that nobody can ask.
var groupAttacks = []attack{
	{
		name: "an approver has left the Slack user group since the card was shown", policy: bySlackGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.cardSays("Approvers: @S0SECURITY")
			r.members(amirID)
			r.passes("2m")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver has left the Entra group since the card was shown", policy: byEntraGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.cardSays("Approvers: @alice, @amir")
			r.entra.SetMembers(entraGroup, objectID(3))
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver has left the group that is in the Entra group", policy: byEntraGroup,
		before: func(r *raid) {
			r.entra.AddGroup(graphtest.Group{ID: innerGroup, DisplayName: "Night shift", Members: []string{objectID(2)}})
			r.entra.SetMembers(entraGroup, objectID(3), innerGroup)
		},
		scene: func(r *raid) {
			carolsLaptop(r)
			r.cardSays("Approvers: ", "@alice", "@amir")
			r.entra.RemoveMember(innerGroup, objectID(2))
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "Slack does not say who is in the group", policy: bySlackGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.passes("6m") // what was known of the group counts no more
			r.slack.Inject(slacktest.Fault{Method: "usergroups.users.list", Status: 500})
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "I could not read a group", "Please try again in a moment"},
		rows:   []row{{"refused", "membership_unknown", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the Slack user group was disabled, which is a no and not a silence", policy: bySlackGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.passes("2m") // what is known would still count in a silence
			r.slack.UpdateUserGroup("S0SECURITY", func(g *slacktest.UserGroup) { g.Disabled = true })
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "I could not read a group", "Slack answered no_such_subteam"},
		rows:   []row{{"refused", "membership_unknown", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "Entra does not say who is in the group", policy: byEntraGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "checkMemberGroups", Status: 503})
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "I could not read a group", "Please try again in a moment"},
		rows:   []row{{"refused", "membership_unknown", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the bot may not read the Entra group any more", policy: byEntraGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.Withdraw("GroupMember.Read.All")
		},
		attack: clicks(aliceID, bot.ActionConfirm),
		reads:  []string{"only:alice", "I could not read a group", "GroupMember.Read.All"},
		rows:   []row{{"refused", "membership_unknown", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:   "somebody asks who may not",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {who_may_request: [S0SECURITY]}}}`,
		attack: types(olgaID, "<@"+carolID+"> stolen laptop"),
		reads:  []string{"only:olga", "The policy does not let you ask for this"},
		rows:   []row{{"refused", "may_not_request", olgaID}},
	},
	{
		name: "a guest asks", before: func(r *raid) { r.slackUser(olgaID, func(u *slacktest.User) { u.Guest = true }) },
		attack: types(olgaID, "<@"+carolID+"> stolen laptop"),
		reads:  []string{"only:olga", "Guests can't ask for a revoke or decide one"},
		rows:   []row{{"refused", "guest", olgaID}},
	},
}
