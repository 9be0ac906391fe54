package engine

import (
	"context"
	"log/slog"
	"sync/atomic"

	"revoke-sessions/bot"
	"revoke-sessions/bot/intake"
	"revoke-sessions/bot/work"
)

// homes publishes the Home tabs that people have open, after everything else that is told.
type homes struct {
	store   bot.Homes
	pool    *work.Pool
	handler *intake.Handler
	log     *slog.Logger
	running atomic.Int64
	telling atomic.Int64 // tellings and announcements that run
	taken   atomic.Bool  // Slack took the last one
}

// HomeOpened notes that somebody opened their Home tab, and has it published soon. It
// returns at once. If there is too much to do, the note is dropped: opening the tab again
// makes another one. It is for listen.Config.HomeOpened.
func (h *homes) HomeOpened(slackID string) {
	h.pool.Courtesy(func(ctx context.Context) {
		if err := h.store.OpenHome(ctx, slackID); err != nil {
			h.log.Warn("cannot note that somebody opened the Home tab", "user", slackID, "error", err)
			return
		}
		h.pool.WakeClock()
	})
}

// after runs f, which tells people something. Home tabs come after it.
func (h *homes) after(f func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		h.telling.Add(1)
		defer h.telling.Add(-1)
		f(ctx)
	}
}

// pickUp publishes the Home tabs that are owed, while nobody is told anything and no other
// work waits.
func (h *homes) pickUp(ctx context.Context) {
	if h.pool.Busy() || h.telling.Load() > 0 {
		return
	}
	owed, err := h.store.DueHomes(ctx, min(h.pool.Free(), h.room()))
	if err != nil {
		if ctx.Err() == nil {
			h.log.Error("find which Home tabs are owed", "error", err)
		}
		return
	}
	for _, at := range owed {
		h.running.Add(1)
		if !h.pool.Offer(func(ctx context.Context) {
			defer h.running.Add(-1)
			h.taken.Store(h.handler.ShowHome(ctx, at))
		}) {
			h.running.Add(-1) // the claim lapses
		}
	}
}

// homesAtOnce is how many Home tabs are published at the same time.
const homesAtOnce = 8

// room is how many more may begin. Until Slack has taken one, they go one by one: an app
// whose manifest is older than the tab is refused once and not eight times.
func (h *homes) room() int {
	most := int64(1)
	if h.taken.Load() {
		most = homesAtOnce
	}
	return int(max(0, most-h.running.Load()))
}
