// Package message writes everything that people read in Slack or at a terminal: cards,
// threads, receipts, answers and audit records. It takes values and returns messages;
// it never calls Slack, Graph or the store.
package message

import (
	"revoke-sessions/bot"
)

// Help lists the commands: what people need first, then the rest.
func Help(v View) bot.Message {
	p := &page{}
	p.add((&line{}).bold("Lost a device, or seen a stolen account?"))
	p.list(
		(&line{}).say("`/revoke-sessions me lost my phone` — your own device"),
		(&line{}).say("`/revoke-sessions @name lost phone` — a colleague who cannot get in"),
		(&line{}).say("`/revoke-sessions` — the same as a form"),
		(&line{}).say("`/revoke-sessions status` — what is open"),
	)
	l := (&line{}).say("An approver decides.")
	l = sentences(l, emergencyWay(v))
	p.add(l)
	p.add((&line{}).say("More commands:"))
	p.list(
		(&line{}).say("`/revoke-sessions name@example.com stolen laptop` — by e-mail address, user principal name or object ID"),
		(&line{}).say("`/revoke-sessions status REQ-…` — one request"),
		(&line{}).say("`/revoke-sessions cancel REQ-…` — take back what you asked for"),
		(&line{}).say("`/revoke-sessions drill @name` — a rehearsal; nothing is changed"),
		(&line{}).say("`/revoke-sessions freeze reason` — for approvers: stop all revokes"),
		(&line{}).say("`/revoke-sessions unfreeze` — for approvers: end the freeze"),
	)
	return p.message()
}

// Usage answers a command that is not carried out.
func Usage(e *bot.UsageError) bot.Message {
	p := &page{}
	p.add((&line{}).typed(e.Problem).say(" %s", e.Instead)) // the problem quotes a verb
	return p.message()
}

// Received answers a requester right after the request is stored.
func Received(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := begin(r).bold("Got it.")
	if r.OnlySelf() {
		l.say(" Press the button in the direct message that I'm sending you.")
	} else {
		l.say(" I'm asking the approvers now and will message you.")
	}
	l.say(" %s (%s)", nothingYet(r), r.ID)
	l = sentences(l, emergencyFor(r, v))
	p.add(l)
	if r.TargetLeft != "" {
		p.add((&line{}).person(r.TargetLeft).say(" is deactivated in Slack. " +
			"Approvers see which Entra account I found, and check it."))
	}
	p.add(obstacles(r, v))
	return p.message()
}

// nothingYet says that no decision has been carried out.
func nothingYet(r *bot.Request) string {
	switch {
	case r.Drill:
		return "Nothing is changed in a drill."
	case r.Attempts.Unclear() != nil:
		return "It is not known whether anything was revoked."
	}
	return "Nothing is revoked yet."
}

// Joined answers a requester if the same request is already open; added reports whether
// they have just joined it.
func Joined(r *bot.Request, v View, slackID string, added bool) bot.Message {
	p := &page{}
	l := begin(r).boldTyped(r.Name())
	if added {
		l.bold(": somebody asked for this already. I added you to %s.", r.ID)
	} else {
		l.bold(": you asked for this already (%s).", r.ID)
	}
	switch {
	case r.OnlySelf():
		l.say(" It is waiting for you: press the button in my direct message.")
	case len(v.Deciders) == 0:
		l.say(" I can't find anyone who can decide it. Do not wait for it.")
	default:
		whoIsMissing(r, l.say(" Waiting for "), v).say(".")
	}
	l.say(" %s", nothingYet(r))
	if need := v.Policy.Require(r.Matter()); !need.RequesterMayApprove {
		l.say(" You asked for it, so you can't approve it.")
	}
	if more := readMore(v); len(more.parts) > 0 && !r.OnlySelf() {
		l.say(" ").join(more)
	}
	p.add(l)
	p.add(obstacles(r, v))
	if also := r.Words.Also[slackID]; also != "" {
		p.add((&line{}).say("I'm showing the approvers what you wrote: ").typed(also))
	}
	return p.message()
}

// CancelAsked answers an account that asks to cancel its own report.
func CancelAsked(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).boldTyped(r.Name()).bold(": I'm asking the approvers to cancel %s.", r.ID).
		say(" It stays open until an approver denies it, because somebody who found the device could have asked. An approver should phone you first").
		whoCan(v.Approvers, r.TargetSlackID).say(" See my direct message to you: it says whether I reached them."))
	return p.message()
}

// tellingChannel is all that the bot knows when it stores a step of a freeze. If it
// cannot post in the channel, it says so by direct message.
const tellingChannel = " I'm telling the approvers' channel now."

// Status shows one request to its requesters and to approvers.
func Status(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(statusLine(r, v))
	return p.message()
}

// OpenRequest is one line of an OpenList. A request without a State has an unreadable
// row.
type OpenRequest struct {
	Request *bot.Request
	View    View
}

// OpenList is what one reader may see of the open requests.
type OpenList struct {
	All []OpenRequest
	// Own means that All holds only the reader's requests. Unsure means that the bot
	// could not look up whether the reader is an approver.
	Own, Unsure bool
	// More means that there may be others.
	More   bool
	Freeze *bot.Freeze // the current freeze, or nil
}

// StatusOfAll lists the open requests.
func StatusOfAll(list OpenList) bot.Message {
	p := &page{}
	var lines []*line
	for _, one := range list.All {
		if one.Request.State == "" {
			lines = append(lines, (&line{}).bold("%s", one.Request.ID).
				say(" · I can't read this request, so I can't say what became of it. Treat it as not done."))
		} else {
			lines = append(lines, statusLine(one.Request, one.View))
		}
	}
	p.some(paragraphs, func(n int) *line {
		return (&line{}).say("%d more are open. Type `/revoke-sessions status REQ-…` to see one.", n)
	}, lines...)
	if list.Unsure {
		p.add((&line{}).say("I could not check whether you are an approver, so this lists only what you asked for."))
	}
	switch {
	case len(p.groups) == 0 && !list.Own:
		p.add((&line{}).say("No request is open."))
	case len(p.groups) == 0:
		p.add((&line{}).say("You have no open requests."))
	case list.More:
		p.add((&line{}).say("There may be more. Type `/revoke-sessions status REQ-…` to see one."))
	}
	if list.Freeze != nil {
		p.add(frozenLine(list.Freeze))
	}
	return p.message()
}

func statusLine(r *bot.Request, v View) *line {
	l := begin(r)
	switch {
	case r.State == bot.Pending:
		waits := "Waiting for an approver"
		if r.OnlySelf() {
			waits = "Waiting for the person who reported it, or an approver"
		}
		l.boldTyped(r.Name()).say(" · %s · %s", r.ID, waits).join(statusCount(r)).say(". %s ", nothingYet(r)).
			join(ifUndecided(r, &line{}, v)).say(" ").join(refusedHere(v))
	case r.State.Accepted():
		acceptedLine(r, l.bold("%s", r.ID).say(" · ")).say(" ") // only the card shows the stamps
	default:
		headline(r, l.bold("%s", r.ID).say(" · "), v).say(" ")
	}
	l.join(readMore(v))
	if !r.StalledAt.IsZero() {
		l.say(" ").join(stalledLine(r))
	}
	return l
}

func statusCount(r *bot.Request) *line {
	if r.Need < 2 {
		return &line{}
	}
	return (&line{}).say(" (%d of %d approvals)", len(r.Approvals), r.Need)
}

// Busy says that a command or click is stored and has to wait.
func Busy(emergency string) bot.Message {
	p := &page{}
	p.add((&line{}).bold("I'm busy, but nothing is lost.").
		say(" I stored what you did and will get to it as soon as I can. Please don't do it again."))
	p.add(emergencyWay(View{Emergency: emergency}))
	return p.message()
}

// Privately wraps a message for the ack of a command, which only its sender sees.
func Privately(m bot.Message) any {
	return map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
}

// OtherVersions answers an act that a newer version of the bot stored, and that this one
// does not know.
func OtherVersions() bot.Message {
	return Note("That belongs to another version of this bot, so nothing was changed. Please try again in a few minutes, " +
		"or type `/revoke-sessions status`.")
}

// NotOpened answers a press of Deny whose form did not open; with unsure, the form may
// have opened. holds means that the press stops an automatic revoke.
func NotOpened(r *bot.Request, holds, unsure bool) bot.Message {
	p := &page{}
	l := begin(r).boldTyped(r.Name()).bold(": ")
	if unsure {
		l.say("I don't know whether the form for your reason opened. Nothing is denied yet. " +
			"If you see the form, submit it. If you see none, press Deny again: ")
	} else {
		l.say("Slack did not open the form for your reason. Nothing is denied yet. Press Deny again: ")
	}
	l.bold("that denies %s at once, without a reason.", r.ID)
	if holds {
		l.say(" The request no longer goes on automatically: an approver must decide it.")
	}
	p.add(l)
	return p.message()
}

// VoidNow answers a confirmation that found the request changed, and so made it void.
func VoidNow(r *bot.Request) bot.Message {
	p := &page{}
	l := voidLine(r, begin(r)).say(" Your click approved nothing.")
	if r.ReplacedBy != "" {
		l.say(" Please read the new card.")
	}
	p.add(l)
	return p.message()
}
