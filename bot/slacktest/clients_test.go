package slacktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// TestForeignClients lets clients that this project did not write drive the double:
// each is a script in testdata/clients, and what it did is looked up here. They come
// from npm, into a temporary folder, in the versions that its package.json names.
func TestForeignClients(t *testing.T) {
	folder := testrun.ForeignClients(t, filepath.Join("testdata", "clients"))
	for name, drive := range map[string]func(*testing.T, *slacktest.Server, func() *script){
		"bolt.mjs": driveBolt, "web-api.mjs": driveWebAPI, "socket-mode.mjs": driveSocketMode, "edge.mjs": driveEdge,
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, slacktest.Config{PingInterval: time.Second, WarningGrace: time.Second, AckDeadline: time.Minute})
			var everybody []string
			for i := range 250 {
				everybody = append(everybody, fmt.Sprintf("U1%03d", i))
			}
			s.AddChannel(slacktest.Channel{ID: "C9", Name: "all", Members: everybody, BotIsMember: true})
			drive(t, s, func() *script { return start(t, s, folder, name) })
			for _, c := range s.Unknown() {
				t.Errorf("the double does not know %s", c.Method)
			}
		})
	}
}

// script is a Node process.
type script struct {
	stdin io.Closer
	out   bytes.Buffer  // to be read once it has ended
	err   error         // the same
	ended chan struct{} // closed then
}

func start(t *testing.T, s *slacktest.Server, folder, name string) *script {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", name)
	cmd.Dir, cmd.WaitDelay = folder, time.Second
	cmd.Env = append(os.Environ(), "SLACK_API_URL="+s.APIURL(), "SLACK_BOT_TOKEN="+s.BotToken(), "SLACK_APP_TOKEN="+s.AppToken())
	cmd.Env = append(cmd.Env, testrun.NodeEnvironment...)
	p := &script{ended: make(chan struct{})}
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &p.out, &errs
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	p.stdin = stdin
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		cancel()
		<-p.ended
		if t.Failed() {
			t.Logf("%s wrote:\n%s%s", name, &p.out, &errs)
		}
	})
	return p
}

// stop closes stdin and waits for the script, which ends in order.
func (p *script) stop(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	p.wait(t)
}

func (p *script) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("the script ended: %v", p.err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the script does not end")
	}
}

// until waits as long as Node may take on a busy machine, unless the script ends.
func (p *script) until(t *testing.T, s *slacktest.Server, what string, seen func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.Until(ctx, seen); err != nil {
		t.Fatalf("no %s: %v", what, err)
	}
}

func acked(t *testing.T, d *slacktest.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if ack, err := d.Wait(ctx); err != nil || ack.Rejected != "" || ack.Late {
		t.Fatalf("ack: %+v, %v", ack, err)
	}
}

func driveBolt(t *testing.T, s *slacktest.Server, run func() *script) {
	p := run()
	p.until(t, s, "socket", func() bool { return s.Sockets() == 1 })
	acked(t, s.As("U2").Command("C1", "my phone"))
	p.until(t, s, "answer", func() bool { return len(s.Ephemerals("U2")) == 2 })
	card := s.Messages("C1")[0]
	if want := "Bob Borrower: my phone (3 members, locale undefined)\n*Lost a device*\n[Say why]\n[Help]"; card.Plain() != want {
		t.Errorf("the card:\n%s\nwant\n%s", card.Plain(), want)
	}
	if said := s.Ephemerals("U2"); said[0].Text != "Got it." || said[1].Text != "Posted." {
		t.Errorf("answers: %+v", said)
	}
	acked(t, s.As("U1").Click("C1", card.TS, "help"))
	p.until(t, s, "reply", func() bool { return len(s.Thread("C1", card.TS)) == 2 })
	acked(t, s.As("U1").Click("C1", card.TS, "why"))
	p.until(t, s, "form", func() bool { return len(s.Views("U1")) == 1 })
	form := s.Views("U1")[0].ID
	acked(t, s.As("U1").Submit(form, slacktest.Values{"why": {"text": "because"}}))
	if v := s.Views("U1"); len(v) != 1 || v[0].Errors["why"] != "Say more." {
		t.Fatalf("after a refusal: %+v", v)
	}
	acked(t, s.As("U1").Submit(form, slacktest.Values{"why": {"text": "a taxi"}}))
	p.until(t, s, "second reply", func() bool { return len(s.Thread("C1", card.TS)) == 3 })
	thread := s.Thread("C1", card.TS)
	if thread[0].Plain() != "Why: a taxi" || thread[1].Text != "Opened https://help.example/" || thread[2].Text != "<@U1> answered, value sent: false" {
		t.Errorf("the thread: %q, %q, %q", thread[0].Plain(), thread[1].Text, thread[2].Text)
	}
	p.stop(t)
	for _, c := range s.Calls() {
		if c.Error != "" {
			t.Errorf("%s was refused: %s", c.Method, c.Answer)
		}
		if slices.Contains([]string{"users.info", "conversations.members", "chat.postMessage", "views.open", "chat.update"}, c.Method) && c.Params["team_id"] != s.TeamID() {
			t.Errorf("%s without team_id: this test no longer shows that Bolt sends it", c.Method)
		}
	}
}

func driveWebAPI(t *testing.T, s *slacktest.Server, run func() *script) {
	s.Inject(slacktest.Fault{Method: "users.lookupByEmail", Times: 1, RetryAfter: time.Second})
	p := run()
	p.wait(t)
	var found map[string]any
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatalf("%v: %s", err, &p.out)
	}
	for name, want := range map[string]any{
		"members": []any{40.0, 40.0, 40.0, 40.0, 40.0, 40.0, 11.0}, "firstPage": 100.0, "tooMany": "invalid_limit", "badCursor": "invalid_cursor",
		"locale": "en-US", "unasked": "", "byEmail": "U2", "group": []any{"U1"}, "replyToReply": "invalid_arguments", "link": true,
		"json": []any{"user_not_found", "missing_charset"}, "multipart": "U2",
	} {
		if !reflect.DeepEqual(found[name], want) {
			t.Errorf("%s = %v, want %v", name, found[name], want)
		}
	}
	if calls := s.CallsOf("users.lookupByEmail"); len(calls) != 2 || calls[0].Status != 429 || calls[1].At.Sub(calls[0].At) < 900*time.Millisecond {
		t.Errorf("after a rate limit: %+v", calls)
	}
	if m := s.Messages("C1"); len(m) != 1 || len(s.Thread("C1", m[0].TS)) != 2 {
		t.Errorf("messages: %+v", m)
	}
}

func driveSocketMode(t *testing.T, s *slacktest.Server, run func() *script) {
	p := run()
	last := 0
	for i, end := range []func(){func() {}, func() { s.Disconnect(slacktest.RefreshRequested) }, s.DropSockets, func() { s.Disconnect(slacktest.Warning) }} {
		end()
		p.until(t, s, "new socket", func() bool {
			open := s.SocketNumbers()
			return len(open) > 0 && open[len(open)-1] > last
		})
		numbers := s.SocketNumbers()
		last = numbers[len(numbers)-1]
		acked(t, s.As("U2").Command("C1", "hello"))
		if said, want := s.Ephemerals("U2"), fmt.Sprintf("%d: hello", i+1); len(said) != i+1 || said[i].Text != want {
			t.Fatalf("answers: %+v, want %q last", said, want)
		}
	}
	p.stop(t)
	for _, a := range s.Acks() {
		if a.OtherSocket || a.Unknown || a.Repeated || a.Dropped {
			t.Errorf("an ack that Slack ignores: %+v", a)
		}
	}
}

func driveEdge(t *testing.T, s *slacktest.Server, run func() *script) {
	p := run()
	p.until(t, s, "socket", func() bool { return s.Sockets() == 1 })
	acked(t, s.As("U2").Command("C1", "how many"))
	p.until(t, s, "answer", func() bool { return len(s.Ephemerals("U2")) == 2 })
	if m := s.Messages("C1"); len(m) != 1 || m[0].Text != "how many: 251 members" {
		t.Errorf("messages: %+v", m)
	}
	if calls := s.CallsOf("conversations.members"); len(calls) != 3 || calls[2].Params["cursor"] == "" {
		t.Errorf("pages: %+v", calls)
	}
	p.stop(t)
	for _, c := range s.Calls() {
		if c.Error != "" {
			t.Errorf("%s was refused: %s", c.Method, c.Answer)
		}
	}
}
