package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// published are the times of the calls of views.publish for one person, or for all.
func (th *theatre) published(who string) (at []time.Time) {
	for _, c := range th.slack.CallsOf("views.publish") {
		if who == "" || c.Params["user_id"] == who {
			at = append(at, c.At)
		}
	}
	return at
}

// most is the largest number of times within any such span.
func most(at []time.Time, within time.Duration) (n int) {
	for i := range at {
		here := 0
		for _, other := range at[i:] {
			if other.Sub(at[i]) < within {
				here++
			}
		}
		n = max(n, here)
	}
	return n
}

// openedBy sends the event by which somebody opened their Home tab, whoever they are.
func (th *theatre) openedBy(who string) *slacktest.Delivery {
	return th.slack.As(olgaID).OpenHomeRaw(func(p map[string]any) { p["event"].(map[string]any)["user"] = who })
}

// TestHome_StormOfOpenings has one person open their Home tab 500 times, and 300 people at
// once. What else the bot tells is not delayed.
func TestHome_StormOfOpenings(t *testing.T) {
	for name, on := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			on(th)
			var crowd []string
			for i := range 300 {
				id := fmt.Sprintf("U0CROWD%d", i)
				th.addPerson(id, fmt.Sprintf("crowd%d", i), fmt.Sprintf("Crowd %d", i), "")
				crowd = append(crowd, id)
			}
			th.begin()
			for range 500 {
				th.openedBy(carolID)
			}
			for _, who := range crowd {
				th.openedBy(who)
			}
			began := time.Now()
			th.typed(bobID, "me lost my phone")
			th.cardSays("Bob Reporter lost a device")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the card came after %s", took)
			}
			th.click(aliceID, bot.ActionConfirm)
			th.cardSays("sessions are revoked", "Verified")
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("the outcome came after %s", took)
			}
			th.until("Carol sees her Home tab", func() bool { _, shown := th.slack.Home(carolID); return shown })
			if n := most(th.published(carolID), bot.HomePause-100*time.Millisecond); n != 1 {
				t.Errorf("%d views for one person within %s", n, bot.HomePause)
			}
			// Notes are dropped while there are too many at once.
			th.poll("all have a Home tab open", func() bool {
				noted := th.noted()
				for _, who := range crowd {
					if !noted[who] {
						th.acked(th.openedBy(who))
					}
				}
				return len(noted) > len(crowd)
			})
			th.poll("60 views are published", func() bool { return len(th.published("")) >= 60 })
			time.Sleep(5 * aMoment)
			if n := most(th.published(""), time.Minute); n != 60 {
				t.Errorf("%d views within a minute", n)
			}
			th.once(t, 1)
			// The look-ups of so many readers leave room for those of an ask.
			th.typed(olgaID, "<@"+carolID+"> stolen laptop")
			th.cardSays("Revoke all sessions of Carol Target?")
		})
	}
}

// noted are the people who have a Home tab open, as the bot knows.
func (th *theatre) noted() map[string]bool {
	th.t.Helper()
	rows, err := th.sql().Query(`SELECT slack_id FROM homes`)
	if err != nil {
		th.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var who string
		if err := rows.Scan(&who); err != nil {
			th.t.Fatal(err)
		}
		all[who] = true
	}
	if err := rows.Err(); err != nil {
		th.t.Fatal(err)
	}
	return all
}

// TestHome_EventsThatAreNotOurs has events arrive that name another app or workspace, no
// person, or hostile text. Nothing is published, and nobody is looked up for them.
func TestHome_EventsThatAreNotOurs(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	inEvent := func(key string, value any) func(map[string]any) {
		return func(p map[string]any) { edit(key, value)(p["event"].(map[string]any)) }
	}
	for _, change := range []func(map[string]any){
		edit("api_app_id", "A0OTHER"), edit("api_app_id", nil), edit("team_id", "T0OTHER"), edit("team_id", nil), edit("event", nil), edit("event", map[string]any{}),
		inEvent("user", nil), inEvent("user", "<!channel>"), inEvent("user", "U"+long), inEvent("user", 7), inEvent("user", map[string]any{"id": carolID}),
		inEvent("tab", "messages"), inEvent("tab", nil), inEvent("type", "app_home_closed"),
	} {
		th.acked(th.slack.As(carolID).OpenHomeRaw(change))
	}
	th.acked(th.slack.As(carolID).OpenMessagesTab())
	th.acked(th.slack.As(bobID).OpenHome()) // comes last, and is published
	th.until("Bob sees his Home tab", func() bool { _, shown := th.slack.Home(bobID); return shown })
	time.Sleep(aMoment)
	if got := th.published(""); len(got) != 1 {
		t.Errorf("%d views were published", len(got))
	}
	if got := th.noted(); len(got) != 1 {
		t.Errorf("Home tabs of %v are open", got)
	}
	for _, c := range th.slack.CallsOf("users.info") {
		if c.Params["user"] == carolID {
			t.Error("Carol was looked up")
		}
	}
}

// TestHome_IsTakenBack has whoever has the bot token publish a view in between: at the next
// opening the bot's own takes its place at once.
func TestHome_IsTakenBack(t *testing.T) {
	r := newRaid(t, attack{})
	r.opensHome(aliceID, "Nothing waits for you.")
	r.lures(aliceID, bot.ActionHomeOwn, "")
	r.passes("6s")
	r.opensHome(aliceID, "Nothing waits for you.")
	r.homeNever(aliceID, "weather")
	// It is taken back as well when a request changes, and where nothing else would have.
	r.lures(aliceID, bot.ActionHomeOwn, "")
	r.passes("6s")
	r.ask(bobID, "<@"+carolID+"> stolen laptop")
	r.homeSays(aliceID, "Carol Target")
	r.homeNever(aliceID, "weather")
	for _, c := range r.slack.CallsOf("views.publish") {
		if hash, given := c.Params["hash"]; given && hash == "" {
			t.Error("an empty hash was sent, which no view has")
		}
	}
}

// refusals are ways in which Slack does not take a Home tab, and when it is tried again.
var refusals = map[string]struct {
	fault slacktest.Fault
	// notBefore is a moment at which it is not tried again yet, after one at which it is.
	notBefore, after time.Duration
}{
	"too often":          {slacktest.Fault{RetryAfter: 30 * time.Second}, 25 * time.Second, 31 * time.Second},
	"too often for long": {slacktest.Fault{RetryAfter: 90 * time.Second}, 80 * time.Second, 91 * time.Second},
	"internal error":     {slacktest.Fault{Error: "internal_error"}, 50 * time.Second, 61 * time.Second},
	"status 503":         {slacktest.Fault{Status: 503}, 50 * time.Second, 61 * time.Second},
	"a cut connection":   {slacktest.Fault{Reset: true}, 50 * time.Second, 61 * time.Second},
	"fatal_error":        {slacktest.Fault{Error: "fatal_error"}, 50 * time.Second, 61 * time.Second},
	"page, not JSON":     {slacktest.Fault{Body: "<html>"}, 50 * time.Second, 61 * time.Second},
}

// TestHome_Refused has Slack take no Home tab: it is tried again when it is time, and what
// else the bot does goes on.
func TestHome_Refused(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRaid(t, attack{})
			c.fault.Method = "views.publish"
			r.slack.Inject(c.fault)
			r.acked(r.slack.As(bobID).OpenHome())
			r.poll("it is tried", func() bool { return len(r.published("")) > 0 })
			r.ask(olgaID, "<@"+carolID+"> stolen laptop") // which Bob's Home tab does not show
			r.approves(aliceID, "sessions are revoked", "Verified")
			tried := len(r.published(""))
			r.passes(c.notBefore.String())
			time.Sleep(aMoment)
			if n := len(r.published("")); n != tried || n > 2 {
				t.Errorf("tried %d times, then %d times", tried, n)
			}
			r.slack.ClearFaults("views.publish")
			r.passes((c.after - c.notBefore).String())
			r.homeSays(bobID, "[I lost a device]")
			if n := len(r.entra.Posts()); n != 1 || !strings.Contains(r.log.String(), "cannot publish a Home tab") {
				t.Errorf("%d posts, or nothing in the log", n)
			}
		})
	}
}

// TestHome_OldManifest opens Home tabs of an app whose manifest has none: one call, and
// then none for an hour, whoever opens theirs.
func TestHome_OldManifest(t *testing.T) {
	for name, on := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			on(th)
			th.begin()
			th.slack.Inject(slacktest.Fault{Method: "views.publish", Error: "not_enabled"})
			for _, who := range []string{bobID, aliceID, amirID, olgaID, carolID} {
				th.acked(th.openedBy(who))
			}
			th.poll("it is tried", func() bool { return len(th.published("")) > 0 })
			th.typed(bobID, "me lost my phone")
			th.click(aliceID, bot.ActionConfirm)
			th.cardSays("sessions are revoked", "Verified")
			for range 5 {
				th.later(false, []string{"10m"})
				th.acked(th.openedBy(carolID))
				time.Sleep(aMoment)
			}
			if n := len(th.published("")); n != 1 {
				t.Errorf("tried %d times within an hour", n)
			}
			if n := strings.Count(th.log.String(), "the installed app has no Home tab"); n != 1 {
				t.Errorf("the log says it %d times", n)
			}
			th.slack.ClearFaults("views.publish")
			th.later(false, []string{"11m"})
			th.acked(th.openedBy(carolID))
			th.until("Carol sees her Home tab", func() bool { _, shown := th.slack.Home(carolID); return shown })
			th.once(t, 1)
		})
	}
}

// TestHome_LookUpsHang opens Home tabs while nobody answers who the readers are: reports
// and decisions of people who are known go on, and the Home tabs do not use up the places.
func TestHome_LookUpsHang(t *testing.T) {
	th := newTheatre(t)
	var crowd []string
	for i := range 40 {
		id := fmt.Sprintf("U0CROWD%d", i)
		th.addPerson(id, fmt.Sprintf("crowd%d", i), fmt.Sprintf("Crowd %d", i), "")
		crowd = append(crowd, id)
	}
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.cardSays("Bob Reporter lost a device")
	th.slack.Inject(slacktest.Fault{Method: "users.info", Hang: true, Match: func(p map[string]string) bool { return slices.Contains(crowd, p["user"]) }})
	th.entra.Inject(graphtest.Fault{Method: http.MethodGet, Hang: true, Match: func(q *http.Request) bool { return containsAll(q.URL.String(), []string{"crowd"}) }})
	for _, who := range crowd {
		th.acked(th.openedBy(who))
	}
	began := time.Now()
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("sessions are revoked", "Verified")
	th.typed(olgaID, "<@"+carolID+"> stolen laptop")
	th.cardSays("Carol Target")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d posts", n)
	}
	th.slack.ClearFaults()
	th.entra.ClearFaults()
}
