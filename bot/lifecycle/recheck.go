package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// An approved request may wait: for Microsoft, its turn, the end of a freeze or a
// restart. Meanwhile an approver may leave the list, or the policy may protect the
// target. So before its first call, a decision older than a look-up may be is checked
// the way the last click was.
const (
	// recheckWithin bounds the look-ups before a call.
	recheckWithin = 5 * time.Second
	// recheckPause is the pause if Slack or Microsoft did not answer.
	recheckPause = 10 * time.Second
)

// decisionTooOld reports whether the decision is too old for a first call, by the
// request or by the row that recorded the decision.
func (rn *Runner) decisionTooOld(r *bot.Request, recorded time.Time) bool {
	at := r.Verdict().At
	if !recorded.IsZero() && recorded.Before(at) {
		at = recorded
	}
	return rn.now().After(at.Add(rn.cfg.Timing.Patience))
}

// recheckDecision checks a decision that is about to be executed. If it holds, it
// returns the request to store with the call. If not, it stores what follows. While a
// freeze is on, the error is ErrFrozen.
func (rn *Runner) recheckDecision(ctx context.Context, r bot.Request) (holds bool, _ bot.Request, err error) {
	rec, missing, err := rn.OnRecord(ctx, &r)
	if err == nil && missing == "" {
		missing = rec.Decision(&r)
	}
	var objection authz.Reason // against a decision by time-out
	var until time.Time
	if err == nil && missing == "" && r.Verdict().Kind == authz.TimeOut {
		objection, until, err = rn.timeoutObjection(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case missing != "" && r.AtConsole():
		rn.ReportUnrecorded(&r, missing)
		r, err = rn.stopAtConsole(ctx, r, finding{why: bot.NotOnRecord})
		return false, r, err
	case missing != "":
		r, err = rn.StopUnrecorded(ctx, r, missing, bot.Change{}, r.Entry(bot.Void, rn.actor))
		return false, r, err
	case rn.decisionTooOld(&r, rec.DecidedAt()):
		r, err = rn.withdrawTooOld(ctx, r)
		return false, r, err
	case !until.IsZero():
		r.DueAt = until
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	case objection == "" && rn.justChecked(&r):
		return true, r, nil
	}
	if _, frozen, err := rn.store.Frozen(ctx); err != nil || frozen && !r.PassesOver(authz.Frozen) {
		return false, r, cmp.Or(err, bot.ErrFrozen)
	}
	f, err := rn.judge(ctx, &r)
	if lookup, ok := errors.AsType[*bot.LookupError](err); ok {
		r, err = rn.waitForLookup(ctx, r, lookup)
		return false, r, err
	}
	if err != nil {
		return false, r, err
	}
	f.why = cmp.Or(f.why, objection)
	return rn.followFinding(ctx, r, f)
}

// followFinding takes over what was looked up if the decision holds, and withdraws
// the decision if it does not.
func (rn *Runner) followFinding(ctx context.Context, r bot.Request, f finding) (holds bool, _ bot.Request, err error) {
	switch {
	case f.why == "":
		rn.applyFinding(&r, f)
		return true, r, nil
	case r.AtConsole():
		r, err = rn.stopAtConsole(ctx, r, f)
	case f.why == bot.TargetChanged && r.Verdict().Kind != authz.Retry:
		r, err = rn.voidApproved(ctx, r, f)
	default:
		r, err = rn.reopen(ctx, r, f)
	}
	return false, r, err
}

// applyFinding updates the request with what was looked up.
func (rn *Runner) applyFinding(r *bot.Request, f finding) {
	r.UpdateFacts(f.target)
	rn.NoteChecked(r, rn.now().UTC().Add(-f.age))
	if n, _ := r.Unresolved(); n == 0 && f.target.User.Stamps.Known() {
		r.Before = f.target.User.Stamps
	}
}

// mayCallAgain checks the decision before a second call, after a first of unknown
// effect. If the decision no longer holds, r.Withheld says why, and the bot only reads.
func (rn *Runner) mayCallAgain(ctx context.Context, r *bot.Request) bool {
	if r.Withheld != "" {
		return false
	}
	rec, missing, err := rn.OnRecord(ctx, r)
	if err == nil && missing == "" {
		missing = rec.Decision(r)
	}
	switch {
	case err != nil:
		rn.log.Error("look again before a second call", "request", r.ID, "error", err)
		return false
	case missing != "":
		rn.ReportUnrecorded(r, missing)
		r.Withheld = bot.NotOnRecord
		return false
	case rn.justChecked(r):
		return true
	}
	f, err := rn.judge(ctx, r)
	if err != nil {
		rn.log.Warn("look again before a second call", "request", r.ID, "error", err)
		return false // the next read tries again
	}
	if f.why != "" {
		r.Withheld = f.why
		return false
	}
	rn.applyFinding(r, f)
	return true
}
