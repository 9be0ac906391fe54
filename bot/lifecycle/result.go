package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"revoke-sessions/bot"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

// keepResultFor is how long this process keeps Graph's answer while the database is
// away: as long as the answer can change what people do. No other process knows it.
const keepResultFor = bot.RetryWindow

// recordResult stores the result of attempt n. If another process has meanwhile taken
// the claim and called the result unknown, Graph's acceptance still counts.
func (rn *Runner) recordResult(
	ctx context.Context, r bot.Request, n int, accepted graph.Revocation, callErr error,
) (again bool, _ bot.Request, err error) {
	at := rn.now().UTC() // of the answer, however late it is stored
	for {
		if r.State != bot.Executing && r.State != bot.Unknown || n != len(r.Attempts)-1 {
			return false, r, rn.recordLateAnswer(ctx, &r, accepted, callErr)
		}
		next := rn.cfg.ResultOf(r, accepted, callErr, at)
		stored, err := rn.insistOnResult(ctx, rn.resultChange(next))
		if err == nil {
			return stored.State == bot.Unknown, stored, nil
		}
		if !errors.Is(err, bot.ErrConflict) {
			return false, next, fmt.Errorf("record Microsoft's answer: %w", err)
		}
		if r, err = rn.store.Request(ctx, r.ID); err != nil {
			return false, next, fmt.Errorf("record Microsoft's answer: %w", err)
		}
		if mine := next.Attempts.Last(); r.State == next.State && n == len(r.Attempts)-1 && r.Attempts.Last().EndedAt.Equal(mine.EndedAt) {
			return r.State == bot.Unknown, r, nil // an earlier try was stored without saying so
		}
	}
}

// resultChange makes the change that stores the result of the last attempt.
func (rn *Runner) resultChange(r bot.Request) bot.Change {
	e := r.Entry(r.State, rn.actor)
	a := r.Attempts.Last()
	e.Operation, e.Also = string(r.Called()), bot.AlsoCalled(a)
	e.Status, e.Code, e.Outcome = a.Status, a.Code, string(a.Outcome)
	e.RequestID, e.ClientRequestID = a.RequestID, a.ClientRequestID
	c := bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: r.State == bot.Unknown, Answered: bot.Answered(a)}
	if a.Asked && r.State != bot.Failed {
		// The other requests wait too, but not longer than one waits for itself. A
		// failed request does not wait: people decide whether to try again.
		c.Pushback = min(a.Wait, rn.cfg.Timing.Patience)
	}
	return c
}

// recordLateAnswer writes an audit row for an answer that came too late to count.
func (rn *Runner) recordLateAnswer(ctx context.Context, r *bot.Request, accepted graph.Revocation, callErr error) error {
	e := r.Entry(r.State, rn.actor)
	e.Action, e.Operation = bot.ActLateAnswer, string(accepted.Operation)
	e.RequestID, e.ClientRequestID = accepted.RequestID, accepted.ClientRequestID
	e.Status, e.Outcome = accepted.Status, string(graph.Done)
	if callErr != nil {
		e.Outcome = string(graph.OutcomeUnknown)
	}
	if no := graph.AsError(callErr); no != nil {
		e.Outcome, e.Operation = string(no.Outcome), string(no.Operation)
		e.Status, e.Code, e.RequestID, e.ClientRequestID = no.Status, no.Code, no.RequestID, no.ClientRequestID
	}
	return rn.store.Record(ctx, 0, e)
}

// insistOnResult commits a result, and tries again while the database is away. If an
// earlier try was stored without saying so, a later one returns ErrConflict.
func (rn *Runner) insistOnResult(ctx context.Context, c bot.Change) (stored bot.Request, err error) {
	rn.unsaved.Store(c.Request.ID, true)
	defer rn.unsaved.Delete(c.Request.ID)
	within := keepResultFor
	if rn.actor == bot.ConsoleActor {
		within = work.InsistWithin // then the operator reads what was not recorded
	}
	log := rn.log.With("request", c.Request.ID)
	err = rn.pool.InsistFor(ctx, log, "record Microsoft's answer", within, func(ctx context.Context) (err error) {
		stored, err = rn.Commit(ctx, c)
		return err
	})
	return stored, err
}

// recordInterruption ends a call whose process died during it: the result is unknown.
func (rn *Runner) recordInterruption(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	r.Attempts = slices.Clone(r.Attempts)
	a := r.Attempts.Last()
	a.EndedAt, a.Code, r.DueAt, r.Reads = now, bot.CodeInterrupted, now, 0
	if r.Drill {
		a.Outcome = graph.NotDone // a read changes nothing
		r.To(bot.Approved)
	} else {
		a.Outcome, a.Unclear = graph.OutcomeUnknown, true
		r.To(bot.Unknown)
	}
	e := r.Entry(r.State, bot.ClockActor)
	e.Outcome, e.Code = string(a.Outcome), a.Code
	r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: true})
	return err == nil, r, err
}
