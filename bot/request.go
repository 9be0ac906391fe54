package bot

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// State is where a request stands. The zero State is no state at all.
type State string

// The states, in the order in which a request may pass them.
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
	// Void: what the card had shown was no longer so when somebody decided.
	Void State = "void"
	// Lost: the database was restored from an older backup while it was open.
	Lost State = "lost"
)

// States lists every State, for tests that demand a card for each.
var States = []State{Pending, Approved, Executing, Unknown, Revoked, Verified, NotVisibleYet,
	Unreachable, Failed, Drilled, Denied, Cancelled, Expired, Void, Lost}

// next holds the transitions that exist; every other is a defect.
var next = map[State][]State{
	Pending:       {Approved, Denied, Cancelled, Expired, Void, Lost},
	Approved:      {Executing, Denied, Pending, Failed, Void, Lost},
	Executing:     {Revoked, Failed, Approved, Unknown, Drilled, Lost},
	Unknown:       {Revoked, Executing, Approved, Failed, Lost},
	Revoked:       {Verified, NotVisibleYet, Unreachable},
	NotVisibleYet: {Verified, Unreachable},
	Unreachable:   {Verified, NotVisibleYet},
	Failed:        {Approved, Lost},
}

// May reports whether a request in state s may go to state to.
func (s State) May(to State) bool { return slices.Contains(next[s], to) }

// deadline is when the wait for a decision ends.
func (r *Request) deadline() time.Time { return r.ExpiresAt.Add(r.Paused) }

// to takes the request to another state. A transition that does not exist is
// a defect: it panics before anything is stored.
func (r *Request) to(s State) {
	if r.State != s && !r.State.May(s) {
		panic(fmt.Sprintf("request %s: no way from %s to %s", r.ID, r.State, s))
	}
	r.State = s
}

// Accepted reports whether Microsoft said yes.
func (s State) Accepted() bool {
	return s == Revoked || s == Verified || s == NotVisibleYet || s == Unreachable
}

// Undone reports whether the request ended with nothing done, for good.
func (s State) Undone() bool {
	return s == Denied || s == Cancelled || s == Expired || s == Void
}

// Request is one ask to revoke one account's sessions, from its creation to
// its end. The stored row is the truth; every card is drawn from it.
type Request struct {
	// ID is what people call it: REQ- and six unambiguous letters. It is no
	// secret and no authority.
	ID string `json:"-"`
	// Version grows with each change; 0 is a request that was never stored.
	Version int64 `json:"-"`
	State   State `json:"-"`

	Lane authz.Lane `json:"lane"`
	// Drill requests read where others revoke.
	Drill     bool            `json:"drill,omitempty"`
	Operation graph.Operation `json:"operation"`
	// Fallback is done where the operation is gone or not permitted.
	Fallback graph.Operation `json:"fallback,omitempty"`
	// Askers are the requester and whoever asked for the same while it was pending,
	// each with the Entra account that their Slack account led to: see askedBy.
	Askers []authz.Asker `json:"askers"`
	// Target is the account as it was when the card was made, without its
	// names: those are in Words.
	Target graph.User `json:"target"`
	// TargetSlackID is empty where no Slack account is known to be the
	// target's; TargetAlso are further ones.
	TargetSlackID string   `json:"target_slack_id,omitempty"`
	TargetAlso    []string `json:"target_also,omitempty"`
	// TargetLeft is the Slack account that was named, if it is deactivated: nobody is
	// told there, and what it leads to gives nobody a right.
	TargetLeft string `json:"target_left,omitempty"`
	// TargetFound: Slack has said which accounts are the target's. Until then
	// nobody decides, for they may be the target.
	TargetFound bool `json:"target_found,omitempty"`
	// OtherRules: it is due, and the process that looked at it last has other rules
	// than those in force, so that it was left to others.
	OtherRules bool `json:"other_rules,omitempty"`
	// AskersAlso are further Slack accounts of those who asked, where the
	// policy keeps them from approving what they asked for.
	AskersAlso []string `json:"askers_also,omitempty"`
	// RevokedBefore is when this bot last had the same account's sessions
	// revoked; zero if never.
	RevokedBefore time.Time `json:"revoked_before,omitzero"`

	// Privileged and Protected are what the card said of the target: whether
	// it holds a privileged role, and whether a protection of the policy
	// applies to it.
	Privileged graph.Fact `json:"privileged,omitempty"`
	Protected  bool       `json:"protected,omitempty"`
	// SignedIn is when the target had last signed in when the card was made.
	// SignInsRead says that this could be read: then zero means that no
	// sign-in was known since April 2020.
	SignedIn    time.Time `json:"signed_in,omitzero"`
	SignInsRead bool      `json:"sign_ins_read,omitempty"`
	// TargetIn are the policy's groups that the target was in, or may have been.
	TargetIn []string `json:"target_in,omitempty"`
	// Need is how many approvals the card asks for; 0 where the reporter's own
	// Confirm is enough.
	Need int `json:"need"`
	// Digest is a SHA-256 of what a confirmation is bound to: see shown.
	Digest string `json:"digest"`
	// Coverage is who could decide when the request was made.
	Coverage Coverage `json:"coverage"`
	// Replaces and ReplacedBy lead from a void request to the fresh preview.
	Replaces   string `json:"replaces,omitempty"`
	ReplacedBy string `json:"replaced_by,omitempty"`
	// Changed names what made the request void.
	Changed []Difference `json:"changed,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when the wait for a decision ends, but for Paused.
	ExpiresAt time.Time `json:"expires_at"`
	// Executes: it is then carried out instead of expiring.
	Executes bool `json:"executes,omitempty"`
	// NotExecuted is why the policy did not have it carried out after all.
	NotExecuted authz.Reason `json:"not_executed,omitempty"`
	// Paused is for how long freezes have stopped the clocks of the request.
	// The store counts it.
	Paused time.Duration `json:"-"`
	// Reminded counts reminders; Escalated says that somebody was called.
	Reminded   int       `json:"reminded,omitempty"`
	RemindedAt time.Time `json:"reminded_at,omitzero"`
	Escalated  bool      `json:"escalated,omitempty"`
	// CancelAskedAt is when the target's own account asked to cancel a self report.
	CancelAskedAt time.Time `json:"cancel_asked_at,omitzero"`

	// DenyAsked are the approvers who pressed Deny while no form is known to have opened
	// for the reason. When one of them presses it again, no form is opened.
	DenyAsked []Verdict `json:"deny_asked,omitempty"`

	// CheckedAt is when everything that the decision in force goes by was last
	// looked up and found to hold, by the policy of the digest CheckedBy.
	CheckedAt time.Time `json:"checked_at,omitzero"`
	CheckedBy string    `json:"checked_by,omitempty"`
	// Unasked names who does not answer a look-up that has to come before the
	// call: an approved request waits for that.
	Unasked string `json:"unasked,omitempty"`
	// Reopened are the decisions that no longer held when they were to be carried out.
	Reopened []Reopening `json:"reopened,omitempty"`
	// AskedAgainAt is when people were last asked again, but for Paused; zero if
	// they were not.
	AskedAgainAt time.Time `json:"asked_again_at,omitzero"`
	// Withheld is why the decision in force leads to no second call.
	Withheld authz.Reason `json:"withheld,omitempty"`

	// PassedOver are the rules of the policy that somebody on the command line
	// has passed over.
	PassedOver []authz.Reason `json:"passed_over,omitempty"`

	// Approvals are those given for the decision that is being made, and
	// Lapsed those that no longer counted when it was.
	Approvals []Verdict `json:"approvals,omitempty"`
	Lapsed    []Verdict `json:"lapsed,omitempty"`
	// Decisions holds who ended the pending state and each "Try again".
	Decisions []Verdict `json:"decisions,omitempty"`
	// Attempts holds every call that was begun, oldest first.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Before are the stamps as last read before the first POST that may have
	// moved them, After as last read since.
	Before graph.Stamps `json:"before,omitzero"`
	After  graph.Stamps `json:"after,omitzero"`
	// AcceptedAt is when Microsoft's yes arrived, or when the moved stamp was
	// read after an unknown outcome.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	// Seen: Microsoft never said yes to us, but the stamp has moved.
	Seen bool `json:"seen,omitempty"`
	// Unread: the last attempt to read the stamps failed.
	Unread bool `json:"unread,omitempty"`
	// Reads counts the reads of the stamps in the current state.
	Reads int `json:"reads,omitempty"`
	// UnmovedAt and UnreadAt are when people were told, once each, that the
	// account does not show what Microsoft has said yes to, or that it could
	// not be read since; zero if they were not.
	UnmovedAt time.Time `json:"unmoved_at,omitzero"`
	UnreadAt  time.Time `json:"unread_at,omitzero"`
	// EndedAt is when the request was denied, cancelled or expired.
	EndedAt time.Time `json:"ended_at,omitzero"`

	// Line is where an approved request stood in the line when it last asked for
	// its turn; nil if it did not have to wait for one.
	Line *Line `json:"line,omitempty"`

	// Words are what people typed and are called. They are kept apart, so
	// that they can be erased while the rest stays.
	Words Words `json:"-"`

	// DueAt is when the request next wants attention; zero when it wants none.
	DueAt time.Time `json:"-"`

	// StalledAt is when it was noted that the bot cannot go on with this version
	// of the request; zero where it can.
	StalledAt time.Time `json:"-"`
}

// Words are everything in a request that a person typed or is called.
type Words struct {
	Reason      string `json:"reason,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	UPN         string `json:"upn,omitempty"`
	// Denied is why an approver said no.
	Denied string `json:"denied,omitempty"`
	// Override is why the policy was passed over.
	Override string `json:"override,omitempty"`
	// Also are the reasons of those who joined, by Slack ID.
	Also map[string]string `json:"also,omitempty"`
}

// Verdict is one person's decision.
type Verdict struct {
	Kind authz.Action `json:"kind"` // confirm, deny, cancel, retry or timeout
	// SlackID and EntraID are empty for a timeout: that is the policy's.
	SlackID string    `json:"slack_id,omitempty"`
	EntraID string    `json:"entra_id,omitempty"`
	At      time.Time `json:"at"`
	// Others are the approvals before it that it took, oldest first.
	Others []Verdict `json:"others,omitempty"`
	// Why it does not count any more, of one that has lapsed.
	Why authz.Reason `json:"why,omitempty"`
}

// Attempt is one call to Graph. It is stored before the call leaves.
type Attempt struct {
	// Decision is the number of decisions there were when it began.
	Decision int       `json:"decision"`
	BeganAt  time.Time `json:"began_at"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// Outcome is empty while the call is under way, and stays empty if the
	// process died in it.
	Outcome         graph.Outcome `json:"outcome,omitempty"`
	Status          int           `json:"status,omitempty"`
	Code            string        `json:"code,omitempty"`
	RequestID       string        `json:"request_id,omitempty"`
	ClientRequestID string        `json:"client_request_id,omitempty"`
	Remedy          string        `json:"remedy,omitempty"`
	// Operation is what was called last, and Also what had been refused before
	// it, of one attempt.
	Operation graph.Operation `json:"operation,omitempty"`
	Also      *graph.Refusal  `json:"also,omitempty"`
	// Unclear: people were told that the outcome was not known.
	Unclear bool `json:"unclear,omitempty"`
	// Wait is how long we wait, and Asked says that Microsoft named that time.
	Wait  time.Duration `json:"wait,omitempty"`
	Asked bool          `json:"asked,omitempty"`
}

// Line is a place in the line of confirmed requests that wait because Microsoft
// has asked to.
type Line struct {
	// At is when it stood there, behind Ahead others.
	At    time.Time `json:"at"`
	Ahead int       `json:"ahead,omitempty"`
}

// idLetters leaves out what is misread or misheard: 0 O 1 I L 8 B 5 S 2 Z U V.
const idLetters = "ACDEFGHJKMNPQRTWXY34679"

// newID makes a request ID. 23^6 is 148 million; the store refuses a
// duplicate and the caller draws again.
func newID() string {
	b := make([]byte, 0, 6)
	var one [1]byte
	for len(b) < 6 {
		_, _ = rand.Read(one[:]) // never fails since Go 1.24
		if n := int(one[0]); n < 256/len(idLetters)*len(idLetters) {
			b = append(b, idLetters[n%len(idLetters)])
		}
	}
	return "REQ-" + string(b)
}

// askedBy are the Slack IDs of those who asked, each once: the Slack account of one
// of them may have led to another Entra account when they asked again.
func (r *Request) askedBy() (ids []string) {
	for _, a := range r.Askers {
		if !slices.Contains(ids, a.SlackID) {
			ids = append(ids, a.SlackID)
		}
	}
	return ids
}

// requester is the first asker.
func (r *Request) requester() authz.Asker { return r.Askers[0] }

// matter is the request as authz sees it, by what was known of the target when
// the card was made.
func (r *Request) matter() authz.Matter {
	return authz.Matter{Lane: r.Lane, Askers: r.Askers, AskersAlso: r.AskersAlso, Reason: r.Words.Reason, Target: authz.Target{
		EntraID: r.Target.ID, SlackIDs: r.targetSlackIDs(), MemberOf: r.TargetIn, Privileged: r.Privileged != graph.No,
	}}
}

// onlySelf reports whether the reporter's own Confirm is enough.
func (r *Request) onlySelf() bool { return r.Lane == authz.Self && r.Need == 0 }

// targetSlackIDs are all Slack accounts that are known to be the target's.
func (r *Request) targetSlackIDs() []string {
	if r.TargetSlackID == "" {
		return r.TargetAlso
	}
	return append([]string{r.TargetSlackID}, r.TargetAlso...)
}

// verdict is the decision in force, or nil.
func (r *Request) verdict() *Verdict {
	if len(r.Decisions) == 0 {
		return nil
	}
	return &r.Decisions[len(r.Decisions)-1]
}

// attempt is the last call, or nil.
func (r *Request) attempt() *Attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return &r.Attempts[len(r.Attempts)-1]
}

// called names the operation that ran, or will.
func (r *Request) called() graph.Operation {
	if a := r.attempt(); a != nil && a.Operation != "" {
		return a.Operation
	}
	return r.Operation
}

// unresolved counts the calls since the last decision whose effect is not
// known to be none: those that may not be repeated at will.
func (r *Request) unresolved() (n int, first time.Time) {
	return r.calls(func(a Attempt) bool { return a.Outcome != graph.NotDone })
}

// tries counts all calls since the last decision.
func (r *Request) tries() (n int, first time.Time) {
	return r.calls(func(Attempt) bool { return true })
}

func (r *Request) calls(which func(Attempt) bool) (n int, first time.Time) {
	for _, a := range r.Attempts {
		if a.Decision == len(r.Decisions) && which(a) {
			if n == 0 {
				first = a.BeganAt
			}
			n++
		}
	}
	return n, first
}

const (
	// maxCalls is how many calls of unknown effect one decision may cause.
	maxCalls = 2
	// unknownSoon is within which an unknown outcome is promised to be known;
	// past it people are told to act themselves.
	unknownSoon = time.Minute
	// retryWindow is how long "Try again" is offered after a failure.
	retryWindow = 24 * time.Hour
)

// retryable reports whether an approver may decide anew.
func (r *Request) retryable(now time.Time) bool {
	if r.State != Failed && !r.stuck(now) {
		return false
	}
	v := r.verdict()
	return v != nil && now.Before(v.At.Add(retryWindow))
}

// stuck reports whether an unknown outcome will not become known soon: both
// calls are spent, or the account could not be read for a minute.
func (r *Request) stuck(now time.Time) bool {
	n, first := r.unresolved()
	a := r.attempt()
	return r.State == Unknown && (n >= maxCalls || elapsed(first, now, unknownSoon) || a.Outcome == graph.NotDone && a.Wait == 0)
}
