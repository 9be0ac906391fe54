package bot

import "strings"

// frozenLine says on a card that a freeze is on, and how it ends.
func frozenLine(f *Freeze) *line {
	l := (&line{}).say("⚠ ").bold("Frozen by ").person(f.By.SlackID).bold(": no revoke is begun.")
	return ends(l.say(" "), f)
}

// FrozenText is frozenLine for a terminal.
func FrozenText(f *Freeze) string { return frozenLine(f).plain() }

// ends says when and how a freeze ends.
func ends(l *line, f *Freeze) *line {
	return l.say("It ends by itself (").when(f.Until).say("), or when enough approvers type `/revoke-sessions unfreeze`.")
}

// because adds what whoever pulled the brake typed.
func (f *Freeze) because(p *page) {
	if f.Reason != "" {
		p.add((&line{}).say("Reason: ").typed(f.Reason))
	}
}

// notice is what is told of a freeze. Whoever posts it draws it anew; the
// Message is for the program of an earlier version that may post it first.
func (f *Freeze) notice(v View) *Notice {
	return &Notice{Key: "freeze", Message: FreezeNotice(f, v, false)}
}

// steps counts what has happened since the freeze began: votes, and its end.
func (f *Freeze) steps() int {
	if f.EndedAt.IsZero() {
		return len(f.Votes)
	}
	return len(f.Votes) + 1
}

// FreezeNotice is the one message about a freeze, as it is now; while it is on,
// it mentions all approvers. late: it is over, and nothing of it was posted while
// it was on, so that this mentions nobody.
func FreezeNotice(f *Freeze, v View, late bool) Message {
	p := &page{}
	if !f.EndedAt.IsZero() {
		p.add(thawed(f, late))
		return p.message()
	}
	p.add((&line{}).person(f.By.SlackID).bold(" has frozen every revoke.").
		say(" Nothing that was asked for is lost: requests, looking things up and verifying go on, and no request expires. Nobody can confirm anything."))
	f.because(p)
	if len(f.Votes) > 0 {
		p.add(freezeVote(f))
	}
	p.add(ends((&line{}).everyone(v.Approvers).say(", please look. "), f))
	if v.Emergency != "" {
		p.add((&line{}).say("A device is lost meanwhile? ").typed(v.Emergency))
	}
	return p.message()
}

// thawed says that a freeze is over, and how it came to that.
func thawed(f *Freeze, late bool) *line {
	l := (&line{}).bold("The freeze is over.")
	switch {
	case late:
		l.say(" Every revoke was held back from ").when(f.BeganAt).say(" until ").when(f.EndedAt).say("; I could not post this before.")
	case f.EndedAt.Before(f.Until) && len(f.Votes) > 0:
		l.say(" It was asked for by ")
		for i, vote := range f.Votes {
			if i > 0 {
				l.say(", ")
			}
			l.person(vote.SlackID)
		}
		l.say(".")
	default:
		l.say(" Its time was up.")
	}
	return l.say(" What was approved before it is checked again now: it goes on where that still holds, and asks for approval again where it does not. Everything else waits for a decision again, with the time that was left. Deny what should not go on.")
}

// freezeVote says who wants the freeze to end, and what is missing.
func freezeVote(f *Freeze) *line {
	return (&line{}).person(f.Votes[len(f.Votes)-1].SlackID).say(" asks to end the freeze: %d of %d. It goes on until ", f.Have, f.Need).
		say("another approver types `/revoke-sessions unfreeze` too, or ").when(f.Until).say(".")
}

// FreezeNews is what rings, under the message about a freeze, for a step of it.
func FreezeNews(f *Freeze, v View) Message {
	p := &page{}
	if f.EndedAt.IsZero() {
		p.add(freezeVote(f).say(" ").people(v.Approvers))
	} else {
		p.add(thawed(f, false))
	}
	return p.message()
}

// CoverageNotice tells the channel that too few approvers could decide, that
// they cannot be read, or that others read along.
//
// unread says what the bot cannot read, and problems then what to do about it.
// unable are those who are named and could not decide.
func CoverageNotice(problems []string, able int, unread string, unable []Unable, channel ChannelProblem, v View) Message {
	p := &page{}
	var items []*line
	for _, problem := range problems {
		items = append(items, (&line{}).say("%s", problem))
	}
	switch {
	case unread != "":
		p.add((&line{}).bold("%s", unread))
	case len(problems) > 0:
		p.add((&line{}).bold("Too few approvers: I know of %d who could decide.", able).
			say(" An approver must be a full member of this workspace whose Slack account leads to exactly one Entra account that may sign in. Whoever runs the bot must name more, or ask for fewer approvals:"))
	}
	if len(problems) > 0 {
		p.some(true, func(n int) *line { return (&line{}).say("%d more like these; the bot's log has them all", n) }, items...)
		p.add((&line{}).say("Named are: ").people(v.Approvers).say("."))
	}
	if len(unable) > 0 && unread == "" {
		var who []*line
		for _, u := range unable {
			who = append(who, (&line{}).person(u.SlackID).say(": %s", u.Why()))
		}
		p.add((&line{}).say("Of those who are named, these could not decide:"))
		p.some(true, func(n int) *line { return (&line{}).say("%d more; the bot's log has them all", n) }, who...)
		if how := Unmapped(unable); how != "" {
			p.add((&line{}).say("%s", how))
		}
	}
	if channel == ChannelShared { // every other problem keeps this from being read there
		p.add((&line{}).bold("About the approvers' channel: ").say("%s.", channel.Says()))
	}
	return p.message()
}

// PassedOverNotice tells the channel that somebody at a command line has passed
// over the policy. What comes of it is not known yet.
func PassedOverNotice(r *Request) Message {
	p := &page{}
	l := r.begin()
	what := "revoke all sessions of "
	if r.Drill {
		what = "rehearse the end of all sessions of "
	}
	l.boldTyped(strings.TrimPrefix(r.Askers[0].SlackID, operatorPrefix)).bold(" passed over the policy at the command line").say(", to %s", what).typed(r.name())
	if r.Words.UPN != "" && r.Words.UPN != r.name() {
		l.say(" (").typed(r.Words.UPN).say(")")
	}
	p.add(l.say("."))
	var rules []string
	for _, rule := range r.PassedOver {
		rules = append(rules, reasons[rule])
	}
	p.add((&line{}).say("What was passed over: %s.", strings.Join(rules, "; ")))
	p.add((&line{}).say("Reason: ").typed(r.Words.Override))
	p.add((&line{}).say("No approver was asked. What comes of it is in the audit chain: `revoke-sessions audit show %s`. "+
		"Whoever did this can use the bot's credential: if nobody here knows of it, have that credential renewed.", r.ID))
	return p.message()
}
