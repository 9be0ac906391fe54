package bot

import (
	"time"

	"revoke-sessions/authz"
)

// Freeze is a stop that an approver has begun: while it is on, no revoke begins. It
// ends at Until, or when enough people have asked for that.
type Freeze struct {
	// ID is assigned by the store; 0 until stored. Version grows with each change.
	ID      int64 `json:"-"`
	Version int64 `json:"-"`
	// By began it.
	By      authz.Asker `json:"by"`
	BeganAt time.Time   `json:"began_at"`
	Until   time.Time   `json:"until"`
	// Votes are those who have asked to end it.
	Votes []authz.Asker `json:"votes,omitempty"`
	// Have is how many votes counted when the last one came, and Need how many it
	// takes.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// EndedAt is zero while it is on.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Reason is typed text; it is stored apart so that it can be erased.
	Reason string `json:"-"`
}

// Steps counts what has happened since the freeze began: votes, and its end.
func (f *Freeze) Steps() int {
	if f.EndedAt.IsZero() {
		return len(f.Votes)
	}
	return len(f.Votes) + 1
}
