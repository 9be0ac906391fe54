package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// confirm stores, in the change c, a decision that leads to a call, and goes on
// with it. The call begins in the same transaction, unless the account has to be
// read before, which must not hold up the decision, or it is not its turn. An
// error means that the decision was not stored, but for ErrUnclear; one of the
// call is logged.
func (b *Bot) confirm(ctx context.Context, c bot.Change) error {
	if r := c.Request; r.Drill || b.justRead(&r) {
		both, began := c, time.Now()
		both.InTurn = true
		r, err := b.beginCall(ctx, r, both)
		if _, turn := errors.AsType[*bot.TurnError](err); !turn {
			if err == nil {
				b.advanceFrom(b.work, r, func(ctx context.Context, r bot.Request) (bool, bot.Request, error) { return b.makeCall(ctx, r, began) })
			}
			return err
		}
	}
	r, err := b.commit(ctx, c)
	if err == nil {
		b.advance(b.work, r)
	}
	return err
}

// begin executes an approved request, once the wait is over that Microsoft
// asked for, or holds it back while a freeze is on.
func (b *Bot) begin(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	if a := r.Attempt(); a != nil && a.Decision == len(r.Decisions) {
		if now := b.now(); !bot.Waited(a.EndedAt, a.Wait, now) {
			r.DueAt = a.EndedAt.Add(a.Wait) // the end of a freeze has everything looked at
			r, err = b.commit(ctx, bot.Change{Request: r})
			return false, r, err
		}
	}
	ready, next, err := b.standing(ctx, r)
	switch {
	case err == nil && !ready:
		// Where it waits for people, or ended, there is nothing more to do now.
		return false, next, nil
	case err == nil:
		r = next // and again as it is now known to be, if it has to wait
		again, next, err = b.execute(ctx, r)
	}
	if turn, ok := errors.AsType[*bot.TurnError](err); ok {
		return b.queue(ctx, r, turn)
	}
	if errors.Is(err, bot.ErrOtherRules) {
		return b.leaveToOthers(ctx, r)
	}
	if !errors.Is(err, bot.ErrFrozen) {
		return again, next, err
	}
	e := r.Entry(bot.Approved, b.actor)
	e.Action = "held"
	return b.standStill(ctx, r, &e)
}

// execute makes one call to Graph, unless a freeze is on or it is not its turn.
// A second call after one of unknown effect is one more write for the limits; the
// first was counted with the decision.
func (b *Bot) execute(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{Fenced: !r.PassesOver(authz.Frozen), InTurn: true, Under: b.under(&r)}
	if n, _ := r.Unresolved(); n > 0 {
		c.Uses = b.uses(&r)
	}
	return b.call(ctx, r, c)
}

// call makes one call to Graph: stored before it leaves, in the change c, and
// its outcome after.
func (b *Bot) call(ctx context.Context, r bot.Request, c bot.Change) (again bool, _ bot.Request, err error) {
	if n, _ := r.Unresolved(); n == 0 && !r.Drill && !b.justRead(&r) {
		// Read late rather than compare with something old; but something old
		// rather than nothing, for nobody else's revoke is likely in between.
		if read := b.stamps(ctx, r.Target.ID); read.Known() {
			r.Before = read
		}
	}
	began := time.Now()
	if r, err = b.beginCall(ctx, r, c); err != nil {
		return false, r, err
	}
	return b.makeCall(ctx, r, began)
}

// beginCall stores, in the change c, that a call to Graph begins.
func (b *Bot) beginCall(ctx context.Context, r bot.Request, c bot.Change) (bot.Request, error) {
	now := b.now().UTC()
	r.To(bot.Executing)
	r.DueAt, r.Line, r.OtherRules = now, nil, false
	r.Attempts = append(slices.Clone(r.Attempts), bot.Attempt{Decision: len(r.Decisions), BeganAt: now})
	e := r.Entry(bot.Executing, b.actor)
	e.Operation, e.StampBefore = string(r.Operation), bot.StampText(r.Before.ValidFrom())
	c.Request, c.Audit, c.Keep = r, append(c.Audit, e), true
	return b.commit(ctx, c)
}

// makeCall makes the call that beginCall stored, and stores its outcome. began is
// from before the claim, so that the call ends before the claim does, also if the
// process is stopped in between.
func (b *Bot) makeCall(ctx context.Context, r bot.Request, began time.Time) (again bool, _ bot.Request, err error) {
	call, cancel := context.WithDeadline(ctx, began.Add(b.cfg.Timing.Attempt))
	r.Attempts = slices.Clone(r.Attempts)
	r.Attempt().BeganAt = b.now().UTC() // what was stored before may have had to wait
	var yes graph.Revocation
	if r.Drill {
		_, err = b.directory.User(call, r.Target.ID)
	} else {
		yes, err = b.directory.Revoke(call, r.Target.ID)
	}
	cancel()
	// What Microsoft has answered outlives the step: nobody else knows it.
	return b.conclude(b.work, r, len(r.Attempts)-1, yes, err)
}

// conclude stores what came of attempt n. If the claim was lost meanwhile and
// somebody else has called the outcome unknown, a yes still counts.
func (b *Bot) conclude(ctx context.Context, r bot.Request, n int, yes graph.Revocation, callErr error) (again bool, _ bot.Request, err error) {
	at := b.now().UTC() // however late it can be stored
	for {
		if r.State != bot.Executing && r.State != bot.Unknown || n != len(r.Attempts)-1 {
			// Too late to count, but not to be on record.
			e := r.Entry(r.State, b.actor)
			e.Action, e.Operation, e.RequestID, e.ClientRequestID = "late_answer", string(yes.Operation), yes.RequestID, yes.ClientRequestID
			e.Status, e.Outcome = yes.Status, string(graph.Done)
			if callErr != nil {
				e.Outcome = string(graph.OutcomeUnknown)
			}
			if no := graph.AsError(callErr); no != nil {
				e.Outcome, e.Operation = string(no.Outcome), string(no.Operation)
				e.Status, e.Code, e.RequestID, e.ClientRequestID = no.Status, no.Code, no.RequestID, no.ClientRequestID
			}
			return false, r, b.store.Record(ctx, 0, e)
		}
		next := b.outcome(r, yes, callErr, at)
		e := next.Entry(next.State, b.actor)
		a := next.Attempt()
		e.Operation, e.Also = string(next.Ran()), bot.AlsoCalled(a)
		e.Status, e.Code, e.Outcome = a.Status, a.Code, string(a.Outcome)
		e.RequestID, e.ClientRequestID = a.RequestID, a.ClientRequestID
		c := bot.Change{Request: next, Audit: []bot.Entry{e}, Keep: next.State == bot.Unknown, Answered: bot.Answered(a)}
		if a.Asked && next.State != bot.Failed {
			// Where nobody waits any more, people decide whether to ask again. Nobody
			// else waits for longer than a request would for itself.
			c.Pushback = min(a.Wait, b.cfg.Timing.Patience)
		}
		stored, err := b.commitOutcome(ctx, c)
		if err == nil {
			return stored.State == bot.Unknown, stored, nil
		}
		if !errors.Is(err, bot.ErrConflict) {
			return false, next, fmt.Errorf("store what Microsoft answered: %w", err)
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
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
func (b *Bot) commitOutcome(ctx context.Context, c bot.Change) (stored bot.Request, err error) {
	b.answers.Store(c.Request.ID, true)
	defer b.answers.Delete(c.Request.ID)
	kept := answersKept
	if b.actor == bot.ConsoleActor {
		kept = insistWithin // whoever sits there reads what could not be recorded
	}
	err = b.insistFor(ctx, b.log.With("request", c.Request.ID), "store what Microsoft answered", kept, func(ctx context.Context) (err error) {
		stored, err = b.commit(ctx, c)
		return err
	})
	return stored, err
}

// claimLost deals with a call whose process died in it: nobody knows.
func (b *Bot) claimLost(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := b.now().UTC()
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
	r, err = b.commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: true})
	return err == nil, r, err
}
