package slacktest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"revoke-sessions/bot/slacktest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultTransport.(*http.Transport).CloseIdleConnections() }))
}

// workspace is a Server with three people, a group and four channels.
func workspace(t *testing.T, cfg slacktest.Config) *slacktest.Server {
	t.Helper()
	s, err := slacktest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddUser(slacktest.User{ID: "U1", Name: "alice", RealName: "Alice Approver", Email: "alice@contoso.example"})
	s.AddUser(slacktest.User{ID: "U2", Name: "bob", RealName: "Bob Borrower", Email: "bob@contoso.example"})
	s.AddUser(slacktest.User{ID: "U3", Name: "guest", Guest: true})
	s.AddUserGroup(slacktest.UserGroup{ID: "S1", Handle: "security", Members: []string{"U1"}})
	s.AddChannel(slacktest.Channel{ID: "C1", Name: "security", Members: []string{"U1", "U2"}, BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C2", Name: "general", Members: []string{"U1", "U2", "U3"}})
	s.AddChannel(slacktest.Channel{ID: "C3", Name: "vault", Private: true, Members: []string{"U1"}, BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C4", Name: "secret", Private: true, Members: []string{"U1"}})
	return s
}

func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// reply is what a Web API method answers.
type reply struct {
	OK       bool            `json:"ok"`
	Error    string          `json:"error"`
	Channel  json.RawMessage `json:"channel"`
	TS       string          `json:"ts"`
	MessTS   string          `json:"message_ts"`
	URL      string          `json:"url"`
	Needed   string          `json:"needed"`
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
	View struct {
		ID   string `json:"id"`
		Hash string `json:"hash"`
	} `json:"view"`
	raw map[string]any
}

// call posts a form with the bot token.
func call(t *testing.T, s *slacktest.Server, method string, pairs ...string) reply {
	t.Helper()
	form := url.Values{"token": {s.BotToken()}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	resp, err := http.PostForm(s.APIURL()+method, form)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, resp)
}

func decode(t *testing.T, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %s", err, body)
	}
	if err := json.Unmarshal(body, &r.raw); err != nil {
		t.Fatal(err)
	}
	return r
}

// wantError fails the test unless the call was refused with this code.
func wantError(t *testing.T, r reply, code string) {
	t.Helper()
	if r.OK != (code == "") || r.Error != code {
		t.Fatalf("ok=%v error=%q %v, want error %q", r.OK, r.Error, r.Metadata.Messages, code)
	}
}

// post puts a message of the bot into C1 and returns its ts.
func post(t *testing.T, s *slacktest.Server, pairs ...string) string {
	t.Helper()
	r := call(t, s, "chat.postMessage", append([]string{"channel", "C1"}, pairs...)...)
	wantError(t, r, "")
	return r.TS
}

// client is a Socket Mode connection that reads into a channel.
type client struct {
	conn   *websocket.Conn
	frames chan map[string]any
	pings  chan struct{}
}

// ticket asks for a socket URL.
func ticket(t *testing.T, s *slacktest.Server) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.APIURL()+"apps.connections.open", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.AppToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, resp)
}

// dial opens a socket and does not wait for its hello.
func dial(t *testing.T, s *slacktest.Server) *client {
	t.Helper()
	r := ticket(t, s)
	wantError(t, r, "")
	conn, _, err := websocket.DefaultDialer.Dial(r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{conn: conn, frames: make(chan map[string]any, 100), pings: make(chan struct{}, 100)}
	answer := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		select {
		case c.pings <- struct{}{}:
		default:
		}
		return answer(data)
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.frames)
		for {
			var frame map[string]any
			if err := conn.ReadJSON(&frame); err != nil {
				return
			}
			c.frames <- frame
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return c
}

// connect opens a socket and takes its hello.
func connect(t *testing.T, s *slacktest.Server) *client {
	t.Helper()
	c := dial(t, s)
	if hello := c.next(t); hello["type"] != "hello" {
		t.Fatalf("first frame %v, want hello", hello)
	}
	return c
}

// next is the next frame; nil when the socket has ended.
func (c *client) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case frame := <-c.frames:
		return frame
	case <-time.After(20 * time.Second):
		t.Fatal("no frame")
		return nil
	}
}

// ack acknowledges an envelope; payload is JSON text or "".
func (c *client) ack(t *testing.T, id any, payload string) {
	t.Helper()
	frame := `{"envelope_id":"` + id.(string) + `"`
	if payload != "" {
		frame += `,"payload":` + payload
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(frame+"}")); err != nil {
		t.Fatal(err)
	}
}

// acked takes the next envelope, acknowledges it and returns its payload.
func (c *client) acked(t *testing.T, payload string) map[string]any {
	t.Helper()
	frame := c.next(t)
	c.ack(t, frame["envelope_id"], payload)
	return frame["payload"].(map[string]any)
}

const card = `[{"type":"section","text":{"type":"mrkdwn","text":"*Revoke?*","verbatim":true}},
{"type":"actions","block_id":"decide","elements":[
{"type":"button","action_id":"request.confirm","text":{"type":"plain_text","text":"Revoke sessions"},"value":"REQ-1","style":"danger",
"confirm":{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"plain_text","text":"All sessions end."},"confirm":{"type":"plain_text","text":"Revoke"},"deny":{"type":"plain_text","text":"Go back"}}},
{"type":"button","action_id":"request.deny","text":{"type":"plain_text","text":"Deny"},"value":"REQ-1"}]}]`

func long(n int) string { return strings.Repeat("ä", n) }
