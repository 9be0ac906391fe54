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
	// Freeze is stored if its Version is still the stored one; ID 0 begins a new
	// freeze.
	Freeze Freeze
	// Audit rows get the freeze's number.
	Audit []Entry
	// Settles is the ID of the arrival that asked for it; 0 for none.
	Settles int64
	// Notice announces the change and is due again. Its Key gets the freeze's number,
	// and it shows the freeze as it is when posted. Nil for none.
	Notice *Notice
}

// Errors of the store. Nothing was stored, except perhaps with ErrUnclear.
var (
	// ErrNoRequest: there is no request or arrival of that ID.
	ErrNoRequest = errors.New("no such request")
	// ErrConflict: the request has changed since it was read.
	ErrConflict = errors.New("the request has changed since it was read")
	// ErrTaken: the ID exists already, or the same target has a pending request in the
	// same lane.
	ErrTaken = errors.New("a pending request for this account exists already")
	// ErrUnclear: the database did not say whether it stored the change.
	ErrUnclear = errors.New("it is not known whether it was stored")
	// ErrSent: another submission of the same form has led to a request.
	ErrSent = errors.New("the form has led to a request before")
	// ErrFrozen: a freeze is on.
	ErrFrozen = errors.New("every revoke is held back by a freeze")
)

// ClaimFor is how long a row belongs to the process that claimed it. It is longer than
// the deadline of any step, so that a living process never loses its work.
const ClaimFor = 10 * time.Second

// StepDeadline bounds one step of work on a claimed row.
const StepDeadline = ClaimFor - time.Second

// Change is what one transaction writes: the new state of the request, the audit rows
// that say why, and the arrival that it settles.
type Change struct {
	// Request is stored if its Version is still the stored one, and then carries the
	// next; Version 0 creates it.
	Request Request
	// Successor is created in the same transaction: the fresh preview that replaces a
	// void request. Its Version is 0.
	Successor *Request
	// Audit are rows of the chain. Each gets a hash of the Words of the request that it
	// names.
	Audit []Entry
	// Fenced: while a freeze is on, the answer is ErrFrozen, and nothing is stored.
	Fenced bool
	// Under is the digest of the Rules that the change was decided by. If others are in
	// force, the answer is ErrOtherRules, and nothing is stored. Empty for a change
	// that any rules allow.
	Under string
	// Uses are counted against limits; if one is reached, the answer is a
	// *LimitError.
	Uses []Use
	// GivesBack: the decisions of the request revoked nothing and no longer count.
	// Their uses are removed before Uses are counted, except the use for the ask, and
	// the approvals of Kept, by Entra object ID and Slack user ID.
	GivesBack bool
	Kept      []string
	// InTurn: the request takes its turn in one queue of all processes. While Microsoft
	// has asked to wait, and for some time afterwards while earlier confirmed requests
	// may go first, the answer is a *TurnError, and nothing is stored.
	InTurn bool
	// Pushback is how long Microsoft asked to wait in the answer that is stored; until
	// then nobody begins a call. Answered says that it answered without asking to wait.
	// After a few such answers the whole queue may go at once.
	Pushback time.Duration
	Answered bool
	// Notice is announced with it; nil for none.
	Notice *Notice
	// Settles is the ID of the arrival that asked for the change; 0 for none.
	Settles int64
	// ViewKey is the ViewKey of that arrival if it is a form that leads to the request;
	// empty otherwise. If the view has led to a request before, the answer is ErrSent,
	// and nothing is stored.
	ViewKey string
	// Keep leaves the request claimed by the caller, who continues with it at once.
	Keep bool
}

// Ledger stores requests and the audit chain.
type Ledger interface {
	// Commit writes a Change, all or nothing. It answers ErrConflict or ErrTaken if
	// somebody else was first. If Microsoft has accepted the revoke of the request, it
	// also owes the news to the people of other open requests for the account.
	Commit(ctx context.Context, c Change) (Request, error)
	// Record writes audit rows that belong to no change, and settles an arrival. If
	// somebody without rights repeats an act, one row a minute is written; repetitions
	// of the same person and kind are counted, see Entry.Count.
	Record(ctx context.Context, settles int64, entries ...Entry) error
	// Request reads one request; ErrNoRequest if there is none.
	Request(ctx context.Context, id string) (Request, error)
	// OnRecord reads the audit rows of one request, in order, without rows that do not
	// fit their place in the chain.
	OnRecord(ctx context.Context, requestID string) ([]Row, error)
}

// Index finds requests by something other than their ID.
type Index interface {
	// PendingFor finds the pending request for the same target, lane and drill flag.
	PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (Request, bool, error)
	// Open lists requests that are undecided, under way or need another look: the
	// undecided first, each group from the oldest on. slackID limits them to those that
	// this person asked for; "" does not. Of a row that cannot be read it gives only
	// the ID.
	Open(ctx context.Context, slackID string, limit int) ([]Request, error)
	// Unfinished lists what Open does, without rows that cannot be read; those are in
	// broken.
	Unfinished(ctx context.Context, limit int) (open []Request, broken []*Unreadable, err error)
	// LastAccepted is when Microsoft last accepted a revoke for the target; zero if never.
	LastAccepted(ctx context.Context, targetID string) (time.Time, error)
	// LastRevoke is the request by which the target was last revoked, as accepted by
	// Microsoft, not counting the request otherThan; false if there is none. Of a row
	// that cannot be read it gives only the ID and that time.
	LastRevoke(ctx context.Context, targetID, otherThan string) (Request, bool, error)
}

// Brakes keeps the freezes.
type Brakes interface {
	// CommitFreeze begins a freeze (ID 0), adds a vote to it or ends it, all or
	// nothing: ErrTaken if another one is on, ErrConflict if this one has changed since
	// it was read. A begin or an end is owed to the people of every pending and
	// approved request. An end extends the deadlines of pending requests by the frozen
	// time, and makes every pending and approved request due at once.
	CommitFreeze(ctx context.Context, c FreezeChange) (Freeze, error)
	// Frozen reads the freeze that is on; false if none is.
	Frozen(ctx context.Context) (Freeze, bool, error)
	// Freeze reads a freeze, on or over.
	Freeze(ctx context.Context, id int64) (Freeze, error)
	// LastPulled is when the last freeze that this person began has ended, or began if
	// it is still on; zero if there was none. It matches either of their accounts,
	// because one of them may have changed.
	LastPulled(ctx context.Context, who authz.Asker) (time.Time, error)
}

// Queue holds open work: arrivals to carry out, requests to advance, versions to tell.
type Queue interface {
	// Receive stores an arrival, claimed by the caller. fresh is false when
	// the same envelope or the same act was stored before.
	Receive(ctx context.Context, a Arrival) (stored Arrival, fresh bool, err error)
	// HandBack releases claims of the caller, from Receive or Due, on arrivals that it
	// did not begin. They are due at once, and the claim does not count as a try. A
	// claim that somebody else has taken since stays.
	HandBack(ctx context.Context, arrivals []Arrival) error
	// DropArrivals drops what was received before then, so that nobody carries it out.
	DropArrivals(ctx context.Context, before time.Time) (dropped int, err error)
	// Arrival reads a stored arrival; ErrNoRequest if there is none.
	Arrival(ctx context.Context, id int64) (Arrival, error)
	// FormLedTo returns the request that a form's view has led to, by its ViewKey; the ID
	// is empty after the text of the submission was erased. It returns false if the view
	// has led to none.
	FormLedTo(ctx context.Context, viewKey string) (id string, sent bool, err error)
	// ResponseURLs are the newest response URLs of one person, at most limit, at which
	// Slack may still accept an answer.
	ResponseURLs(ctx context.Context, slackID string, limit int) ([]Secret, error)
	// Claim claims a request, due or not; false while somebody else holds it.
	Claim(ctx context.Context, id string) (Request, bool, error)
	// Due claims what is due now, at most limit of each kind. It also writes the rows
	// that count the repetitions of a minute that is over.
	Due(ctx context.Context, limit int) (Work, error)
	// Stall notes that the bot cannot advance a request, even if its row cannot be
	// read, and owes that news to its people. The note holds until a later version is
	// stored; fresh is false if it was there already.
	Stall(ctx context.Context, id string) (fresh bool, err error)
	// Beat notes that this process lives, and answers how many have done so within the
	// last 15 s. It writes, so an error means that the store takes no writes.
	Beat(ctx context.Context) (live int, err error)
}

// Work is what Due claimed.
type Work struct {
	Arrivals []Arrival
	Drive    []Request
	// Tell holds the IDs of requests with a version that their people have not seen.
	Tell []string
	// Notices are announcements that are not posted yet.
	Notices []Notice
	// Broken are rows that could not be decoded. They stay claimed for a while and
	// delay nothing else.
	Broken []*Unreadable
	// SetBack is by how much the clock was set back since the last Due; waiting rows
	// already go by the new time.
	SetBack time.Duration
}

// Billboard stores which messages are where in Slack.
type Billboard interface {
	// ClaimTelling makes the caller the only teller of a request for ClaimFor; false if
	// there is another one, or if nothing is owed.
	ClaimTelling(ctx context.Context, id string) (t Telling, mine bool, err error)
	// Told ends or continues a telling, after people have seen version. If a newer
	// version is owed, the claim continues as next. A Retry releases the claim and
	// leaves the version owed; with version 0, any version stays owed. Nothing is noted
	// for a claim that the caller no longer has.
	Told(ctx context.Context, t Telling, version int64, retry Retry) (next Telling, more bool, err error)
	// Places are the messages of a request by key.
	Places(ctx context.Context, id string) (map[string]Place, error)
	// Cards are the places of the cards of some requests and of one person's receipts
	// of them, by request ID and key.
	Cards(ctx context.Context, ids []string, slackID string) (map[string]map[string]Place, error)
	// Stands reports whether a message belongs to the bot, for any request.
	Stands(ctx context.Context, channel, ts string) (bool, error)
	// Doubt forgets what a message shows, but not where it is.
	Doubt(ctx context.Context, id, key string) error
	// SetPlace stores where a message is and what it shows; a Place with no TS removes
	// it. It answers ErrConflict, and stores nothing, while the Key has another place:
	// if two processes post it, the first that notes it counts.
	SetPlace(ctx context.Context, id string, p Place) error
	// MoveCard notes that the card of a request is at to and no longer at from. The
	// messages in the channel of from are kept under from.MovedKey. It answers
	// ErrConflict, and stores nothing, if the card is not at from.
	MoveCard(ctx context.Context, id string, from, to Place) error
	// Retell owes the people of every open request what it shows, and the readers of
	// the freeze that is on, too.
	Retell(ctx context.Context) error
}

// StandingKind is the kind of notices that are posted only once, because what they say
// stays true. There is one such Key.
const StandingKind = "reach"

// FreezeKind is the kind of the one notice that shows a freeze. CommitFreeze adds the
// freeze's number to its Key.
const FreezeKind = "freeze"

// Announcements are messages that belong to no request.
type Announcements interface {
	// Announce stores a notice and its audit rows. It answers false, and stores
	// nothing, if a notice of the same Key is still stored. A notice is forgotten a
	// week after it was posted, except for a StandingKind.
	Announce(ctx context.Context, n Notice, audit ...Entry) (fresh bool, err error)
	// Announced notes that the notice was posted as it was when claimed, and erases its
	// text. With a Retry it is due again then, unless the caller no longer has the
	// claim of n.
	Announced(ctx context.Context, n Notice, retry Retry) error
	// Withdraw takes back the owed notices of a kind, because they are no longer true,
	// but not the one with the Key keep. The kind is the part of a Key before the
	// colon.
	Withdraw(ctx context.Context, kind, keep string) error
	// NoticePlaces are the messages of a notice.
	NoticePlaces(ctx context.Context, id int64) ([]NoticePlace, error)
	// FreezePlaces are the messages that show a freeze, by its number.
	FreezePlaces(ctx context.Context, freeze int64) ([]NoticePlace, error)
	// SetNoticePlace stores where a message of a notice is; one with no TS removes it.
	SetNoticePlace(ctx context.Context, id int64, p NoticePlace) error
}

// Telling is a claim on the telling of a request.
type Telling struct {
	Request string
	// Until is when the claim lapses. It also identifies the claim.
	Until time.Time
	// Tries is which try this is for this version, without those that were put off.
	Tries int
}

// Retry is when to try a message again that was not posted; zero if it was.
type Retry struct {
	At time.Time
	// PutOff: nothing failed; the pace of the bot, or a request of Slack to wait, held
	// the message back. That does not count as a try, so that a long queue does not
	// lengthen the pause after a failure.
	PutOff bool
}

// Notice is a message that belongs to no request.
type Notice struct {
	// ID is assigned by the store; 0 until stored.
	ID int64
	// Key names its subject: the same Key is announced once.
	Key string
	// To is the user to send it to as a direct message. Without one, it goes to the
	// approvers' channel of the bot that posts it. So does one in which an earlier
	// version has stored a channel.
	To      string
	Message Message
	// Freeze is the number of the freeze that it shows in its current state, in one
	// message that is edited; 0 for a notice that says Message. Version grows with each
	// step of the freeze.
	Freeze, Version int64
	// Until is when the claim of Due lapses. It also identifies the claim.
	Until time.Time
	// Tries is which try this is, without those that were put off.
	Tries int
}

// NoticePlace is one message of a notice in Slack.
type NoticePlace struct {
	// To is the channel or user that it was posted to.
	To          string
	Channel, TS string
	// Shown is a digest of its current content.
	Shown string
	// News is how many steps of a freeze its reader was notified of.
	News int
}

// Store is everything that the bot stores; bot/store implements it.
type Store interface {
	Ledger
	Index
	Brakes
	Queue
	Billboard
	Announcements
	Homes
	Rulebook
	// Forget erases the secrets and typed text of arrivals that nobody waits for, and
	// uses that no limit counts, and Home tabs that were opened HomeLife ago. If retention is not 0, it also erases what people
	// typed in requests and freezes that ended longer ago than that.
	Forget(ctx context.Context, retention time.Duration) error
}

// Unreadable is the error of a stored row that cannot be decoded: because of a bad
// disk, a manual change, or a version that wrote it differently.
type Unreadable struct {
	// One of Request, Arrival and Notice names the row, by its ID, number or key.
	Request string
	Arrival int64
	Notice  string
	// For an arrival: how often it was claimed, and where its answer goes.
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

// Unwrap is the error of the decoder.
func (u *Unreadable) Unwrap() error { return u.Err }
