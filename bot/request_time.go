package bot

import (
	"fmt"
	"time"
)

// Since is when people were last asked, but for Paused.
func (r *Request) Since() time.Time {
	if r.AskedAgainAt.IsZero() {
		return r.CreatedAt
	}
	return r.AskedAgainAt
}

// Asked tells one time that people were asked from the next, for messages that
// ring once in each.
func (r *Request) Asked(key string) string {
	if r.AskedAgainAt.IsZero() {
		return key
	}
	return fmt.Sprintf("%s:%d", key, r.AskedAgainAt.Unix())
}

// Deadline is when the wait for a decision ends.
func (r *Request) Deadline() time.Time { return r.ExpiresAt.Add(r.Paused) }
