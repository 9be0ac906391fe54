package listen

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// openForm opens the request form for Bob and returns its view ID.
func openForm(w *workspace, r *running) string {
	w.t.Helper()
	w.acked(w.bob())
	arrivals := r.inbox.stored()
	trigger := string(arrivals[len(arrivals)-1].TriggerID)
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	view, err := r.cfg.API.OpenViewContext(w.ctx, trigger, slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: bot.FormCallback, PrivateMetadata: "17",
		Title: plain("Report"), Submit: plain("Report"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock(bot.FormTargetBlock, plain("Who"), nil,
				slack.NewOptionsSelectBlockElement(slack.OptTypeUser, nil, bot.FormTargetAction)),
			slack.NewInputBlock(bot.FormReasonBlock, plain("Why"), nil,
				slack.NewPlainTextInputBlockElement(nil, bot.FormReasonAction)),
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return view.View.ID
}

var filled = slacktest.Values{
	bot.FormTargetBlock: {bot.FormTargetAction: "U2"},
	bot.FormReasonBlock: {bot.FormReasonAction: typed},
}

func TestListener_StoresCommandClickAndForm(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	next := make(chan bot.ArrivalKind, 3)
	r.inbox.set(func(_ context.Context, a bot.Arrival) (any, func(), error) {
		var reply any
		if a.Kind == bot.CommandArrival {
			reply = map[string]string{"response_type": "ephemeral", "text": "Got it."}
		}
		return reply, func() { next <- a.Kind }, nil
	})

	form := openForm(w, r)
	if e := w.Ephemerals("U1"); len(e) != 1 || e[0].Text != "Got it." {
		t.Errorf("Bob sees %v", e)
	}
	w.acked(w.As("U1").Submit(form, filled))
	w.acked(w.clickAs("U8", func(c *slacktest.Click) { c.MessageAppID = "A0FORGED" }))
	acted := map[bot.ArrivalKind]int{}
	for range 3 {
		select {
		case kind := <-next:
			acted[kind]++
		case <-w.ctx.Done():
			t.Fatalf("acted on %v only", acted)
		}
	}
	if len(acted) != 3 {
		t.Errorf("acted on %v", acted)
	}

	got := r.inbox.stored()
	if len(got) != 3 {
		t.Fatalf("%d arrivals", len(got))
	}
	for _, a := range got {
		if a.AppID != w.AppID() || a.TeamID != w.TeamID() || a.Envelope == "" || a.Key == "" || time.Since(a.ReceivedAt) > time.Minute {
			t.Errorf("arrival %+v", a)
		}
	}
	if c := got[0]; c.Kind != bot.CommandArrival || c.UserID != "U1" || c.ChannelID != "C1" || c.Text != typed ||
		c.TriggerID == "" || c.ResponseURL == "" {
		t.Errorf("command %+v", c)
	}
	if f := got[1]; f.UserID != "U1" || f.PickedUser != "U2" || f.Reason != typed || f.Metadata != "17" || f.CallbackID != bot.FormCallback {
		t.Errorf("form %+v", f)
	}
	// Package listen passes on strangers and forged apps; the bot refuses them with a message.
	if c := got[2]; c.UserID != "U8" || c.UserTeamID != "T0OTHER" || c.MessageAppID != "A0FORGED" || c.ChannelID != "C1" ||
		c.MessageTS != "1700000000.000100" || c.ActionID != "request.confirm" || c.Value != "REQ-7F3K2M" {
		t.Errorf("click %+v", c)
	}
	if counts := r.Counts(); counts.Stored != 3 || counts.Received != 3 {
		t.Errorf("counts %+v", counts)
	}
}

// The bot must not act on an arrival that was not stored, and must tell the person.
func TestListener_SaysThatNothingWasStored(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckDeadline: 500 * time.Millisecond})
	r := connected(w, func(l *Listener) { l.cfg.PersistTimeout = 50 * time.Millisecond })
	form := openForm(w, r)

	for name, receive := range map[string]func(context.Context, bot.Arrival) (any, func(), error){
		"the inbox fails": func(context.Context, bot.Arrival) (any, func(), error) {
			return "ignored", func() { t.Error("acted on what was not stored") }, errDisk
		},
		"the inbox takes too long": func(ctx context.Context, _ bot.Arrival) (any, func(), error) {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.inbox.set(receive)
			before := r.Counts()

			var said struct{ ResponseType, Text string }
			answer := strings.ReplaceAll(w.acked(w.bob()), "response_type", "responseType")
			if err := json.Unmarshal([]byte(answer), &said); err != nil || said.ResponseType != "ephemeral" || said.Text != nothingStored {
				t.Errorf("ack of the command: %s", answer)
			}

			w.acked(w.As("U1").Submit(form, filled))
			views := w.Views("U1")
			if len(views) != 1 || views[0].Errors[bot.FormReasonBlock] != nothingStored {
				t.Errorf("the form shows %+v", views)
			}

			w.failed(w.alice())
			after := r.Counts()
			if after.Stored != before.Stored || after.Refused != before.Refused+3 {
				t.Errorf("counts %+v, before %+v", after, before)
			}
		})
	}
}

// Slack drops an ack whose error names a field that the form does not have.
func TestRefusal_NamesABlockOfTheForm(t *testing.T) {
	for callback, block := range bot.FormErrorBlocks {
		if block == "" {
			continue // see TestFormRefusal_WithoutAField
		}
		text, err := json.Marshal(refusal(bot.Arrival{Kind: bot.FormArrival, CallbackID: callback}))
		if want := `{"errors":{"` + block + `":"` + nothingStored + `"},"response_action":"errors"}`; err != nil || string(text) != want {
			t.Errorf("%s: %s, %v", callback, text, err)
		}
	}
}

// A form without a field shows the words in its place.
func TestFormRefusal_WithoutAField(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	form := openForm(w, r)
	r.inbox.set(func(context.Context, bot.Arrival) (any, func(), error) { return formRefusal(""), nil, nil })
	w.acked(w.As("U1").Submit(form, filled))
	views := w.Views("U1")
	if len(views) != 1 || views[0].Plain() != "Not stored\n"+nothingStored+"\n[Close]" {
		t.Errorf("the form shows %+v", views)
	}
}

func TestListener_DropsForeignEnvelopes(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	for name, d := range map[string]*slacktest.Delivery{
		"command of another app":          w.As("U1").CommandRaw("C1", typed, func(p map[string]any) { p["api_app_id"] = "A0OTHER" }),
		"command of no app":               w.As("U1").CommandRaw("C1", typed, func(p map[string]any) { delete(p, "api_app_id") }),
		"command of another workspace":    w.As("U1").CommandRaw("C1", typed, func(p map[string]any) { p["team_id"] = "T0OTHER" }),
		"command of no workspace":         w.As("U1").CommandRaw("C1", typed, func(p map[string]any) { delete(p, "team_id") }),
		"click on another app's envelope": w.clickAs("U2", func(c *slacktest.Click) { c.AppID = "A0OTHER" }),
		"link button":                     w.clickAs("U2", func(c *slacktest.Click) { c.ActionID = bot.ActionOpenSettings }),
		"two buttons at once": w.clickAs("U2", func(c *slacktest.Click) {
			c.Edit = func(p map[string]any) {
				actions, err := json.Marshal(p["actions"])
				if err != nil {
					t.Error(err)
				}
				both := append(actions[:len(actions)-1:len(actions)-1], ',')
				p["actions"] = json.RawMessage(append(both, actions[1:]...))
			}
		}),
	} {
		if payload := w.acked(d); payload != "" {
			t.Errorf("%s: ack %s", name, payload)
		}
	}
	if got := r.inbox.stored(); len(got) > 0 {
		t.Errorf("reached the inbox: %+v", got)
	}
	if c := r.Counts(); c.Ignored != 6 || c.Undecodable != 1 {
		t.Errorf("counts %+v", c)
	}
	if log := r.logs.String(); strings.Count(log, "meant for another app") != 3 || strings.Count(log, "typed in another workspace") != 2 {
		t.Errorf("log:\n%s", log)
	}
	w.acked(w.clickAs("U2", func(c *slacktest.Click) { c.Edit = func(p map[string]any) { p["team"] = nil } }))
	if got := r.inbox.stored(); len(got) != 1 || got[0].TeamID != "" {
		t.Errorf("a click with team null is an organisation's: %+v", got)
	}
}

// An envelope of any bytes is acked if it has an ID, and the next command works.
func TestListener_AcksUndecodableEnvelopes(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	acked := map[string][]byte{
		"no-object":       rawEnvelope("no-object", "slash_commands", `"TYPED-TEXT"`),
		"wrong-types":     rawEnvelope("wrong-types", "slash_commands", `{"user_id":{"TYPED-TEXT":1}}`),
		"array":           rawEnvelope("array", "interactive", `["TYPED-TEXT"]`),
		"no-user":         rawEnvelope("no-user", "interactive", `{"type":"block_actions","message":{"text":"TYPED-TEXT","blocks":7}}`),
		"unheard-of":      rawEnvelope("unheard-of", "telepathy", `{"text":"TYPED-TEXT"}`),
		"event":           rawEnvelope("event", "events_api", `{"type":"event_callback","event":{"type":"nonsense"}}`),
		"type-is-number":  []byte(`{"envelope_id":"type-is-number","type":7,"payload":{"text":"TYPED-TEXT"}}`),
		"retry-is-object": []byte(`{"envelope_id":"retry-is-object","retry_attempt":{},"type":"slash_commands","payload":{}}`),
		"null-payload":    rawEnvelope("null-payload", "slash_commands", `null`),
	}
	for _, frame := range acked {
		if err := w.SendRaw(frame); err != nil {
			t.Fatal(err)
		}
	}
	for _, frame := range []string{
		``, `{`, `TYPED-TEXT`, `null`, `7`, `[]`, `{}`, `{"envelope_id":9,"type":"slash_commands"}`,
		`{"envelope_id":"` + strings.Repeat("x", 1000) + `","type":"slash_commands","payload":{}}`,
	} {
		if err := w.SendRaw([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	w.acked(w.bob())
	for id := range acked {
		w.until("ack of "+id, func() bool { _, ok := w.ackOf(id); return ok })
	}
	if got := r.inbox.stored(); len(got) != 1 || got[0].Text != typed {
		t.Errorf("stored %+v", got)
	}
	if bad := w.BadFrames(); len(bad) > 0 {
		t.Errorf("sent Slack %q", bad)
	}
	if n := len(w.Acks()); n != len(acked)+1 {
		t.Errorf("%d acks, want %d", n, len(acked)+1)
	}
	if r.Counts().Panics != 0 || w.Sockets() != 1 {
		t.Errorf("counts %+v, %d sockets", r.Counts(), w.Sockets())
	}
}

// slack-go rejects these envelopes, but the bot does not need their odd parts.
func TestListener_ReadsEnvelopesThatSlackGoRejects(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	w.acked(w.As("U1").CommandRaw("C1", typed, func(p map[string]any) { p["is_enterprise_install"] = "" }))
	w.acked(w.clickAs("U2", func(c *slacktest.Click) {
		c.Message = json.RawMessage(`{"ts":"1700000000.000100","app_id":"A0SLACKTEST","blocks":[{"type":"section","text":7}]}`)
	}))
	got := r.inbox.stored()
	if len(got) != 2 || got[0].Text != typed || got[1].ActionID != "request.confirm" {
		t.Errorf("stored %+v", got)
	}
}

func TestListener_StoresDuplicatesOnce(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)

	g := newGate()
	r.inbox.set(g.receive)
	first := w.bob()
	g.held(w)
	again := first.Replay()
	w.until("noticed while under way", func() bool { return r.Counts().Duplicates == 1 })
	close(g.open)
	w.acked(first)

	r.inbox.set(replying("Got it."))
	second := w.bob()
	w.acked(second)
	if payload := w.acked(second.Replay()); !strings.Contains(payload, "Got it.") {
		t.Errorf("the repeated envelope was acked with %q", payload)
	}
	if n := len(r.inbox.stored()); n != 2 {
		t.Errorf("stored %d times, want 2", n)
	}
	again.Replay() // the envelope is answered by now, so this ack settles both
	w.acked(again)

	// An envelope that was not stored may come again.
	r.inbox.set(failing)
	third := w.bob()
	if payload := w.acked(third); !strings.Contains(payload, nothingStored) {
		t.Errorf("ack %q", payload)
	}
	r.inbox.set(replying("Now I have it."))
	if payload := w.acked(third.Replay()); !strings.Contains(payload, "Now I have it.") {
		t.Errorf("ack %q", payload)
	}
}

// The inbox recognises duplicates in other envelopes by the key.
func TestKey_SameAfterRedelivery(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	for _, act := range []func() *slacktest.Delivery{w.bob, w.alice} {
		d := act()
		w.acked(d)
		w.acked(d.Redeliver())
	}
	got := r.inbox.stored()
	if len(got) != 4 || got[0].Key != got[1].Key || got[2].Key != got[3].Key || got[0].Key == got[2].Key || got[0].Envelope == got[1].Envelope {
		t.Errorf("stored %+v", got)
	}
}

// After ErrUnclear nobody may read that nothing was stored.
func TestListener_DoesNotAckUnclearStore(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckDeadline: 200 * time.Millisecond})
	r := connected(w, nil)
	r.inbox.set(func(context.Context, bot.Arrival) (any, func(), error) {
		return nil, nil, fmt.Errorf("commit: %w", bot.ErrUnclear)
	})
	w.failed(w.bob())
	w.failed(w.alice())
	if acks := w.Acks(); len(acks) != 0 {
		t.Errorf("acked %v", acks)
	}
}

func TestListener_RecoversPanics(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckDeadline: 200 * time.Millisecond})
	r := connected(w, nil)
	r.inbox.set(func(_ context.Context, a bot.Arrival) (any, func(), error) {
		if a.Kind == bot.ClickArrival {
			var none []string
			_ = none[len(a.Text)] // a runtime error
		}
		panic("cannot handle " + a.Text)
	})
	w.failed(w.bob())
	w.failed(w.alice())
	r.inbox.set(func(context.Context, bot.Arrival) (any, func(), error) {
		return nil, func() { panic("TYPED-TEXT") }, nil
	})
	w.acked(w.bob())
	w.until("three panics", func() bool { return r.Counts().Panics == 3 })

	// A panic in the receive loop is recovered too: without a socket, queueAck panics.
	r.receiveUnparsed(nil, json.RawMessage(`{"envelope_id":"loop","type":"telepathy"}`))
	if n := r.Counts().Panics; n != 4 {
		t.Errorf("%d panics", n)
	}

	r.inbox.set(nil)
	w.acked(w.bob())
	log := r.logs.String()
	if strings.Count(log, "panic, recovered") != 4 || !strings.Contains(log, "index out of range") || !strings.Contains(log, "goroutine") {
		t.Errorf("log:\n%s", log)
	}
}

func TestAck_TooLargeIsSentEmpty(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	r.inbox.set(replying(strings.Repeat("x", 21<<10)))
	if payload := w.acked(w.bob()); payload != "" {
		t.Errorf("ack %q", payload)
	}
	if n := r.Counts().Stored; n != 1 {
		t.Errorf("stored %d", n)
	}
}
