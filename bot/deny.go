package bot

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
)

// An approver who wants to deny something presses Deny, and gives a reason in a
// form. Slack may not open the form, or never bring what was submitted. The wish is
// on record all the same, and nothing is carried out by itself over it. It has less
// effect than the Deny that the same approver may give: others can still decide.

// DenyAsked: an approver has pressed Deny, and not finished.
const DenyAsked authz.Reason = "deny_asked"

// readsDenyAsked reports whether somebody could read, before they pressed, that
// this press denies without a reason.
func (r *Request) readsDenyAsked(a Arrival, entraID string) bool {
	return slices.ContainsFunc(r.DenyAsked, func(v Verdict) bool {
		return v.SlackID == a.UserID && v.EntraID == entraID && v.At.Before(a.ReceivedAt)
	})
}

// askedToDeny keeps that an approver pressed Deny and no form opened, tells them
// what to do, and has nothing carried out by itself.
func (b *Bot) askedToDeny(ctx context.Context, a Arrival, r Request, e Entry, failed error) error {
	if !r.TargetFound {
		// It may be the target who pressed it.
		now, err := b.lookUp(ctx, a, &r, authz.Deny)
		if err != nil {
			return b.refuseLookup(ctx, a, e, err, &r)
		}
		if d := b.check(authz.Deny, now.who.actor, now.matter); !d.Allowed {
			return b.refuseUnsure(ctx, a, e, d.Reason, &r, now.who)
		}
	}
	for {
		if reason, err := b.closed(ctx, &r, authz.Deny); reason != "" || err != nil {
			if err != nil {
				return err
			}
			return b.refuseFor(ctx, a, e, reason, &r)
		}
		row := a.row(e)
		row.Action, row.Wanted = "deny_asked", ""
		holds := r.State == Pending && r.Executes
		if holds {
			row.Reason = string(DenyAsked)
		}
		r.asksToDeny(Verdict{Kind: authz.Deny, SlackID: a.UserID, EntraID: e.ActorEntraID, At: b.now().UTC()})
		if r.State == Pending {
			b.leaveToApprovers(&r)
			r.DueAt = b.attention(&r)
		}
		_, err := b.commit(ctx, Change{Request: r, Audit: []Entry{row}, Settles: a.ID})
		if err == nil {
			b.answer(ctx, a, notOpened(&r, holds, unsureOpened(failed)))
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// asksToDeny adds a wish, once for each person.
func (r *Request) asksToDeny(v Verdict) {
	if !slices.ContainsFunc(r.DenyAsked, func(w Verdict) bool { return w.SlackID == v.SlackID && w.EntraID == v.EntraID }) {
		r.DenyAsked = append(slices.Clone(r.DenyAsked), v)
	}
}

// leaveToApprovers has a report that somebody wants to deny not carried out by
// itself: the approvers have as long as for any other.
func (b *Bot) leaveToApprovers(r *Request) {
	if len(r.DenyAsked) > 0 && r.Executes {
		r.Executes, r.NotExecuted, r.OtherRules = false, DenyAsked, false
		r.ExpiresAt = r.CreatedAt.Add(max(b.cfg.Policy.Expiry, r.ExpiresAt.Sub(r.CreatedAt)))
	}
}

// unsureOpened reports whether a form may have opened all the same: Slack gave no
// answer.
func unsureOpened(err error) bool {
	e, ok := errors.AsType[*SlackError](err)
	_, limited := tooOften(err)
	return ok && e.NoAnswer() && !limited
}

// notOpened answers whoever pressed Deny while no form opened.
// unsure says that it may have opened.
func notOpened(r *Request, holds, unsure bool) Message {
	p := &page{}
	l := r.begin()
	if unsure {
		l.say("I am not sure that the form for your reason opened. Nothing is denied yet. If you see the form, submit it. If you see none, press Deny again: ")
	} else {
		l.say("Slack did not open the form for your reason, so nothing is denied yet. Press Deny again: ")
	}
	l.bold("that denies %s at once, without a reason.", r.ID)
	if holds {
		l.say(" It is not carried out by itself any more: an approver must decide it.")
	}
	p.add(l)
	return p.message()
}

// denyAsked says on the card what the next press of Deny does, and whose.
func denyAsked(r *Request) *line {
	l := &line{}
	for i, v := range r.DenyAsked {
		if i > 0 {
			l.say(" ")
		}
		l.say("⚠ ").person(v.SlackID).say(" pressed Deny, and the form for the reason may not have opened. ")
		l.bold("Nothing is denied yet.").say(" If ").person(v.SlackID).say(" presses Deny again, that denies it at once, without a reason.")
	}
	return l
}
