package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// Slack's bad day: whatever Slack does, what was confirmed is carried out once,
// and what is owed to people reaches them later, once. More of it is told in
// testdata/stories: archived_*, removed_meanwhile, channel_unreachable,
// card_deleted, too_old_to_edit, slack_*.

// standing counts the messages that somebody reads at a place.
func (th *theatre) standing(where string) (n int) {
	for _, m := range th.stands(where) {
		if !m.Deleted {
			n++
		}
	}
	return n
}

// toldOnce checks that one report was carried out once and told once.
func (th *theatre) toldOnce() {
	th.t.Helper()
	th.cardSays("sessions are revoked", "Verified")
	th.until("the thread has the result", func() bool { return th.standing("thread") > 0 })
	th.until("Bob has the outcome", func() bool {
		return slices.ContainsFunc(th.stands("dm:bob"), func(m slacktest.Message) bool { return strings.Contains(m.Text, "Done: ") })
	})
	th.quiet()
	for where, want := range map[string]int{"card": 1, "thread": 1, "dm:bob": 1} {
		if n := th.standing(where); n != want {
			th.t.Errorf("%d messages in %s, not %d\n%s", n, where, want, th.board())
		}
	}
	if n := len(th.entra.Posts()); n != 1 {
		th.t.Errorf("%d POSTs", n)
	}
	for _, action := range []string{"requested", "approved", "revoked", "verified"} {
		if n := th.count(action); n != 1 {
			th.t.Errorf("%d rows of %s", n, action)
		}
	}
}

// All that the bot says comes to nothing for ten minutes.
func TestSlackTakesNothingForTenMinutes(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"429":                     {Status: http.StatusTooManyRequests},
		"429 with a time":         {RetryAfter: time.Minute},
		"ratelimited with 200":    {Error: "ratelimited"},
		"500":                     {Status: http.StatusInternalServerError},
		"no answer":               {Hang: true},
		"connections that break":  {Reset: true},
		"an answer without a yes": {Body: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			th.begin()
			th.typed(bobID, "me lost my phone")
			th.card()
			th.until("Bob has a receipt", func() bool { return th.standing("dm:bob") == 1 })
			th.quiet()
			for _, method := range []string{"chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral", "response_url"} {
				fault.Method = method
				th.slack.Inject(fault)
			}
			th.click(aliceID, "request.confirm")
			th.poll("it is carried out all the same", func() bool { return th.count("verified") == 1 })
			for range 10 {
				th.quiet()
				th.clock.advance(time.Minute)
				if fault.Hang {
					break // each of them takes as long as a try may take
				}
			}
			th.quiet()
			if card := plain(th.card()); strings.Contains(card, "are revoked") {
				t.Fatalf("the card changed: %s", card)
			}
			th.slack.ClearFaults()
			th.clock.advance(10 * time.Minute)
			th.toldOnce()
		})
	}
}

// Socket Mode is switched off while a revoke waits for Microsoft: it goes on,
// people read of it, and the bot is there when the switch is on again.
func TestSocketModeSwitchedOffMeanwhile(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.card()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "1", Times: 1})
	th.click(aliceID, "request.confirm")
	th.cardSays("waiting to ask Microsoft Entra again")
	th.slack.Disconnect(slacktest.LinkDisabled)
	th.until("deaf", func() bool { return th.slack.Sockets() == 0 })
	th.clock.advance(2 * time.Second)
	th.cardSays("sessions are revoked", "Verified")
	th.poll("the log says so", func() bool { return strings.Contains(th.log.String(), "cannot connect to Slack") })
	th.slack.EnableSocketMode()
	th.until("heard again", func() bool { return th.slack.Sockets() > 0 })
	th.typed(bobID, "status")
	posts := th.entra.Posts()
	if n := len(posts); n != 2 || posts[0].Applied {
		t.Errorf("%d POSTs: %+v", n, posts)
	}
}

// insist has somebody do something until Slack shows them no error.
func (th *theatre) insist(act func() *slacktest.Delivery) {
	th.t.Helper()
	for end := time.Now().Add(2 * patience); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := act().Wait(ctx)
		if errors.Is(err, slacktest.ErrNoSocket) {
			_ = th.slack.Until(ctx, func() bool { return th.slack.Sockets() > 0 }) // or not yet
		}
		cancel()
		if err == nil {
			return
		}
	}
	th.t.Fatalf("nobody acks\n%s", th.board())
}

// Sockets are dropped while people act, sooner or later after they did, and they
// do it again when Slack says that it failed, whether it did or not.
func TestSocketsDroppedWhilePeopleAct(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	th.begin()
	acts := 0
	dropped := func(act func() *slacktest.Delivery) {
		t.Helper()
		th.insist(func() *slacktest.Delivery {
			d := act()
			if acts++; acts%2 == 1 { // the next is left alone
				time.Sleep(rand.N(20 * time.Millisecond))
				th.slack.DropSockets()
			}
			return d
		})
	}
	for range 3 {
		dropped(func() *slacktest.Delivery { return th.slack.As(bobID).Command(general, "me lost my phone") })
	}
	card := th.card()
	th.quiet() // a report that is carried out after the revoke is a new one
	for range 3 {
		dropped(func() *slacktest.Delivery {
			return th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, bot.ActionConfirm, card.Buttons()[0].Value
			})
		})
	}
	th.cardSays("sessions are revoked", "Verified")
	th.toldOnce()
	th.until("heard again", func() bool { return th.slack.Sockets() > 0 })
}

// The acks get lost: people are told that it failed, and it did not. Whoever
// does it again is told so, and nothing happens twice.
func TestAcksGetLost(t *testing.T) {
	t.Parallel()
	th := newTheatreWith(t, slacktest.Config{AckDeadline: time.Second})
	th.begin()
	th.slack.LoseAcks(true)
	fails := func(d *slacktest.Delivery) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if saw, err := d.Outcome(ctx); err != nil || saw != slacktest.OperationTimeout {
			t.Fatalf("saw %q, %v", saw, err)
		}
	}
	typed := th.slack.As(bobID).Command(general, "me lost my phone")
	card := th.card()
	fails(typed)
	confirm := th.slack.As(aliceID).Click(approvals, card.TS, "request.confirm")
	th.poll("it is carried out", func() bool { return th.count("verified") == 1 })
	fails(confirm)
	th.slack.LoseAcks(false)
	th.acked(confirm.Redeliver())
	typed.Replay()
	th.acked(typed) // an envelope has one ack that counts
	th.toldOnce()
}

// The channel is deleted for good, and whoever runs the bot names another one:
// the request gets a card there, and the old one counts no more.
func TestAnotherChannelInPlaceOfOneThatIsGone(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.card()
	th.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.BotIsMember = false })
	th.typed(bobID, "cancel "+th.requestID()) // which the card is to say
	th.until("Alice knows", func() bool { return th.standing("dm:alice") == 1 })
	th.end()
	th.slack.UpdateChannel(general, func(c *slacktest.Channel) { c.BotIsMember = true })
	th.more = map[string]string{"REVOKE_CHANNEL": general}
	th.begin()
	th.quiet()
	th.clock.advance(time.Minute)
	th.until("a card stands in the other channel", func() bool { return len(th.slack.Messages(general)) == 1 })
	card := th.slack.Messages(general)[0]
	th.acked(th.slack.As(aliceID).Click(general, card.TS, "request.confirm"))
	th.until("it is carried out", func() bool {
		return strings.Contains(plain(th.slack.Messages(general)[0]), "Verified") && len(th.slack.Thread(general, card.TS)) > 1
	})
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}
