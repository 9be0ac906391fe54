package policyfile

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
)

// FuzzParse: nothing makes it panic, what it refuses it explains, and what it
// accepts can be relied on.
func FuzzParse(f *testing.F) {
	f.Add(string(example(f)), "")
	for _, text := range []string{
		head,
		head + "lanes: {self: {approvals: 0, on_timeout: execute, ticket: 'X+'}, third_party: {approvals: 2, who_may_request: approvers}}\n",
		head + "protected: [{match: {roles: privileged, users: [U0ALICE]}, approvals: 2, block: true}]\n",
		head + "reminders: {after: 5m, factor: 1.5, escalate: {after: 1h, to: [U0EVE]}}\nlimits: {total: 5/1h}\n",
		head + "identity: {match: [map], map: {U0ALICE: 01234567-89ab-cdef-0123-456789abcdef}}\nretention: 2d\n",
		"version: &a 1\napprovers: *a\n<<: {a: !b c}\n", "? [a]\n: |\n  b\n", "%YAML 1.2\n---\n", "{a: [", "- - -\n", "\ufeff", "a:\r\n\tb",
		"version: 1\n? a\n", "? ? ?", "a: {<<: *b}", "''", "\"\\", ">\n>", "*-0", "&{0", "0_", "0::", "!!map {}", "... \n---",
	} {
		f.Add(text, "U0ALICE,@bob")
		f.Add(text, "")
	}
	f.Fuzz(func(t *testing.T, text, setting string) {
		fallback := strings.Split(setting, ",")
		p, err := Parse([]byte(text), fallback)
		again, errAgain := Parse([]byte(text), fallback)
		if d := cmp.Diff(p, again, byText); d != "" || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("two answers: %v, %v\n%s", err, errAgain, d)
		}
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || len(e.Problems) == 0 || !cmp.Equal(p, authz.Policy{}) {
				t.Fatalf("%v, policy %+v", err, p)
			}
			for _, problem := range e.Problems {
				if problem.Says == "" || strings.ContainsFunc(problem.Says, func(r rune) bool { return !strconv.IsPrint(r) }) || problem.Line < 0 || problem.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
					t.Errorf("line %d of %q: %q", problem.Line, text, problem.Says)
				}
			}
			return
		}
		holds(t, p)
		if says := Explain(p); len(says) < 8 || slices.Contains(says, "") || strings.ContainsFunc(strings.Join(says, ""), func(r rune) bool { return r < ' ' }) {
			t.Errorf("it explains %q", says)
		}
	})
}

// holds checks what everybody who uses a policy relies on.
func holds(t *testing.T, p authz.Policy) {
	t.Helper()
	must := func(what string, ok bool) {
		if !ok {
			t.Errorf("%s does not hold for %+v", what, p)
		}
	}
	between := func(d, low, high time.Duration) bool { return d >= low && d <= high }
	circle := func(c authz.Circle, kinds kind) bool {
		seen := map[string]bool{}
		return !slices.ContainsFunc(c, func(id string) bool {
			same, wrong := kinds.parse(id)
			twice := seen[id]
			seen[id] = true
			return wrong != "" || same != id || twice
		})
	}
	must("a digest", len(p.Digest) == 64)
	must("an approver", len(p.Approvers) > 0)
	must("approvers are IDs", circle(p.Approvers, approverKinds))
	must("self approvals", p.Self.Approvals >= 0 && p.Self.Approvals <= authz.MaxApprovals)
	must("third-party approvals", p.ThirdParty.Approvals >= 1 && p.ThirdParty.Approvals <= authz.MaxApprovals)
	must("nothing is carried out about others", !p.ThirdParty.Execute)
	for _, rule := range []authz.Rule{p.Self, p.ThirdParty} {
		must("no empty circle of requesters", rule.WhoMayRequest == nil || len(rule.WhoMayRequest) > 0)
		must("requesters are IDs", circle(rule.WhoMayRequest, approverKinds))
		must("a ticket demands something", rule.Ticket == nil || !rule.Ticket.MatchString(""))
		must("a timeout", rule.Timeout == 0 || between(rule.Timeout, time.Minute, 30*day))
	}
	for _, x := range p.Protected {
		must("a protection matches somebody", len(x.Users)+len(x.Groups) > 0 || x.Privileged)
		must("protected users are IDs", circle(x.Users, slackUsers|entraUsers))
		must("protected groups are IDs", circle(x.Groups, slackGroups|entraGroups))
		must("approvals of a protection", x.Approvals >= 1 && x.Approvals <= authz.MaxApprovals)
	}
	must("an expiry", between(p.Expiry, time.Minute, 30*day))
	r := p.Reminders
	must("reminders come", r.After == 0 || between(r.After, time.Minute, 30*day) && r.Factor >= 1 && r.Factor <= 10 && r.Max >= 1 && r.Max <= 20)
	must("no reminders are none", r.After != 0 || r.Factor == 0 && r.Max == 0)
	must("an escalation calls somebody", (r.EscalateAfter == 0) == (len(r.EscalateTo) == 0))
	must("whoever is called can be mentioned", circle(r.EscalateTo, slackUsers|slackGroups))
	for _, l := range []authz.Limit{p.Limits.PerRequester, p.Limits.PerApprover, p.Limits.PerTarget, p.Limits.Total} {
		must("a limit allows something", l == authz.Limit{} || l.N >= 1 && between(l.Within, time.Minute, 31*day))
	}
	must("a freeze ends", between(p.Freeze.Max, time.Minute, 24*time.Hour))
	must("unfreezers are IDs", circle(p.Freeze.Unfreeze, approverKinds))
	must("a way to know people", p.Identity.ByEmail || p.Identity.ByMap && len(p.Identity.Map) > 0)
	must("what is given is used", (p.Identity.ByMap || p.Identity.Map == nil) && (p.Identity.ByEmail || p.Identity.EmailDomains == nil))
	must("no empty list of domains", p.Identity.EmailDomains == nil || len(p.Identity.EmailDomains) > 0)
	must("a retention", p.Retention == 0 || p.Retention >= 2*day)
}
