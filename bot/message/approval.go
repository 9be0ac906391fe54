package message

import (
	"fmt"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// The policy may ask for several approvals. Only the last one leads to the call.

// approvals says who approved and who is still needed. It adds nothing if one approval is
// enough.
func approvals(r *bot.Request, v View) *line {
	l := &line{}
	have := len(r.Approvals)
	switch {
	case r.Need < 2:
		return l
	case have == 0:
		return l.bold("Waiting for %d approvals.", r.Need)
	}
	for i, given := range r.Approvals {
		if i > 0 {
			l.say(", ")
		}
		l.person(given.SlackID)
	}
	l.bold(" approved (%d of %d).", have, r.Need).say(" Waiting for ")
	if n := r.Need - have; n == 1 {
		l.say("one more: ")
	} else {
		l.say("%d more: ", n)
	}
	return l.deciders(v).say(".")
}

// approvalNote says in the thread who approved, and mentions those who are still needed.
func approvalNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).boldTyped(r.Name()).say(": ").join(approvals(r, v)).say(" Please decide on the card. (%s)", r.ID))
	return p.message()
}

// Approved answers an approver whose button said that it revokes, while others must still
// approve.
func Approved(r *bot.Request, v View) bot.Message {
	p := &page{}
	yet := "Nothing is revoked yet."
	if r.Drill {
		yet = "Nothing is changed."
	}
	p.add(begin(r).bold("Your approval counts. %s", yet).say(" ").join(approvals(r, v)).say(" (%s)", r.ID))
	return p.message()
}

// nextIsLast reports whether the next approval is the last one needed, so that it leads
// to the call.
func nextIsLast(r *bot.Request) bool { return len(r.Approvals)+1 >= r.Need }

// approveButton is the button of an approval that others must follow. If somebody else was
// faster, so that it would be the last one, the click does nothing.
func approveButton(r *bot.Request, action, label string) *slack.ButtonBlockElement {
	have := len(r.Approvals) + 1
	label = fmt.Sprintf("%s (%d of %d)", label, have, r.Need)
	more := "One more person must approve."
	if n := r.Need - have; n > 1 {
		more = fmt.Sprintf("%d more people must approve.", n)
	}
	question := fmt.Sprintf("This counts as your approval for %s. Nothing is revoked yet. %s", inDialog(r), more)
	if r.Drill {
		question = fmt.Sprintf("DRILL: this counts as your approval for %s. Nothing is changed. %s", inDialog(r), more)
	}
	return asking(button(action, label, r.ID, slack.StylePrimary), label+"?", question)
}
