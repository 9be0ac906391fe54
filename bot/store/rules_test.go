package store_test

import (
	"errors"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

var (
	olderRules = bot.Rules{Policy: "older", Channel: "C0CARDS"}
	newerRules = bot.Rules{Policy: "newer", Channel: "C0CARDS"}
)

func enter(t *testing.T, s bot.Store, rules bot.Rules) {
	t.Helper()
	if err := s.EnterRules(deadline(t), rules, bot.Entry{Action: "policy_loaded", Actor: "bot", Digest: rules.Policy}); err != nil {
		t.Fatal(err)
	}
}

// The rules entered last are in force, even if they are older. A change decided under
// others is not stored.
func testRules(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	if in, err := s.RulesInForce(deadline(t)); err != nil || in != (bot.RulesInForce{}) {
		t.Errorf("before anybody has entered any: %+v, %v", in, err)
	}
	r := create(t, s, pending("REQ-1", "carol"))
	change := func(under bot.Rules) error {
		_, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{{Action: "approval", Request: r.ID}}, Under: under.Digest()})
		if err == nil {
			r = stored(t, s, r.ID)
		}
		return err
	}
	if err := change(olderRules); err != nil {
		t.Errorf("while no rules are in force: %v", err)
	}
	for _, in := range []struct{ entered, other bot.Rules }{{olderRules, newerRules}, {newerRules, olderRules}, {olderRules, newerRules}} {
		enter(t, s, in.entered)
		rows, before := rowsOf(t, s), r.Version
		if got, err := s.RulesInForce(deadline(t)); err != nil || got.Digest != in.entered.Digest() || got.Policy != in.entered.Policy || got.Since.IsZero() {
			t.Errorf("after %q: %+v, %v", in.entered.Policy, got, err)
		}
		if err := change(in.other); !errors.Is(err, bot.ErrOtherRules) {
			t.Errorf("decided by %q while %q are in force: %v", in.other.Policy, in.entered.Policy, err)
		}
		if got := stored(t, s, r.ID); got.Version != before || rowsOf(t, s) != rows {
			t.Errorf("version %d, %d rows: something was stored", got.Version, rowsOf(t, s))
		}
		if err := change(in.entered); err != nil {
			t.Errorf("decided by the rules in force: %v", err)
		}
		// A change that any rules allow is not checked.
		r = commit(t, s, bot.Change{Request: r})
	}
}

// Replicas counts the processes with other rules than those in force, also those that
// never reported any.
func TestReplicas_ByTheirRules(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	var stores []*store.Store
	for range 3 {
		stores = append(stores, openURL(t, url, store.Options{Exclusive: true})) // as run does
	}
	enter(t, stores[0], olderRules)
	enter(t, stores[1], newerRules)
	for i, want := range []int{1, 1, 2} {
		if _, err := stores[i].Beat(deadline(t)); err != nil {
			t.Fatal(err)
		}
		in, err := stores[2].Replicas(deadline(t))
		if err != nil || in.Live != i+1 || in.Others != want || in.Policy != "newer" {
			t.Errorf("after %d beats: %+v, %v; want %d with others", i+1, in, err, want)
		}
	}
}

func rowsOf(t *testing.T, s *store.Store) int {
	t.Helper()
	all, err := s.Audit(deadline(t), "")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
