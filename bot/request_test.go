package bot

import (
	"testing"
	"time"

	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// documented lists the only transitions that exist.
var documented = map[State][]State{
	Pending:       {Approved, Denied, Cancelled, Expired, Void, Lost},
	Approved:      {Executing, Denied, Pending, Failed, Void, Lost},
	Executing:     {Revoked, Failed, Approved, Unknown, Drilled, Lost},
	Unknown:       {Revoked, Executing, Approved, Failed, Lost},
	Revoked:       {Verified, NotVisibleYet, Unreachable},
	NotVisibleYet: {Verified, Unreachable},
	Unreachable:   {Verified, NotVisibleYet},
	Failed:        {Approved, Lost},
}

func TestRequest_Transitions(t *testing.T) {
	for _, from := range States {
		for _, to := range States {
			want := false
			for _, s := range documented[from] {
				want = want || s == to
			}
			if got := from.May(to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
			r := Request{ID: "REQ-7F3K4M", State: from}
			panicked := func() (p bool) {
				defer func() { p = recover() != nil }()
				r.To(to)
				return false
			}()
			if panicked == (want || from == to) {
				t.Errorf("%s to %s: panicked=%v", from, to, panicked)
			}
			if panicked && r.State != from || !panicked && r.State != to {
				t.Errorf("%s to %s ended in %s", from, to, r.State)
			}
		}
	}
	if State("").May(Pending) || Pending.May("") {
		t.Error("no state at all is a state")
	}
}

// TestRequest_TransitionsEnd: a state that is not over leads on, and a state that is
// over does not.
func TestRequest_TransitionsEnd(t *testing.T) {
	over := map[State]bool{Verified: true, Drilled: true, Denied: true, Cancelled: true, Expired: true, Void: true, Lost: true}
	for _, s := range States {
		if over[s] && len(next[s]) > 0 {
			t.Errorf("%s is over and goes on to %v", s, next[s])
		}
		if !over[s] && len(next[s]) == 0 {
			t.Errorf("%s is not over and goes nowhere", s)
		}
		if s.Accepted() && s.Undone() {
			t.Errorf("%s is accepted and undone", s)
		}
	}
	// Nothing that Microsoft accepted goes back.
	for _, s := range States {
		for _, to := range next[s] {
			if s.Accepted() && !to.Accepted() {
				t.Errorf("%s goes back to %s", s, to)
			}
		}
	}
}

func TestRequest_UnresolvedAndTries(t *testing.T) {
	at := func(n int) time.Time { return bottest.ApprovedAt.Add(time.Duration(n) * time.Second) }
	a := func(decision, second int, o graph.Outcome) Attempt {
		return Attempt{Decision: decision, BeganAt: at(second), Outcome: o}
	}
	for name, row := range map[string]struct {
		decisions int
		attempts  []Attempt
		posts     int
		firstPost time.Time
		tries     int
		firstTry  time.Time
	}{
		"none":                          {1, nil, 0, time.Time{}, 0, time.Time{}},
		"under way counts":              {1, []Attempt{a(1, 1, "")}, 1, at(1), 1, at(1)},
		"a refused call does not count": {1, []Attempt{a(1, 1, graph.NotDone), a(1, 2, graph.OutcomeUnknown)}, 1, at(2), 2, at(1)},
		"two of unknown effect":         {1, []Attempt{a(1, 1, graph.OutcomeUnknown), a(1, 2, graph.OutcomeUnknown)}, 2, at(1), 2, at(1)},
		"a new decision starts at zero": {2, []Attempt{a(1, 1, graph.OutcomeUnknown), a(2, 5, graph.NotDone)}, 0, time.Time{}, 1, at(5)},
		"a new decision with no call":   {2, []Attempt{a(1, 1, graph.OutcomeUnknown), a(1, 2, graph.OutcomeUnknown)}, 0, time.Time{}, 0, time.Time{}},
	} {
		r := Request{Decisions: make([]Verdict, row.decisions), Attempts: row.attempts}
		if n, first := r.Calls().Unresolved(); n != row.posts || !first.Equal(row.firstPost) {
			t.Errorf("%s: %d posts from %s, want %d from %s", name, n, first, row.posts, row.firstPost)
		}
		if n, first := r.Calls().Tries(); n != row.tries || !first.Equal(row.firstTry) {
			t.Errorf("%s: %d tries from %s, want %d from %s", name, n, first, row.tries, row.firstTry)
		}
	}
}

// TestRequest_LastVerdictAndAttempt: both are nil if there are none.
func TestRequest_LastVerdictAndAttempt(t *testing.T) {
	var r Request
	if r.Verdict() != nil || r.Attempts.Last() != nil {
		t.Error("an empty request has a verdict or an attempt")
	}
	r.Decisions = []Verdict{{SlackID: bottest.Alice}, {SlackID: bottest.Dave}}
	r.Attempts = []Attempt{{Status: 1}, {Status: 2}}
	if r.Verdict().SlackID != bottest.Dave || r.Attempts.Last().Status != 2 {
		t.Error("not the last one")
	}
}
