package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

func testCreateAndChange(t *testing.T, open opener) {
	s := open(t, newClock().now)
	if _, err := s.Request(deadline(t), "REQ-ACDEFG"); !errors.Is(err, bot.ErrNoRequest) {
		t.Fatalf("before: %v, want ErrNoRequest", err)
	}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	if r.Version != 1 || r.State != bot.Pending {
		t.Errorf("created version %d in state %s", r.Version, r.State)
	}
	r.State = bot.Approved
	r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U-ALICE", EntraID: "entra-alice", At: noon}}
	r = commit(t, s, bot.Change{Request: r})
	if r.Version != 2 {
		t.Errorf("changed to version %d, want 2", r.Version)
	}
	got := stored(t, s, r.ID)
	if got.State != bot.Approved || got.Version != 2 || len(got.Decisions) != 1 {
		t.Errorf("stored state %s, version %d, decisions %v", got.State, got.Version, got.Decisions)
	}
	// A version that never existed is a conflict, and so is a change of a request that
	// does not exist.
	for _, c := range []bot.Request{{ID: r.ID, Version: 7, State: bot.Denied}, {ID: "REQ-NOBODY", Version: 1, State: bot.Denied}} {
		if _, err := s.Commit(deadline(t), bot.Change{Request: c}); !errors.Is(err, bot.ErrConflict) {
			t.Errorf("commit of %s version %d: %v, want ErrConflict", c.ID, c.Version, err)
		}
	}
}

// Times inside the request keep their nanoseconds. DueAt is database time in
// microseconds. The store sets Paused.
func testEveryField(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := filled[bot.Request]()
	r.Version, r.State = 0, bot.Pending
	create(t, s, r)
	for _, state := range []bot.State{bot.Pending, bot.Executing} {
		got := stored(t, s, r.ID)
		want := r
		want.State, want.Version, want.DueAt, want.Paused = state, got.Version, r.DueAt.Truncate(time.Microsecond), 0
		want.StalledAt = time.Time{} // a column that only Stall writes
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
		if r.DueAt.Equal(want.DueAt) {
			t.Fatal("the fixture has no nanoseconds to lose")
		}
		turn(t, s, got, bot.Executing)
	}
}

func testNoField(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := bot.Request{ID: "REQ-ACDEFG", State: bot.Pending}
	commit(t, s, bot.Change{Request: r})
	got := stored(t, s, r.ID)
	r.Version = 1
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.DueAt.IsZero() || !got.AcceptedAt.IsZero() || !got.Before.RefreshTokens.IsZero() {
		t.Errorf("zero times came back as %v, %v, %v", got.DueAt, got.AcceptedAt, got.Before.RefreshTokens)
	}
}

// The caller continues with the result of Commit and does not read again.
func testCommitAnswers(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := pending("REQ-ACDEFG", "carol")
	r.Paused = time.Hour
	answered := create(t, s, r)
	if diff := cmp.Diff(stored(t, s, r.ID), answered); diff != "" {
		t.Errorf("created (-stored +answered):\n%s", diff)
	}
	changed := answered
	changed.DueAt, changed.Paused = noon, 0
	changed = commit(t, s, bot.Change{Request: changed})
	if diff := cmp.Diff(stored(t, s, r.ID), changed); diff != "" {
		t.Errorf("changed (-stored +answered):\n%s", diff)
	}
	answered = changed
	rows := []bot.Entry{requested(answered)}
	commit(t, s, bot.Change{Request: answered, Audit: rows})
	if diff := cmp.Diff([]bot.Entry{requested(answered)}, rows); diff != "" {
		t.Errorf("the caller's audit rows were changed (-want +got):\n%s", diff)
	}
	stale := r
	stale.Version = 9
	if got, err := s.Commit(deadline(t), bot.Change{Request: stale}); err == nil || got.ID != "" {
		t.Errorf("a refused commit answers %q, %v", got.ID, err)
	}
}

func testOneCommitWins(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	ctx := deadline(t)
	errs := atOnce(100, func(i int) error {
		mine := r
		mine.State = bot.Approved
		mine.Decisions = []bot.Verdict{{SlackID: fmt.Sprint("U", i)}}
		_, err := s.Commit(ctx, bot.Change{Request: mine, Audit: []bot.Entry{{Action: "approved", Request: r.ID, Actor: fmt.Sprint("U", i)}}})
		return err
	})
	winner := oneWinner(t, errs, bot.ErrConflict)
	got := stored(t, s, r.ID)
	if got.Version != 2 || got.Decisions[0].SlackID != fmt.Sprint("U", winner) {
		t.Errorf("stored version %d decided by %s, want 2 by U%d", got.Version, got.Decisions[0].SlackID, winner)
	}
	rows := chain(t, s, "")
	if len(rows) != 2 || rows[1].Actor != fmt.Sprint("U", winner) {
		t.Errorf("audit rows %v, want one creation and one decision by U%d", rows, winner)
	}
}

func testOneCreates(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := deadline(t)
	errs := atOnce(100, func(i int) error {
		r := pending(fmt.Sprint("REQ-", i), "carol")
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
		return err
	})
	winner := oneWinner(t, errs, bot.ErrTaken)
	if rows := chain(t, s, ""); len(rows) != 1 || rows[0].Request != fmt.Sprint("REQ-", winner) {
		t.Errorf("audit rows %v, want one of REQ-%d", rows, winner)
	}
}

// oneWinner checks that one error is nil and all others are lost. It returns the
// winner's index.
func oneWinner(t *testing.T, errs []error, lost error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Fatalf("both %d and %d won", winner, i)
		case !errors.Is(err, lost):
			t.Fatalf("%d: %v, want %v", i, err, lost)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

func testTaken(t *testing.T, open opener) {
	s := open(t, newClock().now)
	first := create(t, s, pending("REQ-ACDEFG", "carol"))
	try := func(id, target string, lane authz.Lane, drill bool) error {
		r := pending(id, target)
		r.Lane, r.Drill = lane, drill
		_, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
		return err
	}
	for _, row := range []struct {
		name, id, target string
		lane             authz.Lane
		drill            bool
		want             error
	}{
		{"the same again", "REQ-SECOND", "carol", authz.ThirdParty, false, bot.ErrTaken},
		{"the same ID", "REQ-ACDEFG", "dave", authz.ThirdParty, false, bot.ErrTaken},
		{"the other lane", "REQ-SELF", "carol", authz.Self, false, nil},
		{"a drill", "REQ-DRILL", "carol", authz.ThirdParty, true, nil},
		{"another target", "REQ-DAVE", "dave", authz.ThirdParty, false, nil},
		{"the drill again", "REQ-DRILL2", "carol", authz.ThirdParty, true, bot.ErrTaken},
	} {
		if err := try(row.id, row.target, row.lane, row.drill); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
	if rows := chain(t, s, "REQ-SECOND"); len(rows) != 0 {
		t.Errorf("a refused request left audit rows: %v", rows)
	}
	turn(t, s, first, bot.Approved)
	if err := try("REQ-SECOND", "carol", authz.ThirdParty, false); err != nil {
		t.Errorf("once the first is decided: %v", err)
	}
	if err := try("REQ-ACDEFG", "erin", authz.ThirdParty, false); !errors.Is(err, bot.ErrTaken) {
		t.Errorf("the ID of a decided request: %v, want ErrTaken", err)
	}
}

// A transaction writes its audit row last, which fails in the year 10000, at the test's
// will.
func testAllOrNothing(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	old := create(t, s, pending("REQ-OLD", "dave"))
	a := receive(t, s, arrival(1))
	fail := func(change bot.Change) {
		t.Helper()
		before := c.now()
		c.set(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
		defer c.set(before)
		if _, err := s.Commit(deadline(t), change); err == nil {
			t.Error("a transaction with an audit row that cannot be written was committed")
		}
	}
	fresh := pending("REQ-NEW", "carol")
	fail(bot.Change{Request: fresh, Audit: []bot.Entry{requested(fresh)}, Settles: a.ID})
	changed := old
	changed.Words.Reason = "changed"
	changed.Seen = true
	fail(bot.Change{Request: changed, Audit: []bot.Entry{requested(changed)}, Settles: a.ID})

	if _, err := s.Request(deadline(t), fresh.ID); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("the new request: %v, want ErrNoRequest", err)
	}
	if got := stored(t, s, old.ID); got.Version != 1 || got.Seen || got.Words.Reason != "stolen laptop" {
		t.Errorf("the old request changed: version %d, seen %v, reason %q", got.Version, got.Seen, got.Words.Reason)
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("%d audit rows, want 1", len(rows))
	}
	c.move(10 * time.Second)
	wantDue(t, s, "after the failures", 1, 0)

	commit(t, s, bot.Change{Request: fresh, Audit: []bot.Entry{requested(fresh)}, Settles: a.ID})
	c.move(10 * time.Second)
	wantDue(t, s, "after the success", 0, 0)
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d audit rows, want 2", len(rows))
	}
}

func testKeep(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := pending("REQ-ACDEFG", "carol")
	r.DueAt = c.now()
	kept := commit(t, s, bot.Change{Request: r, Keep: true})
	wantDue(t, s, "kept", 0, 0)
	c.move(10*time.Second - time.Microsecond)
	wantDue(t, s, "just before the claim lapses", 0, 0)
	kept = commit(t, s, bot.Change{Request: kept, Keep: true})
	c.move(10*time.Second - time.Microsecond)
	wantDue(t, s, "renewed", 0, 0)
	c.move(time.Microsecond)
	wantDue(t, s, "lapsed", 0, 1)
	wantDue(t, s, "claimed by the clock", 0, 0)
	commit(t, s, bot.Change{Request: kept})
	wantDue(t, s, "not kept", 0, 1)
}

// A caller whose context ends gets the truth: with an error nothing was stored, whenever
// it ended.
func testCancelledCommit(t *testing.T, open opener) {
	s := open(t, newClock().now)
	failed := 0
	for i := range 200 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(600))*time.Microsecond)
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
		cancel()
		_, missing := s.Request(deadline(t), r.ID)
		if (err == nil) != (missing == nil) {
			t.Fatalf("commit said %v, a read says %v", err, missing)
		}
		if err != nil {
			failed++
		}
	}
	if rows := chain(t, s, ""); len(rows) != 200-failed {
		t.Errorf("%d audit rows of %d commits", len(rows), 200-failed)
	}
}
