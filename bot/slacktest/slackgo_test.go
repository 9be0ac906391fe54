package slacktest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot/slacktest"
)

// TestSlackGo drives the double with the client that real bots use.
func TestSlackGo(t *testing.T) {
	s := workspace(t, slacktest.Config{PingInterval: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(timeout(t))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	api := slack.New(s.BotToken(), slack.OptionAppLevelToken(s.AppToken()), slack.OptionAPIURL(s.APIURL()),
		slack.OptionHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))

	if who, err := api.AuthTestContext(ctx); err != nil || who.TeamID != s.TeamID() || who.UserID != s.BotUserID() || who.BotID != s.BotID() {
		t.Fatalf("auth.test: %+v, %v", who, err)
	}
	if b, err := api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: s.BotID()}); err != nil || b.AppID != s.AppID() || b.UserID != s.BotUserID() {
		t.Fatalf("bots.info: %+v, %v", b, err)
	}
	if u, err := api.GetUserInfoContext(ctx, "U1"); err != nil || u.ID != "U1" || u.Profile.Email != "alice@contoso.example" || !u.IsEmailConfirmed || u.TeamID != s.TeamID() {
		t.Fatalf("users.info: %+v, %v", u, err)
	}
	if u, err := api.GetUserByEmailContext(ctx, "Bob@contoso.example"); err != nil || u.ID != "U2" {
		t.Fatalf("users.lookupByEmail: %+v, %v", u, err)
	}
	if ids, err := api.GetUserGroupMembersContext(ctx, "S1"); err != nil || len(ids) != 1 || ids[0] != "U1" {
		t.Fatalf("usergroups.users.list: %v, %v", ids, err)
	}
	if c, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: "C1"}); err != nil || !c.IsMember || c.IsExtShared || c.Name != "security" {
		t.Fatalf("conversations.info: %+v, %v", c, err)
	}

	client := socketmode.New(api, socketmode.OptionPingInterval(time.Second))
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	defer func() { cancel(); <-ended }()
	event := func(want socketmode.EventType) socketmode.Event {
		t.Helper()
		for {
			select {
			case e := <-client.Events:
				if e.Type == want {
					return e
				}
			case <-ctx.Done():
				t.Fatalf("no %s event", want)
			}
		}
	}
	if hello := event(socketmode.EventTypeHello); hello.Request.NumConnections != 1 || hello.Request.ConnectionInfo.AppID != s.AppID() {
		t.Fatalf("hello: %+v", hello.Request)
	}

	// A command, answered in its ack and through its response_url.
	d := s.As("U2").Command("C2", "me lost my phone")
	e := event(socketmode.EventTypeSlashCommand)
	command := e.Data.(slack.SlashCommand)
	if command.UserID != "U2" || command.Text != "me lost my phone" || command.APIAppID != s.AppID() || command.Command != "/revoke-sessions" {
		t.Fatalf("command: %+v", command)
	}
	if err := client.AckCtx(ctx, e.Request.EnvelopeID, map[string]any{"response_type": "ephemeral", "text": "Got it."}); err != nil {
		t.Fatal(err)
	}
	if ack, err := d.Wait(ctx); err != nil || ack.Late || ack.Rejected != "" {
		t.Fatalf("ack: %+v, %v", ack, err)
	}
	if _, err := api.PostEphemeralContext(ctx, "C2", "U2", slack.MsgOptionText("x", false)); err == nil || err.Error() != "not_in_channel" {
		t.Fatalf("chat.postEphemeral without the bot: %v", err)
	}
	if _, _, err := api.PostMessageContext(ctx, "", slack.MsgOptionText("second", false), slack.MsgOptionResponseURL(command.ResponseURL, "ephemeral")); err != nil {
		t.Fatalf("response_url: %v", err)
	}
	if got := s.Ephemerals("U2"); len(got) != 2 || got[0].Text != "Got it." || got[1].Text != "second" || got[1].Via != "response_url" {
		t.Fatalf("ephemerals: %+v", got)
	}

	// A form.
	view := slack.ModalViewRequest{Type: slack.VTModal, CallbackID: "form", PrivateMetadata: "7",
		Title:  slack.NewTextBlockObject(slack.PlainTextType, "Lost device", false, false),
		Submit: slack.NewTextBlockObject(slack.PlainTextType, "Ask", false, false),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("target", slack.NewTextBlockObject(slack.PlainTextType, "Whose", false, false), nil,
				&slack.SelectBlockElement{Type: slack.OptTypeUser, ActionID: "user", InitialUser: "U2"}),
			slack.NewInputBlock("reason", slack.NewTextBlockObject(slack.PlainTextType, "Why", false, false), nil,
				slack.NewPlainTextInputBlockElement(nil, "text")),
		}}}
	if _, err := api.OpenViewContext(ctx, command.TriggerID, view); err != nil {
		t.Fatalf("views.open: %v", err)
	}
	open := s.Views("U2")
	if len(open) != 1 || open[0].PrivateMetadata != "7" {
		t.Fatalf("views: %+v", open)
	}
	d = s.As("U2").Submit(open[0].ID, slacktest.Values{"reason": {"text": "gone"}})
	e = event(socketmode.EventTypeInteractive)
	form := e.Data.(slack.InteractionCallback)
	if form.Type != slack.InteractionTypeViewSubmission || form.View.PrivateMetadata != "7" || form.View.ID != open[0].ID ||
		form.View.State.Values["target"]["user"].SelectedUser != "U2" || form.View.State.Values["reason"]["text"].Value != "gone" {
		t.Fatalf("submission: %+v", form.View)
	}
	if err := client.AckCtx(ctx, e.Request.EnvelopeID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Wait(ctx); err != nil || len(s.Views("U2")) != 0 {
		t.Fatalf("after the submission: %v, %v", err, s.Views("U2"))
	}

	// A card, a click on it, an update that removes its buttons, a thread.
	confirm := slack.NewConfirmationBlockObject(
		slack.NewTextBlockObject(slack.PlainTextType, "Revoke?", false, false), slack.NewTextBlockObject(slack.PlainTextType, "All end.", false, false),
		slack.NewTextBlockObject(slack.PlainTextType, "Revoke", false, false), slack.NewTextBlockObject(slack.PlainTextType, "Back", false, false))
	button := slack.NewButtonBlockElement("request.confirm", "REQ-1", slack.NewTextBlockObject(slack.PlainTextType, "Revoke sessions", false, false)).
		WithStyle(slack.StyleDanger).WithConfirm(confirm)
	channel, ts, err := api.PostMessageContext(ctx, "C1", slack.MsgOptionText("Revoke all sessions of Bob?", false),
		slack.MsgOptionBlocks(slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*Revoke?*", false, true), nil, nil), slack.NewActionBlock("decide", button)))
	if err != nil || channel != "C1" || ts == "" {
		t.Fatalf("chat.postMessage: %s %s %v", channel, ts, err)
	}
	d = s.As("U1").Click("C1", ts, "request.confirm")
	e = event(socketmode.EventTypeInteractive)
	click := e.Data.(slack.InteractionCallback)
	if a := click.ActionCallback.BlockActions; click.Type != slack.InteractionTypeBlockActions || click.User.ID != "U1" || click.User.TeamID != s.TeamID() ||
		click.Channel.ID != "C1" || click.Container.MessageTs != ts || click.Message.Timestamp != ts || click.APIAppID != s.AppID() ||
		len(a) != 1 || a[0].ActionID != "request.confirm" || a[0].Value != "REQ-1" || a[0].ActionTs == "" {
		t.Fatalf("click: %+v", click)
	}
	if err := client.AckCtx(ctx, e.Request.EnvelopeID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := api.UpdateMessageContext(ctx, "C1", ts, slack.MsgOptionText("Revoked.", false), slack.MsgOptionBlocks()); err != nil {
		t.Fatalf("chat.update: %v", err)
	}
	if m := s.Messages("C1"); len(m) != 1 || m[0].Text != "Revoked." || len(m[0].Buttons()) != 0 {
		t.Fatalf("after the update: %+v", m)
	}
	if _, _, err := api.PostMessageContext(ctx, "C1", slack.MsgOptionText("Done.", false), slack.MsgOptionTS(ts)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := api.PostMessageContext(ctx, "U2", slack.MsgOptionText("Yours too.", false)); err != nil {
		t.Fatal(err)
	}
	if len(s.Thread("C1", ts)) != 2 || len(s.Messages("C1")) != 1 || len(s.DMs("U2")) != 1 {
		t.Fatal("thread, channel or direct message is wrong")
	}
	if link, err := api.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: "C1", Ts: ts}); err != nil || link == "" {
		t.Fatalf("chat.getPermalink: %q, %v", link, err)
	}

	// The three shapes of a rate limit, and a dropped socket.
	s.Inject(slacktest.Fault{Method: "users.info", Times: 1, RetryAfter: 2 * time.Second})
	var limited *slack.RateLimitedError
	if _, err := api.GetUserInfoContext(ctx, "U1"); !errors.As(err, &limited) || limited.RetryAfter != 2*time.Second {
		t.Fatalf("429 with header: %v", err)
	}
	s.Inject(slacktest.Fault{Method: "users.info", Times: 1, Status: http.StatusTooManyRequests})
	var status slack.StatusCodeError
	if _, err := api.GetUserInfoContext(ctx, "U1"); !errors.As(err, &status) || status.Code != http.StatusTooManyRequests {
		t.Fatalf("429 without header: %v", err)
	}
	s.Inject(slacktest.Fault{Method: "users.info", Times: 1, Error: "ratelimited"})
	var answered slack.SlackErrorResponse
	if _, err := api.GetUserInfoContext(ctx, "U1"); !errors.As(err, &answered) || answered.Err != "ratelimited" {
		t.Fatalf("200 ratelimited: %v", err)
	}
	s.DropSockets()
	event(socketmode.EventTypeHello)
	s.Disconnect(slacktest.RefreshRequested)
	event(socketmode.EventTypeHello)
	if unknown := s.Unknown(); len(unknown) != 0 {
		t.Fatalf("unknown methods: %v", unknown)
	}
}
