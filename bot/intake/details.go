package intake

import (
	"context"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// details handles a press of Details. It opens the modal before any look-up, because the
// trigger lives 3 s, and fills it once it knows the reader. The button only names a
// request, so it does not matter in which message it was.
func (h *Handler) details(ctx context.Context, a act) error {
	err := h.asks.budget.Take(ctx, "views.open")
	if err == nil {
		a.view, err = h.teller.OpenForm(ctx, a.TriggerID, message.LoadingDetails())
		h.asks.budget.NoteTooOften("views.open", err)
	}
	if err != nil {
		h.log.Warn("cannot open the details", "request", a.Names(), "arrival", a.ID, "user", a.UserID, "error", err)
		return h.reply(ctx, a, message.DetailsNotShown())
	}
	who, seen, err := h.reader(ctx, a)
	if !seen {
		return err
	}
	r, seen, err := h.visible(ctx, a, who, a.Value)
	if !seen {
		return err
	}
	if err := h.store.Record(ctx, a.ID); err != nil {
		return err
	}
	approver := h.cfg.Check(authz.See, who.Actor, (&bot.Request{}).Matter()).Allowed
	h.fill(ctx, a, message.Details(&r, h.detailsView(ctx, a, &r), approver), message.DetailsNotShown())
	return nil
}

// detailsView returns what the details need besides the request.
func (h *Handler) detailsView(ctx context.Context, a act, r *bot.Request) message.View {
	v := h.statusView(ctx, a, r, h.teller.Places(ctx, r.ID))
	other, err := h.run.Meanwhile(ctx, r)
	if err != nil {
		h.log.Error("cannot read whether another request revoked the account", "request", r.ID, "arrival", a.ID, "error", err)
	}
	v.Meanwhile = other
	return v
}

// fill replaces what an open modal shows, or answers with m privately if Slack does not do
// it. A person who has closed the modal wants no answer.
func (h *desk) fill(ctx context.Context, a act, view message.Modal, m bot.Message) {
	err := h.teller.UpdateForm(ctx, a.view, view)
	if err == nil || slackapi.NoView(err) {
		return
	}
	h.log.Warn("cannot fill a modal", "request", a.Names(), "arrival", a.ID, "user", a.UserID, "error", err)
	h.answerPrivately(ctx, a, m)
}
