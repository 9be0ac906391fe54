package lookup

import (
	"sync"
	"time"
)

const (
	// askBurst is how many asks one person may make at once; after that, one
	// each Timing.AskEvery.
	askBurst = 10
	// maxAskers bounds how many people an Allowance remembers.
	maxAskers = 10_000
)

// Allowance limits how many look-ups one person may cause: each ask takes a token
// before anybody is looked up. Reports of one's own device have separate tokens,
// so that the person who holds the lost device and its owner cannot use up each
// other's.
type Allowance struct {
	every time.Duration // 0: no limit

	mu     sync.Mutex
	others rested // by Slack user ID
	own    rested
}

// rested holds when each person has all tokens again.
type rested map[string]time.Time

// NewAllowance makes an Allowance that gives one token back each time every has passed.
func NewAllowance(every time.Duration) *Allowance {
	return &Allowance{every: every, others: rested{}, own: rested{}}
}

// Take takes a token and returns 0, or returns how long until there is one.
func (a *Allowance) Take(slackID string, own bool, now time.Time) time.Duration {
	if a.every <= 0 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	people := a.others
	if own {
		people = a.own
	}
	full, known := people[slackID]
	if full.Before(now) {
		full = now
	}
	// A clock that was set back cannot make more than all tokens missing.
	all := askBurst * a.every
	missing := min(full.Sub(now), all)
	if wait := missing + a.every - all; wait > 0 {
		return wait
	}
	if !known {
		people.makeRoom(now)
	}
	people[slackID] = now.Add(missing + a.every)
	return 0
}

// makeRoom forgets people once too many are remembered: first those who have all
// tokens again, then anybody.
func (people rested) makeRoom(now time.Time) {
	if len(people) < maxAskers {
		return
	}
	for id, full := range people {
		if !full.After(now) {
			delete(people, id)
		}
	}
	for id := range people {
		if len(people) < maxAskers {
			return
		}
		delete(people, id)
	}
}
