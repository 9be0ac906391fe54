package lifecycle

import (
	"context"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// Two requests may be about one account: in the two lanes, or from the command line.
// When one of them revokes the account, the cards of the others are drawn again and
// say so, because a second revoke signs the person out once more. A card that does not
// say so yet confirms nothing.

// Meanwhile returns the request that revoked the account after r was made, if somebody
// can still decide r; otherwise nil. Drills and unknown results do not count.
func (k *base) Meanwhile(ctx context.Context, r *bot.Request) (*bot.Request, error) {
	if r.State != bot.Pending && !r.Stoppable() && !r.Retryable(k.now()) {
		return nil, nil
	}
	return k.revokedSince(ctx, r)
}

// revokedSince is Meanwhile for a request in any state.
func (k *base) revokedSince(ctx context.Context, r *bot.Request) (*bot.Request, error) {
	if r.Drill || r.AtConsole() {
		return nil, nil
	}
	other, found, err := k.store.LastRevoke(ctx, r.Target.ID, r.ID)
	if err != nil || !found || !other.AcceptedAt.After(r.RevokedBefore) {
		return nil, err
	}
	return &other, nil
}

// timeoutObjection says why an undecided report is left to the approvers because of
// what people did since. If that is not known yet, until says when to look again, and
// nothing is called before.
func (k *base) timeoutObjection(ctx context.Context, r *bot.Request, rec bot.Proof) (why authz.Reason, until time.Time, err error) {
	if rec.Denying {
		return bot.DenyAsked, time.Time{}, nil
	}
	other, err := k.revokedSince(ctx, r)
	switch {
	case err != nil || other == nil:
		return "", time.Time{}, err
	case other.State == bot.Verified:
		return bot.RevokedAlready, time.Time{}, nil
	}
	return "", k.mayStillShow(other), nil
}

// mayStillShow returns when to look again at a revoke that Microsoft accepted but the
// account does not show yet. It returns zero once people were told that the revoke is
// not done, or should have been: sometimes the account or the row cannot be read.
func (k *base) mayStillShow(r *bot.Request) time.Time {
	within := showsLate
	for _, pause := range k.cfg.Timing.Verify {
		within += pause
	}
	if later := k.cfg.Timing.Recheck; len(later) > 0 {
		within += later[0]
	}
	now := k.now().UTC()
	old, known := bot.Age(r.AcceptedAt, now)
	if r.Doubtful() || !known || old >= within {
		return time.Time{}
	}
	return now.Add(min(undecidedRetry, within-old))
}

// showsLate is the time that the reads themselves may take.
const showsLate = time.Minute
