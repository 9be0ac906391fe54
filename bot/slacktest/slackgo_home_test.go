package slacktest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot/slacktest"
)

// slackGo is a bot on the client that real bots use. It ends with the test.
type slackGo struct {
	api    *slack.Client
	socket *socketmode.Client
	ctx    context.Context
}

func newSlackGo(t *testing.T, s *slacktest.Server) slackGo {
	t.Helper()
	ctx, cancel := context.WithCancel(timeout(t))
	transport := &http.Transport{}
	api := slack.New(s.BotToken(), slack.OptionAppLevelToken(s.AppToken()), slack.OptionAPIURL(s.APIURL()),
		slack.OptionHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))
	b := slackGo{api: api, socket: socketmode.New(api), ctx: ctx}
	ended := make(chan error, 1)
	go func() { ended <- b.socket.RunContext(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; transport.CloseIdleConnections() })
	b.next(t, socketmode.EventTypeHello)
	return b
}

// next is the next event of a type.
func (b slackGo) next(t *testing.T, want socketmode.EventType) socketmode.Event {
	t.Helper()
	for {
		select {
		case e := <-b.socket.Events:
			if e.Type == want {
				return e
			}
		case <-b.ctx.Done():
			t.Fatalf("no %s event", want)
		}
	}
}

// acked acks an interaction and returns it.
func (b slackGo) acked(t *testing.T, d *slacktest.Delivery) slack.InteractionCallback {
	t.Helper()
	e := b.next(t, socketmode.EventTypeInteractive)
	if err := b.socket.AckCtx(b.ctx, e.Request.EnvelopeID, nil); err != nil {
		t.Fatal(err)
	}
	if saw, err := d.Outcome(b.ctx); saw != "" || err != nil {
		t.Fatalf("saw %q, %v", saw, err)
	}
	return e.Data.(slack.InteractionCallback)
}

func slackHome() slack.HomeTabViewRequest {
	label := slack.NewTextBlockObject(slack.PlainTextType, "I lost a device", false, false)
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, PrivateMetadata: "7", CallbackID: "tab", Blocks: slack.Blocks{BlockSet: []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, "Lost a device?", false, false)),
		slack.NewActionBlock("mine", slack.NewButtonBlockElement("home.lost", "me", label).WithStyle(slack.StyleDanger)),
	}}}
}

func TestSlackGoHome(t *testing.T) {
	s := workspace(t, homeConfig)
	b := newSlackGo(t, s)
	opened := func(d *slacktest.Delivery) (*slackevents.AppHomeOpenedEvent, *socketmode.Request) {
		t.Helper()
		e := b.next(t, socketmode.EventTypeEventsAPI)
		if err := b.socket.AckCtx(b.ctx, e.Request.EnvelopeID, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Wait(b.ctx); err != nil {
			t.Fatal(err)
		}
		outer := e.Data.(slackevents.EventsAPIEvent)
		if outer.TeamID != s.TeamID() || outer.APIAppID != s.AppID() || outer.Type != slackevents.CallbackEvent {
			t.Errorf("%+v", outer)
		}
		return outer.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent), e.Request
	}
	d := s.As("U2").OpenHome()
	event, request := opened(d)
	if event.User != "U2" || event.Channel != s.DirectChannel("U2") || event.Tab != "home" || event.EventTimeStamp == "" || event.View != nil || request.RetryAttempt != 0 {
		t.Errorf("%+v %+v", event, request)
	}
	if _, request := opened(d.Redeliver()); request.RetryAttempt != 1 || request.RetryReason != "timeout" {
		t.Errorf("%+v", request)
	}

	published, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U2", View: slackHome()})
	if err != nil || published.ID == "" || published.Type != slack.VTHomeTab || published.Hash == "" || published.RootViewID != published.ID || published.AppID != s.AppID() ||
		published.BotID != s.BotID() || len(published.Blocks.BlockSet) != 2 {
		t.Fatalf("%+v, %v", published, err)
	}
	stale := "1.2"
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U2", View: slackHome(), Hash: &stale}); err == nil || err.Error() != "hash_conflict" {
		t.Errorf("%v", err)
	}
	if event, _ := opened(s.As("U2").OpenHome()); event.View == nil || event.View.ID != published.ID || event.View.Hash != published.Hash || event.View.CallbackID != "tab" {
		t.Errorf("%+v", event)
	}

	press := b.acked(t, s.As("U2").PressHome("home.lost", "me"))
	if a := press.ActionCallback.BlockActions; press.Type != slack.InteractionTypeBlockActions || press.Container.Type != "view" || press.Container.ViewID != published.ID ||
		press.View.ID != published.ID || press.View.Type != slack.VTHomeTab || press.View.Hash != published.Hash || press.View.PrivateMetadata != "7" || press.User.TeamID != s.TeamID() ||
		press.Channel.ID != "" || press.Message.Timestamp != "" || press.ResponseURL != "" || len(a) != 1 || a[0].ActionID != "home.lost" || a[0].Value != "me" {
		t.Errorf("%+v", press)
	}
	form := slack.ModalViewRequest{Type: slack.VTModal, Title: slack.NewTextBlockObject(slack.PlainTextType, "Lost device", false, false),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}
	if _, err := b.api.OpenViewContext(b.ctx, press.TriggerID, form); err != nil || len(s.Views("U2")) != 1 {
		t.Errorf("%v", err)
	}

	if err := s.SetManifest(slacktest.Manifest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U2", View: slackHome()}); err == nil || err.Error() != "not_enabled" {
		t.Errorf("an old manifest: %v", err)
	}
}

// A Home tab with an element to fill in, and slack-go reads no event of its opening, so
// that nobody acks one.
func TestSlackGoCannotReadSomeHomes(t *testing.T) {
	s := workspace(t, homeConfig)
	b := newSlackGo(t, s)
	view := slackHome()
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, slack.NewActionBlock("who", &slack.SelectBlockElement{Type: slack.OptTypeUser, ActionID: "user"}))
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U2", View: view}); err != nil {
		t.Fatal(err)
	}
	d := s.As("U2").OpenHome()
	bad := b.next(t, socketmode.EventTypeErrorBadMessage).Data.(*socketmode.ErrorBadMessage)
	if !strings.Contains(string(bad.Message), d.EnvelopeID) || !strings.Contains(string(bad.Message), `"state":{"values":[]}`) {
		t.Errorf("%s", bad.Message)
	}
}

// slack-go sends "blocks":null for a view whose blocks are nil, and [] for an empty list.
func TestSlackGoPublishesNull(t *testing.T) {
	s := workspace(t, homeConfig)
	b := newSlackGo(t, s)
	for want, blocks := range map[string][]slack.Block{`"blocks":null`: nil, `"blocks":[]`: {}} {
		view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
		if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U2", View: view}); err == nil || err.Error() != "invalid_arguments" {
			t.Errorf("%s: %v", want, err)
		}
		calls := s.CallsOf("views.publish")
		if sent := calls[len(calls)-1].Params["view"]; !strings.Contains(sent, want) {
			t.Errorf("%s, want %s", sent, want)
		}
	}
}

func TestSlackGoShortcuts(t *testing.T) {
	s := workspace(t, shortcutConfig)
	b := newSlackGo(t, s)
	global := b.acked(t, s.As("U2").Shortcut("report.lost"))
	if global.Type != slack.InteractionTypeShortcut || global.CallbackID != "report.lost" || global.User.ID != "U2" || global.User.TeamID != s.TeamID() ||
		global.Team.ID != s.TeamID() || global.ActionTs == "" || global.TriggerID == "" || global.Channel.ID != "" || global.APIAppID != "" {
		t.Errorf("%+v", global)
	}
	first := s.As("U2").Say("C1", "", "alert")
	reply := s.Put(slacktest.Message{Channel: "C1", ThreadTS: first, User: "U0ALERT", BotID: "B0ALERT", AppID: "A0ALERT", Text: "<@U2> signed in twice",
		Attachments: json.RawMessage(`[{"text":"from afar"}]`)})
	run := b.acked(t, s.As("U1").MessageShortcut("report.message", "C1", reply))
	if run.Type != slack.InteractionTypeMessageAction || run.CallbackID != "report.message" || run.User.ID != "U1" || run.Channel.ID != "C1" || run.MessageTs != reply ||
		run.Message.Timestamp != reply || run.Message.ThreadTimestamp != first || run.Message.User != "U0ALERT" || run.Message.BotID != "B0ALERT" ||
		run.Message.Text != "<@U2> signed in twice" || run.Message.Team != s.TeamID() || len(run.Message.Attachments) != 1 {
		t.Errorf("%+v", run)
	}
	if err := slack.PostWebhookContext(b.ctx, run.ResponseURL, &slack.WebhookMessage{Text: "for you", ResponseType: "ephemeral"}); err != nil {
		t.Error(err)
	}
	if private := s.Ephemerals("U1"); len(private) != 1 || private[0].Text != "for you" || private[0].Channel != "C1" {
		t.Errorf("%+v", private)
	}
}

// One element that slack-go does not know, in a message of another app, and it hands out
// nothing of the shortcut that was run on it, so that nobody acks it.
func TestSlackGoCannotReadSomeMessages(t *testing.T) {
	s := workspace(t, shortcutConfig)
	b := newSlackGo(t, s)
	ts := s.Put(slacktest.Message{Channel: "C1", BotID: "B0ALERT", AppID: "A0ALERT", Text: "alert",
		Blocks: json.RawMessage(`[{"type":"actions","elements":[{"type":"hologram"}]}]`)})
	d := s.As("U1").MessageShortcut("report.message", "C1", ts)
	bad := b.next(t, socketmode.EventTypeErrorBadMessage).Data.(*socketmode.ErrorBadMessage)
	if !strings.Contains(string(bad.Message), d.EnvelopeID) {
		t.Errorf("%s", bad.Message)
	}
}
