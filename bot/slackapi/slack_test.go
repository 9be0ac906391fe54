package slackapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slacktest"
)

// method is one of the client's calls, and Slack's name for it.
type method struct {
	name string
	call func(ctx context.Context, a *Client) error
}

func methods(trigger, responseURL string) []method {
	m := message.Note("hello")
	return []method{
		{"auth.test", func(ctx context.Context, a *Client) error { _, err := a.Connect(ctx); return err }},
		{"users.info", func(ctx context.Context, a *Client) error { _, err := a.Member(ctx, bottest.Bob); return err }},
		{"users.lookupByEmail", func(ctx context.Context, a *Client) error {
			_, err := a.MemberByEmail(ctx, "bob@contoso.example")
			return err
		}},
		{"chat.postMessage", func(ctx context.Context, a *Client) error { _, _, err := a.Post(ctx, bottest.Cards, "", m); return err }},
		{"chat.update", func(ctx context.Context, a *Client) error { return a.Update(ctx, bottest.Cards, "1.2", m) }},
		{"chat.delete", func(ctx context.Context, a *Client) error { return a.Delete(ctx, bottest.Cards, "1.2") }},
		{"views.open", func(ctx context.Context, a *Client) error {
			_, err := a.OpenForm(ctx, bot.Secret(trigger), message.FormFor(bot.FormMetadata{Opened: 1}, bot.Filled{PickedUser: bottest.Bob}, new(authz.New(bottest.Alice)), nil))
			return err
		}},
		{"views.update", func(ctx context.Context, a *Client) error {
			return a.UpdateForm(ctx, "V0NOBODYS", message.FormFor(bot.FormMetadata{Opened: 1}, bot.Filled{PickedUser: bottest.Bob}, new(authz.New(bottest.Alice)), nil))
		}},
		{"views.update", func(ctx context.Context, a *Client) error {
			return a.UpdateNamedForm(ctx, "nobody's", message.FormFor(bot.FormMetadata{Opened: 1}, bot.Filled{PickedUser: bottest.Bob}, new(authz.New(bottest.Alice)), nil))
		}},
		{"response_url", func(ctx context.Context, a *Client) error { return a.Answer(ctx, bot.Secret(responseURL), m) }},
	}
}

// secrets must not appear in any error's text.
func secrets(s *slacktest.Server, trigger, responseURL string) []string {
	return []string{s.BotToken(), "xoxb", trigger, responseURL, "http", "127.0.0.1", "/api/", "/respond/"}
}

// leaks names the secret that an error shows in any form that a log may hold.
func leaks(err error, secrets []string) string {
	for _, text := range []string{
		err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%s", fmt.Errorf("tell: %w", err)),
		(&bot.LookupError{Where: "Slack", Err: err}).Error(),
	} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				return secret + " in " + text
			}
		}
	}
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		for _, secret := range secrets {
			if strings.Contains(e.Error(), secret) {
				return secret + " in the cause " + e.Error()
			}
		}
	}
	return ""
}

// slack-go returns no error for these bodies.
func TestClient_EmptyAnswerIsNoAnswer(t *testing.T) {
	for _, body := range []string{`{}`, `{"ok":false}`, `{"ok":true}`} {
		s := bottest.Workspace(t)
		a := connected(t, s)
		trigger, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
		for _, m := range methods(trigger, responseURL) {
			if m.name == "response_url" && body == `{"ok":true}` {
				continue // its whole answer is an ok
			}
			s.Inject(slacktest.Fault{Method: m.name, Body: body})
			err := m.call(bottest.Deadline(t), a)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Method != m.name || !e.NoAnswer() {
				t.Errorf("%s answered %s: %v", m.name, body, err)
			}
			s.ClearFaults()
		}
		s.Inject(slacktest.Fault{Method: "bots.info", Body: body})
		if _, err := a.Connect(bottest.Deadline(t)); err == nil {
			t.Errorf("bots.info answered %s and the app is known", body)
		}
	}
}

// An answer about something else does not count.
func TestClient_AnswerAboutSomethingElseIsNoAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"users.info":          `{"ok":true,"user":{"id":"U0ALICE","profile":{"email":"bob@contoso.example"}}}`,
		"users.lookupByEmail": `{"ok":true,"user":{"id":"U0ALICE","profile":{"email":"alice@contoso.example"}}}`,
		"chat.postMessage":    `{"ok":true,"channel":"C0CARDS"}`,
		"chat.update":         `{"ok":true,"channel":"C0CARDS","ts":"9.9"}`,
		"auth.test":           `{"ok":true,"team_id":"T0SLACKTEST","user_id":"U0BOT"}`,
	} {
		s := bottest.Workspace(t)
		a := connected(t, s)
		s.Inject(slacktest.Fault{Method: name, Body: body})
		for _, m := range methods("", "") {
			if m.name != name {
				continue
			}
			if e, ok := errors.AsType[*Error](m.call(bottest.Deadline(t), a)); !ok || e.Code != Incomplete || !e.NoAnswer() {
				t.Errorf("%s took %s for its answer: %v", name, body, e)
			}
		}
	}
}

func TestError_EveryShapeOfRateLimit(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	for shape := range bottest.RateLimits("") {
		_, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
		for _, m := range methods("t", responseURL) {
			s.Inject(bottest.RateLimits(m.name)[shape])
			e, ok := errors.AsType[*Error](m.call(bottest.Deadline(t), a))
			want := DefaultRetryAfter
			if shape == "429 with a time" {
				want = 7 * time.Second
			}
			if !ok || e.Code != Ratelimited || e.RetryAfter != want || !e.NoAnswer() || e.Method != m.name {
				t.Errorf("%s, %s: %+v, want a wait of %s", m.name, shape, e, want)
			}
			s.ClearFaults()
		}
	}
}

func TestError_KeepsSlacksCode(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	for code, answered := range map[string]bool{
		"channel_not_found": true, "message_not_found": true, "edit_window_closed": true, "msg_too_long": true, "user_not_found": true,
		"internal_error": false, "fatal_error": false, "service_unavailable": false, "request_timeout": false,
	} {
		s.Inject(slacktest.Fault{Method: "chat.update", Error: code})
		e, ok := errors.AsType[*Error](a.Update(bottest.Deadline(t), bottest.Cards, "1.2", message.Note("x")))
		if !ok || e.Code != code || e.NoAnswer() == answered || e.RetryAfter != 0 {
			t.Errorf("%s: %+v", code, e)
		}
		s.ClearFaults()
	}
	s.Inject(slacktest.Fault{Method: "chat.update", Status: 502})
	e, ok := errors.AsType[*Error](a.Update(bottest.Deadline(t), bottest.Cards, "1.2", message.Note("x")))
	if !ok || e.Status != 502 || !e.NoAnswer() {
		t.Errorf("502: %+v", e)
	}
}

func TestError_ShowsNoSecret(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	trigger, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	for name, f := range map[string]slacktest.Fault{
		"cut":            {Reset: true},
		"500":            {Status: 500},
		"429":            {RetryAfter: time.Second},
		"empty":          {Body: `{}`},
		"half":           {Body: `{"ok":tr`},
		"html":           {Body: `<html>token=` + s.BotToken() + ` https://evil.example</html>`},
		"echo":           {Status: 400, Body: s.BotToken() + string(responseURL)},
		"an error":       {Error: "invalid_auth"},
		"the wrong type": {Body: `{"ok":true,"user":"` + s.BotToken() + `","channel":{},"ts":7,"view":[]}`},
	} {
		s.Inject(f)
		for _, m := range methods(trigger, responseURL) {
			err := m.call(bottest.Deadline(t), a)
			if err == nil {
				if m.name != "response_url" || name != "the wrong type" {
					t.Errorf("%s, %s: no error", m.name, name)
				}
				continue
			}
			if leak := leaks(err, secrets(s, trigger, responseURL)); leak != "" {
				t.Errorf("%s, %s: %s", m.name, name, leak)
			}
		}
		s.ClearFaults()
	}
}

func TestClient_DeadServer(t *testing.T) {
	s := bottest.Workspace(t)
	trigger, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	a := adapter(t, "http://"+address+"/api/", s.BotToken())
	for _, m := range methods(trigger, ("http://" + address + "/respond/secret")) {
		err := m.call(bottest.Deadline(t), a)
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.NoAnswer() {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if leak := leaks(err, append(secrets(s, trigger, responseURL), address, "secret")); leak != "" {
			t.Errorf("%s: %s", m.name, leak)
		}
	}
}

func TestClient_HangingServer(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	trigger, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	s.Inject(slacktest.Fault{Hang: true})
	for _, m := range methods(trigger, responseURL) {
		ctx, cancel := context.WithTimeout(bottest.Deadline(t), 50*time.Millisecond)
		err := m.call(ctx, a)
		cancel()
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.NoAnswer() || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if leak := leaks(err, secrets(s, trigger, responseURL)); leak != "" {
			t.Errorf("%s: %s", m.name, leak)
		}
	}
}

func TestAnswer_GoesOnlyToSlack(t *testing.T) {
	asked := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	t.Cleanup(elsewhere.Close)
	s := bottest.Workspace(t)
	a := connected(t, s)
	for _, target := range []string{
		elsewhere.URL + "/x", "", "/relative", "://",
		"http://hooks.slack.com/x", "https://slack.com.evil.example/x", "https://hooks.slack.com.evil.example/x",
		"https://evil.example/?hooks.slack.com", "https://hooks.slack.com@" + strings.TrimPrefix(elsewhere.URL, "http://") + "/x",
		"https://notslack.com/x", "https://evilslack.com/x", "ftp://hooks.slack.com/x", "https:///hooks.slack.com",
	} {
		err := a.Answer(bottest.Deadline(t), bot.Secret(target), message.Note("x"))
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "not_slack" {
			t.Errorf("%q: %v", target, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("another host got the answer: %s", <-asked)
	}
	for _, target := range []string{"https://hooks.slack.com/commands/T/1/x", "https://hooks.slack-gov.com/x"} {
		if !a.ours(target) {
			t.Errorf("%s is Slack's", target)
		}
	}
	// In production Slack's own address is the API's: never without TLS.
	production := NewClient(nil, "https://slack.com/api/", nil)
	for target, want := range map[string]bool{
		"https://slack.com/x": true, "http://slack.com/x": false, "https://hooks.slack.com/x": true, s.APIURL(): false, "": false,
	} {
		if got := production.ours(target); got != want {
			t.Errorf("%q is Slack's: %v, want %v", target, got, want)
		}
	}
	if NewClient(nil, "://", nil).ours("") {
		t.Error("with no API address, no address is Slack's")
	}
	_, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	if err := a.Answer(bottest.Deadline(t), bot.Secret(responseURL), message.Note("hello")); err != nil {
		t.Fatal(err)
	}
	if got := s.Ephemerals(bottest.Bob); len(got) != 1 || got[0].Text != "hello" || got[0].Parse != "none" {
		t.Errorf("Bob sees %+v", got)
	}
}

// A post does nothing by itself: no unfurling, no parsing.
func TestPost_NeitherParsesNorUnfurls(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	channel, ts, err := a.Post(bottest.Deadline(t), bottest.Cards, "", message.Note("see https://x.example and @here"))
	if err != nil || channel != bottest.Cards || ts == "" {
		t.Fatal(channel, ts, err)
	}
	if _, _, err := a.Post(bottest.Deadline(t), bottest.Cards, ts, message.Note("a reply")); err != nil {
		t.Fatal(err)
	}
	if err := a.Update(bottest.Deadline(t), channel, ts, message.Note("see https://x.example and @everyone")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chat.postMessage", "chat.update"} {
		for _, call := range s.CallsOf(name) {
			if call.Params["parse"] != "none" || call.Params["link_names"] == "true" || call.Params["link_names"] == "1" {
				t.Errorf("%s is sent with %v", name, call.Params)
			}
			if name == "chat.postMessage" && (call.Params["unfurl_links"] != "false" || call.Params["unfurl_media"] != "false") {
				t.Errorf("%s unfurls: %v", name, call.Params)
			}
		}
	}
	thread := s.Thread(bottest.Cards, ts)
	if len(thread) != 2 || thread[1].ThreadTS != ts {
		t.Fatalf("the thread is %+v", thread)
	}
	if got := append(s.Mentions(thread[0]), s.Links(thread[0])...); len(got) > 0 {
		t.Errorf("%v is a live mention or link", got)
	}
	direct, _, err := a.Post(bottest.Deadline(t), bottest.Bob, "", message.Note("to you"))
	if err != nil || direct != s.DirectChannel(bottest.Bob) {
		t.Errorf("a direct message is in %s: %v", direct, err)
	}
	if err := a.Delete(bottest.Deadline(t), channel, ts); err != nil {
		t.Error(err)
	}
	if left := s.Messages(bottest.Cards); len(left) != 0 && !left[0].Deleted {
		t.Errorf("left: %+v", left)
	}
}

// An edit without buttons removes the old ones.
func TestUpdate_RemovesButtons(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	pending := bot.Message{Text: "Confirm?", Blocks: json.RawMessage(`[{"type": "actions", "elements": [` +
		`{"type": "button", "action_id": "request.deny", "value": "REQ-7F3K4M", "text": {"type": "plain_text", "text": "Deny"}}]}]`)}
	channel, ts, err := a.Post(bottest.Deadline(t), bottest.Cards, "", pending)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Messages(bottest.Cards)[0].Buttons()); n != 1 {
		t.Fatalf("%d buttons", n)
	}
	if err := a.Update(bottest.Deadline(t), channel, ts, message.Note("denied")); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Messages(bottest.Cards)[0].Buttons()); n != 0 {
		t.Errorf("%d buttons are left", n)
	}
}

func TestConnect(t *testing.T) {
	s := bottest.Workspace(t)
	got, err := adapter(t, s.APIURL(), s.BotToken()).Connect(bottest.Deadline(t))
	want := bot.Workspace{TeamID: s.TeamID(), URL: "https://slacktest.slack.com/", AppID: s.AppID()}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if link := got.Link(bottest.Cards, "1772620879.000100"); link != bottest.LiveCard {
		t.Errorf("the link is %s", link)
	}
	if link := got.Link(bottest.Cards, ""); link != "" {
		t.Errorf("a link to nowhere: %s", link)
	}
	if _, err := adapter(t, s.APIURL(), "xoxb-wrong").Connect(bottest.Deadline(t)); err == nil || strings.Contains(err.Error(), "xoxb") {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestNoView(t *testing.T) {
	for code, want := range map[string]bool{"not_found": true, "view_not_found": true, "ratelimited": false, "": false} {
		if NoView(&Error{Method: "views.update", Code: code}) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
	if NoView(nil) || NoView(context.Canceled) {
		t.Error("no error, or another one, is no such view")
	}
}
