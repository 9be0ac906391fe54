package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/intake"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/notify"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

// callCounter counts the calls of the store.
type callCounter struct {
	bot.Store
	mu    sync.Mutex
	calls map[string]int
	// meanwhile begins a freeze, once, right before a change that it forbids is stored.
	meanwhile func()
	noCards   error // what Cards answers instead, once
}

func (c *callCounter) called(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[name]++
}

func (c *callCounter) Request(ctx context.Context, id string) (bot.Request, error) {
	c.called("Request")
	return c.Store.Request(ctx, id)
}

func (c *callCounter) Places(ctx context.Context, id string) (map[string]bot.Place, error) {
	c.called("Places")
	return c.Store.Places(ctx, id)
}

func (c *callCounter) Cards(ctx context.Context, ids []string, slackID string) (map[string]map[string]bot.Place, error) {
	c.called("Cards")
	if err := c.noCards; err != nil {
		c.noCards = nil
		return nil, err
	}
	return c.Store.Cards(ctx, ids, slackID)
}

func (c *callCounter) Frozen(ctx context.Context) (bot.Freeze, bool, error) {
	c.called("Frozen")
	return c.Store.Frozen(ctx)
}

func (c *callCounter) RulesInForce(ctx context.Context) (bot.RulesInForce, error) {
	c.called("RulesInForce")
	return c.Store.RulesInForce(ctx)
}

func (c *callCounter) OnRecord(ctx context.Context, id string) ([]bot.Row, error) {
	c.called("OnRecord")
	return c.Store.OnRecord(ctx, id)
}

func (c *callCounter) LastRevoke(ctx context.Context, targetID, otherThan string) (bot.Request, bool, error) {
	c.called("LastRevoke")
	return c.Store.LastRevoke(ctx, targetID, otherThan)
}

func (c *callCounter) LastAccepted(ctx context.Context, targetID string) (time.Time, error) {
	c.called("LastAccepted")
	return c.Store.LastAccepted(ctx, targetID)
}

func (c *callCounter) PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (bot.Request, bool, error) {
	c.called("PendingFor")
	return c.Store.PendingFor(ctx, targetID, lane, drill)
}

func (c *callCounter) Open(ctx context.Context, slackID string, limit int) ([]bot.Request, error) {
	c.called("Open")
	return c.Store.Open(ctx, slackID, limit)
}

func (c *callCounter) Commit(ctx context.Context, change bot.Change) (bot.Request, error) {
	c.called("Commit")
	if change.Fenced && c.meanwhile != nil {
		c.meanwhile()
		c.meanwhile = nil
		return change.Request, bot.ErrFrozen
	}
	return c.Store.Commit(ctx, change)
}

func (c *callCounter) Record(ctx context.Context, arrival int64, rows ...bot.Entry) error {
	c.called("Record")
	return c.Store.Record(ctx, arrival, rows...)
}

// handler makes a handler of arrivals that asks this store, without a clock of its own.
func (s *stage) handler(t *testing.T, db bot.Store, log slog.Handler) *intake.Handler {
	t.Helper()
	client, home, err := connect(t.Context(), s.slack, s.http)
	if err != nil {
		t.Fatal(err)
	}
	cfg := bot.Config{
		Home: home, Channel: channelOfCards, Policy: s.policy, Operation: graph.InvalidateAllRefreshTokens, Timing: bot.DefaultTiming(), Now: s.clock.now,
		Log: slog.New(log), Meter: bot.Unmetered{},
	}
	budget := lookup.NewBudget(cfg.Now, func() int { return 1 }, true)
	people := lookup.NewPeople(client, s.entra, &cfg.Policy, cfg.Now, budget)
	approvers := &lookup.Rosters{People: people, Names: cfg.Policy.Approvers, Now: cfg.Now}
	approvers.Refresh(t.Context())
	pool := work.NewPool(cfg.Log, cfg.Now, 1, s.store.HandBack)
	t.Cleanup(pool.Stop)
	run := lifecycle.NewRunner(cfg, db, s.entra, people, approvers, pool, bot.BotActor)
	teller := notify.NewTeller(cfg, db, client, approvers, pool)
	teller.OtherRules, teller.Meanwhile = run.HasOtherRules, run.Meanwhile
	return intake.NewHandler(cfg, db, people, approvers, budget, run, teller)
}

// TestStoreCalls_OfOneAct: an act reads nothing twice, and a list of open requests
// costs the same for many as for one.
func TestStoreCalls_OfOneAct(t *testing.T) {
	const open = 15
	s := newTown(t, open+3, authz.New(theApprover, another))
	own := map[string]bot.Place{} // the cards, by request
	for i := range open {
		id, at := s.asks(t, s.town.members[i+3].id, "me lost my phone")
		own[id] = at
	}
	s.end() // from here on only the acts below ask the store
	s.end = func() {}
	counter := &callCounter{Store: s.store}
	handler := s.handler(t, counter, slog.NewTextHandler(t.Output(), nil))

	ids := slices.Sorted(maps.Keys(own))
	request, confirmed := ids[0], ids[1]
	freeze := bot.Freeze{By: authz.Asker{SlackID: another}, BeganAt: s.clock.now(), Until: s.clock.now().Add(time.Hour)}
	begin := func() {
		if _, err := s.store.CommitFreeze(t.Context(), bot.FreezeChange{Freeze: freeze}); err != nil {
			t.Error(err)
		}
	}
	for _, act := range []struct {
		name   string
		before func()
		a      func() bot.Arrival
		want   map[string]int
	}{
		{"status of what is open", nil, func() bot.Arrival { return s.typed(theApprover, "status") },
			map[string]int{"Open": 1, "Cards": 1, "Frozen": 1, "Record": 1}},
		{"status while places cannot be read", func() { counter.noCards = errors.New("a defect") },
			func() bot.Arrival { return s.typed(theApprover, "status") }, map[string]int{"Open": 1, "Cards": 1, "Frozen": 1, "Record": 1}},
		{"status of one", nil, func() bot.Arrival { return s.typed(theApprover, "status "+request) },
			map[string]int{"Request": 1, "Places": 1, "Frozen": 1, "Record": 1}},
		{"an ask", nil, func() bot.Arrival { return s.typed(theApprover, "<@"+thePerson+"> stolen laptop") },
			map[string]int{"PendingFor": 1, "LastAccepted": 1, "Commit": 1, "Frozen": 1}},
		{"a click that may not", nil, func() bot.Arrival { return s.pressed(thePerson, own[request], bot.ActionConfirm, request) },
			map[string]int{"Request": 1, "Places": 1, "Frozen": 1, "Record": 1}},
		{"a click that confirms, and the call", nil, func() bot.Arrival { return s.pressed(theApprover, own[confirmed], bot.ActionConfirm, confirmed) },
			map[string]int{"Request": 1, "Places": 1, "Frozen": 1, "RulesInForce": 1, "OnRecord": 1, "LastRevoke": 1, "Commit": 2}},
		{"a click that a freeze comes before", func() { counter.meanwhile = begin }, func() bot.Arrival {
			return s.pressed(theApprover, own[request], bot.ActionConfirm, request)
		}, map[string]int{"Request": 1, "Places": 1, "Frozen": 2, "RulesInForce": 1, "OnRecord": 1, "LastRevoke": 1, "Commit": 1, "Record": 1}},
		{"a click while a freeze is on", nil, func() bot.Arrival { return s.pressed(theApprover, own[request], bot.ActionConfirm, request) },
			map[string]int{"Request": 1, "Places": 1, "Frozen": 1, "RulesInForce": 1, "OnRecord": 1, "LastRevoke": 1, "Record": 1}},
	} {
		if act.before != nil {
			act.before()
		}
		stored, fresh, err := s.store.Receive(t.Context(), act.a())
		if err != nil || !fresh {
			t.Fatalf("%s: %v, fresh %v", act.name, err, fresh)
		}
		counter.calls = map[string]int{}
		handler.Handle(t.Context(), stored)
		if diff := cmp.Diff(act.want, counter.calls); diff != "" {
			t.Errorf("%s: calls of the store:\n%s", act.name, diff)
		}
	}
}
