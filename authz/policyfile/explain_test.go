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
		"Anyone may report their own lost device (lane self). It takes 1 approval; if the reporter is an approver, theirs counts. If it is not decided within 8 hours, it expires and nothing is done.",
		"Anyone may ask for somebody else's sessions to be revoked (lane third_party). It takes 1 approval; if the requester is an approver, theirs counts. The person it is about never decides. If it is not decided within 8 hours, it expires and nothing is done.",
		"No reminders are sent while a request waits.",
		"One person can make at most 10 requests in an hour about others, those they join included. That is the default; limits.per_requester can say another number, or none.",
		"Any approver can freeze every revoke, for at most 1 hour, and not again within a day of its end. To end one earlier takes two approvers, or the only one that there is.",
		"A Slack user with a confirmed e-mail address of any domain is the one Entra account with the same address.",
		"A person whose sessions somebody else had revoked is told so, but not who asked or why.",
		"What people typed is kept for ever.",
		"Note: there is one single approver. Nobody can decide when that person is the target of somebody else's request, is away or has lost the phone with Slack on it.",
		"Note: in the lane third_party an approver can ask and approve alone, so one stolen approver's account can sign out people. Two approvals, or requester_may_approve: false, would take a second person.",
		"Note: neither limits.per_approver nor limits.total is set, so nothing but a freeze bounds how many people a stolen approver's account can sign out.",
		"Note: identity.email_domains is not set. Who somebody is is only as good as the e-mail addresses in Slack.",
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
		{head, nil, []string{"one single approver", "A reason is required", "Protected:", "privileged roles are looked up"}},
		{"version: 1\napprovers: [U0ALICE, S0ONE, S0TWO, 'entra:" + alice + "']\n", []string{
			"An approver is Slack user U0ALICE, a member of Slack user group S0ONE or S0TWO or a member of Entra group " + alice + ".",
			"Note: whoever may edit the Slack user group S0ONE or S0TWO can make anyone an approver.",
			"Note: whoever owns or administers the Entra group " + alice + " can make anyone an approver.",
		}, []string{"one single approver"}},
		{"version: 1\napprovers: [S0ONE]\n", nil, []string{"one single approver"}},
		{head + "lanes: {self: {approvals: 0}}\n", []string{
			"No approver is needed: the reporter's own confirmation is enough.",
			"Note: lanes.self.approvals is 0. Whoever holds the lost phone's Slack can sign its owner out, and no more.",
		}, nil},
		{head + "lanes: {self: {on_timeout: execute}}\n", []string{
			"within 15 minutes, the sessions are revoked without a decision; for a protected or privileged account nothing is done, and it expires after 8 hours.",
			"Note: lanes.self.on_timeout is execute. Whoever can report with a person's Slack account gets that person signed out if the approvers sleep for 15 minutes.",
			"RoleManagement.Read.Directory",
		}, nil},
		{head + "lanes: {self: {who_may_request: approvers}, third_party: {who_may_request: [U0BOB], approvals: 2, requester_may_approve: false, reason: required, timeout: 1h30m}}\n", []string{
			"Any approver may report their own lost device",
			"Only Slack user U0BOB may ask for somebody else's sessions",
			"It takes 2 approvals from different people; the requester's own never counts.", "A reason is required.", "within 1 hour 30 minutes, it expires",
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
			"Protected: Slack user U0BOB; Entra account " + alice + "; a member of Slack user group S0ONE; an account that holds a privileged role now, or of which that is not known. " +
				"A request about them takes at least 2 approvals from different people in either lane. The requester's own counts only where the lane lets it.",
			"Protected: Slack user U0EVE. Every request about them is refused.",
			"Note: a privileged role that somebody could activate but has not does not count.",
		}, nil},
		{head + "protected: [{match: {users: [U0BOB]}, requester_may_approve: false}]\n", []string{"takes at least 1 approval in either lane. The requester's own never counts."}, []string{"RoleManagement"}},
		{head + "lanes: {self: {timeout: 20m}}\nreminders: {after: 15m, factor: 1.5, escalate: {after: 1h, to: [U0EVE, S0ONE]}}\n", []string{
			"the first reminder comes after 15 minutes. At most 5 are sent, each pause 1.5 times as long as the one before. After 1 hour without a decision the bot calls Slack user U0EVE and everyone in Slack user group S0ONE.",
			"Note: in the lane self nobody is called by reminders.escalate, for a request waits there for 20 minutes only.",
		}, []string{"in the lane third_party nobody is called"}},
		{head + "reminders: {after: 15m, max: 1}\n", []string{"after 15 minutes. It is the only one."}, nil},
		{head + "limits: {per_requester: 1/1h, per_approver: 5/1h, per_target: 3/1d, total: 20/36h}\n", []string{
			"One person can make at most 1 request in an hour about others, those they join included.", "One approver can give at most 5 approvals in an hour.",
			"One account can be revoked at most 3 times in a day.", "All approvers together can revoke at most 20 accounts in 36 hours.",
		}, []string{"no limits", "nothing but a freeze"}},
		{head + "expiry: 1h\n", []string{
			"One person can make at most 10 requests in an hour about others, those they join included. That is the default; limits.per_requester can say another number, or none.",
		}, []string{"no limits", "fill the approvers' channel"}},
		{head + "limits: {per_requester: 20/1h}\n", []string{"at most 20 requests in an hour"}, []string{"the default"}},
		{head + "limits: {per_requester: none}\n", []string{
			"There are no limits on how much is asked for or revoked.", "Note: limits.per_requester is none, so one person can fill the approvers' channel with cards.",
		}, nil},
		{head + "limits: {per_approver: 5/1h}\n", nil, []string{"nothing but a freeze"}},
		{head + "limits: {total: 5/1h}\n", nil, []string{"nothing but a freeze"}},
		{head + "limits: {per_target: 5/1h}\n", []string{"nothing but a freeze"}, nil},
		{head + "freeze: {max: 2h, unfreeze: [U0ALICE, S0ONE]}\n", []string{"for at most 2 hours", "To end one earlier, Slack user U0ALICE or a member of Slack user group S0ONE is enough; otherwise it takes two approvers"}, nil},
		{head + "identity: {match: [map], map: {U0ALICE: " + alice + ", U0AMIR: " + amir + "}}\n", []string{
			"The map gives the Entra accounts of 2 Slack users. Nobody else is known to the bot.", "Note: whoever is not in identity.map can neither report nor decide.",
		}, []string{"email_domains"}},
		{head + "identity: {map: {U0ALICE: " + alice + ", U0AMIR: " + alice + "}, email_domains: [a.example, b.example]}\n", []string{
			"Everyone else with a confirmed e-mail address at a.example or b.example is the one Entra account", "one single approver",
		}, []string{"email_domains is not set", "neither report nor decide"}},
		{head + "notify: {target: none}\nretention: 90d\n", []string{"is told nothing by the bot.", "What people typed is erased 90 days after a request's end"}, []string{"for ever"}},
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
