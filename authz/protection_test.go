package authz

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each kind of match, with two approvals where one is the rule.
var (
	vip       = Protection{Users: []string{"UCAROL", "carol"}, Approvals: 2, RequesterMayApprove: true}
	bySlackID = Protection{Users: []string{"UCAROL"}, Approvals: 2, RequesterMayApprove: true}
	byGroup   = Protection{Groups: Circle{oncall, board}, Approvals: 2, RequesterMayApprove: true}
	byRole    = Protection{Privileged: true, Approvals: 2, RequesterMayApprove: true}
	byAny     = Protection{Users: []string{"UZOE"}, Groups: Circle{board}, Privileged: true, Approvals: 2, RequesterMayApprove: true}

	barred     = Protection{Users: []string{"carol"}, Approvals: 1, RequesterMayApprove: true, Block: true}
	noAskers   = Protection{Users: []string{"carol"}, Approvals: 1}
	threeOf    = Protection{Groups: Circle{board}, Approvals: 3, RequesterMayApprove: true}
	namesEmpty = Protection{Users: []string{""}, Approvals: 2}
)

var protections = []ruling{
	{"nobody is protected", question(Confirm, alice, about(carol, bob)), counts(1, 1)},
	{"by Entra ID", question(Confirm, alice, about(carol, bob), by(protecting(vip))), counts(1, 2)},
	{"by Slack ID", question(Confirm, alice, about(carol, bob), by(protecting(bySlackID)), knownAs("UCAROL")), counts(1, 2)},
	{"by Slack ID, not known to be the target's", question(Confirm, alice, about(carol, bob), by(protecting(bySlackID))), counts(1, 1)},
	{"another target", question(Confirm, alice, about(dave, bob), by(protecting(vip, bySlackID)), knownAs("UDAVE")), counts(1, 1)},
	{"by Slack group", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), targetIn(oncall)), counts(1, 2)},
	{"by Entra group", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), targetIn(admins, board)), counts(1, 2)},
	{"in another group", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), targetIn(admins)), counts(1, 1)},
	{"a group that could not be asked", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), targetPerhapsIn(board)), counts(1, 2)},
	{"another group that could not be asked", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), targetPerhapsIn(admins)), counts(1, 1)},
	{"the approver's group is not the target's", question(Confirm, in(alice, board), about(carol, bob), by(protecting(byGroup))), counts(1, 1)},
	{"a privileged role, or perhaps one", question(Confirm, alice, about(carol, bob), by(protecting(byRole)), privileged), counts(1, 2)},
	{"no privileged role", question(Confirm, alice, about(carol, bob), by(protecting(byRole))), counts(1, 1)},
	{"a privileged role, and the policy asks for none", question(Confirm, alice, about(carol, bob), by(protecting(byGroup)), privileged), counts(1, 1)},
	{"any of several: the user", question(Confirm, alice, about(carol, bob), by(protecting(byAny)), knownAs("UZOE")), counts(1, 2)},
	{"any of several: the group", question(Confirm, alice, about(carol, bob), by(protecting(byAny)), targetIn(board)), counts(1, 2)},
	{"any of several: the role", question(Confirm, alice, about(carol, bob), by(protecting(byAny)), privileged), counts(1, 2)},
	{"any of several: none", question(Confirm, alice, about(carol, bob), by(protecting(byAny)), knownAs("UCAROL"), targetIn(admins)), counts(1, 1)},
	{"an empty name protects nobody without a Slack account", question(Confirm, alice, about(carol, bob), by(protecting(namesEmpty))), counts(1, 1)},

	{"the most approvals win, first", question(Confirm, alice, about(carol, bob), by(protecting(threeOf, vip)), targetIn(board)), counts(1, 3)},
	{"the most approvals win, last", question(Confirm, alice, about(carol, bob), by(protecting(vip, threeOf)), targetIn(board)), counts(1, 3)},
	{"a protection never asks for fewer than the lane", question(Confirm, alice, about(carol, bob), by(policy(func(p *Policy) {
		p.Protected, p.ThirdParty.Approvals = []Protection{vip}, 4
	}))), counts(1, 4)},
	{"one that lets requesters approve does not undo one that does not", question(Confirm, alice, about(carol, alice), by(protecting(noAskers, vip))), refuse(RequesterMayNotDecide)},
	{"nor the other way about", question(Confirm, alice, about(carol, alice), by(protecting(vip, noAskers))), refuse(RequesterMayNotDecide)},
	{"nor does it undo the lane", question(Confirm, alice, about(carol, alice), by(policy(func(p *Policy) {
		p.Protected, p.ThirdParty.RequesterMayApprove = []Protection{vip}, false
	}))), refuse(RequesterMayNotDecide)},
	{"one that does not match says nothing of requesters", question(Confirm, alice, about(dave, alice), by(protecting(noAskers))), counts(1, 1)},

	{"barred: nobody may ask", question(Ask, bob, about(carol, bob), by(protecting(barred))), refuse(TargetProtected)},
	{"barred: not even about themselves", question(Ask, carol, about(carol, carol), by(protecting(barred))), refuse(TargetProtected)},
	{"barred: nobody may confirm", question(Confirm, alice, about(carol, bob), by(protecting(barred))), refuse(TargetProtected)},
	{"barred: nor try again", question(Retry, alice, about(carol, bob), by(protecting(vip, barred))), refuse(TargetProtected)},
	{"barred: nor, in this order", question(Retry, alice, about(carol, bob), by(protecting(barred, vip))), refuse(TargetProtected)},
	{"barred: a stranger learns nothing of it", question(Confirm, dave, about(carol, bob), by(protecting(barred))), refuse(NotApprover)},
	{"barred: an approver may still deny", question(Deny, alice, about(carol, bob), by(protecting(barred))), allow()},
	{"barred: the requester may still cancel", question(Cancel, bob, about(carol, bob), by(protecting(barred))), allow()},
	{"barred: others are not", question(Ask, bob, about(dave, bob), by(protecting(barred))), allow()},
}

func TestProtections(t *testing.T) { judge(t, protections) }

func TestRequire(t *testing.T) {
	lanes := policy(func(p *Policy) {
		p.Self = Rule{Approvals: 0, RequesterMayApprove: true}
		p.ThirdParty = Rule{Approvals: 2}
		p.Protected = []Protection{{Users: []string{"carol"}, RequesterMayApprove: true}, {Groups: Circle{board}, Approvals: 5, Block: true}}
	})
	for _, tt := range []struct {
		name   string
		matter Matter
		want   Requirement
	}{
		{"the self lane", about(bob, bob), Requirement{Approvals: 0, RequesterMayApprove: true}},
		{"the other lane", about(bob, alice), Requirement{Approvals: 2}},
		{"whoever is protected needs somebody", about(carol, carol), Requirement{Approvals: 1, RequesterMayApprove: true, Protected: true}},
		{"but the lane's own demand stays", about(carol, bob), Requirement{Approvals: 2, Protected: true}},
		{"all at once", Matter{Lane: Self, Target: Target{EntraID: "carol", Unsure: []string{board}}},
			Requirement{Approvals: 5, Protected: true, Blocked: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lanes.Require(tt.matter)); diff != "" {
				t.Errorf("Require (-want +got):\n%s", diff)
			}
		})
	}
}
