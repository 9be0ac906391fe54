package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

func use(kind, who string, n int, within time.Duration) bot.Use {
	return bot.Use{Kind: kind, Who: who, Limit: authz.Limit{N: n, Within: within}}
}

// spent commits a new request with uses and returns the error.
func spent(t *testing.T, s *store.Store, id string, uses ...bot.Use) error {
	t.Helper()
	r := pending(id, id)
	_, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: uses})
	return err
}

// wantLimit checks for a *bot.LimitError of a kind and person, and when it is free.
func wantLimit(t *testing.T, when string, err error, want bot.Use, free time.Time) {
	t.Helper()
	limit, ok := errors.AsType[*bot.LimitError](err)
	if !ok || limit.Use != want || !limit.Free.Equal(free.Truncate(time.Microsecond)) {
		t.Errorf("%s: %+v, want %+v free at %s", when, err, want, free)
	}
}

func testLimit(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	two := use(bot.PerRequester, "entra-bob", 2, time.Hour)
	ok := func(when string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	first := c.now()
	ok("first", spent(t, s, "REQ-1", two))
	c.move(10 * time.Minute)
	second := c.now()
	ok("second", spent(t, s, "REQ-2", two))
	wantLimit(t, "third", spent(t, s, "REQ-3", two), two, first.Add(time.Hour))
	if _, err := s.Request(deadline(t), "REQ-3"); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("over the limit, and stored: %v", err)
	}
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d audit rows, want 2", len(rows))
	}
	ok("somebody else's", spent(t, s, "REQ-4", use(bot.PerRequester, "entra-dave", 2, time.Hour)))
	ok("another kind", spent(t, s, "REQ-5", use(bot.PerApprover, "entra-bob", 2, time.Hour)))

	c.set(first.Add(time.Hour - time.Microsecond))
	wantLimit(t, "just before the first leaves", spent(t, s, "REQ-6", two), two, first.Add(time.Hour))
	c.set(first.Add(time.Hour))
	ok("when the first leaves", spent(t, s, "REQ-7", two))
	wantLimit(t, "at once again", spent(t, s, "REQ-8", two), two, second.Add(time.Hour))

	// A lowered limit has room only when enough uses have left.
	one := use(bot.PerRequester, "entra-bob", 1, time.Hour)
	wantLimit(t, "lowered", spent(t, s, "REQ-9", one), one, first.Add(2*time.Hour))
}

// A use without a limit is neither counted nor stored.
func testNoLimit(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for i := range 5 {
		if err := spent(t, s, fmt.Sprint("REQ-", i), use(bot.Total, "", 0, 0), use(bot.Total, "", 0, time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := spent(t, s, "REQ-LIMITED", use(bot.Total, "", 1, time.Hour)); err != nil {
		t.Errorf("what was used without a limit counts: %v", err)
	}
}

// One change may have several uses, also of the same kind. If any limit is reached, none
// is stored.
func testManyUses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	total, target := use(bot.Total, "", 3, time.Hour), use(bot.PerTarget, "carol", 1, time.Minute)
	approver := use(bot.PerApprover, "entra-alice", 1, time.Hour)
	if err := spent(t, s, "REQ-1", total, target); err != nil {
		t.Fatal(err)
	}
	at := c.now()
	c.move(time.Second)
	wantLimit(t, "the second is used up", spent(t, s, "REQ-2", total, approver, target), target, at.Add(time.Minute))
	wantLimit(t, "twice in one change", spent(t, s, "REQ-3", total, total, total), total, at.Add(time.Hour))
	if err := spent(t, s, "REQ-4", total, approver, total); err != nil {
		t.Errorf("of a change that was refused something is counted: %v", err)
	}
	wantLimit(t, "all used", spent(t, s, "REQ-5", total), total, at.Add(time.Hour))
}

// A late commit gets a conflict, not a limit.
func testConflictBeforeLimit(t *testing.T, open opener) {
	s := open(t, newClock().now)
	one := use(bot.PerTarget, "carol", 1, time.Hour)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	approve := bot.Change{Request: r, Uses: []bot.Use{one}}
	approve.Request.State = bot.Approved
	commit(t, s, approve)
	if _, err := s.Commit(deadline(t), approve); !errors.Is(err, bot.ErrConflict) {
		t.Errorf("the second approval: %v, want ErrConflict", err)
	}
	create(t, s, pending("REQ-OTHER", "dave"))
	r = pending("REQ-THIRD", "dave")
	if _, err := s.Commit(deadline(t), bot.Change{Request: r, Uses: []bot.Use{one}}); !errors.Is(err, bot.ErrTaken) {
		t.Errorf("a second request: %v, want ErrTaken", err)
	}
}

func testLimitAtOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := deadline(t)
	const limit = 5
	stored := 0
	for i, err := range atOnce(50, func(i int) error {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: []bot.Use{use(bot.Total, "", limit, time.Hour)}})
		return err
	}) {
		if _, full := errors.AsType[*bot.LimitError](err); err != nil && !full {
			t.Fatalf("%d: %v", i, err)
		}
		if err == nil {
			stored++
		}
	}
	if rows := chain(t, s, ""); stored != limit || len(rows) != limit {
		t.Errorf("%d were let through and %d audit rows stored, want %d", stored, len(rows), limit)
	}
}

// A withdrawn decision gives back its uses, and a new decision counts again.
func testGivenBack(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	ask := use(bot.PerRequester, "entra-bob", 1, time.Hour)
	total, target := use(bot.Total, "", 2, time.Hour), use(bot.PerTarget, "carol", 1, time.Hour)
	alice, amir := use(bot.PerApprover, "entra-alice", 1, time.Hour), use(bot.PerApprover, "U-AMIR", 1, time.Hour)
	ownTarget, ownTotal := use(bot.OwnTarget, "carol", 1, time.Hour), use(bot.OwnTotal, "", 1, time.Hour)
	uses := []bot.Use{total, target, alice, amir, ownTarget, ownTotal}
	at := c.now()
	r := pending("REQ-1", "carol")
	r, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: append([]bot.Use{ask}, uses...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := spent(t, s, "REQ-OTHER", total); err != nil {
		t.Fatal(err)
	}
	full := func(when string, all ...bot.Use) {
		t.Helper()
		for i, u := range all {
			wantLimit(t, when, spent(t, s, fmt.Sprint("REQ-FULL-", i), u), u, at.Add(time.Hour))
		}
	}
	full("decided", append([]bot.Use{ask}, uses...)...)

	// A change that is not stored gives nothing back.
	stale := r
	stale.Version++
	if _, err := s.Commit(deadline(t), bot.Change{Request: stale, GivesBack: true}); !errors.Is(err, bot.ErrConflict) {
		t.Fatalf("a stale change: %v, want ErrConflict", err)
	}
	full("after a stale change", uses...)

	r = commit(t, s, bot.Change{Request: r, GivesBack: true, Kept: []string{"entra-amir", "U-AMIR"}})
	full("the ask, and whose approval is kept", ask, amir)
	c.move(time.Minute)
	again := []bot.Use{total, target, alice, ownTarget, ownTotal}
	r = commit(t, s, bot.Change{Request: r, Uses: again})
	full("somebody else's is not given back", use(bot.Total, "", 2, time.Hour))
	wantLimit(t, "decided again", spent(t, s, "REQ-2", target), target, at.Add(time.Hour+time.Minute))

	r = commit(t, s, bot.Change{Request: r, GivesBack: true})
	full("the ask", ask)
	commit(t, s, bot.Change{Request: r, GivesBack: true, Uses: append(again, amir)})
	wantLimit(t, "counted after it was given back", spent(t, s, "REQ-3", amir), amir, at.Add(time.Hour+time.Minute))

	// A replica of an earlier version stores no request ID: its uses stay.
	write, _ := s.Pools()
	old := use(bot.PerTarget, "dave", 1, time.Hour)
	if _, err := write.ExecContext(deadline(t), `INSERT INTO uses (kind, who, at) VALUES ($1, $2, $3)`, old.Kind, old.Who, c.now().UnixMicro()); err != nil {
		t.Fatal(err)
	}
	commit(t, s, bot.Change{Request: stored(t, s, r.ID), GivesBack: true})
	wantLimit(t, "of an earlier version", spent(t, s, "REQ-4", old), old, c.now().Add(time.Hour))
}

// While others give back, a commit either gets a limit or is let through.
func testGivenBackAtOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := deadline(t)
	for i, err := range atOnce(50, func(i int) error {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: []bot.Use{use(bot.Total, "", 1, time.Hour)}})
		if err != nil {
			return err
		}
		_, err = s.Commit(ctx, bot.Change{Request: r, GivesBack: true})
		return err
	}) {
		if _, full := errors.AsType[*bot.LimitError](err); err != nil && !full {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := spent(t, s, "REQ-LAST", use(bot.Total, "", 1, time.Hour)); err != nil {
		t.Errorf("all was given back: %v", err)
	}
}
