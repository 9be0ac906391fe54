package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// Run them with: go test -run '^$' -bench . ./bot/store
//
// p50-µs and p99-µs are what one caller waits; ns/op counts preparations too.
// The database is a file of its own in the temporary folder, with fsync.

// latencies gathers durations from many goroutines.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// quantile answers how long that part of all calls took at most, in microseconds.
func (l *latencies) quantile(q float64) float64 {
	slices.Sort(l.all)
	return float64(l.all[int(q*float64(len(l.all)-1))].Nanoseconds()) / 1000
}

func (l *latencies) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(l.quantile(0.5), "p50-µs")
	b.ReportMetric(l.quantile(0.99), "p99-µs")
}

// measure times what prepare answers, one call after another and then from
// many goroutines.
func measure(b *testing.B, prepare func(s *store.Store, n int) func() error) {
	for _, parallel := range []int{0, 1, 16} { // goroutines per CPU
		name := "serial"
		if parallel > 0 {
			name = fmt.Sprintf("parallel-%d", parallel)
		}
		b.Run(name, func(b *testing.B) {
			s := openAt(b, newPath(b), store.Options{Exclusive: true})
			var took latencies
			var n atomic.Int64
			one := func() (ok bool) {
				f := prepare(s, int(n.Add(1)))
				began := time.Now()
				err := f()
				took.add(time.Since(began))
				if err != nil {
					b.Error(err)
				}
				return err == nil
			}
			b.ResetTimer()
			if parallel == 0 {
				for b.Loop() {
					if !one() {
						b.FailNow()
					}
				}
			} else {
				b.SetParallelism(parallel)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() && one() {
					}
				})
			}
			took.report(b)
		})
	}
}

// BenchmarkReceive is how long an envelope waits for its ack.
func BenchmarkReceive(b *testing.B) {
	measure(b, func(s *store.Store, n int) func() error {
		return func() error {
			_, _, err := s.Receive(context.Background(), arrival(n))
			return err
		}
	})
}

// BenchmarkDecide is all that is stored between a click and the outcome: the
// click, the decision, the claim to execute, the result.
func BenchmarkDecide(b *testing.B) {
	ctx := context.Background()
	measure(b, func(s *store.Store, n int) func() error {
		r, err := s.Commit(ctx, bot.Change{Request: pending(fmt.Sprint("REQ-", n), fmt.Sprint("target-", n))})
		return func() error {
			var click bot.Arrival
			if err == nil {
				click, _, err = s.Receive(ctx, arrival(n))
			}
			r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U-ALICE", EntraID: "entra-alice", At: noon}}
			for _, state := range []bot.State{bot.Approved, bot.Executing, bot.Revoked} {
				if err != nil {
					break
				}
				r.State = state
				r, err = s.Commit(ctx, bot.Change{Request: r, Keep: true, Settles: click.ID,
					Audit: []bot.Entry{{Action: string(state), Request: r.ID, Actor: "U-ALICE"}}})
			}
			return err
		}
	})
}

// finished puts n requests that are over into a store, each with its words,
// its asker, three audit rows and the arrival that it came from, all copied
// from one that went the whole way. The hashes are noise of the right size.
func finished(b *testing.B, s *store.Store, n int) {
	b.Helper()
	a := receive(b, s, arrival(-1))
	r := pending("REQ-MODEL", "target-model")
	r.DueAt = time.Time{}
	r = commit(b, s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Settles: a.ID})
	r.AcceptedAt = noon
	r = turn(b, s, turn(b, s, r, bot.Revoked), bot.Verified)
	if !claim(b, s, r.ID) {
		b.Fatal("nothing to tell")
	}
	if _, err := s.Told(deadline(b), r.ID, r.Version, time.Time{}); err != nil {
		b.Fatal(err)
	}
	raw := bypass(b, s)
	do(b, raw, `BEGIN`)
	const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	for _, query := range []string{
		`INSERT INTO requests SELECT 'REQ-OLD' || i, version, state, lane, drill, 'target-' || (i % 1000), body, created_at + i,
			accepted_at + i, due_at, claimed_until, told, tell_due_at, tell_claimed_until, tell_tries,
			paused, changed_at + i, erased FROM n, requests WHERE id = 'REQ-MODEL'`,
		`INSERT INTO words SELECT 'REQ-OLD' || i, salt || i, content FROM n, words WHERE request_id = 'REQ-MODEL'`,
		`INSERT INTO askers SELECT slack_id, 'REQ-OLD' || i FROM n, askers WHERE request_id = 'REQ-MODEL'`,
		`INSERT INTO audit SELECT seq + 3 * i, 'REQ-OLD' || i, entry, lower(hex(randomblob(32))) FROM n, audit WHERE request_id = 'REQ-MODEL'`,
		`INSERT INTO arrivals (envelope, act, body, received_at, tries, due_at, claimed_until)
			SELECT envelope || i, act || i, '', received_at, 1, due_at, claimed_until FROM n, arrivals WHERE id = 1`,
	} {
		do(b, raw, numbers+query, n)
	}
	do(b, raw, `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)`)
	do(b, raw, `COMMIT`)
	do(b, raw, `PRAGMA wal_checkpoint(TRUNCATE)`)
}

// BenchmarkHistory asks what 100,000 finished requests cost the next one, as
// against 100: a report received, looked up and created, turn about on both
// stores, so that the machine's mood meets both alike.
func BenchmarkHistory(b *testing.B) {
	ctx := context.Background()
	var stores [2]*store.Store
	var took [2]latencies
	for i, n := range []int{100, 100_000} {
		stores[i] = openAt(b, newPath(b), store.Options{Exclusive: true})
		finished(b, stores[i], n)
	}
	n := 0
	for b.Loop() {
		n++
		for i, s := range stores {
			began := time.Now()
			r := pending(fmt.Sprint("REQ-", n), fmt.Sprint("target-", n))
			a, _, err := s.Receive(ctx, arrival(n))
			if err == nil {
				_, _, err = s.PendingFor(ctx, r.Target.ID, r.Lane, false)
			}
			if err == nil {
				_, err = s.LastAccepted(ctx, r.Target.ID)
			}
			if err == nil {
				r, err = s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Settles: a.ID})
			}
			if err == nil {
				_, err = s.Due(ctx, 64)
			}
			if err != nil {
				b.Fatal(err)
			}
			took[i].add(time.Since(began))
			if mine, err := becomeTeller(ctx, s, r.ID); err != nil || !mine {
				b.Fatal(mine, err)
			}
			if _, err := s.Told(ctx, r.ID, r.Version, time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	few, many := took[0].quantile(0.5), took[1].quantile(0.5)
	b.ReportMetric(few, "p50-µs/100")
	b.ReportMetric(many, "p50-µs/100000")
	b.ReportMetric(many/few, "ratio")
	b.ReportMetric(took[1].quantile(0.99)/took[0].quantile(0.99), "p99-ratio")
}
