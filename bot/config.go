package bot

import (
	"log/slog"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Config is a Bot's configuration. It does not change while the Bot runs.
type Config struct {
	Home Workspace
	// Channel is the ID of the channel that gets the cards.
	Channel string
	// Policy says who may ask and decide, and about which accounts.
	Policy authz.Policy
	// Emergency tells people what to do when nobody answers; it may be empty.
	Emergency string
	// Operation is the Graph call for a confirmed request. Fallback is called if that
	// is gone or not permitted; empty for none.
	Operation, Fallback graph.Operation
	Timing              Timing
	Log                 *slog.Logger
	// Meter counts what the bot does; nil for none.
	Meter Meter
	// Now is the clock; nil for the real one.
	Now func() time.Time
	// Steady is the time passed on a clock that nobody sets, to compare Now with; nil
	// if Now is a test clock.
	Steady func() time.Duration
	// Witness is for tests; nil for none.
	Witness Witness
}

// Shelf is when the decision in force becomes too old for a first call.
func (c *Config) Shelf(r *Request) time.Time { return r.Verdict().At.Add(c.Timing.Patience) }

// SameOperation reports whether this bot's Operation and Fallback are the request's.
func (c *Config) SameOperation(r *Request) bool {
	return r.Operation == c.Operation && r.Fallback == c.Fallback
}

// Asks counts an ask against its asker's limit. A report of one's own device does not
// count: somebody else who holds the phone could use up the owner's limit, and only one
// such report can be open.
func (c *Config) Asks(r *Request, asker authz.Asker) []Use {
	if r.Lane == authz.Self {
		return nil
	}
	return PerPerson(PerRequester, asker, c.Policy.Limits.PerRequester)
}

// Check asks authz under this Config's policy, and ignores any freeze.
func (c *Config) Check(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
	return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: c.Policy})
}

// ResultOf is the request after Microsoft's answer to its last attempt, which came at
// now.
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
		a.Outcome = graph.NotDone // a drill only reads, so it changed nothing
	}
	if no.Retryable && a.Outcome == graph.NotDone {
		a.Wait, a.Asked = no.RetryAfter, no.RetryAfter > 0
		if !a.Asked {
			tries, _ := r.Calls().Tries()
			a.Wait = time.Second << tries
		}
	}
	// A refusal of this call does not settle an earlier unclear one.
	if r.Calls().Unclear() != nil {
		r.To(Unknown)
		r.DueAt, r.Reads = now, 0
		return r
	}
	if no.Retryable {
		tries, first := r.Calls().Tries()
		// Do not wait longer than the decision is valid: see Shelf.
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

// Attention is when a pending request next needs something: a reminder, the escalation,
// or its end.
func (c *Config) Attention(r *Request) time.Time {
	due := r.Deadline()
	for _, at := range []time.Time{c.NextReminder(r), c.Escalation(r)} {
		if !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due
}

// NextReminder is when the next reminder is due; zero if none is. Each pause is longer
// than the one before, up to longestPause.
func (c *Config) NextReminder(r *Request) time.Time {
	rule := c.Policy.Reminders
	if rule.After == 0 || r.Reminded >= rule.Max {
		return time.Time{}
	}
	age, pause := time.Duration(0), rule.After
	for range r.Reminded + 1 {
		age += pause
		pause = time.Duration(min(float64(pause)*rule.Factor, float64(longestPause)))
	}
	return r.Since().Add(r.Paused + age)
}

// Escalation is when somebody else is called; zero if nobody is, or was called already.
func (c *Config) Escalation(r *Request) time.Time {
	rule := c.Policy.Reminders
	if rule.EscalateAfter == 0 || r.Escalated {
		return time.Time{}
	}
	return r.Since().Add(r.Paused + rule.EscalateAfter)
}

// Uses is what the decision in force counts against the limits, in addition to the
// approvals. A drill writes nothing and so counts nothing.
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

// Differences lists what no longer matches the card that a confirmation is bound to.
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
