package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

// Confirm stores, in the change c, a decision that leads to a call, and goes on
// with it. The call begins in the same transaction, unless the account has to be
// read before, which must not hold up the decision, or it is not its turn. An
// error means that the decision was not stored, but for ErrUnclear; one of the
// call is logged.
func (rn *Runner) Confirm(ctx context.Context, c bot.Change) error {
	if r := c.Request; r.Drill || rn.justRead(&r) {
		both, began := c, time.Now()
		both.InTurn = true
		r, err := rn.beginCall(ctx, r, both)
		if _, turn := errors.AsType[*bot.TurnError](err); !turn {
			if err == nil {
				rn.advanceFrom(rn.pool.Context(), r, func(ctx context.Context, r bot.Request) (bool, bot.Request, error) { return rn.makeCall(ctx, r, began) })
			}
			return err
		}
	}
	r, err := rn.Commit(ctx, c)
	if err == nil {
		rn.Advance(rn.pool.Context(), r)
	}
	return err
}

// begin executes an approved request, once the wait is over that Microsoft
// asked for, or holds it back while a freeze is on.
func (rn *Runner) begin(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	if a := r.Attempt(); a != nil && a.Decision == len(r.Decisions) {
		if now := rn.now(); !bot.Waited(a.EndedAt, a.Wait, now) {
			r.DueAt = a.EndedAt.Add(a.Wait) // the end of a freeze has everything looked at
			r, err = rn.Commit(ctx, bot.Change{Request: r})
			return false, r, err
		}
	}
	ready, next, err := rn.standing(ctx, r)
	switch {
	case err == nil && !ready:
		// Where it waits for people, or ended, there is nothing more to do now.
		return false, next, nil
	case err == nil:
		r = next // and again as it is now known to be, if it has to wait
		again, next, err = rn.execute(ctx, r)
	}
	if turn, ok := errors.AsType[*bot.TurnError](err); ok {
		return rn.queue(ctx, r, turn)
	}
	if errors.Is(err, bot.ErrOtherRules) {
		return rn.leaveToOthers(ctx, r)
	}
	if !errors.Is(err, bot.ErrFrozen) {
		return again, next, err
	}
	e := r.Entry(bot.Approved, rn.actor)
	e.Action = "held"
	return rn.standStill(ctx, r, &e)
}

// execute makes one call to Graph, unless a freeze is on or it is not its turn.
// A second call after one of unknown effect is one more write for the limits; the
// first was counted with the decision.
func (rn *Runner) execute(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{Fenced: !r.PassesOver(authz.Frozen), InTurn: true, Under: rn.under(&r)}
	if n, _ := r.Unresolved(); n > 0 {
		c.Uses = rn.cfg.Uses(&r)
	}
	return rn.Call(ctx, r, c)
}

// Call makes one call to Graph: stored before it leaves, in the change c, and
// its outcome after.
func (rn *Runner) Call(ctx context.Context, r bot.Request, c bot.Change) (again bool, _ bot.Request, err error) {
	if n, _ := r.Unresolved(); n == 0 && !r.Drill && !rn.justRead(&r) {
		// Read late rather than compare with something old; but something old
		// rather than nothing, for nobody else's revoke is likely in between.
		if read := rn.stamps(ctx, r.Target.ID); read.Known() {
			r.Before = read
		}
	}
	began := time.Now()
	if r, err = rn.beginCall(ctx, r, c); err != nil {
		return false, r, err
	}
	return rn.makeCall(ctx, r, began)
}

// beginCall stores, in the change c, that a call to Graph begins.
func (rn *Runner) beginCall(ctx context.Context, r bot.Request, c bot.Change) (bot.Request, error) {
	now := rn.now().UTC()
	r.To(bot.Executing)
	r.DueAt, r.Line, r.OtherRules = now, nil, false
	r.Attempts = append(slices.Clone(r.Attempts), bot.Attempt{Decision: len(r.Decisions), BeganAt: now})
	e := r.Entry(bot.Executing, rn.actor)
	e.Operation, e.StampBefore = string(r.Operation), bot.StampText(r.Before.ValidFrom())
	c.Request, c.Audit, c.Keep = r, append(c.Audit, e), true
	return rn.Commit(ctx, c)
}

// makeCall makes the call that beginCall stored, and stores its outcome. began is
// from before the claim, so that the call ends before the claim does, also if the
// process is stopped in between.
func (rn *Runner) makeCall(ctx context.Context, r bot.Request, began time.Time) (again bool, _ bot.Request, err error) {
	call, cancel := context.WithDeadline(ctx, began.Add(rn.cfg.Timing.Attempt))
	r.Attempts = slices.Clone(r.Attempts)
	r.Attempt().BeganAt = rn.now().UTC() // what was stored before may have had to wait
	var yes graph.Revocation
	if r.Drill {
		_, err = rn.directory.User(call, r.Target.ID)
	} else {
		yes, err = rn.directory.Revoke(call, r.Target.ID)
	}
	cancel()
	// What Microsoft has answered outlives the step: nobody else knows it.
	return rn.conclude(rn.pool.Context(), r, len(r.Attempts)-1, yes, err)
}

// conclude stores what came of attempt n. If the claim was lost meanwhile and
// somebody else has called the outcome unknown, a yes still counts.
func (rn *Runner) conclude(ctx context.Context, r bot.Request, n int, yes graph.Revocation, callErr error) (again bool, _ bot.Request, err error) {
	at := rn.now().UTC() // however late it can be stored
	for {
		if r.State != bot.Executing && r.State != bot.Unknown || n != len(r.Attempts)-1 {
			// Too late to count, but not to be on record.
			e := r.Entry(r.State, rn.actor)
			e.Action, e.Operation, e.RequestID, e.ClientRequestID = "late_answer", string(yes.Operation), yes.RequestID, yes.ClientRequestID
			e.Status, e.Outcome = yes.Status, string(graph.Done)
			if callErr != nil {
				e.Outcome = string(graph.OutcomeUnknown)
			}
			if no := graph.AsError(callErr); no != nil {
				e.Outcome, e.Operation = string(no.Outcome), string(no.Operation)
				e.Status, e.Code, e.RequestID, e.ClientRequestID = no.Status, no.Code, no.RequestID, no.ClientRequestID
			}
			return false, r, rn.store.Record(ctx, 0, e)
		}
		next := rn.cfg.ResultOf(r, yes, callErr, at)
		e := next.Entry(next.State, rn.actor)
		a := next.Attempt()
		e.Operation, e.Also = string(next.Ran()), bot.AlsoCalled(a)
		e.Status, e.Code, e.Outcome = a.Status, a.Code, string(a.Outcome)
		e.RequestID, e.ClientRequestID = a.RequestID, a.ClientRequestID
		c := bot.Change{Request: next, Audit: []bot.Entry{e}, Keep: next.State == bot.Unknown, Answered: bot.Answered(a)}
		if a.Asked && next.State != bot.Failed {
			// Where nobody waits any more, people decide whether to ask again. Nobody
			// else waits for longer than a request would for itself.
			c.Pushback = min(a.Wait, rn.cfg.Timing.Patience)
		}
		stored, err := rn.commitOutcome(ctx, c)
		if err == nil {
			return stored.State == bot.Unknown, stored, nil
		}
		if !errors.Is(err, bot.ErrConflict) {
			return false, next, fmt.Errorf("store what Microsoft answered: %w", err)
		}
		if r, err = rn.store.Request(ctx, r.ID); err != nil {
			return false, next, fmt.Errorf("store what Microsoft answered: %w", err)
		}
		if mine := next.Attempt(); r.State == next.State && n == len(r.Attempts)-1 && r.Attempt().EndedAt.Equal(mine.EndedAt) {
			return r.State == bot.Unknown, r, nil // it was stored, and only nobody said so
		}
	}
}

// commitOutcome is commit for what must not be lost because the database is away
// for a moment. Whether an earlier try was stored although it seemed not to be, a
// later one finds out: ErrConflict.
func (rn *Runner) commitOutcome(ctx context.Context, c bot.Change) (stored bot.Request, err error) {
	rn.answers.Store(c.Request.ID, true)
	defer rn.answers.Delete(c.Request.ID)
	kept := answersKept
	if rn.actor == bot.ConsoleActor {
		kept = work.InsistWithin // whoever sits there reads what could not be recorded
	}
	err = rn.pool.InsistFor(ctx, rn.log.With("request", c.Request.ID), "store what Microsoft answered", kept, func(ctx context.Context) (err error) {
		stored, err = rn.Commit(ctx, c)
		return err
	})
	return stored, err
}

// claimLost deals with a call whose process died in it: nobody knows.
func (rn *Runner) claimLost(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	r.Attempts = slices.Clone(r.Attempts)
	a := r.Attempt()
	a.EndedAt, a.Code, r.DueAt, r.Reads = now, bot.CodeInterrupted, now, 0
	if r.Drill {
		a.Outcome = graph.NotDone // a read changes nothing
		r.To(bot.Approved)
	} else {
		a.Outcome, a.Unclear = graph.OutcomeUnknown, true
		r.To(bot.Unknown)
	}
	e := r.Entry(r.State, "clock")
	e.Outcome, e.Code = string(a.Outcome), a.Code
	r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: true})
	return err == nil, r, err
}

// answersKept is for how long an answer of Microsoft's is kept while the database does
// not take it: as long as it can change what people do. Nobody else can know it.
const answersKept = bot.RetryWindow
