package message

import (
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// lapseWords say why a person's approval no longer counts.
var lapseWords = map[authz.Reason]string{
	authz.NotApprover:           "no longer an approver",
	authz.AccountBlocked:        "their own Entra account is blocked from signing in",
	authz.TargetMayNotDecide:    "it is about their own account",
	authz.RequesterMayNotDecide: "they asked for it",
	authz.AlreadyApproved:       "the same person as another approver",
	authz.NotAMember:            "their Slack account is deactivated",
	authz.Guest:                 "a guest in Slack now",
	authz.OutsideWorkspace:      "no longer in this workspace",
}

// whyTakenBack says why a decision no longer holds, as sentences.
func whyTakenBack(r *bot.Request, x *bot.Reopening, patience time.Duration) *line {
	l := &line{}
	switch {
	case x.Why == bot.TargetChanged:
		return l.say("Something changed since the approval: %s.", inWords(r.Changed))
	case x.Why == bot.TooOld && x.Undecided:
		return l.say("Nobody decided in time, and then the request waited for more than %s.", Spell(patience))
	case x.Undecided:
		return l.say("Nobody decided in time, but ").join(whyNot(x.Why)).say(".")
	case x.Why == bot.TooOld:
		return l.say("The request waited for more than %s, so ", Spell(patience)).approvalsOf(x.Lapsed).say(" %s.", noLongerCount(len(x.Lapsed)))
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

// approvalsOf mentions the people who gave these approvals.
func (l *line) approvalsOf(all []bot.Verdict) *line {
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

// unrevoked says that a reopened request has done nothing.
func unrevoked(r *bot.Request) string {
	if r.Drill {
		return "Nothing was read."
	}
	return "Nothing was revoked."
}

// reopenedLine says on the card of an open request that its decision no longer holds.
func reopenedLine(r *bot.Request, v View) *line {
	x := reopening(r)
	if x == nil || r.State != bot.Pending {
		return &line{}
	}
	return (&line{}).say("⚠ ").bold("Please decide again.").say(" ").join(whyTakenBack(r, x, v.Patience)).say(" %s", unrevoked(r))
}

// reopenedNote asks in the card's thread for a new decision.
func reopenedNote(r *bot.Request, n int, v View) bot.Message {
	p := &page{}
	x := &r.Reopened[n]
	p.add(mark(r).about(r).bold("please decide again.").say(" ").
		join(whyTakenBack(r, x, v.Patience)).say(" %s", unrevoked(r)))
	l := &line{}
	if x.Kept > 0 {
		l.say("It still has %d of %d approvals. ", x.Kept, r.Need)
	}
	p.add(callDeciders(l, v, ": please decide on the card."))
	p.add(emergencyFor(r, v))
	return p.message()
}

// reopenedReceipt tells a requester that their request waits again. It says nothing
// about the approvers.
func reopenedReceipt(r *bot.Request, n int, v View) bot.Message {
	p := &page{}
	l := mark(r)
	if r.Lane == authz.Self {
		l.bold("Your report waits for a decision again (%s).", r.ID)
	} else {
		l.about(r).bold("your request waits for a decision again (%s).", r.ID)
	}
	switch x := r.Reopened[n]; {
	case x.Undecided:
		l.say(" It was not carried out automatically.")
	case x.Why == bot.TooOld:
		l.say(" It was approved, and then it waited for more than %s.", Spell(v.Patience))
	default:
		l.say(" It was approved, but an approval no longer counts.")
	}
	p.add(l.say(" %s I'm asking the approvers again.", unrevoked(r)))
	p.add(emergencyFor(r, v))
	return p.message()
}

// reopening is how the decision in force was taken back; nil if it was not.
func reopening(r *bot.Request) *bot.Reopening {
	if n := len(r.Reopened); n > 0 && r.Reopened[n-1].Decision == len(r.Decisions) {
		return &r.Reopened[n-1]
	}
	return nil
}
