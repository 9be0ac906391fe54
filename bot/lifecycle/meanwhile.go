package lifecycle

import (
	"context"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// Two requests may be about one account: in the two lanes, or one on the command
// line. When one of them has the account revoked, the cards of the others are drawn
// anew, and say so: a second revoke signs the person out once more. A card that does
// not say so yet confirms nothing.

// Meanwhile is the request by which the account was revoked last, if that was after
// r was asked for, and somebody can still decide that r does not revoke it again; nil
// if not. Drills revoke nothing, and an outcome that is not known is none.
func (rn *Runner) Meanwhile(ctx context.Context, r *bot.Request) (*bot.Request, error) {
	if r.State != bot.Pending && !r.Stoppable() && !r.Retryable(rn.now()) {
		return nil, nil
	}
	return rn.revokedSince(ctx, r)
}

// revokedSince is the same of a request that need not ask for a decision.
func (rn *Runner) revokedSince(ctx context.Context, r *bot.Request) (*bot.Request, error) {
	if r.Drill || r.AtConsole() {
		return nil, nil
	}
	other, found, err := rn.store.LastRevoke(ctx, r.Target.ID, r.ID)
	if err != nil || !found || !other.AcceptedAt.After(r.RevokedBefore) {
		return nil, err
	}
	return &other, nil
}

// leftToApprovers says why what the policy carries out by itself is left to the
// approvers, by what people have done since. until is set where that is not known
// yet: then nothing is called before it is looked at again.
func (rn *Runner) leftToApprovers(ctx context.Context, r *bot.Request, rec bot.Proof) (why authz.Reason, until time.Time, err error) {
	if rec.Denying {
		return bot.DenyAsked, time.Time{}, nil
	}
	other, err := rn.revokedSince(ctx, r)
	switch {
	case err != nil || other == nil:
		return "", time.Time{}, err
	case other.State == bot.Verified:
		return bot.RevokedAlready, time.Time{}, nil
	}
	return "", rn.mayStillShow(other), nil
}

// mayStillShow is when to look again at a revoke that Microsoft accepted and the
// account does not show; zero once people were told that it is not done, or should
// have been. Not every request comes to that: the account cannot be read, or the
// row cannot.
func (rn *Runner) mayStillShow(r *bot.Request) time.Time {
	within := showsLate
	for _, pause := range rn.cfg.Timing.Verify {
		within += pause
	}
	if later := rn.cfg.Timing.Recheck; len(later) > 0 {
		within += later[0]
	}
	now := rn.now().UTC()
	old, known := bot.Age(r.AcceptedAt, now)
	if r.Doubtful() || !known || old >= within {
		return time.Time{}
	}
	return now.Add(min(undecidedRetry, within-old))
}

// showsLate is for the looks themselves, which wait for Microsoft.
const showsLate = time.Minute
