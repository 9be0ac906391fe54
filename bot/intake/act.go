package intake

import (
	"context"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// act is an arrival, with the freeze read for it.
type act struct {
	bot.Arrival
	brake *brake
	view  string // the ID of the open modal that shows the answer; "" for none
	// misnamed: it cannot be told which account is meant, or a limit of that account is
	// reached, so that another name may help.
	misnamed bool
	// inForm: the answer takes the place of the submitted form.
	inForm bool
	// door is the Origin of the act that opened the form, once it is known.
	door string
	// source is the message on which a shortcut was run that led to the form.
	source bot.Source
	// lane is the lane of an ask, once it is known.
	lane authz.Lane
}

// Origin is the Arrival's; of a form, it also names what opened it.
func (a act) Origin() string {
	if at := a.Arrival.Origin(); at != "form" || a.door == "" {
		return at
	}
	return "form, opened by " + a.door
}

// Row is the Arrival's, with that Origin.
func (a act) Row(e bot.Entry) bot.Entry {
	e = a.Arrival.Row(e)
	e.Origin = a.Origin()
	return e
}

// brake caches the freeze: read is whether it was read, freeze is nil if none is on.
type brake struct {
	read   bool
	freeze *bot.Freeze
}

// frozen reads whether a freeze is on, for a decision, and caches the answer for view.
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

// view returns what an answer needs besides the request r, which may be nil. It uses the
// freeze that the decision read, if any.
func (h *desk) view(ctx context.Context, a act, r *bot.Request) message.View {
	if !a.brake.read {
		a.brake.read, a.brake.freeze = true, h.teller.Frozen(ctx, a.Names())
	}
	return h.teller.ViewWhile(a.brake.freeze, r)
}
