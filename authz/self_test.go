package authz

import "testing"

// alone lets reporters sign themselves out.
var alone = policy(func(p *Policy) { p.Self = Rule{Approvals: 0} })

func aloneProtecting(all ...Protection) Policy {
	p := alone
	p.Protected = all
	return p
}

// reporting are a person's own lost device, for whose Slack session a thief
// may answer.
var reporting = []ruling{
	{"an approver confirms their own lost device", question(Confirm, alice, about(alice, alice)), counts(1, 1)},
	{"an approver confirms somebody's", question(Confirm, alice, about(bob, bob)), counts(1, 1)},
	{"the reporter may not confirm", question(Confirm, bob, about(bob, bob)), refuse(NotApprover)},
	{"nor try again", question(Retry, bob, about(bob, bob)), refuse(NotApprover)},
	{"an approver may not confirm their own where requesters may not", question(Confirm, alice, about(alice, alice), by(aloof)), refuse(RequesterMayNotDecide)},

	{"without approvals the reporter confirms", question(Confirm, bob, about(bob, bob), by(alone)), counts(1, 1)},
	{"and tries again", question(Retry, bob, about(bob, bob), by(alone)), counts(1, 1)},
	{"from another Slack account", question(Confirm, under("UBOB2", bob), about(bob, bob), by(alone)), counts(1, 1)},
	{"under another address", question(Confirm, renamed(bob, "bob.adm"), about(bob, bob), by(alone)), counts(1, 1)},
	{"even if sign-in is blocked: it ends only their own sessions", question(Confirm, blocked(bob), about(bob, bob), by(alone)), counts(1, 1)},
	{"even if no group can be asked", question(Confirm, perhaps(bob, oncall), about(bob, bob), by(alone)), counts(1, 1)},
	{"an approver may confirm, too", question(Confirm, alice, about(bob, bob), by(alone)), counts(1, 1)},
	{"a stranger may not", question(Confirm, carol, about(bob, bob), by(alone)), refuse(NotApprover)},
	{"a blocked approver may not", question(Confirm, blocked(alice), about(bob, bob), by(alone)), refuse(AccountBlocked)},
	{"a guest may not confirm their own", question(Confirm, standingAs(GuestUser, bob), about(bob, bob), by(alone)), refuse(Guest)},
	{"the target of somebody else's report may not", question(Confirm, carol, about(carol, bob), by(alone)), refuse(NotApprover)},
	{"nor the requester of it", question(Confirm, bob, about(carol, bob), by(alone)), refuse(NotApprover)},

	{"who is protected needs an approver", question(Confirm, carol, about(carol, carol), by(aloneProtecting(vip))), refuse(NotApprover)},
	{"one is enough where the protection says one", question(Confirm, alice, about(carol, carol), by(aloneProtecting(noAskers))), counts(1, 1)},
	{"one even where it says none", question(Confirm, alice, about(carol, carol), by(aloneProtecting(Protection{Users: []string{"carol"}}))), counts(1, 1)},
	{"which is not the reporter's", question(Confirm, carol, about(carol, carol), by(aloneProtecting(Protection{Users: []string{"carol"}}))), refuse(NotApprover)},
	{"a group that could not be asked protects", question(Confirm, carol, about(carol, carol), by(aloneProtecting(byGroup)), targetPerhapsIn(board)), refuse(NotApprover)},
	{"who holds a role, or perhaps one, is protected", question(Confirm, carol, about(carol, carol), by(aloneProtecting(byRole)), privileged), refuse(NotApprover)},
	{"a protected approver is a requester", question(Confirm, alice, about(alice, alice), by(aloneProtecting(Protection{Users: []string{"alice"}, Approvals: 1}))), refuse(RequesterMayNotDecide)},
	{"a reporter's own approval lapses when they are protected", question(Confirm, alice, about(carol, carol), by(aloneProtecting(noAskers)), after(carol)), counts(1, 1, "UCAROL")},
}

func TestSelf(t *testing.T) { judge(t, reporting) }
