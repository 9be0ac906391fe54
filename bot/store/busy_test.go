package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// persistWithin is how long the socket waits for the store before it tells the person
// that nothing was stored.
const persistWithin = 1500 * time.Millisecond

// While somebody else locks the database, a writer gets an error in time, and none of
// the failed writes is there later.
func TestSQLite_BusyFailsInTime(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	do(t, raw, `BEGIN IMMEDIATE`)
	writes := []func(context.Context) error{
		func(ctx context.Context) error { _, _, err := s.Receive(ctx, arrival(1)); return err },
		func(ctx context.Context) error { _, _, err := s.Receive(ctx, arrival(2)); return err },
		func(ctx context.Context) error {
			mine := r
			mine.State = bot.Approved
			_, err := s.Commit(ctx, bot.Change{Request: mine, Audit: []bot.Entry{{Action: "approved"}}})
			return err
		},
		func(ctx context.Context) error { return s.OpenHome(ctx, "U-BOB") },
		func(ctx context.Context) error { return s.Record(ctx, 0, bot.Entry{Action: "refused"}) },
		func(ctx context.Context) error { _, _, err := s.ClaimTelling(ctx, r.ID); return err },
	}
	took := make([]time.Duration, len(writes))
	for i, err := range atOnce(len(writes), func(i int) error {
		ctx, cancel := context.WithTimeout(context.Background(), persistWithin)
		defer cancel()
		began := time.Now()
		err := writes[i](ctx)
		took[i] = time.Since(began)
		return err
	}) {
		if err == nil || errors.Is(err, bot.ErrConflict) || errors.Is(err, bot.ErrTaken) {
			t.Errorf("write %d: %v, want a failure", i, err)
		}
		if took[i] > persistWithin+time.Second {
			t.Errorf("write %d failed only after %v", i, took[i])
		}
		t.Logf("write %d: %v after %v", i, err, took[i].Round(time.Millisecond))
	}
	// Reading still works.
	if got := stored(t, s, r.ID); got.State != bot.Pending {
		t.Errorf("state %s", got.State)
	}
	chain(t, s, "")
	do(t, raw, `ROLLBACK`)

	c.move(time.Minute)
	wantDue(t, s, "afterwards", 0, 0)
	if got := stored(t, s, r.ID); got.Version != 1 {
		t.Errorf("version %d", got.Version)
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("%d audit rows, want 1", len(rows))
	}
	receive(t, s, arrival(1))
	turn(t, s, r, bot.Approved)
}

// A lock released within busy_timeout only costs time.
func TestSQLite_BusyForAMoment(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	do(t, raw, `BEGIN IMMEDIATE`)
	done := make(chan error, 1)
	ctx := deadline(t)
	go func() {
		_, _, err := s.Receive(ctx, arrival(1))
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("a write got past the lock: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	do(t, raw, `ROLLBACK`)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
