package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/authz"
)

// FreezeChange is what one transaction writes about a freeze.
type FreezeChange struct {
	// Freeze is stored if its Version is still the stored one; ID 0 begins it.
	Freeze Freeze
	// Audit rows get the freeze's number.
	Audit []Entry
	// Settles is the ID of the arrival that asked for it; 0 for none.
	Settles int64
	// Notice tells of it and is due again; its Key gets the freeze's number, and it
	// shows the freeze as it is when it is posted. Nil for none.
	Notice *Notice
}

// What the store answers when it stored nothing, but for ErrUnclear.
var (
	// ErrNoRequest: there is no request or arrival of that ID.
	ErrNoRequest = errors.New("no such request")
	// ErrConflict: the request has changed since it was read.
	ErrConflict = errors.New("the request has changed since it was read")
	// ErrTaken: the ID exists already, or the same target has a pending
	// request in the same lane.
	ErrTaken = errors.New("a pending request for this account exists already")
	// ErrUnclear: the database did not say whether it was stored; it may have
	// been.
	ErrUnclear = errors.New("it is not known whether it was stored")
	// ErrFrozen: a freeze is on.
	ErrFrozen = errors.New("every revoke is held back by a freeze")
)

// ClaimFor is how long a row belongs to whoever claimed it. It is longer than
// any one step's deadline, so that a living process never loses its work.
const ClaimFor = 10 * time.Second

// StepDeadline bounds one step of work on a claimed row.
const StepDeadline = ClaimFor - time.Second

// Change is what one transaction writes: the request as it shall be, the
// audit rows that say why, and the arrival that is thereby dealt with.
type Change struct {
	// Request is stored if its Version is still the stored one, and then
	// carries the next; Version 0 creates it.
	Request Request
	// Successor is created in the same transaction: the fresh preview that
	// takes the place of a void request. Its Version is 0.
	Successor *Request
	// Audit are rows of the chain; the words hashed into each are those of
	// the request that it names.
	Audit []Entry
	// Fenced answers ErrFrozen, and stores nothing, while a freeze is on.
	Fenced bool
	// Under is the digest of the Rules that it was decided by. If others are in
	// force, the answer is ErrOtherRules, and nothing is stored. Empty for what
	// may be done by whatever rules.
	Under string
	// Uses are counted against limits; if one is reached, the answer is a
	// *LimitError.
	Uses []Use
	// GivesBack says that the decisions of the request revoked nothing and do not
	// count any more: what they have used up is there again, before Uses are counted.
	// That it was asked for goes on counting, and so do the approvals of Kept, by
	// Entra object ID and Slack user ID.
	GivesBack bool
	Kept      []string
	// InTurn answers a *TurnError, and stores nothing, while Microsoft has asked
	// to wait, or, for some time after that, while others were confirmed earlier
	// and may go now. It is one line for all processes.
	InTurn bool
	// Pushback is for how long Microsoft asked to wait in the answer that is
	// stored: nobody begins a call until then. Answered says that it answered
	// and asked no such thing; after a few of these the line is let go at once.
	Pushback time.Duration
	Answered bool
	// Notice is announced with it; nil for none.
	Notice *Notice
	// Settles is the ID of the arrival that asked for the change; 0 for none.
	Settles int64
	// Keep leaves the request claimed by the caller, who goes on with it at once.
	Keep bool
}

// Ledger keeps requests and the audit chain.
type Ledger interface {
	// Commit writes a Change, all or nothing. What is stored of a request whose revoke
	// Microsoft has accepted is owed to the people of the other open requests about
	// the same account, too. It answers ErrConflict or
	// ErrTaken when nothing was stored because somebody else was first.
	Commit(ctx context.Context, c Change) (Request, error)
	// Record writes audit rows that belong to no change, and settles an arrival.
	// What somebody without any right can repeat is a row once a minute: others of
	// the same person and kind are counted, see Entry.Count.
	Record(ctx context.Context, settles int64, entries ...Entry) error
	// Request reads one request; ErrNoRequest if there is none.
	Request(ctx context.Context, id string) (Request, error)
	// OnRecord reads the audit rows of one request, in order, without those that
	// do not fit where they are in the chain.
	OnRecord(ctx context.Context, requestID string) ([]Row, error)
}

// Index finds requests by something other than their ID.
type Index interface {
	// PendingFor finds the pending request for the same target, lane and drill flag.
	PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (Request, bool, error)
	// Open lists requests that are undecided, under way or owe a look: the
	// undecided first, and of each the oldest first; slackID limits
	// them to those the person asked for, "" does not. One whose row cannot be
	// read has nothing but its ID.
	Open(ctx context.Context, slackID string, limit int) ([]Request, error)
	// Unfinished lists what Open does, past what cannot be read, which is in broken.
	Unfinished(ctx context.Context, limit int) (open []Request, broken []*Unreadable, err error)
	// LastAccepted is when Microsoft last accepted a revoke for the target; zero if never.
	LastAccepted(ctx context.Context, targetID string) (time.Time, error)
	// LastRevoke is the request whose revoke of the target Microsoft accepted last,
	// but for the one with the ID but; false if there is none. One whose row cannot be
	// read has nothing but its ID and when that was.
	LastRevoke(ctx context.Context, targetID, but string) (Request, bool, error)
}

// Brakes keeps the freezes.
type Brakes interface {
	// CommitFreeze begins a freeze (ID 0), adds a vote to it or ends it, all or
	// nothing: ErrTaken if another one is on, ErrConflict if this one has
	// changed since it was read. A begin or an end is owed to the people of
	// every pending and approved request. An end moves the deadlines of
	// pending requests on by as long as they were frozen, and has every
	// pending and approved request looked at at once.
	CommitFreeze(ctx context.Context, c FreezeChange) (Freeze, error)
	// Frozen reads the freeze that is on; false if none is.
	Frozen(ctx context.Context) (Freeze, bool, error)
	// Freeze reads a freeze that is on, or was.
	Freeze(ctx context.Context, id int64) (Freeze, error)
	// LastPulled is when the last freeze that somebody began has ended, or
	// began if it is on; zero if there was none. It goes by both accounts, of
	// which either may have been changed.
	LastPulled(ctx context.Context, who authz.Asker) (time.Time, error)
}

// Queue holds what is owed: arrivals to carry out, requests to drive on,
// versions to tell.
type Queue interface {
	// Receive stores an arrival, claimed by the caller. fresh is false when
	// the same envelope or the same act was stored before.
	Receive(ctx context.Context, a Arrival) (stored Arrival, fresh bool, err error)
	// HandBack gives up the claims on arrivals that the caller has, from Receive
	// or Due, and did not begin with: they are due at once, and the claim counts
	// as no try. One that somebody else has claimed since stays theirs.
	HandBack(ctx context.Context, arrivals []Arrival) error
	// DropArrivals has nobody carry out what was received until then.
	DropArrivals(ctx context.Context, before time.Time) (dropped int, err error)
	// Arrival reads a stored arrival; ErrNoRequest if there is none.
	Arrival(ctx context.Context, id int64) (Arrival, error)
	// ResponseURLs are the newest response URLs of one person, at most limit, to which
	// Slack may still take an answer.
	ResponseURLs(ctx context.Context, slackID string, limit int) ([]Secret, error)
	// Claim claims a request, due or not; false while somebody else holds it.
	Claim(ctx context.Context, id string) (Request, bool, error)
	// Due claims what is due now, at most limit of each kind, and writes the rows of
	// what was counted in a minute that is over.
	Due(ctx context.Context, limit int) (Work, error)
	// Stall notes that the bot cannot go on with a request, whether its row can be
	// read or not, and owes that to its people. It holds until a later version is
	// stored; fresh is false where it was noted before.
	Stall(ctx context.Context, id string) (fresh bool, err error)
	// Beat notes that this process lives and answers how many do, as far as was
	// heard of them within the last 15 s. It writes: with an error the store
	// takes nothing.
	Beat(ctx context.Context) (live int, err error)
}

// Work is what Due claimed.
type Work struct {
	Arrivals []Arrival
	Drive    []Request
	// Tell holds the IDs of requests whose people have not seen their version.
	Tell []string
	// Notices are announcements that do not stand in Slack yet.
	Notices []Notice
	// Broken are rows that could not be decoded. They stay claimed for a
	// while and hold up nothing else.
	Broken []*Unreadable
	// SetBack is how far the clock was found to be set back since Due was last
	// asked; what waits goes by the new time already.
	SetBack time.Duration
}

// Billboard remembers what stands where in Slack.
type Billboard interface {
	// ClaimTelling makes the caller the only teller of a request for ClaimFor;
	// false when somebody else is, or when nothing is owed.
	ClaimTelling(ctx context.Context, id string) (t Telling, mine bool, err error)
	// Told ends or goes on with the telling: version has been seen. While a newer
	// version is owed the claim goes on, as the Telling that is answered. A
	// Retry releases the claim with the version still owed, or, with
	// version 0, whichever it is. Of a claim that is no longer the caller's
	// nothing is noted.
	Told(ctx context.Context, t Telling, version int64, retry Retry) (next Telling, more bool, err error)
	// Places are the messages of a request by key.
	Places(ctx context.Context, id string) (map[string]Place, error)
	// Cards are where the cards of some requests stand, by request ID.
	Cards(ctx context.Context, ids []string) (map[string]Place, error)
	// Stands reports whether a message is one of ours, of whatever request.
	Stands(ctx context.Context, channel, ts string) (bool, error)
	// Doubt forgets what a message shows, and not where it stands.
	Doubt(ctx context.Context, id, key string) error
	// SetPlace stores where a message stands and what it shows; a Place with
	// no TS forgets it. It answers ErrConflict, and stores nothing, while the Key
	// is known to stand elsewhere: of two who posted it, the first who notes it counts.
	SetPlace(ctx context.Context, id string, p Place) error
	// MoveCard notes that the card of a request stands at to and no longer at
	// from. What stands in the channel of from is kept under from.MovedKey. It
	// answers ErrConflict, and stores nothing, if the card is not at from.
	MoveCard(ctx context.Context, id string, from, to Place) error
	// Retell owes the people of every open request what it shows, and those who
	// read of the freeze that is on.
	Retell(ctx context.Context) error
}

// StandingKind is the kind of the notices that are never posted a second time: what
// they say is so every day. There is one such Key.
const StandingKind = "reach"

// Announcements are messages that belong to no request.
type Announcements interface {
	// Announce stores a notice and the audit rows that go with it. It answers
	// false, and stores nothing, if a notice of the same Key was stored before and
	// is not forgotten: what has stood in Slack for a week is, except for a StandingKind.
	Announce(ctx context.Context, n Notice, audit ...Entry) (fresh bool, err error)
	// Announced notes that the notice stands in Slack as it was when it was
	// claimed, and erases what it says; with a Retry it is due again then, unless
	// the claim of n is no longer the caller's.
	Announced(ctx context.Context, n Notice, retry Retry) error
	// Withdraw takes back the notices of a kind, which is the part of their Keys
	// before the colon, that are still owed, but for the one with the Key but:
	// what they say is over.
	Withdraw(ctx context.Context, kind, but string) error
	// NoticePlaces are the messages of a notice.
	NoticePlaces(ctx context.Context, id int64) ([]NoticePlace, error)
	// SetNoticePlace stores where a message of a notice stands; one with no TS
	// forgets it.
	SetNoticePlace(ctx context.Context, id int64, p NoticePlace) error
}

// Telling is a claim on the telling of a request.
type Telling struct {
	Request string
	// Until is when the claim lapses, and what tells it from every other one.
	Until time.Time
	// Tries is which try this is for this version, puts-off not counted.
	Tries int
}

// Retry is when a message is due again that does not stand; zero if it does.
type Retry struct {
	At time.Time
	// PutOff: nothing has failed, only our own pace or Slack's asking to wait did
	// not let it go yet. It does not count as a try, so that a long queue makes no
	// pause after a failure longer.
	PutOff bool
}

// Notice is a message that belongs to no request.
type Notice struct {
	// ID is the store's; 0 until stored.
	ID int64
	// Key names what it is about: the same Key is announced once.
	Key string
	// To is a user whose direct messages it goes to. Otherwise it goes to the
	// approvers' channel of whichever bot posts it, also where an earlier version
	// has stored a channel.
	To      string
	Message Message
	// Freeze is the number of the freeze that it shows as that is now, in one
	// message that is edited; 0 for a notice that says Message. Version grows with
	// each step of the freeze.
	Freeze, Version int64
	// Until is when the claim of Due lapses, and what tells it from every other one.
	Until time.Time
	// Tries is which try this is, puts-off not counted.
	Tries int
}

// NoticePlace is one message of a notice in Slack.
type NoticePlace struct {
	// To is what it was posted to: a channel, or a user.
	To          string
	Channel, TS string
	// Shown is a digest of what it says now.
	Shown string
	// News is how many steps of a freeze its reader has been rung for.
	News int
}

// Store is all of them: bot/store implements it.
type Store interface {
	Ledger
	Index
	Brakes
	Queue
	Billboard
	Announcements
	Rulebook
	// Forget erases the secrets and the typed text of arrivals that nobody
	// waits for any more, uses that no limit counts any more, and, if
	// retention is not 0, what people typed in requests that ended longer ago
	// than that and freezes that did.
	Forget(ctx context.Context, retention time.Duration) error
}

// Unreadable is the error of a stored row that cannot be decoded: a bad disk, a
// hand in the database, or a version that wrote it otherwise.
type Unreadable struct {
	// Request, Arrival or Notice says which: the ID, the number, the key.
	Request string
	Arrival int64
	Notice  string
	// Of an arrival: how often it was claimed, and where its answer goes.
	Tries       int
	ResponseURL Secret
	Err         error
}

func (u *Unreadable) Error() string {
	what := "request " + u.Request
	switch {
	case u.Arrival != 0:
		what = fmt.Sprintf("arrival %d", u.Arrival)
	case u.Notice != "":
		what = "notice " + u.Notice
	}
	return fmt.Sprintf("the stored row of %s cannot be read: %v", what, u.Err)
}

// Unwrap is what the decoder said.
func (u *Unreadable) Unwrap() error { return u.Err }
