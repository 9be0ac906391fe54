package authz

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var (
	alice = Actor{SlackID: "UALICE", Standing: FullMember, EntraID: "alice"} // approver
	amir  = Actor{SlackID: "UAMIR", Standing: FullMember, EntraID: "amir"}   // approver
	bob   = Actor{SlackID: "UBOB", Standing: FullMember, EntraID: "bob"}
	carol = Actor{SlackID: "UCAROL", Standing: FullMember, EntraID: "carol"}

	policy = Policy{Approvers: []string{"UALICE", "UAMIR"}}
)

func asker(a Actor) Asker { return Asker{SlackID: a.SlackID, EntraID: a.EntraID} }

func matter(target Actor, askers ...Actor) Matter {
	m := Matter{TargetID: target.EntraID}
	for _, a := range askers {
		m.Askers = append(m.Askers, asker(a))
	}
	m.Lane = LaneOf(askers[0].EntraID, target.EntraID)
	return m
}

func TestCheck(t *testing.T) {
	bobOther := Actor{SlackID: "UBOB2", Standing: FullMember, EntraID: "bob"}
	// Alice's Slack account, after its e-mail address was changed.
	renamed := Actor{SlackID: "UALICE", Standing: FullMember, EntraID: "alice.adm"}
	blocked := Actor{SlackID: "UALICE", Standing: FullMember, EntraID: "alice", Blocked: true}
	aboutAlice := matter(alice, bob)
	aboutAlice.TargetSlackID = "UALICE"
	unmapped := Actor{SlackID: "UALICE", Standing: FullMember, Unmapped: SeveralAccounts}
	for _, tt := range []struct {
		name   string
		action Action
		actor  Actor
		matter Matter
		want   Decision
	}{
		{"a member may ask", Ask, bob, Matter{}, allow()},
		{"an approver confirms a third-party request", Confirm, alice, matter(carol, bob), allow()},
		{"the requester who is an approver may confirm", Confirm, alice, matter(carol, alice), allow()},
		{"an approver confirms their own lost device", Confirm, alice, matter(alice, alice), allow()},
		{"an outsider may not confirm", Confirm, carol, matter(bob, bob), refuse(NotApprover)},
		{"the reporter may not confirm", Confirm, bob, matter(bob, bob), refuse(NotApprover)},
		{"the target may not confirm a third-party request", Confirm, alice, matter(alice, bob), refuse(TargetMayNotDecide)},
		{"the target may not try it again", Retry, alice, matter(alice, bob), refuse(TargetMayNotDecide)},
		{"the target may not deny a third-party request", Deny, alice, matter(alice, bob), refuse(TargetMayNotDecide)},
		{"the target may not deny a report of their own device", Deny, alice, matter(alice, alice), refuse(TargetMayNotEnd)},
		{"another approver may deny it", Deny, amir, matter(alice, alice), allow()},
		{"the requester may not deny", Deny, bob, matter(carol, bob), refuse(NotApprover)},
		{"the requester may cancel", Cancel, bob, matter(carol, bob), allow()},
		{"the requester may cancel from another Slack account", Cancel, bobOther, matter(carol, bob), allow()},
		{"an approver may not cancel what others asked", Cancel, alice, matter(carol, bob), refuse(NotRequester)},
		{"one of two requesters may not cancel", Cancel, bob, matter(carol, bob, amir), refuse(OthersAskedToo)},
		{"cancelling one's own report asks an approver", Cancel, bob, matter(bob, bob), Decision{true, CancelNeedsApprover}},
		{"the requester sees it", See, bob, matter(carol, bob), allow()},
		{"an approver sees it", See, alice, matter(carol, bob), allow()},
		{"the target does not see it", See, carol, matter(carol, bob), refuse(NotRequester)},
		{"an approver without one account may not confirm", Confirm, unmapped, matter(carol, bob), refuse(SeveralAccounts)},
		{"the target may not decide under another address", Confirm, renamed, aboutAlice, refuse(TargetMayNotDecide)},
		{"nor deny", Deny, renamed, aboutAlice, refuse(TargetMayNotDecide)},
		{"nor end their own report under another address", Deny, renamed, matter(alice, alice), refuse(TargetMayNotEnd)},
		{"an approver whose account is blocked may not confirm", Confirm, blocked, matter(carol, bob), refuse(AccountBlocked)},
		{"nor deny", Deny, blocked, matter(carol, bob), refuse(AccountBlocked)},
		{"nor try again", Retry, blocked, matter(carol, bob), refuse(AccountBlocked)},
		{"nor cancel what they asked about somebody else", Cancel, blocked, matter(carol, alice), refuse(AccountBlocked)},
		{"nor see what others asked", See, blocked, matter(carol, bob), refuse(NotRequester)},
		{"but may report their own loss", Ask, blocked, Matter{}, allow()},
		{"an action nobody knows is refused", "burn", alice, matter(carol, bob), refuse(NotApprover)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Check(Question{tt.action, tt.actor, tt.matter, policy}); got != tt.want {
				t.Errorf("Check = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestOnlyFullMembers(t *testing.T) {
	want := map[Standing]Reason{
		Deleted: NotAMember, BotUser: NotAMember, WorkflowUser: NotAMember, "": NotAMember, "new kind": NotAMember,
		GuestUser: Guest, StrangerUser: OutsideWorkspace, OtherWorkspace: OutsideWorkspace,
	}
	for standing, reason := range want {
		for _, action := range []Action{Ask, Confirm, Deny, Cancel, Retry, See} {
			actor := alice
			actor.Standing = standing
			got := Check(Question{action, actor, matter(carol, alice), policy})
			if got != refuse(reason) {
				t.Errorf("%s by %q: %+v, want refused for %q", action, standing, got, reason)
			}
		}
	}
}

// TestNobodyOutsideThePolicy draws people, matters and policies at random and
// holds Check to what must never happen, whatever the rules inside are.
func TestNobodyOutsideThePolicy(t *testing.T) {
	people := rapid.SampledFrom([]string{"a", "b", "c", "d", ""})
	actors := rapid.Custom(func(t *rapid.T) Actor {
		id := people.Draw(t, "entra")
		return Actor{
			SlackID:  "U" + rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "slack"),
			Standing: rapid.SampledFrom([]Standing{FullMember, FullMember, FullMember, GuestUser, BotUser, Deleted, StrangerUser, OtherWorkspace, WorkflowUser}).Draw(t, "standing"),
			EntraID:  id,
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		actor := actors.Draw(t, "actor")
		m := Matter{TargetID: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "target")}
		for range rapid.IntRange(1, 3).Draw(t, "askers") {
			m.Askers = append(m.Askers, asker(actors.Draw(t, "asker")))
		}
		m.Lane = LaneOf(m.Askers[0].EntraID, m.TargetID)
		p := Policy{Approvers: rapid.SliceOf(rapid.SampledFrom([]string{"Ua", "Ub", "Uc"})).Draw(t, "approvers")}
		action := rapid.SampledFrom([]Action{Ask, Confirm, Deny, Cancel, Retry, See}).Draw(t, "action")

		d := Check(Question{action, actor, m, p})
		if !d.Allowed {
			if d.Reason == "" || !slices.Contains(Reasons, d.Reason) {
				t.Fatalf("refused for a reason that is not listed: %q", d.Reason)
			}
			return
		}
		if actor.Standing != FullMember || actor.EntraID == "" {
			t.Fatalf("%s allowed to %+v", action, actor)
		}
		decides := action == Confirm || action == Deny || action == Retry
		if decides && !slices.Contains(p.Approvers, actor.SlackID) {
			t.Fatalf("%s allowed to somebody who is no approver", action)
		}
		target := actor.EntraID == m.TargetID
		if target && m.Lane == ThirdParty && (decides || action == Cancel && d.Reason == "") {
			t.Fatalf("the target may %s a third-party request", action)
		}
		if m.Lane == Self && target && (action == Deny || action == Cancel && d.Reason != CancelNeedsApprover) {
			t.Fatalf("the target may end a self report by %s", action)
		}
	})
}
