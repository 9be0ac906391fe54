// Package message writes everything that people read in Slack or at a terminal: cards,
// threads, receipts, answers and audit records. It takes values and returns messages;
// it never calls Slack, Graph or the store.
package message

import (
	"revoke-sessions/bot"
)

// Help lists the commands.
func Help(v View) bot.Message {
	p := &page{}
	p.add((&line{}).bold("Lost a device, or seen a stolen account?"))
	p.list(
		(&line{}).say("`/revoke-sessions me lost my phone` — report your own device"),
		(&line{}).say("`/revoke-sessions @name stolen laptop` — ask for someone else; "+
			"an e-mail address, user principal name or object ID works too"),
		(&line{}).say("`/revoke-sessions` — the same as a form"),
		(&line{}).say("`/revoke-sessions status` — what is open; with an ID, one request"),
		(&line{}).say("`/revoke-sessions cancel REQ-…` — take back what you asked for"),
		(&line{}).say("`/revoke-sessions drill @name` — rehearse; nothing is changed"),
		(&line{}).say("`/revoke-sessions freeze reason` — for approvers: hold every revoke back; `unfreeze` ends that"),
	)
	l := (&line{}).say("Approvers decide: ").people(v.Approvers).
		say(". You read the outcome in a direct message, approvers in the card's thread.")
	if v.Emergency != "" {
		l.say(" Nobody answers? ").typed(v.Emergency)
	}
	p.add(l)
	return p.message()
}

// Usage answers a command that the bot did not understand. The problem quotes the
// command, so it counts as typed text.
func Usage(e *bot.UsageError) bot.Message {
	p := &page{}
	p.add((&line{}).typed(e.Problem).say(" %s", e.Instead))
	return p.message()
}

// Received answers a requester right after the request is stored.
func Received(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := begin(r).bold("Stored as %s.", r.ID).say(" Nothing has been done yet.")
	if r.OnlySelf() {
		l.say(" To end your sessions, press the button in the direct message that I am sending you.")
	} else {
		l.say(" I ask the approvers now, and write to you when they have decided.")
	}
	if v.Emergency != "" {
		l.say(" Nobody answers? ").typed(v.Emergency)
	}
	p.add(l)
	if r.TargetLeft != "" {
		p.add((&line{}).person(r.TargetLeft).say(" is deactivated in Slack. " +
			"I go by what Slack and the policy still say of the account, and the approvers see which it is."))
	}
	p.add(obstacles(r, v))
	return p.message()
}

// Joined answers a requester if the same request is already open; added reports whether
// they have just joined it.
func Joined(r *bot.Request, v View, slackID string, added bool) bot.Message {
	p := &page{}
	l := begin(r)
	if added {
		l.bold("This was asked for already, so you were added to %s.", r.ID)
	} else {
		l.bold("You asked for this already: %s.", r.ID)
	}
	if r.OnlySelf() {
		l.say(" It waits for you: press the button in my direct message. Nothing has been done yet. ")
	} else {
		l.say(" It waits for an approver: ").deciders(v).say(". Nothing has been done yet. ")
	}
	if need := v.Policy.Require(r.Matter()); !need.RequesterMayApprove {
		l.say("Whoever asked cannot approve it, too. ")
	}
	if v.CardLink != "" {
		l.link(v.CardLink, "The card").say(".")
	}
	p.add(l)
	p.add(obstacles(r, v))
	if also := r.Words.Also[slackID]; also != "" {
		p.add((&line{}).say("I'm passing on to the approvers what you wrote: ").typed(also))
	}
	return p.message()
}

// CancelAsked answers an account that asks to cancel its own report.
func CancelAsked(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).bold("I'm asking the approvers to cancel %s.", r.ID).
		say(" It stays open until an approver denies it, because whoever found the device could have asked. They will phone first: ").
		enders(r, v).say(". Your own message says whether I reached them."))
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
				say(" · I cannot read what is stored of it, so I cannot say what became of it. Treat it as not done."))
		} else {
			lines = append(lines, statusLine(one.Request, one.View))
		}
	}
	p.some(false, func(n int) *line {
		return (&line{}).say("%d more are open; name one with `/revoke-sessions status REQ-…`.", n)
	}, lines...)
	if list.Unsure {
		p.add((&line{}).say("I could not look up whether you are an approver, so this is only what you asked for yourself."))
	}
	switch {
	case len(p.groups) == 0 && !list.Own:
		p.add((&line{}).say("Nothing is open."))
	case len(p.groups) == 0:
		p.add((&line{}).say("Nothing of yours is open."))
	case list.More:
		p.add((&line{}).say("There may be more; name one with `/revoke-sessions status REQ-…`."))
	}
	if list.Freeze != nil {
		p.add(frozenLine(list.Freeze))
	}
	return p.message()
}

func statusLine(r *bot.Request, v View) *line {
	l := begin(r).bold("%s", r.ID).say(" · ")
	switch {
	case r.State == bot.Pending:
		waits := "waits for an approver"
		if r.OnlySelf() {
			waits = "waits for its owner, or for an approver"
		}
		l.typed(r.Name()).say(" · %s", waits).join(statusCount(r)).say(". Nothing has been done yet. ").
			join(ifUndecided(r, &line{}, v)).say(" ").join(refusedHere(v))
	case r.State.Accepted():
		acceptedLine(r, l).say(" ") // only the card shows the stamps
	default:
		headline(r, l, v).say(" ")
	}
	if v.CardLink != "" {
		l.link(v.CardLink, "Card")
	}
	if !r.StalledAt.IsZero() {
		l.say(" ").join(stalledLine(r))
	}
	return l
}

func statusCount(r *bot.Request) *line {
	if r.Need < 2 {
		return &line{}
	}
	return (&line{}).say(": %d of %d approvals", len(r.Approvals), r.Need)
}

// Busy says that a command or click is stored and waits.
func Busy(emergency string) bot.Message {
	p := &page{}
	p.add((&line{}).bold("Busy, and your request is safe:").
		say(" it is stored, and I get to it as soon as I can. You need not send it again."))
	p.add(emergencyWay(View{Emergency: emergency}))
	return p.message()
}

// Privately wraps a message for the ack of a command, which only its sender sees.
func Privately(m bot.Message) any {
	return map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
}

// NotOpened answers a press of Deny whose form did not open; with unsure, the form may
// have opened. holds means that the press stops an automatic revoke.
func NotOpened(r *bot.Request, holds, unsure bool) bot.Message {
	p := &page{}
	l := begin(r)
	if unsure {
		l.say("I am not sure that the form for your reason opened. Nothing is denied yet. " +
			"If you see the form, submit it. If you see none, press Deny again: ")
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

// VoidNow answers a confirmation that found the request changed, and so made it void.
func VoidNow(r *bot.Request) bot.Message {
	p := &page{}
	l := voidLine(r, begin(r)).say(" Your click confirmed nothing.")
	if r.ReplacedBy != "" {
		l.say(" Please read the new card.")
	}
	p.add(l)
	return p.message()
}
