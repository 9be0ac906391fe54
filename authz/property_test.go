package authz

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"revoke-sessions/bot/testrun"
)

// drawQuestion asks anything of anybody. Earlier approvals and votes are those
// of any accounts.
func drawQuestion(t *rapid.T) (*world, Question) {
	w := drawWorld(t)
	people := rapid.SampledFrom(slackIDs)
	actors := func(label string) (all []Actor) {
		for _, id := range rapid.SliceOfNDistinct(people, 0, 3, rapid.ID[string]).Draw(t, label) {
			all = append(all, w.actor(id))
		}
		return all
	}
	q := Question{
		Action: rapid.SampledFrom(actions).Draw(t, "action"),
		Actor:  w.actor(people.Draw(t, "actor")),
		Policy: drawPolicy(t),
		Brake: Brake{
			Frozen: rapid.IntRange(0, 2).Draw(t, "frozen") == 2, Votes: actors("votes"),
			Approvers: rapid.IntRange(0, 3).Draw(t, "approvers known"), PulledLately: rapid.Bool().Draw(t, "pulled lately"),
		},
	}
	q.Matter.Target = w.target(rapid.SampledFrom(entraIDs).Draw(t, "target"), rapid.SampledFrom(append([]string{""}, slackIDs...)).Draw(t, "target in Slack"))
	for _, id := range rapid.SliceOfNDistinct(people, 1, 3, rapid.ID[string]).Draw(t, "askers") {
		q.Matter.Askers = append(q.Matter.Askers, asker(w.actor(id)))
	}
	q.Matter.Lane = LaneOf(q.Matter.Askers[0].EntraID, q.Matter.Target.EntraID)
	q.Matter.Reason = rapid.SampledFrom([]string{"", "stolen", "INC-1"}).Draw(t, "reason")
	q.Matter.Approvals = actors("approvals")
	return w, q
}

// TestNobodyOutsideThePolicy holds Check to what must never happen, whatever
// the rules inside are.
func TestNobodyOutsideThePolicy(t *testing.T) {
	testrun.Draws(t, testrun.Worlds)
	rapid.Check(t, func(t *rapid.T) {
		w, q := drawQuestion(t)
		id, m, d := q.Actor.SlackID, q.Matter, Check(q)
		if !d.Allowed {
			if !slices.Contains(Reasons, d.Reason) || d.Reason == CancelNeedsApprover {
				t.Fatalf("refused for a reason that is not listed as one: %q", d.Reason)
			}
			if d.Have != 0 || d.Need != 0 || d.Lapsed != nil {
				t.Fatalf("a refusal with numbers: %+v", d)
			}
			return
		}
		if d.Reason != "" && (d.Reason != CancelNeedsApprover || q.Action != Cancel || m.Lane != Self) {
			t.Fatalf("%s allowed for %q", q.Action, d.Reason)
		}
		if !w.somebody(id) {
			t.Fatalf("%s allowed to %+v", q.Action, q.Actor)
		}
		confirms := q.Action == Confirm || q.Action == Retry
		decides := confirms || q.Action == Deny
		own := confirms && m.Lane == Self && q.Policy.Self.Approvals == 0 && q.asked(q.Actor)
		if (decides || q.Action == Freeze) && !own && !w.approver(id, &q.Policy) {
			t.Fatalf("%s allowed to somebody who is no approver", q.Action)
		}
		if confirms && q.Brake.Frozen {
			t.Fatalf("%s allowed while frozen", q.Action)
		}
		if q.Action == Unfreeze && !w.approver(id, &q.Policy) && !w.named(id, q.Policy.Freeze.Unfreeze) {
			t.Fatal("unfreeze allowed to somebody who is neither approver nor trusted")
		}
		target := q.Actor.EntraID == m.Target.EntraID || slices.Contains(m.Target.SlackIDs, id)
		if target && m.Lane == ThirdParty && (decides || q.Action == Cancel) {
			t.Fatalf("the target may %s a third-party request", q.Action)
		}
		if target && m.Lane == Self && (q.Action == Deny || q.Action == Cancel && d.Reason != CancelNeedsApprover) {
			t.Fatalf("the target may end a self report by %s", q.Action)
		}
		if who := q.Policy.Rule(m.Lane).WhoMayRequest; q.Action == Ask && who != nil && !w.named(id, who) {
			t.Fatal("somebody may ask whom the rule does not name")
		}
		if q.Action == Unfreeze && d.Need < 2 && !w.named(id, q.Policy.Freeze.Unfreeze) && q.Brake.Approvers != 1 {
			t.Fatalf("one of several approvers may end a freeze: %+v", d)
		}
	})
}

// TestStricter: one more protection, wherever it stands, refuses more and asks
// for more, and the order of protections says nothing.
func TestStricter(t *testing.T) {
	testrun.Draws(t, testrun.Worlds)
	rapid.Check(t, func(t *rapid.T) {
		w, q := drawQuestion(t)
		x := drawProtection(t)
		stricter := q
		at := rapid.IntRange(0, len(q.Policy.Protected)).Draw(t, "at")
		stricter.Policy.Protected = slices.Insert(slices.Clone(q.Policy.Protected), at, x)

		before, after := Check(q), Check(stricter)
		if after.Allowed && (!before.Allowed || after.Need < before.Need || after.Have > before.Have) {
			t.Fatalf("%s: with one more protection %+v, before %+v", q.Action, after, before)
		}
		shuffled := stricter
		shuffled.Policy.Protected = rapid.Permutation(stricter.Policy.Protected).Draw(t, "shuffled")
		if diff := cmp.Diff(after, Check(shuffled)); diff != "" {
			t.Fatalf("another order of protections (-want +got):\n%s", diff)
		}

		rule := q.Policy.Rule(q.Matter.Lane)
		want := Requirement{Approvals: rule.Approvals, RequesterMayApprove: rule.RequesterMayApprove}
		for _, x := range stricter.Policy.Protected {
			if w.protects(x, q.Matter.Target) {
				want.Protected = true
				want.Approvals = max(want.Approvals, x.Approvals)
				if x.Block {
					want.Blocked = true
				}
				if !x.RequesterMayApprove {
					want.RequesterMayApprove = false
				}
			}
		}
		if diff := cmp.Diff(want, stricter.Policy.Require(q.Matter)); diff != "" {
			t.Fatalf("Require (-want +got):\n%s", diff)
		}
		stricter.Policy.Self.Execute = true
		if stricter.Policy.MayExecute(q.Matter) && (want.Protected || q.Matter.Target.Privileged || q.Matter.Lane != Self) {
			t.Fatal("carried out without anybody, though protected, privileged or about others")
		}
	})
}

// TestPure: the same question has the same answer, and stays as it was: in its
// slices, and in the room behind them that an append could write to.
func TestPure(t *testing.T) {
	regexps := cmp.Comparer(func(a, b *regexp.Regexp) bool { return a == b })
	testrun.Draws(t, testrun.Worlds)
	rapid.Check(t, func(t *rapid.T) {
		_, q := drawQuestion(t)
		q.Policy.ThirdParty.Ticket = ticketed.ThirdParty.Ticket
		kept, looked := copied(q), copied(q)
		first, second := Check(looked), Check(looked)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("asked twice (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(kept, looked, regexps); diff != "" {
			t.Fatalf("the question was changed (-before +after):\n%s", diff)
		}
		for name, untouched := range map[string]bool{
			"approvals": clean(looked.Matter.Approvals), "askers": clean(looked.Matter.Askers), "votes": clean(looked.Brake.Votes),
			"groups": clean(looked.Actor.MemberOf), "unsure": clean(looked.Actor.Unsure),
			"approvers": clean(looked.Policy.Approvers), "protected": clean(looked.Policy.Protected),
		} {
			if !untouched {
				t.Fatalf("something was written behind the %s", name)
			}
		}
		// Whoever changes the answer does not change the question.
		for i := range first.Lapsed {
			first.Lapsed[i] = "changed"
		}
		if diff := cmp.Diff(second, Check(looked)); diff != "" {
			t.Fatalf("asked again after the answer was changed (-before +after):\n%s", diff)
		}
	})
}

// roomy is a copy with room for more.
func roomy[S ~[]E, E any](s S) S { return append(make(S, 0, len(s)+3), s...) }

// clean reports whether that room is as it was.
func clean[S ~[]E, E any](s S) bool {
	behind := s[len(s):cap(s)]
	return cap(s) > len(s) && cmp.Equal(behind, make(S, len(behind)))
}

// copied is a copy that shares no slice that Check reads.
func copied(q Question) Question {
	q.Actor.MemberOf, q.Actor.Unsure = roomy(q.Actor.MemberOf), roomy(q.Actor.Unsure)
	q.Matter.Target.MemberOf, q.Matter.Target.Unsure = roomy(q.Matter.Target.MemberOf), roomy(q.Matter.Target.Unsure)
	q.Matter.Askers, q.Matter.Approvals, q.Brake.Votes = roomy(q.Matter.Askers), roomy(q.Matter.Approvals), roomy(q.Brake.Votes)
	for _, people := range [][]Actor{q.Matter.Approvals, q.Brake.Votes} {
		for i, a := range people {
			people[i].MemberOf, people[i].Unsure = roomy(a.MemberOf), roomy(a.Unsure)
		}
	}
	q.Policy.Approvers, q.Policy.Freeze.Unfreeze = roomy(q.Policy.Approvers), roomy(q.Policy.Freeze.Unfreeze)
	q.Policy.Protected = roomy(q.Policy.Protected)
	for i, x := range q.Policy.Protected {
		q.Policy.Protected[i].Users, q.Policy.Protected[i].Groups = roomy(x.Users), roomy(x.Groups)
	}
	return q
}
