package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// storm is how much happens how fast.
type storm struct {
	cards    int // that wait for a decision when it begins
	commands int
	clicks   int
	lasts    time.Duration
	refresh  time.Duration // pause between two refreshes of a socket
}

// The storm of an incident: everybody reports, everybody clicks.
var wholeStorm = storm{cards: 200, commands: 1000, clicks: 2000, lasts: 10 * time.Second, refresh: 4 * time.Second}

// part is the storm with so many cards, and all else in proportion. A socket is
// refreshed after two thirds of it.
func part(cards int) storm {
	lasts := time.Duration(cards) * 300 * time.Millisecond
	return storm{cards: cards, commands: 5 * cards, clicks: 10 * cards, lasts: lasts, refresh: 2 * lasts / 3}
}

// TestStorm plays a part of it: what was acked is done, once, and what was not
// acked at most once. How fast the whole is, BenchmarkStorm tells.
func TestStorm(t *testing.T) {
	for name, choose := range databases {
		t.Run(name, func(t *testing.T) {
			th := newTheatreWith(t, slacktest.Config{NoRateLimits: "everybody reports at once"})
			choose(th)
			th.begin()
			s := part(testrun.StormCards.Times())
			took, acts := th.rages(s), s.commands+s.clicks
			if len(took) < 2*acts/3 {
				t.Errorf("only %d of %d were acked in time", len(took), acts)
			}
		})
	}
}

// BenchmarkStorm is a thousand commands and two thousand clicks in ten seconds
// while Slack refreshes sockets. An ack that is on its way when its socket is
// refreshed does not count for Slack, as far as is known: "unacked" are these.
func BenchmarkStorm(b *testing.B) {
	onEach(b, func(b *testing.B, th *theatre) {
		th.begin()
		for b.Loop() {
			b.StopTimer()
			took := th.rages(wholeStorm)
			percentiles(b, "ack", took)
			b.ReportMetric(float64(wholeStorm.commands+wholeStorm.clicks-len(took)), "unacked")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ack-max-ms")
			b.StartTimer()
		}
	})
}

// slackWaits is longer than Slack waits for an ack.
const slackWaits = 4 * time.Second

// act is one command or click of a storm, and what Slack's side saw of it.
type act struct {
	who   string // of a report
	card  string // ts of the card of a click
	do    func() *slacktest.Delivery
	acked bool
	took  time.Duration
}

// rages plays a storm and demands that everything acked is done, once. It
// answers how long each ack took that came in time.
func (th *theatre) rages(s storm) (took []time.Duration) {
	th.t.Helper()
	th.bothSockets()
	waiting := th.cardsFor(s.cards)
	var ids []string
	for _, card := range waiting {
		ids = append(ids, th.requestOf(card))
	}
	before := len(th.entra.Posts())
	var acts []*act
	for i := range s.commands {
		who, text := fmt.Sprintf("U1STORM%d", before+i), "me lost my phone"
		switch i % 10 {
		case 0:
			text = "help"
		case 1:
			text = "status"
		default:
			th.joins(who, before+i)
		}
		a := &act{do: func() *slacktest.Delivery { return th.slack.As(who).Command(general, text) }}
		if i%10 < 2 {
			who = bobID
		} else {
			a.who = who
		}
		acts = append(acts, a)
	}
	for i := range s.clicks {
		card, id := waiting[i%len(waiting)].TS, ids[i%len(waiting)]
		who := []string{aliceID, olgaID, amirID, aliceID}[i/len(waiting)%4]
		// Raw, for whoever is late still sees the button.
		acts = append(acts, &act{card: card, do: func() *slacktest.Delivery {
			return th.slack.As(who).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card, bot.ActionConfirm, id
			})
		}})
	}
	const seed = 5
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })

	calm := make(chan struct{})
	var refreshing, all sync.WaitGroup
	refreshing.Go(func() {
		for tick := time.Tick(s.refresh); ; {
			select {
			case <-tick:
				th.slack.DisconnectSocket(th.slack.OldestSocket(), slacktest.RefreshRequested)
			case <-calm:
				return
			}
		}
	})
	pace := time.NewTicker(s.lasts / time.Duration(len(acts)))
	for _, a := range acts {
		<-pace.C
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), slackWaits)
			defer cancel()
			ack, err := a.do().Wait(ctx)
			stored := !strings.Contains(string(ack.Payload), "Nothing was stored")
			a.acked, a.took = err == nil && ack.Rejected == "" && !ack.Late && stored, ack.Latency
		})
	}
	pace.Stop()
	all.Wait()
	close(calm)
	refreshing.Wait()

	// Slack takes a message a second: their time is moved on, not ours.
	th.settles(s.cards + s.commands)
	decided, asked := map[string]int{}, map[string]int{}
	for _, e := range th.audit() {
		switch {
		case e.Action == "approved" && e.Actor != "bot": // the bot's own: not done, and back in the line
			decided[e.Request]++
		case e.Action == "requested":
			asked[e.Actor]++
		}
	}
	clicked := map[string]bool{}
	for _, a := range acts {
		if a.acked {
			took = append(took, a.took)
		}
		if n := asked[a.who]; a.who != "" && (n > 1 || a.acked && n == 0) {
			th.t.Errorf("%s: acked %t, and %d requests", a.who, a.acked, n)
		}
		clicked[a.card] = clicked[a.card] || a.acked
	}
	for _, card := range waiting {
		if id := th.requestOf(card); clicked[card.TS] && decided[id] != 1 {
			th.t.Errorf("%s was decided %d times", id, decided[id])
		}
	}
	if n := len(th.entra.Posts()) - before; n != len(waiting) {
		th.t.Errorf("%d POSTs for %d decisions", n, len(waiting))
	}
	slices.Sort(took)
	return took
}

// bothSockets has the second socket opened now and not in hours: whoever has
// lost one does not wait with the other.
func (th *theatre) bothSockets() {
	th.t.Helper()
	if th.slack.Sockets() < 2 {
		th.slack.DropSocket(th.slack.OldestSocket())
	}
	th.until("two sockets are open", func() bool { return th.slack.Sockets() == 2 })
}

// cardsFor has people report until n cards wait for a decision.
func (th *theatre) cardsFor(n int) (cards []slacktest.Message) {
	th.t.Helper()
	known := len(th.cards())
	for i := range n {
		who := fmt.Sprintf("U2CALM%d", known+i)
		th.joins(who, 1_000_000+known+i)
		th.typed(who, "me lost my phone")
		if i%10 == 9 || i == n-1 {
			th.until("the cards stand", func() bool { return len(th.cards()) == known+i+1 })
			th.quiet()
			th.clock.advance(time.Minute)
		}
	}
	return th.cards()[known:]
}

// joins adds somebody who may type in the general channel.
func (th *theatre) joins(who string, n int) {
	th.addPerson(who, fmt.Sprintf("person%d", n), fmt.Sprintf("Person %d", n), fmt.Sprintf("10000000-0000-4000-8000-%012d", n))
	th.slack.UpdateChannel(general, func(c *slacktest.Channel) { c.Members = append(c.Members, who) })
}

// settles moves the clock on until nothing is owed any more, as n messages need.
func (th *theatre) settles(n int) {
	th.t.Helper()
	db := th.sql()
	left := func() (left int) {
		if err := db.QueryRow(`SELECT (SELECT count(*) FROM arrivals WHERE due_at IS NOT NULL)
			+ (SELECT count(*) FROM requests WHERE state IN ('approved', 'executing', 'unknown', 'revoked') OR tell_due_at IS NOT NULL)`).Scan(&left); err != nil {
			th.t.Fatal(err)
		}
		return left
	}
	for range n {
		was := left()
		if was == 0 {
			return
		}
		th.quietWithin(3 * time.Minute)
		th.clock.advance(30 * time.Second)
	}
	th.t.Fatalf("%d rows still owe something\n", left())
}
