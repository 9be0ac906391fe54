package lifecycle

import (
	"context"
	"sync"
	"time"

	"revoke-sessions/bot"
)

// If a request's step keeps failing, because of a defect or a damaged row, the bot
// tries again forever while people wait. After a minute the card, the receipts and the
// approvers say that the bot cannot go on. A row that cannot be read at all is reported
// at once, because trying again will not help.
const (
	// stalledTries and stalledAfter are how often, and for how long, a step fails
	// before people are told.
	stalledTries = 3
	stalledAfter = time.Minute
	// maxFailures is how many are kept before old ones are dropped.
	maxFailures = 1000
)

// failures counts, per request, the steps that failed in a row in this process.
type failures struct {
	mu  sync.Mutex
	all map[string]failure
}

type failure struct {
	tries       int
	first, last time.Time
}

// failed counts one more and reports whether people must be told.
func (s *failures) failed(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]failure{}
	}
	if len(s.all) >= maxFailures {
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

// succeeded forgets the failures of a request.
func (s *failures) succeeded(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// noteStep notes whether a step of a request went well.
func (rn *Runner) noteStep(id string, well bool) {
	switch {
	case well:
		rn.failures.succeeded(id)
	case rn.pool.Context().Err() != nil: // the stop interrupted the step
	case rn.failures.failed(id, rn.now()) && rn.Stalled != nil:
		rn.pool.Spawn(func(ctx context.Context) { rn.Stalled(ctx, id) })
	}
}
