package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// A mark tells what became of its transaction, as long as it is kept.
func TestMarks(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	s, raw := openURL(t, url, store.Options{Exclusive: true}), past(t, url)
	create(t, s, pending("REQ-ACDEFG", "carol"))
	var left string
	must0(t, raw.QueryRow(deadline(t), `SELECT mark FROM marks`).Scan(&left))
	leave := func(mark string) {
		t.Helper()
		_, err := raw.Exec(deadline(t), `INSERT INTO marks (mark, committed) VALUES ($1, true)`, mark)
		must0(t, err)
	}
	ago := func(d time.Duration) string { return fmt.Sprintf("%016xX", time.Now().Add(-d).UnixMicro()) }
	old, young, oldAndLeft, youngAndLeft := ago(2*time.Minute), ago(30*time.Second), ago(time.Hour), ago(20*time.Second)
	leave(oldAndLeft)
	leave(youngAndLeft)
	for range 2 { // asking changes nothing
		for _, row := range []struct {
			name, mark         string
			committed, unknown bool
		}{
			{"of a commit", left, true, false},
			{"that is old", oldAndLeft, true, false},
			{"that nobody left", young, false, false},
			{"that may have been deleted", old, false, true},
		} {
			committed, err := s.Decided(deadline(t), row.mark)
			if committed != row.committed || (err != nil) != row.unknown {
				t.Errorf("a mark %s: committed %v, %v", row.name, committed, err)
			}
		}
	}
	for range 2 {
		if _, err := s.Beat(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	var kept, gone int
	must0(t, raw.QueryRow(deadline(t), `SELECT count(*) FILTER (WHERE mark = ANY($1)), count(*) FILTER (WHERE mark = ANY($2)) FROM marks`,
		[]string{left, young, youngAndLeft}, []string{old, oldAndLeft}).Scan(&kept, &gone))
	if kept != 3 || gone != 0 {
		t.Errorf("%d of 3 young marks are there, and %d old ones", kept, gone)
	}
}

// The result of a running transaction is unknown until it ends.
func TestMarks_OfRunningTransaction(t *testing.T) {
	t.Parallel()
	for _, want := range []bool{true, false} {
		url := newDatabase(t, shared(t))
		s := openURL(t, url, store.Options{})
		tx, err := past(t, url).Begin(deadline(t))
		must0(t, err)
		mark := fmt.Sprintf("%016xX", time.Now().UnixMicro())
		_, err = tx.Exec(deadline(t), `INSERT INTO marks (mark, committed) VALUES ($1, true)`, mark)
		must0(t, err)
		soon, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		if _, err := s.Decided(soon, mark); err == nil {
			t.Error("it was answered before the end")
		}
		cancel()
		answer := make(chan error, 1)
		go func() {
			got, err := s.Decided(context.Background(), mark)
			if err == nil && got != want {
				err = fmt.Errorf("committed %v", got)
			}
			answer <- err
		}()
		untilWaiting(t, url, 1)
		if want {
			must0(t, tx.Commit(deadline(t)))
		} else {
			must0(t, tx.Rollback(deadline(t)))
		}
		if err := <-answer; err != nil {
			t.Errorf("want committed %v: %v", want, err)
		}
	}
}

// A killed server forgets the numbers of transactions that had not reached its disk, and
// assigns them again. What became of the second one says nothing of the first.
func TestMarks_TransactionNumberReused(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	url := newDatabase(t, server)
	line, by := cable(t, url)
	s, direct := openURL(t, by, store.Options{}), openURL(t, url, store.Options{})
	next := func() (number uint64) {
		must0(t, past(t, url).QueryRow(deadline(t), `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint`).Scan(&number))
		return number
	}
	twice := 0
	for n := 0; twice < 3; n++ {
		if n == 20 {
			t.Fatalf("of %d servers killed, %d gave a number twice", n, twice)
		}
		create(t, direct, pending(fmt.Sprintf("REQ-BEFORE%d", n), fmt.Sprintf("before%d", n)))
		sprung := line.HangBefore("commit\x00")
		lost := pending(fmt.Sprintf("REQ-LOST%d", n), fmt.Sprintf("lost%d", n))
		answer := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), bot.ClaimFor-time.Second)
			defer cancel()
			_, err := s.Commit(ctx, bot.Change{Request: lost, Audit: []bot.Entry{requested(lost)}})
			answer <- err
		}()
		<-sprung
		given := next()
		must0(t, server.Kill())
		must0(t, server.Restart(deadline(t)))
		if next() <= given {
			twice++
		}
		for i := range 3 {
			create(t, direct, pending(fmt.Sprintf("REQ-AFTER%d-%d", n, i), fmt.Sprintf("after%d-%d", n, i)))
		}
		line.Cut()
		line.Mend()
		err := <-answer
		_, none := direct.Request(deadline(t), lost.ID)
		if (err == nil) != (none == nil) || none != nil && !errors.Is(none, bot.ErrNoRequest) {
			t.Errorf("it was answered %v, and reading it answers %v", err, none)
		}
	}
}
