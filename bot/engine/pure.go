package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// asks counts an ask against its asker's limit. A report of one's own device
// does not count: whoever holds the phone could use up what its owner needs,
// and there is but one at a time.
func (b *Bot) asks(r *bot.Request, asker authz.Asker) []bot.Use {
	if r.Lane == authz.Self {
		return nil
	}
	return bot.PerPerson(bot.PerRequester, asker, b.cfg.Policy.Limits.PerRequester)
}

// check asks authz by the policy in force, leaving any freeze aside.
func (b *Bot) check(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
	return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: b.cfg.Policy})
}

// cover draws up the roster and looks at the channel. Neither is authority and
// neither keeps anybody from asking.
func (b *Bot) cover(ctx context.Context) (c bot.Coverage) {
	ctx, cancel := context.WithTimeout(ctx, lookup.RosterWait)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		known := b.approvers.Fresh(ctx)
		unable, _ := lookup.UnableTo(known.Troubles)
		c.Known, c.Blind = known.Whole(), unable != ""
	})
	both.Go(func() {
		problem, _, err := b.channel.Get(ctx, b.cfg.Channel)
		if err != nil {
			b.log.Warn("look at the approvers' channel", "channel", b.cfg.Channel, "error", err)
		}
		c.Channel = problem
	})
	both.Wait()
	return c
}

// outcome is what the request becomes by the answer to its last attempt, which
// came now.
func (b *Bot) outcome(r bot.Request, yes graph.Revocation, callErr error, now time.Time) bot.Request {
	r.Attempts = slices.Clone(r.Attempts)
	a := r.Attempt()
	a.EndedAt = now
	if callErr == nil {
		a.Operation, a.Also = yes.Operation, yes.Also
		a.Outcome, a.Status, a.RequestID, a.ClientRequestID = graph.Done, yes.Status, yes.RequestID, yes.ClientRequestID
		if r.Drill {
			r.To(bot.Drilled)
			r.DueAt = time.Time{}
			return r
		}
		r.To(bot.Revoked)
		r.AcceptedAt, r.Reads = now, 0
		r.DueAt = now.Add(b.cfg.Timing.Verify[0])
		return r
	}
	no := graph.AsError(callErr)
	if no == nil {
		no = &graph.Error{Outcome: graph.OutcomeUnknown, Remedy: "Microsoft's answer could not be understood."}
	}
	a.Operation, a.Also = no.Operation, no.Also
	a.Status, a.Code, a.RequestID, a.ClientRequestID, a.Remedy = no.Status, no.Code, no.RequestID, no.ClientRequestID, no.Remedy
	a.Outcome = graph.OutcomeUnknown
	if no.Outcome == graph.NotDone || r.Drill {
		a.Outcome = graph.NotDone // a read changes nothing, whatever became of it
	}
	if no.Retryable && a.Outcome == graph.NotDone {
		a.Wait, a.Asked = no.RetryAfter, no.RetryAfter > 0
		if !a.Asked {
			tries, _ := r.Tries()
			a.Wait = time.Second << tries
		}
	}
	// A plain no to this call says nothing about an earlier one.
	if r.OpenCalls() > 0 {
		r.To(bot.Unknown)
		r.DueAt, r.Reads = now, 0
		return r
	}
	if no.Retryable {
		tries, first := r.Tries()
		// No longer than the decision counts: see outlived.
		if end := now.Add(a.Wait); tries < bot.MaxTries && end.Sub(first) <= b.cfg.Timing.Patience && !end.After(b.shelf(&r)) {
			r.To(bot.Approved)
			r.DueAt = now.Add(a.Wait)
			return r
		}
	}
	r.To(bot.Failed)
	r.DueAt = r.Verdict().At.Add(bot.RetryWindow)
	return r
}

// attention is when a pending request next wants something: a reminder, the
// escalation, or its end.
func (b *Bot) attention(r *bot.Request) time.Time {
	due := r.Deadline()
	for _, at := range []time.Time{b.nextReminder(r), b.escalation(r)} {
		if !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due
}

// nextReminder is when the next reminder is due; zero when none is. Each pause
// is longer than the one before.
func (b *Bot) nextReminder(r *bot.Request) time.Time {
	rule := b.cfg.Policy.Reminders
	if rule.After == 0 || r.Reminded >= rule.Max {
		return time.Time{}
	}
	age, pause := time.Duration(0), rule.After
	for range r.Reminded + 1 {
		age += pause
		pause = time.Duration(min(float64(pause)*rule.Factor, float64(bot.LongestPause)))
	}
	return r.Since().Add(r.Paused + age)
}

// escalation is when somebody else is called; zero when nobody is, any more.
func (b *Bot) escalation(r *bot.Request) time.Time {
	rule := b.cfg.Policy.Reminders
	if rule.EscalateAfter == 0 || r.Escalated {
		return time.Time{}
	}
	return r.Since().Add(r.Paused + rule.EscalateAfter)
}

// uses is what the decision in force counts against the limits, beside the
// approvals: nothing for a drill, which writes nothing.
func (b *Bot) uses(r *bot.Request) []bot.Use {
	if r.Drill {
		return nil
	}
	limits := b.cfg.Policy.Limits
	target, total := bot.PerTarget, bot.Total
	if v := r.Verdict(); v.Kind == authz.TimeOut || r.OnlySelf() && v.EntraID == r.Requester().EntraID {
		target, total = bot.OwnTarget, bot.OwnTotal
	}
	over := r.PassesOver(bot.OverLimit)
	return []bot.Use{
		{Kind: target, Who: r.Target.ID, Limit: limits.PerTarget, PassedOver: over},
		{Kind: total, Limit: limits.Total, PassedOver: over},
	}
}

// differences says what a confirmation is bound to and is no longer so.
func (b *Bot) differences(r *bot.Request, t bot.TargetFacts, gone bool, m authz.Matter) []bot.Difference {
	if gone {
		return []bot.Difference{bot.Gone}
	}
	need := b.cfg.Policy.Require(m)
	upn := bot.Clean(t.User.UPN, bot.MaxAddress)
	var all []bot.Difference
	add := func(d bot.Difference, is bool) {
		if is {
			all = append(all, d)
		}
	}
	add(bot.NowBlocked, need.Blocked)
	add(bot.Renamed, upn != r.Words.UPN)
	add(bot.GuestChanged, t.User.Guest != r.Target.Guest)
	add(bot.OtherOperation, b.cfg.Operation != r.Operation || b.cfg.Fallback != r.Fallback)
	add(bot.MoreApprovals, need.Approvals > r.Need)
	// Requests of the first version have no digest.
	add(bot.Altered, len(all) == 0 && r.Digest != "" && r.Digest != bot.CardDigest(t.User, upn, b.cfg.Operation, b.cfg.Fallback, r.Need))
	return all
}
