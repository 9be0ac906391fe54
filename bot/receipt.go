package bot

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Receipt is the asker's own copy, a direct message. It holds what they typed
// and what happens next, and no fact about the account: in the self lane a
// thief may be reading it.
func Receipt(r *Request, v View, slackID string) Message {
	p := &page{}
	l := r.begin()
	what := "report"
	if r.Lane == authz.ThirdParty {
		what = "request"
	}
	switch {
	case r.State == Pending && v.CardLink == "":
		p.add(l.bold("Your %s is stored (%s), but I could not post it to the approvers' channel yet.", what, r.ID).
			say(" I keep trying. Tell an approver yourself: ").deciders(r, v).say("."))
	case r.State == Pending:
		p.add(l.bold("Your %s is with ", what).deciders(r, v).bold(" (%s).", r.ID).say(" You will read here what they decide."))
	case r.State == Denied, r.State == Cancelled, r.State == Expired:
		p.add(ending(r, l).say(" (%s)", r.ID))
	case r.State == Approved, r.State == Executing:
		p.add(outcomeHeadline(r, l, v).say(" (%s)", r.ID))
	default:
		p.add(receiptOutcome(r, l, v).say(" (%s)", r.ID))
	}
	if r.Lane == authz.ThirdParty {
		p.add((&line{}).say("About: ").typed(r.name()))
	}
	wrote := []string{r.Words.Also[slackID]}
	if slackID == r.requester().SlackID {
		wrote = []string{r.Words.Reason, r.Words.Also[slackID]}
	}
	if words := strings.Join(slices.DeleteFunc(wrote, func(s string) bool { return s == "" }), " · "); words != "" {
		p.add((&line{}).say("You wrote: ").typed(words))
	}
	if r.Lane == authz.Self && !r.Drill && r.State == Pending {
		p.add((&line{}).say("If someone else may hold your phone, do not rely on Slack on it: from a computer, sign it out in Slack's settings."))
	}
	if r.State == Pending && !r.CancelAskedAt.IsZero() {
		p.add((&line{}).say("This account asked to cancel (").when(r.CancelAskedAt).say("). An approver decides that; they will phone first."))
	}
	if r.State == Pending || r.State == Failed || r.State == Unknown || r.State == Expired || r.State == Denied {
		if v.Emergency != "" {
			p.add((&line{}).say("Nobody answers? ").typed(v.Emergency))
		}
	}
	if r.cancellable() {
		p.buttons(button(ActionCancel, "Cancel request", r.ID, slack.StyleDefault))
	}
	return p.message()
}

func receiptOutcome(r *Request, l *line, v View) *line {
	switch r.State {
	case Failed:
		return failure(r, l).say(" The approvers see this too.")
	case Unknown:
		return unclear(r, l, v)
	case Drilled:
		return l.bold("Rehearsed. Nothing was changed.")
	}
	if r.Target.Guest == graph.Yes {
		return l.bold("Microsoft Entra accepted the request, but this is a guest account: sessions at the home organisation go on.")
	}
	if r.Lane == authz.Self {
		l.bold("Your sessions are revoked.")
	} else {
		l.boldTyped(r.name()).bold("'s sessions are revoked.")
	}
	if r.Seen {
		return l.say(" The account shows it since ").whenExactly(r.AcceptedAt).say(".")
	}
	return l.say(" Entra accepted: ").whenExactly(r.AcceptedAt).say(".")
}

// OutcomeNote is the direct message that tells an asker the outcome: the
// receipt changes too, but an edit rings no bell.
func OutcomeNote(r *Request, v View) Message {
	p := &page{}
	l := r.begin()
	switch {
	case r.State.Undone():
		p.add(ending(r, l).say(" (%s)", r.ID))
	case r.State.Accepted() && r.Lane == authz.Self && r.Target.Guest != graph.Yes:
		p.add(l.bold("Your sessions were revoked, as you asked").say(" (%s, approved by ", r.ID).person(r.verdict().SlackID).
			say("). You will be asked to sign in again. Slack on the lost device stays signed in until you sign it out in Slack's settings."))
	default:
		p.add(receiptOutcome(r, l, v).say(" (%s)", r.ID))
	}
	if (r.State == Failed || r.State == Unknown || r.State == Expired || r.State == Denied) && v.Emergency != "" {
		p.add((&line{}).say("If it cannot wait: ").typed(v.Emergency))
	}
	return p.message()
}

// TargetNote tells the target of a third-party request that it happened:
// never who asked, who approved or why.
func TargetNote(r *Request) Message {
	p := &page{}
	if r.Drill {
		p.add(r.begin().say("Your security team rehearsed ending your sessions (%s). Nothing was changed; you stay signed in.", r.ID))
		return p.message()
	}
	p.add(r.begin().say("Your security team ended your sessions (%s). You will be asked to sign in again. If you did not expect this, speak to your security team in person or by phone.", r.ID))
	return p.message()
}
