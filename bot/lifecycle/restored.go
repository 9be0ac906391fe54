package lifecycle

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// Lose ends a request whose result is not known since the database was restored, even
// if another process is working on it.
func (rn *Runner) Lose(ctx context.Context, r bot.Request) (ended bool, err error) {
	for r.Losable() {
		r.To(bot.Lost)
		r.EndedAt, r.DueAt, r.Line = rn.now().UTC(), time.Time{}, nil
		e := r.Entry(bot.Lost, rn.actor)
		e.Reason = string(bot.DatabaseRestored)
		_, err = rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}})
		if !errors.Is(err, bot.ErrConflict) {
			return err == nil, err
		}
		if r, err = rn.store.Request(ctx, r.ID); err != nil {
			return false, err
		}
	}
	return false, nil
}
