package bot

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

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
	Attempts Attempts `json:"attempts,omitempty"`
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

// Add keeps what somebody says who asks too, beside what they have said before:
// nothing of that goes.
func (w *Words) Add(slackID, reason string) {
	also := maps.Clone(w.Also)
	if also == nil {
		also = map[string]string{}
	}
	switch before := also[slackID]; {
	case strings.Contains(before, reason):
		reason = before // said already
	case before != "":
		reason = CutRunes(before+" · "+reason, MaxReason)
	}
	also[slackID], w.Also = reason, also
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

// Reopening is one decision that was taken back.
type Reopening struct {
	At time.Time `json:"at"`
	// Decision is the number of decisions that there were.
	Decision int          `json:"decision"`
	Why      authz.Reason `json:"why"`
	// Undecided: nobody had made it, but the policy.
	Undecided bool `json:"undecided,omitempty"`
	// Lapsed are the approvals that do not count any more.
	Lapsed []Verdict `json:"lapsed,omitempty"`
	// Kept is how many still count.
	Kept int `json:"kept,omitempty"`
}

// idLetters leaves out what is misread or misheard: 0 O 1 I L 8 B 5 S 2 Z U V.
const idLetters = "ACDEFGHJKMNPQRTWXY34679"

// NewID makes a request ID. 23^6 is 148 million; the store refuses a
// duplicate and the caller draws again.
func NewID() string {
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

// Name is what the target is called.
func (r *Request) Name() string {
	switch {
	case r.Words.DisplayName != "":
		return r.Words.DisplayName
	case r.Words.UPN != "":
		return r.Words.UPN
	}
	return "this account"
}

// OperatorPrefix begins the name of an operator, where else a Slack ID stands.
const OperatorPrefix = "os:"

// AtConsole reports that the request was made at a command line.
func (r *Request) AtConsole() bool {
	return len(r.Askers) > 0 && strings.HasPrefix(r.Askers[0].SlackID, OperatorPrefix)
}

// PassesOver reports whether somebody at a command line has passed over a rule.
func (r *Request) PassesOver(rule authz.Reason) bool { return slices.Contains(r.PassedOver, rule) }

// Verdict is the decision in force, or nil.
func (r *Request) Verdict() *Verdict {
	if len(r.Decisions) == 0 {
		return nil
	}
	return &r.Decisions[len(r.Decisions)-1]
}

// Over reports whether there is an end that those who asked do not know by their
// own doing, and that no successor goes on from.
func (r *Request) Over() bool {
	switch r.State {
	case Failed, Drilled, Denied, Expired, Lost:
		return true
	case Cancelled:
		return len(r.AskedBy()) > 1
	case Void:
		return r.ReplacedBy == ""
	}
	return r.State.Accepted()
}

// Doubtful reports whether people were told to treat the revoke as not done,
// and nothing has shown since that it was: then no message calls the sessions
// revoked.
func (r *Request) Doubtful() bool { return !r.UnmovedAt.IsZero() && r.State != Verified }
