package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// typed is what people type in these tests. It must not reach the log.
const typed = "TYPED-TEXT lost my phone"

// workspace is a test Slack with Bob, Alice, a stranger and a channel.
type workspace struct {
	*slacktest.Server
	t   testing.TB
	ctx context.Context // ends the test with an error instead of a hang
}

func newWorkspace(t testing.TB, cfg slacktest.Config) *workspace {
	t.Helper()
	server, err := slacktest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, u := range []slacktest.User{
		{ID: "U1", Name: "bob"}, {ID: "U2", Name: "alice"}, {ID: "U8", Name: "sam", TeamID: "T0OTHER", Stranger: true},
	} {
		server.AddUser(u)
	}
	server.AddChannel(slacktest.Channel{ID: "C1", Name: "security", Members: []string{"U1", "U2"}, BotIsMember: true})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return &workspace{Server: server, t: t, ctx: ctx}
}

// bob types the command.
func (w *workspace) bob() *slacktest.Delivery { return w.As("U1").Command("C1", typed) }

// alice clicks a button. No card needs to be there.
func (w *workspace) alice() *slacktest.Delivery { return w.clickAs("U2", nil) }

func (w *workspace) clickAs(user string, forge func(*slacktest.Click)) *slacktest.Delivery {
	return w.As(user).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = "C1", "1700000000.000100", "request.confirm", "REQ-7F3K2M"
		if forge != nil {
			forge(c)
		}
	})
}

// acked waits for the ack and returns its payload.
func (w *workspace) acked(d *slacktest.Delivery) string {
	w.t.Helper()
	ack, err := d.Wait(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if ack.Rejected != "" {
		w.t.Errorf("Slack cannot use the ack %s: %s", ack.Payload, ack.Rejected)
	}
	return string(ack.Payload)
}

// failed waits until Slack has told the person that the app did not answer.
func (w *workspace) failed(d *slacktest.Delivery) {
	w.t.Helper()
	saw, err := d.Outcome(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if saw != slacktest.OperationTimeout {
		w.t.Errorf("the person saw %q, want %q", saw, slacktest.OperationTimeout)
	}
}

// until waits for a condition. It checks again at each change in Slack and at each tick.
func (w *workspace) until(what string, condition func() bool) {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-w.Changed():
		case <-tick.C:
		case <-w.ctx.Done():
			w.t.Fatalf("never came true: %s", what)
		}
	}
}

// inbox keeps the arrivals. If do is set, it is called first and may refuse.
type inbox struct {
	mu  sync.Mutex
	got []bot.Arrival
	do  func(ctx context.Context, a bot.Arrival) (any, func(), error)
}

func (i *inbox) Receive(ctx context.Context, a bot.Arrival) (any, func(), error) {
	i.mu.Lock()
	do := i.do
	i.mu.Unlock()
	var reply any
	var next func()
	if do != nil {
		var err error
		if reply, next, err = do(ctx, a); err != nil {
			return nil, nil, err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, a)
	return reply, next, nil
}

func (i *inbox) set(do func(ctx context.Context, a bot.Arrival) (any, func(), error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.do = do
}

func (i *inbox) stored() []bot.Arrival {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]bot.Arrival(nil), i.got...)
}

// gate blocks Receive until it is opened, even if the context ends.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 1000), open: make(chan struct{})} }

func (g *gate) receive(context.Context, bot.Arrival) (any, func(), error) {
	g.entered <- struct{}{}
	<-g.open
	return nil, nil, nil
}

// held waits until one more Receive is blocked.
func (g *gate) held(w *workspace) {
	w.t.Helper()
	select {
	case <-g.entered:
	case <-w.ctx.Done():
		w.t.Fatal("nothing reached the inbox")
	}
}

// logs is a log that can be read while it is written.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a Listener whose Run has been called.
type running struct {
	*Listener
	inbox *inbox
	logs  *logs
	stop  context.CancelFunc
	ended chan error
}

// listen starts a Listener on w and stops it at the end of the test. It does not wait for a
// connection.
func listen(w *workspace, edit func(*Listener)) *running {
	w.t.Helper()
	r := &running{inbox: &inbox{}, logs: &logs{}, ended: make(chan error, 1)}
	r.Listener = New(Config{
		API:   NewAPI(bot.Secret(w.BotToken()), bot.Secret(w.AppToken()), w.APIURL()),
		AppID: w.AppID(), TeamID: w.TeamID(), Inbox: r.inbox, Sockets: 1,
		Log: slog.New(slog.NewJSONHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	r.limits.backoffMin, r.limits.backoffMax = time.Millisecond, 20*time.Millisecond
	if edit != nil {
		edit(r.Listener)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	r.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- r.Run(ctx)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
		for _, secret := range []string{"TYPED-TEXT", "hooks", "response_url", "xapp-", "xoxb-", "ticket="} {
			if log := r.logs.String(); strings.Contains(log, secret) {
				w.t.Errorf("the log has %q in it:\n%s", secret, log)
			}
		}
	})
	return r
}

// connected is listen, but waits until every socket is open.
func connected(w *workspace, edit func(*Listener)) *running {
	w.t.Helper()
	r := listen(w, edit)
	w.until("connected", func() bool { return r.Connected() == r.cfg.Sockets })
	return r
}

// steady waits until r's sockets are open and Slack counts no others, because an envelope to
// a socket that is being closed is lost.
func (w *workspace) steady(r *running) {
	w.t.Helper()
	w.until("steady", func() bool { return r.Connected() == r.cfg.Sockets && w.Sockets() == r.cfg.Sockets })
}

// quiet returns a Listener that does not run and does not log.
func quiet() *Listener {
	return New(Config{API: slack.New("", slack.OptionAPIURL("http://127.0.0.1:0/")), Log: slog.New(slog.DiscardHandler), AppID: "A1", TeamID: "T1", Inbox: &inbox{}})
}

// result waits until Run has returned.
func (r *running) result(w *workspace) error {
	w.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-w.ctx.Done():
		w.t.Fatal("Run does not return")
		return nil
	}
}

var errDisk = errors.New("disk full")

func failing(context.Context, bot.Arrival) (any, func(), error) { return nil, nil, errDisk }

// replying answers a command with text.
func replying(text string) func(context.Context, bot.Arrival) (any, func(), error) {
	return func(context.Context, bot.Arrival) (any, func(), error) {
		return map[string]string{"response_type": "ephemeral", "text": text}, nil, nil
	}
}

// rawEnvelope returns an envelope with any payload.
func rawEnvelope(id, kind, payload string) []byte {
	return fmt.Appendf(nil, `{"envelope_id":%q,"type":%q,"accepts_response_payload":true,"payload":%s}`, id, kind, payload)
}

// ackOf returns the first ack of a raw envelope.
func (w *workspace) ackOf(envelope string) (slacktest.Ack, bool) {
	for _, a := range w.Acks() {
		if a.EnvelopeID == envelope {
			return a, true
		}
	}
	return slacktest.Ack{}, false
}
