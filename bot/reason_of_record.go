package bot

import "revoke-sessions/authz"

// Reasons for what the bot did to a request by itself, or did not do. They appear on
// cards, in threads and in the record; none is the reason of a refusal.

// DenyAsked: an approver pressed Deny and did not finish.
const DenyAsked authz.Reason = "deny_asked"

// RevokedAlready: another request for the account was carried out after this one was
// made.
const RevokedAlready authz.Reason = "revoked_meanwhile"

// TooOld: it has waited longer than a decision is valid, or too long after its
// deadline.
const TooOld authz.Reason = "too_old"

// TimeUnclear: by the stored request the time of an undecided report is up, but by the
// audit chain it is not.
const TimeUnclear authz.Reason = "time_unclear"

// ProtectionUnknown: the bot cannot read whether a protection of the policy applies.
const ProtectionUnknown authz.Reason = "protection_unknown"

// PolicyChanged: the policy no longer carries out undecided reports automatically.
const PolicyChanged authz.Reason = "policy_changed"

// NoLongerHolds: an approval of the decision no longer counts.
const NoLongerHolds authz.Reason = "no_longer_holds"

// DatabaseRestored is why a request is lost.
const DatabaseRestored authz.Reason = "database_restored"

// Interrupted: the person at the command line who had confirmed the request stopped it
// while it waited.
const Interrupted authz.Reason = "interrupted"

// OverTotal is like OverLimit, for a limit that is not about one account.
const OverTotal authz.Reason = "over_total"

// StampMoved is the reason of a revoke that only the moved stamp of the account shows,
// because the answer was lost.
const StampMoved authz.Reason = "stamp_moved"

// ReasonsOfRecord lists them all.
var ReasonsOfRecord = []authz.Reason{
	NoLongerHolds, TooOld, PolicyChanged, ProtectionUnknown, OverTotal, TimeUnclear, DenyAsked, RevokedAlready, StampMoved, Interrupted,
	DatabaseRestored,
}
