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
	approvedSoFar(r, l).say(" Waiting for ")
	if n := r.Need - have; n == 1 {
		l.say("one more: ")
	} else {
		l.say("%d more: ", n)
	}
	return l.deciders(v).say(".")
}

// approvedSoFar says who approved a request that takes several approvals.
func approvedSoFar(r *bot.Request, l *line) *line {
	for i, given := range r.Approvals {
		if i > 0 {
			l.say(", ")
		}
		l.person(given.SlackID)
	}
	return l.bold(" approved (%d of %d).", len(r.Approvals), r.Need)
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
	alone := "It revokes nothing by itself."
	if r.Drill {
		alone = "Nothing is changed."
	}
	p.add(begin(r).bold("Your approval counts. %s", alone).say(" ").join(approvals(r, v)).say(" (%s)", r.ID))
	return p.message()
}

// nextIsLast reports whether the next approval is the last one needed, so that it leads
// to the call.
func nextIsLast(r *bot.Request) bool { return len(r.Approvals)+1 >= r.Need }

// approvalLabel counts the next approval on a button.
func approvalLabel(r *bot.Request, label string) string {
	return fmt.Sprintf("%s (%d of %d)", label, len(r.Approvals)+1, r.Need)
}

// approveButton is the button of an approval that others must follow. If somebody else was
// faster, so that it would be the last one, the click does nothing. yet says what is known
// of revokes so far.
func approveButton(r *bot.Request, action, label, yet string) *slack.ButtonBlockElement {
	have := len(r.Approvals) + 1
	label = approvalLabel(r, label)
	more := "One more person must approve."
	if n := r.Need - have; n > 1 {
		more = fmt.Sprintf("%d more people must approve.", n)
	}
	question := fmt.Sprintf("This counts as your approval for %s. %s %s", inDialog(r), yet, more)
	if r.Drill {
		question = fmt.Sprintf("DRILL: this counts as your approval for %s. Nothing is changed. %s", inDialog(r), more)
	}
	return asking(button(action, label, r.ID, slack.StylePrimary), label+"?", question)
}
