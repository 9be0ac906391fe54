package engine

import (
	"context"
	"errors"
	"log/slog"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// reply settles an arrival that changes nothing and answers it.
func (b *Bot) reply(ctx context.Context, a bot.Arrival, m bot.Message) error {
	if err := b.store.Record(ctx, a.ID); err != nil {
		return err
	}
	b.answer(ctx, a, m)
	return nil
}

// refuseLookup answers whoever acted while Slack or Entra did not answer us.
func (b *Bot) refuseLookup(ctx context.Context, a bot.Arrival, e bot.Entry, err error, r *bot.Request) error {
	lookup, ok := errors.AsType[*bot.LookupError](err)
	if !ok {
		return err
	}
	level := slog.LevelWarn
	if lookup.Remedy != "" {
		level = slog.LevelError // it will not pass by itself
	}
	b.log.Log(ctx, level, "look up", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", err, "remedy", lookup.Remedy)
	e.Reason = string(bot.LookupFailed)
	v := b.view(ctx, nil, "")
	v.Unread(lookup)
	return b.refuse(ctx, a, e, message.Refusal(bot.LookupFailed, r, v))
}

// refuseUnsure is refuseFor, and says who did not answer where that is why.
func (b *Bot) refuseUnsure(ctx context.Context, a bot.Arrival, e bot.Entry, reason authz.Reason, r *bot.Request, who lookup.Person) error {
	if lookup, ok := errors.AsType[*bot.LookupError](who.Trouble); ok && reason == authz.MembershipUnknown {
		b.log.Warn("ask a group who is in it", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", lookup, "remedy", lookup.Remedy)
		v := b.viewFor(ctx, a, r)
		v.Unread(lookup)
		return b.refuse(ctx, a, withReason(e, reason), message.Refusal(reason, r, v))
	}
	return b.refuseFor(ctx, a, e, reason, r)
}

// refuseLimit says which limit is reached, and until when.
func (b *Bot) refuseLimit(ctx context.Context, a bot.Arrival, e bot.Entry, wanted authz.Action, limit *bot.LimitError, r *bot.Request) error {
	e.Wanted, e.Reason, e.Until = string(wanted), string(bot.OverLimit), bot.StampText(limit.Free)
	v := b.viewFor(ctx, a, r)
	v.Limit = limit
	return b.refuse(ctx, a, e, message.Refusal(bot.OverLimit, r, v))
}

// refuse records that somebody was not allowed something, settles the arrival
// and tells them why, privately.
func (b *Bot) refuse(ctx context.Context, a bot.Arrival, e bot.Entry, m bot.Message) error {
	e.Action, e.Actor, e.Origin = "refused", a.UserID, a.Origin()
	if err := b.store.Record(ctx, a.ID, e); err != nil {
		return err
	}
	b.meter.Refused(&e)
	b.log.Info("refused", "request", e.Request, "arrival", a.ID, "wanted", e.Wanted, "reason", e.Reason, "user", a.UserID)
	b.answer(ctx, a, m)
	return nil
}

// refuseFor is refuse with the reason's own sentence; r may be nil.
func (b *Bot) refuseFor(ctx context.Context, a bot.Arrival, e bot.Entry, reason authz.Reason, r *bot.Request) error {
	return b.refuse(ctx, a, withReason(e, reason), message.Refusal(reason, r, b.viewFor(ctx, a, r)))
}

// viewFor is the view of one reader, to whom something is refused: its Approvers are
// those who could act instead, as far as is known.
func (b *Bot) viewFor(ctx context.Context, a bot.Arrival, r *bot.Request) message.View {
	v := b.view(ctx, r, "")
	known := b.approvers.Latest()
	if known.At.IsZero() {
		known = b.approvers.Fresh(ctx) // the bot has just started
	}
	v.Reader, v.Approvers = a.UserID, known.Others(b.cfg.Policy.Approvers, a.UserID, b.check)
	return v
}

// answer says m only to whoever acted: at the place where they acted, or else
// by direct message.
func (b *Bot) answer(ctx context.Context, a bot.Arrival, m bot.Message) {
	err := errors.New("no response_url")
	if a.ResponseURL != "" {
		err = b.respond(ctx, a.ResponseURL, m)
	}
	if err == nil {
		return
	}
	if _, _, direct := b.post(ctx, "answer", a.UserID, "", m); direct != nil {
		b.log.Warn("a private answer reached nobody", "arrival", a.ID, "request", a.Names(), "user", a.UserID, "response_url_error", err, "direct_error", direct, "remedy", directRemedy(direct))
	}
}

func withReason(e bot.Entry, reason authz.Reason) bot.Entry {
	e.Reason = string(reason)
	return e
}

func (b *Bot) openView(ctx context.Context, trigger bot.Secret, view message.Modal) error {
	defer b.cfg.Witness.Sees("open form")()
	return b.slack.OpenForm(ctx, trigger, view)
}

func (b *Bot) respond(ctx context.Context, to bot.Secret, m bot.Message) error {
	defer b.cfg.Witness.Sees("answer")()
	return b.slack.Answer(ctx, to, m)
}
