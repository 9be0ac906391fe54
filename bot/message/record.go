package message

import (
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Markdown is the audit record for a ticket, with times in UTC. Words from outside this
// program are in code spans, where mentions, links and formatting are inert.
func Markdown(s *bot.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Audit record of %s\n\n", codeSpan(s.Request))
	if slices.ContainsFunc(s.Rows, func(r bot.Row) bool { return r.Drill }) {
		b.WriteString("**DRILL: nothing was revoked.**\n\n")
	}
	writeWords(s, &b)
	b.WriteString("\n## What happened (times in UTC)\n")
	for _, r := range s.Rows {
		writeRow(r, &b)
	}
	fmt.Fprintf(&b, "\n## Is it as it was written?\n\n%s\n", s.Chain.Says)
	return b.String()
}

// writeWords adds the names and reasons, and whether they match the hash in the rows.
func writeWords(s *bot.Record, b *strings.Builder) {
	if s.Proof == bot.WordsUnread {
		b.WriteString("Names and reasons were not read: the chain is too damaged to get that far.\n")
		return
	}
	if s.Words == nil {
		b.WriteString("Names and reasons were erased. The rows keep a salted hash of them.\n")
		return
	}
	item := func(label, text string) {
		if text != "" {
			fmt.Fprintf(b, "- %s: %s\n", label, codeSpan(text))
		}
	}
	item("Account", s.Words.DisplayName)
	item("User principal name", s.Words.UPN)
	item("Reason", s.Words.Reason)
	var also []string
	for who := range s.Words.Also {
		also = append(also, who)
	}
	slices.Sort(also)
	for _, who := range also {
		item("Reason of "+codeSpan(who), s.Words.Also[who])
	}
	item("Reason of the denial", s.Words.Denied)
	item("Reason to pass over the policy", s.Words.Override)
	b.WriteString("- " + map[bot.WordsProof]string{
		bot.WordsMatch:  "These words are the ones that the rows hold a salted hash of.",
		bot.WordsDiffer: "**These words do NOT match the salted hash in the rows: they were changed in the database.**",
	}[s.Proof] + "\n")
}

// writeRow adds one row.
func writeRow(r bot.Row, b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s: %s\n\n", r.At.UTC().Format("2006-01-02 15:04:05.000"), actionWords(r))
	item := func(label, text string) {
		if text != "" {
			fmt.Fprintf(b, "- %s: %s\n", label, codeSpan(text))
		}
	}
	item("By", r.Actor)
	item("Their Entra object ID", r.ActorEntraID)
	item("From", r.Origin)
	item("Set back by", r.SetBack)
	if !r.Clock.IsZero() {
		item("What the clock said, which had been set back", bot.StampText(r.Clock))
	}
	item("Wanted", r.Wanted)
	if r.Reason != "" {
		fmt.Fprintf(b, "- Reason: %s (%s)\n", reasonWords(authz.Reason(r.Reason)), codeSpan(r.Reason))
	}
	item("Target's Entra object ID", r.TargetID)
	if r.Need != 0 {
		fmt.Fprintf(b, "- Approvals: %d of %d\n", r.Have, r.Need)
	}
	item("What had changed", strings.ReplaceAll(r.Changed, ",", ", "))
	item("Digest", r.Digest)
	if r.Freeze != 0 {
		fmt.Fprintf(b, "- Freeze: number %d\n", r.Freeze)
	}
	item("Until", r.Until)
	if r.Count != 0 {
		fmt.Fprintf(b, "- How often again within a minute: %d\n", r.Count)
	}
	item("The last time", r.LastAt)
	if r.LookedUpMS != 0 {
		fmt.Fprintf(b, "- Age of the look-ups that decided: %d ms\n", r.LookedUpMS)
	}
	item("Operation", r.Operation)
	item("Refused before it", r.Also)
	if r.Outcome != "" {
		words, ok := outcomes[graph.Outcome(r.Outcome)]
		if !ok {
			words = "an outcome that this version does not know"
		}
		fmt.Fprintf(b, "- Outcome of the call: %s (%s)\n", words, codeSpan(r.Outcome))
	}
	if r.Status != 0 {
		fmt.Fprintf(b, "- HTTP status: %d\n", r.Status)
	}
	item("Code", r.Code)
	item("Microsoft's request ID", r.RequestID)
	item("Client request ID", r.ClientRequestID)
	item("Sessions valid since, before", r.StampBefore)
	item("Sessions valid since, after", r.StampAfter)
	item("Salted hash of the words", r.Typed)
	fmt.Fprintf(b, "- Row %d, hash %s\n", r.Seq, codeSpan(r.Hash))
}

// codeSpan puts text into a code span on one line. The fence is longer than any run of
// backticks in the text.
func codeSpan(text string) string {
	text = bot.Clean(text, len(text))
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if text == "" || strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " " // renderers strip one space on each side
	}
	return fence + text + fence
}

// actionWords says what a row records.
func actionWords(r bot.Row) string {
	switch {
	case r.Action == string(bot.Approved) && (r.Actor == bot.BotActor || r.Actor == bot.ConsoleActor):
		return "Microsoft asked to wait, or could not be reached; it will be called again"
	case r.Action == string(bot.Approved) && r.Actor == bot.ClockActor:
		return "the bot was interrupted in its rehearsal; it will read again"
	}
	if r.Action == bot.ActHeld && r.Reason != "" {
		return "held back" // not by a freeze: the row has a reason
	}
	if words, ok := happened[r.Action]; ok {
		if r.Count > 0 {
			return words + fmt.Sprintf(", %s more", timesOf(r.Count))
		}
		return words
	}
	return "something that this version does not know: " + codeSpan(r.Action)
}

func timesOf(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// reasonWords explains a row's reason.
func reasonWords(r authz.Reason) string {
	if words, ok := reasons[r]; ok {
		return words
	}
	return "one that this version does not know"
}

var outcomes = map[graph.Outcome]string{
	graph.Done:           "Microsoft accepted it",
	graph.NotDone:        "nothing was done",
	graph.OutcomeUnknown: "not known",
}

// happened explains each Action of an Entry to an outsider.
var happened = map[string]string{
	bot.ActRequested:          "a revoke was asked for",
	bot.ActJoined:             "somebody asked for the same, or added to it",
	bot.ActRefused:            "something was refused",
	bot.ActCancelAsked:        "the target's account asked to cancel, which an approver must decide",
	bot.ActCancelAskedAgain:   "the target's account asked to cancel again",
	bot.ActDenyPressed:        "an approver pressed Deny; a form asks for the reason",
	bot.ActDenyAsked:          "an approver pressed Deny; the form for the reason may not have opened, and nothing was denied yet",
	bot.ActRetryClosed:        "the time for another try was over",
	bot.ActUnmovedTold:        "people were told that the account still did not show it",
	bot.ActUnreadTold:         "people were told that the account could not be read to verify",
	bot.ActLateAnswer:         "Microsoft's answer came when the outcome had been settled",
	bot.ActStoppedLooking:     "the bot stopped looking for the outcome",
	string(bot.Pending):       "the request waits for a decision",
	string(bot.Approved):      "approved",
	string(bot.Executing):     "Microsoft Graph was called",
	string(bot.Unknown):       "it was not known whether the sessions were revoked",
	string(bot.Revoked):       "the sessions were revoked",
	string(bot.Verified):      "verified: the sessions' valid-from stamp had moved",
	string(bot.NotVisibleYet): "the stamp had not moved yet",
	string(bot.Unreachable):   "the account could not be read to verify",
	string(bot.Failed):        "it failed",
	string(bot.Drilled):       "the drill reached its end: the account was read",
	string(bot.Denied):        "denied",
	string(bot.Cancelled):     "cancelled by whoever asked",
	string(bot.Expired):       "nobody decided in time",
	string(bot.Void):          "void: the account, or what it takes, was no longer as on the card",
	bot.ActPreviewedAgain:     "a fresh preview took the place of a void one",
	bot.ActApproval:           "approved, and more approvals are needed",
	bot.ActApprovalLapsed:     "an earlier approval did not count any more",
	bot.ActReminded:           "the approvers were reminded",
	bot.ActEscalated:          "somebody else was called",
	bot.ActNotExecuted:        "nobody decided in time, and the policy did not have it carried out",
	bot.ActHeld:               "held back by a freeze",
	bot.ActUnasked:            "held back: somebody did not answer a look-up that has to come first",
	bot.ActReopened:           "the decision did not hold any more; people were asked again",
	bot.ActWithheld:           "no second call was made: the decision did not hold any more",
	bot.ActFrozen:             "every revoke was frozen",
	bot.ActUnfreezeAsked:      "somebody asked to end the freeze",
	bot.ActUnfrozen:           "the freeze ended",
	bot.ActPolicyLoaded:       "this policy came into force",
	bot.ActQueued:             "it had to wait for its turn, for Microsoft had asked to wait",
	bot.ActPolicyOverridden:   "whoever revoked on the command line passed over what the policy says",
	string(bot.Lost):          "the database has lost rows, so that it is not known what came of it",
	bot.ActDatabaseRestored:   "the database had lost rows: it was restored from an older backup, or exchanged, or a standby took over",
	bot.ActClockSetBack:       "the clock was found set back",
	bot.ActCoverage:           "too few approvers could decide, or the channel was not as it should be",
}

// reasons explains each Reason of an Entry to an outsider.
var reasons = map[authz.Reason]string{
	authz.NotAMember:          "the account is an app, a workflow or deactivated",
	authz.Guest:               "the account is a guest of the workspace",
	authz.OutsideWorkspace:    "the account belongs to another workspace",
	authz.EmailMissing:        "Slack showed no e-mail address",
	authz.EmailUnconfirmed:    "Slack did not call the e-mail address confirmed",
	authz.NoAccount:           "there is no such Entra account",
	authz.SeveralAccounts:     "the address leads to more than one Entra account",
	authz.NotApprover:         "only an approver may do this",
	authz.AccountBlocked:      "their own Entra account may not sign in",
	authz.TargetMayNotDecide:  "the target may not decide about itself",
	authz.TargetMayNotEnd:     "the target may not end a report about its own lost device",
	authz.NotRequester:        "only whoever asked may do this",
	authz.OthersAskedToo:      "others had asked for the same, so nobody could cancel alone",
	authz.CancelNeedsApprover: "whoever found the phone could cancel, so an approver decides",
	bot.AlreadyDecided:        "it had been decided already",
	bot.TooLate:               "it had expired",
	bot.NotRetryable:          "there was nothing to try again",
	bot.UnknownRequest:        "it named no request that they may see",
	bot.WrongPlace:            "it was not the live card, or not the notice of the freeze that was on",
	bot.NotNoted:              "the bot had not noted yet which card or notice was the live one",
	bot.LookupFailed:          "Slack or Microsoft Entra could not be asked",
	bot.TargetIsApp:           "the target is an app",
	bot.OwnAccount:            "the target is the account with which the bot itself signs in",
	bot.OtherRules:            "other rules were in force than those of the process that was asked",
	bot.TooFast:               "they asked faster than one person may",
	bot.GaveUp:                "it could not be carried out, several times over",

	authz.NotMapped:             "the policy's map does not name the account, and nothing else counts",
	authz.EmailDomain:           "the e-mail address in Slack is of a domain that does not count",
	authz.AccountOfSomebody:     "the policy's map gives the Entra account to another Slack user",
	authz.MembershipUnknown:     "a group could not be asked who is in it",
	authz.MayNotRequest:         "the policy does not let them ask for this",
	authz.ReasonRequired:        "the policy asks for a reason",
	authz.TicketRequired:        "the policy asks for a ticket in the reason",
	authz.TargetProtected:       "the policy protects the target from this",
	authz.RequesterMayNotDecide: "the policy does not let whoever asked decide, too",
	authz.AlreadyApproved:       "each person's approval counts once",
	authz.Frozen:                "every revoke was frozen",
	authz.AlreadyFrozen:         "a freeze was on already",
	authz.NotFrozen:             "no freeze was on",
	authz.FrozeLately:           "the same person had frozen every revoke less than a day before",
	authz.AlreadyVoted:          "each person's vote to end a freeze counts once",
	bot.FreezeChanged:           "the form said something else than what the click would have done",
	bot.IsVoid:                  "it was void",
	bot.TargetChanged:           "the account was not the one on the card any more",
	bot.OverLimit:               "a limit of the policy was reached",
	bot.TooFewApprovers:         "too few approvers could be found",
	bot.OverTotal:               "a limit of the policy on all revokes together was reached",
	bot.NoLongerHolds:           "an approval that it took did not count any more",
	bot.TooOld:                  "it had waited for too long",
	bot.LastApproval:            "it would have been the last approval, and the button did not say so",
	bot.NotOnRecord:             "the audit chain did not show what the stored request said",
	bot.TimeUnclear:             "the record and the clock did not agree on when its time was up",
	bot.RevokedAlready:          "another request for the account had been carried out meanwhile",
	bot.DenyAsked:               "an approver had pressed Deny and had not finished",
	bot.PolicyChanged:           "the policy did not carry out any more what nobody had decided",
	bot.ProtectionUnknown:       "whether the policy protects the account could not be read",
	bot.StampMoved:              "the answer was lost, but the stamp had moved",
	bot.DatabaseRestored:        "the database had lost rows",
	bot.Interrupted:             "whoever had confirmed it at the command line stopped it",
}
