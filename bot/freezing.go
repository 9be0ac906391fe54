package bot

import "revoke-sessions/authz"

// frozenLine says on a card that a freeze is on, and how it ends.
func frozenLine(f *Freeze) *line {
	l := (&line{}).say("⚠ ").bold("Frozen by ").person(f.By.SlackID).bold(": no revoke is begun.")
	return ends(l.say(" "), f)
}

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

// FrozenNotice tells the channel that the brake was pulled, and mentions all
// approvers.
func FrozenNotice(f *Freeze, v View) Message {
	p := &page{}
	p.add((&line{}).person(f.By.SlackID).bold(" has frozen every revoke.").
		say(" Nothing that was asked for is lost: requests, looking things up and verifying go on, and no time runs out. Nobody can confirm anything."))
	f.because(p)
	p.add(ends((&line{}).people(v.Approvers).say(", please look. "), f))
	if v.Emergency != "" {
		p.add((&line{}).say("A device is lost meanwhile? ").typed(v.Emergency))
	}
	return p.message()
}

// FrozenNow answers whoever pulled the brake.
func FrozenNow(f *Freeze) Message {
	p := &page{}
	p.add(ends((&line{}).bold("Every revoke is held back now.").say(" The approvers' channel is told. "), f))
	p.add((&line{}).say("You cannot pull this brake again for %s.", spell(authz.Rest)))
	return p.message()
}

// VoteNotice tells the channel that somebody wants the freeze to end.
func VoteNotice(f *Freeze, d authz.Decision, v View) Message {
	p := &page{}
	p.add((&line{}).person(f.Votes[len(f.Votes)-1].SlackID).say(" asks to end the freeze: %d of %d. It goes on until ", d.Have, d.Need).
		say("another approver types `/revoke-sessions unfreeze` too, or ").when(f.Until).say(". ").people(v.Approvers))
	return p.message()
}

// ThawedNotice tells the channel that the freeze is over.
func ThawedNotice(f *Freeze, d authz.Decision) Message {
	p := &page{}
	l := (&line{}).bold("The freeze is over.")
	if len(f.Votes) > 0 && d.Allowed {
		l.say(" Ended by ")
		for i, vote := range f.Votes {
			if i > 0 {
				l.say(", ")
			}
			l.person(vote.SlackID)
		}
		l.say(".")
	} else {
		l.say(" Its time was up.")
	}
	p.add(l.say(" What was approved before it goes on now; everything else waits for a decision again, with the time that was left. Deny what should not go on."))
	return p.message()
}

// ThawAnswer answers whoever typed unfreeze.
func ThawAnswer(f *Freeze, d authz.Decision) Message {
	if d.Enough() {
		return note("The freeze is over. What was approved before it goes on now.")
	}
	p := &page{}
	p.add((&line{}).say("Noted: %d of %d. The freeze goes on until another approver types `/revoke-sessions unfreeze` too, or ", d.Have, d.Need).when(f.Until).say("."))
	return p.message()
}
