package message

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// FrozenNow answers the approver who froze.
func FrozenNow(f *bot.Freeze) bot.Message {
	p := &page{}
	p.add(freezeEnding((&line{}).bold("Every revoke is held back now.").say(tellingChannel+" "), f))
	p.add((&line{}).say("You may freeze again %s after it has ended, not before.", Spell(authz.Rest)))
	return p.message()
}

// ThawAnswer answers an approver who typed unfreeze.
func ThawAnswer(f *bot.Freeze, d authz.Decision) bot.Message {
	if d.Enough() {
		return Note("The freeze is over. What was approved before it is checked again now, and goes on where that still holds." + tellingChannel)
	}
	p := &page{}
	p.add((&line{}).
		say("Noted: %d of %d. The freeze goes on until another approver types `/revoke-sessions unfreeze` too, or ", d.Have, d.Need).
		when(f.Until).say("." + tellingChannel))
	return p.message()
}

// freezeReason adds the reason for the freeze, if one was typed.
func freezeReason(f *bot.Freeze, p *page) {
	if f.Reason != "" {
		p.add((&line{}).say("Reason: ").typed(f.Reason))
	}
}

// FreezeAnnouncement is the notice about a freeze. The poster redraws it; the stored
// Message serves a replica of an earlier version.
func FreezeAnnouncement(f *bot.Freeze, v View) *bot.Notice {
	return &bot.Notice{Key: "freeze", Message: freezeNotice(f, v, false)}
}

// freezeNotice is the one message about a freeze in its current state. During the
// freeze it mentions all approvers. late means that nothing was posted until the
// freeze was over.
func freezeNotice(f *bot.Freeze, v View, late bool) bot.Message {
	p := &page{}
	if !f.EndedAt.IsZero() {
		p.add(thawed(f, late))
		return p.message()
	}
	p.add((&line{}).person(f.By.SlackID).bold(" has frozen every revoke.").
		say(" Nothing that was asked for is lost: requests, looking things up and verifying go on, and no request expires. " +
			"Nobody can confirm anything."))
	freezeReason(f, p)
	if len(f.Votes) > 0 {
		p.add(freezeVote(f))
	}
	p.add(freezeEnding((&line{}).everyone(v.Approvers).say(", please look. "), f))
	if v.Emergency != "" {
		p.add((&line{}).say("A device is lost meanwhile? ").typed(v.Emergency))
	}
	return p.message()
}

// thawed says that a freeze is over, and why.
func thawed(f *bot.Freeze, late bool) *line {
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
	return l.say(" What was approved before it is checked again now: it goes on where that still holds, " +
		"and asks for approval again where it does not. " +
		"Everything else waits for a decision again, with the time that was left. Deny what should not go on.")
}

// freezeVote says who voted to end the freeze, and how many votes are missing.
func freezeVote(f *bot.Freeze) *line {
	return (&line{}).person(f.Votes[len(f.Votes)-1].SlackID).say(" asks to end the freeze: %d of %d. It goes on until ", f.Have, f.Need).
		say("another approver types `/revoke-sessions unfreeze` too, or ").when(f.Until).say(".")
}

// freezeNews is the new message under the notice of a freeze about its last step.
func freezeNews(f *bot.Freeze, v View) bot.Message {
	p := &page{}
	if f.EndedAt.IsZero() {
		p.add(freezeVote(f).say(" ").people(v.Approvers))
	} else {
		p.add(thawed(f, false))
	}
	return p.message()
}
