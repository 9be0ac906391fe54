package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
)

// A decision that no longer holds when it is to be carried out is taken back: the
// request waits for people again, with those approvals that still count, and
// they are told whose do not, and why. A "Try again" goes back to what it was
// about to try again.

// NoLongerHolds: an approval that the decision took does not count any more.
const NoLongerHolds authz.Reason = "no_longer_holds"

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

// since is when people were last asked, but for Paused.
func (r *Request) since() time.Time {
	if r.AskedAgainAt.IsZero() {
		return r.CreatedAt
	}
	return r.AskedAgainAt
}

// askAgain begins the time that people have, and the reminders, once more.
func (b *Bot) askAgain(r *Request) {
	r.AskedAgainAt = b.now().UTC().Add(-r.Paused)
	r.ExpiresAt = r.AskedAgainAt.Add(b.cfg.Policy.Expiry)
	if wait, executes := b.cfg.Policy.Wait(r.matter()); !executes {
		r.ExpiresAt = r.AskedAgainAt.Add(wait)
	}
	r.Reminded, r.RemindedAt, r.Escalated = 0, time.Time{}, false
}

// takenBack is how the decision in force was taken back; nil if it was not.
func (r *Request) takenBack() *Reopening {
	if n := len(r.Reopened); n > 0 && r.Reopened[n-1].Decision == len(r.Decisions) {
		return &r.Reopened[n-1]
	}
	return nil
}

// reopen takes the decision in force back.
func (b *Bot) reopen(ctx context.Context, r Request, x examined) (Request, error) {
	v, was := r.verdict(), r
	r.to(Pending)
	if v.Kind == authz.Retry {
		r = was
		r.to(Failed)
	}
	r.Approvals, r.Line, r.Unasked, r.Changed = x.kept, nil, "", x.changed
	r.Reopened = append(slices.Clone(r.Reopened), Reopening{
		At: b.now().UTC(), Decision: len(r.Decisions), Why: x.why, Undecided: v.Kind == authz.TimeOut, Lapsed: x.lapsed, Kept: len(x.kept),
	})
	if r.State == Failed {
		r.DueAt = v.At.Add(retryWindow)
	} else {
		r.Executes = false // whoever had decided it is asked, or others are
		b.askAgain(&r)
		r.DueAt = b.attention(&r)
		r.Coverage.count(b.approvers.fresh(ctx).able(&r, b.check))
	}
	var rows []Entry
	for _, gone := range x.lapsed {
		e := r.entry(r.State, b.actor)
		e.Action, e.Origin, e.Reason = "approval_lapsed", lapsedOrigin+gone.SlackID, string(gone.Why)
		rows = append(rows, e)
	}
	e := r.entry(r.State, b.actor)
	e.Action, e.Reason, e.Have, e.Need, e.Digest, e.Changed = "reopened", string(x.why), len(x.kept), max(r.Need, 1), r.Digest, joinDifferences(x.changed)
	c := Change{Request: r, Audit: append(rows, e), Fenced: true, Under: b.under(&r), GivesBack: r.nothingDone()}
	for _, v := range x.kept {
		c.Kept = append(c.Kept, v.EntraID, v.SlackID)
	}
	again, err := b.commit(ctx, c)
	if errors.Is(err, ErrTaken) {
		return b.merge(ctx, was, []Difference{AskedElsewhere})
	}
	if err == nil {
		b.log.Warn("a decision does not hold any more; people are asked again", "request", r.ID, "reason", x.why, "lapsed", len(x.lapsed), "kept", len(x.kept))
	}
	return again, err
}

// merge ends a request whose decision does not hold any more where a newer one
// asks for the same: its askers wait for that one.
func (b *Bot) merge(ctx context.Context, r Request, changed []Difference) (Request, error) {
	other, waits, err := b.store.PendingFor(ctx, r.Target.ID, r.Lane, r.Drill)
	if err != nil {
		return r, err
	}
	if !waits {
		return r, ErrConflict // it has been decided in this moment: all is looked at again
	}
	var rows []Entry
	known := slices.Clone(other.Askers)
	for _, a := range r.Askers {
		if slices.Contains(known, a) {
			continue
		}
		other.Askers = append(slices.Clone(other.Askers), a)
		e := other.entry(Pending, a.SlackID)
		e.Action, e.ActorEntraID, e.Origin = "joined", a.EntraID, r.ID
		rows = append(rows, e)
	}
	if len(rows) > 0 {
		other.alsoKnows(&r)
		for i, a := range r.Askers {
			typed := r.Words.Also[a.SlackID]
			if i == 0 {
				typed = cmp.Or(typed, r.Words.Reason)
			}
			if typed != "" && !slices.Contains(known, a) {
				other.Words.add(a.SlackID, typed)
			}
		}
		other.Coverage.count(b.approvers.latest().able(&other, b.check))
		if _, err := b.commit(ctx, Change{Request: other, Audit: rows, Under: b.under(&r)}); err != nil {
			return r, err
		}
	}
	r.to(Void)
	r.EndedAt, r.DueAt, r.Line, r.Changed, r.ReplacedBy = b.now().UTC(), time.Time{}, nil, changed, other.ID
	e := r.entry(Void, b.actor)
	e.Digest, e.Changed = r.Digest, joinDifferences(changed)
	return b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Under: b.under(&r), GivesBack: r.nothingDone()})
}

// lapseWords say why an approval does not count any more, of its giver.
var lapseWords = map[authz.Reason]string{
	authz.NotApprover:           "no longer an approver",
	authz.AccountBlocked:        "their own Entra account may not sign in",
	authz.TargetMayNotDecide:    "it is about their own account",
	authz.RequesterMayNotDecide: "they asked for it",
	authz.AlreadyApproved:       "the same person as another approver",
	authz.NotAMember:            "their Slack account is deactivated",
	authz.Guest:                 "a guest in Slack now",
	authz.OutsideWorkspace:      "no longer in this workspace",
}

// whyTakenBack says why a decision does not hold any more, in sentences of its own.
func whyTakenBack(r *Request, x *Reopening, patience time.Duration) *line {
	l := &line{}
	switch {
	case x.Why == TargetChanged:
		return l.say("This changed since: %s.", inWords(r.Changed))
	case x.Why == TooOld && x.Undecided:
		return l.say("Nobody decided in time, and then it waited for more than %s.", spell(patience))
	case x.Undecided:
		return l.say("Nobody had decided in time, and ").join(whyNot(x.Why)).say(".")
	case x.Why == TooOld:
		return l.say("It waited for more than %s, so ", spell(patience)).approvalsOf(x.Lapsed).say(" %s.", noLongerCount(len(x.Lapsed)))
	default:
		for i, v := range x.Lapsed {
			if i > 0 {
				l.say(" ")
			}
			l.say("The approval of ").person(v.SlackID).say(" no longer counts")
			if why := lapseWords[v.Why]; why != "" {
				l.say(" (%s)", why)
			}
			l.say(".")
		}
		return l
	}
}

// approvalsOf mentions those whose approvals they were, one at a time.
func (l *line) approvalsOf(all []Verdict) *line {
	if len(all) == 1 {
		return l.say("the approval of ").person(all[0].SlackID)
	}
	l.say("the approvals of ")
	for i, v := range all {
		if i > 0 {
			l.say(" and ")
		}
		l.person(v.SlackID)
	}
	return l
}

func noLongerCount(n int) string {
	if n == 1 {
		return "no longer counts"
	}
	return "no longer count"
}

// unrevoked is what is true of a request that is asked about again.
func (r *Request) unrevoked() string {
	if r.Drill {
		return "Nothing was read."
	}
	return "Nothing was revoked."
}

// reopenedLine says on the card of a request that waits that a decision was
// taken back.
func reopenedLine(r *Request, v View) *line {
	x := r.takenBack()
	if x == nil || r.State != Pending {
		return &line{}
	}
	return (&line{}).say("⚠ ").bold("Please decide again.").say(" ").join(whyTakenBack(r, x, v.Patience)).say(" %s", r.unrevoked())
}

// ReopenedNote rings those who can decide again, in the card's thread.
func ReopenedNote(r *Request, n int, v View) Message {
	p := &page{}
	x := &r.Reopened[n]
	p.add(r.begin().boldTyped(r.name()).bold(": this needs a decision again.").say(" ").join(whyTakenBack(r, x, v.Patience)).say(" %s", r.unrevoked()))
	l := &line{}
	if x.Kept > 0 {
		l.say("It has %d of %s. ", x.Kept, countApprovals(r.Need))
	}
	p.add(calls(l, v, ": please decide on the card."))
	p.add(elsewhere(v))
	return p.message()
}

// ReopenedReceipt tells somebody who asked that their request waits again. It
// says nothing about an approver but that.
func ReopenedReceipt(r *Request, n int, v View) Message {
	p := &page{}
	l := r.begin().bold("Your request waits for a decision again (%s).", r.ID)
	switch x := r.Reopened[n]; {
	case x.Undecided:
		l.say(" It was not carried out by itself.")
	case x.Why == TooOld:
		l.say(" It was approved, but could not be carried out for more than %s.", spell(v.Patience))
	default:
		l.say(" It was approved, but an approval no longer counts.")
	}
	p.add(l.say(" %s I'm asking the approvers again.", r.unrevoked()))
	p.add(elsewhere(v))
	return p.message()
}

// reopenedKey is where the note on the nth decision that was taken back stands.
func reopenedKey(n int) string { return fmt.Sprintf("reopened:%d", n+1) }

// asked tells one time that people were asked from the next, for messages that
// ring once in each.
func (r *Request) asked(key string) string {
	if r.AskedAgainAt.IsZero() {
		return key
	}
	return fmt.Sprintf("%s:%d", key, r.AskedAgainAt.Unix())
}
