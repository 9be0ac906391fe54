package engine_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph"
)

// crowd is a workshop with a Slack that takes one message a second in a channel.
type crowd struct {
	*workshop
	peek *sql.DB // the same database, for reading
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	return crowdIn(workshopWith(t, slacktest.Config{}))
}

func crowdIn(w *workshop) *crowd {
	w.Helper()
	t, c := w.T, &crowd{workshop: w}
	var err error
	if c.peek, err = sql.Open("sqlite", "file:"+c.path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.peek.Close() })
	return c
}

// asks stores an ask about a target, or a report of one's own device.
func (c *crowd) asks(id, who, target string, lane authz.Lane) bot.Request {
	c.Helper()
	now := c.clock.now()
	r, err := c.db.Commit(c.Context(), bot.Change{Request: bot.Request{
		ID: id, State: bot.Pending, Lane: lane, Operation: graph.InvalidateAllRefreshTokens, Need: 1,
		Askers: []authz.Asker{{SlackID: who, EntraID: who}}, Target: graph.User{ID: target},
		CreatedAt: now, ExpiresAt: now.Add(8 * time.Hour), DueAt: now.Add(8 * time.Hour), Words: bot.Words{DisplayName: target},
	}})
	if err != nil {
		c.Fatal(err)
	}
	return r
}

// settled waits until no telling is owed at this moment of the clock.
func (c *crowd) settled() {
	c.Helper()
	var owed int
	var err error
	if !testrun.Seen(patience, func() bool {
		err = c.peek.QueryRow(`SELECT count(*) FROM requests WHERE tell_due_at <= $1 OR tell_claimed_until > $1`, c.clock.now().UnixMicro()).Scan(&owed)
		return err == nil && owed == 0
	}) {
		c.Fatalf("%d tellings do not come to rest: %v", owed, err)
	}
}

// stand are the messages in the channel and its threads that contain a text.
func (c *crowd) stand(says string) (all []slacktest.Message) {
	for _, card := range c.slack.Messages(channelOfCards) {
		for _, m := range append(c.slack.Thread(channelOfCards, card.TS), card) {
			if strings.Contains(m.Text, says) && !slices.ContainsFunc(all, func(other slacktest.Message) bool { return other.TS == m.TS }) {
				all = append(all, m)
			}
		}
	}
	return all
}

// after is how many seconds of the clock pass until the channel shows a text.
func (c *crowd) after(most int, says string) int {
	c.Helper()
	for n := range most + 1 {
		c.settled()
		if len(c.stand(says)) > 0 {
			return n
		}
		c.clock.move(time.Second)
	}
	c.Errorf("%q does not stand in the channel after %d s", says, most)
	return most
}

// TestFlood_OfOnePersonDelaysNobody: one insider asks 400 times within 3 s, and may.
// Reports of lost phones, one ask of somebody else, and decisions still reach the
// channel within seconds.
func TestFlood_OfOnePersonDelaysNobody(t *testing.T) {
	c := newCrowd(t)
	for _, name := range []string{"dana", "erin", "gus", "flood"} {
		c.slack.AddUser(slacktest.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@contoso.example"})
	}
	decided := c.asks("REQ-BEFORE", "U0BOB", "Carol", authz.ThirdParty)
	defer c.start(c.db, nil)()
	c.after(3, "Carol")
	c.clock.move(time.Minute)
	for i := range 400 {
		if i%133 == 0 {
			c.settled()
			c.clock.move(time.Second)
		}
		c.asks(fmt.Sprintf("REQ-F%d", i), "U0FLOOD", fmt.Sprintf("Target %d.", i), authz.ThirdParty)
	}
	c.settled()
	c.asks("REQ-DANA", "U0DANA", "Dana", authz.Self)
	c.asks("REQ-ERIN", "U0ERIN", "Erin", authz.Self)
	c.asks("REQ-GUS", "U0GUS", "Heidi", authz.ThirdParty)
	for _, says := range []string{"Dana lost a device", "Erin lost a device", "Revoke all sessions of Heidi"} {
		c.after(5, says)
	}
	current, err := c.db.Request(c.Context(), decided.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.denied(current)
	c.after(3, "denied by <@U0ALICE>")
	// The flood is not lost either: it continues, oldest first.
	n := len(c.stand("Target"))
	if n > 60 {
		t.Errorf("%d cards of the flood in some seconds", n)
	}
	for range 10 {
		c.clock.move(time.Second)
		c.settled()
	}
	if more := len(c.stand("Target")) - n; more < 5 {
		t.Errorf("%d cards of the flood in the next 10 s", more)
	}
}

// TestFlood_OfReportsAboutOneAccount: 150 colleagues report one account. There is one
// card, and one note that names them, and somebody else's card is not delayed.
func TestFlood_OfReportsAboutOneAccount(t *testing.T) {
	c := newCrowd(t)
	r := c.asks("REQ-POPULAR", "U0BOB", "Carol", authz.ThirdParty)
	defer c.start(c.db, nil)()
	c.after(3, "Carol")
	for i := range 149 {
		r.Askers = append(r.Askers, authz.Asker{SlackID: fmt.Sprintf("U0C%d", i), EntraID: fmt.Sprint(i)})
		var err error
		if r, err = c.db.Commit(c.Context(), bot.Change{Request: r}); err != nil {
			t.Fatal(err)
		}
	}
	c.asks("REQ-OTHER", "U0ALICE", "Heidi", authz.ThirdParty)
	c.after(5, "Revoke all sessions of Heidi")
	c.after(30, "and 147 more")
	c.after(30, "Also asked by")
	c.clock.move(time.Minute)
	c.settled()
	notes := c.stand("Also asked by")
	if len(notes) != 1 || !strings.Contains(notes[0].Text, "and 139 more. Now only an approver can end it, with Deny.") {
		t.Errorf("the thread has %d notes of who asked too, of which the first says: %s", len(notes), append(notes, slacktest.Message{})[0].Text)
	}
}

// TestFlood_CardOfAThousandAskers: Slack accepts the card and all of its changes.
func TestFlood_CardOfAThousandAskers(t *testing.T) {
	c := newCrowd(t)
	r := c.asks("REQ-POPULAR", "U0BOB", "Carol", authz.ThirdParty)
	r.Words.Also = map[string]string{}
	for i := range 1000 {
		id := fmt.Sprintf("U0COLLEAGUE%d", i)
		r.Askers = append(r.Askers, authz.Asker{SlackID: id, EntraID: id})
		r.Words.Also[id] = strings.Repeat("I got a letter. ", 31)
	}
	if _, err := c.db.Commit(c.Context(), bot.Change{Request: r}); err != nil {
		t.Fatal(err)
	}
	defer c.start(c.db, nil)()
	c.after(3, "and 998 more")
	c.after(10, "Also asked by")
	for _, call := range c.slack.Calls() {
		if strings.Contains(call.Error, "too_long") || strings.Contains(call.Error, "invalid_blocks") {
			t.Errorf("%s was answered %s", call.Method, call.Error)
		}
	}
}

// TestLimits_TenAsksAnHourByDefault: one person may ask ten times an hour about others,
// including requests that they join, and still report their own device.
func TestLimits_TenAsksAnHourByDefault(t *testing.T) {
	s, _ := newFive(t)
	for range 9 {
		s.actsOut(t, s.typed(theAsker, "h2@contoso.example stolen laptop"))
	}
	s.actsOut(t, s.typed(theAsker, "h4@contoso.example stolen laptop"))
	s.actsOut(t, s.typed(theAsker, "h3@contoso.example stolen laptop"))
	last := func() bot.Entry {
		rows, err := s.rows(0)
		if err != nil {
			t.Fatal(err)
		}
		return rows[len(rows)-1].Entry
	}
	if e := last(); e.Action != "refused" || e.Reason != string(bot.OverLimit) || e.Actor != theAsker {
		t.Errorf("the eleventh ask: %+v", e)
	}
	s.actsOut(t, s.typed(theAsker, "me lost my phone"))
	if e := last(); e.Action != "requested" {
		t.Errorf("the report of their own device: %+v", e)
	}
	s.actsOut(t, s.typed(outsider, "h3@contoso.example stolen laptop"))
	if e := last(); e.Action != "requested" {
		t.Errorf("somebody else's ask: %+v", e)
	}
	s.clock.move(time.Hour + time.Second)
	s.actsOut(t, s.typed(theAsker, "h2@contoso.example once more"))
	if e := last(); e.Action != "joined" {
		t.Errorf("an hour later: %+v", e)
	}
}
