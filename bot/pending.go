package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// wait does what the clock owes a pending request: reminders, the escalation,
// and its end.
func (b *Bot) wait(ctx context.Context, r Request) (again bool, _ Request, err error) {
	now := b.now().UTC()
	if !now.Before(r.deadline()) {
		return b.timeUp(ctx, r)
	}
	if _, frozen, err := b.store.Frozen(ctx); frozen || err != nil {
		if err != nil {
			return false, r, err
		}
		return b.standStill(ctx, r, nil)
	}
	var rows []Entry
	if at := b.nextReminder(&r); !at.IsZero() && !now.Before(at) {
		// What was slept through is not made up for.
		for at := at; !at.IsZero() && !now.Before(at); at = b.nextReminder(&r) {
			r.Reminded++
		}
		r.RemindedAt = now
		e := r.entry(Pending, "clock")
		e.Action = "reminded"
		rows = append(rows, e)
	}
	if at := b.escalation(&r); !at.IsZero() && !now.Before(at) {
		r.Escalated = true
		e := r.entry(Pending, "clock")
		e.Action = "escalated"
		rows = append(rows, e)
	}
	r.DueAt = b.attention(&r)
	r, err = b.commit(ctx, Change{Request: r, Audit: rows})
	return false, r, err
}

// attention is when a pending request next wants something: a reminder, the
// escalation, or its end.
func (b *Bot) attention(r *Request) time.Time {
	due := r.deadline()
	for _, at := range []time.Time{b.nextReminder(r), b.escalation(r)} {
		if !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due
}

// nextReminder is when the next reminder is due; zero when none is. Each pause
// is longer than the one before.
func (b *Bot) nextReminder(r *Request) time.Time {
	rule := b.cfg.Policy.Reminders
	if rule.After == 0 || r.Reminded >= rule.Max {
		return time.Time{}
	}
	age, pause := time.Duration(0), rule.After
	for range r.Reminded + 1 {
		age += pause
		pause = time.Duration(min(float64(pause)*rule.Factor, float64(longestPause)))
	}
	return r.since().Add(r.Paused + age)
}

// longestPause between two reminders keeps the sum of them a duration.
const longestPause = 30 * 24 * time.Hour

// escalation is when somebody else is called; zero when nobody is, any more.
func (b *Bot) escalation(r *Request) time.Time {
	rule := b.cfg.Policy.Reminders
	if rule.EscalateAfter == 0 || r.Escalated {
		return time.Time{}
	}
	return r.since().Add(r.Paused + rule.EscalateAfter)
}

// overdue ends a request that the clock has not come to yet. It answers false
// where a freeze has stopped the request's clock.
func (b *Bot) overdue(ctx context.Context, r Request) (over bool, err error) {
	if _, frozen, err := b.store.Frozen(ctx); frozen || err != nil {
		return false, err
	}
	again, r, err := b.timeUp(ctx, r)
	if again {
		b.spawn(func(ctx context.Context) { b.advance(ctx, r) })
	}
	return r.State != Pending, err
}

// timeUp ends the wait for a decision: the request expires, or the policy has
// it carried out. The store refuses both while a freeze is on.
func (b *Bot) timeUp(ctx context.Context, r Request) (again bool, _ Request, err error) {
	if r.Executes {
		again, r, err = b.executeUndecided(ctx, r)
	} else {
		now := b.now().UTC()
		next := r
		next.to(Expired)
		next.EndedAt, next.DueAt = now, time.Time{}
		next, err = b.commit(ctx, Change{Request: next, Audit: []Entry{next.entry(Expired, "clock")}, Fenced: true})
		if err == nil {
			r = next
		}
	}
	if errors.Is(err, ErrOtherRules) {
		return b.leaveToOthers(ctx, r)
	}
	if errors.Is(err, ErrFrozen) {
		// Past its deadline only because the freeze has stopped its clock.
		return b.standStill(ctx, r, nil)
	}
	return again, r, err
}

// undecidedRetry is the pause before the account is read again for a request
// that nobody decided.
const undecidedRetry = 30 * time.Second

// executeUndecided has a self report carried out that nobody decided in time,
// as the policy says: never for a target that is protected or privileged, or
// may be, and never when it is not the account on the card any more.
func (b *Bot) executeUndecided(ctx context.Context, r Request) (again bool, _ Request, err error) {
	now := b.now().UTC()
	if late(&r, now) {
		why := TooOld
		if r.Unread {
			why = LookupFailed
		}
		return b.waitOn(ctx, r, why)
	}
	rec, missing, err := b.onRecord(ctx, &r)
	if err == nil && missing == "" && rec.waits {
		missing = noTimeout // people were asked, and the row says otherwise
	}
	if missing != "" && err == nil {
		r, err = b.stopUnrecorded(ctx, r, missing, Change{Fenced: true}, r.entry(Void, b.actor))
	}
	if missing != "" || err != nil {
		return false, r, err
	}
	if !rec.timeUp(now) {
		b.log.Error("the audit chain and the clock do not agree on when the time of a report is up, so that it is left to the approvers: "+
			"the clock was set back, or somebody may have changed the database",
			"request", r.ID, "state", r.State, "missing", noAgreement)
		return b.waitOn(ctx, r, TimeUnclear)
	}
	if rec.denying {
		return b.waitOn(ctx, r, DenyAsked)
	}
	t, err := b.people.targetNow(ctx, r.Target.ID, r.targetSlackIDs(), false)
	gone := graph.IsNotFound(err)
	if err != nil && !gone {
		b.log.Warn("read the account of a report that nobody decided", "request", r.ID, "error", err)
		r.DueAt, r.Unread = now.Add(undecidedRetry), true
		r, err = b.commit(ctx, Change{Request: r})
		return false, r, err
	}
	// Once more: Slack and Microsoft took their time, and a press of Deny changes no
	// request.
	rec, missing, err = b.onRecord(ctx, &r)
	if missing != "" && err == nil {
		return false, r, ErrConflict // all is looked at again
	}
	var why authz.Reason
	var until time.Time
	if err == nil {
		why, until, err = b.leftToApprovers(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case why != "":
		return b.waitOn(ctx, r, why)
	case !until.IsZero():
		r.DueAt, r.Unread = until, false
		r, err = b.commit(ctx, Change{Request: r})
		return false, r, err
	}
	m := r.matterOf(t)
	if why := b.mayNotExecute(m, t); !gone && why != "" {
		return b.waitOn(ctx, r, why)
	}
	if changed := b.differences(&r, t, gone, m); len(changed) > 0 {
		void, err := b.void(ctx, r, t, changed, Change{Fenced: true}, r.entry(Void, "policy"))
		if err == nil {
			r = void
		}
		return false, r, err
	}
	next := r
	next.updateFacts(t)
	next.approve(Verdict{Kind: authz.TimeOut, At: now}, t.user.Stamps)
	b.checked(&next, now)
	e := next.entry(Approved, "policy")
	e.Digest, e.Need = r.Digest, r.Need
	next, err = b.commit(ctx, Change{
		Request: next, Audit: []Entry{e}, Keep: true, Fenced: true, Under: b.rules.Digest(), Uses: b.uses(&next),
	})
	if limit, full := errors.AsType[*LimitError](err); full {
		return b.waitOn(ctx, r, limit.reason())
	}
	if err != nil {
		return false, r, err
	}
	return true, next, nil
}

// waitOn leaves to the approvers what the policy may not carry out.
func (b *Bot) waitOn(ctx context.Context, r Request, why authz.Reason) (again bool, _ Request, err error) {
	r.OtherRules = false
	r.Executes, r.NotExecuted = false, why
	if r.ExpiresAt = r.CreatedAt.Add(max(b.cfg.Policy.Expiry, r.ExpiresAt.Sub(r.CreatedAt))); slices.Contains([]authz.Reason{TooOld, LookupFailed, TimeUnclear}, why) {
		b.askAgain(&r) // most of that time may have gone by
	}
	r.DueAt = b.attention(&r)
	e := r.entry(Pending, "policy")
	e.Action, e.Reason = "not_executed", string(why)
	waiting, err := b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Fenced: true, Under: b.rules.Digest()})
	if err == nil {
		r = waiting
	}
	return false, r, err
}

// approve takes the request to approved by a verdict that enough others came
// before.
func (r *Request) approve(v Verdict, before graph.Stamps) {
	v.Others = r.Approvals
	r.to(Approved)
	r.DueAt, r.OtherRules = v.At, false
	r.Before, r.After, r.Reads, r.Unread = before, graph.Stamps{}, 0, false
	r.Unasked, r.Withheld = "", ""
	r.Decisions = append(slices.Clone(r.Decisions), v)
	r.Approvals = nil
}

// uses is what the decision in force counts against the limits, beside the
// approvals: nothing for a drill, which writes nothing.
func (b *Bot) uses(r *Request) []Use {
	if r.Drill {
		return nil
	}
	limits := b.cfg.Policy.Limits
	target, total := PerTarget, Total
	if v := r.verdict(); v.Kind == authz.TimeOut || r.onlySelf() && v.EntraID == r.requester().EntraID {
		target, total = OwnTarget, OwnTotal
	}
	over := r.passesOver(OverLimit)
	return []Use{
		{Kind: target, Who: r.Target.ID, Limit: limits.PerTarget, PassedOver: over},
		{Kind: total, Limit: limits.Total, PassedOver: over},
	}
}

// perPerson counts an act against somebody's limit, by both accounts: either
// alone could be exchanged for a fresh one.
func perPerson(kind string, v authz.Asker, limit authz.Limit) []Use {
	return []Use{{Kind: kind, Who: v.EntraID, Limit: limit}, {Kind: kind, Who: v.SlackID, Limit: limit}}
}
