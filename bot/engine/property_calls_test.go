package engine_test

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// callsJudge asks whether the rows and Entra's own list of calls agree, and
// whether one decision leads to more calls than it may.
type callsJudge struct{ complaints }

func (j callsJudge) see(s step) {
	switch bot.State(s.row.Action) {
	case bot.Executing:
		if !s.request.drill {
			j.execute(s)
		}
	case bot.Revoked:
		if !slices.ContainsFunc(s.calls, saysYes) && !s.moved() {
			j.complain(s, "Entra neither said so nor did it")
		}
	case bot.Verified:
		if !s.moved() {
			j.complain(s, "nothing has moved")
		}
	case bot.Failed:
		if len(s.open()) > 0 {
			j.complain(s, "a call may have been carried out")
		}
	}
}

// execute wants one call for a decision, and a second one if the first got no clear
// answer. It wants more only if Microsoft did not take the calls.
func (j callsJudge) execute(s step) {
	for _, c := range s.calls {
		if saysYes(c) || c.reply == saysNo {
			j.complain(s, "Microsoft had answered this decision with %s", c.reply)
		}
	}
	if len(s.open()) > 1 {
		j.complain(s, "two calls have had no clear answer already")
	}
}

func saysYes(c revokeCall) bool { return c.reply == says204 || c.reply == saysYesOnly }

// moved reports whether a revoke took effect after the decision's first call, or
// shortly before it.
func (s step) moved() bool {
	return len(s.calls) > 0 && slices.ContainsFunc(s.request.target.moved, func(at time.Time) bool {
		return !at.Before(s.calls[0].at.Add(-5 * time.Minute))
	})
}

// call wants the call to belong to a request.
func (j callsJudge) call(c revokeCall, r *record) {
	if p := r.request(c.request); p == nil || p.drill || p.target.id != c.target {
		j.complain("Entra", "a revoke of %s for %q", c.target, c.request)
	}
}

// count wants one row for each call, and one call for each row.
func (j callsJudge) count(calls []revokeCall, r *record) {
	seen := map[string]int{}
	for _, c := range calls {
		seen[c.request]++
	}
	for _, p := range r.requests {
		if seen[p.id] != p.calls {
			j.complain(p, "Entra saw %d calls; the rows say %d", seen[p.id], p.calls)
		}
	}
}

func TestCallsJudge(t *testing.T) {
	called := func(replies ...reply) func(*step) {
		return func(s *step) { s.executed(bot.Executing, replies...) }
	}
	answer := func(replies ...reply) func(*step) {
		return func(s *step) { s.calls = nil; called(replies...)(s) }
	}
	moved := func(s *step) { s.request.target.moved = []time.Time{noon}; called(lostDone)(s) }
	still := func(s *step) { s.request.target.moved = nil }
	judgeTwins(t, "calls", func(j *judges) judge { return j.calls }, []twin{
		{"call again after a wait", newStep("executing", "bot"), called(saysWait), answer(saysNo), "had answered this decision with 403"},
		{"call again after nothing", newStep("executing", "bot"), called(lostUndone),
			answer(lostUndone, diesUndone), "two calls have had no clear answer"},
		{"revoke, Microsoft says", newStep("revoked", "bot"), called(says204), answer(saysNo), "Entra neither said so nor did it"},
		{"revoke, the account says", newStep("revoked", "bot"), moved, still, "Entra neither said so nor did it"},
		{"verify", newStep("verified", "bot"), moved, still, "nothing has moved"},
		{"verify what is new", newStep("verified", "bot"), moved,
			func(s *step) { s.request.target.moved[0] = noon.Add(-time.Hour) }, "nothing has moved"},
		{"fail", newStep("failed", "bot"), called(saysNo), answer(lostUndone), "a call may have been carried out"},
	})
}

func TestCallsJudge_OfEntra(t *testing.T) {
	s := newStep("executing", "bot")
	s.executed(bot.Executing, says204)
	j, c := newJudges(), s.calls[0]
	j.calls.call(c, s.before)
	j.calls.count(s.calls, s.before)
	wantNothing(t, j)
	j.calls.count(nil, s.before)
	wantComplaint(t, j, "calls: REQ-A: ", "Entra saw 0 calls; the rows say 1")
	c.target = "id-of-BOB"
	j.calls.call(c, s.before)
	wantComplaint(t, j, "calls: Entra: ", `a revoke of id-of-BOB for "REQ-A"`)
}
