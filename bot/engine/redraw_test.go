package engine_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

const otherChannel = "C0OTHER"

// everybody is a directory in which each address has an account.
type everybody struct{ bot.Entra }

func (everybody) Find(_ context.Context, _ graph.Key, address string) ([]graph.User, error) {
	return []graph.User{{ID: "account of " + address, UPN: address, Mail: address, Disabled: graph.No, Guest: graph.No}}, nil
}

func asItWas(*bot.Config) {}

// standing are the messages that contain all of the texts.
func standing(all []slacktest.Message, says ...string) (found []slacktest.Message) {
	for _, m := range all {
		if !slices.ContainsFunc(says, func(s string) bool { return !strings.Contains(m.Text, s) }) {
			found = append(found, m)
		}
	}
	return found
}

// telling counts the calls that post or edit a message.
func (w *workshop) telling() int {
	n := 0
	for _, call := range append(w.slack.CallsOf("chat.postMessage"), w.slack.CallsOf("chat.update")...) {
		if !strings.Contains(call.Params["text"], "Too few approvers") { // that notice may come at any time
			n++
		}
	}
	return n
}

// retold counts the calls of Retell, and the tellings after the first one.
type retold struct {
	*store.Store
	owed, told atomic.Int64
}

func (r *retold) Retell(ctx context.Context) error {
	r.owed.Add(1)
	return r.Store.Retell(ctx)
}

func (r *retold) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	if r.owed.Load() > 0 {
		defer r.told.Add(1)
	}
	return r.Store.Told(ctx, t, version, retry)
}

// restarted posts a card, and starts the bot again with another configuration.
func restarted(t *testing.T, change func(*bot.Config)) (w *workshop, card slacktest.Message, end func()) {
	w = newWorkshop(t)
	w.slack.AddUser(slacktest.User{ID: "U0AMIR", Name: "amir", Email: "amir@contoso.example"})
	w.slack.AddChannel(slacktest.Channel{ID: otherChannel, Name: "incidents", BotIsMember: true})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	first := w.startAs(w.db, transport, everybody{}, asItWas)
	w.asked("REQ-ACDEFG", "Carol")
	w.wait("card and receipt stand", func() bool { return len(w.stand("Carol")) == 1 && len(w.slack.DMs("U0BOB")) == 1 })
	card = w.stand("Carol")[0]
	first()
	w.clock.move(time.Second)
	return w, card, w.startAs(w.db, transport, everybody{}, change)
}

// TestRedraw_NewChannel: with another REVOKE_CHANNEL, the card of a pending request is
// posted there and notifies. The old card has no buttons and names the new channel.
func TestRedraw_NewChannel(t *testing.T) {
	w, card, end := restarted(t, func(c *bot.Config) { c.Channel = otherChannel })
	defer end()
	w.wait("the card stands in the other channel", func() bool { return len(standing(w.slack.Messages(otherChannel), "Carol", "REQ-ACDEFG")) == 1 })
	live := standing(w.slack.Messages(otherChannel), "Carol")[0]
	if len(live.Buttons()) == 0 {
		t.Errorf("the new card has no buttons: %s", live.Text)
	}
	w.wait("the old one says so", func() bool { return len(w.stand("has moved to another channel")) == 1 })
	old := w.stand("has moved to another channel")[0]
	if old.TS != card.TS || len(old.Buttons()) > 0 || !strings.Contains(old.Text, "The live card is in <#"+otherChannel+">") || strings.Contains(old.Text, "archives/") {
		t.Errorf("the old card says %q, with buttons %v", old.Text, old.Buttons())
	}
	places, err := w.db.Places(t.Context(), "REQ-ACDEFG")
	if err != nil || places["card"].TS != live.TS || places["card"].Channel != otherChannel {
		t.Errorf("the live card is %v, %v", places["card"], err)
	}
	w.slack.UpdateChannel(channelOfCards, func(c *slacktest.Channel) { c.Archived = true })
	r, err := w.db.Request(t.Context(), "REQ-ACDEFG")
	if err != nil {
		t.Fatal(err)
	}
	w.denied(r)
	w.wait("the outcome stands in the other channel", func() bool {
		return len(standing(w.slack.Thread(otherChannel, live.TS), "denied by")) == 2 // card and thread
	})
}

// TestRedraw_StaysWhereItCan: if nothing can be posted in the new channel, the old card
// stays the live one.
func TestRedraw_StaysWhereItCan(t *testing.T) {
	w, card, end := restarted(t, func(c *bot.Config) { c.Channel = "C0NOWHERE"; c.Policy = authz.New("U0ALICE", "U0AMIR") })
	defer end()
	w.wait("the old card is redrawn", func() bool { return len(w.stand("<@U0AMIR>")) == 1 })
	if m := w.stand("Carol")[0]; m.TS != card.TS || len(m.Buttons()) == 0 {
		t.Errorf("the old card says %q, with buttons %v", m.Text, m.Buttons())
	}
}

// TestRedraw_NewApprovers: exactly those who may decide now are named.
func TestRedraw_NewApprovers(t *testing.T) {
	w, card, end := restarted(t, func(c *bot.Config) { c.Policy = authz.New("U0AMIR") })
	defer end()
	w.wait("the card names them", func() bool { return len(w.stand("<@U0AMIR>")) == 1 })
	if m := w.stand("Carol")[0]; m.TS != card.TS || strings.Contains(m.Text, "<@U0ALICE>") {
		t.Errorf("the card says %q", m.Text)
	}
	w.wait("so does the receipt", func() bool { return len(standing(w.slack.DMs("U0BOB"), "<@U0AMIR>")) == 1 })
}

// TestRedraw_NewEmergency: a receipt names the current number.
func TestRedraw_NewEmergency(t *testing.T) {
	w, _, end := restarted(t, func(c *bot.Config) { c.Emergency = "Call 555-0199." })
	defer end()
	w.wait("the receipt names it", func() bool { return len(standing(w.slack.DMs("U0BOB"), "555-0199")) == 1 })
}

// TestRedraw_AnotherApp: another app cannot edit the card, and posts its own.
func TestRedraw_AnotherApp(t *testing.T) {
	w, card, end := restarted(t, func(c *bot.Config) { c.Emergency = "Call 555-0199."; c.Policy = authz.New("U0AMIR") })
	defer end()
	w.slack.Inject(slacktest.Fault{Method: "chat.update", Error: "cant_update_message", Times: 1, Match: func(p map[string]string) bool { return p["ts"] == card.TS }})
	w.wait("the card names them", func() bool { return len(w.stand("<@U0AMIR>")) == 1 })
}

// TestRedraw_NothingChanged: a restart with the same configuration says nothing.
func TestRedraw_NothingChanged(t *testing.T) {
	w, _, end := restarted(t, asItWas)
	end()
	w.clock.move(bot.ClaimFor) // until its claims lapse
	said, again := w.telling(), &retold{Store: w.db}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	end = w.startAs(again, transport, everybody{}, asItWas)
	w.wait("it was told again", func() bool { return again.told.Load() > 0 })
	end()
	if now := w.telling(); now != said {
		t.Errorf("%d calls for nothing new", now-said)
	}
}

// TestChannel_IsWatched: the channel is archived while a card waits. Within a minute
// approver and requester read so, and it is taken back when the channel is open again.
func TestChannel_IsWatched(t *testing.T) {
	w := newWorkshop(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	defer w.startAs(w.db, transport, everybody{}, asItWas)()
	w.asked("REQ-ACDEFG", "Carol")
	w.wait("card and receipt stand", func() bool { return len(w.stand("Carol")) == 1 && len(w.slack.DMs("U0BOB")) == 1 })
	w.slack.UpdateChannel(channelOfCards, func(c *slacktest.Channel) { c.Archived = true })
	w.clock.move(61 * time.Second)
	w.wait("Alice reads it", func() bool {
		return len(standing(w.slack.DMs("U0ALICE"), "Carol", "I cannot reach the approvers' channel")) == 1
	})
	w.wait("so does Bob", func() bool {
		return len(standing(w.slack.DMs("U0BOB"), "I cannot reach the approvers' channel now", "<@U0ALICE>")) == 1
	})
	w.slack.UpdateChannel(channelOfCards, func(c *slacktest.Channel) { c.Archived = false })
	w.clock.move(61 * time.Second)
	w.wait("it is open again", func() bool { return len(standing(w.slack.DMs("U0BOB"), "cannot reach")) == 0 })
	if n := len(standing(w.slack.DMs("U0ALICE"), "Carol")); n != 1 {
		t.Errorf("Alice has %d messages about it", n)
	}
}
