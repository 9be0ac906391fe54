package authz

import "testing"

// trusting lets Dave and the board end a freeze alone. Dave is no approver.
var trusting = policy(func(p *Policy) { p.Freeze.Unfreeze = Circle{"UDAVE", board} })

func pulledLately(q *Question)  { q.Brake.PulledLately = true }
func knownApprovers(n int) fact { return func(q *Question) { q.Brake.Approvers = n } }

// nothing is what a freeze is about.
var nothing Matter

var freezing = []ruling{
	{"frozen: an approver may not confirm", question(Confirm, alice, about(carol, bob), frozen), refuse(Frozen)},
	{"frozen: nor try again", question(Retry, alice, about(carol, bob), frozen), refuse(Frozen)},
	{"frozen: nor the reporter their own", question(Confirm, bob, about(bob, bob), by(alone), frozen), refuse(Frozen)},
	{"frozen: nor add the first of two", question(Confirm, alice, about(carol, bob), needing(2, true), frozen), refuse(Frozen)},
	{"frozen: nor who may end it", question(Confirm, in(alice, board), about(carol, bob), by(trusting), frozen), refuse(Frozen)},
	{"frozen: a stranger is told that they are one", question(Confirm, dave, about(carol, bob), frozen), refuse(NotApprover)},
	{"frozen: and the target", question(Retry, alice, about(alice, bob), frozen), refuse(TargetMayNotDecide)},
	{"frozen: and the requester", question(Confirm, alice, about(carol, alice), by(aloof), frozen), refuse(RequesterMayNotDecide)},
	{"frozen: and who is blocked", question(Confirm, blocked(alice), about(carol, bob), frozen), refuse(AccountBlocked)},
	{"frozen: and of whom nobody knows", question(Confirm, perhaps(dave, oncall), about(carol, bob), by(grouped), frozen), refuse(MembershipUnknown)},
	{"frozen: a barred target is barred", question(Confirm, alice, about(carol, bob), by(protecting(barred)), frozen), refuse(TargetProtected)},
	{"frozen: whoever approved already reads that nothing goes on", question(Confirm, alice, about(carol, bob), needing(2, true), after(alice), frozen), refuse(Frozen)},
	{"frozen: an approver may deny", question(Deny, alice, about(carol, bob), frozen), allow()},
	{"frozen: the requester may cancel", question(Cancel, bob, about(carol, bob), frozen), allow()},
	{"frozen: the requester sees it", question(See, bob, about(carol, bob), frozen), allow()},

	{"any approver may freeze", question(Freeze, alice, nothing), allow()},
	{"an approver by group", question(Freeze, in(dave, oncall), nothing, by(grouped)), allow()},
	{"whose group could not be asked may not", question(Freeze, perhaps(dave, oncall), nothing, by(grouped)), refuse(MembershipUnknown)},
	{"nobody else may", question(Freeze, bob, nothing), refuse(NotApprover)},
	{"not even who may end it", question(Freeze, dave, nothing, by(trusting)), refuse(NotApprover)},
	{"nor who is blocked", question(Freeze, blocked(alice), nothing), refuse(AccountBlocked)},
	{"what is frozen is frozen", question(Freeze, amir, nothing, frozen), refuse(AlreadyFrozen)},
	{"whoever froze lately may not", question(Freeze, alice, nothing, pulledLately), refuse(FrozeLately)},
	{"and reads first that it is frozen", question(Freeze, alice, nothing, pulledLately, frozen), refuse(AlreadyFrozen)},
	{"a stranger does not learn who froze", question(Freeze, bob, nothing, pulledLately, frozen), refuse(NotApprover)},
}

func TestFreeze(t *testing.T) { judge(t, freezing) }

var thawing = []ruling{
	{"one of two ends no freeze", question(Unfreeze, alice, nothing, frozen), counts(1, 2)},
	{"two do", question(Unfreeze, amir, nothing, voted(alice)), counts(2, 2)},
	{"nobody twice", question(Unfreeze, alice, nothing, voted(alice)), refuse(AlreadyVoted)},
	{"nor from another Slack account", question(Unfreeze, under("UAMIR", alice), nothing, voted(alice)), refuse(AlreadyVoted)},
	{"nor under another address", question(Unfreeze, renamed(alice, "alice.adm"), nothing, voted(alice)), refuse(AlreadyVoted)},
	{"two who are one person now count once", question(Unfreeze, dave, nothing, by(team), voted(alice, under("UZOE", alice))), counts(2, 2)},
	{"who is blocked since counts no more", question(Unfreeze, amir, nothing, voted(blocked(alice))), counts(1, 2)},
	{"who is no approver any more", question(Unfreeze, amir, nothing, voted(bob)), counts(1, 2)},
	{"who is a guest since", question(Unfreeze, amir, nothing, voted(standingAs(GuestUser, alice))), counts(1, 2)},
	{"who has no one account since", question(Unfreeze, amir, nothing, voted(unmapped(alice, SeveralAccounts))), counts(1, 2)},
	{"the only approver is enough", question(Unfreeze, alice, nothing, frozen, knownApprovers(1)), counts(1, 1)},
	{"two are known: one is not enough", question(Unfreeze, alice, nothing, frozen, knownApprovers(2)), counts(1, 2)},
	{"ten are known: two are enough", question(Unfreeze, amir, nothing, voted(alice), knownApprovers(10)), counts(2, 2)},
	{"nobody knows how many there are: one is not enough", question(Unfreeze, alice, nothing, frozen, knownApprovers(0)), counts(1, 2)},
	{"having frozen lately does not matter", question(Unfreeze, alice, nothing, frozen, pulledLately), counts(1, 2)},

	{"whoever is trusted is enough", question(Unfreeze, dave, nothing, by(trusting), frozen), counts(1, 1)},
	{"by group", question(Unfreeze, in(bob, board), nothing, by(trusting), frozen), counts(1, 1)},
	{"even a second time", question(Unfreeze, dave, nothing, by(trusting), voted(dave)), counts(1, 1)},
	{"an approver who is trusted", question(Unfreeze, in(alice, board), nothing, by(trusting), frozen), counts(1, 1)},
	{"an approver of whom that is not known is one of two", question(Unfreeze, perhaps(alice, board), nothing, by(trusting), frozen), counts(1, 2)},
	{"of whom nothing is known may not", question(Unfreeze, perhaps(bob, board), nothing, by(trusting), frozen), refuse(MembershipUnknown)},
	{"nor whose approvers' group could not be asked", question(Unfreeze, perhaps(bob, oncall), nothing, by(grouped), frozen), refuse(MembershipUnknown)},
	{"the trusted may, where that is so", question(Unfreeze, perhaps(in(dave, board), oncall), nothing, by(policy(func(p *Policy) {
		p.Approvers, p.Freeze.Unfreeze = Circle{oncall}, Circle{board}
	})), frozen), counts(1, 1)},
	{"a trusted one who is blocked may not", question(Unfreeze, blocked(dave), nothing, by(trusting), frozen), refuse(NotApprover)},
	{"nor if an approver", question(Unfreeze, blocked(in(alice, board)), nothing, by(trusting), frozen), refuse(AccountBlocked)},
	{"an approver who is blocked may not", question(Unfreeze, blocked(alice), nothing, frozen), refuse(AccountBlocked)},
	{"other approvers are still two", question(Unfreeze, alice, nothing, by(trusting), frozen), counts(1, 2)},
	{"nobody else may", question(Unfreeze, bob, nothing, frozen), refuse(NotApprover)},

	{"what is not frozen cannot end", question(Unfreeze, alice, nothing), refuse(NotFrozen)},
	{"nor by the trusted", question(Unfreeze, dave, nothing, by(trusting)), refuse(NotFrozen)},
	{"a stranger is told that they are one", question(Unfreeze, bob, nothing), refuse(NotApprover)},
}

func TestUnfreeze(t *testing.T) { judge(t, thawing) }
