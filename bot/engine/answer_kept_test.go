package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/graph"
)

// leaving is a database that can go away.
type leaving struct {
	bot.Store
	away atomic.Bool
}

var errAway = errors.New("the database is away")

func (l *leaving) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	if l.away.Load() {
		return bot.Request{}, errAway
	}
	return l.Store.Commit(ctx, c)
}

func (l *leaving) Due(ctx context.Context, limit int) (bot.Work, error) {
	if l.away.Load() {
		return bot.Work{}, errAway
	}
	return l.Store.Due(ctx, limit)
}

// answering is an Entra that says yes, and then calls then.
type answering struct {
	counting
	then func()
}

func (a *answering) Find(_ context.Context, _ graph.Key, address string) ([]graph.User, error) {
	return []graph.User{{ID: "a", UPN: address, Mail: address, Disabled: graph.No, Guest: graph.No}}, nil
}

func (a *answering) User(_ context.Context, id string) (graph.User, error) {
	return graph.User{ID: id}, nil
}

func (a *answering) Revoke(ctx context.Context, id string) (graph.Revocation, error) {
	yes, err := a.counting.Revoke(ctx, id)
	a.then()
	return yes, err
}

// TestAnswer_IsKeptWhileDatabaseIsAway: the database is away for longer than a minute
// when Microsoft says yes. Afterwards the yes is on record with the time at which it
// came, and nobody reads that Microsoft was not clear.
func TestAnswer_IsKeptWhileDatabaseIsAway(t *testing.T) {
	w := newWorkshop(t)
	client, home, err := connect(t.Context(), w.slack, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := w.asked("REQ-ACDEFG", "carol")
	r.State, r.DueAt = bot.Approved, w.clock.now()
	r.Before = graph.Stamps{RefreshTokens: w.clock.now().Add(-time.Hour), Sessions: w.clock.now().Add(-time.Hour), ReadAt: w.clock.now()}
	r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U0ALICE", EntraID: "a", At: w.clock.now()}}
	if _, err := w.db.Commit(t.Context(), bot.Change{Request: r, Audit: []bot.Entry{
		{Action: string(bot.Approved), Request: r.ID, Actor: "U0ALICE", ActorEntraID: "a", TargetID: r.Target.ID, Digest: r.Digest},
	}}); err != nil {
		t.Fatal(err)
	}
	answered := w.clock.now()
	db, entra := &leaving{Store: w.db}, &answering{}
	entra.then = func() { db.away.Store(true) }
	timing := bot.DefaultTiming()
	timing.Tick = 5 * time.Millisecond
	end := works(engine.New(bot.Config{
		Home: home, Channel: channelOfCards, Policy: authz.New("U0ALICE"), Operation: graph.InvalidateAllRefreshTokens,
		Timing: timing, Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
	}, db, client, entra))
	defer func() { end() }()
	w.wait("Microsoft is called", func() bool { return entra.revokes.Load() > 0 && db.away.Load() })
	for range 6 {
		w.clock.move(30 * time.Second)
		time.Sleep(250 * time.Millisecond) // for the tries, a tenth of a second of real time apart
	}
	db.away.Store(false)

	stored := func() bot.Request {
		r, err := w.db.Request(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	w.wait("it is decided", func() bool { s := stored().State; return s != bot.Executing && s != bot.Approved })
	w.wait("it is told", func() bool { return len(w.stand("carol")) > 0 })
	if r := stored(); !r.State.Accepted() || r.Seen || !r.AcceptedAt.Equal(answered) {
		t.Errorf("it is %s, accepted %s, seen %v; Microsoft said yes %s", r.State, r.AcceptedAt, r.Seen, answered)
	}
	rows, err := w.db.Audit(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rows {
		if e.Action == "unknown" {
			t.Errorf("it is said not to be known: %+v", e)
		}
	}
	for _, m := range w.slack.Messages(channelOfCards) {
		if strings.Contains(m.Text, "no clear answer") || strings.Contains(m.Text, "not known") {
			t.Errorf("somebody reads %q", m.Text)
		}
	}
	if n := entra.revokes.Load(); n != 1 {
		t.Errorf("Microsoft was called %d times", n)
	}
}
