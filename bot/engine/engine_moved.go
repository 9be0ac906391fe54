package engine

import (
	"context"
	"fmt"
	"math"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// Restored ends what was open in a database that has lost rows, as not known, says
// so to everybody whom it concerns, and drops what arrived before. It calls
// nothing. It must come before anything else is done, and may come again.
func (b *Bot) Restored(ctx context.Context, back bot.StepBack) error {
	b.log.Error("the database has lost rows that it had: it was restored from an older backup, or exchanged. What was open is closed as not known, and nothing is called for it", "seq", back.Seq, "head", back.Head)
	before := back.At
	if before.IsZero() {
		before = b.now()
	}
	dropped, err := b.store.DropArrivals(ctx, before)
	if err != nil {
		return fmt.Errorf("drop what had arrived: %w", err)
	}
	open, broken, err := b.store.Unfinished(ctx, math.MaxInt32)
	if err != nil {
		return fmt.Errorf("find what was open: %w", err)
	}
	for _, one := range broken {
		b.log.Error("a stored row cannot be read; it is left as it is", "error", one)
	}
	closed := 0
	for _, r := range open {
		if r.CreatedAt.After(before) {
			continue // of after the step back
		}
		ended, err := b.run.lose(ctx, r)
		if err != nil {
			return fmt.Errorf("close %s: %w", r.ID, err)
		}
		if ended {
			closed++
		}
	}
	row := bot.Entry{Action: "database_restored", Actor: bot.BotActor, Origin: fmt.Sprintf("row %s is not there; the last row was %d", back.Anchor(), back.Head)}
	_, err = b.store.Announce(ctx, bot.Notice{Key: "restored:" + back.Anchor(), Message: message.RestoredNotice(back, closed, b.teller.view(ctx, nil, ""))}, row)
	if err != nil {
		return fmt.Errorf("record that the database has lost rows: %w", err)
	}
	b.log.Warn("closed what was open in a database that has lost rows", "found", closed, "arrivals", dropped)
	return nil
}

// unreadable does what can be done about a row that cannot be decoded.
func (b *Bot) unreadable(u *bot.Unreadable) {
	b.log.Error("a stored row cannot be read; it is left as it is", "request", u.Request, "arrival", u.Arrival, "notice", u.Notice, "error", u.Err)
	switch {
	case u.Request != "":
		b.pool.Spawn(func(ctx context.Context) { b.teller.stall(ctx, u.Request) })
	case u.Arrival != 0 && u.Tries > maxHandled:
		b.pool.Spawn(func(ctx context.Context) { b.giveUp(ctx, u) })
	}
}

// giveUp settles an act that nobody can read, and tells whoever did it. None of
// the tries has settled it, so it changed nothing. A newer version beside this one
// may be able to read it, and has had its tries.
func (b *Bot) giveUp(ctx context.Context, u *bot.Unreadable) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	e := bot.Entry{Action: "refused", Actor: bot.BotActor, Wanted: "unreadable", Reason: string(bot.GaveUp)}
	if err := b.store.Record(ctx, u.Arrival, e); err != nil {
		b.log.Error("settle what cannot be read", "arrival", u.Arrival, "error", err)
		return
	}
	b.meter.Refused(&e)
	if u.ResponseURL == "" {
		return
	}
	if err := b.teller.respond(ctx, u.ResponseURL, message.Refusal(bot.GaveUp, nil, b.teller.view(ctx, nil, ""))); err != nil {
		b.log.Warn("a private answer reached nobody", "arrival", u.Arrival, "error", err)
	}
}
