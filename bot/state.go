package bot

// State is the state of a request. The zero value is no state.
type State string

// The states, in the order in which a request may pass through them.
const (
	Pending       State = "pending"
	Approved      State = "approved"
	Executing     State = "executing"
	Unknown       State = "unknown"
	Revoked       State = "revoked"
	Verified      State = "verified"
	NotVisibleYet State = "not_visible_yet"
	Unreachable   State = "unreachable"
	Failed        State = "failed"
	Drilled       State = "drilled"
	Denied        State = "denied"
	Cancelled     State = "cancelled"
	Expired       State = "expired"
	// Void: what the card showed was no longer true when somebody decided.
	Void State = "void"
	// Lost: the database was restored from an older backup while it was open.
	Lost State = "lost"
)

// States lists every State, for tests that demand a card for each.
var States = []State{Pending, Approved, Executing, Unknown, Revoked, Verified, NotVisibleYet,
	Unreachable, Failed, Drilled, Denied, Cancelled, Expired, Void, Lost}

// Accepted reports whether Microsoft said yes.
func (s State) Accepted() bool {
	return s == Revoked || s == Verified || s == NotVisibleYet || s == Unreachable
}

// Undone reports whether the request ended with nothing done, for good.
func (s State) Undone() bool {
	return s == Denied || s == Cancelled || s == Expired || s == Void
}
