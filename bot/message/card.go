package message

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// card is the message in the approvers' channel.
func card(r *bot.Request, v View) bot.Message {
	above, buttons, below := cardParts(r, v)
	p := &page{}
	for _, l := range above {
		p.add(l)
	}
	p.buttons(buttons...)
	p.add(below)
	m := p.message()
	m.Plain = func(code string) bot.Message { return plainCard(r, v, code) }
	return m
}

// cardParts returns the card's lines above the buttons, the buttons, and the line below
// them.
func cardParts(r *bot.Request, v View) (above []*line, buttons []*slack.ButtonBlockElement, below *line) {
	above, buttons, below = decisionParts(r, v)
	above = append(requestLines(r, v), above...)
	return slices.DeleteFunc(above, func(l *line) bool { return len(l.parts) == 0 }), buttons, below
}

// requestLines say what the card is about, in every state.
func requestLines(r *bot.Request, v View) []*line {
	all := []*line{unitMayBeWhy(r, headline(r, mark(r), v))} // not in headline, which a status shows too
	id := &line{}
	if r.State != bot.Pending {
		id.typed(r.Name()).say(" · ")
	}
	if r.Words.UPN != "" {
		id.typed(r.Words.UPN).say(" · ")
	}
	id.say("asked by ").askers(r)
	id.say(" · %s", r.ID)
	if len(r.Attempts) > 0 && !r.Drill {
		id.say(" · %s", r.Called())
	}
	all = append(all, id)
	if !r.StalledAt.IsZero() {
		all = append(all, stalledLine(r))
	}
	all = append(all, reasonLine(r.Words.Reason))
	if r.Replaces != "" && r.State == bot.Pending {
		all = append(all, (&line{}).
			say("This takes the place of %s, whose card was no longer true. Nobody has confirmed this one.", r.Replaces))
	}
	if v.Freeze != nil && (r.State == bot.Pending || r.State == bot.Approved || r.Retryable(v.Now)) {
		all = append(all, frozenLine(v.Freeze))
	}
	return all
}

// decisionParts are the card's warnings and buttons, if there is something to decide.
func decisionParts(r *bot.Request, v View) (above []*line, buttons []*slack.ButtonBlockElement, below *line) {
	add := func(lines ...*line) { above = append(above, lines...) }
	switch {
	case r.State == bot.Pending:
		add(reopenedLine(r, v))
		add(warnings(r, v)...)
		if !r.CancelAskedAt.IsZero() {
			add((&line{}).say("⚠ ").typed(r.Name()).say("'s Slack account asked to cancel (").when(r.CancelAskedAt).
				say("). Phone them before you do: whoever holds the phone may have pressed it."))
		}
		add(denyAsked(r), whatWillHappen(r), approvals(r, (&line{})))
		done := (&line{}).bold("Nothing has been done yet.")
		if v.Meanwhile != nil {
			done = (&line{}).bold("Nothing has been done for this request yet.")
		}
		add(ifUndecided(r, done.say(" "), v))
		return above, pendingButtons(r), details(r, v)
	case offersDeny(r, v):
		if v.Meanwhile != nil {
			add(revokedMeanwhile(r, v.Meanwhile))
		}
		add((&line{}).say("An approver can still stop this."), denyAsked(r))
		buttons = append(buttons, button(bot.ActionDeny, "Deny", r.ID, slack.StyleDefault))
	case r.Retryable(v.Now):
		if v.Meanwhile != nil {
			add(revokedMeanwhile(r, v.Meanwhile))
		}
		add(approvals(r, (&line{})))
		add((&line{}).say("“Try again” is a new decision, with every check, until ").when(r.Verdict().At.Add(bot.RetryWindow)).say("."))
		buttons = append(buttons, button(bot.ActionRetry, "Try again", r.ID, slack.StyleDanger))
	}
	return above, buttons, &line{}
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
	must, buttons, below := cardParts(&short, v)
	if r.State == bot.Pending {
		must = slices.Insert(must, 2, (&line{}).say("%s", laneWords[r.Lane]))
	}
	refusal := func() *line { return (&line{}).say("Slack refused the full card (%s).", bot.ShownCode(code)) }
	lines := append(slices.Clone(must), below, refusal())
	if tooLong(lines) {
		lines = append(slices.Clone(must), refusal().say(" Object ID %s. What else is known of the account is left out here.", r.Target.ID))
	}
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
		people.say(". Can be decided by: ").deciders(v)
	}
	return plainMessage(lines, people.say("."), buttons)
}

// laneWords describe the lane on a plain card.
var laneWords = map[authz.Lane]string{authz.Self: "They report their own device.", authz.ThirdParty: "Somebody else asks for this."}

// details is the line below the buttons, with facts that an approver may look up.
func details(r *bot.Request, v View) *line {
	l := &line{}
	if !r.Drill {
		l.typed(r.Name()).say(" must then sign in again: in most Microsoft apps within minutes, " +
			"elsewhere when the app's access ends, usually within 90 minutes. ")
	}
	if r.Need == 0 {
		l.typed(r.Name()).say(" can confirm this on the receipt, or an approver here. ")
	}
	l.say("Can be decided by: ").deciders(v).say(". ")
	l.say("Called is %s", r.Operation)
	if r.Fallback != "" {
		l.say(", or %s where that is gone or not permitted", r.Fallback)
	}
	l.say(". ")
	known := *r
	if v.Meanwhile != nil {
		known.RevokedBefore = time.Time{} // not the last one
	}
	if accountFacts(&known, l); v.Meanwhile != nil {
		l.say(" When this card was made, sessions were valid since ")
	} else {
		l.say(" Sessions valid since ")
	}
	return l.when(r.Target.Stamps.ValidFrom()).say(". Object ID %s.", r.Target.ID)
}

// deactivated says how a deactivated Slack account led to the target.
func deactivated(r *bot.Request, v View) *line {
	l := (&line{}).say(" ").person(r.TargetLeft)
	if v.Policy != nil && v.Policy.Identity.ByMap && v.Policy.Identity.Map[r.TargetLeft] != "" {
		return l.say("'s Slack account is deactivated; the policy's map names this account for it.")
	}
	return l.say("'s Slack account is deactivated; the e-mail address that Slack still shows led to this account, and nobody vouches for it.")
}

func pendingButtons(r *bot.Request) []*slack.ButtonBlockElement {
	question := fmt.Sprintf("%s (%s) must sign in again everywhere. This cannot be undone.", r.Name(), r.Words.UPN)
	if r.Drill {
		question = fmt.Sprintf("DRILL: the account of %s (%s) is read once. Nothing is changed.", r.Name(), r.Words.UPN)
	}
	buttons := []*slack.ButtonBlockElement{confirmButton(r, question), button(bot.ActionDeny, "Deny", r.ID, slack.StyleDefault)}
	if cancellable(r) {
		buttons = append(buttons, button(bot.ActionCancel, "Cancel request", r.ID, slack.StyleDefault))
	}
	return buttons
}

// confirmButton is the red button, with a dialog that asks once more.
func confirmButton(r *bot.Request, question string) *slack.ButtonBlockElement {
	label, title := "Revoke sessions", "Revoke all sessions?"
	if r.Drill {
		label, title = "Rehearse", "Rehearse?"
	}
	confirm := button(bot.ActionConfirm, label, r.ID, slack.StyleDanger)
	question = bot.CutRunes(question, maxDialogText)
	dialog := slack.NewConfirmationBlockObject(plainText(title), plainText(question), plainText(label), plainText("Go back"))
	confirm.Confirm = dialog.WithStyle(slack.StyleDanger)
	return confirm
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
			l.say(" If I see it soon, this request is not carried out by itself.")
		}
		return l
	default:
		l.bold("Revoked already, for another request:").say(" %s, ", other.ID).when(other.AcceptedAt).
			say(". To revoke again signs ").typed(r.Name()).say(" out again. Is once enough? Then ")
		switch r.State {
		case bot.Pending:
			return l.say("press Deny.")
		case bot.Approved:
			return l.say("press Deny, which stops this request.")
		}
		return l.say("nothing needs to be done.") // this card has no Deny button
	}
	return l.say(" %s, ", other.ID).when(other.AcceptedAt).say(".")
}
