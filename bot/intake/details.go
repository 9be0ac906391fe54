package intake

import (
	"context"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// details handles a press of Details. It opens the modal before any look-up, because the
// trigger lives 3 s, and fills it once it knows the reader. The button only names a
// request, so it does not matter in which message it was.
func (h *Handler) details(ctx context.Context, a act) error {
	var err error
	if a.view, err = h.openView(ctx, a, message.LoadingDetails()); err != nil {
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
	v := h.detailsView(ctx, a, &r)
	if approver {
		h.teller.LeadToSources(ctx, &v, &r, a.UserID)
	}
	h.fillDetails(ctx, a, message.Details(&r, v, approver), message.DetailsNotShown())
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
