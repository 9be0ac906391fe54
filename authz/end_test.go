package authz

import "testing"

var ending = []ruling{
	{"an approver may deny", question(Deny, alice, about(carol, bob)), allow()},
	{"the requester who is an approver may deny", question(Deny, alice, about(carol, alice)), allow()},
	{"even where requesters may not approve", question(Deny, alice, about(carol, alice), by(aloof)), allow()},
	{"whoever has approved may deny", question(Deny, alice, about(carol, bob), needing(2, true), after(alice)), allow()},
	{"one is enough", question(Deny, amir, about(carol, bob), needing(3, true), after(alice)), allow()},
	{"the requester may not deny", question(Deny, bob, about(carol, bob)), refuse(NotApprover)},
	{"an approver whose account is blocked may not deny", question(Deny, blocked(alice), about(carol, bob)), refuse(AccountBlocked)},
	{"nor one whose group could not be asked", question(Deny, perhaps(dave, oncall), about(carol, bob), by(grouped)), refuse(MembershipUnknown)},
	{"one whose group could be asked may", question(Deny, in(dave, oncall), about(carol, bob), by(grouped)), allow()},
	{"the target may not deny a third-party request", question(Deny, alice, about(alice, bob)), refuse(TargetMayNotDecide)},
	{"nor deny under another address", question(Deny, renamed(alice, "alice.adm"), about(alice, bob), knownAs("UALICE")), refuse(TargetMayNotDecide)},
	{"the target may not deny a report of their own device", question(Deny, alice, about(alice, alice)), refuse(TargetMayNotEnd)},
	{"nor end their own report under another address", question(Deny, renamed(alice, "alice.adm"), about(alice, alice)), refuse(TargetMayNotEnd)},
	{"nor from another Slack account", question(Deny, under("UAMIR", alice), about(alice, alice)), refuse(TargetMayNotEnd)},
	{"another approver may deny it", question(Deny, amir, about(alice, alice)), allow()},
	{"where reporters sign themselves out, they may still not deny", question(Deny, bob, about(bob, bob), by(alone)), refuse(NotApprover)},
	{"nor if they are approvers", question(Deny, alice, about(alice, alice), by(alone)), refuse(TargetMayNotEnd)},

	{"the requester may cancel", question(Cancel, bob, about(carol, bob)), allow()},
	{"the requester may cancel from another Slack account", question(Cancel, under("UBOB2", bob), about(carol, bob)), allow()},
	{"an approver may not cancel what others asked", question(Cancel, alice, about(carol, bob)), refuse(NotRequester)},
	{"nor may the target", question(Cancel, carol, about(carol, bob)), refuse(NotRequester)},
	{"one of two requesters may not cancel", question(Cancel, bob, about(carol, bob, amir)), refuse(OthersAskedToo)},
	{"nor the other", question(Cancel, amir, about(carol, bob, amir)), refuse(OthersAskedToo)},
	{"nor cancel what they asked about somebody else, blocked", question(Cancel, blocked(alice), about(carol, alice)), refuse(AccountBlocked)},
	{"whoever asked is the target since", question(Cancel, renamed(bob, "carol"), about(carol, bob)), refuse(TargetMayNotDecide)},
	{"or was, by Slack account", question(Cancel, bob, about(carol, bob), knownAs("UBOB")), refuse(TargetMayNotDecide)},
	{"cancelling one's own report asks an approver", question(Cancel, bob, about(bob, bob)), Decision{Allowed: true, Reason: CancelNeedsApprover}},
	{"even an approver's own", question(Cancel, alice, about(alice, alice)), Decision{Allowed: true, Reason: CancelNeedsApprover}},
	{"even where reporters sign themselves out", question(Cancel, bob, about(bob, bob), by(alone)), Decision{Allowed: true, Reason: CancelNeedsApprover}},
	{"even if blocked: it is a wish and no more", question(Cancel, blocked(bob), about(bob, bob)), Decision{Allowed: true, Reason: CancelNeedsApprover}},
	{"nobody else asks for it", question(Cancel, alice, about(bob, bob)), refuse(NotRequester)},
}

func TestEnd(t *testing.T) { judge(t, ending) }

var seeing = []ruling{
	{"the requester sees it", question(See, bob, about(carol, bob)), allow()},
	{"whoever joined sees it", question(See, dave, about(carol, bob, dave)), allow()},
	{"from another Slack account", question(See, under("UBOB2", bob), about(carol, bob)), allow()},
	{"an approver sees it", question(See, alice, about(carol, bob)), allow()},
	{"an approver by group sees it", question(See, in(dave, oncall), about(carol, bob), by(grouped)), allow()},
	{"whose group could not be asked does not", question(See, perhaps(dave, oncall), about(carol, bob), by(grouped)), refuse(MembershipUnknown)},
	{"the target does not see it", question(See, carol, about(carol, bob)), refuse(NotRequester)},
	{"a stranger does not see it", question(See, dave, about(carol, bob)), refuse(NotRequester)},
	{"who is blocked does not see what others asked", question(See, blocked(alice), about(carol, bob)), refuse(NotRequester)},
	{"but what they asked", question(See, blocked(bob), about(carol, bob)), allow()},
}

func TestSee(t *testing.T) { judge(t, seeing) }
