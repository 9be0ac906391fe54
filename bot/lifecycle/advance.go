package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// Advance drives a claimed request on as far as it can go now. It looks at
// the state and does what is missing; run late or twice it finds nothing.
func (rn *Runner) Advance(ctx context.Context, r bot.Request) { rn.advanceFrom(ctx, r, rn.step) }

// advanceFrom is advance with a first step of its own.
func (rn *Runner) advanceFrom(ctx context.Context, r bot.Request, step func(context.Context, bot.Request) (again bool, _ bot.Request, err error)) {
	well := false // also where a defect stops it
	defer func() { rn.stepped(r.ID, well) }()
	// Sixteen steps are far more than the longest way through the states.
	for range 16 {
		again, next, err := step(ctx, r)
		if errors.Is(err, bot.ErrConflict) {
			// Somebody else went on with it, or a freeze began or ended: then
			// it still waits, and is looked at again.
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

// step does what is missing in the state that the request is in. again reports
// whether it can go further at once.
func (rn *Runner) step(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	switch r.State {
	case bot.Pending:
		return rn.wait(ctx, r)
	case bot.Approved:
		return rn.begin(ctx, r)
	case bot.Executing:
		if _, held := rn.answers.Load(r.ID); held {
			return false, r, nil // this process knows the answer, and only cannot store it yet
		}
		return rn.claimLost(ctx, r)
	case bot.Unknown:
		return rn.findOut(ctx, r)
	case bot.Revoked, bot.NotVisibleYet, bot.Unreachable:
		return false, r, rn.verify(ctx, r)
	case bot.Failed:
		return false, r, rn.closeRetry(ctx, r)
	}
	return false, r, nil
}

// closeRetry takes "Try again" off the card once its time is over.
func (rn *Runner) closeRetry(ctx context.Context, r bot.Request) error {
	r.DueAt = time.Time{}
	e := r.Entry(bot.Failed, "clock")
	e.Action = "retry_closed"
	_, err := rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}})
	return err
}
