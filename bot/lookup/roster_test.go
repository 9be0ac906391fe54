package lookup

import (
	"slices"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// The target of somebody else's request is no reader, with any Slack account.
func TestRoster_ReadersExcludeTarget(t *testing.T) {
	policy := authz.New(bottest.Alice, bottest.Carol, bottest.Dave, "S0SECURITY")
	check := func(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
		return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: policy})
	}
	known := Roster{People: []Approver{
		{Actor: authz.Actor{SlackID: bottest.Alice, EntraID: "a", Standing: authz.FullMember}, By: []string{bottest.Alice}},
		{Actor: authz.Actor{SlackID: bottest.Erin, EntraID: bottest.CarolID, Standing: authz.FullMember}, By: []string{"S0SECURITY"}},
	}}
	r := bot.Request{
		State: bot.Denied, Lane: authz.ThirdParty, Askers: []authz.Asker{{SlackID: bottest.Bob, EntraID: bottest.BobID}}, Target: graph.User{ID: bottest.CarolID}, TargetSlackID: bottest.Carol,
		Approvals: []bot.Verdict{{Kind: authz.Confirm, SlackID: bottest.Alice, EntraID: "a"}},
	}
	if got := known.Readers(&r, policy.Approvers, check); !slices.Equal(got, []string{bottest.Alice, bottest.Dave}) {
		t.Errorf("%q read on", got)
	}
}

// A group gets no direct message; its known members do.
func TestDirect_SkipsGroups(t *testing.T) {
	able := []Approver{{Actor: authz.Actor{SlackID: bottest.Dave}}, {Actor: authz.Actor{SlackID: bottest.Alice}}}
	if got := Direct([]string{"S0SECURITY", bottest.Alice, "entra:" + bottest.Carol, bottest.Erin}, able); !slices.Equal(got, []string{bottest.Alice, bottest.Dave, bottest.Erin}) {
		t.Errorf("writes to %q", got)
	}
}
