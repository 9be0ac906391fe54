package policyfile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// judge finds rules that nobody could ever fulfil and waits that never come.
// The members of groups are not known here; the bot's preflight asks.
func (f *file) judge() {
	f.judgeReminders()
	if !f.sound("approvers", fromOutside, "lanes", "identity") {
		return
	}
	f.judgeMapped("approvers", f.p.Approvers)
	f.judgeMapped("freeze.unfreeze", f.p.Freeze.Unfreeze)
	for _, lane := range lanes {
		if !slices.Contains(f.likeApprovers, f.rule(lane)) {
			f.judgeMapped(pathOf(lane)+".who_may_request", f.p.Rule(lane).WhoMayRequest)
		}
	}
	if !onlyUsers(f.p.Approvers) {
		return
	}
	j := judge{file: f, approvers: actors(&f.p, f.p.Approvers), isApprover: map[string]bool{}}
	for _, a := range j.approvers {
		j.isApprover[a.EntraID] = true
	}
	for _, lane := range lanes {
		if j.enterLane(lane) && f.sound("protected") {
			j.protections()
		}
	}
}

var lanes = []authz.Lane{authz.Self, authz.ThirdParty}

func pathOf(lane authz.Lane) string { return "lanes." + string(lane) }

func (f *file) rule(lane authz.Lane) *authz.Rule {
	if lane == authz.Self {
		return &f.p.Self
	}
	return &f.p.ThirdParty
}

// judgeReminders compares them with how long the lanes wait.
func (f *file) judgeReminders() {
	if !f.sound("expiry", "lanes", "reminders") {
		return
	}
	self, third := waitOf(&f.p, authz.Self), waitOf(&f.p, authz.ThirdParty)
	if r := f.p.Reminders.After; r >= min(self, third) {
		path, at := f.where("reminders.after")
		f.add(path, at, "%s is %s, but a lane waits only %s, so no reminder would come. Make it shorter, or make the timeout or expiry longer",
			path, inWords(r), inWords(min(self, third)))
	}
	if e := f.p.Reminders.EscalateAfter; e >= max(self, third) {
		path, at := f.where("reminders.escalate.after")
		f.add(path, at, "%s is %s, but no lane waits longer than %s, so nobody would be called. Make it shorter, or make a timeout or expiry longer",
			path, inWords(e), inWords(max(self, third)))
	}
}

// judgeMapped finds users who would be strangers because only the map counts.
func (f *file) judgeMapped(path string, names authz.Circle) {
	if f.p.Identity.ByEmail {
		return
	}
	for _, id := range names {
		if slackUser.MatchString(id) && f.p.Identity.Map[id] == "" {
			path, at := f.named(path)
			f.add(path, at, "%s names %s, who is not in identity.map. identity.match allows nothing else, so this person could do nothing. Add the person to the map", path, id)
		}
	}
}

// named is where a circle is: the approvers may be from outside the file.
func (f *file) named(path string) (string, place) {
	if path == "approvers" && !f.given(path) {
		return fromOutside, place{}
	}
	return f.where(path)
}

// judge tries out requests where every approver is known.
type judge struct {
	*file
	approvers  []authz.Actor
	isApprover map[string]bool // by Entra account

	lane authz.Lane
	// anybody may ask in the lane, or people who are not known here; otherwise
	// these may, those who are no approvers first.
	anybody bool
	askers  []authz.Actor
}

// enterLane reports whether the lane's rule can be fulfilled at all.
func (j *judge) enterLane(lane authz.Lane) bool {
	circle := j.p.Rule(lane).WhoMayRequest
	j.lane, j.anybody, j.askers = lane, circle == nil || !onlyUsers(circle), actors(&j.p, circle)
	slices.SortStableFunc(j.askers, func(a, b authz.Actor) int {
		switch {
		case j.isApprover[a.EntraID] == j.isApprover[b.EntraID]:
			return 0
		case j.isApprover[a.EntraID]:
			return 1
		}
		return -1
	})
	path := pathOf(lane)
	switch c := j.chance(authz.Target{EntraID: somebody}); {
	case c.have >= c.need:
		return true
	case c.without:
		found, at := j.where(path+".requester_may_approve", path)
		j.add(found, at, "%s can never be fulfilled: it needs %s. The requester is always an approver and may not approve, so %s can. "+
			"Set requester_may_approve: true, ask for fewer approvals or name more approvers", path, approvals(c.need), only(c.have))
	default:
		found, at := j.where(path+".approvals", path)
		j.add(found, at, "%s can never be fulfilled: it needs %s, but %s can approve. Ask for fewer approvals or name more approvers", path, approvals(c.need), only(c.have))
	}
	return false
}

// protections does the same for the targets of each protection.
func (j *judge) protections() {
	for i, x := range j.p.Protected {
		entry := fmt.Sprintf("protected[%d]", i)
		try := func(what string, target authz.Target) {
			if c := j.chance(target); c.have < c.need {
				path, at := j.where(join(entry, "approvals"), join(entry, "requester_may_approve"), entry)
				j.add(path, at, "%s can never be fulfilled in the lane %s: it needs %s, but %s can approve. "+
					"Ask for fewer approvals, name more approvers, or write block: true if nobody may revoke", what, j.lane, approvals(c.need), only(c.have))
			}
		}
		if len(x.Groups) > 0 || x.Privileged {
			try("the protection", authz.Target{EntraID: somebody, MemberOf: x.Groups, Privileged: x.Privileged})
		}
		for _, user := range x.Users {
			try("the protection of "+user, j.target(user))
		}
	}
}

// somebody and outsider are Entra object IDs of people whom no policy names.
const (
	somebody = "somebody"
	outsider = "outsider"
)

// chance is what can be reached.
type chance struct {
	have, need int
	// without: one more would approve if the requester could, who is an approver.
	without bool
}

// chance counts who could approve a request about the target, up to as many as
// are needed, for the requester who takes least away. It asks authz.Check, so
// that nothing is counted here that would be refused there.
func (j *judge) chance(target authz.Target) chance {
	requester, canAsk := j.requester(target)
	if !canAsk {
		return chance{} // nobody asks, so nobody need approve
	}
	if j.lane == authz.Self {
		target.EntraID, target.SlackIDs = requester.EntraID, []string{requester.SlackID}
	}
	m := authz.Matter{Lane: j.lane, Target: target, Askers: []authz.Asker{{SlackID: requester.SlackID, EntraID: requester.EntraID}}}
	need := j.p.Require(m)
	if need.Blocked {
		return chance{}
	}
	c := chance{need: max(need.Approvals, 1)}
	counted := map[string]bool{}
	count := func(a authz.Actor) {
		d := authz.Check(authz.Question{Action: authz.Confirm, Actor: a, Matter: m, Policy: j.p})
		if d.Allowed && !counted[a.EntraID] {
			counted[a.EntraID] = true
			c.have++
		}
	}
	count(requester)
	for i := 0; i < len(j.approvers) && c.have < c.need; i++ {
		count(j.approvers[i])
	}
	c.without = c.have == c.need-1 && !need.RequesterMayApprove && j.isApprover[requester.EntraID]
	return c
}

// requester finds somebody who may ask about the target, best no approver.
func (j *judge) requester(target authz.Target) (authz.Actor, bool) {
	own := j.lane == authz.Self && target.EntraID != somebody
	switch {
	case own && j.anybody:
		a := authz.Actor{EntraID: target.EntraID, Standing: authz.FullMember}
		if len(target.SlackIDs) > 0 {
			a.SlackID = target.SlackIDs[0]
		}
		return a, true
	case j.anybody:
		return authz.Actor{EntraID: outsider, Standing: authz.FullMember}, true
	}
	i := slices.IndexFunc(j.askers, func(a authz.Actor) bool { return own == (a.EntraID == target.EntraID) })
	if i < 0 {
		return authz.Actor{}, false
	}
	return j.askers[i], true
}

// target is a protected user, by either ID.
func (j *judge) target(user string) authz.Target {
	if slackUser.MatchString(user) {
		return authz.Target{SlackIDs: []string{user}, EntraID: accountOf(&j.p, user)}
	}
	return authz.Target{EntraID: user}
}

// actors are the users of a circle as they would click.
func actors(p *authz.Policy, circle authz.Circle) []authz.Actor {
	var all []authz.Actor
	for _, id := range circle {
		if slackUser.MatchString(id) {
			all = append(all, authz.Actor{SlackID: id, EntraID: accountOf(p, id), Standing: authz.FullMember})
		}
	}
	return all
}

// accountOf is the Entra account of a Slack user: by the map, or one that
// nobody else has.
func accountOf(p *authz.Policy, slackID string) string {
	if id := p.Identity.Map[slackID]; id != "" {
		return id
	}
	return "of " + slackID
}

// onlyUsers reports whether a circle names no groups, so that everyone in it is
// known.
func onlyUsers(c authz.Circle) bool {
	return !slices.ContainsFunc(c, func(id string) bool {
		return slackGroup.MatchString(id) || strings.HasPrefix(id, authz.EntraGroup)
	})
}

// waitOf is how long a request in the lane waits about a target whom nothing
// protects.
func waitOf(p *authz.Policy, lane authz.Lane) (wait time.Duration) {
	wait, _ = p.Wait(authz.Matter{Lane: lane, Target: authz.Target{EntraID: somebody}})
	return wait
}
