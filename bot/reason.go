package bot

import (
	"slices"

	"revoke-sessions/authz"
)

// Interrupted is why a confirmed request was not carried out after all: whoever
// had confirmed it at the command line stopped it while it waited.
const Interrupted authz.Reason = "interrupted"

// An approver who wants to deny something presses Deny, and gives a reason in a
// form. Slack may not open the form, or never bring what was submitted. The wish is
// on record all the same, and nothing is carried out by itself over it. It has less
// effect than the Deny that the same approver may give: others can still decide.

// DenyAsked: an approver has pressed Deny, and not finished.
const DenyAsked authz.Reason = "deny_asked"

// Two requests may be about one account: in the two lanes, or one on the command
// line. When one of them has the account revoked, the cards of the others are drawn
// anew, and say so: a second revoke signs the person out once more. A card that does
// not say so yet confirms nothing.

// RevokedAlready: another request for the account was carried out since it was
// asked for.
const RevokedAlready authz.Reason = "revoked_meanwhile"

// TooOld: it waited longer than a decision, or a deadline, counts.
const TooOld authz.Reason = "too_old"

// A request's row says who approved what, and so does the audit chain. Before
// anything is called the two are compared, so that a changed row alone revokes
// nobody: whoever changes it would have to write rows of the chain, too. An anchor
// that was kept elsewhere tells where rows before it were changed. It does not tell
// of rows that were forged after it, at the chain's end and with audit_head: those
// see whoever holds the chain against the rows and outcomes that the log names.

// NotOnRecord: the audit chain does not show what the stored request says.
const NotOnRecord authz.Reason = "not_on_record"

// TimeUnclear: by the audit chain the time of a report that nobody decided is not
// up yet, though by the stored request it is.
const TimeUnclear authz.Reason = "time_unclear"

// ProtectionUnknown: whether a protection of the policy applies cannot be read.
const ProtectionUnknown authz.Reason = "protection_unknown"

// PolicyChanged: the policy does not carry out by itself what nobody decides.
const PolicyChanged authz.Reason = "policy_changed"

// Reasons of the bot's own, beside those of authz: they are about the request
// or the look-up, not about the person.
const (
	AlreadyDecided authz.Reason = "already_decided"
	TooLate        authz.Reason = "too_late" // past its expiry, the clock not yet
	NotRetryable   authz.Reason = "not_retryable"
	UnknownRequest authz.Reason = "unknown_request"
	WrongPlace     authz.Reason = "wrong_place"
	// NotNoted: the bot had not noted yet where the card stands that it has posted.
	NotNoted     authz.Reason = "not_noted"
	LookupFailed authz.Reason = "lookup_failed"
	TargetIsApp  authz.Reason = "target_is_app"
	OwnAccount   authz.Reason = "own_account" // the bot's, in Entra
	GaveUp       authz.Reason = "gave_up"
	// OtherRules: another replica was started later, with other rules.
	OtherRules authz.Reason = "other_rules"
	TooFast    authz.Reason = "too_fast" // asks faster than one person may

	IsVoid          authz.Reason = "is_void"
	TargetChanged   authz.Reason = "target_changed"
	OverLimit       authz.Reason = "over_limit"
	TooFewApprovers authz.Reason = "too_few_approvers" // of the preflight
	// OverTotal is an OverLimit that is not about one account.
	OverTotal authz.Reason = "over_total"
)

// Reasons lists every reason for which the bot refuses, authz's included.
var Reasons = append([]authz.Reason{
	AlreadyDecided, TooLate, NotRetryable, UnknownRequest, WrongPlace, NotNoted, LookupFailed, TargetIsApp, OwnAccount, GaveUp, TooFast, OtherRules,
	IsVoid, TargetChanged, OverLimit, TooFewApprovers, NotOnRecord,
}, authz.Reasons...)

// AboutMapping reports reasons that keep a person with a lost phone from reporting it.
func AboutMapping(r authz.Reason) bool {
	return slices.Contains([]authz.Reason{
		authz.EmailMissing, authz.EmailUnconfirmed, authz.NoAccount, authz.SeveralAccounts,
		authz.NotMapped, authz.EmailDomain, authz.AccountOfSomebody,
	}, r)
}

// A decision that no longer holds when it is to be carried out is taken back: the
// request waits for people again, with those approvals that still count, and
// they are told whose do not, and why. A "Try again" goes back to what it was
// about to try again.

// NoLongerHolds: an approval that the decision took does not count any more.
const NoLongerHolds authz.Reason = "no_longer_holds"

// DatabaseRestored is why a request is lost.
const DatabaseRestored authz.Reason = "database_restored"

// TargetReasons are the problems with a target that a look-up answers, for tests that
// demand a sentence for each.
var TargetReasons = []authz.Reason{
	authz.NoAccount, authz.SeveralAccounts, authz.EmailMissing, authz.EmailUnconfirmed, authz.OutsideWorkspace, TargetIsApp,
	authz.NotMapped, authz.EmailDomain, authz.AccountOfSomebody,
}
