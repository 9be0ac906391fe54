package authz

import "testing"

var (
	team = New("UALICE", "UAMIR", "UDAVE", "UZOE", oncall)
	zoe  = member("UZOE", "zoe")
)

// needing is the team's policy with a number of approvals in either lane.
func needing(n int, requesterMayApprove bool) fact {
	p := team
	p.ThirdParty = Rule{Approvals: n, RequesterMayApprove: requesterMayApprove}
	p.Self = p.ThirdParty
	return by(p)
}

var counting = []ruling{
	{"the first of two", question(Confirm, alice, about(carol, bob), needing(2, true)), counts(1, 2)},
	{"the second of two", question(Confirm, amir, about(carol, bob), needing(2, true), after(alice)), counts(2, 2)},
	{"the second of three", question(Confirm, amir, about(carol, bob), needing(3, true), after(alice)), counts(2, 3)},
	{"the third of three", question(Confirm, dave, about(carol, bob), needing(3, true), after(alice, amir)), counts(3, 3)},
	{"more than are needed", question(Confirm, dave, about(carol, bob), needing(1, true), after(alice, amir)), counts(3, 1)},
	{"a new decision is counted the same way", question(Retry, amir, about(carol, bob), needing(2, true), after(alice)), counts(2, 2)},

	{"nobody twice", question(Confirm, alice, about(carol, bob), needing(2, true), after(alice)), refuse(AlreadyApproved)},
	{"nor after somebody else", question(Confirm, alice, about(carol, bob), needing(3, true), after(alice, amir)), refuse(AlreadyApproved)},
	{"nor from another Slack account", question(Confirm, under("UZOE", alice), about(carol, bob), needing(2, true), after(alice)), refuse(AlreadyApproved)},
	{"nor under another address", question(Confirm, renamed(alice, "alice.adm"), about(carol, bob), needing(2, true), after(alice)), refuse(AlreadyApproved)},
	{"nor try again twice", question(Retry, under("UZOE", alice), about(carol, bob), needing(2, true), after(amir, alice)), refuse(AlreadyApproved)},
	{"two who are one person now count once", question(Confirm, dave, about(carol, bob), needing(3, true), after(alice, under("UZOE", alice))), counts(2, 3, "UZOE")},
	{"and three", question(Confirm, dave, about(carol, bob), needing(3, true), after(amir, under("UZOE", amir), alice, under("UBOB", amir))), counts(3, 3, "UZOE", "UBOB")},

	{"no approver any more", question(Confirm, amir, about(carol, bob), needing(2, true), after(in(bob, board))), counts(1, 2, "UBOB")},
	{"not in the group any more", question(Confirm, amir, about(carol, dave), by(grouped), after(in(bob, board), in(zoe, oncall))), refuse(NotApprover)},
	{"not in the group any more, says another of it", question(Confirm, in(amir, admins), about(carol, dave), by(grouped), after(in(bob, board), in(zoe, oncall))), counts(2, 1, "UBOB")},
	{"blocked since", question(Confirm, amir, about(carol, bob), needing(2, true), after(blocked(alice))), counts(1, 2, "UALICE")},
	{"the target since, by Entra account", question(Confirm, amir, about(carol, bob), needing(2, true), after(renamed(alice, "carol"))), counts(1, 2, "UALICE")},
	{"the target since, by Slack account", question(Confirm, amir, about(carol, bob), needing(2, true), after(alice), knownAs("UALICE")), counts(1, 2, "UALICE")},
	{"a guest since", question(Confirm, amir, about(carol, bob), needing(2, true), after(standingAs(GuestUser, alice))), counts(1, 2, "UALICE")},
	{"deleted since", question(Confirm, amir, about(carol, bob), needing(2, true), after(standingAs(Deleted, alice))), counts(1, 2, "UALICE")},
	{"without one account since", question(Confirm, amir, about(carol, bob), needing(2, true), after(unmapped(alice, SeveralAccounts))), counts(1, 2, "UALICE")},
	{"without an address since", question(Confirm, amir, about(carol, bob), needing(2, true), after(unmapped(alice, EmailMissing))), counts(1, 2, "UALICE")},
	{"two without an account are two", question(Confirm, amir, about(carol, bob), needing(2, true), after(unmapped(alice, NoAccount), unmapped(dave, NoAccount), zoe)), counts(2, 2, "UALICE", "UDAVE")},
	{"a requester since", question(Confirm, amir, about(carol, bob, alice), needing(2, false), after(alice)), counts(1, 2, "UALICE")},
	{"the protected target's requester", question(Confirm, amir, about(carol, alice), by(protecting(noAskers)), after(alice)), counts(1, 1, "UALICE")},
	{"the others still count", question(Confirm, dave, about(carol, bob), needing(3, true), after(blocked(alice), amir)), counts(2, 3, "UALICE")},
	{"whoever is lapsed twice", question(Confirm, dave, about(carol, bob), needing(3, true), after(blocked(alice), standingAs(GuestUser, amir))), counts(1, 3, "UALICE", "UAMIR")},
	{"whoever may not confirm makes nothing lapse", question(Confirm, bob, about(carol, bob), needing(2, true), after(blocked(alice))), refuse(NotApprover)},
	{"whose own account is blocked now has not approved already", question(Confirm, blocked(alice), about(carol, bob), needing(2, true), after(blocked(alice))), refuse(AccountBlocked)},
	{"nobody knows whether an earlier one counts", question(Confirm, amir, about(carol, bob), needing(2, true), after(perhaps(bob, oncall))), refuse(MembershipUnknown)},
	{"even where enough others do", question(Confirm, amir, about(carol, bob), needing(2, true), after(alice, perhaps(bob, oncall))), refuse(MembershipUnknown)},
	{"an earlier one known by name needs no group", question(Confirm, amir, about(carol, bob), needing(2, true), after(perhaps(alice, oncall))), counts(2, 2)},

	{"the requester is one of two", question(Confirm, amir, about(carol, alice), needing(2, true), after(alice)), counts(2, 2)},
	{"and the second of two", question(Confirm, alice, about(carol, alice), needing(2, true), after(amir)), counts(2, 2)},
	{"or not", question(Confirm, alice, about(carol, alice), needing(2, false), after(amir)), refuse(RequesterMayNotDecide)},
	{"the target is never one of two", question(Confirm, alice, about(alice, bob), needing(2, true), after(amir)), refuse(TargetMayNotDecide)},
	{"but is of their own report", question(Confirm, alice, about(alice, alice), needing(2, true), after(amir)), counts(2, 2)},
	{"or not", question(Confirm, alice, about(alice, alice), needing(2, false), after(amir)), refuse(RequesterMayNotDecide)},
}

func TestCount(t *testing.T) { judge(t, counting) }
