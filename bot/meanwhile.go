package bot

import (
	"context"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Two requests may be about one account: in the two lanes, or one on the command
// line. When one of them has the account revoked, the cards of the others are drawn
// anew, and say so: a second revoke signs the person out once more. A card that does
// not say so yet confirms nothing.

// RevokedAlready: another request for the account was carried out since it was
// asked for.
const RevokedAlready authz.Reason = "revoked_meanwhile"

// meanwhile is the request by which the account was revoked last, if that was after
// r was asked for, and somebody can still decide that r does not revoke it again; nil
// if not. Drills revoke nothing, and an outcome that is not known is none.
func (b *Bot) meanwhile(ctx context.Context, r *Request) (*Request, error) {
	if r.State != Pending && !r.stoppable() && !r.retryable(b.now()) {
		return nil, nil
	}
	return b.revokedSince(ctx, r)
}

// revokedSince is the same of a request that need not ask for a decision.
func (b *Bot) revokedSince(ctx context.Context, r *Request) (*Request, error) {
	if r.Drill || r.AtConsole() {
		return nil, nil
	}
	other, found, err := b.store.LastRevoke(ctx, r.Target.ID, r.ID)
	if err != nil || !found || !other.AcceptedAt.After(r.RevokedBefore) {
		return nil, err
	}
	return &other, nil
}

// leftToApprovers says why what the policy carries out by itself is left to the
// approvers, by what people have done since. until is set where that is not known
// yet: then nothing is called before it is looked at again.
func (b *Bot) leftToApprovers(ctx context.Context, r *Request, rec proof) (why authz.Reason, until time.Time, err error) {
	if rec.denying {
		return DenyAsked, time.Time{}, nil
	}
	other, err := b.revokedSince(ctx, r)
	switch {
	case err != nil || other == nil:
		return "", time.Time{}, err
	case other.State == Verified:
		return RevokedAlready, time.Time{}, nil
	}
	return "", b.mayStillShow(other), nil
}

// mayStillShow is when to look again at a revoke that Microsoft accepted and the
// account does not show; zero once people were told that it is not done, or should
// have been. Not every request comes to that: the account cannot be read, or the
// row cannot.
func (b *Bot) mayStillShow(r *Request) time.Time {
	within := showsLate
	for _, pause := range b.cfg.Timing.Verify {
		within += pause
	}
	if later := b.cfg.Timing.Recheck; len(later) > 0 {
		within += later[0]
	}
	now := b.now().UTC()
	old, known := age(r.AcceptedAt, now)
	if r.doubtful() || !known || old >= within {
		return time.Time{}
	}
	return now.Add(min(undecidedRetry, within-old))
}

// showsLate is for the looks themselves, which wait for Microsoft.
const showsLate = time.Minute

// unsaid is meanwhile, unless the card had said so when it was pressed. The receipt
// of whoever may have themselves revoked says nothing about the account, and counts
// as it is.
func (b *Bot) unsaid(ctx context.Context, a Arrival, r *Request) (*Request, error) {
	other, err := b.meanwhile(ctx, r)
	if other == nil || err != nil {
		return nil, err
	}
	places, err := b.store.Places(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	card := places[cardKey]
	if card.Channel != a.ChannelID || card.TS != a.MessageTS || card.Tells == other.ID && !a.ReceivedAt.Before(card.TellsAt) {
		return nil, nil
	}
	return other, nil
}

// saysNow notes of which other request's revoke a message tells now.
func (p *Place) saysNow(tells string, now time.Time) {
	switch {
	case tells == "":
		p.Tells, p.TellsAt = "", time.Time{}
	case tells != p.Tells:
		p.Tells, p.TellsAt = tells, now.UTC()
	}
}

// revokedMeanwhile says so on the card.
func revokedMeanwhile(r, other *Request) *line {
	l := (&line{}).say("⚠ ")
	switch {
	case other.doubtful():
		l.bold("Microsoft accepted a revoke for another request, but the account does not show it:")
	case r.Target.Guest == graph.Yes:
		l.bold("Microsoft accepted a revoke for another request, and revokes nothing for guests:")
	case other.State != Verified:
		l.bold("Microsoft accepted a revoke for another request, but I have not seen it on the account yet:").say(" %s, ", other.ID).when(other.AcceptedAt).say(".")
		if r.Executes {
			l.say(" If I see it soon, this request is not carried out by itself.")
		}
		return l
	default:
		l.bold("Revoked already, for another request:").say(" %s, ", other.ID).when(other.AcceptedAt).
			say(". To revoke again signs ").typed(r.name()).say(" out again. Is once enough? Then ")
		switch r.State {
		case Pending:
			return l.say("press Deny.")
		case Approved:
			return l.say("press Deny, which stops this request.")
		}
		return l.say("nothing needs to be done.") // such a card has no Deny
	}
	return l.say(" %s, ", other.ID).when(other.AcceptedAt).say(".")
}
