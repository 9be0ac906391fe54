package engine_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph"
)

// channelOfCards is the approvers' channel.
const channelOfCards = "C0CARDS"

// connect connects to a workspace as production does.
func connect(ctx context.Context, workspace *slacktest.Server, way http.RoundTripper) (*slackapi.Client, bot.Workspace, error) {
	hc := &http.Client{Transport: way, Timeout: time.Minute}
	client := slackapi.NewClient(slack.New(workspace.BotToken(), slack.OptionAPIURL(workspace.APIURL()), slack.OptionHTTPClient(hc)), workspace.APIURL(), hc)
	home, err := client.Connect(ctx)
	return client, home, err
}

// works runs a bot until end.
func works(b *engine.Bot) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); b.Run(ctx) }()
	return func() { cancel(); <-over }
}

// workshop is what bots share that only tell stored requests: a Slack, a database, and
// a clock that moves only when a test moves it.
type workshop struct {
	*testing.T
	clock *handClock
	slack *slacktest.Server
	db    *store.Store
	path  string // of the database
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	return workshopWith(t, slacktest.Config{NoRateLimits: "the clock stands until a test moves it"})
}

func workshopWith(t *testing.T, c slacktest.Config) *workshop {
	t.Helper()
	w := &workshop{T: t, clock: &handClock{at: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}}
	var err error
	c.Now = w.clock.now
	if w.slack, err = slacktest.Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.slack.Close() })
	for _, name := range []string{"alice", "bob"} {
		w.slack.AddUser(slacktest.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@contoso.example"})
	}
	w.slack.AddChannel(slacktest.Channel{ID: channelOfCards, Name: "security", BotIsMember: true})
	w.path = filepath.Join(t.TempDir(), "bot.db")
	if w.db, err = store.Open(t.Context(), "sqlite:"+w.path, store.Options{Now: w.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	return w
}

// start runs one more bot until end.
func (w *workshop) start(s bot.Store, way http.RoundTripper) (end func()) {
	w.Helper()
	open := make(chan struct{})
	close(open)
	return w.startAs(s, way, stuck{open: open}, func(*bot.Config) {})
}

// startAs is start with an Entra and a changed configuration.
func (w *workshop) startAs(s bot.Store, way http.RoundTripper, entra bot.Entra, change func(*bot.Config)) (end func()) {
	w.Helper()
	client, home, err := connect(w.Context(), w.slack, way)
	if err != nil {
		w.Fatal(err)
	}
	timing := bot.DefaultTiming()
	timing.Tick = 5 * time.Millisecond
	cfg := bot.Config{
		Home: home, Channel: channelOfCards, Policy: authz.New("U0ALICE"), Operation: graph.InvalidateAllRefreshTokens,
		Timing: timing, Now: w.clock.now, Log: slog.New(slog.NewTextHandler(w.Output(), nil)),
	}
	change(&cfg)
	return works(engine.New(cfg, s, client, entra))
}

// asked stores a request of Bob about somebody.
func (w *workshop) asked(id, target string) bot.Request {
	w.Helper()
	now := w.clock.now()
	r, err := w.db.Commit(w.Context(), bot.Change{Request: bot.Request{
		ID: id, State: bot.Pending, Lane: authz.ThirdParty, Operation: graph.InvalidateAllRefreshTokens, Need: 1,
		Askers: []authz.Asker{{SlackID: "U0BOB", EntraID: "b"}}, Target: graph.User{ID: target},
		CreatedAt: now, ExpiresAt: now.Add(8 * time.Hour), DueAt: now.Add(8 * time.Hour), Words: bot.Words{DisplayName: target},
	}, Audit: []bot.Entry{{Action: "requested", Request: id, Actor: "U0BOB", ActorEntraID: "b", TargetID: target}}})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// denied stores a denial by Alice.
func (w *workshop) denied(r bot.Request) {
	w.Helper()
	r.State, r.DueAt, r.EndedAt = bot.Denied, time.Time{}, w.clock.now()
	r.Decisions = []bot.Verdict{{Kind: authz.Deny, SlackID: "U0ALICE", EntraID: "a", At: w.clock.now()}}
	if _, err := w.db.Commit(w.Context(), bot.Change{Request: r}); err != nil {
		w.Fatal(err)
	}
}

// stand are the messages in the approvers' channel that contain a text.
func (w *workshop) stand(says string) (all []slacktest.Message) {
	for _, m := range w.slack.Messages(channelOfCards) {
		if strings.Contains(m.Text, says) {
			all = append(all, m)
		}
	}
	return all
}

func (w *workshop) wait(what string, seen func() bool) {
	w.Helper()
	if !testrun.Seen(patience, seen) {
		w.Fatalf("waited in vain until %s", what)
	}
}
