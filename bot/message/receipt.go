package message

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// receipt is the requester's own copy, a direct message. It holds what they typed
// and what happens next, and no fact about the account: in the self lane a
// thief may be reading it.
func receipt(r *bot.Request, v View, slackID string) bot.Message {
	p := &page{}
	p.add(receiptHeadline(r, v))
	if !r.StalledAt.IsZero() {
		p.add(stalledLine(r))
	}
	if r.Lane == authz.ThirdParty {
		p.add((&line{}).say("About: ").typed(r.Name()))
	}
	p.add(wrote(r, slackID))
	if r.State == bot.Pending {
		for _, l := range pendingLines(r, v) {
			p.add(l)
		}
	}
	stalled := !r.StalledAt.IsZero() && !r.State.Accepted()
	if stalled || slices.Contains([]bot.State{
		bot.Pending, bot.Failed, bot.Unknown, bot.Expired, bot.Denied, bot.Void, bot.Lost,
	}, r.State) {
		p.add(emergencyWay(v))
	}
	var lines []*line
	for _, g := range p.groups {
		lines = append(lines, g.lines...)
	}
	buttons := receiptButtons(r, v)
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
func receiptHeadline(r *bot.Request, v View) *line {
	l := begin(r)
	switch {
	case r.State == bot.Pending:
		return waitsFor(r, l, v)
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

// waitsFor says who must act on a pending request, or why nobody can yet.
func waitsFor(r *bot.Request, l *line, v View) *line {
	what := "report"
	if r.Lane == authz.ThirdParty {
		what = "request"
	}
	switch {
	case r.OnlySelf():
		return l.bold("Your report is stored (%s), and waits for you.", r.ID).
			say(" Press the button to end all your sessions: you must then sign in again everywhere. Nothing has been done yet. ").
			join(ifUndecided(r, &line{}, v))
	case v.CardLink == "":
		return l.bold("Your %s is stored (%s), but I could not post it to the approvers' channel yet.", what, r.ID).join(notPosted(v))
	case v.Shut != "":
		return l.bold("Your %s is stored (%s), but I cannot reach the approvers' channel just now.", what, r.ID).join(notPosted(v))
	case len(v.Deciders) == 0:
		return l.bold("Your %s is stored (%s), but I know nobody who may decide it.", what, r.ID).say(" Do not wait for it.")
	}
	return l.bold("Your %s is with ", what).deciders(v).bold(" (%s).", r.ID).say(" You will read here what they decide.")
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
	all := []*line{notExecuted(r, &line{}), obstacles(r, v)}
	if r.Executes && !r.OnlySelf() {
		all = append(all, ifUndecided(r, &line{}, v))
	}
	if r.Lane == authz.Self && !r.Drill {
		all = append(all, (&line{}).
			say("If someone else may hold your phone, do not rely on Slack on it: from a computer, sign it out in Slack's settings."))
	}
	if !r.CancelAskedAt.IsZero() {
		all = append(all, cancelHeard(r, v, (&line{}).say("This account asked to cancel (").when(r.CancelAskedAt).say(").")))
	}
	return all
}

// receiptButtons are the requester's buttons: to cancel and, if no approval is needed,
// to confirm or try again.
func receiptButtons(r *bot.Request, v View) []*slack.ButtonBlockElement {
	var buttons []*slack.ButtonBlockElement
	switch {
	case r.OnlySelf() && r.State == bot.Pending:
		question := "You must sign in again everywhere. This cannot be undone."
		if r.Drill {
			question = "DRILL: your account is read once. Nothing is changed."
		}
		buttons = append(buttons, confirmButton(r, question))
	case r.OnlySelf() && r.Retryable(v.Now):
		buttons = append(buttons, retryButton(r, "You must sign in again everywhere."))
	}
	if cancellable(r) {
		buttons = append(buttons, button(bot.ActionCancel, "Cancel request", r.ID, slack.StyleDefault))
	}
	return buttons
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
		return l.bold("the policy does not do that any more")
	case bot.TooOld:
		return l.bold("I came to it more than %s after its time was up", Spell(bot.LateTimeout))
	case bot.TimeUnclear:
		return l.bold("the record and the clock do not agree on when its time was up")
	case bot.RevokedAlready:
		return l.bold("another request for this account was carried out meanwhile")
	case bot.DenyAsked:
		return l.bold("an approver has pressed Deny, and has not finished")
	case bot.OverLimit:
		return l.bold("the limit for this account is reached")
	case bot.OverTotal:
		return l.bold("the limit for all revokes together is reached")
	}
	return l.bold("this account takes an approver")
}

// notExecutedNote says that a report that nobody decided was not carried out.
func notExecutedNote(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(notExecuted(r, begin(r).boldTyped(r.Name()).say(": ")).say(" They are: ").deciders(v).say(". (%s)", r.ID))
	p.add(emergencyWay(v))
	return p.message()
}

// notPosted says why the card is missing, and which approvers know.
func notPosted(v View) *line {
	l := (&line{}).say(" I keep trying.")
	if v.Shut != "" {
		l.say(" What is in the way: %s.", ChannelSays(v.Shut))
	}
	if len(v.Told) == 0 {
		return l.say(" Tell an approver yourself: ").deciders(v).say(".")
	}
	once := "the card is posted"
	if v.CardLink != "" {
		once = "the channel can be reached"
	}
	return l.say(" I have told ").people(v.Told).say(" so by direct message; it can be decided once %s.", once)
}

// cancelHeard says which approvers know that this account asks to cancel.
func cancelHeard(r *bot.Request, v View, l *line) *line {
	switch {
	case v.CancelPosted:
		return l.say(" The approvers were asked under the card. One of them decides, and will phone first.")
	case len(v.CancelTold) > 0:
		return l.say(" I could not ask in the approvers' channel, and have told ").people(v.CancelTold).
			say(" by direct message. An approver decides, and will phone first.")
	case v.Shut != "":
		return l.say(" I have reached no approver: %s. Tell one yourself: ", ChannelSays(v.Shut)).enders(r, v).say(".")
	}
	return l.say(" I'm asking the approvers. One of them decides, and will phone first.")
}

// obstacles tells a requester what may prevent a decision, without facts about the
// account.
func obstacles(r *bot.Request, v View) *line {
	l := &line{}
	if v.Freeze != nil {
		l.bold("All revokes are frozen just now.").say(" Your report waits, and does not expire. ")
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
	l := begin(r)
	switch {
	case r.State.Undone():
		p.add(ending(r, l).say(" (%s)", r.ID))
	case r.State == bot.Lost:
		p.add(lost(r, l).say(" (%s)", r.ID))
	case r.State.Accepted() && r.Lane == authz.Self && r.Target.Guest != graph.Yes && !r.Doubtful():
		p.add(l.bold("Your sessions were revoked, as you asked").say(" (%s, ", r.ID).byWhom(r.Verdict()).
			say("). You will be asked to sign in again. Slack on the lost device stays signed in until you sign it out in Slack's settings."))
	default:
		p.add(receiptOutcome(r, l, v).say(" (%s)", r.ID))
	}
	open := slices.Contains([]bot.State{bot.Failed, bot.Unknown, bot.Expired, bot.Denied, bot.Lost}, r.State)
	if open && v.Emergency != "" {
		p.add((&line{}).say("If it cannot wait: ").typed(v.Emergency))
	}
	return p.message()
}

// targetNote tells the target of a third-party request the outcome: never who asked,
// who approved or why.
func targetNote(r *bot.Request) bot.Message {
	p := &page{}
	if r.Drill {
		p.add(begin(r).say("Your security team rehearsed ending your sessions (%s). Nothing was changed; you stay signed in.", r.ID))
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

// cancellable reports whether pressing "Cancel request" could do anything: of
// several people who asked for the same, none can cancel alone.
func cancellable(r *bot.Request) bool {
	return r.State == bot.Pending && (r.Lane == authz.Self || len(r.AskedBy()) == 1)
}
