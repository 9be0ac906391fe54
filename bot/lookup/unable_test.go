package lookup

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// Only what cannot be read is named, so that the person who mends the set-up finds
// the permission, scope or sign-in.
func TestUnableTo_NamesWhatCannotBeRead(t *testing.T) {
	const (
		signIn   = "I cannot sign in to Microsoft Entra."
		accounts = "I cannot read accounts in Microsoft Entra."
		people   = "I cannot look people up in Slack."
		group    = "I cannot read a Slack group that the policy names."
		inEntra  = "I cannot read an Entra group that the policy names."
	)
	all := []string{signIn, accounts, people, group, inEntra}
	no := func(status int, code string) *graph.Error {
		return &graph.Error{Op: "look for the account", Status: status, Code: code, Outcome: graph.NotDone, Remedy: "Mend it."}
	}
	for name, row := range map[string]struct {
		approvers authz.Circle
		entra     error
		slack     slacktest.Fault
		says      []string
	}{
		"accounts may not be read":   {authz.Circle{bottest.Alice}, no(403, "Authorization_RequestDenied"), slacktest.Fault{}, []string{accounts}},
		"the token is not taken":     {authz.Circle{bottest.Alice}, no(401, "InvalidAuthenticationToken"), slacktest.Fault{}, []string{signIn}},
		"the secret is wrong":        {authz.Circle{bottest.Alice}, no(0, "AADSTS7000215"), slacktest.Fault{}, []string{signIn}},
		"the secret, and a group":    {authz.Circle{bottest.Alice, authz.EntraGroup + "g"}, no(0, "AADSTS7000215"), slacktest.Fault{}, []string{signIn}},
		"no way to sign in":          {authz.Circle{bottest.Alice}, no(0, graph.CodeNoCredential), slacktest.Fault{}, []string{signIn}},
		"a group in Entra":           {authz.Circle{authz.EntraGroup + "g"}, no(403, "Authorization_RequestDenied"), slacktest.Fault{}, []string{inEntra}},
		"accounts, and their group":  {authz.Circle{bottest.Alice, authz.EntraGroup + "g"}, no(403, "Authorization_RequestDenied"), slacktest.Fault{}, []string{accounts, inEntra}},
		"both kinds of groups":       {authz.Circle{"S0TEAM", authz.EntraGroup + "g"}, no(403, "Authorization_RequestDenied"), slacktest.Fault{}, []string{group, inEntra}},
		"Slack does not tell people": {authz.Circle{bottest.Alice}, nil, slacktest.Fault{Method: "users.info", Error: "missing_scope"}, []string{people}},
		"nor who is in a group":      {authz.Circle{"S0TEAM"}, nil, slacktest.Fault{Method: "usergroups.users.list", Error: "missing_scope"}, []string{group}},
		"Entra has a fault":          {authz.Circle{bottest.Alice}, &graph.Error{Op: "x", Status: 503, Retryable: true, Remedy: "Wait."}, slacktest.Fault{}, nil},
		"nothing":                    {authz.Circle{bottest.Alice}, nil, slacktest.Fault{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, d, c := crowd(t)
			policy := authz.New(row.approvers...)
			p.Circle = policy.Groups()
			d.set(row.entra, false)
			if row.slack.Method != "" {
				s.Inject(row.slack)
			}
			drawn := &Rosters{People: p, Names: row.approvers, Now: c.now}
			unable, remedies := UnableTo(slices.Concat(drawn.draw(t.Context(), Roster{}).Troubles, drawn.Unreadable(t.Context(), p.Circle)))
			for _, sentence := range all {
				want := strings.Contains(strings.Join(row.says, " "), sentence)
				if got := strings.Contains(unable, sentence); got != want {
					t.Errorf("%q is said: %v, in %q", sentence, got, unable)
				}
			}
			if (unable == "") != (len(remedies) == 0) {
				t.Errorf("%q with the remedies %q", unable, remedies)
			}
		})
	}
}
