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
		return l.bold("This request has no recorded decision.").say(" Nothing is known to have been done.")
	}
	switch r.State {
	case bot.Approved, bot.Executing:
		if !r.StalledAt.IsZero() {
			return stalledHeadline(r, l)
		}
		if r.State == bot.Approved && v.Freeze == nil && r.OtherRules {
			return leftToOthers(r, l).say(" ").by(d).say(".")
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
			l.bold("Asking Microsoft Entra about ").boldTyped(r.Name()).bold("'s account.")
		default:
			l.bold("Asking Microsoft Entra to revoke ").boldTyped(r.Name()).bold("'s sessions.")
		}
		l.say(" ").by(d).say("%s.", afterReport(r, d.At))
		if r.State == bot.Approved && v.Freeze != nil {
			l.say(" I check it again when the freeze is over. An approval that is older than %s does not count then.", Spell(v.Patience))
		}
		return l
	case bot.Drilled:
		l.bold("Rehearsed for ").boldTyped(r.Name()).bold(". Nothing was changed.").say(" ").by(d)
		return l.say(". Microsoft Entra answered a read of the account%s.", afterReport(r, r.Attempts.Last().EndedAt))
	case bot.Failed:
		return failure(r, l, v)
	case bot.Unknown:
		return unclear(r, l, v)
	}
	acceptedLine(r, l).say(" ").by(d).say(". ")
	switch {
	case r.Seen && r.Doubtful():
		l.say("%s, and the account showed the change once: ", noAnswer(r)).whenExactly(r.AcceptedAt)
	case r.Seen:
		l.say("%s, but the account shows the change, seen ", noAnswer(r)).whenExactly(r.AcceptedAt)
	default:
		l.say("Entra accepted: ").whenExactly(r.AcceptedAt)
	}
	return stampsLine(r, l.say("%s. ", afterReport(r, r.AcceptedAt)))
}

// lookUpPending says which look-up must succeed before the call.
func lookUpPending(r *bot.Request, l *line, v View) *line {
	l.bold("Approved, but not carried out yet: %s does not answer.", r.Unasked)
	l.say(" It has waited, so I must look up again who approved it and what the account is now. ").by(r.Verdict())
	l.say(". I keep trying until ").when(r.Verdict().At.Add(v.Patience))
	if r.Verdict().Kind == authz.Retry {
		return l.say("; then an approver can press “Try again” once more.")
	}
	return l.say("; then the approvers are asked again.")
}

// heldBack says that a freeze blocks the call, and what earlier calls did.
func heldBack(r *bot.Request, l *line) *line {
	if len(r.Attempts) == 0 {
		return l.bold("Held back by a freeze: nothing has been asked of Microsoft Entra about ").boldTyped(r.Name()).bold(" yet.")
	}
	l.bold("Held back by a freeze: no further call is made about ").boldTyped(r.Name()).bold(" yet.")
	if r.Attempts.Unclear() != nil {
		return l.say(" %s, so it is not known whether anything was revoked.", noEarlierAnswer(r))
	}
	return l.say(" Nothing was revoked yet.")
}

// leftToOthers says that only a replica with newer rules may go on, and what earlier
// calls did.
func leftToOthers(r *bot.Request, l *line) *line {
	l.bold("Waiting: ")
	if r.Drill {
		l.bold("the drill for ").boldTyped(r.Name()).bold(" cannot go on here.")
	} else {
		l.bold("the sessions of ").boldTyped(r.Name()).bold(" cannot be revoked here.")
	}
	l.say(" The copy of this bot that is running has older rules than one that started later. " +
		"It goes on once whoever runs the bot has restarted every copy.")
	if r.Attempts.Unclear() != nil {
		return l.say(" %s, so it is not known whether anything was revoked.", noEarlierAnswer(r))
	}
	return l.say(" Nothing was revoked yet.")
}

// afterReport says how long after the report something happened, as the end of a
// sentence. It is empty if the clock was set back in between.
func afterReport(r *bot.Request, at time.Time) string {
	if at.Before(r.CreatedAt) {
		return ""
	}
	return fmt.Sprintf(", %s after the report", Spell(at.Sub(r.CreatedAt)))
}

// acceptedLine says what Microsoft's acceptance means for the account.
func acceptedLine(r *bot.Request, l *line) *line {
	if r.Target.Guest == graph.Yes {
		return l.bold("Microsoft Entra accepted the request, but ").boldTyped(r.Name()).
			bold(" is a guest: sessions at the home organisation go on.").say(" Ask that organisation to revoke them.")
	}
	switch {
	case r.Doubtful() && r.Seen:
		return l.bold("The account showed a revoke of ").boldTyped(r.Name()).bold("'s sessions, and does not any more. Treat it as not done.")
	case r.Doubtful() && r.State == bot.Unreachable:
		return l.bold("Microsoft accepted the revoke of ").boldTyped(r.Name()).
			bold("'s sessions, but the account did not show it. Treat it as not done.")
	case r.Doubtful():
		return l.bold("Microsoft accepted the revoke of ").boldTyped(r.Name()).
			bold("'s sessions, but the account does not show it. Treat it as not done.")
	}
	return l.boldTyped(r.Name()).bold("'s sessions are revoked.")
}

// stampsLine says what reads of the account have shown since.
func stampsLine(r *bot.Request, l *line) *line {
	switch r.State {
	case bot.Verified:
		return l.say("Verified: sessions valid since moved from ").when(r.Earlier().ValidFrom()).say(" to ").when(r.After.ValidFrom()).say(".")
	case bot.NotVisibleYet:
		switch {
		case r.Target.Guest == graph.Yes:
			return nextLook(r, guestStamp(r, l))
		case r.Doubtful():
			l.say("It still shows sessions valid since ").when(r.After.ValidFrom()).say(". ")
			return nextLook(r, otherWays(r, l.bold("Now").say(": ")).say(" "))
		}
		l.say("Not visible in the account yet: it still shows sessions valid since ").when(r.After.ValidFrom()).say(". ")
		if !r.StalledAt.IsZero() {
			return l.say("I keep trying to look again.")
		}
		if r.DueAt.IsZero() {
			return l.bold("I have stopped looking.").say(" Block sign-in, or revoke in the Entra portal.")
		}
		return l.say("I look again: ").when(r.DueAt).say(". If it cannot wait, block sign-in or revoke in the Entra portal.")
	case bot.Unreachable:
		if r.Doubtful() {
			otherWays(r, l.bold("Now").say(": ")).say(" ")
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

// guestStamp says that a guest's unchanged stamp proves nothing.
func guestStamp(r *bot.Request, l *line) *line {
	return l.say("The account here still shows sessions valid since ").when(r.After.ValidFrom()).
		say(", which of a guest says nothing about the sessions at home. ")
}

// WaitingText says at a terminal what a request waits for.
func WaitingText(r *bot.Request) string { return waiting(r, &line{}, r.Attempts.Last()).plain() }

func waiting(r *bot.Request, l *line, a *bot.Attempt) *line {
	l.bold("Waiting to ask Microsoft Entra again.")
	switch {
	case r.Drill:
		l.say(" The account was not read.")
	case r.Attempts.Unclear() != nil:
		l.say(" %s, so it is not known whether anything was revoked.", noEarlierAnswer(r))
	default:
		l.say(" Nothing was revoked yet.")
	}
	switch {
	case a.Asked:
		l.say(" Microsoft asked the bot to wait %s (status %d)", Spell(a.Wait), a.Status)
	case neverReached(a.Code):
		l.say(" Microsoft could not be reached; I wait %s", Spell(a.Wait))
	case NoToken(a.Code):
		l.say(" The bot could not sign in to Microsoft Entra; I wait %s", Spell(a.Wait))
	default:
		l.say(" Microsoft did not take the call (status %d); I wait %s", a.Status, Spell(a.Wait))
	}
	next := a.EndedAt.Add(a.Wait)
	if !r.DueAt.IsZero() {
		next = r.DueAt // it queues, or the clock was set back
	}
	l.say("; next try: ").whenExactly(next).say(". ")
	return inLine(r, l).by(r.Verdict()).say("; nobody needs to do anything.")
}

// queued says that a request waits behind others for its call.
func queued(r *bot.Request, l *line) *line {
	if len(r.Attempts) == 0 {
		l.bold("Waiting for its turn: nothing has been asked of Microsoft Entra about ").boldTyped(r.Name()).bold(" yet.")
	} else {
		l.bold("Waiting for its turn to ask Microsoft Entra again about ").boldTyped(r.Name()).bold(".")
	}
	if r.Attempts.Unclear() != nil {
		l.say(" %s, so it is not known whether anything was revoked.", noEarlierAnswer(r))
	}
	l.say(" Microsoft has asked the bot to wait; next try: ").whenExactly(r.DueAt).say(". ")
	inLine(r, l).by(r.Verdict()).say("; nobody needs to do anything.")
	if r.Drill {
		return l
	}
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
}

// inLine says how many requests are ahead, as a sentence.
func inLine(r *bot.Request, l *line) *line {
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

// failure is the headline of a failed request.
func failure(r *bot.Request, l *line, v View) *line {
	a := r.Attempts.Last()
	x := reopening(r)
	switch {
	case x != nil:
		l.bold("Not tried again.").say(" ").join(whyTakenBack(r, x, v.Patience))
	case a == nil || neverReached(a.Code):
		l.bold("Microsoft could not be reached.")
	case NoToken(a.Code):
		l.bold("The bot could not sign in to Microsoft Entra.")
	case a.Status == 0:
		l.bold("The bot could not make the call.")
	case a.Asked:
		l.bold("Microsoft asked the bot to wait %s, and I wait no longer.", Spell(a.Wait))
	case a.Wait > 0:
		l.bold("Microsoft did not take the call.")
	default:
		l.bold("Microsoft refused.")
	}
	switch {
	case r.Drill:
		l.say(" This was a rehearsal.")
	case r.Attempts.Unclear() != nil:
		l.say(" %s, so it is not known whether anything was revoked.", noEarlierAnswer(r))
	default:
		l.say(" Nothing was revoked.")
	}
	switch {
	case x != nil && r.Retryable(v.Now):
		l.say(" An approver can press “Try again” on the card.")
	case a != nil && x == nil:
		l.say(" %s", a.Remedy)
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
	whyUnclear(r, l.bold("Not known yet whether ").boldTyped(r.Name()).bold("'s sessions were revoked."))
	switch r.Withheld {
	case "":
	case bot.NotOnRecord:
		l.say(" I make no second call, because the audit record does not show this decision. Whoever runs the bot should look at the database.")
	default:
		l.say(" I make no second call, because the decision does not hold any more.")
	}
	if !r.StalledAt.IsZero() {
		return l.say(" I keep trying to find out.")
	}
	if !r.Stuck(v.Now) {
		return l.say(" Checking the account; next answer here within a minute.")
	}
	accountShows(r, l)
	if r.DueAt.IsZero() {
		return l.bold(" I have stopped looking.")
	}
	return l.say(" I look again: ").whenExactly(r.DueAt).say(".")
}

// whyUnclear says why the outcome is unknown.
func whyUnclear(r *bot.Request, l *line) *line {
	switch a := r.Attempts.Unclear(); {
	case a == nil:
	case a.Code == bot.CodeInterrupted:
		l.say(" The bot has no answer on record: it was stopped while asking Microsoft, or its database was away.")
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
		l.say(" The account cannot be read.")
	case r.After.ReadAt.Before(r.Attempts.Last().EndedAt):
		l.say(" The account has not been read since.")
	case r.After.MovedSince(r.Earlier()):
		l.say(" The account has changed since the report, but I cannot tell by whom.")
	default:
		l.say(" The account does not show a change.")
	}
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
}

// ending is the headline of a request that ended without a call.
func ending(r *bot.Request, l *line) *line {
	switch r.State {
	case bot.Denied:
		l.bold("Denied by ").person(r.Verdict().SlackID)
		if why := r.Words.Denied; why != "" {
			l.bold(": ").typed(why)
		}
		return l.say(". Nothing was done. If that is wrong, phone them, or report again with `/revoke-sessions`.")
	case bot.Cancelled:
		return l.bold("Cancelled by ").person(r.Verdict().SlackID).bold(", who had asked.").say(" Nothing was done.")
	case bot.Void:
		return voidLine(r, l)
	}
	again := ""
	if !r.AskedAgainAt.IsZero() {
		again = " after I asked again"
	}
	if n := len(r.Approvals); n > 0 {
		l.bold("Only %d of %d approvals came in %s%s.", n, r.Need, Spell(r.ExpiresAt.Sub(r.Since())), again)
	} else {
		l.bold("Nobody decided in %s%s.", Spell(r.ExpiresAt.Sub(r.Since())), again)
	}
	return l.say(" Nothing was done; report again with `/revoke-sessions`.")
}

// by says who decided, as a sentence without the final period.
func (l *line) by(d *bot.Verdict) *line {
	if d.Kind == authz.TimeOut {
		return l.say("Nobody decided in time, so it is carried out as the policy says")
	}
	return l.say("Approved by ").givers(d)
}

// byWhom says who decided, as part of a sentence.
func (l *line) byWhom(d *bot.Verdict) *line {
	if d.Kind == authz.TimeOut {
		return l.say("by the policy, for nobody decided in time")
	}
	return l.say("approved by ").givers(d)
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
		return l.bold("Rehearsed. Nothing was changed.")
	}
	if r.Target.Guest == graph.Yes {
		return l.bold("Microsoft Entra accepted the request, but this is a guest account: sessions at the home organisation go on.")
	}
	if r.Doubtful() {
		if r.Lane == authz.Self {
			l.bold("Treat your sessions as not revoked.")
		} else {
			l.bold("Treat ").boldTyped(r.Name()).bold("'s sessions as not revoked.")
		}
		if !r.Seen {
			l.say(" Microsoft accepted the request: ").whenExactly(r.AcceptedAt).say(".")
		}
		return l.say(" The account did not show it: ").whenExactly(r.After.ReadAt).say(".")
	}
	if r.Lane == authz.Self {
		l.bold("Your sessions are revoked.")
	} else {
		l.boldTyped(r.Name()).bold("'s sessions are revoked.")
	}
	if r.Seen {
		return l.say(" The account shows it since ").whenExactly(r.AcceptedAt).say(".")
	}
	return l.say(" Entra accepted: ").whenExactly(r.AcceptedAt).say(".")
}

// acceptance says when Microsoft accepted the call, with the request ID.
func acceptance(r *bot.Request, l *line) *line {
	if r.Seen {
		return l.say("%s, and the account showed the change once: ", noAnswer(r)).whenExactly(r.AcceptedAt).say(".")
	}
	l.say("Accepted by Microsoft: ").whenExactly(r.AcceptedAt)
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
		return l.bold("I have stopped looking.")
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
		return l.deciders(v).say(": nobody had decided this.")
	case r.OnlySelf() && d.EntraID == r.Requester().EntraID:
		return l.deciders(v).say(": nobody but whoever reported it has decided this.")
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
	bot.GuestChanged:     "the account became a guest, or is none any more",
	bot.Gone:             "the account does not exist any more",
	bot.OtherOperation:   "the bot is set to another operation",
	bot.MoreApprovals:    "more approvals are needed now",
	bot.Altered:          "the stored request is not what the card showed; whoever runs the bot should look at the database",
	bot.AskedElsewhere:   "its approvals no longer count, and a newer request asks for the same",
	bot.RevokedMeanwhile: "another request for this account was carried out, which the card did not say",
	bot.Unrecorded:       "the audit record does not show what the stored request says; whoever runs the bot should look at the database",
	bot.NowBlocked:       "the policy lets nobody revoke this account here any more",
}

func inWords(all []bot.Difference) string {
	var words []string
	for _, d := range all {
		words = append(words, differenceWords[d])
	}
	return strings.Join(words, "; ")
}

// voidLine says why a request is void, and what follows.
func voidLine(r *bot.Request, l *line) *line {
	switch {
	case slices.Contains(r.Changed, bot.Unrecorded):
		return l.bold("Stopped: the audit record does not show what the stored request says.").
			say(" Nothing is called for it. Somebody may have changed the database, so whoever runs the bot should look at it now. " +
				"Ask again with `/revoke-sessions` if it is still needed.")
	case slices.Contains(r.Changed, bot.AskedElsewhere):
		return l.bold("An approval of this no longer counts, and %s asks for the same.", r.ReplacedBy).
			say(" Nothing was done here; whoever asked reads there what becomes of it.")
	}
	done := "Nothing was done."
	if slices.Contains(r.Changed, bot.RevokedMeanwhile) {
		done = "Nothing was done for this one."
	}
	l.bold("This changed since the preview: %s. %s", inWords(r.Changed), done)
	if slices.Contains(r.Changed, bot.NowBlocked) {
		return l
	}
	if r.ReplacedBy == "" {
		return l.say(" Ask again with `/revoke-sessions` if it is still needed.")
	}
	return l.say(" A new card follows: %s.", r.ReplacedBy)
}
