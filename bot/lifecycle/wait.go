package lifecycle

import (
	"context"
	"time"

	"revoke-sessions/bot"
)

// waitForThaw makes a request wait for the end of the freeze, when the clock looks at
// it again. If the freeze has just ended, again is true.
func (w *withdrawer) waitForThaw(ctx context.Context, r bot.Request, e *bot.Entry) (again bool, _ bot.Request, err error) {
	freeze, frozen, err := w.store.Frozen(ctx)
	if err != nil || !frozen {
		return !frozen && err == nil, r, err
	}
	c := bot.Change{Request: r}
	c.Request.DueAt = freeze.Until
	if e != nil {
		e.Freeze = freeze.ID
		c.Audit = []bot.Entry{*e}
	}
	r, err = w.Commit(ctx, c)
	return false, r, err
}

// waitForTurn makes a request wait in line while Microsoft asks to wait.
func (w *withdrawer) waitForTurn(ctx context.Context, r bot.Request, turn *bot.TurnError) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if r.Line == nil {
		e := r.Entry(bot.Approved, w.actor)
		e.Action, e.Until = bot.ActQueued, bot.StampText(turn.Until)
		c.Audit = []bot.Entry{e}
	}
	r.Line, r.OtherRules = &bot.Line{At: w.now().UTC(), Ahead: turn.Ahead}, false
	r.DueAt = turn.Until
	c.Request = r
	r, err = w.Commit(ctx, c)
	return false, r, err
}

// waitForLookup holds a decision back because Slack or Microsoft did not answer, but
// not longer than the decision counts.
func (w *withdrawer) waitForLookup(ctx context.Context, r bot.Request, lookup *bot.LookupError) (bot.Request, error) {
	w.log.Warn("cannot check a decision that has waited", "request", r.ID, "error", lookup, "remedy", lookup.Remedy)
	c := bot.Change{}
	if r.Unasked == "" {
		e := r.Entry(bot.Approved, w.actor)
		e.Action, e.Reason = bot.ActUnasked, string(bot.LookupFailed)
		c.Audit = []bot.Entry{e}
	}
	r.OtherRules = false
	r.Unasked, r.DueAt = lookup.Where, w.now().UTC().Add(recheckPause)
	if end := w.cfg.Shelf(&r).Add(time.Millisecond); end.Before(r.DueAt) {
		r.DueAt = end
	}
	c.Request = r
	return w.Commit(ctx, c)
}
