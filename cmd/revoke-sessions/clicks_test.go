package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// TestHundredClicks lets several approvers press the button a hundred times at
// once: one decision, one POST. A replay later changes nothing.
func TestHundredClicks(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	card := th.card()
	clicks := make([]*slacktest.Delivery, 100)
	var wg sync.WaitGroup
	for i := range clicks {
		who := []string{aliceID, amirID}[i%2]
		wg.Go(func() {
			// The message as it stood for everybody: pressed before it changed.
			clicks[i] = th.slack.As(who).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, bot.ActionConfirm, card.Buttons()[0].Value
			})
			th.acked(clicks[i])
		})
	}
	wg.Wait()
	th.cardSays("sessions are revoked", "Verified")
	decided := func() int {
		return th.acts(func(e bot.Entry) bool { return e.Action == "refused" && e.Reason == string(bot.AlreadyDecided) })
	}
	th.poll("all the others were told", func() bool { return decided() == 99 })
	th.once(t, 1)

	th.acked(clicks[0].Replay())    // the same envelope again
	th.acked(clicks[1].Redeliver()) // the same act in another envelope
	th.acked(clicks[2].Redeliver())
	th.acked(th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) { // a new click on the old message
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, bot.ActionConfirm, card.Buttons()[0].Value
	}))
	th.poll("the late one was told", func() bool { return decided() == 100 })
	th.once(t, 1)
}

// TestForeignValue presses a button of one request's card with another
// request's ID in it: neither card may suffer.
func TestForeignValue(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "<@"+carolID+"> stolen laptop")
	first := th.card()
	th.typed(bobID, "me lost my phone")
	th.until("two cards stand", func() bool { return len(th.slack.Messages(approvals)) == 2 })
	second := th.card()
	th.acked(th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, first.TS, bot.ActionConfirm, second.Buttons()[0].Value
	}))
	th.poll("it is refused", func() bool { return th.count("refused") == 1 })
	for _, m := range th.slack.Messages(approvals) {
		if m.Deleted || len(m.Buttons()) != 3 {
			t.Errorf("a card suffered: %s", plain(m))
		}
	}
	if n := len(th.entra.Posts()); n != 0 {
		t.Errorf("%d POSTs", n)
	}
}

// TestForgedClicks presses buttons that do not exist: nothing is revoked, and
// each is refused for its own reason.
func TestForgedClicks(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "<@"+carolID+"> stolen laptop")
	card := th.card()
	id := card.Buttons()[0].Value
	for _, forged := range []struct {
		name   string
		who    string
		forge  func(*slacktest.Click)
		reason string // "" where the bot does not even answer
	}{
		{"another channel", aliceID, func(c *slacktest.Click) { c.ChannelID, c.Message = general, []byte(`{}`) }, string(bot.WrongPlace)},
		{"another message", aliceID, func(c *slacktest.Click) { c.MessageTS = "1700000000.000100" }, string(bot.WrongPlace)},
		{"another app's message", aliceID, func(c *slacktest.Click) { c.MessageAppID = "A0OTHER" }, string(bot.WrongPlace)},
		{"an ID that does not exist", aliceID, func(c *slacktest.Click) { c.Value = "REQ-AAAAAA" }, string(bot.UnknownRequest)},
		{"an ID that is none", aliceID, func(c *slacktest.Click) { c.Value = "' OR 1=1 --" }, string(bot.UnknownRequest)},
		{"an account in place of an ID", aliceID, func(c *slacktest.Click) { c.Value = `{"user":"carol@contoso.example"}` }, string(bot.UnknownRequest)},
		{"a button that is not there", aliceID, func(c *slacktest.Click) { c.ActionID = bot.ActionRetry }, string(bot.NotRetryable)},
		{"another app", aliceID, func(c *slacktest.Click) { c.AppID = "A0OTHER" }, ""},
		{"an outsider with the right card", olgaID, func(*slacktest.Click) {}, "not_approver"},
	} {
		t.Run(forged.name, func(t *testing.T) {
			th.clock.advance(61 * time.Second) // or it is only counted
			before := th.count("refused")
			th.acked(th.slack.As(forged.who).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, bot.ActionConfirm, id
				forged.forge(c)
			}))
			if forged.reason == "" {
				return
			}
			th.poll("it is refused", func() bool { return th.count("refused") == before+1 })
			rows := th.audit()
			if got := rows[len(rows)-1].Reason; got != forged.reason {
				t.Errorf("refused for %s, want %s", got, forged.reason)
			}
		})
	}
	th.unheard(th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, "request.everything", id
	}))
	th.cardSays("Nothing is revoked yet")
	if n := len(th.entra.Posts()) + th.count("approved"); n != 0 {
		t.Errorf("%d POSTs and approvals by forged clicks", n)
	}
	if m := th.card(); m.Deleted || m.TS != card.TS {
		t.Error("a forged click removed the live card")
	}
	// And the real thing still works.
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("sessions are revoked")
}

// TestActsOfAnotherVersion has people do what only a newer version of the bot knows. An
// older replica does not ack it, so the person sees that it failed, and nothing is stored.
func TestActsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	th.begin()
	th.acked(th.slack.As(bobID).OpenHome())
	th.until("Bob's Home tab is published", func() bool { return th.standing("home:bob") == 1 })
	th.typed(bobID, "<@"+carolID+"> stolen laptop")
	card := th.card()
	th.quiet()
	onMessage := slacktest.Click{ChannelID: approvals, MessageTS: card.TS, Value: card.Buttons()[0].Value}
	for name, act := range map[string]func() *slacktest.Delivery{
		"a button on the card": func() *slacktest.Delivery {
			return th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = onMessage.ChannelID, onMessage.MessageTS, "request.snooze", onMessage.Value
			})
		},
		"a Home tab's button on the card": func() *slacktest.Delivery {
			return th.slack.As(aliceID).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = onMessage.ChannelID, onMessage.MessageTS, bot.ActionHomeCancel, onMessage.Value
			})
		},
		"a button in the Home tab": func() *slacktest.Delivery {
			return th.slack.As(bobID).PressHomeRaw(func(c *slacktest.Click) { c.ActionID = "home.everything" })
		},
		"a card's button in the Home tab": func() *slacktest.Delivery {
			return th.slack.As(aliceID).PressHomeRaw(func(c *slacktest.Click) { c.ActionID, c.Value = bot.ActionConfirm, onMessage.Value })
		},
		"a shortcut": func() *slacktest.Delivery {
			return th.slack.As(bobID).ShortcutRaw(bot.LostShortcut, func(p map[string]any) { p["callback_id"] = "report.another" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			th.unheard(act())
		})
	}
	th.cardSays("Nothing is revoked yet")
	if n := len(th.entra.Posts()) + th.count("approved") + th.count("cancelled"); n != 0 {
		t.Errorf("%d POSTs and decisions", n)
	}
}

// unheard waits until a person sees that the bot did not hear them.
func (th *theatre) unheard(d *slacktest.Delivery) {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	saw, err := d.Outcome(ctx)
	if err != nil || d.Err() != nil || saw != slacktest.OperationTimeout {
		th.t.Fatalf("saw %q, %v, %v", saw, err, d.Err())
	}
}
