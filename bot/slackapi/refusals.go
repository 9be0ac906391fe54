package slackapi

import (
	"sync"
	"time"

	"revoke-sessions/bot"
)

// What Slack says no to is about the app, about one message that stands no more,
// about what a message holds, or about the place where it should go. A message
// that holds too much is sent once more with less; what a place refuses reaches
// people in another way. See unreached.go and untold.go.
const (
	// RefusedFor is how long a message that Slack has refused is not sent again as
	// it is: long enough to be no loop, and Slack may have been wrong.
	RefusedFor = time.Hour

	// manyRefused is how many such messages are remembered.
	manyRefused = 1000
)

// Refusals remembers which messages Slack refused, so that none is sent for ever.
type Refusals struct {
	mu  sync.Mutex
	all map[string]refused
}

type refused struct {
	at  time.Time
	err *Error
}

func (r *Refusals) Add(key string, e *Error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= manyRefused {
		r.all = nil // each is sent once more
	}
	if r.all == nil {
		r.all = map[string]refused{}
	}
	r.all[key] = refused{now, e}
}

// Known is what Slack answered lately to this message; nil for nothing.
func (r *Refusals) Known(key string, now time.Time) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.all[key]
	if ok && bot.Elapsed(known.at, now, RefusedFor) {
		delete(r.all, key)
		return nil
	}
	return known.err
}
