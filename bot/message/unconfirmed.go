package message

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// unmoved warns in the thread that the account still does not show the revoke that
// Microsoft accepted. Once the account shows it, the message says so.
func unmoved(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State == bot.Verified {
		p.add(settled(r))
		return p.message()
	}
	p.add(acceptedLine(r, mark(r)).say(" (%s)", r.ID))
	l := acceptance(r, &line{}).say(" ")
	p.add(l.say("I last read the account ").exactly(r.After.ReadAt).say(": Entra still counts sessions from ").when(r.After.ValidFrom()).say(" on."))
	p.add(otherWays(r, (&line{}).bold("Now").say(": ")))
	p.add(nextLook(r, &line{}))
	p.add(ring(r, v))
	return p.message()
}

// notRead says in the thread that the account cannot be read, so that the revoke is not
// verified. Once it can be read, the message says so.
func notRead(r *bot.Request, v View) bot.Message {
	p := &page{}
	switch {
	case r.State == bot.Verified:
		p.add(settled(r))
	case r.Doubtful():
		p.add(begin(r).typed(r.Name()).say(": I could read the account again after this. The card says what it showed."))
	default:
		p.add(markAs(r, signUnknown).about(r).bold("I cannot verify that the sessions are revoked.").say(" (%s)", r.ID))
		p.add(stampsLine(r, acceptance(r, &line{}).say(" ")))
		p.add(ring(r, v))
	}
	return p.message()
}

// settled replaces unmoved and notRead once the account shows the change.
func settled(r *bot.Request) *line {
	return stampsLine(r, mark(r).bold("Settled: ").boldTyped(r.Name()).bold("'s sessions are revoked.").say(" ")).
		say(" I saw it ").exactly(r.After.ReadAt).say(".")
}

// settledNote is settled for a requester.
func settledNote(r *bot.Request) *line {
	l := mark(r).bold("Settled: ")
	if r.Lane == authz.Self {
		l.bold("your sessions are revoked.")
	} else {
		l.boldTyped(r.Name()).bold("'s sessions are revoked.")
	}
	return l.say(" I saw it on the account ").exactly(r.After.ReadAt).say(". (%s)", r.ID)
}

// unmovedNote is unmoved for a requester, who does not read the thread.
func unmovedNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State == bot.Verified {
		p.add(settledNote(r))
		return p.message()
	}
	p.add(receiptOutcome(r, mark(r), v).say(" (%s)", r.ID))
	p.add((&line{}).say("The approvers see this too. They can block sign-in, or revoke in the Entra portal: ").deciders(v).say("."))
	p.add(nextLook(r, &line{}))
	p.add(emergencyFor(r, v))
	return p.message()
}

// unreadNote is notRead for a requester.
func unreadNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	switch {
	case r.State == bot.Verified:
		p.add(settledNote(r))
		return p.message()
	case r.Doubtful():
		p.add(receiptOutcome(r, mark(r), v).say(" (%s)", r.ID))
		return p.message()
	}
	l := markAs(r, signUnknown)
	if r.Lane == authz.Self {
		l.bold("I cannot verify that your sessions are revoked.")
	} else {
		l.about(r).bold("I cannot verify that the sessions are revoked.")
	}
	p.add(l.say(" Microsoft accepted the revoke ").exactly(r.AcceptedAt).say(". I cannot read the account now. (%s)", r.ID))
	p.add(nextLook(r, (&line{}).say("The approvers see this too. ")))
	p.add(emergencyFor(r, v))
	return p.message()
}
