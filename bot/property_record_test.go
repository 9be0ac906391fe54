package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// act is what somebody did in this step.
type act struct {
	who     *member
	kind    authz.Action
	target  *human // of an ask
	drill   bool
	reason  string
	request string // of a click
}

// pursued is a request as the audit chain tells it, checked row by row.
type pursued struct {
	id      string
	lane    authz.Lane
	drill   bool
	target  *human
	askers  []*member
	reason  string
	state   bot.State
	created time.Time
	wait    time.Duration
	need    int // approvals, as the card says
	// executes: the policy carries it out when the wait is over.
	executes bool

	approvals []*member // of the decision that is being made
	givers    []*member // of the decision in force
	decided   time.Time
	decisions int
	calls     int // rows that say executing, in all
	firstCall int // which of them was the first of the decision in force
	rows      map[string]int
}

// asked: somebody asked for it, under this Slack account or another.
func (p *pursued) asked(m *member) bool {
	return slices.ContainsFunc(p.askers, func(a *member) bool { return a == m || a.of == m.of })
}

// others: somebody else asked for it, too.
func (p *pursued) others(h *human) bool {
	return slices.ContainsFunc(p.askers, func(a *member) bool { return a.of != h })
}

// frost is one freeze.
type frost struct {
	began, ended time.Time
	by           *human
	votes        []*human
}

// spent is one use of something limited.
type spent struct {
	kind string
	who  string
	at   time.Time
}

// record is all of them.
type record struct {
	stage    *stage
	acts     []act // of this step
	seq      int64
	requests []*pursued
	frosts   []*frost
	uses     []spent
	troubled time.Time // when somebody last did not answer
	checked  int       // calls to Entra that were looked at
	seen     map[string]int
	wrong    []string
}

func (r *record) complain(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *record) request(id string) *pursued {
	for _, p := range r.requests {
		if p.id == id {
			return p
		}
	}
	return nil
}

// frozen is the freeze that is on, or nil.
func (r *record) frozen() *frost {
	if n := len(r.frosts); n > 0 && r.frosts[n-1].ended.IsZero() {
		return r.frosts[n-1]
	}
	return nil
}

// rules are the policy's as they may have been seen at a moment.
func (r *record) rules(at time.Time) rules {
	e := r.stage.entra
	trouble := e.down || e.denied
	old := time.Minute
	if trouble || at.Sub(r.troubled) == 0 {
		old = 5 * time.Minute
	}
	return rules{Policy: r.stage.policy, town: r.stage.town, from: at.Add(-old), blind: e.blind || trouble, quiet: trouble || r.troubled.Equal(at)}
}

// did finds an act of this step that explains a row.
func (r *record) did(row bot.Row, kinds ...authz.Action) *act {
	for i, a := range r.acts {
		if a.who.id == row.Actor && slices.Contains(kinds, a.kind) && (a.request == "" || a.request == row.Request) {
			return &r.acts[i]
		}
	}
	return nil
}

// follow reads what has been written since.
func (r *record) follow() error {
	rows, err := r.stage.rows(r.seq)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, row := range rows {
		r.seq = row.Seq
		r.seen[row.Action]++
		before := len(r.wrong)
		r.row(row)
		for i := before; i < len(r.wrong); i++ {
			r.wrong[i] = fmt.Sprintf("row %d, %s of %s by %s (%s): %s", row.Seq, row.Action, row.Request, row.Actor, row.Reason, r.wrong[i])
		}
		touched[row.Request] = true
		if p := r.request(row.Request); p != nil {
			p.rows[row.Action]++
		}
	}
	r.watchCalls()
	for _, p := range r.requests {
		if touched[p.id] {
			if err := r.compare(p); err != nil {
				return err
			}
		}
	}
	return r.cards()
}

// row checks one row against the rules, and believes it.
func (r *record) row(row bot.Row) {
	now := r.rules(row.At)
	p := r.request(row.Request)
	if p == nil && row.Request != "" && row.Action != "requested" && row.Action != "previewed_again" {
		r.complain("of a request that nobody asked for")
		return
	}
	m := r.stage.town.member(row.Actor)
	switch row.Action {
	case "requested":
		r.asked(row, now, m)
	case "joined":
		a := r.asking(row, p.target.id)
		if a == nil || !now.somebody(m) || p.state != bot.Pending || authz.LaneOf(m.of.id, p.target.id) != p.lane {
			r.complain("nobody joined it")
			return
		}
		if !slices.Contains(p.askers, m) {
			p.askers = append(p.askers, m)
		}
	case "cancel_asked", "cancel_asked_again":
		if r.did(row, authz.Cancel) == nil || p.lane != authz.Self || p.state != bot.Pending || !p.asked(m) {
			r.complain("nobody may have")
		}
	case "approval", string(bot.Approved):
		r.approved(row, now, m, p)
	case "approval_lapsed":
		m := r.stage.town.member(strings.TrimPrefix(row.Origin, "approval of "))
		if i := slices.Index(p.approvals, m); i < 0 {
			r.complain("there is no such approval")
		} else {
			p.approvals = slices.Delete(slices.Clone(p.approvals), i, i+1)
			if now.surelyCounts(m, p) {
				r.complain("it counts all the same")
			}
		}
	case string(bot.Executing):
		r.executing(row, p)
	case string(bot.Denied):
		calls := r.callsOf(p)
		open := slices.ContainsFunc(calls, func(c revokeCall) bool { return !c.reply.resolved() })
		if r.did(row, authz.Deny) == nil || !now.decides(m) || m.of == p.target || p.state != bot.Pending && (p.state != bot.Approved || open) {
			r.complain("whoever denied it may not, in state %s", p.state)
		}
		p.state = bot.Denied
	case string(bot.Cancelled):
		if r.did(row, authz.Cancel) == nil || p.state != bot.Pending || p.lane != authz.ThirdParty || !now.somebody(m) ||
			!p.asked(m) || p.others(m.of) || m.of == p.target || m.of.blocked.always(true, now.from) {
			r.complain("whoever cancelled it may not")
		}
		p.state = bot.Cancelled
	case string(bot.Expired):
		if row.Actor != "clock" || p.state != bot.Pending || r.frozen() != nil || r.age(p, row.At) < p.wait {
			r.complain("after %s of %s, in state %s, frozen %v", r.age(p, row.At), p.wait, p.state, r.frozen() != nil)
		}
		p.state = bot.Expired
	case string(bot.Void):
		r.void(row, now, m, p)
	case "previewed_again":
		r.again(row, now)
	case "not_executed":
		if !p.executes || p.state != bot.Pending || r.frozen() != nil || r.age(p, row.At) < p.wait {
			r.complain("the policy had not come to it: executes %v, at the age of %s of %s, frozen %v", p.executes, r.age(p, row.At), p.wait, r.frozen() != nil)
		}
		p.executes, p.wait = false, max(now.Expiry, p.wait)
	case "reminded", "escalated":
		if p.state != bot.Pending || r.frozen() != nil || row.Action == "reminded" && r.age(p, row.At) < now.Reminders.After {
			r.complain("in state %s, frozen %v, at the age of %s", p.state, r.frozen() != nil, r.age(p, row.At))
		}
	case "held":
		if p.state != bot.Approved || r.frozen() == nil {
			r.complain("in state %s, frozen %v", p.state, r.frozen() != nil)
		}
	case "queued":
		if p.state != bot.Approved {
			r.complain("in state %s", p.state)
		}
	case "frozen", "unfreeze_asked", "unfrozen":
		r.freezing(row, now, m)
	case "refused":
		r.refused(row, now, m, p)
	case "unmoved_told", "unread_told":
		late := map[string]bot.State{"unmoved_told": bot.NotVisibleYet, "unread_told": bot.Unreachable}
		if p.state != late[row.Action] || p.drill || p.rows[row.Action] > 1 || p.rows["unmoved_told"] == 1 && row.Action == "unread_told" {
			r.complain("in state %s, said %v", p.state, p.rows)
		}
	case "policy_loaded", "coverage", "retry_closed", "stopped_looking", "late_answer":
	default:
		r.outcome(row, p)
	}
}

// asking finds the act of this step that asked for what a row says: of several
// at once, one that gave a reason, for the other may have been refused for it.
func (r *record) asking(row bot.Row, target string) (found *act) {
	for i, a := range r.acts {
		if a.kind == authz.Ask && a.who.id == row.Actor && a.target != nil && a.target.id == target && a.drill == row.Drill {
			if found == nil || found.reason == "" {
				found = &r.acts[i]
			}
		}
	}
	return found
}

func (r *record) asked(row bot.Row, now rules, m *member) {
	a := r.asking(row, row.TargetID)
	if a == nil || !now.somebody(m) {
		r.complain("nobody asked for it")
		return
	}
	p := &pursued{
		id: row.Request, lane: authz.LaneOf(m.of.id, a.target.id), drill: a.drill, target: a.target, askers: []*member{m}, reason: a.reason, need: row.Need,
		state: bot.Pending, created: row.At, rows: map[string]int{},
	}
	rule := now.lane(p.lane)
	need := now.least(p.lane, p.target)
	switch {
	case rule.WhoMayRequest != nil && !now.within(rule.WhoMayRequest, m):
		r.complain("they may not ask")
	case need.untouchs:
		r.complain("nobody may touch the target")
	case rule.ReasonRequired && a.reason == "":
		r.complain("a reason is missing")
	case row.Need < need.approvals || row.Need > now.most(p.lane, p.target).approvals:
		r.complain("the card asks for %d approvals; the rules want %d", row.Need, need.approvals)
	case slices.ContainsFunc(r.requests, func(q *pursued) bool {
		return q.state == bot.Pending && q.target == p.target && q.lane == p.lane && q.drill == p.drill
	}):
		r.complain("the same waits already")
	}
	r.begin(p, now)
	if p.lane == authz.ThirdParty { // of their own device anybody may always report the loss
		r.spend(row, bot.PerRequester, m.of.id, now.Limits.PerRequester)
	}
}

func (r *record) begin(p *pursued, now rules) {
	p.wait = now.shortestWait(p.lane, p.target)
	p.executes = now.Self.Execute && p.lane == authz.Self && !p.drill
	r.requests = append(r.requests, p)
}

// approved checks an approval, and whether there are enough where it is the
// last one.
func (r *record) approved(row bot.Row, now rules, m *member, p *pursued) {
	switch row.Actor {
	case "bot", "clock":
		// Microsoft asked to wait, or a drill was interrupted.
		if p.state != bot.Executing && p.state != bot.Unknown || row.Actor == "clock" && !p.drill {
			r.complain("from %s", p.state)
		}
		p.state = bot.Approved
		return
	case "policy":
		if p.state != bot.Pending || !p.executes || p.lane != authz.Self || p.drill || r.frozen() != nil || r.age(p, row.At) < p.wait || !now.runsUndecided(p.target) {
			r.complain("the policy may not: in state %s at the age of %s of %s, frozen %v, protected %v, privileged or unknown %v",
				p.state, r.age(p, row.At), p.wait, r.frozen() != nil, now.least(p.lane, p.target).protected, now.blind || p.target.privileged.now())
		}
		p.approvals = nil
		r.decide(row, now, p)
		return
	}
	switch {
	case r.did(row, authz.Confirm, authz.Retry) == nil:
		r.complain("they pressed nothing")
		return
	case p.state != bot.Pending && p.state != bot.Failed && p.state != bot.Unknown:
		r.complain("it was %s", p.state)
	case !now.counts(m, p):
		r.complain("%s's confirmation does not count", m.id)
	case slices.ContainsFunc(p.approvals, func(other *member) bool { return other.of == m.of }):
		r.complain("%s counts twice", m.id)
	case r.frozen() != nil:
		r.complain("a freeze is on")
	case p.state == bot.Pending && !p.executes && r.age(p, row.At) >= p.wait && r.longest(p, now) <= r.age(p, row.At):
		r.complain("its time was up")
	case now.least(p.lane, p.target).untouchs:
		r.complain("nobody may touch the target")
	}
	p.approvals = append(slices.Clone(p.approvals), m)
	if !p.drill && !p.own(m) {
		r.spend(row, bot.PerApprover, m.of.id, now.Limits.PerApprover)
	}
	if row.Action == "approval" {
		return
	}
	need := max(1, now.least(p.lane, p.target).approvals)
	people := map[*human]bool{}
	for _, a := range p.approvals {
		if now.counts(a, p) {
			people[a.of] = true
		}
	}
	if len(people) < need {
		r.complain("%d people of %d", len(people), need)
	}
	r.decide(row, now, p)
}

// longest is the longest that a request may wait for a person's decision.
func (r *record) longest(p *pursued, now rules) time.Duration {
	rule := now.lane(p.lane)
	return max(p.wait, now.Expiry, rule.Timeout)
}

// decide begins a decision, and counts it against the limits.
func (r *record) decide(row bot.Row, now rules, p *pursued) {
	p.state, p.decided, p.decisions, p.firstCall = bot.Approved, row.At, p.decisions+1, p.calls
	p.givers, p.approvals = p.approvals, nil
	r.charge(row, now, p)
}

// charge counts a Graph write against the limits. What no approver decided,
// because the policy or the reporter's own Confirm did, counts apart: whoever
// holds a lost phone shall not use up what approvers need.
func (r *record) charge(row bot.Row, now rules, p *pursued) {
	switch {
	case p.drill:
	case len(p.givers) == 0 || p.own(p.givers[len(p.givers)-1]):
		r.spend(row, "own_target", p.target.id, now.Limits.PerTarget)
	default:
		r.spend(row, bot.PerTarget, p.target.id, now.Limits.PerTarget)
		r.spend(row, bot.Total, "", now.Limits.Total)
	}
}

// own: the reporter's own Confirm, where no approval is needed.
func (p *pursued) own(m *member) bool {
	return p.lane == authz.Self && p.need == 0 && m.of == p.target
}

func (r *record) spend(row bot.Row, kind, who string, limit authz.Limit) {
	r.uses = append(r.uses, spent{kind, who, row.At})
	if limit.N == 0 {
		return
	}
	n := 0
	for _, u := range r.uses {
		if u.kind == kind && u.who == who && u.at.After(row.At.Add(-limit.Within)) {
			n++
		}
	}
	if n > limit.N {
		r.complain("the limit %s of %d in %s is exceeded: %d", kind, limit.N, limit.Within, n)
	}
}

// callsOf are Entra's calls for the decision in force, as far as the record
// has come.
func (r *record) callsOf(p *pursued) []revokeCall {
	r.stage.entra.mu.Lock()
	defer r.stage.entra.mu.Unlock()
	var all []revokeCall
	for _, c := range r.stage.entra.calls {
		if c.request == p.id {
			all = append(all, c)
		}
	}
	return all[min(p.firstCall, len(all)):min(p.calls, len(all))]
}

// Calls of one decision: one, a second after one of unknown effect, and more
// only where Microsoft did not take the call.
const (
	secondCallAfter = 15 * time.Second
	lastCallWithin  = 30 * time.Minute
)

func (r *record) executing(row bot.Row, p *pursued) {
	if p.state != bot.Approved && p.state != bot.Unknown {
		r.complain("from %s", p.state)
	}
	if r.frozen() != nil {
		r.complain("a freeze is on")
	}
	if p.decisions == 0 {
		r.complain("nobody decided")
	}
	p.state = bot.Executing
	if p.drill {
		return
	}
	var open []revokeCall
	for _, c := range r.callsOf(p) {
		if c.reply == says204 || c.reply == saysYesOnly || c.reply == saysNo {
			r.complain("Microsoft had answered this decision with %s", c.reply)
		}
		if !c.reply.resolved() {
			open = append(open, c)
		}
	}
	switch {
	case len(open) > 1:
		r.complain("two calls have had no clear answer already")
	case len(open) == 1 && row.At.Sub(open[0].at) < secondCallAfter:
		r.complain("a second call only %s after the first", row.At.Sub(open[0].at))
	case len(open) == 1 && row.At.Sub(p.decided) >= lastCallWithin:
		r.complain("a second call %s after the decision", row.At.Sub(p.decided))
	}
	if len(open) == 1 {
		r.charge(row, r.rules(row.At), p)
	}
	p.calls++
}

// from are the states from which the bot may report an outcome.
var from = map[string][]bot.State{
	string(bot.Revoked):       {bot.Executing, bot.Unknown},
	string(bot.Failed):        {bot.Executing, bot.Unknown},
	string(bot.Unknown):       {bot.Executing},
	string(bot.Drilled):       {bot.Executing},
	string(bot.Verified):      {bot.Revoked, bot.NotVisibleYet, bot.Unreachable},
	string(bot.NotVisibleYet): {bot.Revoked, bot.Unreachable},
	string(bot.Unreachable):   {bot.Revoked, bot.NotVisibleYet},
}

// outcome checks what the bot says of its calls against what Entra did.
func (r *record) outcome(row bot.Row, p *pursued) {
	states, known := from[row.Action]
	if !known || p == nil {
		r.complain("this is no action")
		return
	}
	if row.Actor != "bot" && !(row.Actor == "clock" && row.Action == string(bot.Unknown)) || !slices.Contains(states, p.state) {
		r.complain("from %s", p.state)
	}
	p.state = bot.State(row.Action)
	calls := r.callsOf(p)
	if p.drill != (row.Action == string(bot.Drilled)) && (!p.drill || row.Action != string(bot.Failed)) {
		r.complain("a drill: %v", p.drill)
	}
	took := func(since time.Time) bool {
		return slices.ContainsFunc(p.target.moved, func(at time.Time) bool { return !at.Before(since) })
	}
	said := slices.ContainsFunc(calls, func(c revokeCall) bool { return c.reply == says204 || c.reply == saysYesOnly })
	switch p.state {
	case bot.Revoked:
		if !said && (len(calls) == 0 || !took(calls[0].at.Add(-5*time.Minute))) {
			r.complain("Entra neither said so nor did it")
		}
	case bot.Verified:
		if len(calls) == 0 || !took(calls[0].at.Add(-5*time.Minute)) {
			r.complain("nothing has moved")
		}
	case bot.Failed:
		if slices.ContainsFunc(calls, func(c revokeCall) bool { return !c.reply.resolved() }) {
			r.complain("a call may have been carried out")
		}
	}
}

// void checks that something had changed, and that whoever noticed may confirm.
func (r *record) void(row bot.Row, now rules, m *member, p *pursued) {
	if p.state != bot.Pending || row.Changed == "" {
		r.complain("from %s", p.state)
	}
	if row.Actor == "bot" {
		// Somebody asked for the same, and the card asks for too little by now.
		joins := slices.ContainsFunc(r.acts, func(a act) bool { return a.kind == authz.Ask && a.target == p.target && a.drill == p.drill })
		if !joins || now.most(p.lane, p.target).approvals <= p.need {
			r.complain("nobody asked for more")
		}
		p.state = bot.Void
		return
	}
	if row.Actor != "policy" && (r.did(row, authz.Confirm) == nil || !now.counts(m, p)) {
		r.complain("whoever confirmed it may not")
	}
	if row.Actor == "policy" && (!p.executes || r.frozen() != nil || r.age(p, row.At) < p.wait) {
		r.complain("the policy had not come to it: executes %v, at the age of %s of %s, frozen %v", p.executes, r.age(p, row.At), p.wait, r.frozen() != nil)
	}
	p.state = bot.Void
}

func (r *record) again(row bot.Row, now rules) {
	stored, err := r.stage.store.Request(context.Background(), row.Request)
	if err != nil {
		r.complain("%v", err)
		return
	}
	old := r.request(stored.Replaces)
	if old == nil || old.state != bot.Void || old.target.id != row.TargetID {
		r.complain("nothing was void")
		return
	}
	p := &pursued{
		id: row.Request, lane: old.lane, drill: old.drill, target: old.target, askers: old.askers, reason: old.reason, need: row.Need,
		state: bot.Pending, created: row.At, rows: map[string]int{},
	}
	if need := now.least(p.lane, p.target).approvals; row.Need < need {
		r.complain("the card asks for %d approvals; the rules want %d", row.Need, need)
	}
	r.begin(p, now)
}

// age is how long a request has waited, but for freezes.
func (r *record) age(p *pursued, at time.Time) time.Duration {
	age := at.Sub(p.created)
	for _, f := range r.frosts {
		end := f.ended
		if end.IsZero() {
			end = at
		}
		began := f.began
		if p.created.After(began) {
			began = p.created
		}
		if end.After(began) {
			age -= end.Sub(began)
		}
	}
	return age
}

func (r *record) freezing(row bot.Row, now rules, m *member) {
	on := r.frozen()
	if row.Action == "frozen" {
		again := slices.ContainsFunc(r.frosts, func(f *frost) bool { return m != nil && f.by == m.of && row.At.Sub(f.began) < 24*time.Hour })
		if on != nil || again || r.did(row, authz.Freeze) == nil || !now.decides(m) {
			r.complain("they may not")
		}
		r.frosts = append(r.frosts, &frost{began: row.At, by: m.of})
		return
	}
	if on == nil {
		r.complain("no freeze is on")
		return
	}
	if row.Actor == "clock" {
		if row.At.Sub(on.began) < 10*time.Minute || row.At.Sub(on.began) < now.Freeze.Max && len(r.frosts) == 0 {
			r.complain("it was not over")
		}
		on.ended = row.At
		return
	}
	alone := m != nil && now.within(now.Freeze.Unfreeze, m) && now.somebody(m) && m.of.blocked.ever(false, now.from)
	if r.did(row, authz.Unfreeze) == nil || !alone && !now.decides(m) {
		r.complain("they may not")
		return
	}
	if row.Action == "unfreeze_asked" && slices.Contains(on.votes, m.of) {
		r.complain("they had asked already")
	}
	on.votes = append(on.votes, m.of)
	if row.Action == "unfreeze_asked" {
		return
	}
	votes := map[*human]bool{}
	for _, a := range r.stage.town.members {
		if slices.Contains(on.votes, a.of) && now.decides(a) {
			votes[a.of] = true
		}
	}
	if !alone && len(votes) < 2 && r.deciders(row.At) > 1 {
		r.complain("one of %d approvers ended it alone", r.deciders(row.At))
	}
	on.ended = row.At
}

// deciders counts the approvers that there were for sure in the last minutes:
// the bot counts them once in a while.
func (r *record) deciders(at time.Time) int {
	now := r.rules(at)
	now.from, now.quiet = at.Add(-10*time.Minute), false
	people := map[*human]bool{}
	for _, m := range r.stage.town.members {
		if now.surelyDecides(m) {
			people[m.of] = true
		}
	}
	return len(people)
}

// refused checks that nobody is refused for a reason that is not so. Of several
// people who act at once it says nothing: what was so when the bot looked may
// have changed before it wrote the row.
func (r *record) refused(row bot.Row, now rules, m *member, p *pursued) {
	if len(r.acts) > 1 {
		return
	}
	if m == nil {
		r.complain("somebody unknown")
		return
	}
	so := true
	switch reason := authz.Reason(row.Reason); reason {
	case authz.NotApprover:
		so = !now.surelyWithin(now.Approvers, m)
	case authz.AccountBlocked:
		so = m.of.blocked.ever(true, now.from)
	case authz.Guest:
		so = m.guest.ever(true, now.from)
	case authz.NotAMember:
		so = m.deleted.ever(true, now.from)
	case authz.TargetMayNotDecide:
		so = p.lane == authz.ThirdParty && m.of == p.target
	case authz.TargetMayNotEnd:
		so = p.lane == authz.Self && m.of == p.target
	case authz.RequesterMayNotDecide:
		so = p.asked(m) && !now.most(p.lane, p.target).requester
	case authz.AlreadyApproved:
		so = slices.ContainsFunc(p.approvals, func(other *member) bool { return other.of == m.of })
	case authz.NotRequester:
		so = !p.asked(m)
	case authz.OthersAskedToo:
		so = p.others(m.of)
	case authz.Frozen, authz.AlreadyFrozen:
		so = r.frozen() != nil
	case authz.NotFrozen:
		so = r.frozen() == nil
	case authz.TargetProtected:
		so = p == nil || now.most(p.lane, p.target).untouchs
	case authz.MembershipUnknown:
		so = now.quiet
	case bot.LookupFailed:
		so = now.quiet || now.blind // whether the target holds a role counts, too
	}
	if !so {
		r.complain("it is not so")
	}
}

// watchCalls holds Entra's own list of calls against the record.
func (r *record) watchCalls() {
	e := r.stage.entra
	e.mu.Lock()
	defer e.mu.Unlock()
	r.wrong = append(r.wrong, e.problems...)
	e.problems = nil
	freezing := slices.ContainsFunc(r.acts, func(a act) bool { return a.kind == authz.Freeze })
	for ; r.checked < len(e.calls); r.checked++ {
		c := e.calls[r.checked]
		p := r.request(c.request)
		switch {
		case p == nil || p.drill || p.target.id != c.target:
			r.complain("a revoke of %s for %q", c.target, c.request)
		case c.frozen && !freezing:
			r.complain("a revoke of %s for %s while a freeze is on", c.target, c.request)
		}
	}
	for _, p := range r.requests {
		n := 0
		for _, c := range e.calls {
			if c.request == p.id {
				n++
			}
		}
		if n != p.calls {
			r.complain("%s: Entra saw %d calls, the record %d", p.id, n, p.calls)
		}
	}
}

// compare holds the stored request against the record.
func (r *record) compare(p *pursued) error {
	stored, err := r.stage.store.Request(context.Background(), p.id)
	if err != nil {
		return err
	}
	var ids, want []string
	for _, v := range stored.Approvals {
		ids = append(ids, v.SlackID)
	}
	if !p.state.Undone() {
		for _, m := range p.approvals {
			want = append(want, m.id)
		}
		if !slices.Equal(ids, want) {
			r.complain("%s has approvals of %v; the record says %v", p.id, ids, want)
		}
	}
	if stored.State != p.state || stored.Lane != p.lane || stored.Drill != p.drill || stored.Target.ID != p.target.id || len(stored.Askers) != len(p.askers) {
		r.complain("%s is stored as %s, %s, drill %v, about %s by %v; the record says %s, %s, %v, %s by %d",
			p.id, stored.State, stored.Lane, stored.Drill, stored.Target.ID, stored.Askers, p.state, p.lane, p.drill, p.target.id, len(p.askers))
	}
	for _, end := range []bot.State{bot.Denied, bot.Cancelled, bot.Expired, bot.Void, bot.Verified, bot.Drilled} {
		if n := p.rows[string(end)]; n > 1 || n == 0 && p.state == end {
			r.complain("%s is %s, which %d rows say", p.id, p.state, n)
		}
	}
	return nil
}

// shows are the words by which a card can be told to be of a state.
var shows = map[bot.State][]string{
	bot.Pending:       {"Nothing has been done yet."},
	bot.Approved:      {"Waiting for its turn", "Asking Microsoft Entra", "Waiting to ask Microsoft Entra", "Held back by a freeze"},
	bot.Executing:     {"Asking Microsoft Entra"},
	bot.Unknown:       {"Not known yet whether"},
	bot.Revoked:       {"Reading the account to verify it"},
	bot.Verified:      {"Verified: sessions valid since moved"},
	bot.NotVisibleYet: {"Not visible in the account yet", "It still shows sessions valid since", "which of a guest says nothing"},
	bot.Unreachable:   {"could not be read since", "cannot be read now"},
	bot.Failed:        {"Microsoft could not be reached.", "Microsoft refused.", "Microsoft asked the bot to wait", "Microsoft did not take the call.", "The bot could not make the call."},
	bot.Drilled:       {"Rehearsed for"},
	bot.Denied:        {"Denied by"},
	bot.Cancelled:     {"Cancelled by"},
	bot.Expired:       {"Nobody decided in", "approvals came in"},
	bot.Void:          {"This changed since the preview"},
}

// cards holds what stands in the channel against the record, wherever all that
// is owed was told.
func (r *record) cards() error {
	leads := r.stage.buttonsOf()
	for _, p := range r.requests {
		var owed bool
		if err := r.stage.peek.QueryRow(`SELECT tell_due_at IS NOT NULL FROM requests WHERE id = $1`, p.id).Scan(&owed); err != nil {
			return err
		}
		if owed {
			continue
		}
		places, err := r.stage.places(p.id)
		if err != nil {
			return err
		}
		card := places["card"]
		m, stands := r.stage.standing(card)
		if !stands || card.Channel != channelOfCards {
			r.complain("%s has no card", p.id)
			continue
		}
		text := m.Plain()
		if !strings.Contains(text, p.id) || !slices.ContainsFunc(shows[p.state], func(words string) bool { return strings.Contains(text, words) }) {
			r.complain("%s is %s, and its card says:\n%s", p.id, p.state, text)
		}
		if doubtful := p.rows["unmoved_told"] > 0 && p.state != bot.Verified; doubtful != strings.Contains(text, "Treat it as not done") || doubtful && strings.Contains(text, "are revoked") {
			r.complain("%s is %s, people were told that nothing has moved: %v, and its card says:\n%s", p.id, p.state, doubtful, text)
		}
		if p.drill != strings.Contains(text, "DRILL") {
			r.complain("%s, drill %v, has a card that says:\n%s", p.id, p.drill, text)
		}
		for _, b := range m.Buttons() {
			may := map[string]bool{
				bot.ActionConfirm: p.state == bot.Pending, bot.ActionCancel: p.state == bot.Pending && (p.lane == authz.Self || !p.others(p.askers[0].of)),
				bot.ActionDeny:  p.state == bot.Pending || p.state == bot.Approved,
				bot.ActionRetry: p.state == bot.Failed || p.state == bot.Unknown,
			}
			if !may[b.ActionID] || b.Value != p.id {
				r.complain("%s is %s, and its card has the button %s for %s", p.id, p.state, b.ActionID, b.Value)
			}
		}
		if p.state == bot.Pending && len(m.Buttons()) < 2 {
			r.complain("%s is pending, and its card has %d buttons", p.id, len(m.Buttons()))
		}
		if others := slices.DeleteFunc(slices.Clone(leads[p.id]), func(ts string) bool { return ts == card.TS }); len(others) > 0 {
			r.complain("%s has %d more cards with buttons", p.id, len(others))
		}
	}
	return nil
}
