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

// View is what a message needs to know beside the request.
type View struct {
	Now time.Time
	// Approvers are the mentions of all approvers: user IDs, group IDs, names
	// of Entra groups. Deciders are those who may decide the request now.
	Approvers, Deciders []string
	Policy              *authz.Policy
	// Emergency is what to do when nobody answers; it may be empty.
	Emergency string
	// CardLink leads to the card; empty while the card does not stand.
	CardLink string
	// Freeze is the freeze that is on, or nil.
	Freeze *Freeze
	// PulledAt is when the person last pulled the brake.
	PulledAt time.Time
	// Limit is the limit that was reached.
	Limit *LimitError
	// Reader is whom a refusal is for, who is not among those who could.
	Reader string
	// Where names who did not answer a look-up: Slack or Microsoft Entra.
	Where string
	// Remedy goes with it where the answer was a refusal of the bot.
	Remedy string
}

// deciders mentions the approvers who may decide the request: of a report by
// somebody else not its target, who should learn of it last.
func (l *line) deciders(v View) *line {
	return l.able(v.Deciders, v.Reader)
}

// otherApprovers mentions every approver but the reader.
func (l *line) otherApprovers(v View) *line { return l.able(v.Approvers, v.Reader) }

func (l *line) able(names []string, but string) *line {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == but })
	if len(names) == 0 {
		return l.say("nobody here, for no approver is known who may")
	}
	return l.people(names)
}

// enders mentions those who may end a self report undone: never its target.
func (l *line) enders(r *Request, v View) *line { return l.able(v.Approvers, r.TargetSlackID) }

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
	p.add(id.say(" · %s", r.ID))
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
	case r.stoppable() && (v.Freeze != nil || r.attempt() != nil):
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

// outcomeHeadline says how far the decision has come.
func outcomeHeadline(r *Request, l *line, v View) *line {
	d := r.verdict()
	if d == nil {
		// A request without a decision never gets here by way of this program.
		return l.bold("This request has no recorded decision.").say(" Nothing is known to have been done.")
	}
	took := d.At.Sub(r.CreatedAt)
	switch r.State {
	case Approved, Executing:
		if a := r.attempt(); r.State == Approved && v.Freeze == nil && a != nil && a.Decision == len(r.Decisions) && a.Wait > 0 {
			return waiting(r, l, a)
		}
		switch {
		case r.State == Approved && v.Freeze != nil:
			l.bold("Held back by a freeze: nothing has been asked of Microsoft Entra about ").boldTyped(r.name()).bold(" yet.")
		case r.Drill:
			l.bold("Asking Microsoft Entra about ").boldTyped(r.name()).bold("'s account.")
		default:
			l.bold("Asking Microsoft Entra to revoke ").boldTyped(r.name()).bold("'s sessions.")
		}
		l.say(" ").by(d).say(", %s after the report.", spell(took))
		if r.State == Approved && v.Freeze != nil {
			l.say(" It goes on when it is over.")
		}
		return l
	case Drilled:
		return l.bold("Rehearsed for ").boldTyped(r.name()).bold(". Nothing was changed.").say(" ").by(d).
			say(". Microsoft Entra answered a read of the account, %s after the report.", spell(r.attempt().EndedAt.Sub(r.CreatedAt)))
	case Failed:
		return failure(r, l)
	case Unknown:
		return unclear(r, l, v)
	}
	acceptedLine(r, l).say(" ").by(d).say(". ")
	if r.Seen {
		l.say("Microsoft gave no clear answer, but the account shows the change, seen ").whenExactly(r.AcceptedAt)
	} else {
		l.say("Entra accepted: ").whenExactly(r.AcceptedAt)
	}
	return stampsLine(r, l.say(", %s after the report. ", spell(r.AcceptedAt.Sub(r.CreatedAt))))
}

// unclearAttempt is the last call without a clear outcome, or nil.
func (r *Request) unclearAttempt() *Attempt {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if a := &r.Attempts[i]; a.Outcome == graph.OutcomeUnknown {
			return a
		}
	}
	return nil
}

// acceptedLine says what Microsoft's yes means for the account.
func acceptedLine(r *Request, l *line) *line {
	if r.Target.Guest == graph.Yes {
		return l.bold("Microsoft Entra accepted the request, but ").boldTyped(r.name()).bold(" is a guest: sessions at the home organisation go on.").
			say(" Ask that organisation to revoke them.")
	}
	return l.boldTyped(r.name()).bold("'s sessions are revoked.")
}

// stampsLine says what reading the account has shown since.
func stampsLine(r *Request, l *line) *line {
	switch r.State {
	case Verified:
		return l.say("Verified: sessions valid since moved from ").when(r.earlier().ValidFrom()).say(" to ").when(r.After.ValidFrom()).say(".")
	case NotVisibleYet:
		l.say("Not visible in the account yet: it still shows sessions valid since ").when(r.After.ValidFrom()).say(". ")
		if r.DueAt.IsZero() {
			return l.bold("I have stopped looking.").say(" Block sign-in, or revoke in the Entra portal.")
		}
		return l.say("I look again: ").when(r.DueAt).say(". If it cannot wait, block sign-in or revoke in the Entra portal.")
	case Unreachable:
		if r.After.ReadAt.After(r.AcceptedAt) {
			l.say("The account did not show it when it could last be read, and cannot be read now. ")
		} else {
			l.say("The account could not be read since, so this is not verified. ")
		}
		if r.DueAt.IsZero() {
			return l.bold("I have stopped trying.").say(" Look the account up in the Entra portal.")
		}
		return l.say("I try again: ").when(r.DueAt).say(".")
	}
	return l.say("Reading the account to verify it.")
}

// earlier are the stamps to compare with: those read right before the call,
// or else those on the card.
func (r *Request) earlier() graph.Stamps {
	if r.Before.Known() {
		return r.Before
	}
	return r.Target.Stamps
}

func waiting(r *Request, l *line, a *Attempt) *line {
	l.bold("Waiting to ask Microsoft Entra again.")
	switch {
	case r.Drill:
		l.say(" The account was not read.")
	case r.unclearBefore():
		l.say(" An earlier call had no clear answer, so it is not known whether anything was revoked.")
	default:
		l.say(" Nothing was revoked yet.")
	}
	if a.Status == 0 {
		l.say(" Microsoft could not be reached")
	} else {
		l.say(" Microsoft asked us to wait (status %d)", a.Status)
	}
	return l.say("; next try in %s: ", spell(a.Wait)).whenExactly(a.EndedAt.Add(a.Wait)).
		say(". ").by(r.verdict()).say("; nobody needs to do anything.")
}

// unclearBefore reports whether some call may have been carried out although
// Microsoft never said so: then a later no is not a no for the request.
func (r *Request) unclearBefore() bool {
	return r.unclearAttempt() != nil
}

func failure(r *Request, l *line) *line {
	a := r.attempt()
	switch {
	case a == nil || a.Status == 0 && neverReached(a.Code):
		l.bold("Microsoft could not be reached.")
	case a.Status == 0:
		l.bold("The bot could not make the call.")
	case a.Wait > 0:
		l.bold("Microsoft asked to wait longer than I do.")
	default:
		l.bold("Microsoft refused.")
	}
	switch {
	case r.Drill:
		l.say(" This was a rehearsal.")
	case r.unclearBefore():
		l.say(" An earlier call had no clear answer, so it is not known whether anything was revoked.")
	default:
		l.say(" Nothing was revoked.")
	}
	if a != nil {
		l.say(" %s", a.Remedy)
	}
	return l
}

// neverReached tells a network in the way from a bot that cannot sign in.
func neverReached(code string) bool {
	switch code {
	case graph.CodeDNS, graph.CodeRefused, graph.CodeTLS, graph.CodeNoConnection, graph.CodeConnectionLost,
		graph.CodeTimeout, graph.CodeCanceled, graph.CodeSignInUnreachable, interrupted:
		return true
	}
	return false
}

func unclear(r *Request, l *line, v View) *line {
	l.bold("Not known yet whether ").boldTyped(r.name()).bold("'s sessions were revoked.")
	switch a := r.unclearAttempt(); {
	case a == nil:
	case a.Code == interrupted:
		l.say(" I was interrupted while asking Microsoft.")
	case a.Code == graph.CodeTimeout:
		l.say(" Microsoft did not answer in %s.", spell(a.EndedAt.Sub(a.BeganAt)))
	case a.Status == 0:
		l.say(" The connection to Microsoft broke.")
	default:
		l.say(" Microsoft gave no clear answer (status %d).", a.Status)
	}
	if !r.stuck(v.Now) {
		return l.say(" Checking the account; next answer here within a minute.")
	}
	switch {
	case r.Unread:
		l.say(" The account cannot be read.")
	case r.After.ReadAt.Before(r.attempt().EndedAt):
		l.say(" The account has not been read since.")
	case r.After.MovedSince(r.earlier()):
		l.say(" The account has changed since the report, but I cannot tell by whom.")
	default:
		l.say(" The account does not show a change.")
	}
	l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
	if r.DueAt.IsZero() {
		return l.bold(" I have stopped looking.")
	}
	return l.say(" I look again: ").whenExactly(r.DueAt).say(".")
}

// ending is the headline of a request that ended with nothing done.
func ending(r *Request, l *line) *line {
	switch r.State {
	case Denied:
		l.bold("Denied by ").person(r.verdict().SlackID)
		if why := r.Words.Denied; why != "" {
			l.bold(": ").typed(why)
		}
		return l.say(". Nothing was done. If that is wrong, phone them, or report again with `/revoke-sessions`.")
	case Cancelled:
		return l.bold("Cancelled by ").person(r.verdict().SlackID).bold(", who had asked.").say(" Nothing was done.")
	case Void:
		return voidLine(r, l)
	}
	if n := len(r.Approvals); n > 0 {
		l.bold("Only %d of %d approvals came in %s.", n, r.Need, spell(r.ExpiresAt.Sub(r.CreatedAt)))
	} else {
		l.bold("Nobody decided in %s.", spell(r.ExpiresAt.Sub(r.CreatedAt)))
	}
	return l.say(" Nothing was done; report again with `/revoke-sessions`.")
}

// by says whose decision it was, in a sentence of its own without its stop.
func (l *line) by(d *Verdict) *line {
	if d.Kind == authz.TimeOut {
		return l.say("Nobody decided in time, so it is carried out as the policy says")
	}
	return l.say("Approved by ").givers(d)
}

// byWhom says the same in passing.
func (l *line) byWhom(d *Verdict) *line {
	if d.Kind == authz.TimeOut {
		return l.say("by the policy, for nobody decided in time")
	}
	return l.say("approved by ").givers(d)
}

// givers mentions everybody whose approval the decision took.
func (l *line) givers(d *Verdict) *line {
	for _, other := range d.Others {
		l.person(other.SlackID).say(" and ")
	}
	return l.person(d.SlackID)
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
		return l.say("It can be decided when the freeze is over; until then no time runs out.")
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
	return accountFacts(r, l).say(" Sessions valid since ").when(r.Target.Stamps.ValidFrom()).say(". Object ID %s.", r.Target.ID)
}

// accountFacts names every fact, the unknown ones too.
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
	if r.Privileged != "" || r.Protected {
		l.say("%s; ", say(r.Privileged, "holds a privileged role", "no privileged role", "unknown whether it holds a privileged role"))
	}
	return l.say("%s; %s; %s.",
		say(r.Target.Guest, "guest", "member of this tenant", "guest or member unknown"),
		say(r.Target.Disabled, "sign-in blocked", "sign-in allowed", "unknown whether sign-in is blocked"),
		say(r.Target.Synced, "synced from on-premises", "managed in the cloud", "unknown whether synced from on-premises"))
}

func warnings(r *Request, v View) []*line {
	var w []*line
	warn := func() *line {
		l := (&line{}).say("⚠ ")
		w = append(w, l)
		return l
	}
	if r.short() {
		warn().bold("Too few approvers.").say(" This needs %s, and I know of %d who may decide it. Whoever runs the bot must name more.", countApprovals(r.Need), r.Coverage.Able)
	}
	if problem := r.Coverage.Channel; problem != "" {
		warn().say("About this channel: %s.", problem.Says())
	}
	if r.Protected {
		l := warn().bold("Protected account.").say(" The policy asks for %s", countApprovals(r.Need))
		switch r.Privileged {
		case graph.Yes:
			l.say("; the account holds a privileged role")
		case graph.Unknown:
			if v.Policy != nil && v.Policy.AsksForRoles() {
				l.say("; whether it holds a privileged role could not be read, which counts as if it did")
			}
		}
		l.say(".")
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
	last := r.Target.Stamps.ValidFrom()
	if r.RevokedBefore.After(last) {
		last = r.RevokedBefore
	}
	if ago := r.CreatedAt.Sub(last); !last.IsZero() && ago < recently {
		if r.Drill {
			warn().bold("Sessions were ended %s before this request already.", spell(ago))
		} else {
			warn().bold("Revoked %s before this request already.", spell(ago))
		}
	}
	return w
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
