package engine

import (
	"context"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// ownAccount reports whether the bot signs in to Entra with the account: a revoke
// would sign it out. Microsoft has just been asked about the account, so that
// it is known who is signed in by now.
func (b *Bot) ownAccount(objectID string) bool {
	return objectID != "" && strings.EqualFold(b.directory.SignedInAs(), objectID)
}

// commit stores a change and has it told. It answers ErrConflict or ErrTaken
// as the store does.
func (b *Bot) commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	r, err := b.store.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	b.meter.Changed(&r, c.Audit, b.now())
	for _, e := range c.Audit {
		b.log.Info("request", "request", e.Request, "arrival", c.Settles, "action", e.Action, "actor", e.Actor, "state", r.State, "reason", e.Reason,
			"outcome", e.Outcome, "status", e.Status, "code", e.Code, "graph_request_id", e.RequestID, "client_request_id", e.ClientRequestID)
	}
	if r.AtConsole() {
		return r, nil // nobody reads of it in Slack
	}
	b.admit(b.telling(&r))
	if c.Successor != nil {
		b.admit(b.telling(c.Successor))
	}
	return r, nil
}

// standStill has a request wait for the end of the freeze that is on, which
// has it looked at again; or not at all, if it has ended in this moment.
func (b *Bot) standStill(ctx context.Context, r bot.Request, e *bot.Entry) (again bool, _ bot.Request, err error) {
	freeze, frozen, err := b.store.Frozen(ctx)
	if err != nil || !frozen {
		return !frozen && err == nil, r, err
	}
	c := bot.Change{Request: r}
	c.Request.DueAt = freeze.Until
	if e != nil {
		e.Freeze = freeze.ID
		c.Audit = []bot.Entry{*e}
	}
	r, err = b.commit(ctx, c)
	return false, r, err
}

// queue has a request wait for its turn.
func (b *Bot) queue(ctx context.Context, r bot.Request, turn *bot.TurnError) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if r.Line == nil {
		e := r.Entry(bot.Approved, b.actor)
		e.Action, e.Until = "queued", turn.Until.UTC().Format(time.RFC3339)
		c.Audit = []bot.Entry{e}
	}
	r.Line, r.OtherRules = &bot.Line{At: b.now().UTC(), Ahead: turn.Ahead}, false
	r.DueAt = turn.Until
	c.Request = r
	r, err = b.commit(ctx, c)
	return false, r, err
}

// justRead reports whether the stamps that the account will be compared with are
// new enough for that.
func (b *Bot) justRead(r *bot.Request) bool {
	old, known := bot.Age(r.Before.ReadAt, b.now())
	return known && old <= lookup.LookupFresh
}

// stamps reads the account's stamps; the zero Stamps when they cannot be read.
func (b *Bot) stamps(ctx context.Context, id string) graph.Stamps {
	u, err := b.people.Account(ctx, id)
	if err != nil {
		return graph.Stamps{}
	}
	return u.Stamps
}
