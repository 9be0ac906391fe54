package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

// stuck is an Entra that answers nobody until it is opened, and then has no accounts.
type stuck struct {
	bot.Entra
	open chan struct{}
}

func (s stuck) Find(ctx context.Context, _ graph.Key, _ string) ([]graph.User, error) {
	select {
	case <-s.open:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestLoad_IsBounded: 5,000 arrivals come while Entra does not answer. Each one is
// stored, people read that they wait, and neither memory nor goroutines grow with the
// arrivals.
func TestLoad_IsBounded(t *testing.T) {
	const arrivals = 5000
	workspace, err := slacktest.Start(slacktest.Config{NoRateLimits: "5,000 arrivals at once"})
	if err != nil {
		t.Fatal(err)
	}
	defer workspace.Close()
	workspace.AddUser(slacktest.User{ID: "U0BOB", Name: "bob", Email: "bob@contoso.example"})
	workspace.AddChannel(slacktest.Channel{ID: channelOfCards, Name: "security", BotIsMember: true})
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bot.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	transport := &http.Transport{MaxConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	client, home, err := connect(t.Context(), workspace, transport)
	if err != nil {
		t.Fatal(err)
	}
	entra := stuck{open: make(chan struct{})}
	timing := bot.DefaultTiming()
	timing.AskEvery = 0 // one person asks 5,000 times
	b := engine.New(bot.Config{
		Home: home, Channel: channelOfCards, Policy: authz.New("U0BOB"), Operation: graph.InvalidateAllRefreshTokens,
		Timing: timing, Emergency: "Call 555-0100.", Log: slog.New(slog.DiscardHandler),
	}, db, client, entra)
	defer works(b)()

	before := measure()
	busy := 0
	for i := range arrivals {
		reply, next, err := b.Receive(t.Context(), bot.Arrival{
			Kind: bot.CommandArrival, Envelope: fmt.Sprint("envelope-", i), Key: fmt.Sprint("act-", i), AppID: home.AppID, TeamID: home.TeamID,
			UserID: "U0BOB", ChannelID: "C0GENERAL", Text: "me lost my phone", ReceivedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if reply != nil {
			busy++
			if text, err := json.Marshal(reply); err != nil || !strings.Contains(string(text), "I'm busy, but nothing is lost") {
				t.Fatalf("ack %s, %v", text, err)
			}
		}
		next()
	}
	running, waiting, _ := b.Load()
	if running > 256 || waiting > 1024 {
		t.Errorf("%d run and %d wait", running, waiting)
	}
	after := measure()
	// Each piece of work may look up several things at once.
	if grown := after.goroutines - before.goroutines; grown > 256*8 {
		t.Errorf("%d goroutines more", grown)
	}
	if grown := int64(after.heap) - int64(before.heap); grown > 64<<20 {
		t.Errorf("%d MB more on the heap", grown>>20)
	}
	if busy == 0 {
		t.Error("nobody was told that they wait")
	}
	t.Logf("%d run, %d wait, %d told so; %d goroutines and %d MB more", running, waiting, busy,
		after.goroutines-before.goroutines, (int64(after.heap)-int64(before.heap))>>20)
	close(entra.open)
}

type size struct {
	goroutines int
	heap       uint64
}

func measure() size {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{runtime.NumGoroutine(), m.HeapAlloc}
}
