package authz

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Policy is every rule that decides who may do what to whom. The zero Policy
// allows nobody to decide anything; New makes one with the defaults.
type Policy struct {
	// Digest is the SHA-256 of what the policy was read from, in hexadecimal.
	Digest string
	// Approvers may decide.
	Approvers Circle
	// Self and ThirdParty are the rules of the two lanes.
	Self, ThirdParty Rule
	// Protected raises the rules for some targets; the strictest match wins.
	Protected []Protection
	// Expiry is how long a request waits for a decision, where its lane does
	// not say otherwise.
	Expiry    time.Duration
	Reminders Reminders
	Limits    Limits
	Freeze    FreezeRule
	Identity  Identity
	// SilentTarget keeps the target of somebody else's request from being
	// told of the outcome.
	SilentTarget bool
	// Retention is how long what people typed is kept after a request's end;
	// 0 keeps it.
	Retention time.Duration
}

// What holds where a policy says nothing.
const (
	DefaultExpiry    = 8 * time.Hour
	DefaultExecute   = 15 * time.Minute // of a lane whose on_timeout is execute
	DefaultFreezeMax = time.Hour
	// DefaultRequests is how many requests about others one person may make, or
	// join, within DefaultRequestsWithin.
	DefaultRequests       = 10
	DefaultRequestsWithin = time.Hour
	// MaxApprovals is the most approvals that a rule may ask for.
	MaxApprovals = 5
)

// New is the policy of somebody who named approvers and nothing else: one
// approval in either lane, anybody may ask, DefaultRequests times about others.
func New(approvers ...string) Policy {
	one := Rule{Approvals: 1, RequesterMayApprove: true}
	return Policy{
		Approvers: approvers, Self: one, ThirdParty: one, Expiry: DefaultExpiry,
		Limits: Limits{PerRequester: Limit{N: DefaultRequests, Within: DefaultRequestsWithin}},
		Freeze: FreezeRule{Max: DefaultFreezeMax}, Identity: Identity{ByMap: true, ByEmail: true},
	}
}

// BarsRequesters reports whether a rule for reports about others keeps those who
// asked from approving.
func (p *Policy) BarsRequesters() bool {
	return !p.ThirdParty.RequesterMayApprove || slices.ContainsFunc(p.Protected, func(x Protection) bool { return !x.RequesterMayApprove })
}

// Circle names people: Slack users (U… or W…), Slack user groups (S…) and
// Entra groups ("entra:" and an object ID in lower case).
type Circle []string

// EntraGroup begins the name of an Entra group in a Circle.
const EntraGroup = "entra:"

// Rule is what a lane demands.
type Rule struct {
	// Approvals is how many different approvers must confirm; 0, in the self
	// lane only, means that the reporter's own Confirm is enough.
	Approvals int
	// RequesterMayApprove lets an approver who asked count as one of them.
	RequesterMayApprove bool
	// WhoMayRequest limits who may ask; nil means anyone.
	WhoMayRequest  Circle
	ReasonRequired bool
	// Ticket must match some part of the reason; nil demands nothing.
	Ticket *regexp.Regexp
	// TicketExample is what people read in place of Ticket, which it matches; ""
	// where the policy gives none.
	TicketExample string
	// Timeout is how long a request waits; 0 means Policy.Expiry, or
	// DefaultExecute where Execute is set.
	Timeout time.Duration
	// Execute has a request that nobody decided carried out instead of
	// expiring. Only in the self lane, and never for a protected target.
	Execute bool
}

// Protection raises what some targets need. A target matches by any of Users,
// Groups and Privileged.
type Protection struct {
	// Users are Slack user IDs and Entra object IDs. Names are none: they change.
	Users  []string
	Groups Circle
	// Privileged matches whoever holds a privileged role, or may.
	Privileged bool
	// Approvals is at least 1.
	Approvals           int
	RequesterMayApprove bool
	// Block refuses every request about a match.
	Block bool
}

// Reminders are what happens while nobody decides. After is the age of a
// request at which the first is sent; 0 sends none.
type Reminders struct {
	After time.Duration
	// Factor is by how much each pause is longer than the one before.
	Factor float64
	// Max is how many are sent at most.
	Max int
	// EscalateAfter is the age at which EscalateTo is called; 0 for never.
	EscalateAfter time.Duration
	EscalateTo    Circle
}

// Limits bound what may be done within a time. The zero Limit is none.
type Limits struct {
	PerRequester Limit // requests created or joined, about others
	// Graph writes: decisions that lead to one.
	PerApprover, PerTarget, Total Limit
}

// Limit is N within a duration.
type Limit struct {
	N      int
	Within time.Duration
}

// FreezeRule bounds the brake that any approver can pull.
type FreezeRule struct {
	// Max is how long a freeze lasts if nobody ends it.
	Max time.Duration
	// Unfreeze are those who can end it alone.
	Unfreeze Circle
}

// Identity says how a Slack account leads to an Entra account. The map is
// asked first.
type Identity struct {
	ByMap, ByEmail bool
	// Map leads from Slack user IDs to Entra object IDs.
	Map map[string]string
	// EmailDomains are the domains, in lower case, whose addresses count; nil
	// means every one.
	EmailDomains []string
}

// Requirement is what a decision about one target needs.
type Requirement struct {
	Approvals           int
	RequesterMayApprove bool
	// Protected: some protection matched. Blocked: one that blocks.
	Protected, Blocked bool
}

// Rule is the rule of a lane.
func (p *Policy) Rule(l Lane) Rule {
	if l == Self {
		return p.Self
	}
	return p.ThirdParty
}

// Require answers what a decision about the matter needs: the lane's rule,
// made stricter by every protection that matches.
func (p *Policy) Require(m Matter) Requirement {
	rule := p.Rule(m.Lane)
	need := Requirement{Approvals: rule.Approvals, RequesterMayApprove: rule.RequesterMayApprove}
	for _, x := range p.Protected {
		if !x.matches(m.Target) {
			continue
		}
		need.Protected = true
		need.Blocked = need.Blocked || x.Block
		need.Approvals = max(need.Approvals, x.Approvals, 1)
		need.RequesterMayApprove = need.RequesterMayApprove && x.RequesterMayApprove
	}
	return need
}

func (x Protection) matches(t Target) bool {
	may := func(name string) bool { return slices.Contains(t.MemberOf, name) || slices.Contains(t.Unsure, name) }
	return x.Privileged && t.Privileged ||
		t.EntraID != "" && slices.Contains(x.Users, t.EntraID) ||
		slices.ContainsFunc(x.Users, func(u string) bool { return slices.Contains(t.SlackIDs, u) || may(u) }) ||
		slices.ContainsFunc(x.Groups, may)
}

// Wait answers how long a request waits for a decision, and whether it is
// carried out then instead of expiring.
func (p *Policy) Wait(m Matter) (until time.Duration, execute bool) {
	rule := p.Rule(m.Lane)
	switch {
	case !rule.Execute && rule.Timeout > 0:
		return rule.Timeout, false
	case !rule.Execute:
		return p.Expiry, false
	case !p.MayExecute(m):
		return max(p.Expiry, rule.Timeout), false
	case rule.Timeout > 0:
		return rule.Timeout, true
	}
	return DefaultExecute, true
}

// MayExecute reports whether a request that nobody decided may be carried out:
// in the self lane, by a rule that says so, and never for a protected or
// privileged target.
func (p *Policy) MayExecute(m Matter) bool {
	return m.Lane == Self && p.Self.Execute && !m.Target.Privileged && !p.Require(m).Protected
}

// Groups lists every Slack and Entra group that the policy names, once each:
// to decide, a person's membership in all of them must be looked up.
func (p *Policy) Groups() Circle {
	var all Circle
	add := func(circles ...Circle) {
		for _, c := range circles {
			for _, name := range c {
				if !isUser(name) && !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
	}
	add(p.Approvers, p.Self.WhoMayRequest, p.ThirdParty.WhoMayRequest, p.Freeze.Unfreeze)
	for _, x := range p.Protected {
		add(x.Groups)
	}
	return all
}

// OnlyUsers reports that every approver is named by themselves, so that it is
// known how many there are at most: of a group nobody knows who may be missing.
func (p *Policy) OnlyUsers() bool {
	return !slices.ContainsFunc(p.Approvers, func(name string) bool { return !isUser(name) })
}

// SlackShields lists the Slack users and groups that protections name: whether
// a target is one of them takes knowing all of its Slack accounts.
func (p *Policy) SlackShields() []string {
	var all []string
	for _, x := range p.Protected {
		for _, name := range slices.Concat(x.Users, x.Groups) {
			if strings.HasPrefix(name, "U") || strings.HasPrefix(name, "W") || strings.HasPrefix(name, "S") {
				all = append(all, name)
			}
		}
	}
	return all
}

// AsksForRoles reports whether some protection goes by privileged roles, so
// that a target's roles must be looked up: on_timeout: execute does, too.
func (p *Policy) AsksForRoles() bool {
	return p.Self.Execute || slices.ContainsFunc(p.Protected, func(x Protection) bool { return x.Privileged })
}

// isUser tells a user from a group in a Circle.
func isUser(name string) bool {
	return !strings.HasPrefix(name, "S") && !strings.HasPrefix(name, EntraGroup)
}
