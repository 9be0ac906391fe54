package policyfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExplainDefaults shows all that is said of a policy without a file.
func TestExplainDefaults(t *testing.T) {
	p, err := Env([]string{"U0ALICE"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"An approver is Slack user U0ALICE.",
		"Anyone may report their own lost device (lane self). It needs one approval. If the reporter is an approver, their own approval counts. If nobody decides within 8 hours, the request expires and nothing is revoked.",
		"Anyone may ask for somebody else's sessions to be revoked (lane third_party). It needs one approval. If the requester is an approver, their own approval counts. The person whose sessions it is about never decides. If nobody decides within 8 hours, the request expires and nothing is revoked.",
		"No reminders are sent while a request waits.",
		"One person can make or join at most 10 requests in an hour about others. That is the default. To change it, set limits.per_requester to another number, or to none.",
		"Any approver can freeze all revokes for at most 1 hour. The same person cannot freeze again until a day after its end. Two approvers together can end a freeze early. If there is only one approver, that one can.",
		"A Slack user with a confirmed e-mail address of any domain counts as the one Entra account with the same address.",
		"If somebody else had a person's sessions revoked, the bot tells that person, but not who asked or why.",
		"What people type is kept forever.",
		"Note: there is only one approver. Nobody can decide if that person is the target of somebody else's request, is away, or has lost the phone with Slack on it.",
		"Note: in the lane third_party one approver can ask and approve alone, so one stolen approver account can sign people out. To require a second person, set approvals: 2 or requester_may_approve: false.",
		"Note: neither limits.per_approver nor limits.total is set, so only a freeze limits how many people a stolen approver account can sign out.",
		"Note: identity.email_domains is not set. The bot knows who somebody is only as well as the e-mail addresses in Slack are right.",
	}
	if d := cmp.Diff(want, Explain(p)); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// TestExplain: each rule has its words, and only then.
func TestExplain(t *testing.T) {
	const alice, amir = "01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef"
	for _, tt := range []struct {
		text string
		says []string
		not  []string
	}{
		{head, nil, []string{"there is only one approver.", "A reason is required", "Protected:", "the bot reads privileged roles"}},
		{"version: 1\napprovers: [U0ALICE, S0ONE, S0TWO, 'entra:" + alice + "']\n", []string{
			"An approver is Slack user U0ALICE, a member of Slack user group S0ONE or S0TWO or a member of Entra group " + alice + ".",
			"Note: people who may edit the Slack user group S0ONE or S0TWO can make anyone an approver.",
			"Note: people who own or administer the Entra group " + alice + " can make anyone an approver.",
		}, []string{"there is only one approver."}},
		{"version: 1\napprovers: [S0ONE]\n", nil, []string{"there is only one approver."}},
		{head + "lanes: {self: {approvals: 0}}\n", []string{
			"No approver is needed: the reporter's own decision is enough.",
			"Note: lanes.self.approvals is 0. Somebody who holds the lost phone with Slack on it can sign its owner out, but can do nothing else.",
		}, nil},
		{head + "lanes: {self: {on_timeout: execute}}\n", []string{
			"within 15 minutes, the sessions are revoked automatically. This never happens for a protected or privileged account: there the request expires after 8 hours.",
			"Note: lanes.self.on_timeout is execute. Somebody who uses a person's Slack account can get that person signed out if no approver reacts within 15 minutes.",
			"RoleManagement.Read.Directory",
		}, nil},
		{head + "lanes: {self: {who_may_request: approvers}, third_party: {who_may_request: [U0BOB], approvals: 2, requester_may_approve: false, reason: required, timeout: 1h30m}}\n", []string{
			"Any approver may report their own lost device",
			"Only Slack user U0BOB may ask for somebody else's sessions",
			"It needs 2 approvals from different people. The requester's own approval never counts.", "A reason is required.", "within 1 hour 30 minutes, the request expires",
		}, []string{"ask and approve alone"}},
		{head + `lanes: {third_party: {ticket: 'INC-\d+'}}` + "\n", []string{"A reason is required, and some part of it must match the regular expression `INC-\\d+`."}, nil},
		{head + `lanes: {third_party: {ticket: 'INC-\d+'}, self: {ticket: X, ticket_example: X}}` + "\n", []string{
			"Note: lanes.third_party.ticket has no example, so people read the regular expression. Add lanes.third_party.ticket_example, like INC-1234.",
		}, []string{"lanes.self.ticket has no example"}},
		{head + `lanes: {third_party: {ticket_example: INC-1234, ticket: 'INC-\d+'}}` + "\n", []string{
			"A reason is required, and it must name a ticket, for example INC-1234 (some part of it must match the regular expression `INC-\\d+`).",
		}, []string{"has no example"}},
		{head + "lanes: {third_party: {ticket: \"`\\u202e\"}}\n", []string{"\"`\\u202e\""}, []string{"\u202e"}},
		{head + "protected: [{match: {users: [U0BOB, " + alice + "], groups: [S0ONE], roles: privileged}, approvals: 2}, {match: {users: [U0EVE]}, block: true}]\n", []string{
			"Protected: Slack user U0BOB; Entra account " + alice + "; a member of Slack user group S0ONE; an account that holds a privileged role now, or for which that is unknown. " +
				"A request about them needs at least 2 approvals from different people in either lane. The requester's own approval counts only if the lane allows it.",
			"Protected: Slack user U0EVE. Every request about them is refused.",
			"Note: a privileged role counts only while it is active.",
		}, nil},
		{head + "protected: [{match: {users: [U0BOB]}, requester_may_approve: false}]\n", []string{"needs at least one approval in either lane. The requester's own approval never counts."}, []string{"RoleManagement"}},
		{head + "lanes: {self: {timeout: 20m}}\nreminders: {after: 15m, factor: 1.5, escalate: {after: 1h, to: [U0EVE, S0ONE]}}\n", []string{
			"the first reminder comes after 15 minutes. At most 5 are sent. Each pause is 1.5 times as long as the one before. After 1 hour without a decision the bot calls Slack user U0EVE and everyone in Slack user group S0ONE.",
			"Note: in the lane self reminders.escalate calls nobody, because a request waits there only 20 minutes.",
		}, []string{"in the lane third_party reminders.escalate"}},
		{head + "reminders: {after: 15m, max: 1}\n", []string{"after 15 minutes. It is the only reminder."}, nil},
		{head + "limits: {per_requester: 1/1h, per_approver: 5/1h, per_target: 3/1d, total: 20/36h}\n", []string{
			"One person can make or join at most 1 request in an hour about others.", "One approver can give at most 5 approvals in an hour.",
			"One account can be revoked at most 3 times in a day.", "All approvers together can revoke at most 20 accounts in 36 hours.",
		}, []string{"no limits", "only a freeze limits"}},
		{head + "expiry: 1h\n", []string{
			"One person can make or join at most 10 requests in an hour about others. That is the default. To change it, set limits.per_requester to another number, or to none.",
		}, []string{"no limits", "fill the approvers' channel"}},
		{head + "limits: {per_requester: 20/1h}\n", []string{"at most 20 requests in an hour"}, []string{"the default"}},
		{head + "limits: {per_requester: none}\n", []string{
			"There are no limits on requests and revokes.", "Note: limits.per_requester is none, so one person can fill the approvers' channel with cards.",
		}, nil},
		{head + "limits: {per_approver: 5/1h}\n", nil, []string{"only a freeze limits"}},
		{head + "limits: {total: 5/1h}\n", nil, []string{"only a freeze limits"}},
		{head + "limits: {per_target: 5/1h}\n", []string{"only a freeze limits"}, nil},
		{head + "freeze: {max: 2h, unfreeze: [U0ALICE, S0ONE]}\n", []string{"for at most 2 hours", "Slack user U0ALICE or a member of Slack user group S0ONE alone can end a freeze early. Two approvers together can"}, nil},
		{head + "identity: {match: [map], map: {U0ALICE: " + alice + ", U0AMIR: " + amir + "}}\n", []string{
			"The map gives the Entra accounts of 2 Slack users. The bot knows nobody else.", "Note: people who are not in identity.map can neither report nor decide.",
		}, []string{"email_domains"}},
		{head + "identity: {map: {U0ALICE: " + alice + ", U0AMIR: " + alice + "}, email_domains: [a.example, b.example]}\n", []string{
			"Everyone else with a confirmed e-mail address at a.example or b.example counts as the one Entra account", "there is only one approver.",
		}, []string{"email_domains is not set", "neither report nor decide"}},
		{head + "notify: {target: none}\nretention: 90d\n", []string{"the bot does not tell that person.", "What people type is erased 90 days after the end of the request"}, []string{"forever"}},
	} {
		p, err := Parse([]byte(tt.text), nil)
		if err != nil {
			t.Errorf("%s\n%v", tt.text, err)
			continue
		}
		text := strings.Join(Explain(p), "\n")
		for _, words := range tt.says {
			if !strings.Contains(text, words) {
				t.Errorf("%s\nit does not say %q:\n%s", tt.text, words, text)
			}
		}
		for _, words := range tt.not {
			if strings.Contains(text, words) {
				t.Errorf("%s\nit says %q:\n%s", tt.text, words, text)
			}
		}
	}
}
