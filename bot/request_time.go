package bot

import (
	"time"
)

// Since is when people were last asked, before Paused is added.
func (r *Request) Since() time.Time {
	if r.AskedAgainAt.IsZero() {
		return r.CreatedAt
	}
	return r.AskedAgainAt
}

// Deadline is when the wait for a decision ends.
func (r *Request) Deadline() time.Time { return r.ExpiresAt.Add(r.Paused) }
