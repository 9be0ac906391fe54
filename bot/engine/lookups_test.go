package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph"
)

// hammering acts, one every beat, are what a script of one person does. Slack does not
// answer as many look-ups in that time.
const (
	hammering = 160
	beat      = time.Second / 10
)

// newTown is people with one Slack account each, on a Slack with Slack's rate limits.
func newTown(t *testing.T, people int, policy authz.Policy) *stage {
	t.Helper()
	clock := &handClock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
	w := &town{identity: authz.Identity{ByEmail: true}}
	for i := range people {
		h := &human{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), stamp: clock.now().Add(-time.Hour)}
		h.upn = fmt.Sprintf("h%d@contoso.example", i)
		h.mail, h.proxy = h.upn, h.upn
		w.humans = append(w.humans, h)
		w.members = append(w.members, &member{id: fmt.Sprintf("U0H%d", i), email: h.mail, of: h, findable: true})
	}
	s, err := newStageWith(t.TempDir(), w, policy, clock, slacktest.Config{}, bot.DefaultTiming().AskEvery)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// hammers carries out one act every beat.
func (s *stage) hammers(t *testing.T, act func(i int) bot.Arrival) {
	t.Helper()
	for i := range hammering {
		s.clock.move(beat)
		if err := s.deliver(act(i)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			s.settled(t)
		}
	}
	s.settled(t)
}

// settled waits until every arrival is settled.
func (s *stage) settled(t *testing.T) {
	t.Helper()
	var left int
	if !testrun.Seen(patience, func() bool {
		if err := s.peek.QueryRow(`SELECT count(*) FROM arrivals WHERE due_at IS NOT NULL`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left == 0
	}) {
		t.Fatalf("%d acts are not carried out", left)
	}
}

// asked is how often Slack was asked about some people by a method.
func (s *stage) asked(method string, about func(params map[string]string) bool) (n int) {
	for _, c := range s.slack.CallsOf(method) {
		if about(c.Params) {
			n++
		}
	}
	return n
}

func (s *stage) answersTo(who string) (all string) {
	for _, m := range s.slack.Ephemerals(who) {
		all += m.Plain() + "\n"
	}
	return all
}

// count is how many rows have an action and, if given, a reason.
func (s *stage) count(t *testing.T, action, reason string) (n int) {
	t.Helper()
	rows, err := s.rows(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Action == action && (reason == "" || r.Reason == reason) {
			n++
		}
	}
	return n
}

// usable wants what must always work: six presses of an approver on cards, and a report
// of one's own lost device.
func (s *stage) usable(t *testing.T, cards map[string]bot.Place, reporter string) {
	t.Helper()
	for id, at := range cards {
		s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, id))
		if r, err := s.store.Request(t.Context(), id); err != nil || r.State == bot.Pending {
			t.Errorf("the click on %s did nothing (%v); she reads %s", id, err, s.answersTo(theApprover))
		}
	}
	before := s.count(t, "requested", "")
	s.actsOut(t, s.typed(reporter, "me lost my phone"))
	if s.count(t, "requested", "") != before+1 {
		t.Errorf("the report of a lost phone did nothing; they read %s", s.answersTo(reporter))
	}
}

// sixCards are requests about six people, by six askers.
func (s *stage) sixCards(t *testing.T) map[string]bot.Place {
	t.Helper()
	for i := range 6 {
		who := 10 + i
		s.actsOut(t, s.typed(fmt.Sprintf("U0H%d", who), fmt.Sprintf("<@U0H%d> stolen", 20+i)))
		s.clock.move(2 * time.Second)
	}
	s.clock.move(10 * time.Second)
	if err := s.rest(); err != nil {
		t.Fatal(err)
	}
	cards := map[string]bot.Place{}
	for id, all := range s.buttonsOf() {
		cards[id] = bot.Place{Channel: channelOfCards, TS: all[0]}
	}
	if len(cards) != 6 {
		t.Fatalf("%d cards stand", len(cards))
	}
	return cards
}

// TestLookups_AskerWithoutRight: if the policy does not let somebody ask about others,
// nobody is looked up for them, however fast they type.
func TestLookups_AskerWithoutRight(t *testing.T) {
	policy := authz.New(theApprover, another)
	for i := range 20 {
		policy.ThirdParty.WhoMayRequest = append(policy.ThirdParty.WhoMayRequest, fmt.Sprintf("U0H%d", 10+i))
	}
	s := newTown(t, 400, policy)
	cards := s.sixCards(t)
	s.clock.move(6 * time.Minute) // until no look-up is cached
	s.hammers(t, func(i int) bot.Arrival {
		return s.typed(outsider, fmt.Sprintf("<@U0H%d> give me work", 100+i))
	})
	victims := func(params map[string]string) bool { return len(params["user"]) == len("U0H100") }
	if n := s.asked("users.info", victims); n != 0 {
		t.Errorf("%d people were looked up for somebody who may not ask about anybody", n)
	}
	s.usable(t, cards, "U0H7")
}

// TestLookups_ManyAskTooFast: people who may ask share the look-ups that are left over
// by decisions and reports of lost devices. Each of them reads when to try again.
func TestLookups_ManyAskTooFast(t *testing.T) {
	s := newTown(t, 400, authz.New(theApprover, another))
	cards := s.sixCards(t)
	s.clock.move(6 * time.Minute)
	before := s.count(t, "requested", "")
	s.hammers(t, func(i int) bot.Arrival {
		return s.typed(fmt.Sprintf("U0H%d", 50+i%12), fmt.Sprintf("drill <@U0H%d> give me work", 100+i))
	})
	victims := func(params map[string]string) bool { return len(params["user"]) == len("U0H100") }
	if n := s.asked("users.info", victims); n > 40 {
		t.Errorf("%d people were looked up within a minute", n)
	}
	if made := s.count(t, "requested", "") - before; made == 0 {
		t.Error("nobody could ask for anything")
	}
	s.usable(t, cards, "U0H7")
}

// TestLookups_OnePersonAsksTooFast: one person who keeps asking reads so, and when to
// continue. Their own lost device can still be reported.
func TestLookups_OnePersonAsksTooFast(t *testing.T) {
	policy := authz.New(theApprover, another)
	policy.Limits.PerRequester = authz.Limit{} // a limit would also refuse the eleventh ask
	s := newTown(t, 60, policy)
	for i := range 12 {
		s.actsOut(t, s.typed(outsider, fmt.Sprintf("drill <@U0H%d> hm", 20+i)))
	}
	// The last answers come after the rows.
	says := "You're asking faster than I can look people up. Try again in 6 seconds. Nothing was sent."
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.slack.Until(ctx, func() bool { return strings.Contains(s.answersTo(outsider), says) }); err != nil {
		t.Fatalf("%v; they read %s", err, s.answersTo(outsider))
	}
	if n := s.count(t, "requested", ""); n != 10 {
		t.Errorf("%d asks of 12 in a row were taken, not 10", n)
	}
	if n := s.asked("users.info", func(p map[string]string) bool { return p["user"] == "U0H31" }); n != 0 {
		t.Error("somebody was looked up for an ask that came too soon")
	}
	s.actsOut(t, s.typed(outsider, "me lost my phone"))
	if n := s.count(t, "requested", ""); n != 11 {
		t.Error("their own lost phone could not be reported")
	}
	s.clock.move(6 * time.Second)
	s.actsOut(t, s.typed(outsider, "drill <@U0H31> hm"))
	if n := s.count(t, "requested", ""); n != 12 {
		t.Errorf("they could not go on after the time that they read: %s", s.answersTo(outsider))
	}
}

// TestLookups_ClickWithoutRight: a click by somebody who may not decide reads no
// account.
func TestLookups_ClickWithoutRight(t *testing.T) {
	s := newTown(t, 60, authz.New(theApprover, another))
	cards := s.sixCards(t)
	s.clock.move(6 * time.Minute)
	s.entra.mu.Lock()
	s.entra.reads = map[string]int{}
	s.entra.mu.Unlock()
	var ids []string
	for id := range cards {
		ids = append(ids, id)
	}
	s.hammers(t, func(i int) bot.Arrival {
		id := ids[i%len(ids)]
		return s.pressed(outsider, cards[id], bot.ActionConfirm, id)
	})
	s.entra.mu.Lock()
	reads := len(s.entra.reads)
	s.entra.mu.Unlock()
	if reads != 0 {
		t.Errorf("accounts of %d people were read for clicks of somebody who is no approver", reads)
	}
	s.usable(t, cards, "U0H7")
}

// TestLookups_FormsLeaveRoomForDenials: people keep opening the request form, and an
// approver still gets hers to deny.
func TestLookups_FormsLeaveRoomForDenials(t *testing.T) {
	s := newTown(t, 60, authz.New(theApprover, another))
	cards := s.sixCards(t)
	s.hammers(t, func(i int) bot.Arrival {
		who := fmt.Sprintf("U0H%d", 30+i%10)
		for _, v := range s.slack.Views(who) {
			s.slack.As(who).Close(v.ID)
		}
		return s.typed(who, "")
	})
	for id, at := range cards {
		s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, id))
		form, opened := s.submitted(theApprover, bot.DenyCallback, "a mistake")
		if !opened {
			t.Errorf("the form to deny %s did not open; she reads %s", id, s.answersTo(theApprover))
			continue
		}
		s.actsOut(t, form)
		if r, err := s.store.Request(t.Context(), id); err != nil || r.State != bot.Denied {
			t.Errorf("%s is %s, %v", id, r.State, err)
		}
	}
}

// TestLookups_TooOftenIsReported: an answer that says "too often" is reported as that,
// with its wait, from every service. It is not reported as a missing answer.
func TestLookups_TooOftenIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		fault  slacktest.Fault
		policy func(*authz.Policy)
		entra  error
		text   string
		says   []string
	}{
		"who asks": {
			fault: slacktest.Fault{Method: "users.info", RetryAfter: 17 * time.Second}, text: "me lost my phone",
			says: []string{"Slack asked the bot to wait, so I could not check who you are", "try again in 17 seconds"},
		},
		"a group": {
			fault:  slacktest.Fault{Method: "usergroups.users.list", RetryAfter: 17 * time.Second},
			policy: func(p *authz.Policy) { p.ThirdParty.WhoMayRequest = authz.Circle{"S0TEAM"} }, text: "<@U0H20> stolen",
			says: []string{"I could not read a group", "Slack asked the bot to wait", "try again in 17 seconds"},
		},
		"the form": {
			fault: slacktest.Fault{Method: "views.open", RetryAfter: 17 * time.Second}, text: "",
			says: []string{"Slack asked the bot to wait, so the form did not open", "/revoke-sessions me lost my phone"},
		},
		"the account": {
			entra: &graph.Error{Op: "read the account", Status: 429, RetryAfter: 17 * time.Second, Retryable: true, Outcome: graph.NotDone, Remedy: "Wait."},
			text:  "00000000-0000-4000-8000-000000000020 stolen",
			says:  []string{"Microsoft Entra asked the bot to wait", "try again in 17 seconds"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			policy := authz.New(theApprover, another)
			if c.policy != nil {
				c.policy(&policy)
			}
			s := newTown(t, 30, policy)
			if c.fault.Method != "" {
				s.slack.Inject(c.fault)
			}
			s.entra.mu.Lock()
			s.entra.fails = c.entra
			s.entra.mu.Unlock()
			s.actsOut(t, s.typed(outsider, c.text))
			text := s.told(t, outsider)
			for _, words := range c.says {
				if !strings.Contains(text, words) {
					t.Errorf("%q is not said: %s", words, text)
				}
			}
			if strings.Contains(text, "did not answer") || strings.Contains(text, "not sure") {
				t.Errorf("it is told as a silence: %s", text)
			}
		})
	}
}
