package message

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// endFreeze is the button of the notice, and of the form if that click ends the freeze.
const endFreeze = "End the freeze"

// askToEnd is the button of the form if another approver must ask too.
const askToEnd = "Ask to end the freeze"

// afterwards says what the end of a freeze does to the requests.
const afterwards = "Approved requests that pass a new check run now. The rest wait for a decision again."

// FrozenNow answers the approver who froze.
func FrozenNow(f *bot.Freeze) bot.Message {
	p := &page{}
	p.add(freezeEnding((&line{}).bold("All revokes are frozen now.").say(tellingChannel+" "), f))
	p.add((&line{}).say("You can freeze again %s after it has ended.", Spell(authz.Rest)))
	return p.message()
}

// ThawAnswer answers an approver who asked to end the freeze.
func ThawAnswer(f *bot.Freeze, d authz.Decision) bot.Message {
	p := &page{}
	if d.Enough() {
		p.add((&line{}).bold("The freeze is over.").say(" " + afterwards + tellingChannel))
		return p.message()
	}
	p.add(howLong((&line{}).bold("You asked to end the freeze (%d of %d).", d.Have, d.Need), f).say(tellingChannel))
	return p.message()
}

// freezeReason adds the reason for the freeze, if one was typed.
func freezeReason(f *bot.Freeze, p *page) {
	if f.Reason != "" {
		p.add((&line{}).say("Reason: ").typed(f.Reason))
	}
}

// FreezeAnnouncement is the notice about a freeze. The poster redraws it and adds the
// button; the stored Message serves a replica of an earlier version.
func FreezeAnnouncement(f *bot.Freeze, v View) *bot.Notice {
	return &bot.Notice{Key: bot.FreezeKind, Message: freezeNotice(f, v, false).message()}
}

// freezeNotice is the one message about a freeze in its current state, without its
// button. During the freeze it mentions all approvers. late means that nothing was posted
// until the freeze was over.
func freezeNotice(f *bot.Freeze, v View, late bool) *page {
	p := &page{}
	if !f.EndedAt.IsZero() {
		p.add(thawed(f, late))
		return p
	}
	p.add((&line{}).person(f.By.SlackID).bold(" froze all revokes.").
		say(" No revoke starts, and nobody can approve one. People can still ask, and no request expires."))
	freezeReason(f, p)
	if len(f.Votes) > 0 {
		p.add(freezeVote(f))
	}
	p.add(freezeEnding((&line{}).everyone(v.Approvers).say(", please look. "), f))
	if v.Emergency != "" {
		p.add((&line{}).say("Is a device lost meanwhile? ").typed(v.Emergency))
	}
	return p
}

// thawed says that a freeze is over, and why.
func thawed(f *bot.Freeze, late bool) *line {
	l := (&line{}).bold("The freeze is over.")
	switch n := len(f.Votes); {
	case late:
		l.say(" All revokes were frozen from ").when(f.BeganAt).say(" until ").when(f.EndedAt).say("; I could not post this before.")
	case f.EndedAt.Before(f.Until) && n > 0:
		l.say(" ").person(f.Votes[n-1].SlackID).say(" ended it")
		if n > 1 {
			l.say("; ").people(slackIDsOf(f.Votes[:n-1])).say(" asked before")
		}
		l.say(".")
	default:
		l.say(" Its time was up.")
	}
	return l.say(" " + afterwards + " Deny what must not run.")
}

func slackIDsOf(people []authz.Asker) (ids []string) {
	for _, p := range people {
		ids = append(ids, p.SlackID)
	}
	return ids
}

// freezeVote says who asked last to end the freeze, and how many must still ask.
func freezeVote(f *bot.Freeze) *line {
	return howLong((&line{}).person(f.Votes[len(f.Votes)-1].SlackID).bold(" asked to end the freeze (%d of %d).", f.Have, f.Need), f)
}

// howLong says how long a freeze goes on after somebody asked to end it.
func howLong(l *line, f *bot.Freeze) *line {
	return l.say(" The freeze goes on until another approver asks too, or until ").when(f.Until).say(".")
}

// freezeNews is the new message under the notice of a freeze about its last step. It
// mentions the approvers who have not asked yet.
func freezeNews(f *bot.Freeze, v View) bot.Message {
	p := &page{}
	if !f.EndedAt.IsZero() {
		p.add(thawed(f, false))
		return p.message()
	}
	l, asked := freezeVote(f), slackIDsOf(f.Votes)
	others := slices.DeleteFunc(slices.Clone(v.Approvers), func(name string) bool { return slices.Contains(asked, name) })
	if len(others) > 0 {
		l.say(" ").people(others).say(": press ").bold(endFreeze).say(" on the notice above if you agree.")
	}
	p.add(l)
	return p.message()
}

// unfreezeButton is on the notice while the freeze is on. Its value only says which
// freeze the notice shows.
func unfreezeButton(f *bot.Freeze) *slack.ButtonBlockElement {
	return button(bot.ActionUnfreeze, endFreeze, strconv.FormatInt(f.ID, 10), slack.StyleDefault)
}

// Unfreezing is one person's click to end a freeze, before they submit the form.
type Unfreezing struct {
	Freeze *bot.Freeze
	authz.Decision
	Reader string
	Policy *authz.Policy
}

// Promise identifies what the form says that the click does. The submission carries it,
// and does nothing if it would do something else by then.
func (u Unfreezing) Promise() string {
	return fmt.Sprintf("%d.%d %s", u.Freeze.ID, u.Freeze.Version, u.label())
}

// label is the form's title and submit button.
func (u Unfreezing) label() string {
	if u.Enough() {
		return endFreeze
	}
	return askToEnd
}

// UnfreezeForm is the modal that says what the click on the notice's button does. Its
// metadata is the ID of the stored click and the Promise, and gives no right.
func UnfreezeForm(u Unfreezing, arrival int64) Modal {
	p := &page{}
	if u.Enough() {
		p.add((&line{}).bold("This ends the freeze now."))
	} else {
		p.add((&line{}).bold("This only asks to end the freeze. Revokes stay frozen."))
	}
	p.add(u.count())
	if u.Enough() {
		p.add((&line{}).say(afterwards))
	} else {
		p.add((&line{}).say("Another approver's click ends it. Approved requests that pass a new check run then, " +
			"and the rest wait for a decision again."))
	}
	p.add((&line{}).say("Frozen by ").person(u.Freeze.By.SlackID).say(". It ends by itself: ").when(u.Freeze.Until).say("."))
	freezeReason(u.Freeze, p)
	return Modal{
		Type: slack.VTModal, CallbackID: bot.UnfreezeCallback, PrivateMetadata: fmt.Sprintf("%d %s", arrival, u.Promise()),
		Title: plainText(u.label()), Submit: plainText(u.label()), Close: plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: p.blocks()},
	}
}

// count says how many people must ask, and who has.
func (u Unfreezing) count() *line {
	l := &line{}
	if u.Need > 1 {
		l.say("The policy needs %d approvers for this", u.Need)
		if alone := u.Policy.Freeze.Unfreeze; len(alone) > 0 {
			l.say(", or one of ").people(alone).say(" alone")
		}
		l.say(". ")
	} else {
		l.say("Nobody else has to agree. ")
	}
	before := slices.DeleteFunc(slackIDsOf(u.Freeze.Votes), func(id string) bool { return id == u.Reader })
	if len(before) == 0 {
		if u.Need > 1 {
			l.say("Nobody has asked yet.")
		}
		return l
	}
	l.say("Asked before you: ").people(before)
	if counts := u.Have - 1; u.Need > 1 && counts < len(before) { // somebody is no approver any more
		l.say(" (%d of these %s now)", counts, map[bool]string{true: "counts", false: "count"}[counts == 1])
	}
	return l.say(".")
}

// UnfreezeNotOpened answers a press of the notice's button whose form did not open;
// with unsure, it may have opened.
func UnfreezeNotOpened(unsure bool) bot.Message {
	p, l := &page{}, &line{}
	if unsure {
		l.say("I don't know whether the form opened. The freeze goes on. If you see the form, submit it. If you see none, press ")
	} else {
		l.say("The form did not open, so your click did nothing. Press ")
	}
	p.add(l.bold(endFreeze).say(" again, or type `/revoke-sessions unfreeze`."))
	return p.message()
}

// NoticeRefusal answers a click that is not on the stored notice of the freeze that is
// on; with unnoted, the bot has not stored yet where that is.
func NoticeRefusal(unnoted bool) bot.Message {
	p, l := &page{}, &line{}
	if unnoted {
		l.say("I'm not ready for this button yet, so your click changed nothing. Press again in a few seconds,")
	} else {
		l.say("This is not the notice of the current freeze, so your click changed nothing. Press ").bold(endFreeze).
			say(" on the notice in the approvers' channel,")
	}
	p.add(l.say(" or type `/revoke-sessions unfreeze`."))
	return p.message()
}

// UnfreezeFormTooOld answers the submission of a form whose click is not stored any more.
func UnfreezeFormTooOld() bot.Message {
	p := &page{}
	p.add((&line{}).say("This form is too old, so it did nothing. Press ").bold(endFreeze).say(" on the notice again."))
	return p.message()
}

// freezeChanged refuses the submission of a form that is not true any more.
func freezeChanged(l *line, _ *bot.Request, _ View) {
	l.say("The freeze changed while your form was open, so the form no longer said what your click does. Press ").
		bold(endFreeze).say(" on the notice again.")
}
