package bot_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

// severed is the way of one process to what it shares with the others.
type severed struct {
	*store.Store
	off   atomic.Bool
	tried atomic.Int64 // notes of a place while it was off
	notes atomic.Int64 // and since
}

var errSevered = errors.New("the database is away")

func (s *severed) SetPlace(ctx context.Context, id string, p bot.Place) error {
	if s.off.Load() {
		s.tried.Add(1)
		return errSevered
	}
	defer s.notes.Add(1)
	return s.Store.SetPlace(ctx, id, p)
}

func (s *severed) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	if s.off.Load() {
		return t, false, errSevered
	}
	return s.Store.Told(ctx, t, version, retry)
}

func (s *severed) ClaimTelling(ctx context.Context, id string) (bot.Telling, bool, error) {
	if s.off.Load() && s.tried.Load() > 0 {
		return bot.Telling{}, false, errSevered
	}
	return s.Store.ClaimTelling(ctx, id)
}

func (s *severed) Due(ctx context.Context, limit int) (bot.Work, error) {
	if s.off.Load() && s.tried.Load() > 0 {
		return bot.Work{}, errSevered
	}
	return s.Store.Due(ctx, limit)
}

// line is the way to Slack, which can be cut.
type line struct {
	http.RoundTripper
	cut atomic.Bool
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.cut.Load() {
		return nil, errors.New("Slack is away")
	}
	return l.RoundTripper.RoundTrip(r)
}

// workshop is what bots share that only tell what is stored: a Slack, a database
// and a clock that stands until it is moved.
type workshop struct {
	*testing.T
	clock *handClock
	slack *slacktest.Server
	db    *store.Store
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{T: t, clock: &handClock{at: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}}
	var err error
	if w.slack, err = slacktest.Start(slacktest.Config{Now: w.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.slack.Close() })
	for _, name := range []string{"alice", "bob"} {
		w.slack.AddUser(slacktest.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@contoso.example"})
	}
	w.slack.AddChannel(slacktest.Channel{ID: channelOfCards, Name: "security", BotIsMember: true})
	if w.db, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bot.db"), store.Options{Now: w.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	return w
}

// start has one more bot at work, until end.
func (w *workshop) start(s bot.Store, way http.RoundTripper) (end func()) {
	w.Helper()
	hc := &http.Client{Transport: way, Timeout: time.Minute}
	client := bot.NewSlack(slack.New(w.slack.BotToken(), slack.OptionAPIURL(w.slack.APIURL()), slack.OptionHTTPClient(hc)), w.slack.APIURL(), hc)
	home, err := client.Connect(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	timing := bot.DefaultTiming()
	timing.Tick = 5 * time.Millisecond
	open := make(chan struct{})
	close(open)
	b := bot.New(bot.Config{
		Home: home, Channel: channelOfCards, Policy: authz.New("U0ALICE"), Operation: graph.InvalidateAllRefreshTokens,
		Timing: timing, Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
	}, s, client, stuck{open: open})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); b.Run(ctx) }()
	return func() { cancel(); <-over }
}

// asked stores a request of Bob's about somebody.
func (w *workshop) asked(id, target string) bot.Request {
	w.Helper()
	now := w.clock.now()
	r, err := w.db.Commit(w.Context(), bot.Change{Request: bot.Request{
		ID: id, State: bot.Pending, Lane: authz.ThirdParty, Operation: graph.InvalidateAllRefreshTokens, Need: 1,
		Askers: []authz.Asker{{SlackID: "U0BOB", EntraID: "b"}}, Target: graph.User{ID: target},
		CreatedAt: now, ExpiresAt: now.Add(8 * time.Hour), DueAt: now.Add(8 * time.Hour), Words: bot.Words{DisplayName: target},
	}})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// stand are the messages in the approvers' channel that say something.
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
	for end := time.Now().Add(8 * time.Second); !seen(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestANoteThatComesTooLate: a process that has posted a card cannot note it, for
// longer than its claim. Another one posts a card and goes on; what the first
// notes then must not hide that.
func TestANoteThatComesTooLate(t *testing.T) {
	w := newWorkshop(t)
	clock, workspace, db := w.clock, w.slack, w.db
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	first, its := &severed{Store: db}, &line{RoundTripper: transport}
	first.off.Store(true)
	defer w.start(first, its)()

	r := w.asked("REQ-ACDEFG", "carol")
	w.wait("the first has posted a card", func() bool { return first.tried.Load() > 0 })
	its.cut.Store(true) // by the time it notes the card, its step is over, and it posts no more

	clock.move(bot.ClaimFor + time.Second)
	defer w.start(db, transport)()
	var card bot.Place
	w.wait("the second has posted a card", func() bool {
		places, err := db.Places(t.Context(), r.ID)
		card = places["card"]
		return err == nil && card.TS != ""
	})
	r.State, r.DueAt, r.EndedAt = bot.Denied, time.Time{}, clock.now()
	r.Decisions = []bot.Verdict{{Kind: authz.Deny, SlackID: "U0ALICE", EntraID: "a", At: clock.now()}}
	if _, err := db.Commit(t.Context(), bot.Change{Request: r}); err != nil {
		t.Fatal(err)
	}
	shows := func(ts string) string {
		for _, m := range workspace.Messages(channelOfCards) {
			if m.TS == ts {
				return m.Text
			}
		}
		return "nothing"
	}
	w.wait("its card shows the decision", func() bool { return strings.Contains(shows(card.TS), "Denied") })

	its.cut.Store(false)
	first.off.Store(false)
	w.wait("the first notes its own", func() bool { return first.notes.Load() > 0 })
	places, err := db.Places(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if live := places["card"]; live.TS != card.TS {
		t.Errorf("the live card is said to be one that shows %q", shows(live.TS))
	}
	w.wait("the first takes its card back", func() bool { return len(w.stand(r.ID)) == 1 })
}
