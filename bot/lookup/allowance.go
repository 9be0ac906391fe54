package lookup

import (
	"sync"
	"time"
)

const (
	// askBurst is how many asks one person may make at once; after that, one
	// each Timing.AskEvery.
	askBurst = 10
	// manyAskers bounds the people who are remembered.
	manyAskers = 10_000
)

// Allowance is what one person may have looked up: a token for each ask, taken
// before anybody is looked up. Reports of one's own device have tokens of their
// own: whoever holds the lost device shall not use up what its owner needs
// elsewhere, nor the other way round.
type Allowance struct {
	every time.Duration // 0: nobody counts

	mu     sync.Mutex
	others rested // by Slack user ID
	own    rested
}

// rested is when each person has all tokens again.
type rested map[string]time.Time

func NewAllowance(every time.Duration) *Allowance {
	return &Allowance{every: every, others: rested{}, own: rested{}}
}

// Take answers 0 and takes a token, or answers when there is one.
func (w *Allowance) Take(slackID string, own bool, now time.Time) time.Duration {
	if w.every <= 0 {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	people := w.others
	if own {
		people = w.own
	}
	full, known := people[slackID]
	if full.Before(now) {
		full = now
	}
	// No more than all can be missing, however far a clock was set back.
	all := askBurst * w.every
	missing := min(full.Sub(now), all)
	if wait := missing + w.every - all; wait > 0 {
		return wait
	}
	if !known {
		people.makeRoom(now)
	}
	people[slackID] = now.Add(missing + w.every)
	return 0
}

// makeRoom forgets people where many are remembered: those who have all tokens
// again and, where all are busy, anybody.
func (people rested) makeRoom(now time.Time) {
	if len(people) < manyAskers {
		return
	}
	for id, full := range people {
		if !full.After(now) {
			delete(people, id)
		}
	}
	for id := range people {
		if len(people) < manyAskers {
			return
		}
		delete(people, id)
	}
}
