package engine

import (
	"context"

	"revoke-sessions/bot"
	"revoke-sessions/bot/intake"
	"revoke-sessions/bot/message"
)

// unreadable does what can be done about a row that cannot be decoded.
func (b *Bot) unreadable(u *bot.Unreadable) {
	b.log.Error("a stored row cannot be read; it is left as it is", "request", u.Request, "arrival", u.Arrival, "notice", u.Notice,
		"error", u.Err)
	switch {
	case u.Request != "":
		b.pool.Spawn(func(ctx context.Context) { b.teller.Stall(ctx, u.Request) })
	case u.Arrival != 0 && u.Tries > intake.MaxTries:
		b.pool.Spawn(func(ctx context.Context) { b.giveUp(ctx, u) })
	}
}

// giveUp settles an act that cannot be decoded, and tells the person who did it. No try
// has settled it, so it changed nothing. A newer version beside this one may be able to
// read it, and has had its tries.
func (b *Bot) giveUp(ctx context.Context, u *bot.Unreadable) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	e := bot.Entry{Action: bot.ActRefused, Actor: bot.BotActor, Wanted: "unreadable", Reason: string(bot.GaveUp)}
	if err := b.store.Record(ctx, u.Arrival, e); err != nil {
		b.log.Error("cannot settle an arrival that cannot be read", "arrival", u.Arrival, "error", err)
		return
	}
	b.meter.Refused(&e)
	if u.ResponseURL == "" {
		return
	}
	if err := b.teller.Respond(ctx, u.ResponseURL, message.Refusal(bot.GaveUp, nil, b.teller.View(ctx, nil))); err != nil {
		b.log.Warn("a private answer reached nobody", "arrival", u.Arrival, "error", err)
	}
}
