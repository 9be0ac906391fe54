package bot

import "revoke-sessions/authz"

// Reasons why something became of a request by itself. They stand on cards, in threads
// and in the record; nobody is refused something for one of them.

// DenyAsked: an approver has pressed Deny, and not finished.
const DenyAsked authz.Reason = "deny_asked"

// RevokedAlready: another request for the account was carried out since it was
// asked for.
const RevokedAlready authz.Reason = "revoked_meanwhile"

// TooOld: it waited longer than a decision, or a deadline, counts.
const TooOld authz.Reason = "too_old"

// TimeUnclear: by the audit chain the time of a report that nobody decided is not
// up yet, though by the stored request it is.
const TimeUnclear authz.Reason = "time_unclear"

// ProtectionUnknown: whether a protection of the policy applies cannot be read.
const ProtectionUnknown authz.Reason = "protection_unknown"

// PolicyChanged: the policy does not carry out by itself what nobody decides.
const PolicyChanged authz.Reason = "policy_changed"

// NoLongerHolds: an approval that the decision took does not count any more.
const NoLongerHolds authz.Reason = "no_longer_holds"

// DatabaseRestored is why a request is lost.
const DatabaseRestored authz.Reason = "database_restored"

// Interrupted is why a confirmed request was not carried out after all: whoever
// had confirmed it at the command line stopped it while it waited.
const Interrupted authz.Reason = "interrupted"

// OverTotal is an OverLimit that is not about one account.
const OverTotal authz.Reason = "over_total"

// StampMoved is the reason of a revoke whose answer was lost.
const StampMoved authz.Reason = "stamp_moved"

// ReasonsOfRecord lists them all.
var ReasonsOfRecord = []authz.Reason{
	NoLongerHolds, TooOld, PolicyChanged, ProtectionUnknown, OverTotal, TimeUnclear, DenyAsked, RevokedAlready, StampMoved, Interrupted,
	DatabaseRestored,
}
