package message

import (
	"revoke-sessions/bot"
)

// byHand says what people can do themselves.
func byHand(l *line) *line {
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
}

// stalledFacts says whether a stalled request has revoked anything.
func stalledFacts(r *bot.Request, l *line) *line {
	switch {
	case r.Drill:
		return l.say(" Nothing was changed.")
	case r.State == bot.Executing, r.State == bot.Unknown, r.State == bot.Approved && r.Attempts.Unclear() != nil:
		return l.say(" I do not know whether anything was revoked.")
	case r.State == bot.Pending, r.State == bot.Approved:
		return l.say(" Nothing was revoked.")
	}
	return l
}

// stalledLine says on the card and receipt that the bot cannot go on.
func stalledLine(r *bot.Request) *line {
	l := (&line{}).bold("⚠")
	switch {
	case r.State.Accepted():
		l.bold(" I cannot verify this.")
	case r.State == bot.Approved, r.State == bot.Executing: // the headline says what
	default:
		l.bold(" I cannot go on with this.")
	}
	l.say(" Each try fails (as of ").when(r.StalledAt).say(").")
	if r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing {
		l.say(" I keep trying.") // in other states the headline says so
	}
	switch {
	case r.Drill:
		return l
	case r.State.Accepted():
		return l.say(" Look the account up in the Entra portal.")
	}
	return byHand(l)
}

// stalledHeadline is the headline of an approved request that cannot go on.
func stalledHeadline(r *bot.Request, l *line) *line {
	if r.Drill {
		l.about(r).bold("I cannot go on with the rehearsal.")
	} else {
		l.about(r).bold("I cannot go on with the revoke.")
	}
	return stalledFacts(r, l).say(" ").by(r).say(".")
}

// StalledNotice tells the approvers that the bot cannot go on with a request. r is nil
// if its row cannot be read.
func StalledNotice(id string, r *bot.Request, v View) bot.Message {
	p := &page{}
	l := &line{}
	if r != nil {
		l = begin(r)
	}
	l.bold("I cannot go on with %s.", id)
	switch {
	case r == nil:
		l.say(" I cannot read what is stored of it, so I do not know what became of it. Treat it as not done.")
	default:
		stalledFacts(r, l.say(" It is about ").typed(r.Name()).say(". Each try fails."))
	}
	p.add(l)
	if r == nil || !r.Drill {
		p.add((&line{}).everyone(v.Approvers).say(", please look.").join(byHand(&line{})))
	}
	p.add((&line{}).say("The bot's owner finds the cause in its log, under %s.", id))
	if r == nil || !r.Drill {
		p.add(emergencyWay(v))
	}
	return p.message()
}
