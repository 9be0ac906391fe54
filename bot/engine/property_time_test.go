package engine_test

import (
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// timeJudge asks whether something happens too early or too late, by the age of the
// request without freezes.
type timeJudge struct{ complaints }

// A second call may follow an unclear one after a while, and only for a while.
const (
	secondCallAfter = 15 * time.Second
	lastCallWithin  = 30 * time.Minute
	// lateBy is how late after its time the policy may carry a report out.
	lateBy = time.Hour
)

func (j timeJudge) see(s step) {
	row, now, p := s.row, s.now, s.request
	switch row.Action {
	case string(bot.Expired):
		if row.Actor != "clock" {
			j.complain(s, "only the clock may")
		}
		j.notBefore(s, p.wait)
	case "not_executed":
		j.timeout(s)
	case string(bot.Void):
		if row.Actor == "policy" {
			j.timeout(s)
		}
	case "approval", string(bot.Approved):
		switch {
		case row.Actor == "policy":
			j.timeout(s)
			if p.denying {
				j.complain(s, "an approver wants to deny it")
			}
			if late := s.age() - p.wait; late > lateBy {
				j.complain(s, "%s after its time", late)
			}
			if p.lane != authz.Self || p.drill || !now.runsUndecided(p.target) {
				j.complain(s, "the policy may not: protected %v, privileged or unknown %v",
					now.least(p.lane, p.target).protected, now.blind || p.target.privileged.now())
			}
		case s.byPerson() && p.state == bot.Pending && !p.executes && s.age() >= max(p.wait, now.longestWait(p.lane)):
			j.complain(s, "too late: it is %s old", s.age())
		}
	case "reminded":
		j.notBefore(s, now.Reminders.After)
	case "escalated":
		j.notBefore(s, now.Reminders.EscalateAfter)
	case string(bot.Executing):
		j.secondCall(s)
		if since := row.At.Sub(p.decided); len(s.open()) == 0 && since > lastCallWithin {
			j.complain(s, "a first call %s after the decision", since)
		}
	}
}

// notBefore wants the request to have at least this age.
func (j timeJudge) notBefore(s step, age time.Duration) {
	if s.age() < age {
		j.complain(s, "too early: it is %s old, not %s", s.age(), age)
	}
}

// timeout wants the policy to end the request, and at its time.
func (j timeJudge) timeout(s step) {
	if !s.request.executes {
		j.complain(s, "it is not for the policy to end")
	}
	j.notBefore(s, s.request.wait)
}

func (j timeJudge) secondCall(s step) {
	open := s.open()
	if s.request.drill || len(open) != 1 {
		return
	}
	if since := s.row.At.Sub(open[0].at); since < secondCallAfter {
		j.complain(s, "a second call only %s after the first", since)
	}
	if since := s.row.At.Sub(s.request.decided); since >= lastCallWithin {
		j.complain(s, "a second call %s after the decision", since)
	}
}

func TestTimeJudge(t *testing.T) {
	aged := func(age time.Duration) func(*step) {
		return func(s *step) { s.request.created = noon.Add(-age) }
	}
	frozen := func(s *step) { s.frozenFor(time.Minute, "AMIR") }
	undecided := func(s *step) {
		s.request.lane, s.request.executes, s.now.Self.Execute, s.request.created = authz.Self, true, true, noon.Add(-time.Hour)
	}
	second := func(s *step) { s.executed(bot.Unknown, lostUndone) }
	expire := func() step { return newStep("expired", "clock") }
	carryOut := func() step { return newStep("approved", "policy") }
	again := func() step { return newStep("executing", "bot") }
	judgeTwins(t, "time", func(j *judges) judge { return j.time }, []twin{
		{"expire", expire(), aged(time.Hour), aged(59 * time.Minute), "too early: it is 59m0s old, not 1h0m0s"},
		{"expire after a freeze", expire(), aged(time.Hour), frozen, "too early: it is 59m0s old, not 1h0m0s"},
		{"expire by the clock", expire(), aged(time.Hour), func(s *step) { s.row.Actor = "ALICE" }, "only the clock may"},
		{"remind", newStep("reminded", "clock"), aged(10 * time.Minute), aged(9 * time.Minute), "too early: it is 9m0s old"},
		{"escalate", newStep("escalated", "clock"), aged(20 * time.Minute), aged(19 * time.Minute), "too early: it is 19m0s old"},
		{"approve in time", newStep("approval", "ALICE"), aged(59 * time.Minute), aged(time.Hour), "too late: it is 1h0m0s old"},
		{"approve after a freeze", newStep("approved", "ALICE"), func(s *step) { aged(time.Hour)(s); frozen(s) },
			func(s *step) { s.before.freezes = nil }, "too late: it is 1h0m0s old"},
		{"carry out", carryOut(), undecided, aged(59 * time.Minute), "too early: it is 59m0s old"},
		{"carry out a self report", carryOut(), undecided, func(s *step) { s.request.lane = authz.ThirdParty }, "the policy may not"},
		{"carry out what nobody wants to deny", carryOut(), undecided, func(s *step) { s.request.denying = true }, "an approver wants to deny it"},
		{"carry out no drill", carryOut(), undecided, func(s *step) { s.request.drill = true }, "the policy may not"},
		{"carry out nothing privileged", carryOut(), undecided,
			func(s *step) { s.request.target.privileged.set(true, noon) }, "privileged or unknown true"},
		{"carry out nothing protected", carryOut(), undecided,
			func(s *step) { s.now.Protected = []authz.Protection{{Users: []string{"CAROL"}, Approvals: 1}} }, "protected true"},
		{"carry out soon", carryOut(), undecided,
			func(s *step) { s.request.created = noon.Add(-2*time.Hour - time.Minute) }, "1h1m0s after its time"},
		{"call soon", again(), func(s *step) { s.executed(bot.Approved, saysWait) },
			func(s *step) { s.request.decided = noon.Add(-31 * time.Minute) }, "a first call 31m0s after the decision"},
		{"find a change", newStep("void", "policy"), undecided, aged(59 * time.Minute), "too early: it is 59m0s old"},
		{"leave to people", newStep("not_executed", "policy"), undecided, func(s *step) { s.request.executes = false }, "not for the policy"},
		{"call again", again(), second, func(s *step) { s.calls[0].at = noon.Add(-14 * time.Second) }, "a second call only 14s after the first"},
		{"call again soon", again(), second,
			func(s *step) { s.request.decided = noon.Add(-30 * time.Minute) }, "a second call 30m0s after the decision"},
	})
}
