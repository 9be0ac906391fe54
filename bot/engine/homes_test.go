package engine_test

import (
	"fmt"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// withHomes is a workspace whose app has a Home tab.
func withHomes() slacktest.Config {
	return slacktest.Config{HomeTab: true, NoRateLimits: "the clock stands until a test moves it"}
}

// opensHome notes that somebody has opened their Home tab, as the bot does at an event.
func (w *workshop) opensHome(who string) {
	w.Helper()
	if err := w.db.OpenHome(w.Context(), who); err != nil {
		w.Fatal(err)
	}
}

// publishes waits until n Home tabs have been published in all, and looks a little later
// whether there are more.
func (w *workshop) publishes(n int) {
	w.Helper()
	calls := func() int { return len(w.slack.CallsOf("views.publish")) }
	w.wait(fmt.Sprintf("%d Home tabs are published", n), func() bool { return calls() >= n })
	time.Sleep(20 * 5 * time.Millisecond) // 20 rounds of the bot's clock
	if got := calls(); got != n {
		w.Fatalf("%d Home tabs were published, want %d", got, n)
	}
}

// TestHomes_OneViewOfOnePersonInAPause: somebody opens their Home tab again and again.
func TestHomes_OneViewOfOnePersonInAPause(t *testing.T) {
	w := workshopWith(t, withHomes())
	defer w.start(w.db, nil)()
	w.opensHome("U0BOB")
	w.publishes(1)
	for range 50 {
		w.opensHome("U0BOB")
	}
	w.clock.move(bot.HomePause - time.Second)
	w.publishes(1)
	w.opensHome("U0ALICE") // another person need not wait
	w.publishes(2)
	w.clock.move(2 * time.Second)
	w.publishes(3)
}

// TestHomes_SixtyAMinute: a hundred people open theirs, more than can be looked up. The
// others come a minute later, and are not kept waiting by views that stay as they are.
func TestHomes_SixtyAMinute(t *testing.T) {
	w := workshopWith(t, withHomes())
	for i := range 100 {
		id := fmt.Sprintf("U0CROWD%d", i)
		w.slack.AddUser(slacktest.User{ID: id, Name: fmt.Sprintf("crowd%d", i), Email: fmt.Sprintf("crowd%d@contoso.example", i)})
		w.opensHome(id)
	}
	defer w.start(w.db, nil)()
	w.publishes(60)
	w.clock.move(30 * time.Second)
	w.publishes(60)
	w.clock.move(31 * time.Second)
	w.wait("the last of them has a view", func() bool {
		for i := range 100 {
			if _, shown := w.slack.Home(fmt.Sprintf("U0CROWD%d", i)); !shown {
				return false
			}
		}
		return true
	})
}

// TestHomes_SlackAskedToWait: nobody's Home tab is published until Slack takes calls again.
func TestHomes_SlackAskedToWait(t *testing.T) {
	w := workshopWith(t, withHomes())
	w.slack.Inject(slacktest.Fault{Method: "views.publish", RetryAfter: 40 * time.Second, Times: 1})
	defer w.start(w.db, nil)()
	w.opensHome("U0BOB")
	w.publishes(1)
	w.opensHome("U0ALICE")
	w.clock.move(35 * time.Second)
	w.publishes(1)
	w.clock.move(6 * time.Second)
	w.publishes(3)
}

// TestHomes_AfterEverythingElse: while something is to be told, no Home tab is published.
func TestHomes_AfterEverythingElse(t *testing.T) {
	w := workshopWith(t, withHomes())
	for i := range 20 {
		w.opensHome(fmt.Sprintf("U0CROWD%d", i))
	}
	w.opensHome("U0BOB")
	w.asked("REQ-BBBBBB", "Carol")
	defer w.start(w.db, nil)()
	w.wait("Bob's Home tab is published", func() bool { _, shown := w.slack.Home("U0BOB"); return shown })
	published := false
	for _, c := range w.slack.Calls() {
		published = published || c.Method == "views.publish"
		if c.Method == "chat.postMessage" && c.Params["channel"] == channelOfCards {
			if published {
				t.Error("a Home tab was published before the card was posted")
			}
			return
		}
	}
	t.Error("no card was posted")
}
