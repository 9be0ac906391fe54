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

// wait does what the clock owes a pending request: reminders, the escalation,
// and its end.
func (rn *Runner) wait(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	if !now.Before(r.Deadline()) {
		return rn.timeUp(ctx, r)
	}
	if _, frozen, err := rn.store.Frozen(ctx); frozen || err != nil {
		if err != nil {
			return false, r, err
		}
		return rn.standStill(ctx, r, nil)
	}
	var rows []bot.Entry
	if at := rn.cfg.NextReminder(&r); !at.IsZero() && !now.Before(at) {
		// What was slept through is not made up for.
		for at := at; !at.IsZero() && !now.Before(at); at = rn.cfg.NextReminder(&r) {
			r.Reminded++
		}
		r.RemindedAt = now
		e := r.Entry(bot.Pending, "clock")
		e.Action = "reminded"
		rows = append(rows, e)
	}
	if at := rn.cfg.Escalation(&r); !at.IsZero() && !now.Before(at) {
		r.Escalated = true
		e := r.Entry(bot.Pending, "clock")
		e.Action = "escalated"
		rows = append(rows, e)
	}
	r.DueAt = rn.cfg.Attention(&r)
	r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: rows})
	return false, r, err
}

// Overdue ends a request that the clock has not come to yet. It answers false
// where a freeze has stopped the request's clock.
func (rn *Runner) Overdue(ctx context.Context, r bot.Request) (over bool, err error) {
	if _, frozen, err := rn.store.Frozen(ctx); frozen || err != nil {
		return false, err
	}
	again, r, err := rn.timeUp(ctx, r)
	if again {
		rn.pool.Spawn(func(ctx context.Context) { rn.Advance(ctx, r) })
	}
	return r.State != bot.Pending, err
}

// timeUp ends the wait for a decision: the request expires, or the policy has
// it carried out. The store refuses both while a freeze is on.
func (rn *Runner) timeUp(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	if r.Executes {
		again, r, err = rn.executeUndecided(ctx, r)
	} else {
		now := rn.now().UTC()
		next := r
		next.To(bot.Expired)
		next.EndedAt, next.DueAt = now, time.Time{}
		next, err = rn.Commit(ctx, bot.Change{Request: next, Audit: []bot.Entry{next.Entry(bot.Expired, "clock")}, Fenced: true})
		if err == nil {
			r = next
		}
	}
	if errors.Is(err, bot.ErrOtherRules) {
		return rn.leaveToOthers(ctx, r)
	}
	if errors.Is(err, bot.ErrFrozen) {
		// Past its deadline only because the freeze has stopped its clock.
		return rn.standStill(ctx, r, nil)
	}
	return again, r, err
}

// undecidedRetry is the pause before the account is read again for a request
// that nobody decided.
const undecidedRetry = 30 * time.Second

// executeUndecided has a self report carried out that nobody decided in time,
// as the policy says: never for a target that is protected or privileged, or
// may be, and never when it is not the account on the card any more.
func (rn *Runner) executeUndecided(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	if bot.TimeoutTooLate(&r, now) {
		why := bot.TooOld
		if r.Unread {
			why = bot.LookupFailed
		}
		return rn.waitOn(ctx, r, why)
	}
	rec, missing, err := rn.OnRecord(ctx, &r)
	if err == nil && missing == "" && rec.Waits {
		missing = bot.NoTimeout // people were asked, and the row says otherwise
	}
	if missing != "" && err == nil {
		r, err = rn.StopUnrecorded(ctx, r, missing, bot.Change{Fenced: true}, r.Entry(bot.Void, rn.actor))
	}
	if missing != "" || err != nil {
		return false, r, err
	}
	if !rec.TimeUp(now) {
		rn.log.Error("the audit chain and the clock do not agree on when the time of a report is up, so that it is left to the approvers: "+
			"the clock was set back, or somebody may have changed the database",
			"request", r.ID, "state", r.State, "missing", bot.NoAgreement)
		return rn.waitOn(ctx, r, bot.TimeUnclear)
	}
	if rec.Denying {
		return rn.waitOn(ctx, r, bot.DenyAsked)
	}
	t, err := rn.people.TargetNow(ctx, r.Target.ID, r.TargetSlackIDs(), false)
	gone := graph.IsNotFound(err)
	if err != nil && !gone {
		rn.log.Warn("read the account of a report that nobody decided", "request", r.ID, "error", err)
		r.DueAt, r.Unread = now.Add(undecidedRetry), true
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	}
	// Once more: Slack and Microsoft took their time, and a press of Deny changes no
	// request.
	rec, missing, err = rn.OnRecord(ctx, &r)
	if missing != "" && err == nil {
		return false, r, bot.ErrConflict // all is looked at again
	}
	var why authz.Reason
	var until time.Time
	if err == nil {
		why, until, err = rn.leftToApprovers(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case why != "":
		return rn.waitOn(ctx, r, why)
	case !until.IsZero():
		r.DueAt, r.Unread = until, false
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	}
	m := r.MatterOf(t)
	if why := rn.mayNotExecute(m, t); !gone && why != "" {
		return rn.waitOn(ctx, r, why)
	}
	if changed := rn.cfg.Differences(&r, t, gone, m); len(changed) > 0 {
		void, err := rn.Void(ctx, r, t, changed, bot.Change{Fenced: true}, r.Entry(bot.Void, "policy"))
		if err == nil {
			r = void
		}
		return false, r, err
	}
	next := r
	next.UpdateFacts(t)
	next.Approve(bot.Verdict{Kind: authz.TimeOut, At: now}, t.User.Stamps)
	rn.Checked(&next, now)
	e := next.Entry(bot.Approved, "policy")
	e.Digest, e.Need = r.Digest, r.Need
	next, err = rn.Commit(ctx, bot.Change{
		Request: next, Audit: []bot.Entry{e}, Keep: true, Fenced: true, Under: rn.rules.Digest(), Uses: rn.cfg.Uses(&next),
	})
	if limit, full := errors.AsType[*bot.LimitError](err); full {
		return rn.waitOn(ctx, r, limit.Reason())
	}
	if err != nil {
		return false, r, err
	}
	return true, next, nil
}

// waitOn leaves to the approvers what the policy may not carry out.
func (rn *Runner) waitOn(ctx context.Context, r bot.Request, why authz.Reason) (again bool, _ bot.Request, err error) {
	r.OtherRules = false
	r.Executes, r.NotExecuted = false, why
	if r.ExpiresAt = r.CreatedAt.Add(max(rn.cfg.Policy.Expiry, r.ExpiresAt.Sub(r.CreatedAt))); slices.Contains([]authz.Reason{bot.TooOld, bot.LookupFailed, bot.TimeUnclear}, why) {
		rn.askAgain(&r) // most of that time may have gone by
	}
	r.DueAt = rn.cfg.Attention(&r)
	e := r.Entry(bot.Pending, "policy")
	e.Action, e.Reason = "not_executed", string(why)
	waiting, err := rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Fenced: true, Under: rn.rules.Digest()})
	if err == nil {
		r = waiting
	}
	return false, r, err
}
