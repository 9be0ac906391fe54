package bot

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/graph"
)

// clockSkew is how far our clock may be from Microsoft's. A stamp that moved
// earlier than this before our call was moved by somebody else.
const clockSkew = 5 * time.Minute

// findOut finds out what became of a call of unknown effect: a moved stamp
// means that it was carried out. If the stamp has not moved some time after
// the call, one second call is made; after that there is only reading.
func (b *Bot) findOut(ctx context.Context, r Request) (again bool, _ Request, err error) {
	read := b.stamps(nobodyWaits(ctx), r.Target.ID)
	now, withheld := b.now().UTC(), r.Withheld
	r.note(read)
	if read.MovedSince(r.Before) && r.ours(read) {
		r.to(Revoked)
		r.AcceptedAt, r.Seen, r.Reads, r.DueAt = now, true, 0, now
		e := r.entry(Revoked, b.actor)
		e.Reason, e.StampBefore, e.StampAfter = "stamp_moved", stampText(r.Before.ValidFrom()), stampText(r.After.ValidFrom())
		r, err = b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Keep: true})
		return err == nil, r, err
	}
	second, may := r.secondCall(b.cfg.Timing, now)
	// Unmoved even since the card: then it was unmoved since before the call.
	// Long after the decision people have acted themselves, and only they
	// decide anew.
	unmoved := read.Known() && !read.MovedSince(r.earlier())
	var turn time.Time                                 // in the line, if it has to wait for that
	others := b.under(&r) != "" && b.otherRules.Load() // whoever has the rules in force calls again
	if unmoved && may && !others && !now.Before(second) && now.Sub(r.verdict().At) < b.cfg.Timing.Patience && b.mayCallAgain(ctx, &r) {
		again, next, err := b.execute(ctx, r)
		_, full := errors.AsType[*LimitError](err)
		queued, waits := errors.AsType[*TurnError](err)
		if !full && !waits && !errors.Is(err, ErrFrozen) && !errors.Is(err, ErrOtherRules) {
			return again, next, err
		}
		// A brake is on: reading goes on.
		may = false
		if waits {
			turn = queued.Until
		}
	}
	pauses := b.cfg.Timing.Settle
	r.DueAt = now.Add(pauses[min(r.Reads, len(pauses)-1)])
	if !turn.IsZero() && turn.Before(r.DueAt) {
		r.DueAt = turn // or it would be missed
	}
	if may && now.Before(second) && second.Before(r.DueAt) {
		r.DueAt = second
	}
	r.Reads++
	// A day is enough; the last look takes "Try again" off the card.
	switch end := r.verdict().At.Add(retryWindow); {
	case !now.Before(end):
		r.DueAt = time.Time{}
	case r.DueAt.After(end):
		r.DueAt = end
	}
	c := Change{Request: r}
	if r.Withheld != "" && withheld == "" {
		e := r.entry(Unknown, b.actor)
		e.Action, e.Reason = "withheld", string(r.Withheld)
		c.Audit = append(c.Audit, e)
	}
	if r.DueAt.IsZero() {
		e := r.entry(Unknown, "clock")
		e.Action = "stopped_looking"
		c.Audit = append(c.Audit, e)
	}
	_, err = b.commit(ctx, c)
	return false, r, err
}

// nobodyWaits is ctx for what is asked of Microsoft while nobody waits for the
// answer: where it is asked too much, it turns that away first.
func nobodyWaits(ctx context.Context) context.Context {
	return context.WithValue(ctx, graph.NobodyWaits{}, true)
}

// stamps reads the account's stamps; the zero Stamps when they cannot be read.
func (b *Bot) stamps(ctx context.Context, id string) graph.Stamps {
	u, err := b.people.account(ctx, id)
	if err != nil {
		return graph.Stamps{}
	}
	return u.Stamps
}

// secondCall says when another call may follow one of unknown effect, if at
// all: once, some time after it, or when the wait is over that Microsoft asked
// for instead of carrying the second out. Where the clock was set back since the
// call, the reads since tell how long ago it was.
func (r *Request) secondCall(timing Timing, now time.Time) (at time.Time, may bool) {
	calls, first := r.unresolved()
	tries, _ := r.tries()
	if calls >= maxCalls || tries >= maxTries {
		return time.Time{}, false
	}
	a := r.attempt()
	if a.Outcome == graph.NotDone {
		if waited(a.EndedAt, a.Wait, now) {
			return now, a.Wait > 0
		}
		return a.EndedAt.Add(a.Wait), a.Wait > 0
	}
	if _, known := age(first, now); !known {
		first = now
		for _, pause := range timing.Settle[:min(r.Reads, len(timing.Settle))] {
			first = first.Add(-pause)
		}
	}
	return first.Add(timing.SecondPost), true
}

// ours reports whether stamps may have moved by a call of the decision in
// force, rather than by somebody else before it.
func (r *Request) ours(read graph.Stamps) bool {
	_, first := r.unresolved()
	return read.ValidFrom().After(first.Add(-clockSkew))
}

// note keeps what was read, or that it could not be read.
func (r *Request) note(read graph.Stamps) {
	if r.Unread = !read.Known(); !r.Unread {
		r.After = read
	}
}

// verify reads the account after Microsoft's yes until the stamp has moved. If
// the first late look does not show it, or the last of all, people are told.
func (b *Bot) verify(ctx context.Context, r Request) error {
	read := b.stamps(nobodyWaits(ctx), r.Target.ID)
	now := b.now().UTC()
	r.note(read)
	was, late := r.State, false
	switch {
	case read.MovedSince(r.earlier()) && r.ours(read):
		r.to(Verified)
		r.DueAt = time.Time{}
	case was == Revoked && r.Reads+1 < len(b.cfg.Timing.Verify):
		r.Reads++
		r.DueAt = now.Add(b.cfg.Timing.Verify[r.Reads])
	default:
		r.Reads++
		if was == Revoked {
			r.Reads = 0
		}
		if read.Known() {
			r.to(NotVisibleYet)
		} else {
			r.to(Unreachable)
		}
		r.DueAt = time.Time{}
		if r.Reads < len(b.cfg.Timing.Recheck) {
			r.DueAt = now.Add(b.cfg.Timing.Recheck[r.Reads])
		}
		late = was != Revoked || r.DueAt.IsZero()
	}
	var c Change
	e := r.entry(r.State, b.actor)
	e.StampBefore, e.StampAfter = stampText(r.earlier().ValidFrom()), stampText(read.ValidFrom())
	if r.State != was {
		c.Audit = append(c.Audit, e)
	}
	if late && r.raise(&e, now) {
		c.Audit = append(c.Audit, e)
	}
	c.Request = r
	_, err := b.commit(ctx, c)
	return err
}
