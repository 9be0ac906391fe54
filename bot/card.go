package bot

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// action_ids of the buttons.
const (
	ActionConfirm = "request.confirm"
	ActionDeny    = "request.deny"
	ActionCancel  = "request.cancel"
	ActionRetry   = "request.retry"
)

// recently is how short ago a revoke makes another one a warning.
const recently = 5 * time.Minute

// name is what the target is called.
func (r *Request) name() string {
	switch {
	case r.Words.DisplayName != "":
		return r.Words.DisplayName
	case r.Words.UPN != "":
		return r.Words.UPN
	}
	return "this account"
}

// begin begins a message; in a drill every message begins so.
func (r *Request) begin() *line {
	l := &line{}
	if r.Drill {
		l.bold("DRILL: ")
	}
	return l
}

// Card is the message in the approvers' channel.
func Card(r *Request, v View) Message {
	p := &page{}
	p.add(headline(r, r.begin(), v))
	id := &line{}
	if r.State != Pending {
		id.typed(r.name()).say(" · ")
	}
	if r.Words.UPN != "" {
		id.typed(r.Words.UPN).say(" · ")
	}
	id.say("asked by ").person(r.requester().SlackID)
	for _, a := range r.Askers[1:] {
		id.say(" and ").person(a.SlackID)
	}
	id.say(" · %s", r.ID)
	if len(r.Attempts) > 0 && !r.Drill {
		id.say(" · %s", r.called())
	}
	p.add(id)
	p.add(reasonLine(r.Words.Reason))
	if r.Replaces != "" && r.State == Pending {
		p.add((&line{}).say("This takes the place of %s, whose card was no longer true. Nobody has confirmed this one.", r.Replaces))
	}
	if v.Freeze != nil && (r.State == Pending || r.State == Approved || r.retryable(v.Now)) {
		p.add(frozenLine(v.Freeze))
	}

	switch {
	case r.State == Pending:
		for _, w := range warnings(r, v) {
			p.add(w)
		}
		if !r.CancelAskedAt.IsZero() {
			p.add((&line{}).say("⚠ ").typed(r.name()).say("'s Slack account asked to cancel (").when(r.CancelAskedAt).
				say("). Phone them before you do: whoever holds the phone may have pressed it."))
		}
		p.add(whatWillHappen(r))
		p.add(approvals(r, (&line{})))
		p.add(ahead(r, (&line{}).bold("Nothing has been done yet.").say(" "), v))
		p.buttons(pendingButtons(r)...)
		p.add(details(r, v))
	case r.stoppable() && (v.Freeze != nil || r.attempt() != nil || r.Line != nil):
		p.add((&line{}).say("An approver can still stop this."))
		p.buttons(button(ActionDeny, "Deny", r.ID, slack.StyleDefault))
	case r.retryable(v.Now):
		p.add(approvals(r, (&line{})))
		p.add((&line{}).say("“Try again” is a new decision, with every check, until ").when(r.verdict().At.Add(retryWindow)).say("."))
		p.buttons(button(ActionRetry, "Try again", r.ID, slack.StyleDanger))
	}
	return p.message()
}

// headline adds what is asked or what happened, which is what a card begins with.
func headline(r *Request, l *line, v View) *line {
	switch r.State {
	case Pending:
		switch {
		case r.Lane == authz.Self && r.Drill:
			return l.boldTyped(r.name()).bold(" lost a device: rehearse the end of all of their sessions?")
		case r.Lane == authz.Self:
			return l.boldTyped(r.name()).bold(" lost a device: revoke all of their sessions?")
		case r.Drill:
			return l.bold("rehearse the end of all sessions of ").boldTyped(r.name()).bold("?")
		}
		return l.bold("Revoke all sessions of ").boldTyped(r.name()).bold("?")
	}
	if r.State.Undone() {
		return ending(r, l)
	}
	return outcomeHeadline(r, l, v)
}

// approvals says how many approvals there are of how many, and whose. Where one
// is enough there is nothing to count.
func approvals(r *Request, l *line) *line {
	if r.Need < 2 {
		return l
	}
	l.bold("Needs %d approvals, has %d", r.Need, len(r.Approvals))
	for i, v := range r.Approvals {
		if i == 0 {
			l.say(": ")
		} else {
			l.say(", ")
		}
		l.person(v.SlackID)
	}
	return l.say(".")
}

// ahead says what happens if nobody decides.
func ahead(r *Request, l *line, v View) *line {
	switch {
	case v.Freeze != nil:
		return l.say("It can be decided when the freeze is over; until then it does not expire.")
	case r.Executes && r.Unread:
		return l.bold("The time to decide is up, but the account cannot be read, so nothing is done yet.").
			say(" I keep trying to read it. An approver can decide meanwhile.")
	case r.Executes:
		return l.bold("If nobody decides until ").when(r.deadline()).bold(", Microsoft Entra is asked all the same").
			say(" to end the sessions: so the policy says for people who report their own device. An approver can deny it to prevent that.")
	}
	return l.say("Expires ").when(r.deadline()).say(".")
}

func reasonLine(reason string) *line {
	if reason == "" {
		return (&line{}).say("Reason: none given")
	}
	return (&line{}).say("Reason: ").typed(reason)
}

func whatWillHappen(r *Request) *line {
	if r.Drill {
		return (&line{}).say("This is a rehearsal. If you confirm, the account is read once and nothing is changed. In earnest, Microsoft Entra would end every browser session and every key that keeps apps signed in.")
	}
	return (&line{}).say("If you confirm, Microsoft Entra ends every browser session and every key that keeps apps signed in. It does not block sign-in, change the password or wipe a device.")
}

// details stand below the buttons: what an approver may want to look up.
func details(r *Request, v View) *line {
	l := &line{}
	if !r.Drill {
		l.typed(r.name()).say(" must then sign in again: in most Microsoft apps within minutes, elsewhere when the app's access ends, usually within 90 minutes. ")
	}
	if r.Need == 0 {
		l.typed(r.name()).say(" can confirm this on the receipt, or an approver here. ")
	}
	l.say("Can be decided by: ").deciders(v).say(". ")
	l.say("Called is %s", r.Operation)
	if r.Fallback != "" {
		l.say(", or %s where that is gone or not permitted", r.Fallback)
	}
	l.say(". ")
	return accountFacts(r, l).say(" Sessions valid since ").when(r.Target.Stamps.ValidFrom()).say(". Object ID %s.", r.Target.ID)
}

// accountFacts names every fact, the unknown ones too. A role that somebody
// could activate and has not is none that is seen.
func accountFacts(r *Request, l *line) *line {
	say := func(f graph.Fact, yes, no, unknown string) string {
		switch f {
		case graph.Yes:
			return yes
		case graph.No:
			return no
		}
		return unknown
	}
	l.say("Account: ")
	l.say("%s; %s; %s; %s; %s; ",
		say(r.Privileged, "holds a privileged role", "no active privileged role", "unknown whether it holds a privileged role"),
		say(r.Target.Guest, "guest", "member of this tenant", "guest or member unknown"),
		say(r.Target.Disabled, "sign-in blocked", "sign-in allowed", "unknown whether sign-in is blocked"),
		say(r.Target.Synced, "synced from on-premises", "managed in the cloud", "unknown whether synced from on-premises"),
		say(r.Target.Restricted, "in a restricted management unit", "in no restricted management unit", "unknown whether in a restricted management unit"))
	switch {
	case !r.SignInsRead:
		l.say("last sign-in unknown.")
	case r.SignedIn.IsZero():
		l.say("no sign-in known since April 2020.")
	default:
		l.say("last known sign-in ").when(r.SignedIn).say(".")
	}
	if !r.RevokedBefore.IsZero() {
		l.say(" Microsoft last accepted a revoke from this bot: ").when(r.RevokedBefore).say(".")
	}
	return l
}

func warnings(r *Request, v View) []*line {
	var w []*line
	warn := func() *line {
		l := (&line{}).say("⚠ ")
		w = append(w, l)
		return l
	}
	if r.Coverage.Blind {
		warn().bold("I cannot read who the approvers are,").say(" so it may be that nobody can decide this. Whoever runs the bot finds the reason in its log.")
	}
	if r.short() {
		warn().bold("Too few approvers.").say(" This needs %s, and I know of %d who may decide it. Whoever runs the bot must name more.", countApprovals(r.Need), r.Coverage.Able)
	}
	if problem := r.Coverage.Channel; problem != "" {
		warn().say("About this channel: %s.", problem.Says())
	}
	goesByRoles := v.Policy != nil && v.Policy.AsksForRoles()
	if r.Protected {
		l := warn().bold("Protected account.").say(" The policy asks for %s", countApprovals(r.Need))
		switch {
		case !goesByRoles:
		case r.Privileged == graph.Yes:
			l.say("; the account holds a privileged role")
		case r.Privileged == graph.Unknown:
			l.say("; whether the account holds a privileged role could not be read, which counts as if it did")
		}
		l.say(".")
	}
	if r.Privileged == graph.Yes && !(r.Protected && goesByRoles) {
		warn().bold("Holds a privileged role.").say(" Review what was done with it lately.")
	}
	if r.Target.Restricted == graph.Yes {
		warn().bold("Restricted management unit.").say(" Unless the bot's app has a role within that unit, Microsoft will refuse. " +
			"If it does, ask a Privileged Authentication Administrator, or an administrator of that unit.")
	}
	if r.Target.Guest == graph.Yes {
		warn().bold("Guest account.").say(" Microsoft revokes nothing here, for guests sign in at their home organisation. Ask that organisation.")
	}
	if r.Target.Disabled == graph.Yes {
		warn().bold("Disabled account.").say(" Sign-in is blocked already; what is open may go on for a while.")
	}
	if r.Target.Synced == graph.Yes {
		warn().bold("Synced from on-premises.").say(" Block sign-in and change the password there, not in Entra.")
	}
	if l := lately(r); l != nil {
		warn().join(l)
	}
	return w
}

// lately says that the sessions were ended shortly before, as far as that is
// known; nil if they were not.
func lately(r *Request) *line {
	stamp := r.Target.Stamps.ValidFrom()
	last := stamp
	if r.RevokedBefore.After(last) {
		last = r.RevokedBefore
	}
	ago := r.CreatedAt.Sub(last)
	if last.IsZero() || ago >= recently {
		return nil
	}
	switch ours := !r.RevokedBefore.IsZero() && r.CreatedAt.Sub(r.RevokedBefore) < recently; {
	case ours && r.Target.Stamps.Known() && stamp.Before(r.RevokedBefore.Add(-clockSkew)):
		return (&line{}).bold("Microsoft accepted a revoke %s before this request, but the account does not show it.", spell(ago))
	case ours && !r.Target.Stamps.Known():
		return (&line{}).bold("Microsoft accepted a revoke %s before this request already.", spell(ago))
	case ours && !r.Drill:
		return (&line{}).bold("Revoked %s before this request already.", spell(ago))
	}
	// By whomever: a new password moves the stamp, too.
	return (&line{}).bold("Sessions were ended %s before this request already.", spell(ago))
}

func countApprovals(n int) string {
	if n == 1 {
		return "one approval"
	}
	return fmt.Sprintf("%d approvals of different people", n)
}

// cancellable reports whether pressing "Cancel request" could do anything: of
// several who asked for the same, none can cancel alone.
func (r *Request) cancellable() bool {
	return r.State == Pending && (r.Lane == authz.Self || len(r.Askers) == 1)
}

func pendingButtons(r *Request) []*slack.ButtonBlockElement {
	question := fmt.Sprintf("%s (%s) must sign in again everywhere. This cannot be undone.", r.name(), r.Words.UPN)
	if r.Drill {
		question = fmt.Sprintf("DRILL: the account of %s (%s) is read once. Nothing is changed.", r.name(), r.Words.UPN)
	}
	buttons := []*slack.ButtonBlockElement{confirmButton(r, question), button(ActionDeny, "Deny", r.ID, slack.StyleDefault)}
	if r.cancellable() {
		buttons = append(buttons, button(ActionCancel, "Cancel request", r.ID, slack.StyleDefault))
	}
	return buttons
}

// confirmButton says what it does, and asks once more in a dialog of Slack's.
func confirmButton(r *Request, question string) *slack.ButtonBlockElement {
	label, title := "Revoke sessions", "Revoke all sessions?"
	if r.Drill {
		label, title = "Rehearse", "Rehearse?"
	}
	confirm := button(ActionConfirm, label, r.ID, slack.StyleDanger)
	dialog := slack.NewConfirmationBlockObject(plainText(title), plainText(cutRunes(question, maxDialogText)), plainText(label), plainText("Go back"))
	confirm.Confirm = dialog.WithStyle(slack.StyleDanger)
	return confirm
}
