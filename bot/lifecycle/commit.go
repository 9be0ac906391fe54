package lifecycle

import (
	"context"

	"revoke-sessions/bot"
)

// Commit stores a change, logs its audit rows and calls Stored. It returns ErrConflict
// and ErrTaken as the store does.
func (k *base) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	r, err := k.store.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	k.meter.Changed(&r, c.Audit, k.now())
	for _, e := range c.Audit {
		k.log.Info("request", "request", e.Request, "arrival", c.Settles, "action", e.Action, "actor", e.Actor,
			"state", r.State, "reason", e.Reason, "outcome", e.Outcome, "status", e.Status, "code", e.Code,
			"graph_request_id", e.RequestID, "client_request_id", e.ClientRequestID)
	}
	for _, stored := range []*bot.Request{&r, c.Successor} {
		if k.Stored != nil && stored != nil && !stored.AtConsole() { // Slack shows no request of the command line
			k.Stored(stored)
		}
	}
	return r, nil
}
