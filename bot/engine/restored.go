package engine

import (
	"context"
	"fmt"
	"math"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// Restored handles a database that has lost rows: it closes what was open as not known,
// tells everybody concerned, and drops what arrived before. It calls nothing. It must
// come before anything else and may be repeated.
func (b *Bot) Restored(ctx context.Context, back bot.StepBack) error {
	b.log.Error("the database has lost rows that it had: it was restored from an older backup, or exchanged. "+
		"What was open is closed as not known, and nothing is called for it", "seq", back.Seq, "head", back.Head)
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
			continue // made after the step back
		}
		ended, err := b.run.Lose(ctx, r)
		if err != nil {
			return fmt.Errorf("close %s: %w", r.ID, err)
		}
		if ended {
			closed++
		}
	}
	row := bot.Entry{Action: bot.ActDatabaseRestored, Actor: bot.BotActor,
		Origin: fmt.Sprintf("row %s is not there; the last row was %d", back.Anchor(), back.Head)}
	_, err = b.store.Announce(ctx, bot.Notice{Key: "restored:" + back.Anchor(),
		Message: message.RestoredNotice(back, closed, b.teller.View(ctx, nil))}, row)
	if err != nil {
		return fmt.Errorf("record that the database has lost rows: %w", err)
	}
	b.log.Warn("closed what was open in a database that has lost rows", "found", closed, "arrivals", dropped)
	return nil
}
