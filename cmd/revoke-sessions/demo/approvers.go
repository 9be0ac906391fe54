package demo

import (
	"fmt"
	"slices"

	"revoke-sessions/authz"
)

// CheckApprovers refuses a policy by which nobody of the demo could approve.
func CheckApprovers(policy authz.Policy) error {
	known := []string{SlackGroup, "entra:" + EntraGroup}
	people := ""
	for i, p := range cast {
		known = append(known, p.id)
		people += fmt.Sprintf("\n  %-8s %s, Entra account %s", p.id, p.full, ObjectID(i+1))
	}
	if slices.ContainsFunc(policy.Approvers, func(a string) bool { return slices.Contains(known, a) }) {
		return nil
	}
	return fmt.Errorf("nobody of the demo is an approver by it. Name some of these under approvers:%s\n  %s, or entra:%s, two groups with Alice and Amir",
		people, SlackGroup, EntraGroup)
}
