package message

import (
	"slices"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// denyAsked says on the card which approver's next press of Deny skips the form.
func denyAsked(r *bot.Request) *line {
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

// accessTokenLife is how long an app may keep working with a token it already has,
// unless it checks with Entra in between: Entra gives tokens a random life of 60 to 90
// minutes.
// https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes
const accessTokenLife = 90 * time.Minute

// result is the message in the card's thread once there is an outcome: what
// happened, what an attacker can still do, and what to do next.
func result(r *bot.Request, v View) bot.Message {
	p := &page{}
	switch {
	case r.State.Undone():
		p.add(ending(r, begin(r)))
		if slices.Contains(r.Changed, bot.Unrecorded) {
			p.add((&line{}).people(v.Approvers).say(", please look."))
		}
	case r.State == bot.Lost:
		p.add(lost(r, begin(r)))
	case r.State == bot.Drilled:
		p.add(outcomeHeadline(r, begin(r), v))
		p.add((&line{}).say("In earnest, this message would now say when the sessions ended, " +
			"what stays open and until when, and what to do next."))
		p.add(callLine(r))
	case r.State == bot.Failed:
		p.add(unitMayBeWhy(r, failure(r, begin(r), v)))
		p.add(ringForRetry(r, v))
		p.add(callLine(r))
	case r.State == bot.Unknown:
		p.add(unclear(r, begin(r), v))
		p.add(ringForRetry(r, v))
		p.add(callLine(r))
	default:
		p.add(outcomeHeadline(r, begin(r), v))
		exposure(p, r)
		p.add(callLine(r))
	}
	return p.message()
}

// ringForRetry mentions the people who can try again: pressing a button does not make
// them follow the thread.
func ringForRetry(r *bot.Request, v View) *line {
	if r.Verdict() == nil {
		return &line{}
	}
	if v.Shut != "" {
		return ring(r, v) // the card cannot offer “Try again”
	}
	return ring(r, v).say(" The card offers “Try again” where that can help.")
}

// callLine names the call, so that Microsoft's support can find it.
func callLine(r *bot.Request) *line {
	a := r.Attempts.Last()
	if a == nil {
		return &line{}
	}
	l := (&line{}).say("%s · ", r.ID)
	if r.Drill {
		l.say("a read of the account in place of %s", r.Operation)
	} else {
		l.say("%s", r.Called())
	}
	if a.Also != nil {
		l.say(", after %s (status %d, code ", a.Also.Operation, a.Also.Status).typed(a.Also.Code).say(")")
	}
	if a.Status != 0 {
		l.say(", status %d", a.Status)
	}
	if a.Code != "" {
		l.say(", code ").typed(a.Code)
	}
	if a.RequestID != "" {
		l.say(", Graph request-id ").typed(a.RequestID)
	}
	if a.ClientRequestID != "" {
		l.say(", client-request-id ").typed(a.ClientRequestID)
	}
	return l.say(".")
}

// exposure says what stays open after a revoke, and what to do next.
func exposure(p *page, r *bot.Request) {
	if r.Target.Guest == graph.Yes {
		p.add((&line{}).bold("Next").say(": ask the home organisation to revoke this person's sessions; " +
			"here, block sign-in or remove the guest if access must end now."))
		return
	}
	if r.Doubtful() {
		p.add((&line{}).bold("Still open").say(": everything, as far as the account shows."))
	} else {
		stillOpen(p, r)
	}
	p.add((&line{}).bold("Next"))
	password := (&line{}).say("If the password may be known: reset it, or block sign-in.")
	if r.Target.Synced == graph.Yes {
		password = (&line{}).say("If the password may be known: reset it on-premises, or block sign-in there.")
	}
	p.list(password,
		(&line{}).say("Disable or wipe the device."),
		(&line{}).say("Review sign-ins since the loss."),
	)
}

// stillOpen lists what outlives a revoke, and for how long.
func stillOpen(p *page, r *bot.Request) {
	p.add((&line{}).bold("Still open, and until when"))
	p.list(
		(&line{}).say("Apps already signed in may work until about ").when(r.AcceptedAt.Add(accessTokenLife)).
			say(" (access tokens live 60 to 90 minutes). Outlook, SharePoint and Teams usually end within 15 minutes."),
		(&line{}).say("Apps with their own login stay open until that login ends, ").bold("Slack on the lost phone included").
			say(": sign it out in Slack's settings."),
		(&line{}).say("Files already on the device stay readable there."),
	)
}

// superseded replaces the thread's "not known yet" about the nth decision once the
// outcome is known.
func superseded(r *bot.Request, n int) bot.Message {
	p := &page{}
	why := "Microsoft gave no clear answer at first."
	if slices.ContainsFunc(r.Attempts, func(a bot.Attempt) bool { return a.Decision == n && a.Code == bot.CodeInterrupted }) {
		why = "I had no answer of Microsoft's on record at first."
	}
	p.add(begin(r).say("%s What is known now stands on the card.", why))
	return p.message()
}

// cancelAsked tells the thread that the target's own account asks to cancel.
func cancelAsked(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).boldTyped(r.Name()).bold("'s Slack account asks to cancel. Phone ").boldTyped(r.Name()).bold(" before you do.").
		say(" Whoever holds the lost phone may have pressed the button. An approver decides: ").enders(r, v).say("."))
	return p.message()
}

// lapsed tells the thread that an approval no longer counts.
func lapsed(r *bot.Request, n int) bot.Message {
	p := &page{}
	p.add(begin(r).say("The approval of ").person(r.Lapsed[n].SlackID).
		say(" does not count any more: they may not decide this now. Somebody else must."))
	return p.message()
}
