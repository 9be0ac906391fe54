package bot

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// The documented transitions; no other exists.
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

func TestTransitions(t *testing.T) {
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
				r.to(to)
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

// Every state that is not over leads to one that is, and what is over stays.
func TestEveryWayEnds(t *testing.T) {
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
	// Nothing that Microsoft accepted is ever taken back.
	for _, s := range States {
		for _, to := range next[s] {
			if s.Accepted() && !to.Accepted() {
				t.Errorf("%s goes back to %s", s, to)
			}
		}
	}
}

func TestPostsAndTries(t *testing.T) {
	at := func(n int) time.Time { return approvedAt.Add(time.Duration(n) * time.Second) }
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
		"none":                         {1, nil, 0, time.Time{}, 0, time.Time{}},
		"under way counts":             {1, []Attempt{a(1, 1, "")}, 1, at(1), 1, at(1)},
		"what was not done counts not": {1, []Attempt{a(1, 1, graph.NotDone), a(1, 2, graph.OutcomeUnknown)}, 1, at(2), 2, at(1)},
		"two of unknown effect":        {1, []Attempt{a(1, 1, graph.OutcomeUnknown), a(1, 2, graph.OutcomeUnknown)}, 2, at(1), 2, at(1)},
		"a new decision counts anew":   {2, []Attempt{a(1, 1, graph.OutcomeUnknown), a(2, 5, graph.NotDone)}, 0, time.Time{}, 1, at(5)},
		"a new decision with no call":  {2, []Attempt{a(1, 1, graph.OutcomeUnknown), a(1, 2, graph.OutcomeUnknown)}, 0, time.Time{}, 0, time.Time{}},
	} {
		r := Request{Decisions: make([]Verdict, row.decisions), Attempts: row.attempts}
		if n, first := r.unresolved(); n != row.posts || !first.Equal(row.firstPost) {
			t.Errorf("%s: %d posts from %s, want %d from %s", name, n, first, row.posts, row.firstPost)
		}
		if n, first := r.tries(); n != row.tries || !first.Equal(row.firstTry) {
			t.Errorf("%s: %d tries from %s, want %d from %s", name, n, first, row.tries, row.firstTry)
		}
	}
}

func TestRetryable(t *testing.T) {
	for name, row := range map[string]struct {
		scene scene
		after time.Duration // since the decision
		want  bool
	}{
		"failed":                   {newScene("", Failed), time.Minute, true},
		"failed, last moment":      {newScene("", Failed), retryWindow - 1, true},
		"failed, a day later":      {newScene("", Failed), retryWindow, false},
		"unknown, being found out": {newScene("", Unknown), unknownSoon - 1, false},
		"unknown for a minute":     {newScene("", Unknown), unknownSoon, true},
		"unknown, calls spent":     {newScene("", Unknown, twice), 30 * time.Second, true},
		"unknown, too old":         {newScene("", Unknown, twice), retryWindow, false},
	} {
		if got := row.scene.r.retryable(approvedAt.Add(row.after)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
	for _, s := range States {
		if s == Failed || s == Unknown {
			continue
		}
		if sc := newScene("", s, drillIfNeeded(s)); sc.r.retryable(approvedAt.Add(time.Minute)) {
			t.Errorf("%s is retryable", s)
		}
	}
	r := Request{State: Failed}
	if r.retryable(approvedAt) {
		t.Error("a request without a decision is retryable")
	}
}

func drillIfNeeded(s State) sceneOption {
	if s == Drilled {
		return drill
	}
	return func(*scene) {}
}

func TestStuck(t *testing.T) {
	newDecision := func(s *scene) {
		if len(s.r.Decisions) == 1 {
			s.r.Decisions = append(s.r.Decisions, Verdict{Kind: authz.Retry, SlackID: dave, At: approvedAt.Add(10 * time.Second)})
			s.r.Attempts = append(s.r.Attempts, Attempt{Decision: 2, BeganAt: approvedAt.Add(10 * time.Second), Outcome: graph.OutcomeUnknown})
		}
	}
	for name, row := range map[string]struct {
		scene scene
		after time.Duration // since the first call
		want  bool
	}{
		"one call":                        {newScene("", Unknown), unknownSoon - 1, false},
		"one call, a minute ago":          {newScene("", Unknown), unknownSoon, true},
		"two calls":                       {newScene("", Unknown, twice), 30 * time.Second, true},
		"two calls, revoked":              {newScene("", Revoked, seen, twice), time.Hour, false},
		"two calls, under way":            {newScene("", Executing, twice), time.Hour, false},
		"two calls before a new decision": {newScene("", Unknown, twice, newDecision), 30 * time.Second, false},
	} {
		if got := row.scene.r.stuck(approvedAt.Add(row.after)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

// What a verdict and an attempt are when there are none, and which is the last.
func TestTheLastVerdictAndAttempt(t *testing.T) {
	var r Request
	if r.verdict() != nil || r.attempt() != nil {
		t.Error("an empty request has a verdict or an attempt")
	}
	r.Decisions = []Verdict{{SlackID: alice}, {SlackID: dave}}
	r.Attempts = []Attempt{{Status: 1}, {Status: 2}}
	if r.verdict().SlackID != dave || r.attempt().Status != 2 {
		t.Error("not the last one")
	}
}

// owed says where each message goes, and that results are not held up by new cards.
func TestWhereMessagesGo(t *testing.T) {
	for _, s := range scenes() {
		keys := map[string]bool{}
		for i, p := range owed(&s.r, &s.v, cards, nil) {
			if keys[p.key] {
				t.Errorf("%s owes %s twice", s.name, p.key)
			}
			keys[p.key] = true
			if (i == 0) != (p.key == cardKey) {
				t.Errorf("%s: the card is not first", s.name)
			}
			if (p.to == "") != p.thread {
				t.Errorf("%s: %s goes to %q, thread %v", s.name, p.key, p.to, p.thread)
			}
			asks := s.r.State == Pending && (p.key == cardKey || strings.HasPrefix(p.key, unreachedKey))
			if asks != (p.urgency == ofCard) {
				t.Errorf("%s: %s waits behind results: %v", s.name, p.key, p.urgency == ofCard)
			}
			if p.key == cardKey && !asks && p.urgency != ofOutcome {
				t.Errorf("%s: the card's end waits", s.name)
			}
			if p.key == "target" && p.to != s.r.TargetSlackID {
				t.Errorf("%s tells %s that it happened", s.name, p.to)
			}
		}
		if over := s.r.State.Accepted() || s.r.State.Undone() || s.r.State == Failed || s.r.State == Drilled || s.r.State == Lost; over != keys["result:1"] && s.name != "expired_self" {
			if s.r.State != Expired && s.r.State != Void { // which has no decision to number it
				t.Errorf("%s: result in the thread: %v", s.name, keys["result:1"])
			}
		}
	}
}
