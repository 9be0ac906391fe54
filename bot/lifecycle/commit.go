package lifecycle

import (
	"context"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// OwnAccount reports whether the bot signs in to Entra with the account: a revoke
// would sign it out. Microsoft has just been asked about the account, so that
// it is known who is signed in by now.
func (rn *Runner) OwnAccount(objectID string) bool {
	return objectID != "" && strings.EqualFold(rn.directory.SignedInAs(), objectID)
}

// Commit stores a change and has it told. It answers ErrConflict or ErrTaken
// as the store does.
func (rn *Runner) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	r, err := rn.store.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	rn.meter.Changed(&r, c.Audit, rn.now())
	for _, e := range c.Audit {
		rn.log.Info("request", "request", e.Request, "arrival", c.Settles, "action", e.Action, "actor", e.Actor, "state", r.State, "reason", e.Reason,
			"outcome", e.Outcome, "status", e.Status, "code", e.Code, "graph_request_id", e.RequestID, "client_request_id", e.ClientRequestID)
	}
	for _, stored := range []*bot.Request{&r, c.Successor} {
		if rn.Stored != nil && stored != nil && !stored.AtConsole() { // of that nobody reads in Slack
			rn.Stored(stored)
		}
	}
	return r, nil
}

// standStill has a request wait for the end of the freeze that is on, which
// has it looked at again; or not at all, if it has ended in this moment.
func (rn *Runner) standStill(ctx context.Context, r bot.Request, e *bot.Entry) (again bool, _ bot.Request, err error) {
	freeze, frozen, err := rn.store.Frozen(ctx)
	if err != nil || !frozen {
		return !frozen && err == nil, r, err
	}
	c := bot.Change{Request: r}
	c.Request.DueAt = freeze.Until
	if e != nil {
		e.Freeze = freeze.ID
		c.Audit = []bot.Entry{*e}
	}
	r, err = rn.Commit(ctx, c)
	return false, r, err
}

// queue has a request wait for its turn.
func (rn *Runner) queue(ctx context.Context, r bot.Request, turn *bot.TurnError) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if r.Line == nil {
		e := r.Entry(bot.Approved, rn.actor)
		e.Action, e.Until = "queued", turn.Until.UTC().Format(time.RFC3339)
		c.Audit = []bot.Entry{e}
	}
	r.Line, r.OtherRules = &bot.Line{At: rn.now().UTC(), Ahead: turn.Ahead}, false
	r.DueAt = turn.Until
	c.Request = r
	r, err = rn.Commit(ctx, c)
	return false, r, err
}

// justRead reports whether the stamps that the account will be compared with are
// new enough for that.
func (rn *Runner) justRead(r *bot.Request) bool {
	old, known := bot.Age(r.Before.ReadAt, rn.now())
	return known && old <= lookup.Fresh
}

// stamps reads the account's stamps; the zero Stamps when they cannot be read.
func (rn *Runner) stamps(ctx context.Context, id string) graph.Stamps {
	u, err := rn.people.Account(ctx, id)
	if err != nil {
		return graph.Stamps{}
	}
	return u.Stamps
}

// TargetAtClick reads the account anew, for the click counts only if it is
// still what the card shows. Where Microsoft does not answer, what the card was
// made from counts for as long as any other look-up.
func (rn *Runner) TargetAtClick(ctx context.Context, r *bot.Request) (t bot.TargetFacts, gone bool, since time.Duration, err error) {
	t, err = rn.people.TargetNow(ctx, r.Target.ID, r.TargetSlackIDs(), !r.TargetFound)
	switch {
	case err == nil:
		return t, false, 0, nil
	case graph.IsNotFound(err):
		return t, true, 0, nil
	}
	old, known := bot.Age(r.Target.Stamps.ReadAt, rn.now())
	if failed := lookup.Failed(bot.AboutAccounts, err); failed.Remedy != "" || !known || old >= lookup.Stale {
		return t, false, 0, failed
	}
	t.User = r.Target
	t.User.UPN, t.User.DisplayName, t.User.Stamps = r.Words.UPN, r.Words.DisplayName, graph.Stamps{}
	return t, false, max(0, old), nil
}
