package authz

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The cast. Alice and Amir are the approvers wherever a case names no policy.
var (
	alice = member("UALICE", "alice")
	amir  = member("UAMIR", "amir")
	bob   = member("UBOB", "bob")
	carol = member("UCAROL", "carol")
	dave  = member("UDAVE", "dave")

	approvers = New("UALICE", "UAMIR")
)

const (
	oncall = "SONCALL" // a Slack user group
	admins = EntraGroup + "11111111-1111-4111-8111-111111111111"
	board  = EntraGroup + "22222222-2222-4222-8222-222222222222"
)

func member(slackID, entraID string) Actor {
	return Actor{SlackID: slackID, Standing: FullMember, EntraID: entraID}
}

// in is somebody who is found in groups.
func in(a Actor, groups ...string) Actor { a.MemberOf = groups; return a }

// perhaps is somebody of whom groups could not be asked.
func perhaps(a Actor, groups ...string) Actor { a.Unsure = groups; return a }

// under is the same person's other Slack account.
func under(slackID string, a Actor) Actor { a.SlackID = slackID; return a }

// renamed is the same Slack account after its e-mail address was changed.
func renamed(a Actor, entraID string) Actor { a.EntraID = entraID; return a }

func standingAs(s Standing, a Actor) Actor { a.Standing = s; return a }

// unmapped is somebody without one Entra account.
func unmapped(a Actor, why Reason) Actor { a.EntraID, a.Unmapped = "", why; return a }

// blocked is somebody whose Entra account may not sign in.
func blocked(a Actor) Actor { a.Blocked = true; return a }

func asker(a Actor) Asker { return Asker{SlackID: a.SlackID, EntraID: a.EntraID} }

// about is a request about somebody of whom no Slack account is known, made by
// the first of askers and joined by the others.
func about(target Actor, askers ...Actor) Matter {
	m := Matter{Lane: LaneOf(askers[0].EntraID, target.EntraID), Target: Target{EntraID: target.EntraID}}
	for _, a := range askers {
		m.Askers = append(m.Askers, asker(a))
	}
	return m
}

// policy is the default policy, changed.
func policy(change func(*Policy)) Policy {
	p := New("UALICE", "UAMIR")
	change(&p)
	return p
}

// protecting is the default policy with protections.
func protecting(all ...Protection) Policy {
	return policy(func(p *Policy) { p.Protected = all })
}

// A fact is something else that a Question knows.
type fact func(*Question)

func by(p Policy) fact           { return func(q *Question) { q.Policy = p } }
func because(reason string) fact { return func(q *Question) { q.Matter.Reason = reason } }
func knownAs(slackID string) fact {
	return func(q *Question) { q.Matter.Target.SlackIDs = []string{slackID} }
}
func targetIn(groups ...string) fact {
	return func(q *Question) { q.Matter.Target.MemberOf = groups }
}
func targetPerhapsIn(groups ...string) fact {
	return func(q *Question) { q.Matter.Target.Unsure = groups }
}
func privileged(q *Question) { q.Matter.Target.Privileged = true }

// after are those who have confirmed before.
func after(earlier ...Actor) fact {
	return func(q *Question) { q.Matter.Approvals = earlier }
}
func frozen(q *Question) { q.Brake.Frozen = true }

// voted are those who have asked to end the freeze before.
func voted(earlier ...Actor) fact {
	return func(q *Question) { q.Brake.Frozen, q.Brake.Votes = true, earlier }
}

func question(action Action, a Actor, m Matter, facts ...fact) Question {
	q := Question{Action: action, Actor: a, Matter: m, Policy: approvers}
	for _, f := range facts {
		f(&q)
	}
	return q
}

// counts is the decision that somebody's wish counts as one of need.
func counts(have, need int, lapsed ...string) Decision {
	return Decision{Allowed: true, Have: have, Need: need, Lapsed: lapsed}
}

// ruling is one line of a table: what Check must answer, and why.
type ruling struct {
	name     string
	question Question
	want     Decision
}

func judge(t *testing.T, table []ruling) {
	t.Helper()
	for _, r := range table {
		t.Run(r.name, func(t *testing.T) {
			if diff := cmp.Diff(r.want, Check(r.question)); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", r.question.Action, r.question.Actor.SlackID, diff)
			}
		})
	}
}

// tables are all rulings, for tests about the whole.
func tables() map[string][]ruling {
	return map[string][]ruling{
		"nobodies": nobodies(), "asking": asking, "protections": protections, "deciding": deciding,
		"counting": counting, "self": reporting, "ending": ending, "seeing": seeing, "freezing": freezing, "thawing": thawing,
	}
}

func TestLaneOf(t *testing.T) {
	for _, tt := range []struct {
		requester, target string
		want              Lane
	}{
		{"bob", "bob", Self},
		{"bob", "carol", ThirdParty},
		{"", "carol", ThirdParty},
		{"bob", "", ThirdParty},
		{"", "", ThirdParty}, // nobody known is not the same as one person
	} {
		if got := LaneOf(tt.requester, tt.target); got != tt.want {
			t.Errorf("LaneOf(%q, %q) = %s, want %s", tt.requester, tt.target, got, tt.want)
		}
	}
}

func TestEnough(t *testing.T) {
	for _, tt := range []struct {
		d    Decision
		want bool
	}{
		{allow(), true},
		{counts(1, 1), true},
		{counts(3, 2), true},
		{counts(1, 2), false},
		{refuse(NotApprover), false},
		{Decision{Have: 2, Need: 1}, false},
	} {
		if got := tt.d.Enough(); got != tt.want {
			t.Errorf("%+v: enough is %t", tt.d, got)
		}
	}
}
