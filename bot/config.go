package bot

import (
	"log/slog"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Config is what a Bot is told once.
type Config struct {
	Home Workspace
	// Channel is the ID of the channel that gets the cards.
	Channel string
	// Policy is who may do what to whom.
	Policy authz.Policy
	// Emergency is what to do when nobody answers; it may be empty.
	Emergency string
	// Operation is what a confirmation has Microsoft do, and Fallback what is
	// done where that is gone or not permitted; empty for nothing else.
	Operation, Fallback graph.Operation
	Timing              Timing
	Log                 *slog.Logger
	// Meter counts what is done; nil for nobody.
	Meter Meter
	// Now is the clock; nil for the real one.
	Now func() time.Time
	// Steady is what has passed on a clock that nobody sets, to compare Now with;
	// nil where Now is a test's.
	Steady func() time.Duration
	// Witness is for tests; nil for none.
	Witness Witness
}

// Shelf is until when the decision in force may lead to a first call.
func (c *Config) Shelf(r *Request) time.Time { return r.Verdict().At.Add(c.Timing.Patience) }

// SameOperation reports whether this bot would call what the decision names.
func (c *Config) SameOperation(r *Request) bool {
	return r.Operation == c.Operation && r.Fallback == c.Fallback
}

// Asks counts an ask against its asker's limit. A report of one's own device
// does not count: whoever holds the phone could use up what its owner needs,
// and there is but one at a time.
func (c *Config) Asks(r *Request, asker authz.Asker) []Use {
	if r.Lane == authz.Self {
		return nil
	}
	return PerPerson(PerRequester, asker, c.Policy.Limits.PerRequester)
}

// Check asks authz by the policy in force, leaving any freeze aside.
func (c *Config) Check(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
	return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: c.Policy})
}

// ResultOf is what the request becomes by the answer to its last attempt, which
// came now.
func (c *Config) ResultOf(r Request, yes graph.Revocation, callErr error, now time.Time) Request {
	r.Attempts = slices.Clone(r.Attempts)
	a := r.Attempts.Last()
	a.EndedAt = now
	if callErr == nil {
		a.Operation, a.Also = yes.Operation, yes.Also
		a.Outcome, a.Status, a.RequestID, a.ClientRequestID = graph.Done, yes.Status, yes.RequestID, yes.ClientRequestID
		if r.Drill {
			r.To(Drilled)
			r.DueAt = time.Time{}
			return r
		}
		r.To(Revoked)
		r.AcceptedAt, r.Reads = now, 0
		r.DueAt = now.Add(c.Timing.Verify[0])
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
			tries, _ := r.Calls().Tries()
			a.Wait = time.Second << tries
		}
	}
	// A plain no to this call says nothing about an earlier one.
	if r.Calls().Unclear() != nil {
		r.To(Unknown)
		r.DueAt, r.Reads = now, 0
		return r
	}
	if no.Retryable {
		tries, first := r.Calls().Tries()
		// No longer than the decision counts: see outlived.
		if end := now.Add(a.Wait); tries < MaxTries && end.Sub(first) <= c.Timing.Patience && !end.After(c.Shelf(&r)) {
			r.To(Approved)
			r.DueAt = now.Add(a.Wait)
			return r
		}
	}
	r.To(Failed)
	r.DueAt = r.Verdict().At.Add(RetryWindow)
	return r
}

// Attention is when a pending request next wants something: a reminder, the
// escalation, or its end.
func (c *Config) Attention(r *Request) time.Time {
	due := r.Deadline()
	for _, at := range []time.Time{c.NextReminder(r), c.Escalation(r)} {
		if !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due
}

// NextReminder is when the next reminder is due; zero when none is. Each pause
// is longer than the one before.
func (c *Config) NextReminder(r *Request) time.Time {
	rule := c.Policy.Reminders
	if rule.After == 0 || r.Reminded >= rule.Max {
		return time.Time{}
	}
	age, pause := time.Duration(0), rule.After
	for range r.Reminded + 1 {
		age += pause
		pause = time.Duration(min(float64(pause)*rule.Factor, float64(LongestPause)))
	}
	return r.Since().Add(r.Paused + age)
}

// Escalation is when somebody else is called; zero when nobody is, any more.
func (c *Config) Escalation(r *Request) time.Time {
	rule := c.Policy.Reminders
	if rule.EscalateAfter == 0 || r.Escalated {
		return time.Time{}
	}
	return r.Since().Add(r.Paused + rule.EscalateAfter)
}

// Uses is what the decision in force counts against the limits, beside the
// approvals: nothing for a drill, which writes nothing.
func (c *Config) Uses(r *Request) []Use {
	if r.Drill {
		return nil
	}
	limits := c.Policy.Limits
	target, total := PerTarget, Total
	if v := r.Verdict(); v.Kind == authz.TimeOut || r.OnlySelf() && v.EntraID == r.Requester().EntraID {
		target, total = OwnTarget, OwnTotal
	}
	over := r.PassesOver(OverLimit)
	return []Use{
		{Kind: target, Who: r.Target.ID, Limit: limits.PerTarget, PassedOver: over},
		{Kind: total, Limit: limits.Total, PassedOver: over},
	}
}

// Differences says what a confirmation is bound to and is no longer so.
func (c *Config) Differences(r *Request, t TargetFacts, gone bool, m authz.Matter) []Difference {
	if gone {
		return []Difference{Gone}
	}
	need := c.Policy.Require(m)
	upn := Clean(t.User.UPN, MaxAddress)
	var all []Difference
	add := func(d Difference, is bool) {
		if is {
			all = append(all, d)
		}
	}
	add(NowBlocked, need.Blocked)
	add(Renamed, upn != r.Words.UPN)
	add(GuestChanged, t.User.Guest != r.Target.Guest)
	add(OtherOperation, c.Operation != r.Operation || c.Fallback != r.Fallback)
	add(MoreApprovals, need.Approvals > r.Need)
	// Requests of the first version have no digest.
	add(Altered, len(all) == 0 && r.Digest != "" && r.Digest != CardDigest(t.User, upn, c.Operation, c.Fallback, r.Need))
	return all
}
