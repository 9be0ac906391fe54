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

// undecidedRetry is the pause before an undecided report is looked at again.
const undecidedRetry = 30 * time.Second

// remindOrExpire sends a pending request's reminders and escalation, and ends its wait
// at the deadline.
func (rn *Runner) remindOrExpire(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	if !now.Before(r.Deadline()) {
		return rn.endWait(ctx, r)
	}
	if _, frozen, err := rn.store.Frozen(ctx); frozen || err != nil {
		if err != nil {
			return false, r, err
		}
		return rn.waitForThaw(ctx, r, nil)
	}
	var rows []bot.Entry
	if at := rn.cfg.NextReminder(&r); !at.IsZero() && !now.Before(at) {
		// Reminders missed while the bot was down are skipped.
		for at := at; !at.IsZero() && !now.Before(at); at = rn.cfg.NextReminder(&r) {
			r.Reminded++
		}
		r.RemindedAt = now
		e := r.Entry(bot.Pending, bot.ClockActor)
		e.Action = bot.ActReminded
		rows = append(rows, e)
	}
	if at := rn.cfg.Escalation(&r); !at.IsZero() && !now.Before(at) {
		r.Escalated = true
		e := r.Entry(bot.Pending, bot.ClockActor)
		e.Action = bot.ActEscalated
		rows = append(rows, e)
	}
	r.DueAt = rn.cfg.Attention(&r)
	r, err = rn.Commit(ctx, bot.Change{Request: r, Audit: rows})
	return false, r, err
}

// EndOverdue ends the wait of a request past its deadline, before the clock does. It
// returns false if a freeze has stopped the request's clock.
func (rn *Runner) EndOverdue(ctx context.Context, r bot.Request) (over bool, err error) {
	if _, frozen, err := rn.store.Frozen(ctx); frozen || err != nil {
		return false, err
	}
	again, r, err := rn.endWait(ctx, r)
	if again {
		rn.pool.Spawn(func(ctx context.Context) { rn.Advance(ctx, r) })
	}
	return r.State != bot.Pending, err
}

// endWait ends the wait for a decision: the request expires, or the policy executes it.
// The store refuses both while a freeze is on.
func (rn *Runner) endWait(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	if r.Executes {
		again, r, err = rn.approveUndecided(ctx, r)
	} else {
		now := rn.now().UTC()
		next := r
		next.To(bot.Expired)
		next.EndedAt, next.DueAt = now, time.Time{}
		next, err = rn.Commit(ctx, bot.Change{Request: next, Audit: []bot.Entry{next.Entry(bot.Expired, bot.ClockActor)}, Fenced: true})
		if err == nil {
			r = next
		}
	}
	if errors.Is(err, bot.ErrOtherRules) {
		return rn.leaveToOtherReplica(ctx, r)
	}
	if errors.Is(err, bot.ErrFrozen) {
		// Past its deadline only because the freeze has stopped its clock.
		return rn.waitForThaw(ctx, r, nil)
	}
	return again, r, err
}

// approveUndecided executes a self report that nobody decided in time, if the policy
// says so. It never does for a target that is, or may be, protected or privileged, or
// that has changed since the card.
func (rn *Runner) approveUndecided(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	now := rn.now().UTC()
	if bot.TimeoutTooLate(&r, now) {
		why := bot.TooOld
		if r.Unread {
			why = bot.LookupFailed
		}
		return rn.handToApprovers(ctx, r, why)
	}
	rec, missing, err := rn.OnRecord(ctx, &r)
	if err == nil && missing == "" && rec.Waits {
		missing = bot.NoTimeout // on record, it was already left to people
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
		return rn.handToApprovers(ctx, r, bot.TimeUnclear)
	}
	if rec.Denying {
		return rn.handToApprovers(ctx, r, bot.DenyAsked)
	}
	t, err := rn.people.TargetNow(ctx, r.Target.ID, r.TargetSlackIDs(), false)
	gone := graph.IsNotFound(err)
	if err != nil && !gone {
		rn.log.Warn("cannot read the account of a report that nobody decided", "request", r.ID, "error", err)
		r.DueAt, r.Unread = now.Add(undecidedRetry), true
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	}
	return rn.approveIfUnopposed(ctx, r, t, gone, now)
}

// approveIfUnopposed approves an undecided report, unless the policy, the account or
// something that people did meanwhile is against it. now is when its time was up.
func (rn *Runner) approveIfUnopposed(
	ctx context.Context, r bot.Request, t bot.TargetFacts, gone bool, now time.Time,
) (again bool, _ bot.Request, err error) {
	// Read the record again: the look-ups took time, and somebody may have pressed Deny,
	// which changes no request.
	rec, missing, err := rn.OnRecord(ctx, &r)
	if missing != "" && err == nil {
		return false, r, bot.ErrConflict // look at everything again
	}
	var why authz.Reason
	var until time.Time
	if err == nil {
		why, until, err = rn.timeoutObjection(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case why != "":
		return rn.handToApprovers(ctx, r, why)
	case !until.IsZero():
		r.DueAt, r.Unread = until, false
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	}
	m := r.MatterOf(t)
	if why := rn.whyNotExecute(m, t); !gone && why != "" {
		return rn.handToApprovers(ctx, r, why)
	}
	if changed := rn.cfg.Differences(&r, t, gone, m); len(changed) > 0 {
		void, err := rn.Void(ctx, r, t, changed, bot.Change{Fenced: true}, r.Entry(bot.Void, bot.PolicyActor))
		if err == nil {
			r = void
		}
		return false, r, err
	}
	next := r
	next.UpdateFacts(t)
	next.Approve(bot.Verdict{Kind: authz.TimeOut, At: now}, t.User.Stamps)
	rn.NoteChecked(&next, now)
	e := next.Entry(bot.Approved, bot.PolicyActor)
	e.Digest, e.Need = r.Digest, r.Need
	next, err = rn.Commit(ctx, bot.Change{
		Request: next, Audit: []bot.Entry{e}, Keep: true, Fenced: true, Under: rn.rules.Digest(), Uses: rn.cfg.Uses(&next),
	})
	if limit, full := errors.AsType[*bot.LimitError](err); full {
		return rn.handToApprovers(ctx, r, limit.Reason())
	}
	if err != nil {
		return false, r, err
	}
	return true, next, nil
}

// handToApprovers stores that the policy may not execute a report, so that only the
// approvers decide it.
func (rn *Runner) handToApprovers(ctx context.Context, r bot.Request, why authz.Reason) (again bool, _ bot.Request, err error) {
	rn.leaveToPeople(&r, why)
	if slices.Contains([]authz.Reason{bot.TooOld, bot.LookupFailed, bot.TimeUnclear}, why) {
		rn.restartDeadline(&r) // most of the time may be over
	}
	r.DueAt = rn.cfg.Attention(&r)
	e := r.Entry(bot.Pending, bot.PolicyActor)
	e.Action, e.Reason = bot.ActNotExecuted, string(why)
	waiting, err := rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Fenced: true, Under: rn.rules.Digest()})
	if err == nil {
		r = waiting
	}
	return false, r, err
}
