package message

import (
	"fmt"
	"maps"
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
	fmt.Fprintf(&b, "\n## Check of the audit chain\n\n%s\n", s.Chain.Says)
	return b.String()
}

// writeWords adds the names and reasons, and whether they match the hash in the rows.
func writeWords(s *bot.Record, b *strings.Builder) {
	if s.Proof == bot.WordsUnread {
		b.WriteString("Names and reasons could not be read, because the audit chain is too damaged.\n")
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
	for _, who := range slices.Sorted(maps.Keys(s.Words.Also)) {
		item("Reason of "+codeSpan(who), s.Words.Also[who])
	}
	for _, who := range slices.Sorted(maps.Keys(s.Words.Sources)) {
		item("Message chosen by "+codeSpan(who), s.Words.Sources[who].Channel+"/"+s.Words.Sources[who].TS)
	}
	item("Reason of the denial", s.Words.Denied)
	item("Reason to override the policy", s.Words.Override)
	b.WriteString("- " + map[bot.WordsProof]string{
		bot.WordsMatch:  "These words match the salted hash in the rows.",
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
	item("Entra object ID of that person", r.ActorEntraID)
	item("From", r.Origin)
	item("Clock set back by", r.SetBack)
	if !r.Clock.IsZero() {
		item("Time on the clock that was set back", bot.StampText(r.Clock))
	}
	item("Action that was tried", r.Wanted)
	if r.Reason != "" {
		fmt.Fprintf(b, "- Reason: %s (%s)\n", reasonWords(authz.Reason(r.Reason)), codeSpan(r.Reason))
	}
	item("Target's Entra object ID", r.TargetID)
	if r.Need != 0 {
		fmt.Fprintf(b, "- Approvals: %d of %d\n", r.Have, r.Need)
	}
	item("What has changed", strings.ReplaceAll(r.Changed, ",", ", "))
	item("Digest", r.Digest)
	if r.Freeze != 0 {
		fmt.Fprintf(b, "- Freeze: number %d\n", r.Freeze)
	}
	item("Until", r.Until)
	if r.Count != 0 {
		fmt.Fprintf(b, "- Repeated within a minute: %s\n", timesOf(r.Count))
	}
	item("Last time", r.LastAt)
	if r.LookedUpMS != 0 {
		fmt.Fprintf(b, "- Age of the data behind the decision: %d milliseconds\n", r.LookedUpMS)
	}
	item("Operation", r.Operation)
	item("Refused before this call", r.Also)
	if r.Outcome != "" {
		words, ok := outcomes[graph.Outcome(r.Outcome)]
		if !ok {
			words = "unknown to this version"
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
		return "Microsoft asked the bot to wait, or could not be reached; the bot will call again"
	case r.Action == string(bot.Approved) && r.Actor == bot.ClockActor:
		return "the bot was interrupted in a drill; it will read the account again"
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
	return "an action that is unknown to this version: " + codeSpan(r.Action)
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
	return "unknown to this version"
}

var outcomes = map[graph.Outcome]string{
	graph.Done:           "Microsoft accepted it",
	graph.NotDone:        "nothing was done",
	graph.OutcomeUnknown: "not known",
}

// happened explains each Action of an Entry to an outsider.
var happened = map[string]string{
	bot.ActRequested:          "a revoke was requested",
	bot.ActJoined:             "somebody asked for the same revoke, or added to this request",
	bot.ActRefused:            "an action was refused",
	bot.ActCancelAsked:        "the target's account asked to cancel; an approver must decide",
	bot.ActCancelAskedAgain:   "the target's account asked to cancel again",
	bot.ActDenyPressed:        "an approver pressed Deny; a form asks for the reason",
	bot.ActDenyAsked:          "an approver pressed Deny, but the form for the reason may not have opened; nothing was denied yet",
	bot.ActRetryClosed:        "it was too late for another try",
	bot.ActUnmovedTold:        "people were told that the account still did not show the revoke",
	bot.ActUnreadTold:         "people were told that the account could not be read, so the revoke was not verified",
	bot.ActLateAnswer:         "Microsoft's answer came after the outcome was settled",
	bot.ActStoppedLooking:     "the bot stopped checking the outcome",
	string(bot.Pending):       "the request waits for a decision",
	string(bot.Approved):      "approved",
	string(bot.Executing):     "Microsoft Graph was called",
	string(bot.Unknown):       "it was not known whether the sessions were revoked",
	string(bot.Revoked):       "the sessions were revoked",
	string(bot.Verified):      "verified in Entra: older sessions no longer count",
	string(bot.NotVisibleYet): "not verified yet: the account did not show the revoke",
	string(bot.Unreachable):   "not verified: the account could not be read",
	string(bot.Failed):        "the call failed",
	string(bot.Drilled):       "the drill ended: the account was read, and nothing was changed",
	string(bot.Denied):        "denied",
	string(bot.Cancelled):     "cancelled by the requester",
	string(bot.Expired):       "nobody decided in time",
	string(bot.Void):          "void: the account or the approvals needed were no longer as on the card",
	bot.ActPreviewedAgain:     "a new request replaced the void one",
	bot.ActApproval:           "approved, and more approvals are needed",
	bot.ActApprovalLapsed:     "an earlier approval no longer counted",
	bot.ActReminded:           "the approvers were reminded",
	bot.ActEscalated:          "more people were called, as the policy says",
	bot.ActNotExecuted:        "nobody decided in time, and the automatic revoke did not happen",
	bot.ActHeld:               "held back by a freeze",
	bot.ActUnasked:            "held back: a look-up that must come first was not answered",
	bot.ActReopened:           "the decision no longer counted; the approvers were asked again",
	bot.ActWithheld:           "no second call was made, because the decision no longer counted",
	bot.ActFrozen:             "every revoke was frozen",
	bot.ActUnfreezeAsked:      "somebody asked to end the freeze",
	bot.ActUnfrozen:           "the freeze ended",
	bot.ActPolicyLoaded:       "this policy came into force",
	bot.ActQueued:             "it had to wait for its turn, because Microsoft asked the bot to wait",
	bot.ActPolicyOverridden:   "the operator at the command line overrode the policy",
	string(bot.Lost):          "the database lost rows, so the outcome is not known",
	bot.ActDatabaseRestored:   "the database lost rows: an older backup was restored, the database was replaced, or a standby took over",
	bot.ActClockSetBack:       "the bot found that the clock was set back",
	bot.ActCoverage:           "too few approvers could decide, or the approvers' channel had a problem",
}

// reasons explains each Reason of an Entry to an outsider.
var reasons = map[authz.Reason]string{
	authz.NotAMember:          "the account is an app, a workflow or deactivated",
	authz.Guest:               "the account is a guest of the workspace",
	authz.OutsideWorkspace:    "the account belongs to another workspace",
	authz.EmailMissing:        "Slack showed no e-mail address",
	authz.EmailUnconfirmed:    "Slack did not show that the e-mail address is confirmed",
	authz.NoAccount:           "there is no such Entra account",
	authz.SeveralAccounts:     "the address leads to more than one Entra account",
	authz.NotApprover:         "only an approver may do this",
	authz.AccountBlocked:      "their own Entra account may not sign in",
	authz.TargetMayNotDecide:  "the target may not decide about itself",
	authz.TargetMayNotEnd:     "the target may not end a report about its own lost device",
	authz.NotRequester:        "only the requester may do this",
	authz.OthersAskedToo:      "others had asked for the same, so nobody could cancel alone",
	authz.CancelNeedsApprover: "a person who found the device could cancel, so an approver decides",
	bot.AlreadyDecided:        "it had been decided already",
	bot.TooLate:               "it had expired",
	bot.NotRetryable:          "there was nothing to try again",
	bot.UnknownRequest:        "there is no such request that this person may see",
	bot.WrongPlace:            "it was not the live card, or not the notice of the current freeze",
	bot.NotNoted:              "the bot had not stored yet which card or notice is the live one",
	bot.LookupFailed:          "a look-up in Slack or Microsoft Entra failed",
	bot.TargetIsApp:           "the target is an app",
	bot.OwnAccount:            "the target is the account with which the bot itself signs in",
	bot.OtherRules:            "this copy of the bot did not have the rules in force",
	bot.TooFast:               "this person asked more often than one person may",
	bot.GaveUp:                "the bot tried several times and failed",

	authz.NotMapped:             "the account is not in the policy's identity.map, and nothing else counts",
	authz.EmailDomain:           "the policy does not accept the domain of the e-mail address in Slack",
	authz.AccountOfSomebody:     "the policy's map gives the Entra account to another Slack user",
	authz.MembershipUnknown:     "the members of a group could not be read",
	authz.MayNotRequest:         "the policy does not let them ask for this",
	authz.ReasonRequired:        "the policy asks for a reason",
	authz.TicketRequired:        "the policy asks for a ticket in the reason",
	authz.TargetProtected:       "the policy protects the target from this",
	authz.RequesterMayNotDecide: "the policy does not let the requester decide",
	authz.AlreadyApproved:       "each person's approval counts once",
	authz.Frozen:                "every revoke was frozen",
	authz.AlreadyFrozen:         "a freeze was on already",
	authz.NotFrozen:             "no freeze was on",
	authz.FrozeLately:           "the same person had frozen every revoke less than a day before",
	authz.AlreadyVoted:          "each person's vote to end a freeze counts once",
	bot.FreezeChanged:           "the form said something else than what the click would have done",
	bot.IsVoid:                  "it was void",
	bot.TargetChanged:           "the account was no longer the one on the card",
	bot.OverLimit:               "a limit of the policy was reached",
	bot.TooFewApprovers:         "too few approvers could be found",
	bot.OverTotal:               "a limit of the policy on all revokes together was reached",
	bot.NoLongerHolds:           "an approval that it needed no longer counted",
	bot.TooOld:                  "it had waited too long",
	bot.LastApproval:            "it would have been the last approval, and the button did not say so",
	bot.NotOnRecord:             "the audit chain did not match the stored request",
	bot.TimeUnclear:             "the record and the clock did not agree on when its time was up",
	bot.RevokedAlready:          "another request for the account was carried out in the meantime",
	bot.DenyAsked:               "an approver had pressed Deny and had not finished",
	bot.PolicyChanged:           "the policy no longer allowed an automatic revoke",
	bot.ProtectionUnknown:       "the bot could not read whether the policy protects the account",
	bot.StampMoved:              "the answer was lost, but the account shows the change",
	bot.DatabaseRestored:        "the database lost rows",
	bot.Interrupted:             "the operator stopped it at the command line",
}
