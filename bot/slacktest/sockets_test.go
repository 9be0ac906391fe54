package slacktest_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"revoke-sessions/bot/slacktest"
)

func TestConnectionsOpenNeedsTheAppToken(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, test := range map[string]struct{ header, form, want string }{
		"app token":    {header: s.AppToken()},
		"none":         {want: "not_authed"},
		"as a field":   {form: s.AppToken(), want: "invalid_auth"},
		"bot token":    {header: s.BotToken(), want: "not_allowed_token_type"},
		"another app":  {header: "xapp-1-A9-nothing", want: "invalid_auth"},
		"not a token":  {header: "garbage", want: "invalid_auth"},
		"a user token": {header: "xoxp-1", want: "not_allowed_token_type"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, s.APIURL()+"apps.connections.open", strings.NewReader("token="+test.form))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.header != "" {
				req.Header.Set("Authorization", "Bearer "+test.header)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, decode(t, resp), test.want)
		})
	}
}

func TestTicketIsForOneSocket(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	r := ticket(t, s)
	conn, _, err := websocket.DefaultDialer.Dial(r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, url := range []string{r.URL, strings.Split(r.URL, "?")[0] + "?ticket=guessed"} {
		if _, resp, err := websocket.DefaultDialer.Dial(url, nil); err == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("dialling %s: %v", url, err)
		}
	}
}

func TestHelloAndTooManySockets(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for n := 1; n <= slacktest.MaxSockets; n++ {
		hello := dial(t, s).next(t)
		info, _ := hello["connection_info"].(map[string]any)
		debug, _ := hello["debug_info"].(map[string]any)
		if hello["type"] != "hello" || hello["num_connections"] != float64(n) || info["app_id"] != s.AppID() || debug["approximate_connection_time"] != 18060.0 {
			t.Fatalf("hello %d: %v", n, hello)
		}
	}
	c := dial(t, s)
	if frame := c.next(t); frame["type"] != "disconnect" || frame["reason"] != slacktest.TooManyWebsockets {
		t.Fatalf("the eleventh socket got %v", frame)
	}
	if frame := c.next(t); frame != nil {
		t.Fatalf("the eleventh socket stayed open: %v", frame)
	}
}

func TestPings(t *testing.T) {
	s := workspace(t, slacktest.Config{PingInterval: 5 * time.Millisecond})
	c := connect(t, s)
	for range 2 {
		select {
		case <-c.pings:
		case <-time.After(20 * time.Second):
			t.Fatal("no PING")
		}
	}
	s.StopPings()
	// A PING may be under way; what is sent after it arrives after it.
	if err := s.SendRaw([]byte(`{"type":"marker"}`)); err != nil {
		t.Fatal(err)
	}
	c.next(t)
	for len(c.pings) > 0 {
		<-c.pings
	}
	select {
	case <-c.pings:
		t.Fatal("a PING after StopPings")
	case <-time.After(50 * time.Millisecond): // nothing to wait on: the absence is the result
	}
	s.ResumePings()
	select {
	case <-c.pings:
	case <-time.After(20 * time.Second):
		t.Fatal("no PING after ResumePings")
	}
}

func TestEachPayloadGoesToOneSocket(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	a, b := connect(t, s), connect(t, s)
	for range 4 {
		s.As("U2").Command("C1", "status")
	}
	seen := map[any]bool{}
	for _, c := range []*client{a, a, b, b} { // round robin: two each
		seen[c.next(t)["envelope_id"]] = true
	}
	if len(seen) != 4 {
		t.Fatalf("%d envelopes, want 4 different ones", len(seen))
	}
	if got := s.SocketNumbers(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("the sockets are %v, want 1 and 2", got)
	}
	s.Route(func(sockets []int) int { return sockets[len(sockets)-1] })
	for range 3 {
		s.As("U2").Command("C1", "status")
		b.next(t)
	}
	if len(a.frames) != 0 {
		t.Fatal("Route did not decide")
	}
}

func TestRandomRouteIsRepeatable(t *testing.T) {
	pattern := func() (out string) {
		s := workspace(t, slacktest.Config{RandomSeed: 7})
		a, b := connect(t, s), connect(t, s)
		for range 16 {
			s.As("U2").Command("C1", "status")
			select {
			case <-a.frames:
				out += "a"
			case <-b.frames:
				out += "b"
			case <-time.After(20 * time.Second):
				t.Fatal("no frame")
			}
		}
		return out
	}
	first := pattern()
	if first != pattern() || !strings.Contains(first, "a") || !strings.Contains(first, "b") || strings.HasPrefix(first, "abababab") || strings.HasPrefix(first, "babababa") {
		t.Fatalf("pattern %s", first)
	}
}

func TestDisconnect(t *testing.T) {
	t.Run(slacktest.Warning, func(t *testing.T) {
		s := workspace(t, slacktest.Config{WarningGrace: 200 * time.Millisecond})
		c := connect(t, s)
		s.Disconnect(slacktest.Warning)
		if frame := c.next(t); frame["type"] != "disconnect" || frame["reason"] != slacktest.Warning {
			t.Fatalf("got %v", frame)
		}
		d := s.As("U2").Command("C1", "status")
		c.acked(t, "")
		if _, err := d.Wait(timeout(t)); err != nil {
			t.Fatalf("the socket must work on after a warning: %v", err)
		}
		if frame := c.next(t); frame != nil {
			t.Fatalf("got %v, want the end", frame)
		}
	})
	t.Run(slacktest.RefreshRequested, func(t *testing.T) {
		s := workspace(t, slacktest.Config{})
		c := connect(t, s)
		d := s.As("U2").Command("C1", "before")
		envelope := c.next(t)
		s.Disconnect(slacktest.RefreshRequested)
		if frame := c.next(t); frame["reason"] != slacktest.RefreshRequested {
			t.Fatalf("got %v", frame)
		}
		c.ack(t, envelope["envelope_id"], "")
		if _, err := d.Wait(timeout(t)); err != nil {
			t.Fatalf("an ack under way must count: %v", err)
		}
		if d := s.As("U2").Command("C1", "after"); !errors.Is(d.Err(), slacktest.ErrNoSocket) || d.Saw() != slacktest.DispatchFailed {
			t.Fatalf("a leaving socket got an envelope: %v %q", d.Err(), d.Saw())
		}
		if frame := c.next(t); frame != nil {
			t.Fatalf("got %v, want the end", frame)
		}
	})
	t.Run(slacktest.LinkDisabled, func(t *testing.T) {
		s := workspace(t, slacktest.Config{})
		held := ticket(t, s)
		c := connect(t, s)
		s.Disconnect(slacktest.LinkDisabled)
		if frame := c.next(t); frame["reason"] != slacktest.LinkDisabled {
			t.Fatalf("got %v", frame)
		}
		if r := ticket(t, s); r.OK {
			t.Fatal("apps.connections.open works while Socket Mode is off")
		}
		if _, _, err := websocket.DefaultDialer.Dial(held.URL, nil); err == nil {
			t.Fatal("an old ticket works while Socket Mode is off")
		}
		s.EnableSocketMode()
		connect(t, s)
	})
}

func TestDropSocketsAndRefuseConnections(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	s.DropSockets()
	if frame := c.next(t); frame != nil {
		t.Fatalf("got %v, want the end", frame)
	}
	if err := s.Until(timeout(t), func() bool { return s.Sockets() == 0 }); err != nil {
		t.Fatal(err)
	}
	s.RefuseConnections("forbidden_team", 2)
	wantError(t, ticket(t, s), "forbidden_team")
	wantError(t, ticket(t, s), "forbidden_team")
	wantError(t, ticket(t, s), "")
	s.RefuseConnections("404", 0)
	resp, err := http.Post(s.APIURL()+"apps.connections.open", "application/json", nil)
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
	s.ClearFaults()
	s.Inject(slacktest.Fault{Method: "socket", Times: 1, Status: http.StatusServiceUnavailable})
	if _, resp, err := websocket.DefaultDialer.Dial(ticket(t, s).URL, nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("handshake: %v", err)
	}
	connect(t, s)
}

func TestSendRaw(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	if err := s.SendRaw([]byte("{}")); !errors.Is(err, slacktest.ErrNoSocket) {
		t.Fatalf("without a socket: %v", err)
	}
	c := connect(t, s)
	if err := s.SendRaw([]byte(`{"type":"slash_commands","envelope_id":"e1","payload":"not an object"}`)); err != nil {
		t.Fatal(err)
	}
	if frame := c.next(t); frame["payload"] != "not an object" {
		t.Fatalf("got %v", frame)
	}
}
