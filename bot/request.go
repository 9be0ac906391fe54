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

// Request is one ask to revoke one account's sessions, from its creation to its end.
// The stored row is authoritative; every card is made from it.
type Request struct {
	// ID is the name that people use: REQ- and six unambiguous characters. It is no
	// secret, and knowing it gives no right.
	ID string `json:"-"`
	// Version grows with each change; 0 is a request that was never stored.
	Version int64 `json:"-"`
	State   State `json:"-"`

	Lane authz.Lane `json:"lane"`
	// Drill: the request only reads the account and revokes nothing.
	Drill     bool            `json:"drill,omitempty"`
	Operation graph.Operation `json:"operation"`
	// Fallback is called if the operation is gone or not permitted.
	Fallback graph.Operation `json:"fallback,omitempty"`
	// Askers are the requester and everybody who asked for the same while it was
	// pending, each with the Entra account that their Slack account led to: see
	// AskedBy.
	Askers []authz.Asker `json:"askers"`
	// Target is the account as it was when the card was made, without its
	// names: those are in Words.
	Target graph.User `json:"target"`
	// TargetSlackID is empty if no Slack account of the target is known; TargetAlso are
	// further ones.
	TargetSlackID string   `json:"target_slack_id,omitempty"`
	TargetAlso    []string `json:"target_also,omitempty"`
	// TargetLeft is the Slack account that was named, if it is deactivated. The bot
	// tells it nothing, and it gives nobody a right.
	TargetLeft string `json:"target_left,omitempty"`
	// TargetFound: Slack has said which accounts are the target's. Until then nobody
	// decides, because an approver may be the target.
	TargetFound bool `json:"target_found,omitempty"`
	// OtherRules: it is due, but the process that last looked at it has other rules
	// than those in force and left it to others.
	OtherRules bool `json:"other_rules,omitempty"`
	// AskersAlso are further Slack accounts of the askers, known where the policy keeps
	// askers from approving their own requests.
	AskersAlso []string `json:"askers_also,omitempty"`
	// RevokedBefore is when this bot last had the same account's sessions
	// revoked; zero if never.
	RevokedBefore time.Time `json:"revoked_before,omitzero"`

	// Privileged and Protected are what the card said about the target: whether it
	// holds a privileged role, and whether a protection of the policy applies to it.
	Privileged graph.Fact `json:"privileged,omitempty"`
	Protected  bool       `json:"protected,omitempty"`
	// SignedIn is the target's last sign-in, as known when the card was made.
	// SignInsRead says that this could be read; zero then means no sign-in on record
	// since April 2020.
	SignedIn    time.Time `json:"signed_in,omitzero"`
	SignInsRead bool      `json:"sign_ins_read,omitempty"`
	// TargetIn are the policy's groups that the target was in, or may have been.
	TargetIn []string `json:"target_in,omitempty"`
	// Need is how many approvals the card asks for; 0 if the reporter's own Confirm is
	// enough.
	Need int `json:"need"`
	// Digest is a SHA-256 of what a confirmation is bound to: see CardDigest.
	Digest string `json:"digest"`
	// Coverage says who could decide when the request was made.
	Coverage Coverage `json:"coverage"`
	// Replaces and ReplacedBy link a void request and its fresh preview.
	Replaces   string `json:"replaces,omitempty"`
	ReplacedBy string `json:"replaced_by,omitempty"`
	// Changed names what made the request void.
	Changed []Difference `json:"changed,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when the wait for a decision ends, before Paused is added: see
	// Deadline.
	ExpiresAt time.Time `json:"expires_at"`
	// Executes: when its time is up, it is carried out instead of expiring.
	Executes bool `json:"executes,omitempty"`
	// NotExecuted is why the policy did not have it carried out then.
	NotExecuted authz.Reason `json:"not_executed,omitempty"`
	// Paused is how long freezes have stopped the clocks of the request. The store
	// counts it.
	Paused time.Duration `json:"-"`
	// Reminded counts reminders; Escalated says that somebody was called.
	Reminded   int       `json:"reminded,omitempty"`
	RemindedAt time.Time `json:"reminded_at,omitzero"`
	Escalated  bool      `json:"escalated,omitempty"`
	// CancelAskedAt is when the target's own account asked to cancel a self report.
	CancelAskedAt time.Time `json:"cancel_asked_at,omitzero"`

	// DenyAsked are the approvers who pressed Deny without a form for the reason having
	// opened, as far as is known. Their next press opens no form.
	DenyAsked []Verdict `json:"deny_asked,omitempty"`

	// CheckedAt is when the facts behind the decision in force were last looked up and
	// still held, under the policy with the digest CheckedBy.
	CheckedAt time.Time `json:"checked_at,omitzero"`
	CheckedBy string    `json:"checked_by,omitempty"`
	// Unasked names the service that does not answer a look-up needed before the call;
	// an approved request waits for it.
	Unasked string `json:"unasked,omitempty"`
	// Reopened are the decisions that no longer held when they were to be carried out.
	Reopened []Reopening `json:"reopened,omitempty"`
	// AskedAgainAt is when people were last asked again, before Paused is added; zero
	// if they were not.
	AskedAgainAt time.Time `json:"asked_again_at,omitzero"`
	// Withheld is why the decision in force leads to no second call.
	Withheld authz.Reason `json:"withheld,omitempty"`

	// PassedOver are the rules of the policy that somebody at the command line
	// overrode.
	PassedOver []authz.Reason `json:"passed_over,omitempty"`

	// Approvals are those given for the decision that is being made. Lapsed are those
	// that no longer counted when it was made.
	Approvals []Verdict `json:"approvals,omitempty"`
	Lapsed    []Verdict `json:"lapsed,omitempty"`
	// Decisions holds every decision, each "Try again" included; the last one is in
	// force.
	Decisions []Verdict `json:"decisions,omitempty"`
	// Attempts holds every call that was begun, oldest first.
	Attempts Attempts `json:"attempts,omitempty"`
	// Before are the stamps as last read before the first POST that may have
	// moved them, After as last read since.
	Before graph.Stamps `json:"before,omitzero"`
	After  graph.Stamps `json:"after,omitzero"`
	// AcceptedAt is when Microsoft's yes arrived, or, after an unknown outcome, when
	// the moved stamp was read.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	// Seen: Microsoft never said yes to us, but the stamp has moved.
	Seen bool `json:"seen,omitempty"`
	// Unread: the last attempt to read the stamps failed.
	Unread bool `json:"unread,omitempty"`
	// Reads counts the reads of the stamps in the current state.
	Reads int `json:"reads,omitempty"`
	// UnmovedAt is when people were told that the account does not show the revoke that
	// Microsoft accepted, and UnreadAt that it could not be read since. Each is told
	// once; zero if it was not.
	UnmovedAt time.Time `json:"unmoved_at,omitzero"`
	UnreadAt  time.Time `json:"unread_at,omitzero"`
	// EndedAt is when the request was denied, cancelled or expired.
	EndedAt time.Time `json:"ended_at,omitzero"`

	// Line is where an approved request was in the queue when it last asked for its
	// turn; nil if it did not have to wait.
	Line *Line `json:"line,omitempty"`

	// Words are names and typed text. They are stored apart, so that they can be erased
	// while the rest stays.
	Words Words `json:"-"`

	// DueAt is when the request next needs attention; zero if it needs none.
	DueAt time.Time `json:"-"`

	// StalledAt is when the bot noted that it cannot advance this version of the
	// request; zero if it can.
	StalledAt time.Time `json:"-"`
}

// Source is a message in Slack on which somebody ran the shortcut that led to their ask. Its
// text is not stored.
type Source struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Thread  string `json:"thread,omitempty"`
	// Public: at the time of the ask, every member of the workspace could open it.
	Public bool `json:"public,omitempty"`
}

// Words are all typed text in a request, and the names of its target.
type Words struct {
	Reason      string `json:"reason,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	UPN         string `json:"upn,omitempty"`
	// Denied is why an approver denied it.
	Denied string `json:"denied,omitempty"`
	// Override is why the policy was overridden.
	Override string `json:"override,omitempty"`
	// Also are the reasons of those who joined, by Slack ID.
	Also map[string]string `json:"also,omitempty"`
	// Sources are the messages on which askers ran a shortcut, by Slack ID.
	Sources map[string]Source `json:"sources,omitempty"`
}

// AddSource keeps the first message of an asker.
func (w *Words) AddSource(slackID string, s Source) {
	if _, known := w.Sources[slackID]; known || s.TS == "" {
		return
	}
	sources := maps.Clone(w.Sources)
	if sources == nil {
		sources = map[string]Source{}
	}
	sources[slackID], w.Sources = s, sources
}

// Add keeps the reason of somebody who joins, after the reasons that they gave before.
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

// Verdict is one decision, or one approval towards it.
type Verdict struct {
	Kind authz.Action `json:"kind"` // confirm, deny, cancel, retry or timeout
	// SlackID and EntraID are empty for a timeout, which the policy decides.
	SlackID string    `json:"slack_id,omitempty"`
	EntraID string    `json:"entra_id,omitempty"`
	At      time.Time `json:"at"`
	// Others are the approvals before it that the decision took, oldest first.
	Others []Verdict `json:"others,omitempty"`
	// Why says why a lapsed approval no longer counts.
	Why authz.Reason `json:"why,omitempty"`
}

// Attempt is one call to Graph. It is stored before the call leaves.
type Attempt struct {
	// Decision is how many decisions there were when it began.
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
	// Operation is what this attempt called last. Also is what was refused before that.
	Operation graph.Operation `json:"operation,omitempty"`
	Also      *graph.Refusal  `json:"also,omitempty"`
	// Unclear: people were told that the outcome was not known.
	Unclear bool `json:"unclear,omitempty"`
	// Wait is how long to wait before the next call. Asked says that Microsoft named
	// that time.
	Wait  time.Duration `json:"wait,omitempty"`
	Asked bool          `json:"asked,omitempty"`
}

// Line is a place in the queue of confirmed requests that wait because Microsoft has
// asked to.
type Line struct {
	// At is when it was at that place, behind Ahead others.
	At    time.Time `json:"at"`
	Ahead int       `json:"ahead,omitempty"`
}

// Reopening is one decision that was taken back.
type Reopening struct {
	At time.Time `json:"at"`
	// Decision is how many decisions there were.
	Decision int          `json:"decision"`
	Why      authz.Reason `json:"why"`
	// Undecided: the policy had made it, not a person.
	Undecided bool `json:"undecided,omitempty"`
	// Lapsed are the approvals that no longer count.
	Lapsed []Verdict `json:"lapsed,omitempty"`
	// Kept is how many approvals still count.
	Kept int `json:"kept,omitempty"`
}

// idLetters leaves out characters that are misread or misheard:
// 0 O 1 I L 8 B 5 S 2 Z U V.
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

// Name is the target's name for people.
func (r *Request) Name() string {
	switch {
	case r.Words.DisplayName != "":
		return r.Words.DisplayName
	case r.Words.UPN != "":
		return r.Words.UPN
	}
	return "this account"
}

// OperatorPrefix begins the name of an operator in fields that otherwise hold a Slack
// ID.
const OperatorPrefix = "os:"

// AtConsole reports that the request was made at a command line.
func (r *Request) AtConsole() bool {
	return len(r.Askers) > 0 && strings.HasPrefix(r.Askers[0].SlackID, OperatorPrefix)
}

// PassesOver reports whether somebody at the command line overrode the rule.
func (r *Request) PassesOver(rule authz.Reason) bool { return slices.Contains(r.PassedOver, rule) }

// Verdict is the decision in force, or nil.
func (r *Request) Verdict() *Verdict {
	if len(r.Decisions) == 0 {
		return nil
	}
	return &r.Decisions[len(r.Decisions)-1]
}

// Over reports whether the request has an outcome that the askers must be told: it has
// ended, not by the only asker, and no successor continues it.
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
