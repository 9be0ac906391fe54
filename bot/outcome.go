package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// outcomeHeadline says how far the decision has come.
func outcomeHeadline(r *Request, l *line, v View) *line {
	d := r.verdict()
	if d == nil {
		// A request without a decision never gets here by way of this program.
		return l.bold("This request has no recorded decision.").say(" Nothing is known to have been done.")
	}
	switch r.State {
	case Approved, Executing:
		if !r.StalledAt.IsZero() {
			return stalledHeadline(r, l)
		}
		if r.State == Approved && v.Freeze == nil && r.OtherRules {
			return leftToOthers(r, l).say(" ").by(d).say(".")
		}
		if r.State == Approved && v.Freeze == nil && r.Unasked != "" {
			return unasked(r, l, v)
		}
		if a := r.attempt(); r.State == Approved && v.Freeze == nil && a != nil && a.Decision == len(r.Decisions) && a.Wait > 0 {
			return waiting(r, l, a)
		}
		if r.State == Approved && v.Freeze == nil && r.Line != nil {
			return queued(r, l)
		}
		switch {
		case r.State == Approved && v.Freeze != nil:
			held(r, l)
		case r.Drill:
			l.bold("Asking Microsoft Entra about ").boldTyped(r.name()).bold("'s account.")
		default:
			l.bold("Asking Microsoft Entra to revoke ").boldTyped(r.name()).bold("'s sessions.")
		}
		l.say(" ").by(d).say("%s.", r.afterReport(d.At))
		if r.State == Approved && v.Freeze != nil {
			l.say(" I check it again when the freeze is over. An approval that is older than %s does not count then.", spell(v.Patience))
		}
		return l
	case Drilled:
		l.bold("Rehearsed for ").boldTyped(r.name()).bold(". Nothing was changed.").say(" ").by(d)
		return l.say(". Microsoft Entra answered a read of the account%s.", r.afterReport(r.attempt().EndedAt))
	case Failed:
		return failure(r, l, v)
	case Unknown:
		return unclear(r, l, v)
	}
	acceptedLine(r, l).say(" ").by(d).say(". ")
	switch {
	case r.Seen && r.doubtful():
		l.say("%s, and the account showed the change once: ", r.noAnswer()).whenExactly(r.AcceptedAt)
	case r.Seen:
		l.say("%s, but the account shows the change, seen ", r.noAnswer()).whenExactly(r.AcceptedAt)
	default:
		l.say("Entra accepted: ").whenExactly(r.AcceptedAt)
	}
	return stampsLine(r, l.say("%s. ", r.afterReport(r.AcceptedAt)))
}

// unasked says who has to answer before the call.
func unasked(r *Request, l *line, v View) *line {
	l.bold("Approved, but not carried out yet: %s does not answer.", r.Unasked)
	l.say(" It has waited, so I must look up again who approved it and what the account is now. ").by(r.verdict())
	l.say(". I keep trying until ").when(r.verdict().At.Add(v.Patience))
	if r.verdict().Kind == authz.Retry {
		return l.say("; then an approver can press “Try again” once more.")
	}
	return l.say("; then the approvers are asked again.")
}

// held says that a freeze is in the way, and what is known of earlier calls.
func held(r *Request, l *line) *line {
	if len(r.Attempts) == 0 {
		return l.bold("Held back by a freeze: nothing has been asked of Microsoft Entra about ").boldTyped(r.name()).bold(" yet.")
	}
	l.bold("Held back by a freeze: no further call is made about ").boldTyped(r.name()).bold(" yet.")
	if r.unclearBefore() {
		return l.say(" %s, so it is not known whether anything was revoked.", r.noEarlierAnswer())
	}
	return l.say(" Nothing was revoked yet.")
}

// leftToOthers says that only a replica with other rules may go on, and what is known
// of earlier calls.
func leftToOthers(r *Request, l *line) *line {
	l.bold("Waiting: ")
	if r.Drill {
		l.bold("the drill for ").boldTyped(r.name()).bold(" cannot go on here.")
	} else {
		l.bold("the sessions of ").boldTyped(r.name()).bold(" cannot be revoked here.")
	}
	l.say(" The copy of this bot that is running has older rules than one that started later. It goes on once whoever runs the bot has restarted every copy.")
	if r.unclearBefore() {
		return l.say(" %s, so it is not known whether anything was revoked.", r.noEarlierAnswer())
	}
	return l.say(" Nothing was revoked yet.")
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

// afterReport is how long after the report something was, to end a sentence with.
// Where the clock was set back in between, nobody knows.
func (r *Request) afterReport(at time.Time) string {
	if at.Before(r.CreatedAt) {
		return ""
	}
	return fmt.Sprintf(", %s after the report", spell(at.Sub(r.CreatedAt)))
}

// acceptedLine says what Microsoft's yes means for the account.
func acceptedLine(r *Request, l *line) *line {
	if r.Target.Guest == graph.Yes {
		return l.bold("Microsoft Entra accepted the request, but ").boldTyped(r.name()).bold(" is a guest: sessions at the home organisation go on.").
			say(" Ask that organisation to revoke them.")
	}
	switch {
	case r.doubtful() && r.Seen:
		return l.bold("The account showed a revoke of ").boldTyped(r.name()).bold("'s sessions, and does not any more. Treat it as not done.")
	case r.doubtful() && r.State == Unreachable:
		return l.bold("Microsoft accepted the revoke of ").boldTyped(r.name()).bold("'s sessions, but the account did not show it. Treat it as not done.")
	case r.doubtful():
		return l.bold("Microsoft accepted the revoke of ").boldTyped(r.name()).bold("'s sessions, but the account does not show it. Treat it as not done.")
	}
	return l.boldTyped(r.name()).bold("'s sessions are revoked.")
}

// stampsLine says what reading the account has shown since.
func stampsLine(r *Request, l *line) *line {
	switch r.State {
	case Verified:
		return l.say("Verified: sessions valid since moved from ").when(r.earlier().ValidFrom()).say(" to ").when(r.After.ValidFrom()).say(".")
	case NotVisibleYet:
		switch {
		case r.Target.Guest == graph.Yes:
			return nextLook(r, guestStamp(r, l))
		case r.doubtful():
			l.say("It still shows sessions valid since ").when(r.After.ValidFrom()).say(". ")
			return nextLook(r, instead(r, l.bold("Now").say(": ")).say(" "))
		}
		l.say("Not visible in the account yet: it still shows sessions valid since ").when(r.After.ValidFrom()).say(". ")
		if !r.StalledAt.IsZero() {
			return l.say("I keep trying to look again.")
		}
		if r.DueAt.IsZero() {
			return l.bold("I have stopped looking.").say(" Block sign-in, or revoke in the Entra portal.")
		}
		return l.say("I look again: ").when(r.DueAt).say(". If it cannot wait, block sign-in or revoke in the Entra portal.")
	case Unreachable:
		if r.doubtful() {
			instead(r, l.bold("Now").say(": ")).say(" ")
		}
		if r.After.ReadAt.After(r.AcceptedAt) {
			l.say("The account did not show it when it could last be read, and cannot be read now. ")
		} else {
			l.say("The account could not be read since, so this is not verified. ")
		}
		if !r.StalledAt.IsZero() {
			return l.say("I keep trying to look again.")
		}
		if r.DueAt.IsZero() {
			return l.bold("I have stopped trying.").say(" Look the account up in the Entra portal.")
		}
		return l.say("I try again: ").when(r.DueAt).say(".")
	}
	if !r.StalledAt.IsZero() {
		return l.say("It is not verified. I keep trying.")
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

// guestStamp says what a guest's stamp that has not moved means: nothing.
// More may follow.
func guestStamp(r *Request, l *line) *line {
	return l.say("The account here still shows sessions valid since ").when(r.After.ValidFrom()).
		say(", which of a guest says nothing about the sessions at home. ")
}

// WaitingText says for a terminal what a request waits for.
func WaitingText(r *Request) string { return waiting(r, &line{}, r.attempt()).plain() }

func waiting(r *Request, l *line, a *Attempt) *line {
	l.bold("Waiting to ask Microsoft Entra again.")
	switch {
	case r.Drill:
		l.say(" The account was not read.")
	case r.unclearBefore():
		l.say(" %s, so it is not known whether anything was revoked.", r.noEarlierAnswer())
	default:
		l.say(" Nothing was revoked yet.")
	}
	switch {
	case a.Asked:
		l.say(" Microsoft asked the bot to wait %s (status %d)", spell(a.Wait), a.Status)
	case neverReached(a.Code):
		l.say(" Microsoft could not be reached; I wait %s", spell(a.Wait))
	case noToken(a.Code):
		l.say(" The bot could not sign in to Microsoft Entra; I wait %s", spell(a.Wait))
	default:
		l.say(" Microsoft did not take the call (status %d); I wait %s", a.Status, spell(a.Wait))
	}
	next := a.EndedAt.Add(a.Wait)
	if !r.DueAt.IsZero() {
		next = r.DueAt // in a line, or by a clock that was set back
	}
	l.say("; next try: ").whenExactly(next).say(". ")
	return inLine(r, l).by(r.verdict()).say("; nobody needs to do anything.")
}

// queued says that a request that was never tried waits behind others.
func queued(r *Request, l *line) *line {
	if len(r.Attempts) == 0 {
		l.bold("Waiting for its turn: nothing has been asked of Microsoft Entra about ").boldTyped(r.name()).bold(" yet.")
	} else {
		l.bold("Waiting for its turn to ask Microsoft Entra again about ").boldTyped(r.name()).bold(".")
	}
	if r.unclearBefore() {
		l.say(" %s, so it is not known whether anything was revoked.", r.noEarlierAnswer())
	}
	l.say(" Microsoft has asked the bot to wait; next try: ").whenExactly(r.DueAt).say(". ")
	inLine(r, l).by(r.verdict()).say("; nobody needs to do anything.")
	if r.Drill {
		return l
	}
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
}

// inLine says where the request stood in the line, in a sentence of its own.
func inLine(r *Request, l *line) *line {
	if r.Line == nil {
		return l
	}
	l.say("As of ").whenExactly(r.Line.At)
	switch n := r.Line.Ahead; n {
	case 0:
		return l.say(", it is the next one. ")
	case 1:
		return l.say(", one confirmed request is before it. ")
	default:
		return l.say(", %d confirmed requests are before it. ", n)
	}
}

// unclearBefore reports whether some call may have been carried out although
// Microsoft never said so: then a later no is not a no for the request.
func (r *Request) unclearBefore() bool {
	return r.unclearAttempt() != nil
}

func failure(r *Request, l *line, v View) *line {
	a := r.attempt()
	x := r.takenBack()
	switch {
	case x != nil:
		l.bold("Not tried again.").say(" ").join(whyTakenBack(r, x, v.Patience))
	case a == nil || neverReached(a.Code):
		l.bold("Microsoft could not be reached.")
	case noToken(a.Code):
		l.bold("The bot could not sign in to Microsoft Entra.")
	case a.Status == 0:
		l.bold("The bot could not make the call.")
	case a.Asked:
		l.bold("Microsoft asked the bot to wait %s, and I wait no longer.", spell(a.Wait))
	case a.Wait > 0:
		l.bold("Microsoft did not take the call.")
	default:
		l.bold("Microsoft refused.")
	}
	switch {
	case r.Drill:
		l.say(" This was a rehearsal.")
	case r.unclearBefore():
		l.say(" %s, so it is not known whether anything was revoked.", r.noEarlierAnswer())
	default:
		l.say(" Nothing was revoked.")
	}
	switch {
	case x != nil && r.retryable(v.Now):
		l.say(" An approver can press “Try again” on the card.")
	case a != nil && x == nil:
		l.say(" %s", a.Remedy)
	}
	return l
}

// unitMayBeWhy adds to a refusal, for approvers alone, that the account is in a
// restricted management unit: whoever asked learns nothing of the account.
func unitMayBeWhy(r *Request, l *line) *line {
	if a := r.attempt(); r.State == Failed && a != nil && r.takenBack() == nil && r.Target.Restricted == graph.Yes && !r.Drill {
		if why := graph.Restricted(a.Status, a.Code); why != "" {
			l.say(" %s", why)
		}
	}
	return l
}

// noToken tells a call that failed because Entra gave no token for it.
func noToken(code string) bool {
	return strings.HasPrefix(code, "AADSTS") || slices.Contains(unsigned, code)
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
	whyUnclear(r, l.bold("Not known yet whether ").boldTyped(r.name()).bold("'s sessions were revoked."))
	switch r.Withheld {
	case "":
	case NotOnRecord:
		l.say(" I make no second call, because the audit record does not show this decision. Whoever runs the bot should look at the database.")
	default:
		l.say(" I make no second call, because the decision does not hold any more.")
	}
	if !r.StalledAt.IsZero() {
		return l.say(" I keep trying to find out.")
	}
	if !r.stuck(v.Now) {
		return l.say(" Checking the account; next answer here within a minute.")
	}
	accountShows(r, l)
	if r.DueAt.IsZero() {
		return l.bold(" I have stopped looking.")
	}
	return l.say(" I look again: ").whenExactly(r.DueAt).say(".")
}

// whyUnclear says what became of the call.
func whyUnclear(r *Request, l *line) *line {
	switch a := r.unclearAttempt(); {
	case a == nil:
	case a.Code == interrupted:
		l.say(" The bot has no answer on record: it was stopped while asking Microsoft, or its database was away.")
	case a.Code == graph.CodeTimeout:
		l.say(" Microsoft did not answer in %s.", spell(a.EndedAt.Sub(a.BeganAt)))
	case a.Status == 0:
		l.say(" The connection to Microsoft broke.")
	default:
		l.say(" Microsoft gave no clear answer (status %d).", a.Status)
	}
	return l
}

// noAnswer is why an outcome was not known, to begin a sentence with: that Microsoft
// was not clear is said only where it was not.
func (r *Request) noAnswer() string {
	if a := r.unclearAttempt(); a != nil && a.Code == interrupted {
		return "The bot has no answer of Microsoft's on record"
	}
	return "Microsoft gave no clear answer"
}

// noEarlierAnswer is the same of a call that others have followed.
func (r *Request) noEarlierAnswer() string {
	if a := r.unclearAttempt(); a != nil && a.Code == interrupted {
		return "An earlier call has no answer on record"
	}
	return "An earlier call had no clear answer"
}

// accountShows says what reading the account has told of a call of unknown
// outcome, and what to do.
func accountShows(r *Request, l *line) *line {
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
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
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
	again := ""
	if !r.AskedAgainAt.IsZero() {
		again = " after I asked again"
	}
	if n := len(r.Approvals); n > 0 {
		l.bold("Only %d of %d approvals came in %s%s.", n, r.Need, spell(r.ExpiresAt.Sub(r.since())), again)
	} else {
		l.bold("Nobody decided in %s%s.", spell(r.ExpiresAt.Sub(r.since())), again)
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
