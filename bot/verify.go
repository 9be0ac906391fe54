package bot

import (
	"context"
	"time"
)

// settle finds out what became of a call of unknown effect: a moved stamp
// means that it was carried out. If the stamp has not moved some time after
// the call, one second call is made; after that there is only reading.
func (b *Bot) settle(ctx context.Context, r Request) (again bool, _ Request, err error) {
	read := b.stamps(ctx, r.Target.ID)
	now := b.now().UTC()
	if read.Known() {
		r.After = read
	}
	if read.MovedSince(r.Before) {
		r.to(Revoked)
		r.AcceptedAt, r.Seen, r.Reads, r.DueAt = now, true, 0, now
		e := r.entry(Revoked, "bot")
		e.Reason, e.StampBefore, e.StampAfter = "stamp_moved", stampText(r.Before.ValidFrom()), stampText(r.After.ValidFrom())
		r, err = b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Keep: true})
		return err == nil, r, err
	}
	posts, first := r.posts()
	second := first.Add(b.cfg.Timing.SecondPost)
	if read.Known() && posts < maxPosts && !now.Before(second) {
		return b.execute(ctx, r)
	}
	pauses := b.cfg.Timing.Settle
	r.DueAt = now.Add(pauses[min(r.Reads, len(pauses)-1)])
	if posts < maxPosts && now.Before(second) && second.Before(r.DueAt) {
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
	_, err = b.commit(ctx, Change{Request: r})
	return false, r, err
}

// verify reads the account after Microsoft's yes until the stamp has moved.
func (b *Bot) verify(ctx context.Context, r Request) error {
	read := b.stamps(ctx, r.Target.ID)
	now := b.now().UTC()
	if read.Known() {
		r.After = read
	}
	was := r.State
	switch {
	case read.MovedSince(r.earlier()):
		r.to(Verified)
		r.VerifiedAt, r.DueAt = now, time.Time{}
	case was == Revoked && r.Reads+1 < len(b.cfg.Timing.Verify):
		r.Reads++
		r.DueAt = now.Add(b.cfg.Timing.Verify[r.Reads])
	default:
		if was == Revoked {
			r.Reads = -1
		}
		r.Reads++
		if read.Known() {
			r.to(NotVisibleYet)
		} else {
			r.to(Unreachable)
		}
		r.DueAt = time.Time{}
		if r.Reads < len(b.cfg.Timing.Recheck) {
			r.DueAt = now.Add(b.cfg.Timing.Recheck[r.Reads])
		}
	}
	c := Change{Request: r}
	if r.State != was {
		e := r.entry(r.State, "bot")
		e.StampBefore, e.StampAfter = stampText(r.earlier().ValidFrom()), stampText(read.ValidFrom())
		c.Audit = []Entry{e}
	}
	_, err := b.commit(ctx, c)
	return err
}
