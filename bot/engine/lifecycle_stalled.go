package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// A request whose step fails again and again, because of a defect or of a row that
// is damaged, is tried again for ever, and people wait for it. After a minute of
// that its card, the askers' receipts and the approvers read that the bot cannot go
// on. A row that cannot be read at all will not be read the next time either: of it
// they read at once.
const (
	// stalledTries and stalledAfter are how often, and for how long, a step fails
	// before people are told.
	stalledTries = 3
	stalledAfter = time.Minute
	// manyStumbles is when those are forgotten that have not failed for long.
	manyStumbles = 1000
)

// stumbles counts the steps of each request that failed in a row in this process.
type stumbles struct {
	mu  sync.Mutex
	all map[string]stumble
}

type stumble struct {
	tries       int
	first, last time.Time
}

// failed counts one more and reports whether people must be told.
func (s *stumbles) failed(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]stumble{}
	}
	if len(s.all) >= manyStumbles {
		for id, f := range s.all {
			if bot.Elapsed(f.last, now, time.Hour) {
				delete(s.all, id)
			}
		}
	}
	f := s.all[id]
	if f.tries == 0 {
		f.first = now
	}
	f.tries, f.last = f.tries+1, now
	s.all[id] = f
	return f.tries >= stalledTries && bot.Elapsed(f.first, now, stalledAfter)
}

func (s *stumbles) went(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// stepped notes whether the step of a request went well.
func (b *Bot) stepped(id string, well bool) {
	switch {
	case well:
		b.stumbles.went(id)
	case b.work.Err() != nil: // it was broken off by the stop
	case b.stumbles.failed(id, b.now()):
		b.spawn(func(ctx context.Context) { b.stall(ctx, id) })
	}
}

// stall has everybody told that the bot cannot go on with a request: once, or
// once a day while its row cannot be read. Done
// again it does nothing more.
func (b *Bot) stall(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	r, err := b.store.Request(ctx, id)
	known := &r
	if _, broken := errors.AsType[*bot.Unreadable](err); broken {
		known = nil
	} else if err != nil {
		b.log.Error("read what cannot go on", "request", id, "error", err)
		return
	}
	if known != nil && !r.StalledAt.IsZero() {
		return // they know
	}
	n := bot.Notice{
		Key:     fmt.Sprintf("stalled:%s:%s", id, b.now().UTC().Format(time.DateOnly)),
		Message: message.StalledNotice(id, known, b.view(ctx, known, b.cardLink(ctx, id))),
	}
	// First: of two who die in between, the other one announces nothing twice.
	if _, err := b.store.Announce(ctx, n); err != nil {
		b.log.Error("store what is to be announced", "request", id, "error", err)
	}
	fresh, err := b.store.Stall(ctx, id)
	if err != nil {
		b.log.Error("note that a request cannot go on", "request", id, "error", err)
		return
	}
	if fresh {
		b.log.Error("the bot cannot go on with a request, and people are told: revoke by hand if it cannot wait", "request", id)
		b.tell(ctx, id)
	}
}

// unreadable does what can be done about a row that cannot be decoded.
func (b *Bot) unreadable(u *bot.Unreadable) {
	b.log.Error("a stored row cannot be read; it is left as it is", "request", u.Request, "arrival", u.Arrival, "notice", u.Notice, "error", u.Err)
	switch {
	case u.Request != "":
		b.spawn(func(ctx context.Context) { b.stall(ctx, u.Request) })
	case u.Arrival != 0 && u.Tries > maxHandled:
		b.spawn(func(ctx context.Context) { b.giveUp(ctx, u) })
	}
}

// giveUp settles an act that nobody can read, and tells whoever did it. None of
// the tries has settled it, so it changed nothing. A newer version beside this one
// may be able to read it, and has had its tries.
func (b *Bot) giveUp(ctx context.Context, u *bot.Unreadable) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	e := bot.Entry{Action: "refused", Actor: b.actor, Wanted: "unreadable", Reason: string(bot.GaveUp)}
	if err := b.store.Record(ctx, u.Arrival, e); err != nil {
		b.log.Error("settle what cannot be read", "arrival", u.Arrival, "error", err)
		return
	}
	b.meter.Refused(&e)
	if u.ResponseURL == "" {
		return
	}
	if err := b.respond(ctx, u.ResponseURL, message.Refusal(bot.GaveUp, nil, b.view(ctx, nil, ""))); err != nil {
		b.log.Warn("a private answer reached nobody", "arrival", u.Arrival, "error", err)
	}
}
