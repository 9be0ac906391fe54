package message

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// receipt is the requester's own copy, a direct message. It holds what they typed
// and what happens next, and no fact about the account: in the self lane a
// thief may be reading it.
func receipt(r *bot.Request, v View, slackID string) bot.Message {
	p := &page{}
	p.add(receiptHeadline(r, v, slackID))
	if !r.StalledAt.IsZero() {
		p.add(stalledLine(r))
	}
	if r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing || r.State == bot.Unknown {
		p.add(wrote(r, slackID))
	}
	if r.State == bot.Pending {
		for _, l := range pendingLines(r, v) {
			p.add(l)
		}
	}
	if adviceOnSlack(r) {
		p.add(slackAdvice(r))
	}
	stalled := !r.StalledAt.IsZero() && !r.State.Accepted()
	if stalled || slices.Contains([]bot.State{
		bot.Pending, bot.Failed, bot.Unknown, bot.Expired, bot.Denied, bot.Void, bot.Lost,
	}, r.State) {
		p.add(emergencyFor(r, v))
	}
	return receiptMessage(p, receiptButtons(r, v))
}

// closedReceipt is the receipt once another direct message tells the outcome.
func closedReceipt(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := begin(r).say("%s: ", r.ID)
	if r.State.Undone() || r.State == bot.Lost {
		l.say("closed. See my message below.")
	} else {
		l.say("see my message below.")
	}
	var buttons []*slack.ButtonBlockElement
	if r.OnlySelf() && r.Retryable(v.Now) {
		buttons = receiptButtons(r, v)
	}
	p.add(l)
	return receiptMessage(p, buttons)
}

// receiptMessage adds the buttons, and what to show if Slack refuses the message.
func receiptMessage(p *page, buttons []*slack.ButtonBlockElement) bot.Message {
	var lines []*line
	for _, g := range p.groups {
		lines = append(lines, g.lines...)
	}
	p.buttons(buttons...)
	m := p.message()
	m.Plain = func(code string) bot.Message {
		lines := append(slices.Clone(lines), (&line{}).say("Slack did not take the whole of this message (%s).", bot.ShownCode(code)))
		if tooLong(lines) {
			return wordsAlone(m, code)
		}
		return plainMessage(lines, nil, buttons)
	}
	return m
}

// receiptHeadline says what happened to the request, or who must act next.
func receiptHeadline(r *bot.Request, v View, slackID string) *line {
	l := mark(r)
	switch {
	case r.State == bot.Pending:
		return waitsFor(r, l, v)
	case r.State == bot.Cancelled && r.Verdict().SlackID == slackID:
		l.about(r).bold("you cancelled this request.").say(" %s", nothingDone(r))
	case r.State.Undone():
		l = ending(r, l)
	case r.State == bot.Lost:
		l = lost(r, l)
	case r.State == bot.Approved, r.State == bot.Executing:
		l = outcomeHeadline(r, l, v)
	default:
		l = receiptOutcome(r, l, v)
	}
	return l.say(" (%s)", r.ID)
}

// what names a request to its requester.
func what(r *bot.Request) string {
	if r.Lane == authz.ThirdParty {
		return "request"
	}
	return "report"
}

// waitsFor says who must act on a pending request, or why nobody can yet.
func waitsFor(r *bot.Request, l *line, v View) *line {
	waiting := "Waiting"
	if r.Lane == authz.ThirdParty {
		l.about(r)
		waiting = "waiting"
	}
	switch {
	case r.OnlySelf() && r.Drill:
		return l.bold("Your drill waits for you (%s).", r.ID).
			say(" Press the button to rehearse. Nothing will be changed. ").join(ifUndecided(r, &line{}, v))
	case r.OnlySelf():
		return l.bold("Your report waits for you (%s).", r.ID).
			say(" Press the button to revoke your sessions. You must then sign in again everywhere. Nothing is revoked yet. ").
			join(ifUndecided(r, &line{}, v))
	case v.CardLink == "":
		return l.bold("I stored your %s (%s), but I could not post it to the approvers' channel yet.", what(r), r.ID).join(notPosted(v))
	case v.Shut != "":
		return l.bold("I stored your %s (%s), but I cannot reach the approvers' channel now.", what(r), r.ID).join(notPosted(v))
	case len(v.Deciders) == 0:
		return l.bold("I stored your %s (%s), but I can't find anyone who can decide it.", what(r), r.ID).say(" Do not wait for it.")
	case v.Freeze != nil:
		return l.bold("%s until a freeze is over.", waiting).say(" Then an approver decides. I'll update this message. (%s)", r.ID)
	case r.Need > 1:
		return stillNeeded(r, l, v, waiting).say(" I'll update this message. (%s)", r.ID)
	}
	return l.bold("%s for ", waiting).anyOf(v).bold(".").say(" I'll update this message. (%s)", r.ID)
}

// stillNeeded says who has approved and how many approvals are missing.
func stillNeeded(r *bot.Request, l *line, v View, waiting string) *line {
	missing := max(r.Need-len(r.Approvals), 1)
	if len(r.Approvals) == 0 {
		return l.bold("%s for %d approvals: ", waiting, missing).deciders(v).bold(".")
	}
	for i, given := range r.Approvals {
		if i > 0 {
			l.say(" and ")
		}
		l.person(given.SlackID)
	}
	l.bold(" approved (%d of %d).", len(r.Approvals), r.Need)
	if missing == 1 {
		return l.say(" Waiting for one more: ").deciders(v).say(".")
	}
	return l.say(" Waiting for %d more: ", missing).deciders(v).say(".")
}

// whoIsMissing mentions the people whose approvals are missing, after "Waiting for".
func whoIsMissing(r *bot.Request, l *line, v View) *line {
	if n := r.Need - len(r.Approvals); n > 1 {
		return l.say("%d approvals: ", n).deciders(v)
	}
	return l.anyOf(v)
}

// anyOf mentions the people of whom one must decide.
func (l *line) anyOf(v View) *line {
	names := slices.DeleteFunc(slices.Clone(v.Deciders), func(name string) bool { return name == v.Reader })
	switch len(names) {
	case 0, 1:
		return l.deciders(v)
	case 2:
		return l.people(names[:1]).say(" or ").people(names[1:])
	default:
		return l.bold("one of ").people(names)
	}
}

// adviceOnSlack reports whether the receipt says how to sign Slack out on a lost device.
func adviceOnSlack(r *bot.Request) bool {
	return r.Lane == authz.Self && !r.Drill && (r.State == bot.Pending || r.State.Accepted() && good(r, ""))
}

// slackAdvice says how the person can sign Slack out on the lost device, which a revoke
// in Entra does not do.
func slackAdvice(r *bot.Request) *line {
	l := &line{}
	if r.State.Accepted() {
		l.say("This did not sign you out of Slack on your lost %s.", lostThing(r))
	} else {
		l.say("Somebody else may have your %s?", lostThing(r))
	}
	return l.say(" From a computer, open your Slack account settings and press “Sign out of all other sessions”.")
}

// wrote quotes what this requester typed.
func wrote(r *bot.Request, slackID string) *line {
	words := []string{r.Words.Also[slackID]}
	if slackID == r.Requester().SlackID {
		words = []string{r.Words.Reason, r.Words.Also[slackID]}
	}
	words = slices.DeleteFunc(words, func(s string) bool { return s == "" })
	if len(words) == 0 {
		return &line{}
	}
	return (&line{}).say("You wrote: ").typed(strings.Join(words, " · "))
}

// pendingLines say what happens next on the receipt of a pending request.
func pendingLines(r *bot.Request, v View) []*line {
	var all []*line
	if r.NotExecuted != "" {
		all = append(all, notExecuted(r, &line{}).say(" An approver must decide it."))
	}
	all = append(all, obstacles(r, v))
	if r.Executes && !r.OnlySelf() && v.Freeze == nil {
		all = append(all, ifUndecided(r, &line{}, v))
	}
	if !r.CancelAskedAt.IsZero() {
		all = append(all, cancelHeard(r, v, (&line{}).bold("Your Slack account asked to cancel").say(" (").when(r.CancelAskedAt).say(").")))
	}
	return all
}

// receiptButtons are the requester's buttons: to cancel and, if no approval is needed,
// to confirm or try again.
func receiptButtons(r *bot.Request, v View) []*slack.ButtonBlockElement {
	var buttons []*slack.ButtonBlockElement
	switch {
	case r.OnlySelf() && r.State == bot.Pending:
		question := "Your sessions are revoked: you must sign in again everywhere. This cannot be undone."
		if r.Drill {
			question = "DRILL: your account is read once. Nothing is changed."
		}
		buttons = append(buttons, confirmButton(r, question))
	case r.OnlySelf() && r.Retryable(v.Now):
		buttons = append(buttons, retryButton(r, "You must sign in again everywhere."))
	}
	if adviceOnSlack(r) && v.SlackSettings != "" {
		open := button(bot.ActionOpenSettings, "Open Slack account settings", r.ID, slack.StyleDefault)
		buttons = append(buttons, open.WithURL(v.SlackSettings))
	}
	if cancellable(r) {
		buttons = append(buttons, cancelButton(r))
	}
	return buttons
}

// cancelButton has a dialog that says what the click does.
func cancelButton(r *bot.Request) *slack.ButtonBlockElement {
	label := "Cancel " + what(r)
	return asking(button(bot.ActionCancel, label, r.ID, slack.StyleDefault), label+"?", whatCancelDoes(r))
}

// whatCancelDoes says what a cancel by the requester does: only the requester of somebody
// else's revoke ends it alone. It names the person, so it counts as typed text.
func whatCancelDoes(r *bot.Request) string {
	says := fmt.Sprintf("This ends your request about %s. Nothing is revoked. You can ask again.", bot.CutRunes(r.Name(), maxNameInDialog))
	if r.Lane == authz.Self {
		says = "This asks the approvers to cancel. Your report stays open until one of them denies it. " +
			"They phone you first, because somebody else may have your device."
	}
	if r.Drill {
		says = "DRILL: " + strings.Replace(says, "Nothing is revoked.", "Nothing is changed.", 1)
	}
	return says
}

// whyNot says why a report that nobody decided was not carried out, as part of a
// sentence.
func whyNot(why authz.Reason) *line {
	l := &line{}
	switch why {
	case bot.LookupFailed:
		return l.bold("the account could not be read")
	case bot.ProtectionUnknown:
		return l.bold("I cannot read whether the policy protects this account")
	case bot.PolicyChanged:
		return l.bold("the policy no longer does that")
	case bot.TooOld:
		return l.bold("I was more than %s too late", Spell(bot.LateTimeout))
	case bot.TimeUnclear:
		return l.bold("the record and the clock disagree about when the time was up")
	case bot.RevokedAlready:
		return l.bold("another request for this account was carried out meanwhile")
	case bot.DenyAsked:
		return l.bold("an approver pressed Deny and has not finished")
	case bot.OverLimit:
		return l.bold("this account has reached its limit of revokes")
	case bot.OverTotal:
		return l.bold("all revokes together have reached their limit")
	}
	return l.bold("only an approver may revoke this account")
}

// notExecutedNote says that a report that nobody decided was not carried out.
func notExecutedNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := mark(r).about(r).bold("an approver must still decide.").say(" ")
	p.add(notExecuted(r, l).say(" Approvers: ").deciders(v).say(". (%s)", r.ID))
	p.add(emergencyFor(r, v))
	return p.message()
}

// notPosted says why the card is missing, and which approvers know.
func notPosted(v View) *line {
	l := (&line{}).say(" I keep trying.")
	if v.Shut != "" {
		l.say(" What is wrong: %s.", ChannelSays(v.Shut))
	}
	if len(v.Told) == 0 {
		return l.say(" Tell an approver yourself: ").deciders(v).say(".")
	}
	once := "the card is posted"
	if v.CardLink != "" {
		once = "I reach the channel"
	}
	return l.say(" I sent a direct message to ").people(v.Told).say(". They can decide once %s.", once)
}

// cancelHeard says which approvers know that this account asks to cancel.
func cancelHeard(r *bot.Request, v View, l *line) *line {
	switch {
	case v.CancelPosted:
		return l.say(" I asked the approvers under the card. An approver phones you first, and then decides.")
	case len(v.CancelTold) > 0:
		return l.say(" I could not ask in the approvers' channel, so I sent a direct message to ").people(v.CancelTold).
			say(". An approver phones you first, and then decides.")
	case v.Shut != "":
		return l.say(" I could not ask the approvers yet: %s. Tell one yourself: ", ChannelSays(v.Shut)).able(v.Approvers, r.TargetSlackID).say(".")
	}
	return l.say(" I'm asking the approvers. An approver phones you first, and then decides.")
}

// obstacles tells a requester what may prevent a decision, without facts about the
// account.
func obstacles(r *bot.Request, v View) *line {
	l := &line{}
	if v.Freeze != nil {
		l.bold("All revokes are frozen now.").say(" Your %s does not expire meanwhile. ", what(r))
	}
	if short(r) && len(v.Deciders) > 0 || r.Coverage.Blind {
		l.bold("There may not be enough people who can decide this.").say(" Do not wait for it. ")
	}
	reached := v.CardLink != "" && v.Shut == ""
	if problem := r.Coverage.Channel; problem != "" && problem != bot.ChannelShared && len(v.Told) == 0 && !reached {
		l.bold("The approvers may not see this:").say(" %s. Tell one yourself. ", ChannelSays(problem))
	}
	return l
}

// outcomeNote is the direct message that tells a requester the outcome: the receipt
// changes too, but an edit notifies nobody.
func outcomeNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := mark(r)
	switch {
	case r.State.Undone():
		p.add(ending(r, l).say(" (%s)", r.ID))
	case r.State == bot.Lost:
		p.add(lost(r, l).say(" (%s)", r.ID))
	default:
		p.add(receiptOutcome(r, l, v).say(" (%s)", r.ID))
	}
	if r.OnlySelf() && r.Retryable(v.Now) {
		p.add((&line{}).say("You can press “Try again” on your receipt above."))
	}
	if adviceOnSlack(r) {
		p.add(slackAdvice(r))
	}
	if slices.Contains([]bot.State{bot.Failed, bot.Unknown, bot.Expired, bot.Denied, bot.Void, bot.Lost}, r.State) {
		p.add(emergencyFor(r, v))
	}
	return p.message()
}

// targetNote tells the target of a third-party request the outcome: never who asked,
// who approved or why.
func targetNote(r *bot.Request) bot.Message {
	p := &page{}
	if r.Drill {
		p.add(begin(r).say("Your security team rehearsed ending your sessions (%s). Nothing was changed. You stay signed in.", r.ID))
		return p.message()
	}
	if r.Doubtful() {
		p.add(begin(r).say("Your security team asked Microsoft to end your sessions (%s). You may be asked to sign in again. "+
			"If you did not expect this, speak to your security team in person or by phone.", r.ID))
		return p.message()
	}
	p.add(begin(r).say("Your security team ended your sessions (%s). You will be asked to sign in again. "+
		"If you did not expect this, speak to your security team in person or by phone.", r.ID))
	return p.message()
}

// short reports that not enough approvers are known who could decide.
func short(r *bot.Request) bool {
	return r.Coverage.Known && r.Need > 0 && r.Coverage.Able < r.Need
}

// cancellable reports whether pressing the Cancel button could do anything: a self
// report's approvers are asked once, and of several people who asked for the same, none
// can cancel alone.
func cancellable(r *bot.Request) bool {
	if r.Lane == authz.Self {
		return r.State == bot.Pending && r.CancelAskedAt.IsZero()
	}
	return r.State == bot.Pending && len(r.AskedBy()) == 1
}
