package authz

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"revoke-sessions/bot/testrun"
)

// play is one request after the other and one brake in a world that changes
// between the clicks, all moved the way package bot moves them.
type play struct {
	*rapid.T
	world  *world
	policy Policy
	tally  *tally

	// The request. A state of "" is none.
	state     string
	lane      Lane
	target    string // Entra ID
	targetWas string // Slack ID
	askers    []Asker
	need      int
	approvals []string // Slack IDs

	frozen bool
	votes  []string        // Slack IDs
	pulled map[string]bool // Entra IDs
}

// tally counts what the plays came to, so that dull ones are noticed.
type tally struct{ approvedByTwo, approvedAlone, lapsed, void, frozenClicks, thawedByTwo, thawedByOne int }

func (p *play) matter() Matter {
	m := Matter{Lane: p.lane, Target: p.world.target(p.target, p.targetWas), Askers: p.askers}
	for _, id := range p.approvals {
		m.Approvals = append(m.Approvals, p.world.actor(id))
	}
	return m
}

func (p *play) check(action Action, slackID string) Decision {
	return Check(Question{
		Action: action, Actor: p.world.actor(slackID), Matter: p.matter(), Policy: p.policy, Brake: Brake{Frozen: p.frozen},
	})
}

func (p *play) isTarget(slackID string) bool {
	return p.world.accounts[slackID] == p.target || p.targetWas != "" && slackID == p.targetWas
}

func (p *play) isAsker(slackID string) bool {
	return slices.ContainsFunc(p.askers, func(a Asker) bool {
		return a.SlackID == slackID || a.EntraID == p.world.accounts[slackID]
	})
}

// aloneAsked reports whether every asker is one person, under whatever accounts.
func (p *play) aloneAsked(slackID string) bool {
	return !slices.ContainsFunc(p.askers, func(a Asker) bool {
		return a.SlackID != slackID && a.EntraID != p.world.accounts[slackID]
	})
}

// demands is what the rules ask for now: people, whether requesters are some of
// them, and whether the reporter is enough.
func (p *play) demands() (people int, requesters, reporter, blocked bool) {
	rule := p.policy.Rule(p.lane)
	people, requesters = rule.Approvals, rule.RequesterMayApprove
	for _, x := range p.policy.Protected {
		if p.world.protects(x, p.world.target(p.target, p.targetWas)) {
			people, requesters, blocked = max(people, x.Approvals), requesters && x.RequesterMayApprove, blocked || x.Block
		}
	}
	return max(people, 1), requesters, p.lane == Self && people == 0, blocked
}

// entitled reports whether somebody's approval counts now.
func (p *play) entitled(slackID string) bool {
	_, requesters, reporter, _ := p.demands()
	switch {
	case reporter && p.world.somebody(slackID) && p.isAsker(slackID):
		return true
	case !p.world.approver(slackID, &p.policy):
		return false
	case p.lane == ThirdParty && p.isTarget(slackID):
		return false
	}
	return requesters || !p.isAsker(slackID)
}

// ask makes a request, or joins the one there is.
func (p *play) ask() {
	id := rapid.SampledFrom(slackIDs).Draw(p.T, "asker")
	a := p.world.actor(id)
	if p.state == "pending" && p.lane == ThirdParty && rapid.Bool().Draw(p.T, "joins") {
		if p.check(Ask, id).Allowed && LaneOf(a.EntraID, p.target) == ThirdParty {
			p.askers = append(slices.Clone(p.askers), asker(a))
		}
		return
	}
	if p.state != "" || a.EntraID == "" {
		return
	}
	p.target, p.targetWas = rapid.SampledFrom(entraIDs).Draw(p.T, "target"), ""
	for _, other := range slackIDs {
		if p.world.accounts[other] == p.target {
			p.targetWas = other
			break
		}
	}
	p.lane, p.askers, p.approvals = LaneOf(a.EntraID, p.target), []Asker{asker(a)}, nil
	if p.check(Ask, id).Allowed {
		p.state, p.need = "pending", p.policy.Require(p.matter()).Approvals
	}
}

// promote changes what may protect the target.
func (p *play) promote() {
	if p.state == "" {
		return
	}
	if rapid.Bool().Draw(p.T, "by role") {
		p.world.privileged[p.target] = !p.world.privileged[p.target]
		return
	}
	g := rapid.SampledFrom(groups).Draw(p.T, "target's group")
	p.world.in[p.target][g] = !p.world.in[p.target][g]
}

// click presses a button; package bot: decide, apply, lapse.
func (p *play) click(action Action) {
	id := rapid.SampledFrom(slackIDs).Draw(p.T, "who clicks")
	open := map[Action][]string{Confirm: {"pending"}, Cancel: {"pending"}, Deny: {"pending", "approved"}, Retry: {"failed"}}
	if !slices.Contains(open[action], p.state) {
		return
	}
	d := p.check(action, id)
	if !d.Allowed && d.Reason != TargetProtected {
		return
	}
	switch action {
	case Confirm, Retry:
		p.confirm(id, d)
	case Deny:
		p.mustBe(p.world.approver(id, &p.policy), "an approver", action, id)
		p.mustBe(!p.isTarget(id) && (p.lane == ThirdParty || !p.isAsker(id)), "somebody else than the target", action, id)
		p.state = ""
	case Cancel:
		p.mustBe(p.world.somebody(id) && p.isAsker(id), "a requester", action, id)
		if d.Reason == CancelNeedsApprover {
			return
		}
		p.mustBe(p.lane == ThirdParty && !p.isTarget(id) && p.aloneAsked(id), "the only requester, of a report about others", action, id)
		p.state = ""
	}
}

func (p *play) mustBe(is bool, what string, action Action, slackID string) {
	if !is {
		p.Fatalf("%s moved a request by %s and is not %s", slackID, action, what)
	}
}

func (p *play) confirm(id string, d Decision) {
	if !p.entitled(id) {
		p.Fatalf("%s confirms and is not entitled to", id)
	}
	people, _, _, blocked := p.demands()
	if required := p.policy.Require(p.matter()); required.Blocked || required.Approvals > p.need {
		// What the card asked for is not enough any more: void, and a fresh
		// preview in its place.
		p.need, p.approvals = required.Approvals, nil
		p.tally.void++
		return
	}
	if !d.Allowed || blocked || p.frozen {
		p.Fatalf("allowed %t, barred %t, frozen %t", d.Allowed, blocked, p.frozen)
	}
	if d.Need != people {
		p.Fatalf("needs %d, by the rules %d", d.Need, people)
	}
	counted := []string{id}
	for _, earlier := range p.approvals {
		if slices.Contains(d.Lapsed, earlier) {
			if p.entitled(earlier) && !slices.ContainsFunc(counted, p.sameAs(earlier)) {
				p.Fatalf("%s is entitled, and their approval lapsed", earlier)
			}
			continue
		}
		counted = append(counted, earlier)
	}
	if d.Have != len(counted) {
		p.Fatalf("counts %d of %v", d.Have, counted)
	}
	p.tally.lapsed += len(d.Lapsed)
	p.approvals = slices.DeleteFunc(slices.Clone(p.approvals), func(earlier string) bool { return slices.Contains(d.Lapsed, earlier) })
	if d.Have < max(d.Need, p.need) {
		p.approvals = append(p.approvals, id)
		return
	}
	p.approved(counted, people)
}

// approved holds the moment of approval to the rules: enough people, no two of
// them one, each of whom would be allowed alone.
func (p *play) approved(by []string, need int) {
	p.approvals = nil
	for i, id := range by {
		if d := p.check(Confirm, id); !d.Allowed || !p.entitled(id) {
			p.Fatalf("approved by %s, who would be refused alone: %+v", id, d)
		}
		if slices.ContainsFunc(by[:i], p.sameAs(id)) {
			p.Fatalf("approved by %v, and %s counts twice", by, id)
		}
	}
	if len(by) < need {
		p.Fatalf("approved by %v, needs %d", by, need)
	}
	if len(by) > 1 {
		p.tally.approvedByTwo++
	} else {
		p.tally.approvedAlone++
	}
	p.state = "approved"
}

// sameAs reports who is the same person.
func (p *play) sameAs(slackID string) func(string) bool {
	return func(other string) bool {
		return other == slackID || p.world.accounts[other] != "" && p.world.accounts[other] == p.world.accounts[slackID]
	}
}

// brakeBy is what comes of what one Slack account wants of the brake.
func (p *play) brakeBy(action Action, id string, approvers int) Decision {
	b := Brake{Frozen: p.frozen, Approvers: approvers, PulledLately: p.pulled[p.world.accounts[id]]}
	for _, vote := range p.votes {
		b.Votes = append(b.Votes, p.world.actor(vote))
	}
	return Check(Question{Action: action, Actor: p.world.actor(id), Policy: p.policy, Brake: b})
}

func (p *play) freeze() {
	id := rapid.SampledFrom(slackIDs).Draw(p.T, "who freezes")
	if !p.brakeBy(Freeze, id, 0).Allowed {
		return
	}
	if !p.world.approver(id, &p.policy) || p.frozen || p.pulled[p.world.accounts[id]] {
		p.Fatalf("%s may freeze", id)
	}
	p.frozen, p.votes = true, nil
	p.pulled[p.world.accounts[id]] = true
}

func (p *play) unfreeze() {
	id := rapid.SampledFrom(slackIDs).Draw(p.T, "who unfreezes")
	known := rapid.SampledFrom([]int{0, 2, 3, 1}).Draw(p.T, "approvers known")
	d := p.brakeBy(Unfreeze, id, known)
	if !d.Allowed {
		return
	}
	if !p.frozen {
		p.Fatalf("%s ends what is not on", id)
	}
	p.votes = append(slices.Clone(p.votes), id)
	if !d.Enough() {
		return
	}
	var counted []string
	for _, vote := range p.votes {
		if p.world.approver(vote, &p.policy) && !slices.ContainsFunc(counted, p.sameAs(vote)) {
			counted = append(counted, vote)
		}
	}
	trusted := p.world.somebody(id) && !p.world.blocked[p.world.accounts[id]] && p.world.named(id, p.policy.Freeze.Unfreeze)
	switch {
	case trusted || known == 1 && p.world.approver(id, &p.policy):
		p.tally.thawedByOne++
	case len(counted) >= 2 && slices.Contains(counted, id):
		p.tally.thawedByTwo++
	default:
		p.Fatalf("%s ends a freeze with the votes of %v, of which %v count", id, p.votes, counted)
	}
	p.frozen, p.votes = false, nil
}

// TestClicks plays any clicks in any order.
func TestClicks(t *testing.T) {
	var seen tally
	// Most of all clicks that count; rapid draws what stands first most often.
	events := rapid.SampledFrom([]string{
		"confirm", "ask", "confirm", "world", "confirm", "target", "ask", "unfreeze", "retry", "freeze", "confirm", "outcome",
		"unfreeze", "target", "world", "confirm", "cancel", "deny", "a day goes by",
	})
	usual := testrun.Draws(t, testrun.Worlds)
	rapid.Check(t, func(t *rapid.T) {
		p := &play{T: t, world: drawWorld(t), policy: drawPolicy(t), tally: &seen, pulled: map[string]bool{}}
		for range 3 { // the first who may
			p.ask()
		}
		for _, event := range rapid.SliceOfN(events, 20, 120).Draw(t, "events") {
			switch event {
			case "ask":
				p.ask()
			case "confirm":
				p.click(Confirm)
			case "deny":
				p.click(Deny)
			case "cancel":
				p.click(Cancel)
			case "retry":
				p.click(Retry)
			case "outcome": // Microsoft answers, and not always yes
				if p.state == "approved" {
					p.state = rapid.SampledFrom([]string{"failed", "failed", ""}).Draw(t, "outcome")
				}
			case "world":
				p.world.change(t)
			case "target":
				p.promote()
			case "freeze":
				p.freeze()
			case "unfreeze":
				p.unfreeze()
			case "a day goes by":
				clear(p.pulled)
				p.frozen, p.votes = false, nil
			}
			if p.frozen {
				p.nobodyMovesOn()
			}
		}
	})
	t.Logf("%+v", seen)
	dull := seen.approvedByTwo == 0 || seen.approvedAlone == 0 || seen.lapsed == 0 || seen.void == 0 ||
		seen.frozenClicks == 0 || seen.thawedByTwo == 0 || seen.thawedByOne == 0
	if usual && dull {
		t.Errorf("the plays are too dull to show anything: %+v", seen)
	}
}

// nobodyMovesOn: while frozen, whoever it is.
func (p *play) nobodyMovesOn() {
	for _, id := range slackIDs {
		for _, action := range []Action{Confirm, Retry} {
			d := p.check(action, id)
			if d.Allowed {
				p.Fatalf("%s may %s while frozen", id, action)
			}
			if d.Reason == Frozen {
				p.tally.frozenClicks++
			}
		}
	}
}

// TestEnoughPeopleSuffice: where nothing changes, a request is approved if and
// only if as many people as it takes are entitled and all of them click.
func TestEnoughPeopleSuffice(t *testing.T) {
	var came, failed int
	usual := testrun.Draws(t, testrun.Worlds)
	rapid.Check(t, func(t *rapid.T) {
		p := &play{T: t, world: drawWorld(t), policy: drawPolicy(t), tally: new(tally), pulled: map[string]bool{}}
		clear(p.world.silent)
		p.ask()
		if p.state == "" {
			return
		}
		need, _, _, _ := p.demands()
		var people []string
		order := rapid.Permutation(slackIDs).Draw(t, "order")
		for _, id := range order {
			if p.entitled(id) && !slices.ContainsFunc(people, p.sameAs(id)) {
				people = append(people, id)
			}
		}
		for _, id := range order {
			if d := p.check(Confirm, id); d.Allowed && p.state == "pending" {
				p.confirm(id, d)
			}
		}
		if enough := len(people) >= need; enough != (p.state == "approved") {
			t.Fatalf("%v are entitled, %d are needed, and the request is %s", people, need, p.state)
		}
		if p.state == "approved" {
			came++
		} else {
			failed++
		}
	})
	if usual && (came == 0 || failed == 0) {
		t.Errorf("%d requests approved and %d not: too dull to show anything", came, failed)
	}
}
