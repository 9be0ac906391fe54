package work

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"revoke-sessions/bot"
)

// Sleep waits for d and returns true, or returns false if ctx ends first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

const (
	// InsistWithin is how long this process keeps Slack's answer in memory while the
	// database is away. After that the message is posted again.
	InsistWithin = time.Minute
	// insistPause is the pause between two tries. It is shorter than the clock's tick,
	// so that when the database is back, the process that knows the answer stores it
	// before another one takes the row.
	insistPause = 100 * time.Millisecond
	// insistLater is the pause after the first minute, still shorter than the tick.
	insistLater = 500 * time.Millisecond
	// insistTry bounds one try, insistStopping the rest of a try after a stop has
	// abandoned the work.
	insistTry, insistStopping = 5 * time.Second, 3 * time.Second
)

// Insist retries a write whose content only this process knows: an answer from Graph or
// Slack. It gives up after InsistWithin, or when ctx ends. It logs the first failure,
// and giving up.
func (w *Pool) Insist(ctx context.Context, log *slog.Logger, what string, store func(context.Context) error) error {
	return w.InsistFor(ctx, log, what, InsistWithin, store)
}

// InsistFor is Insist with another limit.
func (w *Pool) InsistFor(
	ctx context.Context, log *slog.Logger, what string, within time.Duration, store func(context.Context) error,
) error {
	began := w.now()
	for tries := 1; ; tries++ {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), insistTry)
		forget := context.AfterFunc(w.work, func() { time.AfterFunc(insistStopping, cancel) })
		err := store(try)
		forget()
		cancel()
		if err == nil || errors.Is(err, bot.ErrConflict) || errors.Is(err, bot.ErrNoRequest) {
			return err
		}
		if tries == 1 {
			log.Error(what, "error", err)
		}
		pause := insistPause
		if tries*int(insistPause) > int(InsistWithin) {
			pause = insistLater
		}
		if bot.Elapsed(began, w.now(), within) || !Sleep(ctx, pause) {
			log.Error(what+"; gave up", "error", err)
			return err
		}
	}
}

// claimMargin is the rest of a claim after the deadline of its step.
const claimMargin = bot.ClaimFor - bot.StepDeadline

// InsistClaimed is Insist for a write that the next claim would repeat. It ends with the
// claim of ctx's step, because after that another process may work on it.
func (w *Pool) InsistClaimed(ctx context.Context, log *slog.Logger, what string, store func(context.Context) error) error {
	step, ok := ctx.Deadline()
	if !ok || w.work.Err() != nil {
		step = time.Now()
	}
	end := step.Add(claimMargin)
	claimed, cancel := context.WithDeadline(w.work, end)
	defer cancel()
	return w.Insist(claimed, log, what, func(ctx context.Context) error {
		ctx, cancel := context.WithDeadline(ctx, end)
		defer cancel()
		return store(ctx)
	})
}
