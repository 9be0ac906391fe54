package engine_test

import (
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// rules states the policy a second time, as simply as possible and without authz: who
// may do what, by what is true. An answer of Slack or Entra may be a minute old, or
// five if they do not answer. So each question covers the time since from: "may" is yes
// if it was true at some moment, "surely" if it was true all the time.
type rules struct {
	authz.Policy
	town *town
	from time.Time
	// blind: privileged roles cannot be read.
	blind bool
	// quiet: look-ups of groups may have failed.
	quiet bool
}

// within reports whether a circle may contain a Slack account.
func (r rules) within(c authz.Circle, m *member) bool {
	return slices.ContainsFunc(c, func(name string) bool {
		return name == m.id || name == slackTeam && m.inTeam.ever(true, r.from) ||
			strings.HasPrefix(name, authz.EntraGroup) && m.of != nil && m.of.in[name].ever(true, r.from)
	})
}

// surelyWithin reports whether a circle surely contains it.
func (r rules) surelyWithin(c authz.Circle, m *member) bool {
	return slices.ContainsFunc(c, func(name string) bool {
		return name == m.id || name == slackTeam && m.inTeam.always(true, r.from) ||
			strings.HasPrefix(name, authz.EntraGroup) && m.of != nil && m.of.in[name].always(true, r.from)
	})
}

// somebody reports whether this may be a full member of the workspace who is one person
// in Entra.
func (r rules) somebody(m *member) bool {
	return m != nil && m.of != nil && m.deleted.ever(false, r.from) && m.guest.ever(false, r.from) && m.of.absent.ever(false, r.from)
}

func (r rules) surelySomebody(m *member) bool {
	return m.of != nil && m.deleted.always(false, r.from) && m.guest.always(false, r.from) && m.of.absent.always(false, r.from)
}

// decides reports whether this may be an approver with an own account that may sign in.
func (r rules) decides(m *member) bool {
	return r.somebody(m) && r.within(r.Approvers, m) && m.of.blocked.ever(false, r.from)
}

func (r rules) surelyDecides(m *member) bool {
	return !r.quiet && r.surelySomebody(m) && r.surelyWithin(r.Approvers, m) && m.of.blocked.always(false, r.from)
}

// covered reports whether a protection surely matches a person. It matches through all
// their Slack accounts, not only the one that a command names.
func (r rules) covered(x authz.Protection, h *human) bool {
	if x.Privileged && (r.blind || h.privileged.now()) || slices.Contains(x.Users, h.id) {
		return true
	}
	for _, g := range x.Groups {
		if strings.HasPrefix(g, authz.EntraGroup) && h.in[g].always(true, r.from) {
			return true
		}
	}
	return slices.ContainsFunc(r.town.members, func(m *member) bool {
		return m.of == h && m.findable && m.deleted.always(false, r.from) &&
			(slices.Contains(x.Users, m.id) || slices.Contains(x.Groups, slackTeam) && m.inTeam.always(true, r.from))
	})
}

// maybeCovered reports whether it may match. Without answers nobody knows which Slack
// accounts are the person's.
func (r rules) maybeCovered(x authz.Protection, h *human) bool {
	bySlack := slices.ContainsFunc(x.Users, func(id string) bool { return r.town.member(id) != nil })
	if r.quiet && (len(x.Groups) > 0 || bySlack) || r.covered(x, h) || x.Privileged && h.privileged.ever(true, r.from) {
		return true
	}
	for _, g := range x.Groups {
		if strings.HasPrefix(g, authz.EntraGroup) && h.in[g].ever(true, r.from) {
			return true
		}
	}
	return slices.ContainsFunc(r.town.members, func(m *member) bool {
		return m.of == h && (slices.Contains(x.Users, m.id) || slices.Contains(x.Groups, slackTeam) && m.inTeam.ever(true, r.from))
	})
}

func (r rules) lane(l authz.Lane) authz.Rule {
	if l == authz.Self {
		return r.Self
	}
	return r.ThirdParty
}

// demand is what a decision about a person takes.
type demand struct {
	approvals              int
	requester              bool // the requester may approve, too
	protected, untouchable bool
}

// least is the least demand: it counts the protections that surely match.
func (r rules) least(l authz.Lane, h *human) demand { return r.demand(l, h, r.covered) }

// most is the greatest demand: it counts the protections that may match.
func (r rules) most(l authz.Lane, h *human) demand { return r.demand(l, h, r.maybeCovered) }

func (r rules) demand(l authz.Lane, h *human, matches func(authz.Protection, *human) bool) demand {
	d := demand{approvals: r.lane(l).Approvals, requester: r.lane(l).RequesterMayApprove}
	for _, x := range r.Protected {
		if !matches(x, h) {
			continue
		}
		d.protected = true
		d.approvals = max(1, d.approvals, x.Approvals)
		d.requester = d.requester && x.RequesterMayApprove
		d.untouchable = d.untouchable || x.Block
	}
	return d
}

// counts reports whether a person's confirmation of a request may count now.
func (r rules) counts(m *member, p *tracked) bool {
	need := r.least(p.lane, p.target)
	switch {
	case !r.somebody(m):
		return false
	case p.lane == authz.Self && need.approvals == 0 && p.asked(m):
		return true // the reporter's own confirmation is enough
	case !r.decides(m):
		return false
	case p.lane == authz.ThirdParty && m.of == p.target:
		return false // nobody decides about themself
	}
	return !p.asked(m) || need.requester
}

// surelyCounts reports whether it surely counts.
func (r rules) surelyCounts(m *member, p *tracked) bool {
	need := r.most(p.lane, p.target)
	switch {
	case !r.surelySomebody(m):
		return false
	case p.lane == authz.Self && need.approvals == 0 && p.asked(m):
		return true
	}
	return r.surelyDecides(m) && (p.lane == authz.Self || m.of != p.target) && (!p.asked(m) || need.requester)
}

// shortestWait is the age at which a request's time may be up at the earliest.
func (r rules) shortestWait(l authz.Lane, h *human) time.Duration {
	rule := r.lane(l)
	switch {
	case rule.Execute && l == authz.Self && r.runsUndecided(h):
		if rule.Timeout > 0 {
			return rule.Timeout
		}
		return 15 * time.Minute
	case rule.Execute:
		return max(r.Expiry, rule.Timeout)
	case rule.Timeout > 0:
		return rule.Timeout
	}
	return r.Expiry
}

// longestWait is the age after which people may no longer decide. A request that was
// made under an earlier policy may wait longer.
func (r rules) longestWait(l authz.Lane) time.Duration { return max(r.Expiry, r.lane(l).Timeout) }

// unfreezesAlone reports whether somebody may end a freeze without another vote.
func (r rules) unfreezesAlone(m *member) bool {
	return r.somebody(m) && r.within(r.Freeze.Unfreeze, m) && m.of.blocked.ever(false, r.from)
}

// deciders counts the people who have surely been approvers since a moment, because the
// bot counts them only at intervals.
func (r rules) deciders(since time.Time) int {
	r.from, r.quiet = since, false
	people := map[*human]bool{}
	for _, m := range r.town.members {
		if r.surelyDecides(m) {
			people[m.of] = true
		}
	}
	return len(people)
}

// runsUndecided reports whether the policy may carry out an undecided report.
func (r rules) runsUndecided(h *human) bool {
	return r.Self.Execute && !r.blind && !h.privileged.now() && !r.least(authz.Self, h).protected
}
