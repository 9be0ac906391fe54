package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// findOut finds out the result of a call of unknown effect: a moved stamp means that
// Microsoft revoked. If the stamp has not moved after some time, it calls once more;
// after that it only reads.
func (rn *Runner) findOut(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	read := rn.readStamps(lookup.NobodyWaits(ctx), r.Target.ID)
	now, withheld := rn.now().UTC(), r.Withheld
	r.Note(read)
	if read.MovedSince(r.Before) && ours(&r, read) {
		r.To(bot.Revoked)
		r.AcceptedAt, r.Seen, r.Reads, r.DueAt = now, true, 0, now
		e := r.Entry(bot.Revoked, rn.actor)
		e.Reason, e.StampBefore, e.StampAfter = string(bot.StampMoved), bot.StampText(r.Before.ValidFrom()), bot.StampText(r.After.ValidFrom())
		r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: true})
		return err == nil, r, err
	}
	second, may := r.SecondCall(rn.cfg.Timing, now)
	// A stamp unmoved since the card is unmoved since before the call.
	unmoved := read.Known() && !read.MovedSince(r.Earlier())
	recent := now.Sub(r.Verdict().At) < rn.cfg.Timing.Patience // later, people have acted themselves and decide
	others := rn.rulesFor(&r) != "" && rn.otherRules.Load()    // a replica with the rules in force calls again
	var turn time.Time                                         // when the line lets it call
	if unmoved && may && !others && !now.Before(second) && recent && rn.mayCallAgain(ctx, &r) {
		again, next, err := rn.callInTurn(ctx, r)
		_, full := errors.AsType[*bot.LimitError](err)
		queued, waits := errors.AsType[*bot.TurnError](err)
		if !full && !waits && !errors.Is(err, bot.ErrFrozen) && !errors.Is(err, bot.ErrOtherRules) {
			return again, next, err
		}
		may = false // something holds the call back, so only read
		if waits {
			turn = queued.Until
		}
	}
	if !may || !now.Before(second) {
		second = time.Time{}
	}
	r.DueAt = rn.nextRead(&r, now, turn, second)
	r.Reads++
	c := bot.Change{Request: r}
	if r.Withheld != "" && withheld == "" {
		e := r.Entry(bot.Unknown, rn.actor)
		e.Action, e.Reason = bot.ActWithheld, string(r.Withheld)
		c.Audit = append(c.Audit, e)
	}
	if r.DueAt.IsZero() {
		e := r.Entry(bot.Unknown, bot.ClockActor)
		e.Action = bot.ActStoppedLooking
		c.Audit = append(c.Audit, e)
	}
	_, err = rn.Commit(ctx, c)
	return false, r, err
}

// nextRead returns when to read the account again: after the usual pause, or earlier for
// turn or second, which may be zero. A day after the decision it returns zero: the last
// read removes "Try again" from the card.
func (rn *Runner) nextRead(r *bot.Request, now, turn, second time.Time) time.Time {
	pauses := rn.cfg.Timing.Settle
	due := now.Add(pauses[min(r.Reads, len(pauses)-1)])
	for _, earlier := range []time.Time{turn, second} {
		if !earlier.IsZero() && earlier.Before(due) {
			due = earlier
		}
	}
	switch end := r.Verdict().At.Add(bot.RetryWindow); {
	case !now.Before(end):
		return time.Time{}
	case due.After(end):
		return end
	}
	return due
}

// verify reads the account after Microsoft accepted a call, until the stamp has moved.
// People are told if the first late read does not show it, and if the last does not.
func (rn *Runner) verify(ctx context.Context, r bot.Request) error {
	read := rn.readStamps(lookup.NobodyWaits(ctx), r.Target.ID)
	now := rn.now().UTC()
	r.Note(read)
	was, late := r.State, false
	switch {
	case read.MovedSince(r.Earlier()) && ours(&r, read):
		r.To(bot.Verified)
		r.DueAt = time.Time{}
	case was == bot.Revoked && r.Reads+1 < len(rn.cfg.Timing.Verify):
		r.Reads++
		r.DueAt = now.Add(rn.cfg.Timing.Verify[r.Reads])
	default:
		r.Reads++
		if was == bot.Revoked {
			r.Reads = 0
		}
		if read.Known() {
			r.To(bot.NotVisibleYet)
		} else {
			r.To(bot.Unreachable)
		}
		r.DueAt = time.Time{}
		if r.Reads < len(rn.cfg.Timing.Recheck) {
			r.DueAt = now.Add(rn.cfg.Timing.Recheck[r.Reads])
		}
		late = was != bot.Revoked || r.DueAt.IsZero()
	}
	var c bot.Change
	e := r.Entry(r.State, rn.actor)
	e.StampBefore, e.StampAfter = bot.StampText(r.Earlier().ValidFrom()), bot.StampText(read.ValidFrom())
	if r.State != was {
		c.Audit = append(c.Audit, e)
	}
	if late && r.Raise(&e, now) {
		c.Audit = append(c.Audit, e)
	}
	c.Request = r
	_, err := rn.Commit(ctx, c)
	return err
}

// ours reports whether stamps may have moved by a call of the decision in
// force, rather than by somebody else before it.
func ours(r *bot.Request, read graph.Stamps) bool {
	_, first := r.Calls().Unresolved()
	return read.ValidFrom().After(first.Add(-bot.StampSkew))
}
