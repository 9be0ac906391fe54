package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// confirmed is a stored request, approved now and due at once.
func confirmed(t *testing.T, s *store.Store, c *clock, id string) bot.Request {
	t.Helper()
	r := create(t, s, pending(id, "target of "+id))
	r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U-ALICE", At: c.now()}}
	r.DueAt = c.now()
	return turn(t, s, r, bot.Approved)
}

// goes tries to begin a call and returns the request or the error.
func goes(t *testing.T, s *store.Store, r bot.Request) (bot.Request, error) {
	t.Helper()
	r.State = bot.Executing
	return s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{{Action: "executing", Request: r.ID}}, InTurn: true})
}

// wantTurn checks for a *bot.TurnError, and that nothing was stored.
func wantTurn(t *testing.T, s *store.Store, when string, r bot.Request, until time.Time, ahead int) {
	t.Helper()
	_, err := goes(t, s, r)
	no, ok := errors.AsType[*bot.TurnError](err)
	if !ok || no.Ahead != ahead || !no.Until.Equal(until.Truncate(time.Microsecond)) {
		t.Errorf("%s: %+v, want until %s and %d ahead", when, err, until, ahead)
	}
	if got := stored(t, s, r.ID); got.Version != r.Version || got.State != bot.Approved {
		t.Errorf("%s: it is stored as %s, version %d", when, got.State, got.Version)
	}
}

// wait makes a request wait, as the bot does after a *bot.TurnError.
func wait(t *testing.T, s *store.Store, r bot.Request, until time.Time) bot.Request {
	t.Helper()
	r.DueAt = until
	return commit(t, s, bot.Change{Request: r})
}

func must(t *testing.T, r bot.Request, err error) bot.Request {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// There is no line while Microsoft accepts everything.
func testNoLine(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first, second := confirmed(t, s, c, "REQ-1"), confirmed(t, s, c, "REQ-2")
	c.move(time.Second)
	must(goesOf(t, s, second))
	r := must(goesOf(t, s, first))
	r.State = bot.Revoked
	commit(t, s, bot.Change{Request: r, Answered: true})
}

func goesOf(t *testing.T, s *store.Store, r bot.Request) (*testing.T, bot.Request, error) {
	t.Helper()
	got, err := goes(t, s, r)
	return t, got, err
}

// If Microsoft asks to wait, all wait. Then they go in the order of their confirmation,
// with pauses, until Microsoft accepts everything again.
func testLine(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	var line []bot.Request
	for i := range 6 {
		line = append(line, confirmed(t, s, c, fmt.Sprintf("REQ-%d", i)))
		c.move(time.Millisecond)
	}
	throttled := must(goesOf(t, s, line[0]))
	throttled.State, throttled.DueAt = bot.Approved, c.now().Add(time.Minute)
	line[0] = commit(t, s, bot.Change{Request: throttled, Pushback: time.Minute})
	open1 := c.now().Add(time.Minute)

	// The last one tries first.
	wantTurn(t, s, "while Microsoft wants quiet", line[5], open1.Add(5*time.Second), 5)
	for i := 1; i < 6; i++ {
		line[i] = wait(t, s, line[i], open1.Add(time.Duration(i)*time.Second))
	}
	if w := due(t, s); len(w.Drive) != 0 {
		t.Errorf("%d are due although all wait", len(w.Drive))
	}

	c.set(open1)
	wantTurn(t, s, "the first may go, not the second", line[1], open1.Add(time.Second), 1)
	first := must(goesOf(t, s, line[0]))
	c.move(500 * time.Millisecond)
	wantTurn(t, s, "half a pause later", line[1], open1.Add(time.Second), 0)

	// If Microsoft asks again, the pause doubles.
	first.State, first.DueAt = bot.Approved, c.now().Add(10*time.Second)
	line[0] = commit(t, s, bot.Change{Request: first, Pushback: 10 * time.Second})
	open2 := c.now().Add(10 * time.Second)
	wantTurn(t, s, "after the second no", line[2], open2.Add(4*time.Second), 2)

	// Each accepted call halves it; the last one frees everybody.
	c.set(open2)
	for i, pause := range []time.Duration{time.Second, 500 * time.Millisecond, 250 * time.Millisecond, 125 * time.Millisecond} {
		r := must(goesOf(t, s, line[i]))
		r.State, r.DueAt = bot.Revoked, time.Time{}
		commit(t, s, bot.Change{Request: r, Answered: true})
		wantTurn(t, s, fmt.Sprintf("right after %d", i), line[5], c.now().Add(2*pause).Add(time.Duration(4-i)*pause), 4-i)
		c.move(2 * pause)
	}
	r := must(goesOf(t, s, line[4]))
	r.State, r.DueAt = bot.Revoked, time.Time{}
	line[5] = wait(t, s, line[5], c.now().Add(time.Hour))
	commit(t, s, bot.Change{Request: r, Answered: true})
	if w := due(t, s); !slices.ContainsFunc(w.Drive, func(r bot.Request) bool { return r.ID == "REQ-5" }) {
		t.Errorf("the last is not let go: %+v", w.Drive)
	}
	must(goesOf(t, s, line[5]))
	chain(t, s, "")
}

// A request that may go and does not is left behind. One that waits for something else
// lets others pass.
func testLineStuck(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	stuck, later, third := confirmed(t, s, c, "REQ-1"), confirmed(t, s, c, "REQ-2"), confirmed(t, s, c, "REQ-3")
	c.move(time.Millisecond)
	other := must(goesOf(t, s, confirmed(t, s, c, "REQ-0")))
	other.State, other.DueAt = bot.Failed, time.Time{}
	commit(t, s, bot.Change{Request: other, Pushback: time.Second})
	_ = wait(t, s, later, c.now().Add(time.Hour))
	third.Decisions[0].At = c.now()
	third = wait(t, s, third, c.now())
	c.move(2 * time.Second)
	wantTurn(t, s, "behind one who may go", third, c.now().Add(2*time.Second), 2)
	c.move(31 * time.Second)
	must(goesOf(t, s, third))
	_ = stuck
}

// Of fifty at once, in any processes, one goes.
func testLineAtOnce(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := must(goesOf(t, s, confirmed(t, s, c, "REQ-FIRST")))
	first.State, first.DueAt = bot.Failed, time.Time{}
	commit(t, s, bot.Change{Request: first, Pushback: time.Second})
	var line []bot.Request
	for i := range 50 {
		line = append(line, confirmed(t, s, c, fmt.Sprintf("REQ-%d", i)))
		c.move(time.Millisecond)
	}
	c.move(time.Second)
	went := 0
	for i, err := range atOnce(50, func(i int) error { _, err := goes(t, s, line[i]); return err }) {
		if _, turn := errors.AsType[*bot.TurnError](err); err == nil && i == 0 {
			went++
		} else if !turn {
			t.Errorf("%d: %v", i, err)
		}
	}
	if went != 1 {
		t.Errorf("%d went, want the first alone", went)
	}
}
