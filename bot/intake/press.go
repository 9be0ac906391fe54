package intake

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// A press in the Home tab changes nothing. With a leaked bot token anybody can publish our
// buttons there under other labels, so each press opens a form that is drawn from what is
// stored, and only its submission acts.

// pressHome opens the form of a button in the Home tab.
func (h *Handler) pressHome(ctx context.Context, a act) error {
	if a.ActionID == bot.ActionHomeCancel {
		return h.pressCancel(ctx, a)
	}
	filled, _ := bot.FilledFrom(a.Arrival)
	return h.openForm(ctx, a, a.ID, filled, nil)
}

// pressCancel opens the form that cancels a request of the reader. For everybody else the
// request does not exist.
func (h *Handler) pressCancel(ctx context.Context, a act) error {
	r, err := h.store.Request(ctx, a.Value)
	if err != nil && !errors.Is(err, bot.ErrNoRequest) {
		return err
	}
	view := message.NotYoursToCancel()
	if err == nil && slices.Contains(r.AskedBy(), a.UserID) {
		view = message.CancelForm(&r, a.ID)
	}
	if _, err := h.openView(ctx, a, view); err != nil {
		h.log.Warn("cannot open the form that cancels a request", "request", a.Value, "arrival", a.ID, "user", a.UserID, "error", err)
		return h.reply(ctx, a, message.CancelNotOpened(mayHaveOpened(err)))
	}
	return h.store.Record(ctx, a.ID)
}

// cancelForm handles the submitted form like a typed cancel of the same person.
func (h *Handler) cancelForm(ctx context.Context, a act, pressed bot.Arrival) error {
	tooOld := h.now().Sub(pressed.ReceivedAt) >= bot.TypedLife
	if tooOld || pressed.Kind != bot.ClickArrival || pressed.ActionID != bot.ActionHomeCancel {
		// The press is too old, was of another button, or was somebody else's.
		e := bot.Entry{Wanted: string(authz.Cancel), Reason: string(bot.WrongPlace)}
		return h.refuse(ctx, a, e, message.CancelFormTooOld())
	}
	a.Value = pressed.Value
	return h.decisions.cancel(lookup.For(ctx, lookup.ForOwn), a, pressed.Value)
}
