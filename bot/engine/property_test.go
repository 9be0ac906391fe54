package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// TestRulesHold plays random days. People under a random policy ask, confirm, deny,
// cancel, retry and freeze; in between they are demoted, blocked and renamed. Slack and
// Microsoft fail, and the bot dies and starts again. After each step every new audit
// row must be explained by an act of somebody who was allowed to, according to rules,
// which states the policy a second time. Each judge asks one question; its complaints
// begin with the name of the rule. Longer: -rapid.checks 1000.
func TestRulesHold(t *testing.T) {
	testrun.Draws(t, testrun.RandomDays)
	seen := map[string]int{}
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		d := newDay(t, folder, seen)
		defer d.over(t)
		t.Repeat(map[string]func(*rapid.T){
			"ask":      d.ask,
			"confirm":  d.confirm,
			"confirms": d.confirm, // twice as likely
			"deny":     d.deny,
			"end":      d.cancelOrRetry,
			"brake":    d.brake,
			"rush":     d.rush,
			"forge":    d.forge,
			"time":     d.pass,
			"change":   d.change,
			"trouble":  d.trouble,
			"restart":  d.restart,
		})
		d.calm(t)
	})
	if t.Failed() {
		return
	}
	// Days without any acts would prove nothing.
	for _, action := range []string{"requested", "joined", "approval", "approved", "executing", "revoked", "verified", "unknown",
		"denied", "cancel_asked", "expired", "refused", "frozen", "unfrozen", "reminded"} {
		if seen[action] == 0 {
			t.Errorf("in all these days nothing was %s", action)
		}
	}
	t.Logf("audit rows by action: %v", seen)
}

// day is one test case.
type day struct {
	*stage
	record *record
	watch  *watcher
	limits authz.Limits
}

func newDay(t *rapid.T, folder string, seen map[string]int) *day {
	clock := &handClock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
	w := drawTown(t, clock.now())
	limits := drawLimits(t)
	s, err := newStage(folder, w, drawPolicy(t, w, limits), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("policy: %+v", s.policy)
	if rapid.Bool().Draw(t, "Microsoft is unwell from the start") {
		s.entra.mu.Lock()
		s.entra.replies = drawReplies(t)
		s.entra.mu.Unlock()
	}
	d := &day{stage: s, limits: limits, record: &record{}}
	d.watch = &watcher{stage: s, record: d.record, judges: newJudges(), seen: seen}
	d.look(t)
	return d
}

// over ends the day, even after a failure.
func (d *day) over(t *rapid.T) {
	if err := d.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// look waits for rest and shows the judges all that is new.
func (d *day) look(t *rapid.T) {
	t.Helper()
	if err := d.rest(); err != nil {
		t.Fatalf("%v; it logged %q", err, d.logged())
	}
	if err := d.watch.follow(); err != nil {
		t.Fatal(err)
	}
	for _, text := range d.logged() {
		d.watch.judges.log.complain("the bot", "%s", text)
	}
	d.watch.acts = nil
	d.report(t)
}

// report fails the test if the judges complain.
func (d *day) report(t *rapid.T) {
	t.Helper()
	if wrong := d.watch.judges.wrong; len(wrong) > 0 {
		d.tell(t)
		t.Fatalf("%s", strings.Join(wrong, "\n"))
	}
}

// tell adds the audit chain to the report of a failure.
func (d *day) tell(t *rapid.T) {
	rows, err := d.rows(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Logf("%d %s %s %s by %s wanting %q: %s %s %s", r.Seq, r.At.Format(time.TimeOnly), r.Request, r.Action, r.Actor, r.Wanted, r.Reason, r.Changed, r.Outcome)
	}
}

// wait moves the clock a little, because people need time to act.
func (d *day) wait(t *rapid.T) {
	d.tick(t, time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds"))*time.Second)
}

func (d *day) tick(t *rapid.T, by time.Duration) {
	d.clock.move(by)
	if d.entra.down || d.entra.denied {
		d.watch.troubled = d.clock.now()
	}
	d.look(t)
}

// do has people act at the same moment.
func (d *day) do(t *rapid.T, acts []act, arrivals []bot.Arrival) {
	for i, a := range acts {
		t.Logf("%s %s: %s %s %s", d.clock.now().Format(time.TimeOnly), a.who.id, a.kind, a.request, arrivals[i].Text)
	}
	d.watch.acts = append(d.watch.acts, acts...)
	if chance(t, 12, "the process dies after the ack") {
		for _, a := range arrivals {
			if _, _, err := d.bot.Receive(context.Background(), a); err != nil {
				t.Fatal(err)
			}
		}
		d.clock.move(bot.ClaimFor + time.Second)
	} else if err := d.deliver(arrivals...); err != nil {
		t.Fatal(err)
	}
	d.look(t)
	if chance(t, 6, "Slack delivers it again") {
		again := arrivals[0]
		again.Envelope += "-again"
		if _, next, err := d.bot.Receive(context.Background(), again); err != nil || next != nil {
			t.Fatalf("delivered again: %v, and it is carried out: %v", err, next != nil)
		}
	}
}

// somebody is anyone with a Slack account, most often one that likely accepts.
func (d *day) somebody(t *rapid.T, likely func(rules, *member) bool) *member {
	all := d.town.members
	now := d.watch.rules(d.clock.now())
	some := slices.DeleteFunc(slices.Clone(all), func(m *member) bool { return !likely(now, m) })
	if len(some) > 0 && !chance(t, 6, "an unlikely one") {
		all = some
	}
	return one(t, all, "who")
}

// decider is somebody who decides about a request, or its target, who must not.
func (d *day) decider(t *rapid.T, p *tracked, likely func(rules, *member, *tracked) bool) *member {
	if chance(t, 8, "the target tries") {
		for _, m := range d.town.members {
			if m.of == p.target {
				return m
			}
		}
	}
	return d.somebody(t, func(r rules, m *member) bool { return likely(r, m, p) })
}

// one picks somebody, and names them in the report of a failure.
func one(t *rapid.T, of []*member, label string) *member {
	ids := make([]string, len(of))
	for i, m := range of {
		ids[i] = m.id
	}
	return of[slices.Index(ids, rapid.SampledFrom(ids).Draw(t, label))]
}

// drawAsk is a command that asks to end somebody's sessions.
func (d *day) drawAsk(t *rapid.T) (act, bot.Arrival) {
	who := d.somebody(t, func(r rules, m *member) bool { return r.surelySomebody(m) })
	a := act{who: who, kind: authz.Ask, drill: chance(t, 5, "a drill"), target: who.of}
	word := "me"
	if rapid.Bool().Draw(t, "about somebody else") || who.of == nil {
		m := one(t, d.town.members[:5], "about")
		if chance(t, 4, "about one with two accounts") {
			m = d.town.members[len(d.town.members)-2]
		}
		a.target = m.of
		word = "<@" + m.id + ">"
		if a.target != nil {
			word = rapid.SampledFrom([]string{word, word, a.target.id, a.target.upn, a.target.mail, a.target.proxy}).Draw(t, "named by")
		}
	}
	if !chance(t, 4, "without a reason") {
		a.reason = "lost it"
	}
	text := word + " " + a.reason
	if a.drill {
		text = "drill " + text
	}
	return a, d.typed(who.id, strings.TrimSpace(text))
}

func (d *day) ask(t *rapid.T) {
	d.wait(t)
	a, arrival := d.drawAsk(t)
	d.do(t, []act{a}, []bot.Arrival{arrival})
}

// drawRequest picks a request with a card, preferably one in which the action is open.
func (d *day) drawRequest(t *rapid.T, open func(*tracked) bool) (*tracked, bot.Place, bool) {
	var likely, all []*tracked
	cards := map[*tracked]bot.Place{}
	for _, p := range d.record.requests {
		places, err := d.places(p.id)
		if err != nil {
			t.Fatal(err)
		}
		if card, ok := places["card"]; ok {
			cards[p] = card
			if all = append(all, p); open(p) {
				likely = append(likely, p)
			}
		}
	}
	if len(likely) > 0 && !chance(t, 8, "any request") {
		all = likely
	}
	if len(all) == 0 {
		return nil, bot.Place{}, false
	}
	// The latest first, because rapid shrinks to it.
	p := all[len(all)-1-rapid.IntRange(0, len(all)-1).Draw(t, "request, from the last")]
	return p, cards[p], true
}

func pending(p *tracked) bool { return p.state == bot.Pending }

func retried(p *tracked) bool { return p.state == bot.Failed || p.state == bot.Unknown }

// drawConfirm is a press of Confirm or Try again, on the card or on the person's
// receipt.
func (d *day) drawConfirm(t *rapid.T) (act, bot.Arrival, bool) {
	p, at, ok := d.drawRequest(t, func(p *tracked) bool { return pending(p) || retried(p) })
	if !ok {
		return act{}, bot.Arrival{}, false
	}
	a := act{kind: authz.Confirm, request: p.id, who: d.decider(t, p, rules.counts), button: bot.ActionConfirm}
	others := bot.ActionApprove
	if retried(p) {
		a.kind, a.button, others = authz.Retry, bot.ActionRetry, bot.ActionApproveRetry
	}
	m, _ := d.standing(at)
	shown := slices.ContainsFunc(m.Buttons(), func(b slacktest.Button) bool { return b.ActionID == others })
	if shown != chance(t, 6, "an old button") {
		a.button = others
	}
	if places, err := d.places(p.id); err != nil {
		t.Fatal(err)
	} else if receipt, ok := places["receipt:"+a.who.id]; ok && rapid.Bool().Draw(t, "on the receipt") {
		at = receipt
	}
	return a, d.pressed(a.who.id, at, a.button, p.id), true
}

func (d *day) confirm(t *rapid.T) {
	d.wait(t)
	if a, arrival, ok := d.drawConfirm(t); ok {
		d.do(t, []act{a}, []bot.Arrival{arrival})
	}
}

// deny presses Deny, and mostly submits the form at once; otherwise the form stays open
// for the next time.
func (d *day) deny(t *rapid.T) {
	d.wait(t)
	p, at, ok := d.drawRequest(t, func(p *tracked) bool { return pending(p) || p.state == bot.Approved })
	if !ok {
		return
	}
	who := d.decider(t, p, func(r rules, m *member, p *tracked) bool { return r.decides(m) && m.of != p.target })
	if _, open := d.form(who.id, bot.DenyCallback); !open {
		a := act{kind: authz.Deny, request: p.id, who: who}
		d.do(t, []act{a}, []bot.Arrival{d.pressed(who.id, at, bot.ActionDeny, p.id)})
	}
	if chance(t, 3, "think about it first") {
		return
	}
	if arrival, ok := d.submitted(who.id, bot.DenyCallback, "a mistake"); ok {
		// The row will say which card the form came from.
		d.do(t, []act{{kind: authz.Deny, who: who}}, []bot.Arrival{arrival})
	}
}

// cancelOrRetry presses Cancel, on the card or in the Home tab, or types it, or presses Try
// again.
func (d *day) cancelOrRetry(t *rapid.T) {
	d.wait(t)
	if rapid.Bool().Draw(t, "try again") {
		if p, at, ok := d.drawRequest(t, retried); ok {
			who := d.somebody(t, func(r rules, m *member) bool { return r.counts(m, p) })
			d.do(t, []act{{kind: authz.Retry, request: p.id, who: who}}, []bot.Arrival{d.pressed(who.id, at, bot.ActionRetry, p.id)})
		}
		return
	}
	p, at, ok := d.drawRequest(t, pending)
	if !ok {
		return
	}
	who := d.somebody(t, func(_ rules, m *member) bool { return m.of != nil && p.asked(m) })
	if chance(t, 3, "in the Home tab") {
		d.cancelAtHome(t, who, p.id)
		return
	}
	arrival := d.typed(who.id, "cancel "+p.id)
	if rapid.Bool().Draw(t, "by the button") {
		arrival = d.pressed(who.id, at, bot.ActionCancel, p.id)
	}
	d.do(t, []act{{kind: authz.Cancel, request: p.id, who: who}}, []bot.Arrival{arrival})
}

// cancelAtHome presses Cancel in a Home tab, on a request that the tab need not list, and
// mostly submits the form. The press is nobody's act.
func (d *day) cancelAtHome(t *rapid.T, who *member, request string) {
	t.Logf("%s presses Cancel of %s in the Home tab", who.id, request)
	d.bot.HomeOpened(who.id)
	if err := d.deliver(d.pressedHome(who.id, bot.ActionHomeCancel, request)); err != nil {
		t.Fatal(err)
	}
	d.look(t)
	if chance(t, 4, "think about it first") {
		return
	}
	if arrival, ok := d.submitted(who.id, bot.CancelCallback, ""); ok {
		d.do(t, []act{{kind: authz.Cancel, who: who}}, []bot.Arrival{arrival})
		d.watch.seen["form to cancel"]++
	}
}

func (d *day) brake(t *rapid.T) {
	d.wait(t)
	who := d.somebody(t, rules.decides)
	if d.record.frozen() == nil {
		if !chance(t, 3, "freeze") {
			return // most days have none
		}
		d.do(t, []act{{kind: authz.Freeze, who: who}}, []bot.Arrival{d.typed(who.id, "freeze too many")})
		return
	}
	if rapid.Bool().Draw(t, "by the notice") {
		d.unfreezeByNotice(t, who)
		return
	}
	d.do(t, []act{{kind: authz.Unfreeze, who: who}}, []bot.Arrival{d.typed(who.id, "unfreeze")})
}

// unfreezeByNotice presses the button of a notice, and submits the form that it opens. A
// press with a forged number, or on somebody else's direct message, is nobody's act.
func (d *day) unfreezeByNotice(t *rapid.T, who *member) {
	on, _, err := d.store.Frozen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	places, err := d.store.FreezePlaces(context.Background(), on.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(places) == 0 {
		return
	}
	at := rapid.SampledFrom(places).Draw(t, "notice")
	if _, open := d.form(who.id, bot.UnfreezeCallback); !open {
		press := d.pressed(who.id, bot.Place{Channel: at.Channel, TS: at.TS}, bot.ActionUnfreeze, strconv.FormatInt(on.ID, 10))
		acts := []act{{kind: authz.Unfreeze, who: who, promise: "nothing"}}
		switch {
		case chance(t, 8, "a forged number"):
			press.Value, acts = strconv.FormatInt(on.ID+rapid.SampledFrom([]int64{-1, 1}).Draw(t, "number"), 10), nil
		case at.To != channelOfCards && at.To != who.id:
			acts = nil
		}
		if acts == nil {
			t.Logf("%s forges a press of the notice", who.id)
			if err := d.deliver(press); err != nil {
				t.Fatal(err)
			}
			d.look(t)
		} else {
			d.do(t, acts, []bot.Arrival{press})
		}
	}
	if chance(t, 3, "think about it first") {
		return
	}
	form, _ := d.form(who.id, bot.UnfreezeCallback)
	if arrival, ok := d.submitted(who.id, bot.UnfreezeCallback, ""); ok {
		d.do(t, []act{{kind: authz.Unfreeze, who: who, promise: form.SubmitLabel}}, []bot.Arrival{arrival})
		if d.record.frozen() == nil {
			d.watch.seen["unfrozen by the notice"]++
		}
	}
}

// rush has several people act at the same moment.
func (d *day) rush(t *rapid.T) {
	d.wait(t)
	var acts []act
	var arrivals []bot.Arrival
	for range rapid.IntRange(2, 4).Draw(t, "at once") {
		a, arrival, ok := act{}, bot.Arrival{}, true
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0, 1, 2, 3:
			a, arrival, ok = d.drawConfirm(t)
		case 4, 5:
			a, arrival = d.drawAsk(t)
		default:
			a.who, a.kind = d.somebody(t, rules.decides), authz.Freeze
			arrival = d.typed(a.who.id, "freeze")
		}
		if ok {
			acts, arrivals = append(acts, a), append(arrivals, arrival)
		}
	}
	if len(acts) > 0 {
		d.do(t, acts, arrivals)
	}
}

// forge presses a button with the ID of another request, or on a message of another
// app. Neither is anybody's act.
func (d *day) forge(t *rapid.T) {
	d.wait(t)
	p, at, ok := d.drawRequest(t, pending)
	if !ok {
		return
	}
	who := d.somebody(t, func(r rules, m *member) bool { return r.counts(m, p) })
	arrival := d.pressed(who.id, at, bot.ActionConfirm, p.id)
	stored, err := d.store.Request(context.Background(), p.id)
	if err != nil {
		t.Fatal(err)
	}
	other, _, ok := d.drawRequest(t, func(q *tracked) bool { return pending(q) && q != p })
	switch {
	case ok && other != p && rapid.Bool().Draw(t, "another's ID") && stored.Need > 0:
		if needed, err := d.store.Request(context.Background(), other.id); err != nil || needed.Need == 0 {
			return // the bot waits a while for the receipt to be stored
		}
		arrival.Value = other.id
	case rapid.Bool().Draw(t, "another app's message"):
		arrival.MessageAppID = "A0OTHER"
	default:
		arrival.AppID = "A0OTHER"
	}
	t.Logf("%s forges a click", who.id)
	if err := d.deliver(arrival); err != nil {
		t.Fatal(err)
	}
	d.look(t)
}

// pass moves the clock in one leap.
func (d *day) pass(t *rapid.T) {
	by := rapid.SampledFrom([]time.Duration{16 * time.Second, 45 * time.Second, time.Minute, 5 * time.Minute, 11 * time.Minute, 26 * time.Minute, time.Hour, 9 * time.Hour, 25 * time.Hour}).Draw(t, "time")
	t.Logf("%s pass", by)
	d.tick(t, by)
}

// change changes a fact about somebody.
func (d *day) change(t *rapid.T) {
	d.wait(t)
	at := d.clock.now()
	m := one(t, d.town.members, "who")
	d.entra.mu.Lock()
	h := m.of
	if h == nil {
		h = d.town.humans[0]
	}
	turn := func(f *fact) bool { f.set(!f.now(), at); return f.now() }
	what := rapid.SampledFrom([]string{"in the Slack team", "in the Entra team", "in the other Entra group", "blocked", "privileged", "renamed", "guest in Entra", "guest in Slack", "deactivated in Slack", "gone"}).Draw(t, "what")
	is := true
	switch what {
	case "in the Slack team":
		is = turn(&m.inTeam)
	case "in the Entra team":
		is = turn(h.in[entraTeam])
	case "in the other Entra group":
		is = turn(h.in[entraOther])
	case "blocked":
		is = turn(&h.blocked)
	case "privileged":
		is = turn(&h.privileged)
	case "renamed":
		h.renames++
		h.upn = fmt.Sprintf("new%d.%s@contoso.example", h.renames, h.id[len(h.id)-1:])
	case "guest in Entra":
		is = turn(&h.guest)
	case "guest in Slack":
		is = turn(&m.guest)
	case "deactivated in Slack":
		is = turn(&m.deleted)
	case "gone":
		is = turn(&h.absent)
	}
	d.entra.mu.Unlock()
	t.Logf("%s (%s): %s %v", m.id, h.id[len(h.id)-1:], what, is)
	d.slack.UpdateUser(m.id, func(u *slacktest.User) { u.Guest, u.Deleted = m.guest.now(), m.deleted.now() })
	d.slack.UpdateUserGroup(slackTeam, func(g *slacktest.UserGroup) { g.Members = d.town.team() })
}

func drawReplies(t *rapid.T) []reply {
	all := []reply{saysYesOnly, saysNo, saysWait, unreached, lostDone, lostUndone, lostUndone, lostUndone, diesDone, diesUndone, diesUndone}
	return rapid.SliceOfN(rapid.SampledFrom(all), 1, 4).Draw(t, "replies")
}

// trouble makes Microsoft or Slack fail, or work again.
func (d *day) trouble(t *rapid.T) {
	what := rapid.SampledFrom([]string{"replies", "replies", "replies", "replies", "answers again", "answers again", "answers again", "no answer", "refuses", "roles unknown", "Slack does not post"}).Draw(t, "trouble")
	d.entra.mu.Lock()
	switch what {
	case "replies":
		d.entra.replies = drawReplies(t)
	case "answers again":
		d.entra.down, d.entra.denied, d.entra.blind = false, false, false
	case "no answer":
		d.entra.down = true
	case "refuses":
		d.entra.denied = true
	case "roles unknown":
		d.entra.blind = true
	case "Slack does not post":
		d.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Times: 2, Status: 503})
	}
	t.Logf("trouble: %s %v", what, d.entra.replies)
	d.entra.mu.Unlock()
	d.watch.troubled = d.clock.now()
}

// restart stops the bot and starts another one, sometimes with another policy.
func (d *day) restart(t *rapid.T) {
	policy := d.policy
	if chance(t, 3, "another policy") {
		policy = drawPolicy(t, d.town, d.limits)
		t.Logf("policy: %+v", policy)
	}
	if err := d.start(policy); err != nil {
		t.Fatal(err)
	}
	d.look(t)
}

// calm lets two days pass without failures or acts. After them nothing may be owed, no
// confirmed request may be lost, and the chain must fit.
func (d *day) calm(t *rapid.T) {
	d.entra.mu.Lock()
	d.entra.replies, d.entra.down, d.entra.denied, d.entra.blind = nil, false, false, false
	d.entra.mu.Unlock()
	d.slack.ClearFaults()
	t.Logf("calm")
	for _, by := range []time.Duration{11 * time.Second, time.Minute, time.Minute, 10 * time.Minute, time.Hour, time.Hour, 9 * time.Hour, 13 * time.Hour, 13 * time.Hour, 13 * time.Hour} {
		d.tick(t, by)
	}
	rest := d.watch.judges.rest
	for _, p := range d.record.requests {
		if slices.Contains([]bot.State{bot.Pending, bot.Approved, bot.Executing, bot.Revoked}, p.state) {
			rest.complain(p, "it is still %s", p.state)
		}
		stored, err := d.store.Request(context.Background(), p.id)
		if err != nil {
			t.Fatal(err)
		}
		if !stored.DueAt.IsZero() {
			rest.complain(p, "it is %s and still due at %s", p.state, stored.DueAt)
		}
		if owed, err := d.owesNews(p.id); err != nil {
			t.Fatal(err)
		} else if owed {
			rest.complain(p, "its people wait for news")
		}
	}
	if _, err := d.store.Verify(context.Background(), nil); err != nil {
		rest.complain("the audit chain", "%v", err)
	}
	d.report(t)
}
