package authz

import "testing"

// actions are all that somebody can want, and two that nobody can.
var actions = []Action{Ask, Confirm, Deny, Cancel, Retry, See, Freeze, Unfreeze, TimeOut, "burn"}

// nobodies are people who can do nothing at all, whatever they want and
// whatever else the policy gives them.
func nobodies() []ruling {
	everything := policy(func(p *Policy) {
		p.Self.Approvals = 0
		p.Freeze.Unfreeze = Circle{"UALICE"}
	})
	var table []ruling
	add := func(name string, a Actor, want Reason) {
		for _, action := range actions {
			table = append(table,
				ruling{name + ", " + string(action), question(action, a, about(carol, alice), by(everything), frozen), refuse(want)},
				ruling{name + ", of their own, " + string(action), question(action, a, about(alice, alice), by(everything)), refuse(want)})
		}
	}
	for standing, want := range map[Standing]Reason{
		Deleted: NotAMember, BotUser: NotAMember, WorkflowUser: NotAMember, "": NotAMember, "new kind": NotAMember,
		GuestUser: Guest, StrangerUser: OutsideWorkspace, OtherWorkspace: OutsideWorkspace,
	} {
		add("standing "+string(standing), standingAs(standing, alice), want)
	}
	for _, why := range passedOn {
		add("no account for "+string(why), unmapped(alice, why), why)
	}
	add("no account and nobody knows why", unmapped(alice, ""), NoAccount)
	add("a guest without an account is a guest", standingAs(GuestUser, unmapped(alice, EmailMissing)), Guest)
	return table
}

func TestNobodies(t *testing.T) { judge(t, nobodies()) }
