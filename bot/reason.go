package bot

import (
	"slices"

	"revoke-sessions/authz"
)

// NotOnRecord: the audit chain does not show what the stored request says.
const NotOnRecord authz.Reason = "not_on_record"

// Reasons of the bot, in addition to those of authz. They are about the request or the
// look-up, not about the person.
const (
	AlreadyDecided authz.Reason = "already_decided"
	TooLate        authz.Reason = "too_late" // its deadline has passed; the clock has not ended it yet
	NotRetryable   authz.Reason = "not_retryable"
	UnknownRequest authz.Reason = "unknown_request"
	WrongPlace     authz.Reason = "wrong_place"
	// NotNoted: the bot has posted the card, but has not stored yet where.
	NotNoted     authz.Reason = "not_noted"
	LookupFailed authz.Reason = "lookup_failed"
	TargetIsApp  authz.Reason = "target_is_app"
	OwnAccount   authz.Reason = "own_account" // the one that the bot signs in to Entra with
	GaveUp       authz.Reason = "gave_up"
	// OtherRules: another replica was started later, with other rules.
	OtherRules authz.Reason = "other_rules"
	TooFast    authz.Reason = "too_fast" // asks faster than one person may
	// LastApproval: the button said that others must approve, too, and somebody was
	// faster, so that this approval would be the last one.
	LastApproval authz.Reason = "last_approval"

	IsVoid          authz.Reason = "is_void"
	TargetChanged   authz.Reason = "target_changed"
	OverLimit       authz.Reason = "over_limit"
	TooFewApprovers authz.Reason = "too_few_approvers" // found by the preflight
	// FreezeChanged: the form that ends a freeze said something else than what the click
	// would do now.
	FreezeChanged authz.Reason = "freeze_changed"
)

// Reasons lists every reason for which the bot refuses, authz's included.
var Reasons = append([]authz.Reason{
	AlreadyDecided, TooLate, NotRetryable, UnknownRequest, WrongPlace, NotNoted, LookupFailed,
	TargetIsApp, OwnAccount, GaveUp, TooFast, OtherRules, LastApproval,
	IsVoid, TargetChanged, OverLimit, TooFewApprovers, NotOnRecord, FreezeChanged,
}, authz.Reasons...)

// AboutMapping reports reasons about how a Slack account leads to an Entra account.
// They keep people from reporting their own lost phone.
func AboutMapping(r authz.Reason) bool {
	return slices.Contains([]authz.Reason{
		authz.EmailMissing, authz.EmailUnconfirmed, authz.NoAccount, authz.SeveralAccounts,
		authz.NotMapped, authz.EmailDomain, authz.AccountOfSomebody,
	}, r)
}

// TargetReasons are the problems with a target that a look-up can find, for tests that
// demand a sentence for each.
var TargetReasons = []authz.Reason{
	authz.NoAccount, authz.SeveralAccounts, authz.EmailMissing, authz.EmailUnconfirmed, authz.OutsideWorkspace, TargetIsApp,
	authz.NotMapped, authz.EmailDomain, authz.AccountOfSomebody,
}
