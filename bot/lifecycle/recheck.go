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
func (w *withdrawer) decisionTooOld(r *bot.Request, recorded time.Time) bool {
	at := r.Verdict().At
	if !recorded.IsZero() && recorded.Before(at) {
		at = recorded
	}
	return w.now().After(at.Add(w.cfg.Timing.Patience))
}

// decisionOnRecord is OnRecord, for a request whose decision the rows must show too.
func (w *withdrawer) decisionOnRecord(ctx context.Context, r *bot.Request) (rec bot.Proof, missing string, err error) {
	rec, missing, err = w.OnRecord(ctx, r)
	if err == nil && missing == "" {
		missing = rec.Decision(r)
		err = w.sameVersion(ctx, r, missing)
	}
	return rec, missing, err
}

// recheckDecision checks a decision that is about to be executed. If it holds, it
// returns the request to store with the call. If not, it stores what follows. While a
// freeze is on, the error is ErrFrozen.
func (w *withdrawer) recheckDecision(ctx context.Context, r bot.Request) (holds bool, _ bot.Request, err error) {
	rec, missing, err := w.decisionOnRecord(ctx, &r)
	var objection authz.Reason // against a decision by time-out
	var until time.Time
	if err == nil && missing == "" && r.Verdict().Kind == authz.TimeOut {
		objection, until, err = w.timeoutObjection(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case missing != "" && r.AtConsole():
		w.ReportUnrecorded(&r, missing)
		r, err = w.stopAtConsole(ctx, r, finding{why: bot.NotOnRecord})
		return false, r, err
	case missing != "":
		r, err = w.StopUnrecorded(ctx, r, missing, bot.Change{}, r.Entry(bot.Void, w.actor))
		return false, r, err
	case w.decisionTooOld(&r, rec.DecidedAt()):
		r, err = w.withdrawTooOld(ctx, r)
		return false, r, err
	case !until.IsZero():
		r.DueAt = until
		r, err = w.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	case objection == "" && w.justChecked(&r):
		return true, r, nil
	}
	if _, frozen, err := w.store.Frozen(ctx); err != nil || frozen && !r.PassesOver(authz.Frozen) {
		return false, r, cmp.Or(err, bot.ErrFrozen)
	}
	f, err := w.judgeDecision(ctx, &r)
	if lookup, ok := errors.AsType[*bot.LookupError](err); ok {
		r, err = w.waitForLookup(ctx, r, lookup)
		return false, r, err
	}
	if err != nil {
		return false, r, err
	}
	f.why = cmp.Or(f.why, objection)
	return w.followFinding(ctx, r, f)
}

// followFinding takes over what was looked up if the decision holds, and withdraws
// the decision if it does not.
func (w *withdrawer) followFinding(ctx context.Context, r bot.Request, f finding) (holds bool, _ bot.Request, err error) {
	switch {
	case f.why == "":
		w.applyFinding(&r, f)
		return true, r, nil
	case r.AtConsole():
		r, err = w.stopAtConsole(ctx, r, f)
	case f.why == bot.TargetChanged && r.Verdict().Kind != authz.Retry:
		r, err = w.voidApproved(ctx, r, f)
	default:
		r, err = w.reopen(ctx, r, f)
	}
	return false, r, err
}

// applyFinding updates the request with what was looked up.
func (w *withdrawer) applyFinding(r *bot.Request, f finding) {
	r.UpdateFacts(f.target)
	w.NoteChecked(r, w.now().UTC().Add(-f.age))
	if n, _ := r.Calls().Unresolved(); n == 0 && f.target.User.Stamps.Known() {
		r.Before = f.target.User.Stamps
	}
}

// mayCallAgain checks the decision before a second call, after a first of unknown
// effect. If the decision no longer holds, r.Withheld says why, and the bot only reads.
func (w *withdrawer) mayCallAgain(ctx context.Context, r *bot.Request) bool {
	if r.Withheld != "" {
		return false
	}
	_, missing, err := w.decisionOnRecord(ctx, r)
	switch {
	case err != nil:
		w.log.Error("cannot check a request before a second call", "request", r.ID, "error", err)
		return false
	case missing != "":
		w.ReportUnrecorded(r, missing)
		r.Withheld = bot.NotOnRecord
		return false
	case w.justChecked(r):
		return true
	}
	f, err := w.judgeDecision(ctx, r)
	if err != nil {
		w.log.Warn("cannot check a request before a second call", "request", r.ID, "error", err)
		return false // the next read tries again
	}
	if f.why != "" {
		r.Withheld = f.why
		return false
	}
	w.applyFinding(r, f)
	return true
}
