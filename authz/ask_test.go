package authz

import (
	"regexp"
	"testing"
)

// requesters is the default policy where only some may ask about others.
func requesters(c ...string) Policy {
	return policy(func(p *Policy) { p.ThirdParty.WhoMayRequest = c })
}

var (
	reasoned = policy(func(p *Policy) { p.ThirdParty.ReasonRequired = true })
	ticketed = policy(func(p *Policy) { p.ThirdParty.Ticket = regexp.MustCompile(`\bINC-[0-9]+\b`) })
	// strict has a way to refuse for everything at once.
	strict = policy(func(p *Policy) {
		p.Protected = []Protection{{Users: []string{"carol"}, Approvals: 1, Block: true}}
		p.ThirdParty = Rule{Approvals: 1, WhoMayRequest: Circle{"UBOB", oncall}, ReasonRequired: true, Ticket: ticketed.ThirdParty.Ticket}
	})
)

var asking = []ruling{
	{"a member may ask before anything is known", question(Ask, bob, Matter{}), allow()},
	{"whose account is blocked may report their own loss", question(Ask, blocked(alice), Matter{}), allow()},
	{"and so when the lane is known", question(Ask, blocked(bob), about(bob, bob)), allow()},
	{"nothing is refused before the lane is known", question(Ask, dave, Matter{}, by(strict)), allow()},

	{"anyone may ask about others", question(Ask, bob, about(carol, bob)), allow()},
	{"anyone may report themselves", question(Ask, bob, about(bob, bob)), allow()},
	{"only approvers: an approver", question(Ask, alice, about(carol, alice), by(requesters("UALICE", "UAMIR"))), allow()},
	{"only approvers: somebody else", question(Ask, bob, about(carol, bob), by(requesters("UALICE", "UAMIR"))), refuse(MayNotRequest)},
	{"the rule of one lane is none of the other's", question(Ask, bob, about(bob, bob), by(requesters("UALICE"))), allow()},
	{"the self lane has its own", question(Ask, bob, about(bob, bob), by(policy(func(p *Policy) { p.Self.WhoMayRequest = Circle{"UALICE"} }))), refuse(MayNotRequest)},
	{"a list: a user on it", question(Ask, bob, about(carol, bob), by(requesters("UBOB", oncall))), allow()},
	{"a list: a member of its Slack group", question(Ask, in(dave, oncall), about(carol, dave), by(requesters("UBOB", oncall))), allow()},
	{"a list: a member of its Entra group", question(Ask, in(dave, admins), about(carol, dave), by(requesters(oncall, admins))), allow()},
	{"a list: a member of another group", question(Ask, in(dave, board), about(carol, dave), by(requesters(oncall, admins))), refuse(MayNotRequest)},
	{"a list: a group that could not be asked", question(Ask, perhaps(dave, admins), about(carol, dave), by(requesters(oncall, admins))), refuse(MembershipUnknown)},
	{"a list: one group is enough if another could not be asked", question(Ask, perhaps(in(dave, admins), oncall), about(carol, dave), by(requesters(oncall, admins))), allow()},
	{"a list: the same, the other way about", question(Ask, perhaps(in(dave, admins), oncall), about(carol, dave), by(requesters(admins, oncall))), allow()},
	{"a list: a user on it if a group could not be asked", question(Ask, perhaps(bob, oncall), about(carol, bob), by(requesters(oncall, "UBOB"))), allow()},
	{"a list: a group that the list does not name", question(Ask, perhaps(dave, board), about(carol, dave), by(requesters(oncall))), refuse(MayNotRequest)},
	{"a list of nobody", question(Ask, alice, about(carol, alice), by(policy(func(p *Policy) { p.ThirdParty.WhoMayRequest = Circle{} }))), refuse(MayNotRequest)},
	{"an Entra ID names nobody in a list", question(Ask, bob, about(carol, bob), by(requesters("bob"))), refuse(MayNotRequest)},

	{"a required reason is missing", question(Ask, bob, about(carol, bob), by(reasoned)), refuse(ReasonRequired)},
	{"a required reason is given", question(Ask, bob, about(carol, bob), by(reasoned), because("stolen")), allow()},
	{"a reason is not required in the other lane", question(Ask, bob, about(bob, bob), by(reasoned)), allow()},
	{"a ticket is missing", question(Ask, bob, about(carol, bob), by(ticketed), because("stolen")), refuse(TicketRequired)},
	{"a ticket without a reason", question(Ask, bob, about(carol, bob), by(ticketed)), refuse(TicketRequired)},
	{"a ticket in some part of the reason", question(Ask, bob, about(carol, bob), by(ticketed), because("stolen, see INC-42.")), allow()},
	{"a ticket is not required in the other lane", question(Ask, bob, about(bob, bob), by(ticketed), because("stolen")), allow()},

	// Whoever may not ask learns nothing of the target, and a target that
	// nobody may touch is worth no typing.
	{"first: may they ask", question(Ask, dave, about(carol, dave), by(strict)), refuse(MayNotRequest)},
	{"then: is that known", question(Ask, perhaps(dave, oncall), about(carol, dave), by(strict)), refuse(MembershipUnknown)},
	{"then: is the target barred", question(Ask, bob, about(carol, bob), by(strict)), refuse(TargetProtected)},
	{"then: is there a reason", question(Ask, bob, about(alice, bob), by(strict)), refuse(ReasonRequired)},
	{"then: is there a ticket", question(Ask, bob, about(alice, bob), by(strict), because("stolen")), refuse(TicketRequired)},
	{"then they may", question(Ask, bob, about(alice, bob), by(strict), because("INC-1")), allow()},
	{"a freeze stops nobody from asking", question(Ask, bob, about(carol, bob), frozen), allow()},
}

func TestAsk(t *testing.T) { judge(t, asking) }
