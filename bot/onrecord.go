package bot

import (
	"context"
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

// NotOnRecord: the audit chain does not show what the stored request says.
const NotOnRecord authz.Reason = "not_on_record"

// TimeUnclear: by the audit chain the time of a report that nobody decided is not
// up yet, though by the stored request it is.
const TimeUnclear authz.Reason = "time_unclear"

// What the chain may not show of a stored request, as the log and the row name it.
const (
	noAsk       = "the request itself"
	notOpen     = "that it is still open"
	noCalls     = "the calls that were made"
	noTarget    = "this account"
	noLane      = "this lane"
	noDrill     = "whether it is a drill"
	noDigest    = "what the card showed"
	noNeed      = "how many approvals it needs"
	noOperation = "this operation"
	noAskers    = "these askers"
	noApprovals = "these approvals"
	noTimeout   = "that its time was up"
	noAgreement = "when its time is up"
)

// proof is what the rows of one request say of it.
type proof struct {
	ask     *Row // requested or previewed_again
	askers  []authz.Asker
	gave    []Row // the approvals of the decision that is being made
	decided []Row // those of the decision in force; the last one made it
	waits   bool  // people were asked after the policy would not carry it out
	denying bool  // an approver pressed Deny, of this request or one that it replaces
	calls   int   // those that the decision in force has begun
	ended   bool  // a row ends it for good, or Microsoft has said yes
}

// maxPreviews bounds how many void requests are gone back to for who asked.
const maxPreviews = 16

// onRecord reads what the chain shows of a request, and compares what a
// decision is bound to, and the approvals that are given so far.
func (b *Bot) onRecord(ctx context.Context, r *Request) (rec proof, missing string, err error) {
	rows, err := b.store.OnRecord(ctx, r.ID)
	if err != nil {
		return rec, "", err
	}
	rec = proofOf(rows)
	lane, askers, err := b.origin(ctx, r, &rec)
	if err != nil {
		return rec, "", err
	}
	switch ask := rec.ask; {
	case ask == nil:
		missing = noAsk
	case rec.ended:
		missing = notOpen
	case ask.TargetID != r.Target.ID:
		missing = noTarget
	case lane != r.Lane:
		missing = noLane
	case ask.Drill != r.Drill:
		missing = noDrill
	case ask.Digest != r.Digest:
		missing = noDigest
	case r.Need < ask.Need:
		missing = noNeed
	case ask.Operation != "" && ask.Operation != string(r.Operation):
		missing = noOperation
	case !sameAskers(askers, r.Askers):
		missing = noAskers
	case !given(rec.gave, r.Approvals, r.Digest):
		missing = noApprovals
	}
	return rec, missing, nil
}

// proofOf goes through the rows in their order.
func proofOf(rows []Row) (rec proof) {
	for _, row := range rows {
		switch row.Action {
		case "requested", "previewed_again":
			if rec.ask == nil {
				rec.ask = &row
			}
			if row.Action == "requested" {
				rec.askers = append(rec.askers, authz.Asker{SlackID: row.Actor, EntraID: row.ActorEntraID})
			}
		case "joined":
			rec.askers = append(rec.askers, authz.Asker{SlackID: row.Actor, EntraID: row.ActorEntraID})
		case "approval":
			rec.gave = append(rec.gave, row)
		case "approval_lapsed":
			gone := func(r Row) bool { return r.Actor == strings.TrimPrefix(row.Origin, lapsedOrigin) }
			rec.gave, rec.decided = slices.DeleteFunc(rec.gave, gone), slices.DeleteFunc(rec.decided, gone)
		case string(Approved):
			if slices.Contains([]string{botActor, consoleActor, "clock"}, row.Actor) {
				continue // the same decision goes on
			}
			rec.decided, rec.gave, rec.calls = append(rec.gave, row), nil, 0
		case string(Executing):
			rec.calls++
		case string(Failed):
			rec.decided = nil // "Try again" is a decision of its own
		case string(Denied), string(Cancelled), string(Expired), string(Void), string(Lost),
			string(Revoked), string(Drilled), string(Verified), string(NotVisibleYet), string(Unreachable):
			rec.ended = true
		case "reopened":
			rec.gave, rec.decided, rec.waits = slices.DeleteFunc(rec.decided, func(r Row) bool { return r.Actor == "policy" }), nil, true
		case "not_executed":
			rec.waits = true
		case "deny_pressed", "deny_asked":
			rec.denying = true
		}
	}
	return rec
}

// origin is the lane of the ask, and everybody who asked, and notes in rec whether
// somebody wanted to deny it: of a preview that was
// made again, as the void request's rows say, which end where its own begin.
func (b *Bot) origin(ctx context.Context, r *Request, rec *proof) (lane authz.Lane, askers []authz.Asker, err error) {
	first, askers, before := rec.ask, rec.askers, r.Replaces
	for range maxPreviews {
		switch {
		case first == nil:
			return "", askers, nil
		case first.Action == "requested":
			return authz.LaneOf(first.ActorEntraID, first.TargetID), askers, nil
		}
		rows, err := b.store.OnRecord(ctx, before)
		if err != nil {
			return "", nil, err
		}
		last := slices.IndexFunc(rows, func(row Row) bool { return row.Action == string(Void) && row.Seq == first.Seq-1 })
		if last < 0 || rows[last].TargetID != first.TargetID {
			return "", askers, nil
		}
		earlier := proofOf(rows)
		askers, rec.denying = append(earlier.askers, askers...), rec.denying || earlier.denying
		if first = earlier.ask; first == nil || first.Action == "requested" {
			continue
		}
		void, err := b.store.Request(ctx, before)
		if err != nil {
			return "", nil, err
		}
		before = void.Replaces
	}
	return "", askers, nil
}

// sameAskers reports whether both hold the same people.
func sameAskers(recorded, stored []authz.Asker) bool {
	within := func(all []authz.Asker) func(authz.Asker) bool {
		return func(a authz.Asker) bool { return !slices.Contains(all, a) }
	}
	return !slices.ContainsFunc(stored, within(recorded)) && !slices.ContainsFunc(recorded, within(stored))
}

// given reports whether the rows show just these approvals, each of what the
// card showed.
func given(rows []Row, stored []Verdict, digest string) bool {
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

// decision says what the chain does not show of the decision in force, or "". A
// call that the row does not have could be made once more.
func (rec proof) decision(r *Request) string {
	v := r.verdict()
	if v == nil || len(rec.decided) == 0 {
		return noApprovals
	}
	if made, _ := r.tries(); made != rec.calls {
		return noCalls
	}
	givers := r.givers()
	if v.Kind == authz.TimeOut {
		last := rec.decided[len(rec.decided)-1]
		if last.Actor != "policy" || last.Digest != r.Digest || !given(rec.decided[:len(rec.decided)-1], givers, r.Digest) {
			return noTimeout
		}
		return ""
	}
	if r.AtConsole() {
		givers = []Verdict{*v}
	}
	if len(givers) < r.Need || !given(rec.decided, givers, r.Digest) {
		return noApprovals
	}
	return ""
}

// timeUp says whether the chain shows that the time of a report is up by now, for
// it to be carried out by itself. A clock that was set back moves what is stored and
// not the chain, so that a difference need not be anybody's doing. A row that names
// no time, as those of earlier versions, shows none.
func (rec proof) timeUp(now time.Time) bool {
	until, err := time.Parse(time.RFC3339, rec.ask.Until)
	return err == nil && !now.Before(until)
}

// decidedAt is when the decision in force was recorded; zero if it was not.
func (rec proof) decidedAt() time.Time {
	if len(rec.decided) == 0 {
		return time.Time{}
	}
	return rec.decided[len(rec.decided)-1].At
}

// refuseUnrecorded answers whoever confirmed a request that is not on record as
// it is stored: one that waits ends by that.
func (b *Bot) refuseUnrecorded(ctx context.Context, a Arrival, r Request, missing string, e Entry) error {
	if r.State == Pending {
		stored, err := b.stopUnrecorded(ctx, r, missing, Change{Settles: a.ID}, a.row(e))
		if err == nil {
			b.answer(ctx, a, VoidNow(&stored))
		}
		return err
	}
	b.reportUnrecorded(&r, missing)
	e.Code = missing
	return b.refuseFor(ctx, a, e, NotOnRecord, &r)
}

func (b *Bot) reportUnrecorded(r *Request, missing string) {
	b.log.Error("the audit chain does not show what the stored request says, so nothing is called: somebody may have changed the database",
		"request", r.ID, "state", r.State, "missing", missing)
}

// stopUnrecorded ends a request that is not on record as it is stored, for good:
// a fresh preview would be made of what somebody may have changed.
func (b *Bot) stopUnrecorded(ctx context.Context, r Request, missing string, c Change, e Entry) (Request, error) {
	b.reportUnrecorded(&r, missing)
	r.to(Void)
	r.EndedAt, r.DueAt, r.Line, r.Changed = b.now().UTC(), time.Time{}, nil, []Difference{Unrecorded}
	e.Action, e.Reason, e.Digest, e.Changed, e.Code = string(Void), string(NotOnRecord), r.Digest, string(Unrecorded), missing
	c.Request, c.Audit = r, []Entry{e}
	return b.commit(ctx, c)
}
