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

// A decision that no longer holds when it is about to be executed is withdrawn. The
// request waits for people again with the approvals that still count, and they are told
// whose approvals do not, and why. A "Try again" goes back to failed.

// withdrawTooOld withdraws a decision that has waited too long.
func (w *withdrawer) withdrawTooOld(ctx context.Context, r bot.Request) (bot.Request, error) {
	f := finding{why: bot.TooOld, lapsed: bot.LapsedBy(r.Givers(), bot.TooOld)}
	if r.AtConsole() {
		return w.stopAtConsole(ctx, r, f)
	}
	return w.reopen(ctx, r, f)
}

// voidApproved ends a request whose card is no longer true, with a fresh preview of the
// same ask.
func (w *withdrawer) voidApproved(ctx context.Context, r bot.Request, f finding) (bot.Request, error) {
	void, err := w.Void(ctx, r, f.target, f.changed, bot.Change{Fenced: true}, r.Entry(bot.Void, w.actor))
	if errors.Is(err, bot.ErrTaken) {
		return w.mergeIntoNewer(ctx, r, f.changed)
	}
	return void, err
}

// stopAtConsole ends what an operator at the command line has confirmed, because of a
// finding.
func (w *withdrawer) stopAtConsole(ctx context.Context, r bot.Request, f finding) (bot.Request, error) {
	r.Changed = f.changed
	return w.StopAtConsole(ctx, r, w.actor, bot.Verdict{SlackID: bot.ConsoleActor, Why: f.why}, f.why)
}

// StopAtConsole ends what an operator at the command line has confirmed. The verdict says
// who ended it; the audit row names the actor and why.
func (k *base) StopAtConsole(ctx context.Context, r bot.Request, actor string, v bot.Verdict, why authz.Reason) (bot.Request, error) {
	v.Kind, v.At = authz.Deny, k.now().UTC()
	r.To(bot.Denied)
	r.DueAt, r.EndedAt, r.Line = time.Time{}, v.At, nil
	r.Decisions = append(slices.Clone(r.Decisions), v)
	e := r.Entry(bot.Denied, actor)
	e.Reason, e.Changed, e.Origin = string(why), bot.JoinDifferences(r.Changed), bot.ConsoleOrigin
	// Of an unrecorded request, the calls are not known either.
	return k.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, GivesBack: why != bot.NotOnRecord && r.NothingDone()})
}

// restartDeadline restarts the time to decide, and the reminders.
func (w *withdrawer) restartDeadline(r *bot.Request) {
	r.AskedAgainAt = w.now().UTC().Add(-r.Paused)
	r.ExpiresAt = r.AskedAgainAt.Add(w.cfg.Policy.Expiry)
	if wait, executes := w.cfg.Policy.Wait(r.Matter()); !executes {
		r.ExpiresAt = r.AskedAgainAt.Add(wait)
	}
	r.Reminded, r.RemindedAt, r.Escalated = 0, time.Time{}, false
}

// reopen withdraws the decision and asks people again.
func (w *withdrawer) reopen(ctx context.Context, r bot.Request, f finding) (bot.Request, error) {
	v, was := r.Verdict(), r
	r.To(bot.Pending)
	if v.Kind == authz.Retry {
		r = was
		r.To(bot.Failed)
	}
	r.Approvals, r.Line, r.Unasked, r.Changed = f.kept, nil, "", f.changed
	r.Reopened = append(slices.Clone(r.Reopened), bot.Reopening{
		At: w.now().UTC(), Decision: len(r.Decisions), Why: f.why, Undecided: v.Kind == authz.TimeOut, Lapsed: f.lapsed, Kept: len(f.kept),
	})
	if r.State == bot.Failed {
		r.DueAt = v.At.Add(bot.RetryWindow)
	} else {
		r.Executes = false // from now on only people decide
		w.restartDeadline(&r)
		r.DueAt = w.cfg.Attention(&r)
		r.Coverage.Able = lookup.Headcount(w.approvers.Fresh(ctx).Able(&r, w.cfg.Check))
	}
	var rows []bot.Entry
	for _, gone := range f.lapsed {
		e := r.Entry(r.State, w.actor)
		e.Action, e.Origin, e.Reason = bot.ActApprovalLapsed, bot.LapsedOrigin+gone.SlackID, string(gone.Why)
		rows = append(rows, e)
	}
	e := r.Entry(r.State, w.actor)
	e.Action, e.Reason, e.Changed = bot.ActReopened, string(f.why), bot.JoinDifferences(f.changed)
	e.Have, e.Need, e.Digest = len(f.kept), max(r.Need, 1), r.Digest
	c := bot.Change{Request: r, Audit: append(rows, e), Fenced: true, Under: w.rulesFor(&r), GivesBack: r.NothingDone()}
	for _, v := range f.kept {
		c.Kept = append(c.Kept, v.EntraID, v.SlackID)
	}
	again, err := w.Commit(ctx, c)
	if errors.Is(err, bot.ErrTaken) {
		return w.mergeIntoNewer(ctx, was, []bot.Difference{bot.AskedElsewhere})
	}
	if err == nil {
		w.log.Warn("a decision no longer holds; people are asked again",
			"request", r.ID, "reason", f.why, "lapsed", len(f.lapsed), "kept", len(f.kept))
	}
	return again, err
}

// mergeIntoNewer ends a request whose decision was withdrawn if a newer request asks
// for the same. Its askers join the newer one.
func (w *withdrawer) mergeIntoNewer(ctx context.Context, r bot.Request, changed []bot.Difference) (bot.Request, error) {
	other, waits, err := w.store.PendingFor(ctx, r.Target.ID, r.Lane, r.Drill)
	if err != nil {
		return r, err
	}
	if !waits {
		return r, bot.ErrConflict // somebody has just decided the newer one: look again
	}
	if err := w.joinAskers(ctx, &r, other); err != nil {
		return r, err
	}
	r.To(bot.Void)
	r.EndedAt, r.DueAt, r.Line, r.Changed, r.ReplacedBy = w.now().UTC(), time.Time{}, nil, changed, other.ID
	e := r.Entry(bot.Void, w.actor)
	e.Digest, e.Changed = r.Digest, bot.JoinDifferences(changed)
	return w.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Under: w.rulesFor(&r), GivesBack: r.NothingDone()})
}

// joinAskers adds the askers of r, and what they typed, to another request.
func (w *withdrawer) joinAskers(ctx context.Context, r *bot.Request, other bot.Request) error {
	var rows []bot.Entry
	known := slices.Clone(other.Askers)
	for _, a := range r.Askers {
		if slices.Contains(known, a) {
			continue
		}
		other.Askers = append(slices.Clone(other.Askers), a)
		e := other.Entry(bot.Pending, a.SlackID)
		e.Action, e.ActorEntraID, e.Origin = bot.ActJoined, a.EntraID, r.ID
		rows = append(rows, e)
	}
	if len(rows) == 0 {
		return nil
	}
	other.AlsoKnows(r)
	for i, a := range r.Askers {
		typed := r.Words.Also[a.SlackID]
		if i == 0 {
			typed = cmp.Or(typed, r.Words.Reason)
		}
		if typed != "" && !slices.Contains(known, a) {
			other.Words.Add(a.SlackID, typed)
		}
	}
	other.Coverage.Able = lookup.Headcount(w.approvers.Latest().Able(&other, w.cfg.Check))
	_, err := w.Commit(ctx, bot.Change{Request: other, Audit: rows, Under: w.rulesFor(r)})
	return err
}
