package authz

import "testing"

var (
	// grouped has approvers by Slack group and by Entra group.
	grouped = New(oncall, admins)
	// aloof is the default policy where requesters may not approve.
	aloof = policy(func(p *Policy) { p.ThirdParty.RequesterMayApprove, p.Self.RequesterMayApprove = false, false })
)

var deciding = []ruling{
	{"an approver confirms a third-party request", question(Confirm, alice, about(carol, bob)), counts(1, 1)},
	{"the requester who is an approver may confirm", question(Confirm, alice, about(carol, alice)), counts(1, 1)},
	{"an outsider may not confirm", question(Confirm, carol, about(bob, bob)), refuse(NotApprover)},
	{"nor a third-party request", question(Confirm, dave, about(carol, bob)), refuse(NotApprover)},
	{"nor the requester", question(Confirm, bob, about(carol, bob)), refuse(NotApprover)},
	{"a policy of nobody lets nobody", question(Confirm, alice, about(carol, bob), by(Policy{})), refuse(NotApprover)},
	{"an Entra ID among the approvers names nobody", question(Confirm, alice, about(carol, bob), by(New("alice"))), refuse(NotApprover)},

	{"the target may not confirm a third-party request", question(Confirm, alice, about(alice, bob)), refuse(TargetMayNotDecide)},
	{"the target may not try it again", question(Retry, alice, about(alice, bob)), refuse(TargetMayNotDecide)},
	{"the target may not confirm from another Slack account", question(Confirm, under("UAMIR", alice), about(alice, bob)), refuse(TargetMayNotDecide)},
	{"the target may not decide under another address", question(Confirm, renamed(alice, "alice.adm"), about(alice, bob), knownAs("UALICE")), refuse(TargetMayNotDecide)},
	{"nobody is the target of whom no Slack account is known", question(Confirm, renamed(alice, "alice.adm"), about(alice, bob)), counts(1, 1)},
	{"the target is the target first and the requester then", question(Confirm, renamed(alice, "alice.adm"), about(alice, renamed(alice, "alice.adm")), knownAs("UALICE"), by(aloof)), refuse(TargetMayNotDecide)},

	{"an approver without one account may not confirm", question(Confirm, unmapped(alice, SeveralAccounts), about(carol, bob)), refuse(SeveralAccounts)},
	{"an approver whose account is blocked may not confirm", question(Confirm, blocked(alice), about(carol, bob)), refuse(AccountBlocked)},
	{"nor try again", question(Retry, blocked(alice), about(carol, bob)), refuse(AccountBlocked)},
	{"whoever is blocked and no approver is no approver", question(Confirm, blocked(dave), about(carol, bob)), refuse(NotApprover)},

	{"an approver by Slack group", question(Confirm, in(dave, oncall), about(carol, bob), by(grouped)), counts(1, 1)},
	{"an approver by Entra group", question(Confirm, in(dave, admins), about(carol, bob), by(grouped)), counts(1, 1)},
	{"a member of another group", question(Confirm, in(dave, board), about(carol, bob), by(grouped)), refuse(NotApprover)},
	{"whose group could not be asked", question(Confirm, perhaps(dave, admins), about(carol, bob), by(grouped)), refuse(MembershipUnknown)},
	{"nor of whom another could", question(Retry, perhaps(in(dave, board), admins), about(carol, bob), by(grouped)), refuse(MembershipUnknown)},
	{"one group is enough", question(Confirm, perhaps(in(dave, oncall), admins), about(carol, bob), by(grouped)), counts(1, 1)},
	{"whichever stands first", question(Confirm, perhaps(in(dave, admins), oncall), about(carol, bob), by(grouped)), counts(1, 1)},
	{"a group that names no approvers does not matter", question(Confirm, perhaps(alice, board), about(carol, bob)), counts(1, 1)},
	{"a target of whom a group could not be asked is the target", question(Confirm, in(alice, oncall), about(alice, bob), by(grouped), targetPerhapsIn(oncall)), refuse(TargetMayNotDecide)},

	{"where requesters may not approve, the requester may not", question(Confirm, alice, about(carol, alice), by(aloof)), refuse(RequesterMayNotDecide)},
	{"nor try again", question(Retry, alice, about(carol, alice), by(aloof)), refuse(RequesterMayNotDecide)},
	{"nor whoever joined", question(Confirm, amir, about(carol, alice, amir), by(aloof)), refuse(RequesterMayNotDecide)},
	{"nor the requester from another Slack account", question(Confirm, under("UAMIR", alice), about(carol, alice), by(aloof)), refuse(RequesterMayNotDecide)},
	{"nor the requester under another address", question(Confirm, renamed(alice, "alice.adm"), about(carol, alice), by(aloof)), refuse(RequesterMayNotDecide)},
	{"another approver may", question(Confirm, amir, about(carol, alice), by(aloof)), counts(1, 1)},
	{"a requester who is no approver is told that", question(Confirm, bob, about(carol, bob), by(aloof)), refuse(NotApprover)},
	{"the rule of one lane is none of the other's", question(Confirm, alice, about(carol, alice), by(policy(func(p *Policy) { p.Self.RequesterMayApprove = false }))), counts(1, 1)},

	{"a lane without approvals needs one if it is not the reporter's own", question(Confirm, alice, about(carol, bob), by(policy(func(p *Policy) { p.ThirdParty.Approvals = 0 }))), counts(1, 1)},
	{"which is not the requester's", question(Confirm, bob, about(carol, bob), by(policy(func(p *Policy) { p.ThirdParty.Approvals = 0 }))), refuse(NotApprover)},

	{"an action nobody knows is refused", question("burn", alice, about(carol, bob)), refuse(NotApprover)},
	{"nobody can be the clock", question(TimeOut, alice, about(carol, bob)), refuse(NotApprover)},
}

func TestDecide(t *testing.T) { judge(t, deciding) }
