package message

import (
	"revoke-sessions/bot"
)

// What people are owed while the approvers' channel cannot be posted to goes
// by direct message: the approvers learn of a request that waits, whoever
// decided learns the outcome. Neither message decides anything; only the card
// does, and it follows as soon as the channel can be reached.

// UnreachedNote tells an approver by direct message that a request waits whose
// card cannot be posted or changed, and becomes what is so once that is over. It has
// no buttons.
func UnreachedNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State != bot.Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	begin := begin(r).bold("A request about ").boldTyped(r.Name())
	asked := (&line{}).say("Asked by ").person(r.Requester().SlackID).say(". ").join(reasonLine(r.Words.Reason))
	l := (&line{}).bold("Nothing has been done yet.")
	if v.Shut == "" {
		p.add(begin.bold(" waits for a decision (%s).", r.ID).say(" Decide on ").link(v.CardLink, "the card").
			say(" in the approvers' channel, which I could not reach at first."))
		p.add(asked)
		p.add(ahead(r, l.say(" "), v))
		return p.message()
	}
	p.add(begin.bold(" waits for a decision, and I cannot reach the approvers' channel").bold(" (%s).", r.ID))
	p.add(asked)
	p.add((&line{}).say("What is in the way: %s. %s", ChannelSays(v.Shut), ChannelMend(v.Shut)))
	if v.CardLink != "" {
		l.say(" If you can open ").link(v.CardLink, "the card").say(", you can still decide there.")
	} else {
		l.say(" It can be decided only on the card. I try again every minute, and the card will mention you when it stands.")
	}
	if !r.Drill {
		l.say(" If it cannot wait, act in the Entra portal.")
	}
	p.add(ahead(r, l.say(" "), v))
	return p.message()
}

// noLongerUnreached is what a direct message about the channel becomes when the
// request does not wait any more.
func noLongerUnreached(r *bot.Request, v View) *line {
	l := begin(r)
	if r.State.Accepted() {
		acceptedLine(r, l) // the stamps stand on the card only
	} else {
		headline(r, l, v)
	}
	if r.State.Undone() || r.State == bot.Lost || r.State == bot.Failed {
		l.say(" It was about ").typed(r.Name()).say(".")
	}
	l.say(" (%s)", r.ID)
	if v.CardLink != "" {
		l.say(" ").link(v.CardLink, "The card").say(".")
	}
	return l
}

// CancelUnreached tells an approver by direct message that the target's own
// account wants to cancel, which the card's thread cannot say just now.
func CancelUnreached(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State != bot.Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	p.ready(cancelAsked(r, v))
	l := &line{}
	if v.Shut == "" {
		p.add(l.say("You can deny it on ").link(v.CardLink, "the card").say(" in the approvers' channel, which I could not reach at first. (%s)", r.ID))
		return p.message()
	}
	l.say("I cannot reach the approvers' channel: %s. (%s)", ChannelSays(v.Shut), r.ID)
	if v.CardLink != "" {
		l.say(" If you can open ").link(v.CardLink, "the card").say(", you can deny it there.")
	}
	p.add(l)
	return p.message()
}

// NoConcern is what a direct message about the channel becomes for somebody who is
// no approver any more, or has turned out to be the target.
func NoConcern(r *bot.Request) bot.Message {
	p := &page{}
	p.add(begin(r).say("What I wrote here no longer concerns you. (%s)", r.ID))
	return p.message()
}

// Elsewhere is an outcome for somebody who decided, by direct message, because
// it could not be posted in the card's thread.
func Elsewhere(outcome bot.Message, r *bot.Request) bot.Message {
	p := &page{}
	p.ready(outcome)
	p.add((&line{}).say("About ").typed(r.Name()).say(" (%s). You read this here because I could not reach the approvers' channel; card and thread follow once I can.", r.ID))
	return p.message()
}

// refusedHere says why the card is not posted, or not to be reached, for a line of
// an answer about a request that waits.
func refusedHere(v View) *line {
	l := &line{}
	switch {
	case v.CardLink == "" && v.Shut == "":
		return l.say("Its card is not posted in the approvers' channel yet. ")
	case v.CardLink == "":
		l.bold("Its card is not posted:")
	case v.Shut != "":
		l.bold("I cannot reach the approvers' channel:")
	default:
		return l
	}
	return l.say(" %s. %s ", ChannelSays(v.Shut), ChannelMend(v.Shut))
}
