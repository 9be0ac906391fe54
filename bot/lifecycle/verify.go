package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
)

// findOut finds out what became of a call of unknown effect: a moved stamp
// means that it was carried out. If the stamp has not moved some time after
// the call, one second call is made; after that there is only reading.
func (rn *Runner) findOut(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	read := rn.stamps(lookup.NobodyWaits(ctx), r.Target.ID)
	now, withheld := rn.now().UTC(), r.Withheld
	r.Note(read)
	if read.MovedSince(r.Before) && r.Ours(read) {
		r.To(bot.Revoked)
		r.AcceptedAt, r.Seen, r.Reads, r.DueAt = now, true, 0, now
		e := r.Entry(bot.Revoked, rn.actor)
		e.Reason, e.StampBefore, e.StampAfter = "stamp_moved", bot.StampText(r.Before.ValidFrom()), bot.StampText(r.After.ValidFrom())
		r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Keep: true})
		return err == nil, r, err
	}
	second, may := r.SecondCall(rn.cfg.Timing, now)
	// Unmoved even since the card: then it was unmoved since before the call.
	// Long after the decision people have acted themselves, and only they
	// decide anew.
	unmoved := read.Known() && !read.MovedSince(r.Earlier())
	var turn time.Time                                   // in the line, if it has to wait for that
	others := rn.under(&r) != "" && rn.otherRules.Load() // whoever has the rules in force calls again
	if unmoved && may && !others && !now.Before(second) && now.Sub(r.Verdict().At) < rn.cfg.Timing.Patience && rn.mayCallAgain(ctx, &r) {
		again, next, err := rn.execute(ctx, r)
		_, full := errors.AsType[*bot.LimitError](err)
		queued, waits := errors.AsType[*bot.TurnError](err)
		if !full && !waits && !errors.Is(err, bot.ErrFrozen) && !errors.Is(err, bot.ErrOtherRules) {
			return again, next, err
		}
		// A brake is on: reading goes on.
		may = false
		if waits {
			turn = queued.Until
		}
	}
	pauses := rn.cfg.Timing.Settle
	r.DueAt = now.Add(pauses[min(r.Reads, len(pauses)-1)])
	if !turn.IsZero() && turn.Before(r.DueAt) {
		r.DueAt = turn // or it would be missed
	}
	if may && now.Before(second) && second.Before(r.DueAt) {
		r.DueAt = second
	}
	r.Reads++
	// A day is enough; the last look takes "Try again" off the card.
	switch end := r.Verdict().At.Add(bot.RetryWindow); {
	case !now.Before(end):
		r.DueAt = time.Time{}
	case r.DueAt.After(end):
		r.DueAt = end
	}
	c := bot.Change{Request: r}
	if r.Withheld != "" && withheld == "" {
		e := r.Entry(bot.Unknown, rn.actor)
		e.Action, e.Reason = "withheld", string(r.Withheld)
		c.Audit = append(c.Audit, e)
	}
	if r.DueAt.IsZero() {
		e := r.Entry(bot.Unknown, "clock")
		e.Action = "stopped_looking"
		c.Audit = append(c.Audit, e)
	}
	_, err = rn.Commit(ctx, c)
	return false, r, err
}

// verify reads the account after Microsoft's yes until the stamp has moved. If
// the first late look does not show it, or the last of all, people are told.
func (rn *Runner) verify(ctx context.Context, r bot.Request) error {
	read := rn.stamps(lookup.NobodyWaits(ctx), r.Target.ID)
	now := rn.now().UTC()
	r.Note(read)
	was, late := r.State, false
	switch {
	case read.MovedSince(r.Earlier()) && r.Ours(read):
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
