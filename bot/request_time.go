package bot

import (
	"fmt"
	"time"
)

// Since is when people were last asked, before Paused is added.
func (r *Request) Since() time.Time {
	if r.AskedAgainAt.IsZero() {
		return r.CreatedAt
	}
	return r.AskedAgainAt
}

// Asked makes a message key that differs each time people are asked, so that the
// message notifies once each time.
func (r *Request) Asked(key string) string {
	if r.AskedAgainAt.IsZero() {
		return key
	}
	return fmt.Sprintf("%s:%d", key, r.AskedAgainAt.Unix())
}

// Deadline is when the wait for a decision ends.
func (r *Request) Deadline() time.Time { return r.ExpiresAt.Add(r.Paused) }
