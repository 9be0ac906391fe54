package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// Lose ends a request whose result is not known since the database was restored, even
// if another process is working on it.
func (k *base) Lose(ctx context.Context, r bot.Request) (ended bool, err error) {
	for r.State.May(bot.Lost) {
		r.To(bot.Lost)
		r.EndedAt, r.DueAt, r.Line = k.now().UTC(), time.Time{}, nil
		e := r.Entry(bot.Lost, k.actor)
		e.Reason = string(bot.DatabaseRestored)
		_, err = k.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}})
		if !errors.Is(err, bot.ErrConflict) {
			return err == nil, err
		}
		if r, err = k.store.Request(ctx, r.ID); err != nil {
			return false, err
		}
	}
	return false, nil
}
