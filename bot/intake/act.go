package intake

import (
	"context"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// act is what somebody does, and what was read for it already.
type act struct {
	bot.Arrival
	brake *brake
}

// brake is whether a freeze is on, once that was read.
type brake struct {
	read   bool
	freeze *bot.Freeze
}

// frozen reads whether a freeze is on, for a decision.
func (h *desk) frozen(ctx context.Context, a act) (bool, error) {
	f, on, err := h.store.Frozen(ctx)
	if err != nil {
		return false, err
	}
	a.brake.read, a.brake.freeze = true, nil
	if on {
		a.brake.freeze = &f
	}
	return on, nil
}

// view is what an answer to the act needs to know beside the request, which may be nil.
// What a decision went by is not read again for its refusal.
func (h *desk) view(ctx context.Context, a act, r *bot.Request, link string) message.View {
	if !a.brake.read {
		a.brake.read, a.brake.freeze = true, h.teller.Frozen(ctx, a.Names())
	}
	return h.teller.ViewWhile(a.brake.freeze, r, link)
}
