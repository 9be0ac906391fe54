// Package authz decides who may do what to a request. It is pure: Check takes
// a Question whose facts were looked up a moment ago and answers a Decision
// with a Reason. It does no I/O, keeps no state and imports nothing of this
// module, so that a rule can be read, tested and argued about on its own.
package authz

import "slices"

// Lane tells a person's own lost device from a report about somebody else.
// It follows from Entra object IDs alone, never from Slack IDs or text.
type Lane string

// The two lanes.
const (
	Self       Lane = "self"
	ThirdParty Lane = "third_party"
)

// LaneOf compares the Entra object IDs of requester and target.
func LaneOf(requesterEntraID, targetEntraID string) Lane {
	if requesterEntraID != "" && requesterEntraID == targetEntraID {
		return Self
	}
	return ThirdParty
}

// Action is what somebody wants to do.
type Action string

// The actions that need authority.
const (
	Ask     Action = "ask"     // create or join a request
	Confirm Action = "confirm" // revoke
	Deny    Action = "deny"
	Cancel  Action = "cancel"
	Retry   Action = "retry" // a new decision after failed or unknown
	See     Action = "see"   // read a request's state
)

// Standing is what Slack says of an account, looked up when it acts.
type Standing string

// Only FullMember may ask or decide; every other standing is a refusal.
const (
	FullMember     Standing = "full_member"
	Deleted        Standing = "deleted"
	BotUser        Standing = "bot"
	WorkflowUser   Standing = "workflow"
	GuestUser      Standing = "guest"
	StrangerUser   Standing = "stranger"
	OtherWorkspace Standing = "other_workspace"
)

// Actor is whoever clicks or types.
type Actor struct {
	SlackID  string
	Standing Standing
	// EntraID is the one Entra object ID that the account maps to, or empty;
	// then Unmapped says why.
	EntraID  string
	Unmapped Reason
	// Blocked: the Entra account may not sign in. Its Slack session may live
	// on in other hands.
	Blocked bool
}

// Asker is somebody who made or joined a request.
type Asker struct {
	SlackID string
	EntraID string
}

// Matter is the request that the action is about; empty for Ask.
type Matter struct {
	Lane     Lane
	TargetID string // Entra object ID
	// TargetSlackID is the target's Slack account as known when the request
	// was made, or empty. An e-mail address in Slack can be changed, so who
	// the target was then counts beside whom the actor maps to now.
	TargetSlackID string
	// Askers are the requester first and then whoever joined.
	Askers []Asker
}

// Policy is the part of the configuration that decides. The zero Policy
// allows nobody to decide anything.
type Policy struct {
	// Approvers are Slack user IDs.
	Approvers []string
}

// Question is everything that Check needs to know.
type Question struct {
	Action Action
	Actor  Actor
	Matter Matter
	Policy Policy
}

// Decision is Check's answer.
type Decision struct {
	Allowed bool
	// Reason is empty when allowed without a condition.
	Reason Reason
}

// Reason is why, as the audit chain records it. Each has one sentence for
// people, which package bot holds.
type Reason string

// Why an action was refused.
const (
	NotAMember       Reason = "not_a_member" // deleted, bot, workflow
	Guest            Reason = "guest"
	OutsideWorkspace Reason = "outside_workspace"

	EmailMissing     Reason = "email_missing"
	EmailUnconfirmed Reason = "email_unconfirmed"
	NoAccount        Reason = "no_account"
	SeveralAccounts  Reason = "several_accounts"

	NotApprover        Reason = "not_approver"
	AccountBlocked     Reason = "account_blocked"
	TargetMayNotDecide Reason = "target_may_not_decide"
	TargetMayNotEnd    Reason = "target_may_not_end"
	NotRequester       Reason = "not_requester"
	OthersAskedToo     Reason = "others_asked_too"
)

// CancelNeedsApprover goes with an allowed Cancel in the self lane: the wish
// is put before an approver instead of ending the request, because whoever
// found the phone may have pressed the button.
const CancelNeedsApprover Reason = "cancel_needs_approver"

// Reasons lists every Reason, for tests that demand a sentence for each.
var Reasons = []Reason{
	NotAMember, Guest, OutsideWorkspace,
	EmailMissing, EmailUnconfirmed, NoAccount, SeveralAccounts,
	NotApprover, AccountBlocked, TargetMayNotDecide, TargetMayNotEnd, NotRequester, OthersAskedToo,
	CancelNeedsApprover,
}

// Check answers q. It refuses whatever it does not know.
func Check(q Question) Decision {
	if r := standing(q.Actor.Standing); r != "" {
		return refuse(r)
	}
	// From here on the actor is a full member. Whoever has no single Entra
	// account could be the target without anybody noticing.
	if q.Actor.EntraID == "" {
		if q.Actor.Unmapped == "" {
			return refuse(NoAccount)
		}
		return refuse(q.Actor.Unmapped)
	}
	switch q.Action {
	case Ask:
		return allow()
	case Confirm, Retry:
		return mayConfirm(q)
	case Deny:
		return mayDeny(q)
	case Cancel:
		return mayCancel(q)
	case See:
		if q.asked() || q.approver() && !q.Actor.Blocked {
			return allow()
		}
		return refuse(NotRequester)
	}
	return refuse(NotApprover)
}

// mayConfirm lets an approver revoke. An approver may confirm their own lost
// device, for that signs out only them; of a report by somebody else the
// target may not be the judge.
func mayConfirm(q Question) Decision {
	switch {
	case !q.approver():
		return refuse(NotApprover)
	case q.Actor.Blocked:
		return refuse(AccountBlocked)
	case q.isTarget() && q.Matter.Lane != Self:
		return refuse(TargetMayNotDecide)
	}
	return allow()
}

// mayDeny lets an approver end a request undone, but never its target: in the
// self lane a thief may hold the target's Slack.
func mayDeny(q Question) Decision {
	switch {
	case !q.approver():
		return refuse(NotApprover)
	case q.Actor.Blocked:
		return refuse(AccountBlocked)
	case q.isTarget() && q.Matter.Lane == Self:
		return refuse(TargetMayNotEnd)
	case q.isTarget():
		return refuse(TargetMayNotDecide)
	}
	return allow()
}

// mayCancel lets the only requester withdraw a report about somebody else.
func mayCancel(q Question) Decision {
	switch {
	case !q.asked():
		return refuse(NotRequester)
	case q.Matter.Lane == Self:
		return Decision{Allowed: true, Reason: CancelNeedsApprover}
	case q.Actor.Blocked:
		return refuse(AccountBlocked)
	case q.isTarget():
		return refuse(TargetMayNotDecide)
	case len(q.Matter.Askers) > 1:
		return refuse(OthersAskedToo)
	}
	return allow()
}

func (q Question) approver() bool { return slices.Contains(q.Policy.Approvers, q.Actor.SlackID) }

// isTarget reports whether the actor is the account that the request is about,
// by Entra account or by the Slack account that was the target's: in the self
// lane that is whoever asked.
func (q Question) isTarget() bool {
	return q.Actor.EntraID == q.Matter.TargetID ||
		q.Matter.TargetSlackID != "" && q.Actor.SlackID == q.Matter.TargetSlackID ||
		q.Matter.Lane == Self && q.asked()
}

// asked reports whether the actor is an asker, under this Slack account or
// under another one of the same Entra account.
func (q Question) asked() bool {
	return slices.ContainsFunc(q.Matter.Askers, func(a Asker) bool {
		return a.SlackID == q.Actor.SlackID || a.EntraID == q.Actor.EntraID
	})
}

func standing(s Standing) Reason {
	switch s {
	case FullMember:
		return ""
	case GuestUser:
		return Guest
	case StrangerUser, OtherWorkspace:
		return OutsideWorkspace
	}
	return NotAMember
}

func allow() Decision          { return Decision{Allowed: true} }
func refuse(r Reason) Decision { return Decision{Reason: r} }
