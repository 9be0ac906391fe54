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

// latencies collects durations from many goroutines.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// quantile returns the given quantile of all calls in microseconds.
func (l *latencies) quantile(q float64) float64 {
	slices.Sort(l.all)
	return float64(l.all[int(q*float64(len(l.all)-1))].Nanoseconds()) / 1000
}

func (l *latencies) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(l.quantile(0.5), "p50-µs")
	b.ReportMetric(l.quantile(0.99), "p99-µs")
}

// measure times the function that prepare returns, one call after another and then from
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

// BenchmarkReceive measures how long an envelope waits for its ack.
func BenchmarkReceive(b *testing.B) {
	measure(b, func(s *store.Store, n int) func() error {
		return func() error {
			_, _, err := s.Receive(context.Background(), arrival(n))
			return err
		}
	})
}

// BenchmarkDecide measures all writes from a click to its outcome: click, decision,
// claim, result.
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
