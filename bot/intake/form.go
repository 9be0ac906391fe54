package intake

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// openForm opens the form before any look-up, because the trigger lives 3 s.
func (h *Handler) openForm(ctx context.Context, a act) error {
	err := h.asks.budget.Take(ctx, "views.open")
	if err == nil {
		_, err = h.teller.OpenForm(ctx, a.TriggerID, message.Form(a.UserID, a.ID, &h.cfg.Policy))
		h.asks.budget.NoteTooOften("views.open", err)
	}
	if err == nil {
		return h.store.Record(ctx, a.ID)
	}
	h.log.Warn("cannot open the form", "arrival", a.ID, "user", a.UserID, "error", err)
	if _, limited := lookup.TooOften(err); limited {
		return h.reply(ctx, a, message.Note("Slack asked the bot to wait, so the form did not open and nothing was asked for. %s",
			bot.TypeInstead))
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok && e.NoAnswer() {
		return h.reply(ctx, a, message.Note("I am not sure that the form opened. If you see none: %s", bot.TypeInstead))
	}
	return h.reply(ctx, a, message.Note("The form could not open, and nothing was asked for. %s", bot.TypeInstead))
}

// form handles a submitted form. Its metadata begins with the ID of the command or click
// that opened it. The answer uses that arrival's response_url, or else a direct message.
func (h *Handler) form(ctx context.Context, a act) error {
	var opened bot.Arrival
	number, promised, _ := strings.Cut(a.Metadata, " ")
	if id, err := strconv.ParseInt(number, 10, 64); err == nil {
		opened, err = h.store.Arrival(ctx, id)
		if err != nil && !errors.Is(err, bot.ErrNoRequest) {
			return err
		}
		if opened.UserID != a.UserID {
			opened = bot.Arrival{}
		}
	}
	a.ResponseURL = opened.ResponseURL
	if a.CallbackID == bot.DenyCallback {
		return h.decisions.denyForm(ctx, a, opened)
	}
	if a.CallbackID == bot.UnfreezeCallback {
		return h.brakes.unfreezeForm(ctx, a, opened, promised)
	}
	if a.CallbackID != bot.FormCallback || !bot.SlackUser.MatchString(a.PickedUser) {
		e := bot.Entry{Wanted: string(authz.Ask), Reason: string(authz.OutsideWorkspace)}
		return h.refuse(ctx, a, e, message.Note("The form named nobody. Nothing was asked for. %s", bot.TypeInstead))
	}
	return h.asks.ask(ctx, a, wish{target: bot.Whom{SlackID: a.PickedUser}, reason: bot.Clean(a.Reason, bot.MaxReason)})
}
