package engine

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// command carries out a typed command.
func (b *Bot) command(ctx context.Context, a bot.Arrival) error {
	cmd, err := bot.ParseCommand(a.Text)
	if usage, ok := errors.AsType[*bot.UsageError](err); ok {
		return b.reply(ctx, a, message.Usage(usage))
	}
	if b.likely(a.UserID) && (cmd.Verb == bot.FreezeVerb || cmd.Verb == bot.UnfreezeVerb) {
		ctx = lookup.LookingUp(ctx, lookup.ForDecision)
	}
	switch cmd.Verb {
	case bot.FormVerb:
		return b.openForm(ctx, a)
	case bot.StatusVerb:
		return b.status(ctx, a, cmd.RequestID)
	case bot.CancelVerb:
		return b.cancel(lookup.LookingUp(ctx, lookup.ForOwn), a, cmd.RequestID)
	case bot.AskVerb, bot.DrillVerb:
		return b.ask(ctx, a, wish{whom: cmd.Whom, reason: cmd.Reason, drill: cmd.Verb == bot.DrillVerb})
	case bot.FreezeVerb:
		return b.freeze(ctx, a, cmd.Reason)
	case bot.UnfreezeVerb:
		return b.unfreeze(ctx, a)
	}
	return b.reply(ctx, a, message.Help(b.view(ctx, nil, "")))
}

const (
	// maxHandled is how often one arrival is tried before somebody is told
	// that it does not work.
	maxHandled = 6
)

// handle carries out one arrival, which is claimed.
func (b *Bot) handle(ctx context.Context, a bot.Arrival) {
	deadline := bot.StepDeadline
	if a.Tries == 1 {
		deadline -= max(0, b.now().Sub(a.ReceivedAt)) // claimed when it was received
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ctx = lookup.LookingUp(ctx, b.purpose(a))
	log := b.log.With("arrival", a.ID, "envelope", a.Envelope, "kind", a.Kind, "user", a.UserID, "request", a.Names())
	var err error
	switch {
	case a.Tries > maxHandled:
		// It was settled by none of them, so it changed nothing.
		err = b.refuse(ctx, a, bot.Entry{Wanted: string(a.Kind), Reason: string(bot.GaveUp)}, message.Refusal(bot.GaveUp, nil, b.view(ctx, nil, "")))
	case a.Kind == bot.CommandArrival:
		err = b.command(ctx, a)
	case a.Kind == bot.ClickArrival:
		err = b.click(ctx, a)
	case a.Kind == bot.FormArrival:
		err = b.form(ctx, a)
	default:
		err = b.store.Record(ctx, a.ID)
	}
	if err != nil {
		// Nothing was settled: the claim lapses and it is tried again.
		log.Error("carry out what arrived", "error", err)
	}
}

// likely reports whether somebody is an approver as far as is known without
// asking anybody. It is no authority: it says whose look-ups go first.
func (b *Bot) likely(slackID string) bool {
	return slices.Contains(b.cfg.Policy.Approvers, slackID) || b.approvers.Latest().Has(slackID)
}

// purpose is what the look-ups for an arrival are for.
func (b *Bot) purpose(a bot.Arrival) lookup.Purpose {
	p := lookup.ForOthers
	if a.Decides() {
		p = lookup.ForOwn
	}
	if b.likely(a.UserID) {
		p-- // the next more important one
	}
	return p
}
