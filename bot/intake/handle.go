package intake

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// command carries out a typed command.
func (h *Handler) command(ctx context.Context, a act) error {
	cmd, err := bot.ParseCommand(a.Text)
	if usage, ok := errors.AsType[*bot.UsageError](err); ok {
		return h.reply(ctx, a, message.Usage(usage))
	}
	if h.likely(a.UserID) && (cmd.Verb == bot.FreezeVerb || cmd.Verb == bot.UnfreezeVerb) {
		ctx = lookup.For(ctx, lookup.ForDecision)
	}
	switch cmd.Verb {
	case bot.FormVerb:
		return h.openForm(ctx, a)
	case bot.StatusVerb:
		return h.status(ctx, a, cmd.RequestID)
	case bot.CancelVerb:
		return h.decisions.cancel(lookup.For(ctx, lookup.ForOwn), a, cmd.RequestID)
	case bot.AskVerb, bot.DrillVerb:
		return h.asks.ask(ctx, a, wish{whom: cmd.Whom, reason: cmd.Reason, drill: cmd.Verb == bot.DrillVerb})
	case bot.FreezeVerb:
		return h.brakes.freeze(ctx, a, cmd.Reason)
	case bot.UnfreezeVerb:
		return h.brakes.unfreeze(ctx, a)
	}
	return h.reply(ctx, a, message.Help(h.view(ctx, a, nil, "")))
}

const (
	// MaxTries is how often one arrival is tried before somebody is told
	// that it does not work.
	MaxTries = 6
)

// Handle carries out one arrival, which is claimed.
func (h *Handler) Handle(ctx context.Context, arrived bot.Arrival) {
	a := act{arrived, &brake{}}
	deadline := bot.StepDeadline
	if a.Tries == 1 {
		deadline -= max(0, h.now().Sub(a.ReceivedAt)) // claimed when it was received
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ctx = lookup.For(ctx, h.purpose(arrived))
	log := h.log.With("arrival", a.ID, "envelope", a.Envelope, "kind", a.Kind, "user", a.UserID, "request", a.Names())
	var err error
	switch {
	case a.Tries > MaxTries:
		// It was settled by none of them, so it changed nothing.
		err = h.refuse(ctx, a, bot.Entry{Wanted: string(a.Kind), Reason: string(bot.GaveUp)},
			message.Refusal(bot.GaveUp, nil, h.view(ctx, a, nil, "")))
	case a.Kind == bot.CommandArrival:
		err = h.command(ctx, a)
	case a.Kind == bot.ClickArrival:
		err = h.decisions.click(ctx, a)
	case a.Kind == bot.FormArrival:
		err = h.form(ctx, a)
	default:
		err = h.store.Record(ctx, a.ID)
	}
	if err != nil {
		// Nothing was settled: the claim lapses and it is tried again.
		log.Error("carry out what arrived", "error", err)
	}
}

// likely reports whether somebody is an approver as far as is known without
// asking anybody. It is no authority: it says whose look-ups go first.
func (h *desk) likely(slackID string) bool {
	return slices.Contains(h.cfg.Policy.Approvers, slackID) || h.approvers.Latest().Has(slackID)
}

// purpose is what the look-ups for an arrival are for.
func (h *Handler) purpose(a bot.Arrival) lookup.Purpose {
	p := lookup.ForOthers
	if a.Decides() {
		p = lookup.ForOwn
	}
	if h.likely(a.UserID) {
		p-- // the next more important one
	}
	return p
}
