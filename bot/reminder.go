package bot

import (
	"strings"

	"revoke-sessions/authz"
)

// Reminder is the message in the card's thread while nobody has decided. It
// mentions only those who can act.
func Reminder(r *Request, v View) Message {
	p := &page{}
	l := r.begin().bold("Nobody has decided this yet")
	if n := len(r.Approvals); n > 0 {
		l = r.begin().bold("This has %d of %d approvals", n, r.Need)
	}
	p.add(l.bold(", %s after the report.", spell(r.RemindedAt.Sub(r.CreatedAt))).say(" ").deciders(v).say(": please decide on the card."))
	if r.Executes {
		p.add(ahead(r, &line{}, v))
	}
	p.add(elsewhere(v))
	return p.message()
}

// Escalation calls those whom the policy names when nobody decides.
func Escalation(r *Request, v View) Message {
	p := &page{}
	l := r.begin().bold("Nobody decides ").bold("%s.", r.ID).say(" ")
	if v.Policy != nil {
		l.people(v.Policy.Reminders.EscalateTo)
	}
	p.add(l.say(": please get one of those who may decide: ").deciders(v).say("."))
	p.add(elsewhere(v))
	return p.message()
}

// elsewhere is what to do where nobody answers.
func elsewhere(v View) *line {
	l := &line{}
	if v.Emergency != "" {
		l.say("Nobody answers? ").typed(v.Emergency)
	}
	return l
}

// CoverageNotice tells the channel that too few approvers could decide, or that
// others read along.
func CoverageNotice(problems []shortfall, able int, channel ChannelProblem, v View) Message {
	p := &page{}
	if len(problems) > 0 {
		p.add((&line{}).bold("Too few approvers: I know of %d who could decide.", able).
			say(" An approver must be a full member of this workspace whose Slack account leads to exactly one Entra account that may sign in. Whoever runs the bot must name more, or ask for fewer approvals:"))
		var items []*line
		for _, s := range problems {
			items = append(items, (&line{}).say("%s needs %s", s.what, countApprovals(s.need)))
		}
		p.list(items...)
		p.add((&line{}).say("Named are: ").people(v.Approvers).say("."))
	}
	if channel != "" {
		p.add((&line{}).bold("About this channel: ").say("%s.", channel.Says()))
	}
	return p.message()
}

// lapsed tells the thread that an approval counts no more.
func lapsed(r *Request, n int) Message {
	p := &page{}
	p.add(r.begin().say("The approval of ").person(r.Lapsed[n].SlackID).
		say(" does not count any more: they may not decide this now. Somebody else must."))
	return p.message()
}

// differenceWords say what has changed, for a sentence that goes on.
var differenceWords = map[Difference]string{
	Renamed:        "the account was renamed",
	GuestChanged:   "the account became a guest, or is none any more",
	Gone:           "the account does not exist any more",
	OtherOperation: "the bot is set to another operation",
	MoreApprovals:  "more approvals are needed now",
	Altered:        "the stored request is not what the card showed; whoever runs the bot should look at the database",
	NowBlocked:     "the policy lets nobody revoke this account here any more",
}

// voidLine says what made a request void, and what follows.
func voidLine(r *Request, l *line) *line {
	var words []string
	for _, d := range r.Changed {
		words = append(words, differenceWords[d])
	}
	l.bold("This changed since the preview: %s. Nothing was done.", strings.Join(words, "; "))
	if r.ReplacedBy == "" {
		return l.say(" Ask again with `/revoke-sessions` if it is still needed.")
	}
	return l.say(" A new card follows: %s.", r.ReplacedBy)
}

// VoidNow answers whoever confirmed what was no longer true.
func VoidNow(r *Request, v View) Message {
	p := &page{}
	p.add(voidLine(r, r.begin()).say(" Your click confirmed nothing. Please read the new card."))
	return p.message()
}

// onlySelf reports whether the reporter's own Confirm is enough.
func (r *Request) onlySelf() bool { return r.Lane == authz.Self && r.Need == 0 }
