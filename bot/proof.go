package bot

import (
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// Both a request's row and the audit chain say who approved what. The bot compares them
// before it calls anything, so that a changed row alone revokes nobody: an attacker
// would have to write rows of the chain, too. An anchor that was kept elsewhere reveals
// changed rows before it. It does not reveal rows that were forged after it, at the end
// of the chain and with audit_head. To find those, compare the chain with the rows and
// outcomes that the log names.

// Parts of a stored request that the chain may not show, as the log and the row name
// them.
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

// Proof is what the audit rows of one request show.
type Proof struct {
	Ask     *Row // requested or previewed_again
	Askers  []authz.Asker
	Gave    []Row // the approvals of the decision that is being made
	decided []Row // the approvals of the decision in force; the last one made it
	Waits   bool  // people were asked because the policy did not carry it out
	Denying bool  // an approver pressed Deny on this request or on one that it replaces
	calls   int   // calls begun under the decision in force
	Ended   bool  // a row ends it for good or records a yes of Microsoft
}

// ProofOf reads the rows, which must be in the order of the chain.
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
				continue // the same decision continues
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

// SameApprovals reports whether the rows show exactly these approvals, each of a card
// with this digest.
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

// Decision says what the chain does not show of the decision in force, or "". It
// compares the calls, too: one that is missing in the stored request could be made a
// second time.
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

// TimeUp reports whether the chain, too, shows that the time of a report is up, so that
// it may be carried out automatically. The chain and the stored time may differ
// although nobody changed them: a clock that was set back moves only the stored time. A
// row without a time, as earlier versions wrote it, shows nothing.
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
