package engine_test

import (
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// record is the history in the audit chain: requests, approvals, calls and freezes. It
// accepts each row after the judges have seen it and judges nothing itself, so that all
// judges use the same history.
type record struct {
	requests []*tracked
	freezes  []*pastFreeze
	single   []bot.Row // rows that repetitions may follow
}

// tracked is one request according to the rows. The judges compare it with the next
// row, the stored request and the card.
type tracked struct {
	id       string
	lane     authz.Lane
	drill    bool
	target   *human
	askers   []*member
	replaces *tracked // the void request that this one replaces, or nil
	state    bot.State
	created  time.Time
	need     int // approvals, as the card says

	// wait is the shortest time after which the wait for a decision may end.
	wait time.Duration
	// executes: after wait the policy carries the request out.
	executes bool
	// denying: an approver has pressed Deny on it or on what it replaces.
	denying bool
	// unopened: denying, and no form has opened.
	unopened bool

	approvals []*member // for the decision that is still open
	givers    []*member // who made the decision in force; nil: the policy did
	partial   []*member // who had approved when the policy made it
	again     bool      // it is a "Try again"
	decided   time.Time
	decisions int
	calls     int // executing rows, without drills
	firstCall int // the index of the first under the decision in force
	rows      map[string]int
}

func (p *tracked) String() string { return p.id }

// asked reports whether the person asked for it, with this Slack account or another.
func (p *tracked) asked(m *member) bool {
	return slices.ContainsFunc(p.askers, func(a *member) bool { return a == m || a.of == m.of })
}

// others reports whether another person asked for it, too.
func (p *tracked) others(h *human) bool {
	return slices.ContainsFunc(p.askers, func(a *member) bool { return a.of != h })
}

// approvedBy reports whether the person has approved it, with any Slack account.
func (p *tracked) approvedBy(m *member) bool {
	return slices.ContainsFunc(p.approvals, func(a *member) bool { return a.of == m.of })
}

// own reports whether a confirmation is the reporter's own and that is enough.
func (p *tracked) own(m *member) bool {
	return p.lane == authz.Self && p.need == 0 && m.of == p.target
}

// decide begins a decision.
func (p *tracked) decide(at time.Time, givers []*member) {
	p.again, p.partial = p.state != bot.Pending, nil
	if givers == nil {
		p.partial = p.approvals
	}
	p.state, p.decided, p.givers, p.approvals, p.firstCall = bot.Approved, at, givers, nil, p.calls
	p.decisions++
}

// reopen takes back the decision in force; approvals that still count remain.
func (p *tracked) reopen(at time.Time) {
	p.approvals = append(slices.Clone(p.givers), p.partial...)
	p.givers, p.partial = nil, nil
	if p.state = bot.Pending; p.again {
		p.state = bot.Failed
		return
	}
	p.executes, p.created = false, at
}

// lapse takes an approval away.
func (p *tracked) lapse(m *member) {
	for _, of := range []*[]*member{&p.approvals, &p.givers, &p.partial} {
		*of = slices.DeleteFunc(slices.Clone(*of), func(a *member) bool { return a == m })
	}
}

// pastFreeze is one freeze, on or over: who began it, who voted to end it, and for how
// long it stopped the clocks of requests.
type pastFreeze struct {
	began, ended time.Time     // ended is zero while it is on
	max          time.Duration // after this it ends by itself
	by           *human
	votes        []*member // to end it
}

// votedBy reports whether the person has asked to end it, with any Slack account.
func (f *pastFreeze) votedBy(h *human) bool {
	return slices.ContainsFunc(f.votes, func(m *member) bool { return m.of == h })
}

func (r *record) request(id string) *tracked {
	for _, p := range r.requests {
		if p.id == id {
			return p
		}
	}
	return nil
}

// frozen is the freeze that is on, or nil.
func (r *record) frozen() *pastFreeze {
	if n := len(r.freezes); n > 0 && r.freezes[n-1].ended.IsZero() {
		return r.freezes[n-1]
	}
	return nil
}

// age is how long a request has waited, without freezes.
func (r *record) age(p *tracked, at time.Time) time.Duration {
	age := at.Sub(p.created)
	for _, f := range r.freezes {
		began, ended := f.began, f.ended
		if ended.IsZero() {
			ended = at
		}
		if p.created.After(began) {
			began = p.created
		}
		age -= max(0, ended.Sub(began))
	}
	return age
}

// begin is the request that a row begins: a new ask, or the new preview of a void
// request. It is nil if the asker, the target or the void request is unknown.
func (r *record) begin(row bot.Row, now rules, replaces string) *tracked {
	p := &tracked{id: row.Request, drill: row.Drill, need: row.Need, state: bot.Pending, created: row.At, rows: map[string]int{}}
	if row.Action == "previewed_again" {
		old := r.request(replaces)
		if old == nil {
			return nil
		}
		p.replaces, p.lane, p.drill, p.target, p.askers = old, old.lane, old.drill, old.target, old.askers
	} else {
		m, target := now.town.member(row.Actor), now.town.human(row.TargetID)
		if m == nil || m.of == nil || target == nil {
			return nil
		}
		p.lane, p.target, p.askers = authz.LaneOf(m.of.id, target.id), target, []*member{m}
	}
	p.wait = now.shortestWait(p.lane, p.target)
	p.executes = now.Self.Execute && p.lane == authz.Self && !p.drill
	if old := p.replaces; old != nil {
		if p.denying, p.unopened = old.denying, old.unopened; p.unopened {
			p.leave(now)
		}
	}
	return p
}

// leave leaves the request to people.
func (p *tracked) leave(now rules) {
	if p.executes {
		p.executes, p.wait = false, max(now.Expiry, p.wait)
	}
}

// believe adds a row to the history.
func (r *record) believe(s step) {
	if s.row.Count > 0 {
		return // it counts repetitions of an earlier refusal
	}
	if slices.Contains(counted, s.row.Action) {
		r.single = append(r.single, s.row)
	}
	if s.request != nil {
		s.request.rows[s.row.Action]++
		r.believeRequest(s)
		return
	}
	on := r.frozen()
	switch {
	case s.row.Action == "frozen" && s.actor != nil:
		r.freezes = append(r.freezes, &pastFreeze{began: s.row.At, max: s.now.Freeze.Max, by: s.actor.of})
	case on == nil:
	case s.row.Action == "unfreeze_asked" && s.actor != nil:
		on.votes = append(on.votes, s.actor)
	case s.row.Action == "unfrozen":
		on.ended = s.row.At
	}
}

func (r *record) believeRequest(s step) {
	row, m, p := s.row, s.actor, s.request
	switch row.Action {
	case "requested", "previewed_again":
		r.requests = append(r.requests, p)
	case "joined":
		if m != nil && !slices.Contains(p.askers, m) {
			p.askers = append(p.askers, m)
		}
	case "approval":
		if m != nil {
			p.approvals = append(slices.Clone(p.approvals), m)
		}
	case "approval_lapsed":
		p.lapse(s.lapsed())
	case "reopened":
		p.reopen(row.At)
	case string(bot.Approved):
		switch {
		case row.Actor == "policy":
			p.decide(row.At, nil)
		case m != nil:
			p.decide(row.At, append(slices.Clone(p.approvals), m))
		default:
			p.state = bot.Approved // the same decision: Microsoft asked to wait, or a drill was interrupted
		}
	case "deny_pressed":
		p.denying = true
	case "deny_asked":
		p.denying, p.unopened = true, true
		p.leave(s.now)
	case "not_executed":
		p.executes, p.wait = false, max(s.now.Expiry, p.wait)
		if why := authz.Reason(row.Reason); why == bot.TooOld || why == bot.LookupFailed || why == bot.TimeUnclear {
			p.created, p.wait = row.At, s.now.Expiry // people get the full time
			if rule := s.now.lane(p.lane); !rule.Execute && rule.Timeout > 0 {
				p.wait = rule.Timeout // a policy that was loaded meanwhile gives them less
			}
		}
	default:
		if reached := bot.State(row.Action); slices.Contains(bot.States, reached) {
			p.state = reached
		}
		if row.Action == string(bot.Executing) && !p.drill {
			p.calls++
		}
	}
}

// lapsed is the member who loses an approval by the row.
func (s step) lapsed() *member {
	return s.now.town.member(strings.TrimPrefix(s.row.Origin, "approval of "))
}
