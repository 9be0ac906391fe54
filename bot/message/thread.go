package message

import (
	"regexp"
	"slices"
	"time"

	"revoke-sessions/authz"
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
		l.bold("Nothing is denied yet.").say(" If they press Deny again, that denies it at once, without a reason.")
	}
	return l
}

// phone is the word in any case.
var phone = regexp.MustCompile(`(?i)\bphone\b`)

// lostThing is what the person said that they lost, if it was a phone. Somebody else's
// reason may speak of a phone call.
func lostThing(r *bot.Request) string {
	if r.Lane == authz.Self && phone.MatchString(r.Words.Reason) {
		return "phone"
	}
	return "device"
}

// accessTokenLife is how long an app may keep working with a token it already has,
// unless it checks with Entra in between: Entra gives tokens a random life of 60 to 90
// minutes.
// https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes
const accessTokenLife = 90 * time.Minute

// result is the message in the card's thread once there is an outcome: what an attacker
// can still do, and what to do next. The card above it says what happened, so only the
// text of the notification repeats that.
func result(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.spoken(news(r, mark(r), v))
	by := &line{}
	if d := r.Verdict(); d != nil {
		by.by(r).say(". ")
	}
	whatNow(p, r, v, by)
	return p.message()
}

// resultAlone is result for somebody who cannot read the card.
func resultAlone(r *bot.Request, v View) bot.Message {
	p := &page{}
	if r.State.Accepted() {
		p.add(outcomeHeadline(r, mark(r), v)) // with the stamps, which otherwise the card shows
	} else {
		p.add(news(r, mark(r), v))
	}
	whatNow(p, r, v, &line{})
	return p.message()
}

// spoken adds words to the text that notifications and screen readers take, and not to
// what is shown.
func (p *page) spoken(l *line) { p.groups = append(p.groups, group{text: l.text()}) }

// news says what happened to a request, and not what to do.
func news(r *bot.Request, l *line, v View) *line {
	switch {
	case r.State == bot.Void:
		return voidNews(r, l)
	case r.State.Undone():
		ended(r, l).say(" %s", nothingDone(r))
		if why := r.Words.Denied; r.State == bot.Denied && why != "" {
			l.say(" They wrote: ").typed(why).say(".")
		}
		return l
	case r.State == bot.Lost:
		return lostNews(r, l)
	case r.State == bot.Failed:
		return failed(r, l, v)
	case r.State == bot.Unknown:
		return whyUnclear(r, notKnownYet(r, l))
	case r.State == bot.Drilled:
		return rehearsed(r, l)
	}
	return acceptedNews(r, l)
}

// whatNow says what is still open after an outcome, and what people can do. by begins
// the last line, so that it rings the people who approved.
func whatNow(p *page, r *bot.Request, v View, by *line) {
	switch {
	case r.State == bot.Void:
		p.add(afterVoid(r, &line{}))
		if slices.Contains(r.Changed, bot.Unrecorded) {
			p.add((&line{}).people(v.Approvers).say(", please look."))
		}
		return
	case r.State.Undone():
		p.add(afterEnd(r, &line{}))
		return
	case r.State == bot.Lost:
		p.add(afterLost(r, &line{}))
		return
	case r.State == bot.Drilled:
		p.add((&line{}).say("In a real revoke, this message would now list what stays open and until when, and what to do next."))
		p.add(callLine(r, by))
		return
	case r.State == bot.Failed:
		p.add(unitMayBeWhy(r, failureRemedy(r, &line{}, v)))
		p.add(ringForRetry(r, v))
	case r.State == bot.Unknown:
		p.add(findingOut(r, &line{}, v))
		p.add(ringForRetry(r, v))
	default:
		exposure(p, r)
		p.add(callLine(r, by))
		return
	}
	p.add(callLine(r, &line{}))
}

// ringForRetry mentions the people who can try again: pressing a button does not make
// them follow the thread.
func ringForRetry(r *bot.Request, v View) *line {
	if r.Verdict() == nil {
		return &line{}
	}
	l := ring(r, v)
	if v.Shut == "" && r.Retryable(v.Now) && reopening(r) == nil { // otherwise the card has no button, or the remedy says so
		l.say(" Until ").when(r.Verdict().At.Add(bot.RetryWindow)).say(", the card has “Try again”.")
	}
	return l
}

// callLine names the call, so that Microsoft's support can find it.
func callLine(r *bot.Request, l *line) *line {
	a := r.Attempts.Last()
	if a == nil {
		return l
	}
	l.say("%s · ", r.ID)
	if r.Drill {
		l.say("a read of the account")
	} else {
		l.say("Graph call: %s", r.Called())
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
		l.say(", request-id ").typed(a.RequestID)
	}
	if a.ClientRequestID != "" {
		l.say(", client-request-id ").typed(a.ClientRequestID)
	}
	if l.say("."); r.Drill {
		l.say(" A real revoke would call %s.", r.Operation)
	}
	return l
}

// exposure says what stays open after a revoke, and what to do next.
func exposure(p *page, r *bot.Request) {
	if r.Target.Guest == graph.Yes {
		p.add((&line{}).bold("Next").say(": ask the home organisation to revoke this person's sessions. " +
			"If access here must end now, block sign-in here or remove the guest."))
		return
	}
	if r.Doubtful() {
		p.add((&line{}).bold("Still open").say(": everything, as far as the account shows."))
	} else {
		stillOpen(p, r)
	}
	p.add((&line{}).bold("Next"))
	where := ""
	if r.Target.Synced == graph.Yes {
		where = " on-premises"
	}
	next := []*line{
		(&line{}).say("Block sign-in%s if the password may be known. "+
			"A password reset alone does not end sessions of apps that signed in without it.", where),
		slackNext(r),
		(&line{}).say("Disable or wipe the device."),
		(&line{}).say("Review sign-ins since the loss."),
	}
	if r.Doubtful() { // first something must end the sessions in Entra
		next = slices.Delete(next, 1, 2)
	}
	p.list(next...)
}

// Slack's pages for the people who can end others' sessions in Slack.
const (
	signOutMember   = "https://slack.com/help/articles/360041717053"
	signOutEveryone = "https://slack.com/help/articles/206924507"
)

// slackNext says who can end the sessions in Slack, which Entra does not end.
func slackNext(r *bot.Request) *line {
	return (&line{}).say("Sign Slack out. From a computer, ").typed(r.Name()).
		say(" can open the Slack account settings and press “Sign out of all other sessions”. Is that not possible? "+
			"On an Enterprise plan, an organisation owner can ").link(signOutMember, "sign one member out").
		say(". On other plans with single sign-on, a workspace owner can ").link(signOutEveryone, "sign everybody out").say(".")
}

// stillOpen lists what outlives a revoke, and for how long.
func stillOpen(p *page, r *bot.Request) {
	p.add((&line{}).bold("Still open, and until when"))
	p.list(
		(&line{}).say("Apps that are signed in now may keep working until about ").when(r.AcceptedAt.Add(accessTokenLife)).
			say(" (access tokens live 60 to 90 minutes). Outlook, SharePoint and Teams usually stop within 15 minutes."),
		(&line{}).say("A sign-in in the last minute before the revoke may survive. If one shows up, revoke again."),
		(&line{}).say("Apps with their own login stay open until that login ends, ").bold("Slack on the lost %s included", lostThing(r)).say("."),
		(&line{}).say("Files already on the device stay readable there."),
	)
}

// superseded replaces the thread's "not known yet" about the nth decision once the
// outcome is known.
func superseded(r *bot.Request, n int) bot.Message {
	p := &page{}
	why := "Microsoft gave no clear answer at first."
	if slices.ContainsFunc(r.Attempts, func(a bot.Attempt) bool { return a.Decision == n && a.Code == bot.CodeInterrupted }) {
		why = "at first, I had no answer of Microsoft's on record."
	}
	p.add(begin(r).typed(r.Name()).say(": %s The card says what I know now.", why))
	return p.message()
}

// cancelAsked tells the thread that the target's own account asks to cancel.
func cancelAsked(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(markAs(r, signWaits).boldTyped(r.Name()).bold("'s Slack account asks to cancel. Phone them first; then press Deny.").
		say(" Somebody who found the lost %s could have asked. Approvers who can deny it: ", lostThing(r)).able(v.Approvers, r.TargetSlackID).say("."))
	return p.message()
}

// lapsed tells the thread that an approval no longer counts.
func lapsed(r *bot.Request, n int) bot.Message {
	p := &page{}
	p.add(begin(r).say("The approval of ").person(r.Lapsed[n].SlackID).
		say(" no longer counts: they may not decide this now. Somebody else must approve."))
	return p.message()
}
