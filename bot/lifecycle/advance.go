package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// Advance takes a claimed request as far as it can go now. It does what the state
// lacks, so running it late or twice does no harm.
func (rn *Runner) Advance(ctx context.Context, r bot.Request) { rn.advanceFrom(ctx, r, rn.step) }

// stepFunc takes a request one step on. again reports whether it can go further now.
type stepFunc func(context.Context, bot.Request) (again bool, _ bot.Request, err error)

// advanceFrom is Advance with another first step.
func (rn *Runner) advanceFrom(ctx context.Context, r bot.Request, step stepFunc) {
	well := false // also after a panic
	defer func() { rn.noteStep(r.ID, well) }()
	// The longest way through the states takes far fewer than sixteen steps.
	for range 16 {
		again, next, err := step(ctx, r)
		if errors.Is(err, bot.ErrConflict) {
			// Somebody else went on with the request, or a freeze began or ended. In
			// the second case it still waits, so look again.
			next, err = rn.store.Request(ctx, r.ID)
			again = err == nil && (next.State == bot.Pending || next.State == bot.Approved)
		}
		if err != nil {
			rn.log.Error("advance", "request", r.ID, "state", r.State, "error", err)
			return
		}
		if !again {
			well = true
			return
		}
		r, step = next, rn.step
	}
}

// step does what the state of the request lacks.
func (rn *Runner) step(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	switch r.State {
	case bot.Pending:
		return rn.remindOrExpire(ctx, r)
	case bot.Approved:
		return rn.start(ctx, r)
	case bot.Executing:
		if _, held := rn.unsaved.Load(r.ID); held {
			return false, r, nil // this process has the answer and is still trying to store it
		}
		return rn.recordInterruption(ctx, r)
	case bot.Unknown:
		return rn.findOut(ctx, r)
	case bot.Revoked, bot.NotVisibleYet, bot.Unreachable:
		return false, r, rn.verify(ctx, r)
	case bot.Failed:
		return false, r, rn.closeRetry(ctx, r)
	}
	return false, r, nil
}

// closeRetry removes "Try again" from the card when its time is over.
func (rn *Runner) closeRetry(ctx context.Context, r bot.Request) error {
	r.DueAt = time.Time{}
	e := r.Entry(bot.Failed, bot.ClockActor)
	e.Action = bot.ActRetryClosed
	_, err := rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}})
	return err
}
