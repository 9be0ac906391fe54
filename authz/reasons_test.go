package authz

import (
	"slices"
	"testing"
)

// passedOn are the reasons why an account maps to nobody. Check does not find
// them out: package bot does, in Actor.Unmapped, and Check passes them on.
var passedOn = []Reason{EmailMissing, EmailUnconfirmed, SeveralAccounts, NotMapped, EmailDomain, AccountOfSomebody}

// TestEveryReasonIsGiven fails where a Reason is listed that no ruling of the
// tables ever gives, or given that is not listed.
func TestEveryReasonIsGiven(t *testing.T) {
	given, own := map[Reason]bool{}, map[Reason]bool{}
	for name, table := range tables() {
		for _, r := range table {
			d := Check(r.question)
			if d.Reason == "" {
				continue
			}
			given[d.Reason] = true
			if d.Reason != r.question.Actor.Unmapped {
				own[d.Reason] = true
			}
			if !slices.Contains(Reasons, d.Reason) {
				t.Errorf("%s, %s: %q is not listed in Reasons", name, r.name, d.Reason)
			}
		}
	}
	for i, reason := range Reasons {
		if !given[reason] {
			t.Errorf("no ruling ever gives %q", reason)
		}
		if own[reason] == slices.Contains(passedOn, reason) {
			t.Errorf("%q is found out by Check: %t, and listed as passed on: %t", reason, own[reason], slices.Contains(passedOn, reason))
		}
		if slices.Contains(Reasons[:i], reason) {
			t.Errorf("%q is listed twice", reason)
		}
	}
}

// TestOneConditionOnly: whoever is allowed is allowed without more, but for a
// wish to cancel; whoever is refused reads why and no numbers.
func TestOneConditionOnly(t *testing.T) {
	for name, table := range tables() {
		for _, r := range table {
			d := Check(r.question)
			switch {
			case d.Allowed && d.Reason != "" && (d.Reason != CancelNeedsApprover || r.question.Action != Cancel):
				t.Errorf("%s, %s: allowed, for %q", name, r.name, d.Reason)
			case !d.Allowed && (d.Reason == "" || d.Have != 0 || d.Need != 0 || d.Lapsed != nil):
				t.Errorf("%s, %s: refused with %+v", name, r.name, d)
			}
		}
	}
}
