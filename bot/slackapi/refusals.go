package slackapi

import (
	"sync"
	"time"

	"revoke-sessions/bot"
)

// A refusal of Slack's concerns the app, one message that is gone, the content of a
// message, or the place. Refused content is sent once more in a simpler form; news
// for a place that refuses goes by direct message. See message/unreached.go and
// message/untold.go.
const (
	// RefusedFor is how long a refused message is not sent again unchanged: long
	// enough to prevent a loop, and short because Slack may have been wrong.
	RefusedFor = time.Hour

	// manyRefused is how many refused messages are remembered.
	manyRefused = 1000
)

// Refusals remembers which messages Slack refused, so that none is sent in a loop.
type Refusals struct {
	mu  sync.Mutex
	all map[string]refused
}

type refused struct {
	at  time.Time
	err *Error
}

// Add remembers that Slack refused a message.
func (r *Refusals) Add(key string, e *Error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= manyRefused {
		r.all = nil // costs one more try for each
	}
	if r.all == nil {
		r.all = map[string]refused{}
	}
	r.all[key] = refused{now, e}
}

// Known is Slack's refusal of this message within RefusedFor; nil for none.
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
