package work

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"revoke-sessions/bot"
)

// Sleep reports whether the time is over and not ctx.
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
	// InsistWithin is for how long what Slack has answered is kept in memory while the
	// database does not take it. After that the message is posted once more.
	InsistWithin = time.Minute
	// insistPause is between two tries: shorter than the clock's tick, so that once
	// the database is back, whoever knows the answer stores it before somebody else
	// takes the row over.
	insistPause = 100 * time.Millisecond
	// insistLater is that pause once a minute has gone by, still shorter than the tick.
	insistLater = 500 * time.Millisecond
	// insistTry bounds one try, and insistStopping what is left of it when the
	// bot gives up what runs.
	insistTry, insistStopping = 5 * time.Second, 3 * time.Second
)

// Insist stores what has happened outside and nobody else knows: whoever takes
// over would have to do it again, or find out. The database may be away for a
// moment. Once ctx is done there is no further try. The first failure is logged,
// and giving up.
func (w *Pool) Insist(ctx context.Context, log *slog.Logger, what string, store func(context.Context) error) error {
	return w.InsistFor(ctx, log, what, InsistWithin, store)
}

// InsistFor is Insist for as long as that.
func (w *Pool) InsistFor(ctx context.Context, log *slog.Logger, what string, within time.Duration, store func(context.Context) error) error {
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

// claimMargin is what is left of a claim after the deadline of its step.
const claimMargin = bot.ClaimFor - bot.StepDeadline

// InsistClaimed is Insist for what is found again when it is lost. It ends with the
// claim that the step of ctx works under, for after that somebody else is at it.
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
