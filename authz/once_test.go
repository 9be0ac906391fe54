package authz

import "testing"

// once are cases that answered wrongly before the plays of clicks_test.go were
// written.
var once = []ruling{
	// UBOB was known as the target's Slack account when UBOB2 reported; its
	// address was changed since. Where requesters may not approve, the target
	// of a self report approves it all the same.
	{"self: the target by Slack account is the requester", question(Confirm, renamed(member("UALICE", "alice"), "alice.adm"), about(alice, under("UALICE2", alice)), knownAs("UALICE"), by(aloof)), refuse(RequesterMayNotDecide)},
	// An earlier vote of which nobody can say whether it counts.
	{"unfreeze: an earlier vote is unsure", question(Unfreeze, in(amir, oncall), nothing, by(grouped), voted(perhaps(alice, oncall))), refuse(MembershipUnknown)},
	// Two Slack accounts of one person asked.
	{"cancel: both askers are one person", question(Cancel, bob, about(carol, bob, under("UBOB2", bob))), allow()},
	// The earlier approval counts no more, but blocks the same person's new one.
	{"confirm: an earlier approval that lapses is no approval", question(Confirm, alice, about(carol, bob), needing(2, true), after(standingAs(Deleted, under("UALICE2", alice)))), counts(1, 2, "UALICE2")},
}

func TestWhatOnceWentWrong(t *testing.T) { judge(t, once) }

// Two approvers have asked, both count, and neither can ask again.
func TestTwoVotesEndAFreeze(t *testing.T) {
	a, b := in(alice, oncall), in(amir, oncall)
	first := Check(question(Unfreeze, a, nothing, by(grouped), frozen))
	second := Check(question(Unfreeze, b, nothing, by(grouped), voted(perhaps(alice, oncall)))) // Slack does not say who is in the group
	again := Check(question(Unfreeze, b, nothing, by(grouped), voted(a, b)))
	againA := Check(question(Unfreeze, a, nothing, by(grouped), voted(a, b)))
	if !second.Enough() && !again.Enough() && !againA.Enough() {
		t.Errorf("first %+v, second %+v, then %+v and %+v", first, second, again, againA)
	}
}

// The only approver asked while nobody knew that there is no other.
func TestOnlyApproverEndsAFreeze(t *testing.T) {
	first := Check(question(Unfreeze, alice, nothing, frozen, knownApprovers(0)))
	again := Check(question(Unfreeze, alice, nothing, voted(alice), knownApprovers(1)))
	if !first.Enough() && !again.Enough() {
		t.Errorf("first %+v, then %+v", first, again)
	}
}
