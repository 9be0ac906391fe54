package bot

import (
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// A request's row says who approved what, and so does the audit chain. Before
// anything is called the two are compared, so that a changed row alone revokes
// nobody: whoever changes it would have to write rows of the chain, too. An anchor
// that was kept elsewhere tells where rows before it were changed. It does not tell
// of rows that were forged after it, at the chain's end and with audit_head: those
// see whoever holds the chain against the rows and outcomes that the log names.

// What the chain may not show of a stored request, as the log and the row name it.
const (
	NoAsk       = "the request itself"
	NotOpen     = "that it is still open"
	noCalls     = "the calls that were made"
	NoTarget    = "this account"
	NoLane      = "this lane"
	NoDrill     = "whether it is a drill"
	NoDigest    = "what the card showed"
	NoNeed      = "how many approvals it needs"
	NoOperation = "this operation"
	NoAskers    = "these askers"
	NoApprovals = "these approvals"
	NoTimeout   = "that its time was up"
	NoAgreement = "when its time is up"
)

// Proof is what the rows of one request say of it.
type Proof struct {
	Ask     *Row // requested or previewed_again
	Askers  []authz.Asker
	Gave    []Row // the approvals of the decision that is being made
	decided []Row // those of the decision in force; the last one made it
	Waits   bool  // people were asked after the policy would not carry it out
	Denying bool  // an approver pressed Deny, of this request or one that it replaces
	calls   int   // those that the decision in force has begun
	Ended   bool  // a row ends it for good, or Microsoft has said yes
}

// ProofOf goes through the rows in their order.
func ProofOf(rows []Row) (rec Proof) {
	for _, row := range rows {
		switch row.Action {
		case ActRequested, ActPreviewedAgain:
			if rec.Ask == nil {
				rec.Ask = &row
			}
			if row.Action == ActRequested {
				rec.Askers = append(rec.Askers, authz.Asker{SlackID: row.Actor, EntraID: row.ActorEntraID})
			}
		case ActJoined:
			rec.Askers = append(rec.Askers, authz.Asker{SlackID: row.Actor, EntraID: row.ActorEntraID})
		case ActApproval:
			rec.Gave = append(rec.Gave, row)
		case ActApprovalLapsed:
			gone := func(r Row) bool { return r.Actor == strings.TrimPrefix(row.Origin, LapsedOrigin) }
			rec.Gave, rec.decided = slices.DeleteFunc(rec.Gave, gone), slices.DeleteFunc(rec.decided, gone)
		case string(Approved):
			if slices.Contains([]string{BotActor, ConsoleActor, ClockActor}, row.Actor) {
				continue // the same decision goes on
			}
			rec.decided, rec.Gave, rec.calls = append(rec.Gave, row), nil, 0
		case string(Executing):
			rec.calls++
		case string(Failed):
			rec.decided = nil // "Try again" is a decision of its own
		case string(Denied), string(Cancelled), string(Expired), string(Void), string(Lost),
			string(Revoked), string(Drilled), string(Verified), string(NotVisibleYet), string(Unreachable):
			rec.Ended = true
		case ActReopened:
			rec.Gave, rec.decided, rec.Waits = slices.DeleteFunc(rec.decided, func(r Row) bool { return r.Actor == PolicyActor }), nil, true
		case ActNotExecuted:
			rec.Waits = true
		case ActDenyPressed, ActDenyAsked:
			rec.Denying = true
		}
	}
	return rec
}

// SameAskers reports whether both hold the same people.
func SameAskers(recorded, stored []authz.Asker) bool {
	within := func(all []authz.Asker) func(authz.Asker) bool {
		return func(a authz.Asker) bool { return !slices.Contains(all, a) }
	}
	return !slices.ContainsFunc(stored, within(recorded)) && !slices.ContainsFunc(recorded, within(stored))
}

// SameApprovals reports whether the rows show just these approvals, each of what the
// card showed.
func SameApprovals(rows []Row, stored []Verdict, digest string) bool {
	if len(rows) != len(stored) {
		return false
	}
	for _, v := range stored {
		if !slices.ContainsFunc(rows, func(row Row) bool {
			return row.Actor == v.SlackID && row.ActorEntraID == v.EntraID && row.Digest == digest
		}) {
			return false
		}
	}
	return true
}

// Decision says what the chain does not show of the decision in force, or "". A
// call that the row does not have could be made once more.
func (rec Proof) Decision(r *Request) string {
	v := r.Verdict()
	if v == nil || len(rec.decided) == 0 {
		return NoApprovals
	}
	if made, _ := r.Calls().Tries(); made != rec.calls {
		return noCalls
	}
	givers := r.Givers()
	if v.Kind == authz.TimeOut {
		last := rec.decided[len(rec.decided)-1]
		if last.Actor != PolicyActor || last.Digest != r.Digest || !SameApprovals(rec.decided[:len(rec.decided)-1], givers, r.Digest) {
			return NoTimeout
		}
		return ""
	}
	if r.AtConsole() {
		givers = []Verdict{*v}
	}
	if len(givers) < r.Need || !SameApprovals(rec.decided, givers, r.Digest) {
		return NoApprovals
	}
	return ""
}

// TimeUp says whether the chain shows that the time of a report is up by now, for
// it to be carried out by itself. A clock that was set back moves what is stored and
// not the chain, so that a difference need not be anybody's doing. A row that names
// no time, as those of earlier versions, shows none.
func (rec Proof) TimeUp(now time.Time) bool {
	until, err := time.Parse(time.RFC3339, rec.Ask.Until)
	return err == nil && !now.Before(until)
}

// DecidedAt is when the decision in force was recorded; zero if it was not.
func (rec Proof) DecidedAt() time.Time {
	if len(rec.decided) == 0 {
		return time.Time{}
	}
	return rec.decided[len(rec.decided)-1].At
}
