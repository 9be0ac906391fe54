package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
)

// A decision that no longer holds when it is to be carried out is taken back: the
// request waits for people again, with those approvals that still count, and
// they are told whose do not, and why. A "Try again" goes back to what it was
// about to try again.

// askAgain begins the time that people have, and the reminders, once more.
func (rn *Runner) askAgain(r *bot.Request) {
	r.AskedAgainAt = rn.now().UTC().Add(-r.Paused)
	r.ExpiresAt = r.AskedAgainAt.Add(rn.cfg.Policy.Expiry)
	if wait, executes := rn.cfg.Policy.Wait(r.Matter()); !executes {
		r.ExpiresAt = r.AskedAgainAt.Add(wait)
	}
	r.Reminded, r.RemindedAt, r.Escalated = 0, time.Time{}, false
}

// reopen takes the decision in force back.
func (rn *Runner) reopen(ctx context.Context, r bot.Request, x examined) (bot.Request, error) {
	v, was := r.Verdict(), r
	r.To(bot.Pending)
	if v.Kind == authz.Retry {
		r = was
		r.To(bot.Failed)
	}
	r.Approvals, r.Line, r.Unasked, r.Changed = x.kept, nil, "", x.changed
	r.Reopened = append(slices.Clone(r.Reopened), bot.Reopening{
		At: rn.now().UTC(), Decision: len(r.Decisions), Why: x.why, Undecided: v.Kind == authz.TimeOut, Lapsed: x.lapsed, Kept: len(x.kept),
	})
	if r.State == bot.Failed {
		r.DueAt = v.At.Add(bot.RetryWindow)
	} else {
		r.Executes = false // whoever had decided it is asked, or others are
		rn.askAgain(&r)
		r.DueAt = rn.cfg.Attention(&r)
		r.Coverage.Able = lookup.Headcount(rn.approvers.Fresh(ctx).Able(&r, rn.cfg.Check))
	}
	var rows []bot.Entry
	for _, gone := range x.lapsed {
		e := r.Entry(r.State, rn.actor)
		e.Action, e.Origin, e.Reason = "approval_lapsed", bot.LapsedOrigin+gone.SlackID, string(gone.Why)
		rows = append(rows, e)
	}
	e := r.Entry(r.State, rn.actor)
	e.Action, e.Reason, e.Have, e.Need, e.Digest, e.Changed = "reopened", string(x.why), len(x.kept), max(r.Need, 1), r.Digest, bot.JoinDifferences(x.changed)
	c := bot.Change{Request: r, Audit: append(rows, e), Fenced: true, Under: rn.under(&r), GivesBack: r.NothingDone()}
	for _, v := range x.kept {
		c.Kept = append(c.Kept, v.EntraID, v.SlackID)
	}
	again, err := rn.Commit(ctx, c)
	if errors.Is(err, bot.ErrTaken) {
		return rn.merge(ctx, was, []bot.Difference{bot.AskedElsewhere})
	}
	if err == nil {
		rn.log.Warn("a decision does not hold any more; people are asked again", "request", r.ID, "reason", x.why, "lapsed", len(x.lapsed), "kept", len(x.kept))
	}
	return again, err
}

// merge ends a request whose decision does not hold any more where a newer one
// asks for the same: its askers wait for that one.
func (rn *Runner) merge(ctx context.Context, r bot.Request, changed []bot.Difference) (bot.Request, error) {
	other, waits, err := rn.store.PendingFor(ctx, r.Target.ID, r.Lane, r.Drill)
	if err != nil {
		return r, err
	}
	if !waits {
		return r, bot.ErrConflict // it has been decided in this moment: all is looked at again
	}
	var rows []bot.Entry
	known := slices.Clone(other.Askers)
	for _, a := range r.Askers {
		if slices.Contains(known, a) {
			continue
		}
		other.Askers = append(slices.Clone(other.Askers), a)
		e := other.Entry(bot.Pending, a.SlackID)
		e.Action, e.ActorEntraID, e.Origin = "joined", a.EntraID, r.ID
		rows = append(rows, e)
	}
	if len(rows) > 0 {
		other.AlsoKnows(&r)
		for i, a := range r.Askers {
			typed := r.Words.Also[a.SlackID]
			if i == 0 {
				typed = cmp.Or(typed, r.Words.Reason)
			}
			if typed != "" && !slices.Contains(known, a) {
				other.Words.Add(a.SlackID, typed)
			}
		}
		other.Coverage.Able = lookup.Headcount(rn.approvers.Latest().Able(&other, rn.cfg.Check))
		if _, err := rn.Commit(ctx, bot.Change{Request: other, Audit: rows, Under: rn.under(&r)}); err != nil {
			return r, err
		}
	}
	r.To(bot.Void)
	r.EndedAt, r.DueAt, r.Line, r.Changed, r.ReplacedBy = rn.now().UTC(), time.Time{}, nil, changed, other.ID
	e := r.Entry(bot.Void, rn.actor)
	e.Digest, e.Changed = r.Digest, bot.JoinDifferences(changed)
	return rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Under: rn.under(&r), GivesBack: r.NothingDone()})
}
