package lifecycle

import (
	"context"
	"sync"
	"time"

	"revoke-sessions/bot"
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
func (rn *Runner) stepped(id string, well bool) {
	switch {
	case well:
		rn.stumbles.went(id)
	case rn.pool.Context().Err() != nil: // it was broken off by the stop
	case rn.stumbles.failed(id, rn.now()):
		rn.pool.Spawn(func(ctx context.Context) { rn.Stalled(ctx, id) })
	}
}
