package intake

import (
	"context"
	"errors"
	"log/slog"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/notify"
	"revoke-sessions/bot/slackapi"
)

// reply answers an arrival that changes nothing, and settles it.
func (h *desk) reply(ctx context.Context, a act, m bot.Message) error {
	if err := h.store.Record(ctx, a.ID); err != nil {
		return err
	}
	h.answer(ctx, a, m)
	return nil
}

// refuseLookup refuses because Slack or Entra did not answer. It returns other errors.
func (h *desk) refuseLookup(ctx context.Context, a act, e bot.Entry, err error, r *bot.Request) error {
	failed, ok := errors.AsType[*bot.LookupError](err)
	if !ok {
		return err
	}
	level := slog.LevelWarn
	if failed.Remedy != "" {
		level = slog.LevelError // somebody must fix it
	}
	h.log.Log(ctx, level, "look up", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", err, "remedy", failed.Remedy)
	e.Reason = string(bot.LookupFailed)
	v := h.view(ctx, a, nil)
	v.Wanted = authz.Action(e.Wanted)
	v.SetLookupError(failed)
	return h.refuse(ctx, a, e, message.Refusal(bot.LookupFailed, r, v))
}

// refuseUnsure is refuseFor that also names the service that did not answer, if that is why.
func (h *desk) refuseUnsure(ctx context.Context, a act, e bot.Entry, reason authz.Reason, r *bot.Request, who lookup.Person) error {
	if failed, ok := errors.AsType[*bot.LookupError](who.Trouble); ok && reason == authz.MembershipUnknown {
		h.log.Warn("cannot read the members of a group", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", failed, "remedy", failed.Remedy)
		v := h.viewFor(ctx, a, r)
		v.Wanted = authz.Action(e.Wanted)
		v.SetLookupError(failed)
		return h.refuse(ctx, a, withReason(e, reason), message.Refusal(reason, r, v))
	}
	return h.refuseFor(ctx, a, e, reason, r)
}

// refuseLimit refuses because of a limit, and says until when.
func (h *desk) refuseLimit(ctx context.Context, a act, e bot.Entry, wanted authz.Action, limit *bot.LimitError, r *bot.Request) error {
	e.Wanted, e.Reason, e.Until = string(wanted), string(bot.OverLimit), bot.StampText(limit.Free)
	v := h.viewFor(ctx, a, r)
	v.Limit, v.Wanted = limit, wanted
	a.misnamed = limit.Use.Kind == bot.PerTarget || limit.Use.Kind == bot.OwnTarget
	return h.refuse(ctx, a, e, message.Refusal(bot.OverLimit, r, v))
}

// refuse records a refusal, settles the arrival and tells the person why, privately.
func (h *desk) refuse(ctx context.Context, a act, e bot.Entry, m bot.Message) error {
	e.Action, e.Actor, e.Origin = bot.ActRefused, a.UserID, a.Origin()
	if err := h.store.Record(ctx, a.ID, e); err != nil {
		return err
	}
	h.meter.Refused(&e)
	h.log.Info("refused", "request", e.Request, "arrival", a.ID, "wanted", e.Wanted, "reason", e.Reason, "user", a.UserID)
	h.showRefusal(ctx, a, e, m)
	return nil
}

// refuseFor is refuse with the standard text for the reason. r may be nil.
func (h *desk) refuseFor(ctx context.Context, a act, e bot.Entry, reason authz.Reason, r *bot.Request) error {
	v := h.viewFor(ctx, a, r)
	v.Wanted = authz.Action(e.Wanted)
	return h.refuse(ctx, a, withReason(e, reason), message.Refusal(reason, r, v))
}

// viewFor returns the view for a refusal. Its Approvers are the known people who could act
// instead of the reader.
func (h *desk) viewFor(ctx context.Context, a act, r *bot.Request) message.View {
	v := h.view(ctx, a, r)
	known := h.approvers.Latest()
	if known.At.IsZero() {
		known = h.approvers.Fresh(ctx) // the bot has just started
	}
	v.Reader, v.Approvers = a.UserID, known.Others(h.cfg.Policy.Approvers, a.UserID, h.cfg.Check)
	return v
}

// answer shows m only to the person who acted: in their open modal, in place of their form,
// where they acted, or else in a direct message.
func (h *desk) answer(ctx context.Context, a act, m bot.Message) {
	switch {
	case a.view != "":
		h.fillDetails(ctx, a, message.DetailsInstead(m), m)
	case a.inForm:
		h.answerInForm(ctx, a, m, message.FormAnswer(a.CallbackID, m))
	default:
		h.answerPrivately(ctx, a, m)
	}
}

// answerInForm shows a view in place of the submitted form, or m privately if that does not
// work.
func (h *desk) answerInForm(ctx context.Context, a act, m bot.Message, view message.Modal) {
	if a.inForm {
		err := h.replaceForm(ctx, a, view)
		if err == nil {
			return
		}
		h.log.Info("the form could not show the answer, so a message does", "arrival", a.ID, "user", a.UserID, "error", err)
	}
	h.answerPrivately(ctx, a, m)
}

// replaceForm puts a view in place of what the ack has shown. A later try does not wait for
// the ack of the first.
func (h *desk) replaceForm(ctx context.Context, a act, view message.Modal) error {
	checking := a.CheckingID()
	if a.Tries > 1 {
		checking = ""
	}
	return h.teller.AnswerForm(ctx, checking, a.ViewID, view)
}

// fillDetails replaces what an open modal shows, or answers with m privately if Slack does not do
// it. A person who has closed the modal wants no answer.
func (h *desk) fillDetails(ctx context.Context, a act, view message.Modal, m bot.Message) {
	err := h.teller.UpdateForm(ctx, a.view, view)
	if err == nil || slackapi.NoView(err) {
		return
	}
	h.log.Warn("cannot fill a modal", "request", a.Names(), "arrival", a.ID, "user", a.UserID, "error", err)
	h.answerPrivately(ctx, a, m)
}

// answerPrivately is answer without a modal.
func (h *desk) answerPrivately(ctx context.Context, a act, m bot.Message) {
	err := errors.New("no response_url")
	if a.ResponseURL != "" {
		err = h.teller.Respond(ctx, a.ResponseURL, m)
	}
	if err == nil {
		return
	}
	if _, _, direct := h.teller.Post(ctx, "answer", a.UserID, "", m); direct != nil {
		h.log.Warn("a private answer reached nobody", "arrival", a.ID, "request", a.Names(), "user", a.UserID, "response_url_error", err,
			"direct_error", direct, "remedy", notify.DirectRemedy(direct))
	}
}

func withReason(e bot.Entry, reason authz.Reason) bot.Entry {
	e.Reason = string(reason)
	return e
}
