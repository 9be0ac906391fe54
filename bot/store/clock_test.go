package store_test

import (
	"fmt"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// setBack lists how a clock is found three hours back: while the store is open, or at
// the next start.
var setBack = map[string]func(t *testing.T, c *clock, s *store.Store, again func() *store.Store) *store.Store{
	"while it runs": func(_ *testing.T, c *clock, s *store.Store, _ func() *store.Store) *store.Store {
		c.move(-3 * time.Hour)
		return s
	},
	"before a start": func(t *testing.T, c *clock, s *store.Store, again func() *store.Store) *store.Store {
		closeStore(t, s)
		c.move(-3 * time.Hour)
		return again()
	},
}

// TestClockSetBack: waiting work waits no longer than before, on both databases, in the
// same process and in the next.
func TestClockSetBack(t *testing.T) {
	for engine, address := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + newPath(t) },
		"postgres": func(t *testing.T) string { return newDatabase(t, shared(t)) },
	} {
		for when, back := range setBack {
			for name, play := range map[string]func(t *testing.T, c *clock, s *store.Store) (after func(t *testing.T, s *store.Store)){
				"the turnstile":     setBackTurnstile,
				"a retry":           setBackRetry,
				"a pending request": setBackPending,
				"an arrival":        setBackArrival,
				"a telling":         setBackTelling,
				"a notice":          setBackNotice,
				"a Home tab":        setBackHome,
				"refused Home tabs": setBackRefusedHomes,
				"a limit":           setBackLimit,
				"a freeze":          setBackFreeze,
				"a replica":         setBackReplica,
				"retention":         setBackRetention,
				"the chain":         setBackChain,
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", engine, when, name), func(t *testing.T) {
					t.Parallel()
					c, url := newClock(), address(t)
					open := func() *store.Store {
						s, err := store.Open(deadline(t), url, store.Options{Exclusive: true, Now: c.now})
						if err != nil {
							t.Fatal(err)
						}
						return s
					}
					s := open()
					after := play(t, c, s)
					s = back(t, c, s, open)
					defer closeStore(t, s)
					after(t, s)
				})
			}
		}
	}
}

// Microsoft asked for seconds: this must not become three hours.
func setBackTurnstile(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	throttled := must(goesOf(t, s, confirmed(t, s, c, "REQ-0")))
	c.move(time.Millisecond)
	next := confirmed(t, s, c, "REQ-1")
	throttled.State, throttled.DueAt = bot.Approved, c.now().Add(10*time.Second)
	commit(t, s, bot.Change{Request: throttled, Pushback: 10 * time.Second})
	wantTurn(t, s, "while Microsoft wants quiet", next, c.now().Add(10*time.Second+time.Second), 1)
	return func(t *testing.T, s *store.Store) {
		due(t, s) // the clock's round
		must(goesOf(t, s, stored(t, s, next.ID)))
	}
}

func setBackRetry(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	r := confirmed(t, s, c, "REQ-0")
	r.DueAt = c.now().Add(10 * time.Second)
	commit(t, s, bot.Change{Request: r})
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(9 * time.Second)
		wantDue(t, s, "a second too early", 0, 0)
		c.move(time.Second)
		wantDue(t, s, "after the wait", 0, 1)
	}
}

// Its deadline and its times since creation move along.
func setBackPending(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	r := waiting(t, s, c, "REQ-0", bot.Pending)
	wait := r.DueAt.Sub(r.CreatedAt)
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		got := stored(t, s, r.ID)
		if ends := got.ExpiresAt.Add(got.Paused).Sub(c.now()); ends > wait+time.Second || ends < wait-time.Second {
			t.Errorf("its time ends in %s, want %s", ends, wait)
		}
		if got.Version == r.Version {
			t.Error("nobody draws its card again")
		}
		wantTell(t, s, "the new deadline is told", r.ID)
		c.move(wait)
		wantDue(t, s, "at its deadline", 0, 1)
	}
}

func setBackArrival(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	receive(t, s, arrival(1)) // and its owner never comes back
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(bot.ClaimFor)
		if w := due(t, s); len(w.Arrivals) == 0 {
			again := stored1(t, s)
			t.Errorf("nobody may take it up: %+v", again)
		}
		c.move(31 * time.Minute)
		if err := s.Forget(deadline(t), 0); err != nil {
			t.Fatal(err)
		}
		a := stored1(t, s)
		if a.ResponseURL != "" || a.TriggerID != "" {
			t.Error("its secrets are kept for as long as the clock was set back")
		}
	}
}

func stored1(t *testing.T, s *store.Store) bot.Arrival {
	t.Helper()
	a, err := s.Arrival(deadline(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func setBackTelling(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	r := create(t, s, pending("REQ-0", "target"))
	if _, mine, err := s.ClaimTelling(deadline(t), r.ID); !mine || err != nil {
		t.Fatal(mine, err)
	}
	other := create(t, s, pending("REQ-1", "other"))
	told, mine, err := s.ClaimTelling(deadline(t), other.ID)
	if !mine || err != nil {
		t.Fatal(mine, err)
	}
	if _, _, err := s.Told(deadline(t), told, other.Version, bot.Retry{At: c.now().Add(10 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(bot.ClaimFor)
		wantTell(t, s, "after the claim", r.ID, other.ID)
	}
}

func setBackNotice(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	announce(t, s, notice("key"))
	create(t, s, pending("REQ-0", "target"))
	w := due(t, s)
	if len(w.Notices) != 1 {
		t.Fatalf("%+v", w)
	}
	if err := s.Announced(deadline(t), w.Notices[0], bot.Retry{At: c.now().Add(10 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, s *store.Store) {
		if w := due(t, s); len(w.Notices) != 1 {
			t.Error("it is not tried again")
		}
	}
}

// Its pause, retry and claim are as long as they were, and it is forgotten in time.
func setBackHome(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	openHome(t, s, "U-CLAIMED", "U-RETRIED", "U-SHOWN")
	for _, h := range dueHomes(t, s) {
		switch h.SlackID {
		case "U-RETRIED":
			published(t, s, h, false, bot.Retry{At: c.now().Add(10 * time.Minute)})
		case "U-SHOWN":
			published(t, s, h, false, bot.Retry{})
		}
	}
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(time.Second)
		openHome(t, s, "U-SHOWN")
		c.move(bot.ClaimFor)
		wantHomes(t, s, "after the pause and the claim", "U-CLAIMED", "U-RETRIED", "U-SHOWN")
		c.move(bot.HomeLife - bot.ClaimFor - time.Second)
		oweHomes(t, s, "") // concerns all: their claims have lapsed
		wantHomes(t, s, "an hour later, only the last one is open", "U-SHOWN")
	}
}

func setBackRefusedHomes(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	openHome(t, s, "U-DAVE")
	for _, h := range dueHomes(t, s) {
		published(t, s, h, false, bot.Retry{})
	}
	noteHomeTab(t, s, "not_enabled")
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(bot.HomeRefusedFor)
		openHome(t, s, "U-BOB")
		wantHomes(t, s, "after an hour", "U-BOB")
	}
}

// A use counts for as long as its limit says, and no longer.
func setBackLimit(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	use := bot.Use{Kind: bot.PerTarget, Who: "target", Limit: authz.Limit{N: 1, Within: time.Hour}}
	r := create(t, s, pending("REQ-0", "target"))
	r = commit(t, s, bot.Change{Request: r, Uses: []bot.Use{use}})
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		if _, err := s.Commit(deadline(t), bot.Change{Request: stored(t, s, r.ID), Uses: []bot.Use{use}}); err == nil {
			t.Error("the use is forgotten")
		}
		c.move(time.Hour + time.Second)
		if _, err := s.Commit(deadline(t), bot.Change{Request: stored(t, s, r.ID), Uses: []bot.Use{use}}); err != nil {
			t.Errorf("after the hour: %v", err)
		}
	}
}

func setBackFreeze(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	f := freeze(t, s, c)
	length := f.Until.Sub(f.BeganAt)
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		got, on, err := s.Frozen(deadline(t))
		if !on || err != nil {
			t.Fatalf("the freeze is over: %v", err)
		}
		if left := got.Until.Sub(c.now()); left > length || left < length-time.Second {
			t.Errorf("it lasts %s from now, and was meant to last %s in all", left, length)
		}
	}
}

func setBackReplica(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	if _, err := s.Beat(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(time.Minute)
		if live, err := s.Beat(deadline(t)); live != 1 || err != nil {
			t.Errorf("%d, %v: one that is gone counts", live, err)
		}
	}
}

func setBackRetention(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	r := create(t, s, pending("REQ-0", "target"))
	r.DueAt = time.Time{}
	turn(t, s, r, bot.Expired)
	return func(t *testing.T, s *store.Store) {
		due(t, s)
		c.move(time.Hour + time.Second)
		if err := s.Forget(deadline(t), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, s, r.ID); got.Words.Reason != "" {
			t.Error("the words are kept for as long as the clock was set back")
		}
	}
}

// Rows never go back in time; Clock has the real time.
func setBackChain(t *testing.T, c *clock, s *store.Store) func(*testing.T, *store.Store) {
	create(t, s, pending("REQ-0", "target"))
	return func(t *testing.T, s *store.Store) {
		for i := range 2 {
			create(t, s, pending(fmt.Sprintf("REQ-%d", i+1), fmt.Sprintf("target %d", i)))
			c.move(time.Minute)
		}
		rows := chain(t, s, "")
		for i := range rows[1:] {
			if rows[i+1].At.Before(rows[i].At) {
				t.Errorf("row %d says %s, and row %d after it %s", i+1, rows[i].At, i+2, rows[i+1].At)
			}
		}
		if last := rows[len(rows)-1]; !last.Clock.Equal(c.now().Add(-time.Minute).Truncate(time.Microsecond)) {
			t.Errorf("the last row says that the clock said %s", last.Clock)
		}
	}
}

// TestClockSetBack_IsReportedOnce: with its amount; two seconds do not count.
func TestClockSetBack_IsReportedOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openSQLite(t, c.now)
	due(t, s)
	c.move(-2 * time.Second)
	if w := due(t, s); w.SetBack != 0 {
		t.Errorf("two seconds: %s", w.SetBack)
	}
	c.move(-time.Hour)
	if w := due(t, s); w.SetBack != time.Hour+2*time.Second {
		t.Errorf("%s, want an hour and two seconds", w.SetBack)
	}
	if w := due(t, s); w.SetBack != 0 {
		t.Errorf("told again: %s", w.SetBack)
	}
	c.move(5 * time.Hour)
	if w := due(t, s); w.SetBack != 0 {
		t.Errorf("set forward: %s", w.SetBack)
	}
}
