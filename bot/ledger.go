package bot

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/authz"
)

// What the store answers when it stored nothing.
var (
	// ErrNoRequest: there is no request or arrival of that ID.
	ErrNoRequest = errors.New("no such request")
	// ErrConflict: the request has changed since it was read.
	ErrConflict = errors.New("the request has changed since it was read")
	// ErrTaken: the ID exists already, or the same target has a pending
	// request in the same lane.
	ErrTaken = errors.New("a pending request for this account exists already")
)

// ClaimFor is how long a row belongs to whoever claimed it. It is longer than
// any one step's deadline, so that a living process never loses its work.
const ClaimFor = 10 * time.Second

// stepDeadline bounds one step of work on a claimed row.
const stepDeadline = ClaimFor - time.Second

// Change is what one transaction writes: the request as it shall be, the
// audit rows that say why, and the arrival that is thereby dealt with.
type Change struct {
	// Request is stored if its Version is still the stored one, and then
	// carries the next; Version 0 creates it.
	Request Request
	Audit   []Entry
	// Settles is the ID of the arrival that asked for the change; 0 for none.
	Settles int64
	// Keep leaves the request claimed by the caller, who goes on with it at once.
	Keep bool
}

// Ledger keeps requests and the audit chain.
type Ledger interface {
	// Commit writes a Change, all or nothing. It answers ErrConflict or
	// ErrTaken when nothing was stored because somebody else was first.
	Commit(ctx context.Context, c Change) (Request, error)
	// Record writes audit rows that belong to no change, and settles an arrival.
	Record(ctx context.Context, settles int64, entries ...Entry) error
	// Request reads one request; ErrNoRequest if there is none.
	Request(ctx context.Context, id string) (Request, error)
}

// Index finds requests by something other than their ID.
type Index interface {
	// PendingFor finds the pending request for the same target, lane and drill flag.
	PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (Request, bool, error)
	// Open lists requests that are undecided, under way or owe a look: the
	// undecided first, and of each the oldest first; slackID limits
	// them to those the person asked for, "" does not.
	Open(ctx context.Context, slackID string, limit int) ([]Request, error)
	// LastAccepted is when Microsoft last accepted a revoke for the target; zero if never.
	LastAccepted(ctx context.Context, targetID string) (time.Time, error)
}

// Queue holds what is owed: arrivals to carry out, requests to drive on,
// versions to tell.
type Queue interface {
	// Receive stores an arrival, claimed by the caller. fresh is false when
	// the same envelope or the same act was stored before.
	Receive(ctx context.Context, a Arrival) (stored Arrival, fresh bool, err error)
	// Arrival reads a stored arrival; ErrNoRequest if there is none.
	Arrival(ctx context.Context, id int64) (Arrival, error)
	// Due claims what is due now, at most limit of each kind.
	Due(ctx context.Context, limit int) (Work, error)
}

// Work is what Due claimed.
type Work struct {
	Arrivals []Arrival
	Drive    []Request
	// Tell holds the IDs of requests whose people have not seen their version.
	Tell []string
	// Broken are rows that could not be decoded. They stay claimed for a
	// while and hold up nothing else.
	Broken []error
}

// Billboard remembers what stands where in Slack.
type Billboard interface {
	// ClaimTelling makes the caller the only teller of a request for a while.
	// It answers 0 when somebody else is or when nothing is owed, and else how
	// often this version has been claimed.
	ClaimTelling(ctx context.Context, id string) (tries int, err error)
	// Told ends or goes on with the telling: version has been seen. It
	// answers true when a newer version is owed and the claim goes on. A
	// retry time releases the claim with the version still owed.
	Told(ctx context.Context, id string, version int64, retry time.Time) (more bool, err error)
	// Places are the messages of a request by key.
	Places(ctx context.Context, id string) (map[string]Place, error)
	// Stands reports whether a message is one of ours, of whatever request.
	Stands(ctx context.Context, channel, ts string) (bool, error)
	// Doubt forgets what a message shows, and not where it stands.
	Doubt(ctx context.Context, id, key string) error
	// SetPlace stores where a message stands and what it shows; a Place with
	// no TS forgets it.
	SetPlace(ctx context.Context, id string, p Place) error
}

// Store is all of them: bot/store implements it.
type Store interface {
	Ledger
	Index
	Queue
	Billboard
	// Forget erases the secrets and the typed text of arrivals that nobody
	// waits for any more.
	Forget(ctx context.Context) error
}

// Place is one message of ours in Slack.
type Place struct {
	// Key says which: "card", "receipt:U…", "result:1" and so on.
	Key     string
	Channel string
	TS      string
	// Shown is a digest of what it says now.
	Shown string
}

// Entry is one row of the audit chain: who did what, why, when, from where,
// and what came of it. What people typed is never in it; Typed holds a salted
// hash of it instead.
type Entry struct {
	// Action is the state reached (approved, revoked …) or what else
	// happened: requested, joined, refused, cancel_asked.
	Action  string `json:"action"`
	Request string `json:"request,omitempty"`
	// Actor is a Slack user ID, or "clock" or "bot".
	Actor        string `json:"actor"`
	ActorEntraID string `json:"actor_entra_id,omitempty"`
	TargetID     string `json:"target_id,omitempty"`
	// Wanted is the action that was refused.
	Wanted string `json:"wanted,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Origin is where the act came from: "command C…", "click C…/ts".
	Origin string `json:"origin,omitempty"`
	// LookedUpMS is how old the look-ups were, in milliseconds, when they decided.
	LookedUpMS int64 `json:"looked_up_ms,omitempty"`
	// Of a call to Graph.
	Operation       string `json:"operation,omitempty"`
	Status          int    `json:"status,omitempty"`
	Code            string `json:"code,omitempty"`
	Outcome         string `json:"outcome,omitempty"`
	RequestID       string `json:"request_id,omitempty"`
	ClientRequestID string `json:"client_request_id,omitempty"`
	StampBefore     string `json:"stamp_before,omitempty"`
	StampAfter      string `json:"stamp_after,omitempty"`
	Drill           bool   `json:"drill,omitempty"`
	// Typed is set by the store: a hash over salt and Words.
	Typed string `json:"typed,omitempty"`
	// At is set by the store.
	At time.Time `json:"at"`
}
