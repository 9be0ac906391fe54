package message

import (
	"revoke-sessions/bot"
)

// While the bot cannot post in the approvers' channel, it writes direct messages: to the
// approvers about a request that waits, and to the people who decided about the outcome.
// They have no buttons; only the card decides, and it follows once the channel works.

// unreachedNote tells an approver by direct message that a request waits, but its card
// cannot be posted or changed. Once that is over, the message says what became of the
// request.
func unreachedNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State != bot.Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	begin := mark(r).about(r)
	asked := (&line{}).say("Asked by ").person(r.Requester().SlackID).say(". ").join(reasonLine(r.Words.Reason))
	l := (&line{}).bold("Nothing is done yet.")
	if v.Shut == "" {
		p.add(begin.bold("a request waits for a decision (%s).", r.ID).say(" I could not reach the approvers' channel at first. Now you can decide on ").
			card(v, "the card").say(" there."))
		p.add(asked)
		p.add(ifUndecided(r, l.say(" "), v))
		return p.message()
	}
	p.add(begin.bold("a request waits for a decision, and I cannot reach the approvers' channel (%s).", r.ID))
	p.add(asked)
	p.add((&line{}).say("What is wrong: %s. %s", ChannelSays(v.Shut), ChannelMend(v.Shut)))
	if v.CardLink != "" {
		l.say(" If you can open ").card(v, "the card").say(", you can still decide there.")
	} else {
		l.say(" You can decide only on the card. I try to post it every minute, and it will mention you.")
	}
	if !r.Drill {
		l.say(" If it cannot wait, act in the Entra portal.")
	}
	p.add(ifUndecided(r, l.say(" "), v))
	return p.message()
}

// noLongerUnreached replaces a direct message about the channel once the request no
// longer waits.
func noLongerUnreached(r *bot.Request, v View) *line {
	l := mark(r)
	if r.State.Accepted() {
		acceptedLine(r, l) // only the card shows the stamps
	} else {
		headline(r, l, v)
	}
	l.say(" (%s)", r.ID)
	if v.CardLink != "" {
		l.say(" ").card(v, "The card").say(".")
	}
	return l
}

// cancelUnreached tells an approver by direct message that the target's own account
// asks to cancel, because the card's thread cannot say it.
func cancelUnreached(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State != bot.Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	p.ready(cancelAsked(r, v))
	l := &line{}
	if v.Shut == "" {
		p.add(l.say("I could not reach the approvers' channel at first. Now you can deny it on ").card(v, "the card").
			say(" there. (%s)", r.ID))
		return p.message()
	}
	l.say("I cannot reach the approvers' channel: %s. (%s)", ChannelSays(v.Shut), r.ID)
	if v.CardLink != "" {
		l.say(" If you can open ").card(v, "the card").say(", you can deny it there.")
	}
	p.add(l)
	return p.message()
}

// noConcern replaces a direct message about the channel whose reader is no longer an
// approver, or is the target.
func noConcern(r *bot.Request) bot.Message {
	p := &page{}
	p.add(begin(r).say("What I wrote here no longer concerns you. (%s)", r.ID))
	return p.message()
}

// elsewhere is the outcome by direct message, for a person who decided, because the
// bot could not post it in the card's thread.
func elsewhere(outcome bot.Message, r *bot.Request) bot.Message {
	p := &page{}
	p.ready(outcome)
	p.add((&line{}).say("%s: I write to you because I could not reach the approvers' channel. Card and thread follow once I can.", r.ID))
	return p.message()
}

// refusedHere says in a status why the card is not posted, or cannot be reached.
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
