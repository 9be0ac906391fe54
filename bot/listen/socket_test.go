package listen

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

func TestRun_EndsOnFatalAnswers(t *testing.T) {
	for _, tt := range []struct{ refusal, code string }{
		{"invalid_auth", "invalid_auth"}, // slack-go ends without an error in the log
		{"account_inactive", "account_inactive"},
		{"not_authed", "not_authed"},
		{"token_revoked", "token_revoked"},
		{"404", codeNotFound},
		{"token_expired", "token_expired"}, // slack-go retries for ever
		{"not_allowed_token_type", "not_allowed_token_type"},
		{"no_permission", "no_permission"},
		{"missing_scope", "missing_scope"},
		{"forbidden_team", "forbidden_team"},
		{"team_disabled", "team_disabled"},
		{"user_removed_from_team", "user_removed_from_team"},
	} {
		t.Run(tt.refusal, func(t *testing.T) {
			w := newWorkspace(t, slacktest.Config{})
			w.RefuseConnections(tt.refusal, 0)
			err := listen(w, nil).result(w)
			f, ok := errors.AsType[*Fatal](err)
			if !ok || f.Code != tt.code || !strings.Contains(err.Error(), fatalSentences[tt.code]) {
				t.Fatalf("Run = %v", err)
			}
			if n := len(w.CallsOf("apps.connections.open")); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// The token may be revoked while the bot runs.
func TestRun_EndsOnFatalAnswerAtReconnect(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: time.Second})
	r := connected(w, func(l *Listener) { l.cfg.Sockets = 2 })
	w.RefuseConnections("token_revoked", 0)
	w.DropSockets()
	if f, ok := errors.AsType[*Fatal](r.result(w)); !ok || f.Code != "token_revoked" {
		t.Fatalf("Run = %v", f)
	}
}

func TestRun_RefusesTokensOfTwoApps(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := listen(w, func(l *Listener) { l.cfg.AppID = "A0BOTTOKEN" })
	err := r.result(w)
	if f, ok := errors.AsType[*Fatal](err); !ok || f.Code != codeAppMismatch {
		t.Fatalf("Run = %v", err)
	}
	for _, named := range []string{"A0BOTTOKEN", w.AppID(), "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"} {
		if !strings.Contains(err.Error(), named) {
			t.Errorf("%q does not name %s", err, named)
		}
	}
}

func TestRun_RetriesOtherErrors(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{})
	const open = "apps.connections.open"
	w.RefuseConnections("internal_error", 2)
	w.RefuseConnections("503", 1)
	for _, f := range []slacktest.Fault{
		{Body: `{}`}, {Body: `{"ok":false}`}, {Body: `{"ok":true,"url":"::not a url"}`}, {Body: `<html>`},
		{Status: 429}, {RetryAfter: time.Second}, {Error: "ratelimited"}, {Reset: true},
	} {
		f.Method, f.Times = open, 1
		w.Inject(f)
	}
	w.Inject(slacktest.Fault{Method: "socket", Times: 1, Status: 500})
	started := time.Now()
	connected(w, nil)
	if n := len(w.CallsOf(open)); n != 13 {
		t.Errorf("asked %d times, want 13", n)
	}
	if took := time.Since(started); took < time.Second {
		t.Errorf("connected after %s: Retry-After was not heeded", took)
	}
	w.acked(w.bob())
}

// slack-go itself asks for a socket without a time-out.
func TestRun_GivesUpHungCall(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	w.Inject(slacktest.Fault{Method: "apps.connections.open", Times: 1, Hang: true})
	connected(w, func(l *Listener) {
		l.cfg.API = newAPI(bot.Secret(w.BotToken()), bot.Secret(w.AppToken()), strings.TrimSuffix(w.APIURL(), "/"), 100*time.Millisecond)
	})
	w.acked(w.bob())
}

func TestStop_DoesNotWaitForHungCall(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	var asked atomic.Bool
	w.Inject(slacktest.Fault{Method: "apps.connections.open", Hang: true, Match: func(map[string]string) bool {
		asked.Store(true)
		return true
	}})
	r := listen(w, nil)
	w.until("asked", asked.Load)
	r.stop()
	if err := r.result(w); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// slack-go does not report that Socket Mode was switched off.
func TestSocket_ReconnectsAfterSocketModeWasOff(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	w.Disconnect(slacktest.LinkDisabled)
	w.until("refused", func() bool { return strings.Contains(r.logs.String(), "cannot connect to Slack") })
	w.EnableSocketMode()
	w.steady(r)
	w.acked(w.bob())
}

func TestSocket_SlowsDownAndWarnsOfMomentaryConnections(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	var hellos atomic.Int64
	started := time.Now()
	r := listen(w, func(l *Listener) {
		l.limits.backoffMin, l.limits.backoffMax = 40*time.Millisecond, 100*time.Millisecond
		l.cfg.OnConnected = func() {
			if hellos.Add(1) <= 2*momentaryLimit {
				w.Disconnect(slacktest.RefreshRequested)
			}
		}
	})
	w.until("the last connection stays", func() bool { return hellos.Load() == 2*momentaryLimit+1 })
	w.steady(r)
	if n := strings.Count(r.logs.String(), "Is Socket Mode still switched on?"); n != 2 {
		t.Errorf("warned %d times:\n%s", n, r.logs)
	}
	// Five pauses of at least 20, 40 and three times 50 ms; the first renewal has none.
	if took := time.Since(started); took < 210*time.Millisecond {
		t.Errorf("seven connections in %s", took)
	}
	w.acked(w.bob())
}

// A frame larger than maxFrame ends the connection, not the process.
func TestSocket_SurvivesOversizedFrame(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, nil)
	if err := w.SendRaw(rawEnvelope("endless", "slash_commands", `"`+strings.Repeat("x", maxFrame)+`"`)); err != nil {
		t.Fatal(err)
	}
	w.until("renewed", func() bool { return strings.Count(r.logs.String(), `"msg":"connected"`) == 2 })
	w.steady(r)
	w.acked(w.bob())
	if n := r.Counts().Received; n != 1 {
		t.Errorf("received %d envelopes", n)
	}
}

// Envelopes that slack-go had read when its loop ended are not lost.
func TestSocket_ReceivesLeftoverEnvelopes(t *testing.T) {
	l := quiet()
	s := newSocket(l, 0)
	// The hello keeps serve busy until slack-go's loop has ended.
	l.cfg.OnConnected = func() { <-time.After(50 * time.Millisecond) }
	s.client.Events <- socketmode.Event{Type: socketmode.EventTypeHello, Request: &socketmode.Request{Type: "hello"}}
	const leftover = 49 // with the hello, as many as slack-go's channel holds
	for range leftover {
		s.client.Events <- socketmode.Event{Type: socketmode.EventTypeEventsAPI, Request: &socketmode.Request{Type: "events_api"}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.serve(ctx); err != nil {
		t.Fatal(err)
	}
	if n := l.Counts().Received; n != leftover {
		t.Errorf("received %d of %d", n, leftover)
	}
}

// An ack is not sent after Slack's deadline, because Slack has told the person then that the
// app failed.
func TestAck_NotSentAfterDeadline(t *testing.T) {
	l := quiet()
	s := newSocket(l, 0)
	l.queueAck(s, "E1", nil, time.Now().Add(-l.limits.ackDeadline))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.sendAcks(ctx)
	}()
	if owed := s.flush(ctx); owed != 0 {
		t.Errorf("%d acks owed", owed)
	}
	cancel()
	<-done
	if n := l.Counts().Unacked; n != 1 {
		t.Errorf("%d not acked, want 1", n)
	}
}

func TestSocket_Backoff(t *testing.T) {
	s := newSocket(quiet(), 0)
	most := s.l.limits.backoffMin
	for range 100 {
		pause := s.backoff()
		if pause < most/2 || pause > most {
			t.Fatalf("pause %s, want between %s and %s", pause, most/2, most)
		}
		most = min(2*most, 10*time.Second)
	}
	// A connection that lasted resets the pause.
	s.opened = time.Now().Add(-time.Hour)
	s.closed()
	if pause := s.backoff(); pause > s.l.limits.backoffMin {
		t.Errorf("pause %s after a good connection", pause)
	}
}

func TestListener_SeveralSockets(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: 2 * time.Second})
	r := connected(w, func(l *Listener) { l.cfg.Sockets = 3 })
	used := map[int]bool{}
	for range 9 {
		ack, err := w.bob().Wait(w.ctx)
		if err != nil || ack.OtherSocket {
			t.Fatalf("ack %+v, %v", ack, err)
		}
		used[ack.Socket] = true
	}
	if len(used) != 3 {
		t.Errorf("used sockets %v", used)
	}
	r.stop()
	if err := r.result(w); err != nil {
		t.Error(err)
	}
	w.until("all closed", func() bool { return w.Sockets() == 0 })
	if r.Connected() != 0 {
		t.Errorf("%d still count as connected", r.Connected())
	}
}

// The ack is sent although the connection of its envelope has ended.
func TestAck_SentAfterRefresh(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckOnAnySocket: true})
	r := connected(w, nil)
	g := newGate()
	r.inbox.set(g.receive)
	d := w.bob()
	g.held(w)
	w.Disconnect(slacktest.Warning)
	w.until("on a new connection", func() bool { return strings.Count(r.logs.String(), `"msg":"connected"`) == 2 })
	close(g.open)
	ack, err := d.Wait(w.ctx)
	if err != nil || !ack.OtherSocket {
		t.Fatalf("ack %+v, %v", ack, err)
	}
	if !strings.Contains(r.logs.String(), "renewed between envelope and ack") {
		t.Errorf("log:\n%s", r.logs)
	}
}

// Slack drops an ack that comes in several frames.
func TestAck_LargeIsOneFrame(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	var largest atomic.Int64
	r := connected(w, func(l *Listener) {
		dial := l.dial
		l.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return measured{conn, &largest}, err
		}
	})
	r.inbox.set(replying(strings.Repeat("x", 19<<10)))
	w.acked(w.bob())
	if largest.Load() < 19<<10 {
		t.Errorf("the largest write had %d bytes", largest.Load())
	}
}

// measured is a connection that notes its largest write.
type measured struct {
	net.Conn
	largest *atomic.Int64
}

func (m measured) Write(p []byte) (int, error) {
	m.largest.Store(max(m.largest.Load(), int64(len(p))))
	return m.Conn.Write(p)
}

// If several acks cannot be written, only the first write begins and counts as written. All
// are owed again.
func TestAck_LostStaysOwed(t *testing.T) {
	s := newSocket(quiet(), 0)
	s.owed.Store(2)
	s.settle() // for the write that began
	for _, envelope := range []string{"E1", "E2"} {
		s.ackFailed(&socketmode.ErrorWriteFailed{Cause: net.ErrClosed, Response: &socketmode.Response{EnvelopeID: envelope}})
	}
	if s.owed.Load() != 2 || len(s.l.acks) != 2 {
		t.Errorf("%d owed, %d promised; want 2", s.owed.Load(), len(s.l.acks))
	}
}

// A lost ack delays the stop by no more than flushIdle.
func TestFlush_GivesUp(t *testing.T) {
	t.Parallel()
	s := newSocket(quiet(), 0)
	s.owed.Store(1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if owed := s.flush(ctx); owed != 1 || ctx.Err() != nil {
		t.Errorf("%d owed, %v", owed, ctx.Err())
	}
}

// brittle is a connection whose writes can be made to fail.
type brittle struct {
	net.Conn
	broken *atomic.Bool
}

func (b brittle) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errors.New("wire cut")
	}
	return b.Conn.Write(p)
}

// slack-go itself neither resends the ack nor drops the connection.
func TestAck_SentAgainAfterFailedWrite(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckOnAnySocket: true})
	var mu sync.Mutex
	var wires []*atomic.Bool
	r := connected(w, func(l *Listener) {
		dial := l.dial
		l.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			mu.Lock()
			defer mu.Unlock()
			wires = append(wires, new(atomic.Bool))
			return brittle{conn, wires[len(wires)-1]}, err
		}
	})
	g := newGate()
	r.inbox.set(func(ctx context.Context, a bot.Arrival) (any, func(), error) {
		g.receive(ctx, a)
		return map[string]string{"text": "Got it."}, nil, nil
	})
	d := w.bob()
	g.held(w)
	mu.Lock()
	wires[0].Store(true)
	mu.Unlock()
	close(g.open)
	ack, err := d.Wait(w.ctx)
	if err != nil || !ack.OtherSocket || !strings.Contains(string(ack.Payload), "Got it.") {
		t.Fatalf("ack %+v, %v", ack, err)
	}
	r.stop()
	started := time.Now()
	if err := r.result(w); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > flushIdle/2 {
		t.Errorf("the stop took %s: the acks owed were not counted right", took)
	}
	if len(r.inbox.stored()) != 1 {
		t.Errorf("stored %d", len(r.inbox.stored()))
	}
}
