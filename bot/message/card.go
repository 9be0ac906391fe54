package message

import (
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// cardContent is what a card says, from top to bottom.
type cardContent struct {
	title   *line
	fields  []*line // account, asker, reason, deadline
	notes   []*line // warnings: what deviates
	body    []*line // what a click does, and what happens next
	buttons []*slack.ButtonBlockElement
	last    *line // small print: our own words, mentions and dates only
}

// words are the card's lines without the small print.
func (c *cardContent) words() []*line {
	all := slices.Concat([]*line{c.title}, c.fields, c.notes, c.body)
	return slices.DeleteFunc(all, func(l *line) bool { return len(l.parts) == 0 })
}

// card is the message in the approvers' channel.
func card(r *bot.Request, v View) bot.Message {
	c := contentOf(r, v)
	p := &page{}
	if r.State == bot.Pending { // the first line of any other card mentions people
		p.title(c.title)
	} else {
		p.add(c.title)
	}
	p.rows(c.fields...)
	p.rows(c.notes...)
	for _, l := range c.body {
		p.add(l)
	}
	p.buttons(c.buttons...)
	p.small(c.last)
	m := p.message()
	m.Plain = func(code string) bot.Message { return plainCard(r, v, code) }
	return m
}

// contentOf returns what a request's card says now.
func contentOf(r *bot.Request, v View) cardContent {
	c := cardContent{title: unitMayBeWhy(r, headline(r, mark(r), v)), fields: fields(r, v)}
	c.notes, c.body, c.buttons = decisionParts(r, v)
	if !r.StalledAt.IsZero() {
		c.notes = append([]*line{stalledLine(r)}, c.notes...)
	}
	if v.Freeze != nil && (r.State == bot.Pending || r.State == bot.Approved || r.Retryable(v.Now)) {
		c.notes = append(c.notes, frozenLine(v.Freeze))
	}
	drop := func(l *line) bool { return len(l.parts) == 0 }
	c.notes, c.body = slices.DeleteFunc(c.notes, drop), slices.DeleteFunc(c.body, drop)
	c.buttons = append(c.buttons, button(bot.ActionDetails, "Details", r.ID, slack.StyleDefault))
	c.last = smallPrint(r, v)
	return c
}

// fields say which account it is about, who asked, why, and until when it is open.
func fields(r *bot.Request, v View) []*line {
	account := (&line{}).bold("Account: ")
	if r.Words.UPN != "" {
		account.typed(r.Words.UPN)
	} else {
		account.say("%s", r.Target.ID)
	}
	asked := (&line{}).bold("Asked by: ").askers(r)
	if r.State == bot.Pending && v.Freeze == nil && r.StalledAt.IsZero() && !r.Executes {
		asked.say(" · ").bold("Expires: ").when(r.Deadline())
	}
	return append([]*line{account, asked, reasonLine(r.Words.Reason)}, sourceLine(r, v)...)
}

// sourceLine links to the message in which the request began, if everybody can open it.
func sourceLine(r *bot.Request, v View) []*line {
	link := v.Sources[r.Requester().SlackID]
	if link == "" {
		return nil
	}
	return []*line{(&line{}).bold("From: ").link(link, "a message")}
}

// smallPrint names the approvers and the request, and in one quiet phrase an ordinary
// account.
func smallPrint(r *bot.Request, v View) *line {
	l := &line{}
	if r.State == bot.Pending {
		if quiet := ordinary(r); quiet != "" {
			l.say("%s · ", quiet)
		}
		if len(r.Approvals) == 0 { // else the body names those still needed
			l.say("Approvers: ").deciders(v).say(" · ")
		}
	}
	if l.say("%s", r.ID); len(r.Attempts) > 0 && !r.Drill {
		l.say(" · %s", r.Called())
	}
	return l
}

// decisionParts are the card's warnings, body and buttons, if there is something to
// decide.
func decisionParts(r *bot.Request, v View) (notes, body []*line, buttons []*slack.ButtonBlockElement) {
	add := func(lines ...*line) { body = append(body, lines...) }
	switch {
	case r.State == bot.Pending:
		notes = append([]*line{reopenedLine(r, v)}, warnings(r, v)...)
		if !r.CancelAskedAt.IsZero() {
			notes = append(notes, (&line{}).say("⚠ ").boldTyped(r.Name()).bold("'s Slack account asks to cancel").say(" (").when(r.CancelAskedAt).
				say("). Phone them first; then press Deny. Somebody who found the device could have asked."))
		}
		notes = append(notes, denyAsked(r))
		if r.Replaces != "" {
			add((&line{}).say("This replaces %s, whose card was out of date. Nobody has approved this one yet.", r.Replaces))
		}
		add(sentences(whatWillHappen(r), notRevokedYet(r, v)), approvals(r, v))
		if v.Freeze != nil || r.Executes || !r.StalledAt.IsZero() {
			add(ifUndecided(r, &line{}, v)) // else a field says when it expires
		}
		if r.Need == 0 {
			add((&line{}).typed(r.Name()).say(" can press the button on the receipt, or an approver here."))
		}
		return notes, body, pendingButtons(r, v)
	case offersDeny(r, v):
		if v.Meanwhile != nil {
			notes = append(notes, revokedMeanwhile(r, v.Meanwhile))
		}
		add((&line{}).say("An approver can still stop this."), denyAsked(r))
		buttons = append(buttons, button(bot.ActionDeny, "Deny", r.ID, slack.StyleDefault))
	case r.Retryable(v.Now):
		if v.Meanwhile != nil {
			notes = append(notes, revokedMeanwhile(r, v.Meanwhile))
		}
		if len(r.Approvals) > 0 {
			add(approvals(r, v))
		}
		if v.Freeze != nil {
			break // nobody can try again until it ends
		}
		add((&line{}).say("“%s” works until ", retryLabel(r)).when(r.Verdict().At.Add(bot.RetryWindow)).
			say(". It is a new decision, and every check runs again."))
		buttons = append(buttons, retryButton(r, whoSignsInAgain(r)))
	}
	return notes, body, buttons
}

// sentences puts two sentences in one paragraph.
func sentences(a, b *line) *line {
	if len(a.parts) > 0 && len(b.parts) > 0 {
		a.say(" ")
	}
	return a.join(b)
}

// notRevokedYet says that no revoke was made for a pending request.
func notRevokedYet(r *bot.Request, v View) *line {
	switch {
	case r.Drill:
		return &line{}
	case v.Meanwhile != nil:
		return (&line{}).bold("Nothing is revoked for this request yet.")
	}
	return (&line{}).bold("Nothing is revoked yet.")
}

// offersDeny reports whether the card of an approved request has a Deny button: only
// while the request waits.
func offersDeny(r *bot.Request, v View) bool {
	return r.Stoppable() && (v.Freeze != nil || r.Attempts.Last() != nil || r.Line != nil || r.OtherRules || r.Unasked != "")
}

// maxPlainReason is how much of a reason a plain card shows.
const maxPlainReason = 300

// plainCard replaces a card that Slack rejects: the same words in a block of the
// simplest kind. If the words that an approver must read do not fit, it has no buttons.
func plainCard(r *bot.Request, v View, code string) bot.Message {
	short := *r
	short.Words.Reason = bot.CutRunes(r.Words.Reason, maxPlainReason)
	c := contentOf(&short, v)
	must, buttons := c.words(), c.buttons
	if r.State == bot.Pending {
		must = slices.Insert(must, 1, (&line{}).say("%s", laneWords[r.Lane]))
	}
	refusal := func() *line { return (&line{}).say("Slack refused the full card (%s).", bot.ShownCode(code)) }
	lines := append(slices.Clone(must), c.last, refusal())
	if tooLong(lines) {
		buttons = nil
		end := refusal().say(" What you must know before you decide does not fit here, so this message has no buttons. " +
			"If it cannot wait, act in the Entra portal.")
		for len(must) > 1 && tooLong(lines) {
			must = must[:len(must)-1]
			lines = append(slices.Clone(must), end)
		}
	}
	people := (&line{}).say("Asked by ").askers(r)
	if r.State == bot.Pending {
		people.say(". Approvers: ").deciders(v)
	}
	return plainMessage(lines, people.say("."), buttons)
}

// laneWords describe the lane on a plain card.
var laneWords = map[authz.Lane]string{authz.Self: "They report their own device.", authz.ThirdParty: "Somebody else asks for this."}

// deactivated says how a deactivated Slack account led to the target.
func deactivated(r *bot.Request, v View) *line {
	l := (&line{}).person(r.TargetLeft).say(". ")
	if v.Policy != nil && v.Policy.Identity.ByMap && v.Policy.Identity.Map[r.TargetLeft] != "" {
		return l.say("The policy's map names this account.")
	}
	return l.say("I found this account by the e-mail address that Slack still shows. The address may be old.")
}

func pendingButtons(r *bot.Request, v View) []*slack.ButtonBlockElement {
	deny := button(bot.ActionDeny, "Deny", r.ID, slack.StyleDefault)
	switch {
	case v.Freeze != nil:
		return []*slack.ButtonBlockElement{deny} // nobody can approve until it ends
	case !nextIsLast(r):
		yet := "Nothing is revoked yet."
		if v.Meanwhile != nil {
			yet = aloneRevokesNothing
		}
		return []*slack.ButtonBlockElement{approveButton(r, bot.ActionApprove, "Approve", yet), deny}
	case r.Drill:
		return []*slack.ButtonBlockElement{confirmButton(r,
			fmt.Sprintf("DRILL: the account of %s is read once. Nothing is changed.", inDialog(r))), deny}
	}
	return []*slack.ButtonBlockElement{confirmButton(r, whoSignsInAgain(r)+" This cannot be undone."), deny}
}

// whoSignsInAgain says in a dialog what a revoke does to the person.
func whoSignsInAgain(r *bot.Request) string {
	if r.Target.Guest == graph.Yes {
		return fmt.Sprintf("%s is a guest: Microsoft accepts the call, but ends no session at the home organisation.", inDialog(r))
	}
	return fmt.Sprintf("%s must sign in again everywhere.", inDialog(r))
}

// maxNameInDialog leaves room in a dialog for the sentences after a long name.
const maxNameInDialog = 80

// inDialog names the person and the account in a dialog.
func inDialog(r *bot.Request) string {
	name := bot.CutRunes(r.Name(), maxNameInDialog)
	if r.Words.UPN == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, bot.CutRunes(r.Words.UPN, maxNameInDialog))
}

// confirmButton is the button of the last approval, with a dialog that asks once more.
// In a drill it is not red.
func confirmButton(r *bot.Request, question string) *slack.ButtonBlockElement {
	if r.Drill {
		return asking(button(bot.ActionConfirm, "Rehearse", r.ID, slack.StylePrimary), "Rehearse?", question)
	}
	return asking(button(bot.ActionConfirm, "Revoke sessions", r.ID, slack.StyleDanger), "Revoke all sessions?", question)
}

const (
	approveRetry = "Approve another try"
	// aloneRevokesNothing is true even if an earlier call may have revoked.
	aloneRevokesNothing = "This alone revokes nothing."
)

// retryLabel is what the button of a new decision is called.
func retryLabel(r *bot.Request) string {
	if nextIsLast(r) {
		return "Try again"
	}
	return approvalLabel(r, approveRetry)
}

// retryButton is the button of a new decision after a failure. who says in its dialog who
// must sign in again.
func retryButton(r *bot.Request, who string) *slack.ButtonBlockElement {
	switch {
	case !nextIsLast(r):
		return approveButton(r, bot.ActionApproveRetry, approveRetry, aloneRevokesNothing)
	case r.Drill:
		return asking(button(bot.ActionRetry, "Try again", r.ID, slack.StylePrimary), "Try again?",
			"DRILL: the account is read once more. Nothing is changed.")
	}
	question := "Microsoft Entra is asked again to revoke the sessions. " + who + " This cannot be undone."
	return asking(button(bot.ActionRetry, "Try again", r.ID, slack.StyleDanger), "Try again?", question)
}

// asking adds a dialog to a button. Its own button has the same label and style.
func asking(b *slack.ButtonBlockElement, title, question string) *slack.ButtonBlockElement {
	question = bot.CutRunes(question, maxDialogText)
	label := plainText(bot.CutRunes(b.Text.Text, maxDialogButton))
	dialog := slack.NewConfirmationBlockObject(plainText(title), plainText(question), label, plainText("Go back"))
	b.Confirm = dialog.WithStyle(b.Style)
	return b
}

// revokedMeanwhile warns on the card that another request revoked the account.
func revokedMeanwhile(r, other *bot.Request) *line {
	l := (&line{}).say("⚠ ")
	switch {
	case other.Doubtful():
		l.bold("Microsoft accepted a revoke for another request, but the account does not show it:")
	case r.Target.Guest == graph.Yes:
		l.bold("Microsoft accepted a revoke for another request, and revokes nothing for guests:")
	case other.State != bot.Verified:
		l.bold("Microsoft accepted a revoke for another request, but I have not seen it on the account yet:").
			say(" %s, ", other.ID).when(other.AcceptedAt).say(".")
		if r.Executes {
			l.say(" If I see it soon, this request is not carried out automatically.")
		}
		return l
	default:
		l.bold("Already revoked for another request:").say(" %s, ", other.ID).when(other.AcceptedAt).
			say(". Revoking again signs ").typed(r.Name()).say(" out again. Is once enough? Then ")
		switch r.State {
		case bot.Pending:
			return l.say("press Deny.")
		case bot.Approved:
			return l.say("press Deny, which stops this request.")
		}
		return l.say("you need not do anything.") // this card has no Deny button
	}
	return l.say(" %s, ", other.ID).when(other.AcceptedAt).say(".")
}
