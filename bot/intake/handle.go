package intake

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// command handles a slash command.
func (h *Handler) command(ctx context.Context, a act) error {
	cmd, err := bot.ParseCommand(a.Text)
	if usage, ok := errors.AsType[*bot.UsageError](err); ok {
		m := message.Usage(usage)
		if _, ok := bot.FilledFrom(a.Arrival); ok {
			m = message.FormButton(m, a.ID)
		}
		return h.reply(ctx, a, m)
	}
	if h.likely(a.UserID) && (cmd.Verb == bot.FreezeVerb || cmd.Verb == bot.UnfreezeVerb) {
		ctx = lookup.For(ctx, lookup.ForDecision)
	}
	switch cmd.Verb {
	case bot.FormVerb:
		filled, _ := bot.FilledFrom(a.Arrival)
		return h.openForm(ctx, a, a.ID, filled, message.FormNote(cmd))
	case bot.StatusVerb:
		return h.status(ctx, a, cmd.RequestID)
	case bot.CancelVerb:
		return h.decisions.cancel(lookup.For(ctx, lookup.ForOwn), a, cmd.RequestID)
	case bot.AskVerb, bot.DrillVerb:
		return h.asks.ask(ctx, a, wish{target: cmd.Whom, reason: cmd.Reason, drill: cmd.Verb == bot.DrillVerb})
	case bot.FreezeVerb:
		return h.brakes.freeze(ctx, a, cmd.Reason)
	case bot.UnfreezeVerb:
		return h.brakes.unfreeze(ctx, a, "")
	}
	return h.reply(ctx, a, message.Help(h.view(ctx, a, nil)))
}

// MaxTries is how often the bot tries one arrival before it tells the person
// that it gave up.
const MaxTries = 6

// Handle handles one arrival, which the caller has claimed.
func (h *Handler) Handle(ctx context.Context, arrived bot.Arrival) {
	a := act{Arrival: arrived, brake: &brake{}}
	deadline := bot.StepDeadline
	if a.Tries == 1 {
		deadline -= max(0, h.now().Sub(a.ReceivedAt)) // the first claim began at receipt
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ctx = lookup.For(ctx, h.purpose(arrived))
	log := h.log.With("arrival", a.ID, "envelope", a.Envelope, "kind", a.Kind, "user", a.UserID, "request", a.Names())
	var err error
	switch {
	case a.Tries > MaxTries:
		// No try settled the arrival, so none changed anything.
		a.inForm = a.ViewID != ""
		err = h.refuse(ctx, a, bot.Entry{Wanted: string(a.Kind), Reason: string(bot.GaveUp)},
			message.Refusal(bot.GaveUp, nil, h.view(ctx, a, nil)))
	case a.Kind == bot.CommandArrival:
		err = h.command(ctx, a)
	case a.Kind == bot.ClickArrival && a.ActionID == bot.ActionDetails:
		err = h.details(ctx, a)
	case a.Kind == bot.ClickArrival && a.ActionID == bot.ActionUnfreeze:
		err = h.brakes.press(ctx, a)
	case a.OpensForm():
		err = h.formButton(ctx, a)
	case a.Kind == bot.ClickArrival && bot.HomeButtons[a.ActionID]:
		err = h.pressHome(ctx, a)
	case a.Kind == bot.ClickArrival:
		err = h.decisions.click(ctx, a)
	case a.Kind == bot.FormArrival:
		err = h.form(ctx, a)
	case a.Kind == bot.ShortcutArrival:
		err = h.shortcut(ctx, a)
	default: // stored by a newer version
		err = h.reply(ctx, a, message.OtherVersions())
	}
	if err != nil {
		// The arrival is not settled, so it is tried again when the claim ends.
		log.Error("cannot carry out an arrival", "error", err)
	}
}

// likely reports whether the latest roster or the policy lists the person as an
// approver. It calls nobody and grants nothing: it only orders look-ups.
func (h *desk) likely(slackID string) bool {
	return slices.Contains(h.cfg.Policy.Approvers, slackID) || h.approvers.Latest().Has(slackID)
}

// purpose returns the priority of an arrival's look-ups.
func (h *Handler) purpose(a bot.Arrival) lookup.Purpose {
	p := lookup.ForOthers
	if a.Decides() {
		p = lookup.ForOwn
	}
	if h.likely(a.UserID) {
		p-- // one priority higher
	}
	return p
}
