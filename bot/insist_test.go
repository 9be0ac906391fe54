package bot

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestHowLongItInsists: what nobody else knows is stored for a minute, and what
// is found again only while the claim lasts, also by a try that hangs.
func TestHowLongItInsists(t *testing.T) {
	away := errors.New("the database is away")
	fails := func(context.Context) error { return away }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, test := range map[string]struct {
		do          func(*Bot, context.Context, func(context.Context) error) error
		stops       bool
		fails, most time.Duration
	}{
		"what nobody else knows": {func(b *Bot, _ context.Context, store func(context.Context) error) error {
			return b.insist(b.work, b.log, "store it", store)
		}, false, insistFor, insistFor + insistTry},
		"what is found again": {func(b *Bot, ctx context.Context, store func(context.Context) error) error {
			return b.insistClaimed(ctx, b.log, "store it", store)
		}, false, ClaimFor, ClaimFor},
		"what is found again, at a stop": {func(b *Bot, ctx context.Context, store func(context.Context) error) error {
			return b.insistClaimed(ctx, b.log, "store it", store)
		}, true, 0, claimMargin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, store := range []func(context.Context) error{fails, hangs} {
					b := idle(1)
					if test.stops {
						b.abandon()
					}
					step, cancel := context.WithTimeout(context.Background(), stepDeadline)
					began, last := time.Now(), time.Duration(0)
					err := test.do(b, step, func(ctx context.Context) error {
						err := store(ctx)
						last = time.Since(began)
						return err
					})
					if err == nil || last > test.most || time.Since(began) < test.fails {
						t.Errorf("%v after %s, the last try ended after %s; want %s to %s", err, time.Since(began), last, test.fails, test.most)
					}
					cancel()
					b.abandon()
				}
			})
		})
	}
}
