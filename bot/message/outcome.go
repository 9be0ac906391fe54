package message

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// outcomeHeadline is the headline of a decided request.
func outcomeHeadline(r *bot.Request, l *line, v View) *line {
	d := r.Verdict()
	if d == nil {
		// This program never decides a request without recording the decision.
		return l.about(r).bold("this request has no recorded decision.").say(" I do not know that anything was done.")
	}
	switch r.State {
	case bot.Approved, bot.Executing:
		if !r.StalledAt.IsZero() {
			return stalledHeadline(r, l)
		}
		if r.State == bot.Approved && v.Freeze == nil && r.OtherRules {
			return leftToOthers(r, l).say(" ").by(r).say(".")
		}
		if r.State == bot.Approved && v.Freeze == nil && r.Unasked != "" {
			return lookUpPending(r, l, v)
		}
		if a := r.Attempts.Last(); r.State == bot.Approved && v.Freeze == nil && a != nil && a.Decision == len(r.Decisions) && a.Wait > 0 {
			return waiting(r, l, a)
		}
		if r.State == bot.Approved && v.Freeze == nil && r.Line != nil {
			return queued(r, l)
		}
		switch {
		case r.State == bot.Approved && v.Freeze != nil:
			heldBack(r, l)
		case r.Drill:
			l.about(r).bold("asking Microsoft Entra about the account.")
		default:
			l.about(r).bold("asking Microsoft Entra to revoke the sessions.")
		}
		l.say(" ").by(r).say("%s.", afterReport(r, d.At))
		if r.State == bot.Approved && v.Freeze != nil {
			l.say(" I check it again when the freeze is over. Approvals older than %s will no longer count.", Spell(v.Patience))
		}
		return l
	case bot.Drilled:
		rehearsed(r, l).say(" ").by(r)
		return l.say(". Microsoft Entra answered a read of the account%s.", afterReport(r, r.Attempts.Last().EndedAt))
	case bot.Failed:
		return failure(r, l, v)
	case bot.Unknown:
		return unclear(r, l, v)
	}
	acceptedLine(r, l).say(" ").by(r).say(". ")
	switch {
	case r.Seen && r.Doubtful():
		l.say("%s. The account showed the change ", noAnswer(r)).exactly(r.AcceptedAt)
	case r.Seen:
		l.say("%s. I saw the change on the account ", noAnswer(r)).exactly(r.AcceptedAt)
	default:
		l.say("Entra accepted ").exactly(r.AcceptedAt)
	}
	return stampsLine(r, l.say("%s. ", afterReport(r, r.AcceptedAt)))
}

func rehearsed(r *bot.Request, l *line) *line {
	return l.about(r).bold("rehearsed. Nothing was changed.")
}

// lookUpPending says which look-up must succeed before the call.
func lookUpPending(r *bot.Request, l *line, v View) *line {
	l.about(r).bold("approved, but not carried out yet. %s does not answer.", r.Unasked)
	l.say(" The request waited, so I must look up the approvers and the account again. ").by(r)
	l.say(". I keep trying until ").when(r.Verdict().At.Add(v.Patience))
	if r.Verdict().Kind == authz.Retry {
		return l.say(". Then an approver can press “Try again” once more.")
	}
	return l.say(". Then I ask the approvers again.")
}

// heldBack says that a freeze blocks the call, and what earlier calls did.
func heldBack(r *bot.Request, l *line) *line {
	if len(r.Attempts) == 0 {
		return l.about(r).bold("held back by a freeze. I have not called Microsoft Entra yet.")
	}
	return soFar(r, l.about(r).bold("held back by a freeze. I make no other call yet."))
}

// leftToOthers says that only a replica with newer rules may go on, and what earlier
// calls did.
func leftToOthers(r *bot.Request, l *line) *line {
	l.about(r).bold("waiting.").say(" This copy of the bot has older rules than another copy. " +
		"The request goes on once the bot's owner has restarted every copy.")
	return soFar(r, l)
}

// afterReport says how long after the report something happened, as the end of a
// sentence. It is empty if the clock was set back in between.
func afterReport(r *bot.Request, at time.Time) string {
	if at.Before(r.CreatedAt) {
		return ""
	}
	return fmt.Sprintf(", %s after the report", Spell(at.Sub(r.CreatedAt)))
}

// acceptedLine says what Microsoft's acceptance means for the account, and for a guest
// what to do.
func acceptedLine(r *bot.Request, l *line) *line {
	if acceptedNews(r, l); r.Target.Guest == graph.Yes {
		l.say(" Ask that organisation to revoke them.")
	}
	return l
}

// acceptedNews says what Microsoft's acceptance means for the account.
func acceptedNews(r *bot.Request, l *line) *line {
	if r.Target.Guest == graph.Yes {
		return l.about(r).bold("Microsoft accepted the revoke, but a guest's sessions at the home organisation go on.")
	}
	switch {
	case r.Doubtful() && r.Seen:
		return l.about(r).bold("the account showed the revoke once, but no longer shows it. Treat it as not done.")
	case r.Doubtful() && r.State == bot.Unreachable:
		return l.about(r).bold("Microsoft accepted the revoke, but the account did not show it. Treat it as not done.")
	case r.Doubtful():
		return l.about(r).bold("Microsoft accepted the revoke, but the account does not show it. Treat it as not done.")
	}
	return l.boldTyped(r.Name()).bold("'s sessions are revoked.")
}

// stampsLine says what reads of the account have shown since.
func stampsLine(r *bot.Request, l *line) *line {
	switch r.State {
	case bot.Verified:
		return l.say("Verified in Entra: sessions from before ").exactly(r.After.ValidFrom()).say(" no longer count.")
	case bot.NotVisibleYet:
		switch {
		case r.Target.Guest == graph.Yes:
			return nextLook(r, guestStamp(r, l))
		case r.Doubtful():
			l.say("Entra still counts sessions from ").when(r.After.ValidFrom()).say(" on. ")
			return nextLook(r, otherWays(r, l.bold("Now").say(": ")).say(" "))
		}
		l.say("Not visible in the account yet: Entra still counts sessions from ").when(r.After.ValidFrom()).say(" on. ")
		if !r.StalledAt.IsZero() {
			return l.say("I keep trying to look again.")
		}
		if r.DueAt.IsZero() {
			return l.bold("I've stopped checking.").say(" Block sign-in, or revoke in the Entra portal.")
		}
		return l.say("I look again: ").when(r.DueAt).say(". If it cannot wait, block sign-in or revoke in the Entra portal.")
	case bot.Unreachable:
		if r.Doubtful() {
			otherWays(r, l.bold("Now").say(": ")).say(" ")
		}
		if r.After.ReadAt.After(r.AcceptedAt) {
			l.say("When I last read the account, it did not show the revoke. I cannot read it now. ")
		} else {
			l.say("I could not read the account since, so this is not verified. ")
		}
		if !r.StalledAt.IsZero() {
			return l.say("I keep trying to look again.")
		}
		if r.DueAt.IsZero() {
			return l.bold("I've stopped checking.").say(" Look the account up in the Entra portal.")
		}
		return l.say("I try again: ").when(r.DueAt).say(".")
	}
	if !r.StalledAt.IsZero() {
		return l.say("It is not verified. I keep trying.")
	}
	return l.say("Reading the account to verify it.")
}

// guestStamp says that a guest's unchanged stamp proves nothing.
func guestStamp(r *bot.Request, l *line) *line {
	return l.say("Entra here still counts sessions from ").when(r.After.ValidFrom()).
		say(" on. For a guest, that says nothing about the sessions at home. ")
}

// WaitingText says at a terminal what a request waits for.
func WaitingText(r *bot.Request) string { return waiting(r, &line{}, r.Attempts.Last()).plain() }

func waiting(r *bot.Request, l *line, a *bot.Attempt) *line {
	soFar(r, l.about(r).bold("waiting to ask Microsoft Entra again."))
	switch {
	case a.Asked:
		l.say(" Microsoft asked the bot to wait %s (status %d).", Spell(a.Wait), a.Status)
	case neverReached(a.Code):
		l.say(" I could not reach Microsoft, so I wait %s.", Spell(a.Wait))
	case NoToken(a.Code):
		l.say(" I could not sign in to Microsoft Entra, so I wait %s.", Spell(a.Wait))
	case a.Status == 0:
		l.say(" I could not make the call, so I wait %s.", Spell(a.Wait))
	default:
		l.say(" Microsoft did not take the call (status %d), so I wait %s.", a.Status, Spell(a.Wait))
	}
	next := a.EndedAt.Add(a.Wait)
	if !r.DueAt.IsZero() {
		next = r.DueAt // it queues, or the clock was set back
	}
	l.say(" Next try: ").whenExactly(next).say(". ")
	return inLine(r, l).by(r).say(". Nobody needs to do anything.")
}

// queued says that a request waits behind others for its call.
func queued(r *bot.Request, l *line) *line {
	if len(r.Attempts) == 0 {
		l.about(r).bold("waiting for its turn. I have not called Microsoft Entra yet.")
	} else {
		soFar(r, l.about(r).bold("waiting for its turn to ask Microsoft Entra again."))
	}
	l.say(" Microsoft asked the bot to wait. Next try: ").whenExactly(r.DueAt).say(". ")
	inLine(r, l).by(r).say(". Nobody needs to do anything.")
	if r.Drill {
		return l
	}
	return byHand(l)
}

// inLine says how many requests are ahead, as a sentence.
func inLine(r *bot.Request, l *line) *line {
	if r.Line == nil {
		return l
	}
	switch n := r.Line.Ahead; n {
	case 0:
		l.say("This request is next")
	case 1:
		l.say("One other request goes first")
	default:
		l.say("%d other requests go first", n)
	}
	return l.say(" (as of ").whenExactly(r.Line.At).say("). ")
}

// failure is the headline of a failed request.
func failure(r *bot.Request, l *line, v View) *line {
	return failureRemedy(r, failed(r, l, v).say(" "), v)
}

// failed says that a request failed, and whether anything was revoked.
func failed(r *bot.Request, l *line, v View) *line {
	a := r.Attempts.Last()
	x := reopening(r)
	l.about(r)
	switch {
	case x != nil:
		l.bold("not tried again.").say(" ").join(whyTakenBack(r, x, v.Patience))
	case a == nil || neverReached(a.Code):
		l.bold("I could not reach Microsoft.")
	case NoToken(a.Code):
		l.bold("I could not sign in to Microsoft Entra.")
	case a.Status == 0:
		l.bold("I could not make the call.")
	case a.Asked:
		l.bold("Microsoft asked the bot to wait %s. That is too long, so I stopped.", Spell(a.Wait))
	case a.Wait > 0:
		l.bold("Microsoft did not take the call.")
	default:
		l.bold("Microsoft refused.")
	}
	switch {
	case r.Drill:
		return l.say(" This was a rehearsal.")
	case r.Attempts.Unclear() != nil:
		return l.say(" %s, so I do not know whether anything was revoked.", noEarlierAnswer(r))
	}
	return l.bold(" Nothing was revoked.")
}

// failureRemedy says what to do about a failed request.
func failureRemedy(r *bot.Request, l *line, v View) *line {
	a, x := r.Attempts.Last(), reopening(r)
	switch {
	case x != nil && r.Retryable(v.Now):
		return l.say("An approver can press “Try again” on the card.")
	case a != nil && x == nil && a.Asked: // the remedy may name a shorter wait
		if l.say("Try again after ").whenExactly(a.EndedAt.Add(a.Wait)).say("."); r.Drill {
			return l
		}
		return byHand(l)
	case a != nil && x == nil:
		return l.say("%s", a.Remedy)
	}
	return l
}

// unitMayBeWhy adds to a refusal that the account is in a restricted management unit.
// Only approvers may read that.
func unitMayBeWhy(r *bot.Request, l *line) *line {
	if a := r.Attempts.Last(); r.State == bot.Failed && a != nil && reopening(r) == nil && r.Target.Restricted == graph.Yes && !r.Drill {
		if why := graph.Restricted(a.Status, a.Code); why != "" {
			l.say(" %s", why)
		}
	}
	return l
}

// NoToken reports whether a call failed because Entra issued no token.
func NoToken(code string) bool {
	return strings.HasPrefix(code, "AADSTS") || slices.Contains(bot.Unsigned, code)
}

// neverReached reports whether a call failed before it reached Microsoft.
func neverReached(code string) bool {
	switch code {
	case graph.CodeDNS, graph.CodeRefused, graph.CodeTLS, graph.CodeNoConnection, graph.CodeConnectionLost,
		graph.CodeTimeout, graph.CodeCanceled, graph.CodeSignInUnreachable, bot.CodeInterrupted:
		return true
	}
	return false
}

// unclear is the headline of a request whose outcome is unknown.
func unclear(r *bot.Request, l *line, v View) *line {
	return findingOut(r, whyUnclear(r, notKnownYet(r, l)), v)
}

// notKnownYet says that nobody knows the outcome yet.
func notKnownYet(r *bot.Request, l *line) *line {
	return l.about(r).bold("not known yet whether the sessions were revoked.")
}

// findingOut says how the outcome is looked for, and what to do meanwhile.
func findingOut(r *bot.Request, l *line, v View) *line {
	switch r.Withheld {
	case "":
	case bot.NotOnRecord:
		l.then("I make no second call: the audit record does not show this decision. The bot's owner must check the database.")
	default:
		l.then("I make no second call, because the decision no longer holds.")
	}
	if !r.StalledAt.IsZero() {
		return l.then("I keep trying to find out.")
	}
	if !r.Stuck(v.Now) {
		return l.then("Checking the account; next answer here within a minute.")
	}
	accountShows(r, l)
	if r.DueAt.IsZero() {
		return l.bold(" I've stopped checking.")
	}
	return l.say(" I look again: ").whenExactly(r.DueAt).say(".")
}

// whyUnclear says why the outcome is unknown.
func whyUnclear(r *bot.Request, l *line) *line {
	switch a := r.Attempts.Unclear(); {
	case a == nil:
	case a.Code == bot.CodeInterrupted:
		l.say(" The bot has no answer on record. It was stopped while it asked Microsoft, or its database was away.")
	case a.Code == graph.CodeTimeout:
		l.say(" Microsoft did not answer in %s.", Spell(a.EndedAt.Sub(a.BeganAt)))
	case a.Status == 0:
		l.say(" The connection to Microsoft broke.")
	default:
		l.say(" Microsoft gave no clear answer (status %d).", a.Status)
	}
	return l
}

// noAnswer says why an outcome was unknown, as the start of a sentence. It blames
// Microsoft only if Microsoft's answer was unclear.
func noAnswer(r *bot.Request) string {
	if a := r.Attempts.Unclear(); a != nil && a.Code == bot.CodeInterrupted {
		return "The bot has no answer of Microsoft's on record"
	}
	return "Microsoft gave no clear answer"
}

// noEarlierAnswer is noAnswer for an earlier call.
func noEarlierAnswer(r *bot.Request) string {
	if a := r.Attempts.Unclear(); a != nil && a.Code == bot.CodeInterrupted {
		return "An earlier call has no answer on record"
	}
	return "An earlier call had no clear answer"
}

// accountShows says what reads of the account show about a call of unknown outcome, and
// what to do.
func accountShows(r *bot.Request, l *line) *line {
	switch {
	case r.Unread:
		l.then("I cannot read the account.")
	case r.After.ReadAt.Before(r.Attempts.Last().EndedAt):
		l.then("I have not read the account since.")
	case r.After.MovedSince(r.Earlier()):
		l.then("The account has changed since the report, but I do not know who changed it.")
	default:
		l.then("The account does not show a change.")
	}
	return byHand(l)
}

// ending is the headline of a request that ended without a call.
func ending(r *bot.Request, l *line) *line {
	if r.State == bot.Void {
		return voidLine(r, l)
	}
	ended(r, l).say(" %s ", nothingDone(r))
	if why := r.Words.Denied; r.State == bot.Denied && why != "" {
		l.say("They wrote: ").typed(why).say(". ")
	}
	return afterEnd(r, l)
}

// ended says how a request ended without a call and without a successor.
func ended(r *bot.Request, l *line) *line {
	switch r.State {
	case bot.Denied:
		return l.about(r).bold("denied by ").person(r.Verdict().SlackID).bold(".")
	case bot.Cancelled:
		return l.about(r).person(r.Verdict().SlackID).bold(" cancelled the request.")
	}
	again := ""
	if !r.AskedAgainAt.IsZero() {
		again = " after I asked again"
	}
	if n := len(r.Approvals); n > 0 {
		return l.about(r).bold("only %d of %d approvals came in %s%s.", n, r.Need, Spell(r.ExpiresAt.Sub(r.Since())), again)
	}
	return l.about(r).bold("nobody decided in %s%s.", Spell(r.ExpiresAt.Sub(r.Since())), again)
}

// afterEnd says what people can do after such an end.
func afterEnd(r *bot.Request, l *line) *line {
	again := "Report again"
	if r.Lane == authz.ThirdParty {
		again = "Ask again"
	}
	switch r.State {
	case bot.Denied:
		return l.say("Wrong? Phone ").person(r.Verdict().SlackID).say(", or %s with `/revoke-sessions`.", strings.ToLower(again))
	case bot.Cancelled:
		return l.say("%s with `/revoke-sessions` if it is still needed.", again)
	}
	return l.say("%s with `/revoke-sessions`.", again)
}

// nothingDone says that a request that is over has changed nothing.
func nothingDone(r *bot.Request) string {
	if r.Drill {
		return "Nothing was changed."
	}
	return "Nothing was revoked."
}

// nothingDoneHere is nothingDone where another request for the same person goes on.
func nothingDoneHere(r *bot.Request) string {
	return strings.TrimSuffix(nothingDone(r), ".") + " for this request."
}

// soFar says what the earlier calls of a request that waits have done.
func soFar(r *bot.Request, l *line) *line {
	switch {
	case r.Drill:
		return l.say(" The account is not read yet.")
	case r.Attempts.Unclear() != nil:
		return l.say(" %s, so I do not know whether anything was revoked.", noEarlierAnswer(r))
	}
	return l.say(" Nothing is revoked yet.")
}

// then adds a sentence of our own words.
func (l *line) then(format string, args ...any) *line {
	if len(l.parts) > 0 {
		l.say(" ")
	}
	return l.say(format, args...)
}

// about names the person whom a headline is about. At a terminal, each line begins with
// the account.
func (l *line) about(r *bot.Request) *line {
	if r.AtConsole() {
		return l
	}
	return l.boldTyped(r.Name()).bold(": ")
}

// exactly is whenExactly inside a sentence.
func (l *line) exactly(t time.Time) *line { return l.date(t, "{date_short_pretty} at {time_secs}") }

// ownDecision reports whether the person who reported the device decided alone.
func ownDecision(r *bot.Request) bool {
	d := r.Verdict()
	return r.Lane == authz.Self && d != nil && len(d.Others) == 0 && d.EntraID != "" && d.EntraID == r.Requester().EntraID
}

// by says who decided, as a sentence without the final period.
func (l *line) by(r *bot.Request) *line {
	switch d := r.Verdict(); {
	case d.Kind == authz.TimeOut:
		return l.say("Automatic: nobody decided in time")
	case ownDecision(r):
		return l.say("Decided by ").person(d.SlackID).say(", who reported it")
	default:
		return l.say("Approved by ").givers(d)
	}
}

// byWhom says on a receipt who decided, as part of a sentence.
func (l *line) byWhom(r *bot.Request) *line {
	switch d := r.Verdict(); {
	case d.Kind == authz.TimeOut:
		return l.say("automatic: nobody decided in time")
	case ownDecision(r):
		return l.say("you decided this yourself")
	default:
		return l.say("approved by ").givers(d)
	}
}

// givers mentions everybody whose approval counts in the decision.
func (l *line) givers(d *bot.Verdict) *line {
	for _, other := range d.Others {
		l.person(other.SlackID).say(" and ")
	}
	return l.person(d.SlackID)
}

// receiptOutcome is the outcome for a requester, without facts about the account.
func receiptOutcome(r *bot.Request, l *line, v View) *line {
	switch r.State {
	case bot.Failed:
		if failure(r, l, v); v.Shut != "" {
			return l // the approvers cannot read it in their channel
		}
		return l.say(" The approvers see this too.")
	case bot.Unknown:
		return unclear(r, l, v)
	case bot.Drilled:
		return rehearsed(r, l)
	}
	if r.Target.Guest == graph.Yes {
		return acceptedLine(r, l)
	}
	if r.Doubtful() {
		if r.Lane == authz.Self {
			l.bold("Treat your sessions as not revoked.")
		} else {
			l.bold("Treat ").boldTyped(r.Name()).bold("'s sessions as not revoked.")
		}
		if !r.Seen {
			l.say(" Microsoft accepted the revoke ").exactly(r.AcceptedAt).say(".")
		}
		return l.say(" I read the account ").exactly(r.After.ReadAt).say(", and it did not show the revoke.")
	}
	if r.State == bot.NotVisibleYet || r.State == bot.Unreachable {
		if r.Lane == authz.Self {
			l.bold("Microsoft accepted the revoke of your sessions")
		} else {
			l.bold("Microsoft accepted the revoke of ").boldTyped(r.Name()).bold("'s sessions")
		}
		return l.say(" (").byWhom(r).say("). I do not see it on the account yet, and keep checking.")
	}
	if r.Lane == authz.Self {
		return l.bold("Done: your sessions are revoked").say(" (").byWhom(r).say("). You will be asked to sign in again.")
	}
	return l.bold("Done: ").boldTyped(r.Name()).bold("'s sessions are revoked").say(" (").byWhom(r).say(").")
}

// acceptance says when Microsoft accepted the call, with the request ID.
func acceptance(r *bot.Request, l *line) *line {
	if r.Seen {
		return l.say("%s. The account showed the change ", noAnswer(r)).exactly(r.AcceptedAt).say(".")
	}
	l.say("Microsoft accepted it ").exactly(r.AcceptedAt)
	if id := r.Attempts.Last().RequestID; id != "" {
		l.say(" (request-id ").typed(id).say(")")
	}
	return l.say(".")
}

// otherWays says what else ends the sessions.
func otherWays(r *bot.Request, l *line) *line {
	if r.Target.Synced == graph.Yes {
		return l.say("block sign-in on-premises, or revoke in the Entra portal.")
	}
	return l.say("block sign-in, or revoke in the Entra portal.")
}

// nextLook says when the account is read again, if ever.
func nextLook(r *bot.Request, l *line) *line {
	if !r.StalledAt.IsZero() {
		return l.say("I keep trying to look again.")
	}
	if r.DueAt.IsZero() {
		return l.bold("I've stopped checking.")
	}
	return l.say("I look again: ").when(r.DueAt).say(".")
}

// ring mentions the people who approved, because an edit notifies nobody. If nobody
// did, or only the person who lost the device, it mentions those who may decide.
func ring(r *bot.Request, v View) *line {
	l := &line{}
	switch d := r.Verdict(); {
	case d == nil:
		return l
	case d.Kind == authz.TimeOut:
		return l.deciders(v).say(": nobody decided this in time.")
	case ownDecision(r):
		return l.deciders(v).say(": only the person who reported this has decided it.")
	default:
		for _, other := range d.Others {
			l.person(other.SlackID).say(", ")
		}
		return l.person(d.SlackID).say(", you approved this.")
	}
}

// differenceWords say what has changed, as part of a sentence.
var differenceWords = map[bot.Difference]string{
	bot.Renamed:          "the account was renamed",
	bot.GuestChanged:     "the account became a guest, or is no longer one",
	bot.Gone:             "the account no longer exists",
	bot.OtherOperation:   "the bot is set to another operation",
	bot.MoreApprovals:    "more approvals are needed now",
	bot.Altered:          "the stored request is not what the card showed, and the bot's owner must check the database",
	bot.AskedElsewhere:   "its approvals no longer count, and a newer request asks for the same",
	bot.RevokedMeanwhile: "another request for this account was carried out, and the card did not say so",
	bot.Unrecorded:       "the stored request differs from its audit record, and the bot's owner must check the database",
	bot.NowBlocked:       "the policy no longer lets anybody revoke this account here",
}

func inWords(all []bot.Difference) string {
	var words []string
	for _, d := range all {
		words = append(words, differenceWords[d])
	}
	return strings.Join(words, "; ")
}

// voidLine says why a request is void, and what follows.
func voidLine(r *bot.Request, l *line) *line { return afterVoid(r, voidNews(r, l).say(" ")) }

// voidNews says why a request is void.
func voidNews(r *bot.Request, l *line) *line {
	switch {
	case slices.Contains(r.Changed, bot.Unrecorded):
		return l.about(r).bold("stopped. The stored request differs from its audit record.")
	case slices.Contains(r.Changed, bot.AskedElsewhere):
		return l.about(r).bold("closed. An approval no longer counts, and %s asks for the same.", r.ReplacedBy)
	}
	done := nothingDone(r)
	if slices.Contains(r.Changed, bot.RevokedMeanwhile) {
		done = nothingDoneHere(r)
	}
	return l.about(r).bold("closed.").say(" Changed since the card was made: %s. %s", inWords(r.Changed), done)
}

// afterVoid says what follows.
func afterVoid(r *bot.Request, l *line) *line {
	switch {
	case slices.Contains(r.Changed, bot.Unrecorded):
		return l.say("I do not call Microsoft for it now. Somebody may have changed the database: the bot's owner must check it now. " +
			"Ask again with `/revoke-sessions` if it is still needed.")
	case slices.Contains(r.Changed, bot.AskedElsewhere):
		return l.say("%s %s shows how it goes on.", nothingDoneHere(r), r.ReplacedBy)
	case slices.Contains(r.Changed, bot.NowBlocked):
		return l.say("Nobody can approve it here.")
	case r.ReplacedBy == "":
		return l.say("Ask again with `/revoke-sessions` if it is still needed.")
	}
	return l.say("A new card follows: %s.", r.ReplacedBy)
}
