package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// The way of a decision to Graph: Approve stores it, or start picks it up when it is
// due. Both come to recordStart, callGraph and recordResult.

// Approve stores, in the change c, a decision that leads to a call, and tries to start
// the call in the same transaction. If the account must be read first, or it is not the
// request's turn, the decision is stored alone and Advance goes on. An error means that
// the decision was not stored, except ErrUnclear; errors of the call are only logged.
func (rn *Runner) Approve(ctx context.Context, c bot.Change) error {
	if r := c.Request; r.Drill || rn.stampsFresh(&r) {
		both, began := c, time.Now()
		both.InTurn = true
		r, err := rn.recordStart(ctx, r, both)
		if _, turn := errors.AsType[*bot.TurnError](err); !turn {
			if err == nil {
				rn.advanceFrom(rn.pool.Context(), r, func(ctx context.Context, r bot.Request) (bool, bot.Request, error) {
					return rn.callGraph(ctx, r, began)
				})
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

// start starts the call of an approved request, unless it must wait: for the pause that
// Microsoft asked for, its turn, the end of a freeze, or a replica with other rules.
func (rn *Runner) start(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	if a := r.Attempts.Last(); a != nil && a.Decision == len(r.Decisions) {
		if now := rn.now(); !bot.Waited(a.EndedAt, a.Wait, now) {
			r.DueAt = a.EndedAt.Add(a.Wait) // the end of a freeze makes all requests due
			r, err = rn.Commit(ctx, bot.Change{Request: r})
			return false, r, err
		}
	}
	holds, next, err := rn.recheckDecision(ctx, r)
	switch {
	case err == nil && !holds:
		return false, next, nil // it waits, or has ended
	case err == nil:
		r = next // if it has to wait, it waits with the new facts
		again, next, err = rn.callInTurn(ctx, r)
	}
	if turn, ok := errors.AsType[*bot.TurnError](err); ok {
		return rn.waitForTurn(ctx, r, turn)
	}
	if errors.Is(err, bot.ErrOtherRules) {
		return rn.leaveToOtherReplica(ctx, r)
	}
	if !errors.Is(err, bot.ErrFrozen) {
		return again, next, err
	}
	e := r.Entry(bot.Approved, rn.actor)
	e.Action = bot.ActHeld
	return rn.waitForThaw(ctx, r, &e)
}

// callInTurn calls Graph, unless a freeze is on or it is not the request's turn. The
// decision was counted for the limits with the first call, so only a second call counts.
func (rn *Runner) callInTurn(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{Fenced: !r.PassesOver(authz.Frozen), InTurn: true, Under: rn.rulesFor(&r)}
	if n, _ := r.Calls().Unresolved(); n > 0 {
		c.Uses = rn.cfg.Uses(&r)
	}
	return rn.Call(ctx, r, c)
}

// Call makes one call to Graph. It stores the start, in the change c, before the call,
// and the result after it.
func (rn *Runner) Call(ctx context.Context, r bot.Request, c bot.Change) (again bool, _ bot.Request, err error) {
	if n, _ := r.Calls().Unresolved(); n == 0 && !r.Drill && !rn.stampsFresh(&r) {
		// Prefer fresh stamps; keep the old ones if the read fails, because another
		// revoke in between is unlikely.
		if read := rn.readStamps(ctx, r.Target.ID); read.Known() {
			r.Before = read
		}
	}
	began := time.Now()
	if r, err = rn.recordStart(ctx, r, c); err != nil {
		return false, r, err
	}
	return rn.callGraph(ctx, r, began)
}

// recordStart stores, in the change c, that a call to Graph begins.
func (rn *Runner) recordStart(ctx context.Context, r bot.Request, c bot.Change) (bot.Request, error) {
	now := rn.now().UTC()
	r.To(bot.Executing)
	r.DueAt, r.Line, r.OtherRules = now, nil, false
	r.Attempts = append(slices.Clone(r.Attempts), bot.Attempt{Decision: len(r.Decisions), BeganAt: now})
	e := r.Entry(bot.Executing, rn.actor)
	e.Operation, e.StampBefore = string(r.Operation), bot.StampText(r.Before.ValidFrom())
	c.Request, c.Audit, c.Keep = r, append(c.Audit, e), true
	return rn.Commit(ctx, c)
}

// callGraph makes the call that recordStart stored, and records the result. began is
// from before the claim, so that the call ends before the claim does even if the
// process is paused in between.
func (rn *Runner) callGraph(ctx context.Context, r bot.Request, began time.Time) (again bool, _ bot.Request, err error) {
	call, cancel := context.WithDeadline(ctx, began.Add(rn.cfg.Timing.Attempt))
	r.Attempts = slices.Clone(r.Attempts)
	r.Attempts.Last().BeganAt = rn.now().UTC() // the commit may have had to wait
	var accepted graph.Revocation
	if r.Drill {
		_, err = rn.directory.User(call, r.Target.ID)
	} else {
		accepted, err = rn.directory.Revoke(call, r.Target.ID)
	}
	cancel()
	// Not ctx: only this process knows the answer, so recording it may outlive the step.
	return rn.recordResult(rn.pool.Context(), r, len(r.Attempts)-1, accepted, err)
}
