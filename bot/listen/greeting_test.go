package listen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// Ask opens no socket. Greet opens one for a moment, and acks nothing on it.
func TestGreet(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	api := NewAPI("xoxb-none", "", w.APIURL())
	if _, err := Ask(t.Context(), api); err == nil {
		t.Error("leave without a token")
	}
	address := addressOf(t, w)
	if w.Sockets() != 0 {
		t.Error("a socket is open")
	}
	if said := fmt.Sprintf("%v %+v %#v", address, address, address); strings.Contains(said, "ticket") {
		t.Errorf("it tells the ticket: %s", said)
	}
	w.SetStrangers(2)
	g, err := Greet(t.Context(), address)
	if err != nil || g.AppID != w.AppID() || g.Sockets != 3 {
		t.Errorf("%+v, %v", g, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Until(ctx, func() bool { return w.Sockets() == 0 }); err != nil {
		t.Errorf("the socket stays open: %v", err)
	}
	if acks, bad := w.Acks(), w.BadFrames(); len(acks)+len(bad) != 0 {
		t.Errorf("it sent %v %q", acks, bad)
	}
	if _, err := Greet(t.Context(), address); err == nil {
		t.Error("the same leave was good twice")
	}
}

func TestGreet_Errors(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	for name, arrange := range map[string]func(){
		"too_many_websockets":      func() { w.SetStrangers(slacktest.MaxSockets) },
		"open a socket":            func() { w.Inject(slacktest.Fault{Method: "socket", Status: http.StatusBadGateway, Times: 1}) },
		"open a socket: websocket": func() { w.Inject(slacktest.Fault{Method: "socket", Reset: true, Times: 1}) },
	} {
		w.SetStrangers(0)
		address := addressOf(t, w)
		arrange()
		_, err := Greet(t.Context(), address)
		if name = strings.TrimSuffix(name, ": websocket"); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "ticket") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Inject(slacktest.Fault{Method: "socket", Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Greet(ctx, addressOf(t, w)); err == nil || strings.Contains(err.Error(), "ticket") {
		t.Errorf("Slack hangs: %v", err)
	}
}

// Only the errors that a retry cannot fix are a *Fatal.
func TestAsk_Errors(t *testing.T) {
	for refusal, code := range map[string]string{"missing_scope": "missing_scope", "404": codeNotFound, "internal_error": "", "503": ""} {
		w := newWorkspace(t, slacktest.Config{})
		w.RefuseConnections(refusal, 0)
		_, err := Ask(t.Context(), NewAPI("xoxb-none", "xapp-none", w.APIURL()))
		f, ok := errors.AsType[*Fatal](err)
		if err == nil || ok != (code != "") || ok && f.Code != code || strings.Contains(err.Error(), "xapp") {
			t.Errorf("%s: %v", refusal, err)
		}
	}
	w := newWorkspace(t, slacktest.Config{})
	w.Inject(slacktest.Fault{Method: "apps.connections.open", Body: `{"ok":true}`})
	if _, err := Ask(t.Context(), NewAPI("xoxb-none", "xapp-none", w.APIURL())); err == nil {
		t.Error("leave without an address")
	}
}

func addressOf(t *testing.T, w *workspace) bot.Secret {
	t.Helper()
	address, err := Ask(t.Context(), NewAPI("xoxb-none", bot.Secret(w.AppToken()), w.APIURL()))
	if err != nil {
		t.Fatal(err)
	}
	return address
}
