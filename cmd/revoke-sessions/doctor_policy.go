package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

const noPolicy = "there is no valid policy"

// groups looks at every group that the policy names, whatever for.
func (e *examination) groups(ctx context.Context) verdict {
	if e.complaints("REVOKE_POLICY") != "" {
		return without("the groups that the policy names", noPolicy)
	}
	named := e.read.policy.Groups()
	if len(named) == 0 {
		return fine("The policy names people only, so no group has to be read")
	}
	var found, failed, blind, remedies []string
	for _, name := range named {
		size, v := e.group(ctx, name)
		switch v.result {
		case well:
			found = append(found, fmt.Sprintf("%s (%s)", name, size))
		case unchecked:
			blind = append(blind, v.says)
		default:
			failed = append(failed, v.says)
			if remedy := sentence(v.remedy); !slices.Contains(remedies, remedy) {
				remedies = append(remedies, remedy)
			}
		}
	}
	switch {
	case len(failed) > 0:
		return verdict{broken, strings.Join(append(failed, blind...), "; "), strings.Join(remedies, " ")}
	case len(blind) > 0:
		return verdict{unchecked, strings.Join(blind, "; "), ""}
	}
	return fine("Every group in the policy can be read: %s", strings.Join(found, ", "))
}

// group counts who is in one.
func (e *examination) group(ctx context.Context, name string) (size string, v verdict) {
	if id, ok := strings.CutPrefix(name, authz.EntraGroup); ok {
		if e.directory == nil {
			return "", without("the Entra group "+id, noEntraToken)
		}
		g, err := e.directory.Members(ctx, id)
		if err != nil {
			return "", entraSays("The policy's Entra group "+id+" cannot be read", err)
		}
		size = fmt.Sprintf("%s, members: %d", g.Name, len(g.Members))
		if g.More {
			size += " or more"
		}
		return size, fine("")
	}
	if !e.slackIs {
		return "", without("the Slack group "+name, noBotToken)
	}
	members, err := e.slack.GroupMembers(ctx, name)
	if err != nil {
		v := slackSays("The policy's Slack group "+name+" cannot be read", err)
		if v.remedy == remedyToken {
			v.remedy = "Correct the ID in the policy. It is in the address of the group's page. The group must not be disabled, and user groups need a paid plan of Slack"
		}
		return "", v
	}
	return fmt.Sprintf("members: %d", len(members)), fine("")
}

// quorum is whether enough approvers could decide.
func (e *examination) quorum(ctx context.Context) verdict {
	if wrong := e.complaints("REVOKE_POLICY"); wrong != "" {
		wrong = strings.ReplaceAll(strings.ReplaceAll(wrong, ":\n", ": "), "\n", "; ")
		if e.Policy == "" {
			return verdict{broken, wrong, "Set REVOKE_APPROVERS to the Slack user IDs of those who may approve, or REVOKE_POLICY to a policy file"}
		}
		return verdict{broken, wrong, "Correct the policy file. revoke-sessions policy check FILE makes the same check without Slack and Entra"}
	}
	const what = "whether enough approvers could decide"
	switch {
	case !e.slackIs:
		return without(what, noBotToken)
	case e.directory == nil:
		return without(what, noEntraToken)
	}
	q := lookup.FindQuorum(ctx, e.slack, e.directory, e.read.policy, e.now)
	able := fmt.Sprintf("Approvers who could decide now: %d", q.Able)
	if q.Trouble == nil && !q.Whole {
		able += fmt.Sprintf(" (of %d who were checked; at least %d are named)", q.Looked, q.Named)
	}
	for i, u := range q.Unable {
		able += either(i == 0, ". Approvers who could not: ", ", ") + fmt.Sprintf("%s (%s)", u.SlackID, message.WhyUnable(u))
	}
	lacking := message.Shortfalls(&e.read.policy, q.Able)
	short, how := strings.Join(lacking, "; "), ""
	if unmapped := message.Unmapped(q.Unable); unmapped != "" {
		how = unmapped + " "
	}
	switch {
	case q.Remedy != "":
		return verdict{broken, fmt.Sprintf("The approvers cannot all be looked up: %v. %s", q.Trouble, able), q.Remedy}
	case len(lacking) > 0 && q.Trouble != nil:
		return verdict{doubtful, fmt.Sprintf("It is not known whether enough approvers could decide: %v. %s. Not enough counted yet: %s",
			q.Trouble, able, short), "Try again in a minute"}
	case len(lacking) > 0 && !q.Whole:
		return verdict{doubtful, fmt.Sprintf("It is not known whether enough approvers could decide, because there are too many to check everybody. %s. Not enough counted yet: %s", able, short),
			"Name fewer approvers, or check in Slack and Entra that the others can decide. Each must be a full member of this workspace whose Slack account leads to exactly one Entra account that may sign in"}
	case len(lacking) > 0:
		return verdict{broken, fmt.Sprintf("Too few approvers could decide: %s. %s", short, able),
			how + "Name more approvers, or ask for fewer approvals. An approver must be a full member of this workspace whose Slack account leads to exactly one Entra account that may sign in"}
	}
	if q.Trouble != nil {
		able += ", and perhaps more"
	}
	if how != "" {
		return verdict{doubtful, "There are enough approvers, but some who are named could not decide. " + able,
			strings.TrimSuffix(strings.TrimSpace(how), ".")}
	}
	return fine("There are enough approvers. %s", able)
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
