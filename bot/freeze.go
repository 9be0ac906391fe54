package bot

import (
	"time"

	"revoke-sessions/authz"
)

// Freeze is the brake that an approver pulled: while it is on, no revoke is
// begun. It ends at Until, or when enough people have asked for it.
type Freeze struct {
	// ID is the store's; 0 until stored. Version grows with each change.
	ID      int64 `json:"-"`
	Version int64 `json:"-"`
	// By pulled it.
	By      authz.Asker `json:"by"`
	BeganAt time.Time   `json:"began_at"`
	Until   time.Time   `json:"until"`
	// Votes are those who have asked to end it.
	Votes []authz.Asker `json:"votes,omitempty"`
	// Have and Need count the votes that counted when the last one came.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// EndedAt is zero while it is on.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Reason is what was typed; it is kept apart so that it can be erased.
	Reason string `json:"-"`
}

// Steps counts what has happened since the freeze began: votes, and its end.
func (f *Freeze) Steps() int {
	if f.EndedAt.IsZero() {
		return len(f.Votes)
	}
	return len(f.Votes) + 1
}
