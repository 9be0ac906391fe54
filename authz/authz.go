// Package authz decides who may do what to a request. It is pure: Check takes
// a Question whose facts were looked up a moment ago and answers a Decision
// with a Reason. It does no I/O, keeps no state and imports nothing of this
// module, so that a rule can be read, tested and argued about on its own.
package authz

import (
	"slices"
	"time"
)

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

	Freeze   Action = "freeze" // hold every revoke back
	Unfreeze Action = "unfreeze"

	// TimeOut is nobody's action but the policy's: see Policy.MayExecute.
	TimeOut Action = "timeout"
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
	// MemberOf are those of the policy's groups that the actor is in, and
	// Unsure those of which nobody could say.
	MemberOf, Unsure []string
}

// Target is whose sessions it is about.
type Target struct {
	EntraID string
	// SlackIDs are the target's Slack accounts as known when the request was
	// made. An e-mail address in Slack can be changed, so who the target was
	// then counts beside whom the actor maps to now.
	SlackIDs []string
	// MemberOf and Unsure are as an Actor's; Unsure may hold Slack users, too,
	// who may be the target. Unsure counts as yes: what may be protected is.
	MemberOf, Unsure []string
	// Privileged: the account holds a privileged role, or it is not known
	// that it does not.
	Privileged bool
}

// Asker is somebody who made or joined a request.
type Asker struct {
	SlackID string
	EntraID string
}

// Matter is the request that the action is about; of an Ask, the one that
// would be made. The zero Matter is about nothing yet.
type Matter struct {
	Lane   Lane
	Target Target
	// Askers are the requester first and then whoever joined.
	Askers []Asker
	// AskersAlso are further Slack accounts that were theirs when they asked, as
	// far as they were looked for. They give no right, and take one.
	AskersAlso []string
	// Reason is what the requester typed.
	Reason string
	// Approvals are those who have confirmed so far, as looked up now.
	Approvals []Actor
}

// Brake is the freeze, for the actions that it has a say in.
type Brake struct {
	Frozen bool
	// Votes are those who have asked to end it, as looked up now.
	Votes []Actor
	// Approvers is how many people are known to be approvers, 0 if not known.
	Approvers int
	// PulledLately: the actor pulled the brake within Rest.
	PulledLately bool
}

// Rest is how long one person must leave the brake alone after a freeze of
// theirs has ended: one stolen approver shall not stop every revoke for long.
const Rest = 24 * time.Hour

// Question is everything that Check needs to know.
type Question struct {
	Action Action
	Actor  Actor
	Matter Matter
	Policy Policy
	Brake  Brake
}

// Decision is Check's answer.
type Decision struct {
	Allowed bool
	// Reason is empty when allowed without a condition.
	Reason Reason
	// Of an allowed Confirm, Retry or Unfreeze: Have counts the people who
	// want it, the actor included, and Need how many it takes.
	Have, Need int
	// Lapsed are the Slack IDs of earlier approvals that count no more.
	Lapsed []string
}

// Enough reports whether nobody else is needed.
func (d Decision) Enough() bool { return d.Allowed && d.Have >= d.Need }

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

	NotMapped         Reason = "not_mapped"          // only the map counts
	EmailDomain       Reason = "email_domain"        // of no allowed domain
	AccountOfSomebody Reason = "account_of_somebody" // the map gives it to another Slack user

	MembershipUnknown Reason = "membership_unknown" // a group could not be asked
	MayNotRequest     Reason = "may_not_request"
	ReasonRequired    Reason = "reason_required"
	TicketRequired    Reason = "ticket_required"
	TargetProtected   Reason = "target_protected"

	NotApprover           Reason = "not_approver"
	AccountBlocked        Reason = "account_blocked"
	TargetMayNotDecide    Reason = "target_may_not_decide"
	TargetMayNotEnd       Reason = "target_may_not_end"
	RequesterMayNotDecide Reason = "requester_may_not_decide"
	AlreadyApproved       Reason = "already_approved"
	NotRequester          Reason = "not_requester"
	OthersAskedToo        Reason = "others_asked_too"

	Frozen        Reason = "frozen"
	AlreadyFrozen Reason = "already_frozen"
	NotFrozen     Reason = "not_frozen"
	FrozeLately   Reason = "froze_lately"
	AlreadyVoted  Reason = "already_voted"
)

// CancelNeedsApprover goes with an allowed Cancel in the self lane: the wish
// is put before an approver instead of ending the request, because whoever
// found the phone may have pressed the button.
const CancelNeedsApprover Reason = "cancel_needs_approver"

// Reasons lists every Reason, for tests that demand a sentence for each.
var Reasons = []Reason{
	NotAMember, Guest, OutsideWorkspace,
	EmailMissing, EmailUnconfirmed, NoAccount, SeveralAccounts, NotMapped, EmailDomain, AccountOfSomebody,
	MembershipUnknown, MayNotRequest, ReasonRequired, TicketRequired, TargetProtected,
	NotApprover, AccountBlocked, TargetMayNotDecide, TargetMayNotEnd, RequesterMayNotDecide, AlreadyApproved,
	NotRequester, OthersAskedToo, CancelNeedsApprover,
	Frozen, AlreadyFrozen, NotFrozen, FrozeLately, AlreadyVoted,
}

// Check answers q. It refuses whatever it does not know.
func Check(q Question) Decision {
	if r := nobody(q.Actor); r != "" {
		return refuse(r)
	}
	switch q.Action {
	case Ask:
		return mayAsk(q)
	case Confirm, Retry:
		return mayConfirm(q)
	case Deny:
		return mayDeny(q)
	case Cancel:
		return mayCancel(q)
	case See:
		return maySee(q)
	case Freeze:
		return mayFreeze(q)
	case Unfreeze:
		return mayUnfreeze(q)
	}
	return refuse(NotApprover)
}

// nobody says why an actor can do nothing at all. Whoever is no full member
// cannot, and whoever has no single Entra account could be the target without
// anybody noticing.
func nobody(a Actor) Reason {
	if r := standing(a.Standing); r != "" {
		return r
	}
	switch {
	case a.EntraID != "":
		return ""
	case a.Unmapped == "":
		return NoAccount
	}
	return a.Unmapped
}

// mayAsk lets those ask whom the lane's rule names. Before the lane is known
// it says only whether the actor is somebody.
func mayAsk(q Question) Decision {
	if q.Matter.Lane == "" {
		return allow()
	}
	rule := q.Policy.Rule(q.Matter.Lane)
	if rule.WhoMayRequest != nil {
		switch rule.WhoMayRequest.hold(q.Actor) {
		case no:
			return refuse(MayNotRequest)
		case unsure:
			return refuse(MembershipUnknown)
		}
	}
	switch {
	case q.Policy.Require(q.Matter).Blocked:
		return refuse(TargetProtected)
	case rule.ReasonRequired && q.Matter.Reason == "":
		return refuse(ReasonRequired)
	case rule.Ticket != nil && !rule.Ticket.MatchString(q.Matter.Reason):
		return refuse(TicketRequired)
	}
	return allow()
}

// mayConfirm counts approvals. Those given before are checked as the actor's
// own is, by what is known of their givers now; any that would be refused now
// has lapsed.
func mayConfirm(q Question) Decision {
	need := q.Policy.Require(q.Matter)
	if r := q.mayApprove(q.Actor, need); r != "" {
		return refuse(r)
	}
	switch {
	case need.Blocked:
		return refuse(TargetProtected)
	case q.Brake.Frozen:
		return refuse(Frozen)
	}
	d := Decision{Allowed: true, Have: 1, Need: max(need.Approvals, 1)}
	counted := []Actor{q.Actor}
	for _, earlier := range q.Matter.Approvals {
		switch r := q.mayApprove(earlier, need); {
		case r == MembershipUnknown:
			return refuse(r) // it may still count: nothing is thrown away
		case r == "" && same(earlier, q.Actor):
			return refuse(AlreadyApproved)
		case (r == RequesterMayNotDecide || r == TargetMayNotDecide) && same(earlier, q.Actor):
			return refuse(r) // what the other account may not, the person may not
		case r != "" || among(counted, earlier):
			d.Lapsed = append(d.Lapsed, earlier.SlackID)
		default:
			counted = append(counted, earlier)
			d.Have++
		}
	}
	return d
}

// mayApprove says why somebody's approval does not count, or "". An approver
// may confirm their own lost device where the lane lets requesters approve, for
// that signs out only them; of a report by somebody else the target is never
// the judge. Where the self lane needs no approval, the reporter's own counts.
func (q Question) mayApprove(a Actor, need Requirement) Reason {
	if r := nobody(a); r != "" {
		return r
	}
	if q.Matter.Lane == Self && need.Approvals == 0 && q.asked(a) {
		return ""
	}
	if r := q.decides(a); r != "" {
		return r
	}
	switch {
	case q.target(a) && q.Matter.Lane != Self:
		return TargetMayNotDecide
	case (q.asked(a) || slices.Contains(q.Matter.AskersAlso, a.SlackID) || q.target(a)) && !need.RequesterMayApprove:
		return RequesterMayNotDecide
	}
	return ""
}

// decides says why somebody may not act as an approver, or "".
func (q Question) decides(a Actor) Reason {
	switch q.Policy.Approvers.hold(a) {
	case no:
		return NotApprover
	case unsure:
		return MembershipUnknown
	}
	if a.Blocked {
		return AccountBlocked
	}
	return ""
}

// mayDeny lets one approver end a request undone, but never its target: in the
// self lane a thief may hold the target's Slack.
func mayDeny(q Question) Decision {
	if r := q.decides(q.Actor); r != "" {
		return refuse(r)
	}
	switch {
	case q.target(q.Actor) && q.Matter.Lane == Self:
		return refuse(TargetMayNotEnd)
	case q.target(q.Actor):
		return refuse(TargetMayNotDecide)
	}
	return allow()
}

// mayCancel lets the only requester withdraw a report about somebody else.
func mayCancel(q Question) Decision {
	switch {
	case !q.asked(q.Actor):
		return refuse(NotRequester)
	case q.Matter.Lane == Self:
		return Decision{Allowed: true, Reason: CancelNeedsApprover}
	case q.Actor.Blocked:
		return refuse(AccountBlocked)
	case q.target(q.Actor):
		return refuse(TargetMayNotDecide)
	case slices.ContainsFunc(q.Matter.Askers, func(other Asker) bool { return !q.Actor.is(other) }):
		return refuse(OthersAskedToo)
	}
	return allow()
}

// maySee lets those read a request who asked for it, and approvers.
func maySee(q Question) Decision {
	if q.asked(q.Actor) {
		return allow()
	}
	switch q.decides(q.Actor) {
	case "":
		return allow()
	case MembershipUnknown:
		return refuse(MembershipUnknown)
	}
	return refuse(NotRequester)
}

// mayFreeze lets any approver pull the brake, each not too often.
func mayFreeze(q Question) Decision {
	if r := q.decides(q.Actor); r != "" {
		return refuse(r)
	}
	switch {
	case q.Brake.Frozen:
		return refuse(AlreadyFrozen)
	case q.Brake.PulledLately:
		return refuse(FrozeLately)
	}
	return allow()
}

// mayUnfreeze lets one person of Freeze.Unfreeze end a freeze, or otherwise two
// approvers, or the only one that there is.
func mayUnfreeze(q Question) Decision {
	trusted := q.Policy.Freeze.Unfreeze.hold(q.Actor)
	reason := q.decides(q.Actor)
	switch {
	case trusted == yes && !q.Actor.Blocked:
		reason = ""
	case trusted == unsure && reason == NotApprover:
		reason = MembershipUnknown
	}
	switch {
	case reason != "":
		return refuse(reason)
	case !q.Brake.Frozen:
		return refuse(NotFrozen)
	case trusted == yes:
		return Decision{Allowed: true, Have: 1, Need: 1}
	}
	d := Decision{Allowed: true, Have: 1, Need: 2}
	if q.Brake.Approvers == 1 {
		d.Need = 1
	}
	counted, again := []Actor{q.Actor}, false
	for _, earlier := range q.Brake.Votes {
		again = again || same(earlier, q.Actor)
		r := nobody(earlier)
		if r == "" {
			r = q.decides(earlier)
		}
		switch {
		case r == MembershipUnknown:
			return refuse(r) // it may count: better asked again than lost
		case r == "" && !among(counted, earlier):
			counted = append(counted, earlier)
			d.Have++
		}
	}
	if again && !d.Enough() {
		return refuse(AlreadyVoted)
	}
	return d
}

// holds is what is known of somebody's being in a Circle.
type holds int

const (
	no holds = iota
	unsure
	yes
)

// hold answers by user ID first, then by the groups that were looked up.
func (c Circle) hold(a Actor) holds {
	answer := no
	for _, name := range c {
		switch {
		case name == a.SlackID || slices.Contains(a.MemberOf, name):
			return yes
		case slices.Contains(a.Unsure, name):
			answer = unsure
		}
	}
	return answer
}

// same reports whether two Slack accounts are one person.
func same(a, b Actor) bool {
	return a.SlackID == b.SlackID || a.EntraID != "" && a.EntraID == b.EntraID
}

func among(people []Actor, a Actor) bool {
	return slices.ContainsFunc(people, func(other Actor) bool { return same(a, other) })
}

// target reports whether somebody is the account that the request is about, by
// Entra account or by the Slack account that was the target's: in the self
// lane that is whoever asked.
func (q Question) target(a Actor) bool {
	t := q.Matter.Target
	return a.EntraID == t.EntraID || slices.Contains(t.SlackIDs, a.SlackID) ||
		q.Matter.Lane == Self && q.asked(a)
}

// asked reports whether somebody is an asker, under this Slack account or
// under another one of the same Entra account.
func (q Question) asked(a Actor) bool {
	return slices.ContainsFunc(q.Matter.Askers, a.is)
}

func (a Actor) is(asker Asker) bool { return asker.SlackID == a.SlackID || asker.EntraID == a.EntraID }

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
