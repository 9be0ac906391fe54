package lifecycle

import (
	"context"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
)

// Draft makes a pending request from an ask and its look-ups.
func (k *base) Draft(ctx context.Context, r bot.Request) (bot.Request, error) {
	before, err := k.store.LastAccepted(ctx, r.Target.ID)
	if err != nil {
		return bot.Request{}, err
	}
	now := k.now().UTC()
	matter := r.Matter()
	need := k.cfg.Policy.Require(matter)
	wait, executes := k.cfg.Policy.Wait(matter)
	r.ID, r.State, r.RevokedBefore = bot.NewID(), bot.Pending, before
	r.Operation, r.Fallback = k.cfg.Operation, k.cfg.Fallback
	r.Need, r.Protected = need.Approvals, need.Protected
	r.Digest = bot.CardDigest(r.Target, r.Words.UPN, r.Operation, r.Fallback, r.Need)
	r.CreatedAt, r.ExpiresAt, r.Executes = now, now.Add(wait), executes && !r.Drill
	r.DueAt = k.cfg.Attention(&r)
	r.Coverage.Able = lookup.Headcount(k.approvers.Latest().Able(&r, k.cfg.Check))
	return r, nil
}

// CancelTimeout leaves a report to people if somebody wants to deny it.
func (k *base) CancelTimeout(r *bot.Request) {
	if len(r.DenyAsked) > 0 && r.Executes {
		k.leaveToPeople(r, bot.DenyAsked)
	}
}

// leaveToPeople stops the policy from executing a report at its deadline, and gives the
// approvers as long as for any other request.
func (k *base) leaveToPeople(r *bot.Request, why authz.Reason) {
	r.Executes, r.NotExecuted, r.OtherRules = false, why, false
	r.ExpiresAt = r.CreatedAt.Add(max(k.cfg.Policy.Expiry, r.ExpiresAt.Sub(r.CreatedAt)))
}

// Void ends a request whose card is no longer true, and makes a fresh preview of the
// same ask in the same transaction, so that the ask is not lost.
func (k *base) Void(
	ctx context.Context, r bot.Request, t bot.TargetFacts, changed []bot.Difference, c bot.Change, e bot.Entry,
) (bot.Request, error) {
	r.To(bot.Void)
	r.EndedAt, r.DueAt, r.Changed = k.now().UTC(), time.Time{}, changed
	e.Action, e.Digest, e.Changed = string(bot.Void), r.Digest, bot.JoinDifferences(changed)
	c.Audit = []bot.Entry{e}
	if !slices.Contains(changed, bot.Gone) && !slices.Contains(changed, bot.NowBlocked) {
		fresh := bot.Request{
			Lane: r.Lane, Drill: r.Drill, Askers: r.Askers, Words: r.Words, Replaces: r.ID,
			Coverage: r.Coverage, CancelAskedAt: r.CancelAskedAt, AskersAlso: r.AskersAlso, DenyAsked: r.DenyAsked, TargetLeft: r.TargetLeft,
		}
		t.SlackIDs, t.Found = bot.Union(r.TargetSlackIDs(), t.SlackIDs), t.Found || r.TargetFound
		// A click does not wait for these facts, but a new card shows them.
		k.people.CompleteFacts(ctx, &t)
		fresh.AimAt(t)
		fresh, err := k.Draft(ctx, fresh)
		if err != nil {
			return r, err
		}
		fresh.RevokedBefore = r.RevokedBefore // as people knew it when they asked
		k.CancelTimeout(&fresh)
		fresh.DueAt = k.cfg.Attention(&fresh)
		r.ReplacedBy = fresh.ID
		again := fresh.Entry(bot.Pending, e.Actor)
		again.Action, again.Origin, again.ActorEntraID = bot.ActPreviewedAgain, e.Origin, e.ActorEntraID
		again.Operation, again.Digest, again.Need = string(fresh.Operation), fresh.Digest, fresh.Need
		again.Until = fresh.ExecutesAt()
		c.Successor, c.Audit = &fresh, append(c.Audit, again)
	}
	// If somebody altered the request, its calls are not known.
	c.GivesBack = r.NothingDone() && !slices.Contains(changed, bot.Altered)
	// The rules in force judge a card.
	c.Request, c.Under = r, k.rules.Digest()
	return k.Commit(ctx, c)
}
