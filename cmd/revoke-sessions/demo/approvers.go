package demo

import (
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
)

// CheckApprovers refuses a policy by which nobody in the demo could approve, and says who
// is there.
func CheckApprovers(policy authz.Policy) error {
	known := []string{SlackGroup, "entra:" + EntraGroup}
	var people []string
	for i, p := range cast {
		known = append(known, p.id)
		people = append(people, fmt.Sprintf("%s: %s (Entra account %s)", p.id, p.full, ObjectID(i+1)))
	}
	if slices.ContainsFunc(policy.Approvers, func(a string) bool { return slices.Contains(known, a) }) {
		return nil
	}
	return fmt.Errorf("by these rules nobody in the demo is an approver. Name somebody of the demo under approvers:\n  %s\n"+
		"  %s or entra:%s: two groups of Alice and Amir", strings.Join(people, "\n  "), SlackGroup, EntraGroup)
}
