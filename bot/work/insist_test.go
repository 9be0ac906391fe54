package work

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot"
)

// Insist tries for a minute, and InsistClaimed while the claim lasts, even if a try hangs.
func TestInsist_LastsAMinuteOrTheClaim(t *testing.T) {
	away := errors.New("the database is away")
	fails := func(context.Context) error { return away }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, test := range map[string]struct {
		do          func(*Pool, context.Context, func(context.Context) error) error
		stops       bool
		fails, most time.Duration
	}{
		"what nobody else knows": {func(pool *Pool, _ context.Context, store func(context.Context) error) error {
			return pool.Insist(pool.work, pool.log, "store it", store)
		}, false, InsistWithin, InsistWithin + insistTry},
		"what is found again": {func(pool *Pool, ctx context.Context, store func(context.Context) error) error {
			return pool.InsistClaimed(ctx, pool.log, "store it", store)
		}, false, bot.ClaimFor, bot.ClaimFor},
		"what is found again, at a stop": {func(pool *Pool, ctx context.Context, store func(context.Context) error) error {
			return pool.InsistClaimed(ctx, pool.log, "store it", store)
		}, true, 0, claimMargin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, store := range []func(context.Context) error{fails, hangs} {
					pool := idle(1)
					if test.stops {
						pool.abandon()
					}
					step, cancel := context.WithTimeout(context.Background(), bot.StepDeadline)
					began, last := time.Now(), time.Duration(0)
					err := test.do(pool, step, func(ctx context.Context) error {
						err := store(ctx)
						last = time.Since(began)
						return err
					})
					if err == nil || last > test.most || time.Since(began) < test.fails {
						t.Errorf("%v after %s, the last try ended after %s; want %s to %s", err, time.Since(began), last, test.fails, test.most)
					}
					cancel()
					pool.abandon()
				}
			})
		})
	}
}

func TestInsist(t *testing.T) {
	away := errors.New("the database is away")
	for name, row := range map[string]struct {
		answers []error // of the tries; the last one's stays
		want    error
		tries   int
		took    time.Duration
	}{
		"at once":                   {[]error{nil}, nil, 1, 0},
		"away for a moment":         {[]error{away, away, nil}, nil, 3, 2 * insistPause},
		"somebody else was first":   {[]error{away, bot.ErrConflict}, bot.ErrConflict, 2, insistPause},
		"of a request that is gone": {[]error{bot.ErrNoRequest}, bot.ErrNoRequest, 1, 0},
		"away for good":             {[]error{away}, away, int(InsistWithin/insistPause) + 1, InsistWithin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool := &Pool{now: time.Now, work: t.Context()}
				began, tries := time.Now(), 0
				err := pool.Insist(t.Context(), slog.New(slog.DiscardHandler), "note it", func(context.Context) error {
					tries++
					return row.answers[min(tries, len(row.answers))-1]
				})
				if took := time.Since(began); !errors.Is(err, row.want) || tries != row.tries || took != row.took {
					t.Errorf("%v after %d tries and %s, want %v after %d and %s", err, tries, took, row.want, row.tries, row.took)
				}
			})
		})
	}
}

// A stop abandons the work while the database is silent.
func TestInsist_EndsAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work, abandon := context.WithCancel(t.Context())
		defer abandon()
		pool := &Pool{now: time.Now, work: work}
		began, tries := time.Now(), 0
		time.AfterFunc(time.Second, abandon)
		err := pool.Insist(work, slog.New(slog.DiscardHandler), "note it", func(try context.Context) error {
			tries++
			<-try.Done()
			return try.Err()
		})
		if took := time.Since(began); err == nil || tries != 1 || took != time.Second+insistStopping {
			t.Errorf("%v after %d tries and %s", err, tries, took)
		}
	})
}
