package bot

import (
	"fmt"
	"slices"
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
	above, buttons, below := cardParts(r, v)
	p := &page{}
	for _, l := range above {
		p.add(l)
	}
	p.buttons(buttons...)
	p.add(below)
	m := p.message()
	m.plain = func(code string) Message { return plainCard(r, v, code) }
	return m
}

// cardParts are what a card says above its buttons, the buttons, and what stands
// below them.
func cardParts(r *Request, v View) (above []*line, buttons []*slack.ButtonBlockElement, below *line) {
	add := func(l *line) {
		if len(l.parts) > 0 {
			above = append(above, l)
		}
	}
	add(unitMayBeWhy(r, headline(r, r.begin(), v))) // a status has the headline, too, and no such fact
	id := &line{}
	if r.State != Pending {
		id.typed(r.name()).say(" · ")
	}
	if r.Words.UPN != "" {
		id.typed(r.Words.UPN).say(" · ")
	}
	id.say("asked by ").askers(r)
	id.say(" · %s", r.ID)
	if len(r.Attempts) > 0 && !r.Drill {
		id.say(" · %s", r.called())
	}
	add(id)
	if !r.StalledAt.IsZero() {
		add(stalledLine(r))
	}
	add(reasonLine(r.Words.Reason))
	if r.Replaces != "" && r.State == Pending {
		add((&line{}).say("This takes the place of %s, whose card was no longer true. Nobody has confirmed this one.", r.Replaces))
	}
	if v.Freeze != nil && (r.State == Pending || r.State == Approved || r.retryable(v.Now)) {
		add(frozenLine(v.Freeze))
	}

	below = &line{}
	switch {
	case r.State == Pending:
		add(reopenedLine(r, v))
		for _, w := range warnings(r, v) {
			add(w)
		}
		if !r.CancelAskedAt.IsZero() {
			add((&line{}).say("⚠ ").typed(r.name()).say("'s Slack account asked to cancel (").when(r.CancelAskedAt).
				say("). Phone them before you do: whoever holds the phone may have pressed it."))
		}
		add(denyAsked(r))
		add(whatWillHappen(r))
		add(approvals(r, (&line{})))
		done := (&line{}).bold("Nothing has been done yet.")
		if v.Meanwhile != nil {
			done = (&line{}).bold("Nothing has been done for this request yet.")
		}
		add(ahead(r, done.say(" "), v))
		buttons, below = pendingButtons(r), details(r, v)
	case r.offersDeny(v):
		if v.Meanwhile != nil {
			add(revokedMeanwhile(r, v.Meanwhile))
		}
		add((&line{}).say("An approver can still stop this."))
		add(denyAsked(r))
		buttons = append(buttons, button(ActionDeny, "Deny", r.ID, slack.StyleDefault))
	case r.retryable(v.Now):
		if v.Meanwhile != nil {
			add(revokedMeanwhile(r, v.Meanwhile))
		}
		add(approvals(r, (&line{})))
		add((&line{}).say("“Try again” is a new decision, with every check, until ").when(r.verdict().At.Add(retryWindow)).say("."))
		buttons = append(buttons, button(ActionRetry, "Try again", r.ID, slack.StyleDanger))
	}
	return above, buttons, below
}

// offersDeny reports whether the card of an approved request has a button to stop it:
// where the request waits, and not where it is about to be carried out.
func (r *Request) offersDeny(v View) bool {
	return r.stoppable() && (v.Freeze != nil || r.attempt() != nil || r.Line != nil || r.OtherRules || r.Unasked != "")
}

// maxPlainReason is how much of a reason stands on a plain card.
const maxPlainReason = 300

// plainCard is the card for a Slack that calls the full one invalid: the same words
// in a block of the simplest kind. Where what an approver must read does not fit, it
// has no buttons.
func plainCard(r *Request, v View, code string) Message {
	short := *r
	short.Words.Reason = cutRunes(r.Words.Reason, maxPlainReason)
	must, buttons, below := cardParts(&short, v)
	if r.State == Pending {
		must = slices.Insert(must, 2, (&line{}).say("%s", laneWords[r.Lane]))
	}
	refusal := func() *line { return (&line{}).say("Slack refused the full card (%s).", named(code)) }
	lines := append(slices.Clone(must), below, refusal())
	if tooLong(lines) {
		lines = append(slices.Clone(must), refusal().say(" Object ID %s. What else is known of the account is left out here.", r.Target.ID))
	}
	if tooLong(lines) {
		buttons = nil
		end := refusal().say(" What you must know before you decide does not fit here, so this message has no buttons. If it cannot wait, act in the Entra portal.")
		for len(must) > 1 && tooLong(lines) {
			must = must[:len(must)-1]
			lines = append(slices.Clone(must), end)
		}
	}
	people := (&line{}).say("Asked by ").askers(r)
	if r.State == Pending {
		people.say(". Can be decided by: ").deciders(v)
	}
	return plainMessage(lines, people.say("."), buttons)
}

// laneWords say whose request it is where there is no room for a layout.
var laneWords = map[authz.Lane]string{authz.Self: "They report their own device.", authz.ThirdParty: "Somebody else asks for this."}

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
	if r.State == Lost {
		return lost(r, l)
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
	case !r.StalledAt.IsZero():
		return l.say("I may not keep its deadline. An approver can still decide.")
	case v.Freeze != nil:
		return l.say("It can be decided when the freeze is over; until then it does not expire.")
	case r.Executes && r.OtherRules:
		return l.bold("The time to decide is up, but the copy of this bot that is running has older rules than one that started later.").
			say(" It goes on once whoever runs the bot has restarted every copy. An approver can deny it meanwhile.")
	case r.Executes && r.Unread:
		return l.bold("The time to decide is up, but the account cannot be read, so nothing is done yet.").
			say(" I keep trying to read it. An approver can decide meanwhile.")
	case r.Executes:
		return l.bold("If nobody decides until ").when(r.deadline()).bold(", Microsoft Entra is asked all the same to end the sessions, unless an approver presses Deny before").
			say(": so the policy says for people who report their own device.")
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
	if problem := r.Coverage.Channel; problem == ChannelShared { // any other is over where this can be read
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
	if r.TargetLeft != "" {
		warn().bold("Deactivated in Slack.").join(deactivated(r, v)).say(" Check that it is the right one.")
	}
	if r.Target.Disabled == graph.Yes {
		warn().bold("Disabled account.").say(" Sign-in is blocked already; what is open may go on for a while.")
	}
	if r.Target.Synced == graph.Yes {
		warn().bold("Synced from on-premises.").say(" Block sign-in and change the password there, not in Entra.")
	}
	if v.Meanwhile != nil {
		w = append(w, revokedMeanwhile(r, v.Meanwhile))
	} else if l := lately(r); l != nil {
		warn().join(l)
	}
	return w
}

// deactivated says by what a deactivated Slack account led to the target.
func deactivated(r *Request, v View) *line {
	l := (&line{}).say(" ").person(r.TargetLeft)
	if v.Policy != nil && v.Policy.Identity.ByMap && v.Policy.Identity.Map[r.TargetLeft] != "" {
		return l.say("'s Slack account is deactivated; the policy's map names this account for it.")
	}
	return l.say("'s Slack account is deactivated; the e-mail address that Slack still shows led to this account, and nobody vouches for it.")
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
	return r.State == Pending && (r.Lane == authz.Self || len(r.askedBy()) == 1)
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
