package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// span is how often something may have happened, at least and at most.
type span [2]int

var (
	never = span{0, 0}
	once  = span{1, 1}
	twice = span{2, 2}
	maybe = span{0, 1}
)

// truthful checks, after all is settled and the bot has stopped, what it
// promises whatever happens to it.
func (m *mortal) truthful() {
	m.t.Helper()
	var ids []string
	for _, e := range m.audit() { // which verifies every link
		if (e.Action == "requested" || e.Action == "previewed_again") && !slices.Contains(ids, e.Request) {
			ids = append(ids, e.Request)
		}
	}
	calls, interrupted := 0, 0
	for _, id := range ids {
		c, i := m.lawful(id)
		calls, interrupted = calls+c, interrupted+i
	}
	if got := len(m.entra.Posts()); got > calls || got < calls-interrupted {
		m.t.Errorf("Graph got %d POSTs; on record are %d calls, %d of them interrupted", got, calls, interrupted)
	}
	m.toldOnce(ids)
}

// lawful checks the rows of one request against the state machine, and counts
// its calls to Graph and those of them during which the bot died.
func (m *mortal) lawful(id string) (calls, interrupted int) {
	m.t.Helper()
	state, unclear, created := bot.Pending, 0, 0
	again := false // the decision in force is a "Try again"
	for _, e := range m.rows(id) {
		next := bot.State(e.Action)
		switch {
		case e.Action == "requested", e.Action == "previewed_again":
			created++
			continue
		case e.Action == "reopened": // the decision did not hold any more
			if state != bot.Approved {
				m.t.Errorf("%s was reopened when it was %s", id, state)
			}
			if state = bot.Pending; again {
				state = bot.Failed
			}
			continue
		case !slices.Contains(bot.States, next):
			continue
		case next != state && !state.May(next):
			m.t.Errorf("%s went from %s to %s", id, state, next)
		}
		switch next {
		case bot.Approved:
			if e.Outcome == "" { // by a decision, and not because Microsoft has asked to wait
				unclear, again = 0, state != bot.Pending
			}
		case bot.Executing:
			if unclear > 1 {
				m.t.Errorf("%s: another call for one decision after two of unknown effect", id)
			}
			if !e.Drill {
				calls++
			}
		case bot.Unknown:
			if state == bot.Executing && e.Outcome != string(graph.NotDone) {
				unclear++
			}
			if state == bot.Executing && e.Code == "interrupted" {
				interrupted++
			}
		}
		state = next
	}
	if created != 1 {
		m.t.Errorf("%s was made %d times", id, created)
	}
	r, err := m.reader().Request(context.Background(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	if r.State != state {
		m.t.Errorf("%s is %s, and its last row says %s", id, r.State, state)
	}
	for _, a := range r.Attempts {
		if a.EndedAt.IsZero() || a.Outcome == "" {
			m.t.Errorf("%s has a call whose outcome is not on record", id)
		}
		if a.Outcome == graph.Done && !r.State.Accepted() && !r.Drill {
			m.t.Errorf("%s is %s although Microsoft said yes", id, r.State)
		}
	}
	if r.State.Accepted() {
		places := m.places(id)
		for _, key := range []string{"card", fmt.Sprintf("result:%d", len(r.Decisions))} {
			if places[key].TS == "" {
				m.t.Errorf("%s is %s, and nobody was told by %s", id, r.State, key)
			}
		}
		for _, a := range r.Askers { // a good outcome is the receipt, unless that is overlooked
			if places["receipt:"+a.SlackID].TS == "" && places[fmt.Sprintf("outcome:%d:%s", len(r.Decisions), a.SlackID)].TS == "" {
				m.t.Errorf("%s is %s, and nobody told %s", id, r.State, a.SlackID)
			}
		}
	}
	return calls, interrupted
}

// toldOnce checks that what stands in Slack is what is noted, each once: but for
// a message that was on its way, not yet noted, when a bot died.
func (m *mortal) toldOnce(ids []string) {
	m.t.Helper()
	type spot struct{ channel, ts string }
	noted := map[spot]string{}
	for _, id := range ids {
		for key, p := range m.places(id) {
			if p.TS == "" {
				continue
			}
			if other := noted[spot{p.Channel, p.TS}]; other != "" {
				m.t.Errorf("%s and %s %s are the same message", other, id, key)
			}
			noted[spot{p.Channel, p.TS}] = id + " " + key
		}
	}
	// What may be there twice, and how often.
	spare := m.underWay()
	notices := map[string]int{}
	stands := map[spot]bool{}
	announced := map[string]bool{} // threads of announcements
	for _, s := range m.ours() {
		if s.Channel == approvals && s.ThreadTS == "" && !strings.Contains(plain(s), "REQ-") {
			announced[s.TS] = true
		}
	}
	for _, s := range m.ours() {
		at := spot{s.Channel, s.TS}
		stands[at] = true
		switch {
		case noted[at] != "":
		case s.Channel == approvals && (announced[s.TS] || announced[s.ThreadTS]): // or what rings under one
			says := plain(s)
			if s.ThreadTS != "" {
				says = "rings: " + says
			}
			if notices[says]++; notices[says] > 1 {
				m.spend(spare, "notice", s)
			}
		default:
			m.spendAny(spare, s)
		}
	}
	for at, what := range noted {
		if !stands[at] {
			m.t.Errorf("%s is noted and does not stand", what)
		}
	}
}

func (m *mortal) spend(spare map[string]int, kind string, s slacktest.Message) {
	m.t.Helper()
	if spare[kind]--; spare[kind] < 0 {
		m.t.Errorf("stands once more than it should, and no bot died while it was posted: %s", plain(s))
	}
}

// spendAny takes a message that nobody noted from what was under way.
func (m *mortal) spendAny(spare map[string]int, s slacktest.Message) {
	m.t.Helper()
	direct := s.Channel != approvals
	for kind, n := range spare {
		if n > 0 && kind != "notice" && (kind == "card") == (!direct && s.ThreadTS == "") && (directKinds[kind] == direct || anywhere[kind]) {
			spare[kind]--
			return
		}
	}
	m.t.Errorf("nobody noted this message, and no bot died while it was posted: %s", plain(s))
}

// directKinds are the messages to one person.
var directKinds = map[string]bool{
	"receipt": true, "outcome": true, "stuck": true, "target": true, "answer": true, "unread_note": true, "unmoved_note": true, "unreached": true, "unreached_cancel": true, "elsewhere": true,
}

// anywhere are the kinds that go into the thread and to those who asked.
var anywhere = map[string]bool{"not_executed": true, "reopened": true}

// underWay counts the messages, by kind, that may stand without a note: those
// that were being posted when a bot died, private answers, and what was posted
// anew because it could not be edited.
func (m *mortal) underWay() map[string]int {
	m.t.Helper()
	all := map[string]int{}
	for life := 1; life <= m.died()+1; life++ {
		steps, err := readTrace(m.traceFile(life))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was a short life
		}
		if err != nil {
			m.t.Fatal(err)
		}
		open := map[string]int{}
		for _, s := range steps {
			verb, kind, _ := strings.Cut(string(s.Effect), " ")
			switch {
			case verb == "post" && !s.Over, verb == "update" && s.Over:
				open[kind]++
			case verb == "note" && s.Over:
				open[kind]--
			case verb == "forget" && kind != "" && s.Over:
				open[kind]-- // what could not be edited,
				all[kind]++  // and still stands
			case s.Effect == "announced" && s.Over:
				open["notice"]--
			}
		}
		for kind, n := range open {
			// A private answer is never noted; the last life ended in order.
			if kind == "answer" || life <= m.died() {
				all[kind] += max(n, 0)
			}
		}
	}
	return all
}

// ours is all that the bot has posted and that stands.
func (m *mortal) ours() []slacktest.Message {
	all := slices.Clone(m.slack.Messages(approvals))
	for _, c := range m.slack.Messages(approvals) {
		for _, s := range m.slack.Thread(approvals, c.TS) {
			if s.TS != c.TS {
				all = append(all, s)
			}
		}
	}
	for _, u := range m.slack.Users() {
		all = append(all, m.slack.DMs(u.ID)...)
	}
	return slices.DeleteFunc(all, func(s slacktest.Message) bool { return s.Deleted || s.AppID != m.slack.AppID() })
}
