package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// executing is a command-line request, stored for the first time just before its call.
func executing(id, targetID string, c *clock) bot.Request {
	r := pending(id, targetID)
	r.State, r.DueAt = bot.Executing, c.now()
	r.Askers = []authz.Asker{{SlackID: "os:ops@host"}}
	return r
}

// A command-line request has its words from the first state on, proved by its rows, and
// nobody is told of it.
func testConsole(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := executing("REQ-ACDEFG", "carol", c)
	r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Keep: true})
	if got := stored(t, s, r.ID); !cmp.Equal(got.Words, r.Words) || got.State != bot.Executing {
		t.Errorf("%s: %+v", got.State, got.Words)
	}
	r = turn(t, s, r, bot.Revoked)
	rows := chain(t, s, r.ID)
	if len(rows) != 2 || rows[0].Typed == "" || rows[0].Typed != rows[1].Typed {
		t.Errorf("the rows vouch for %+v", rows)
	}
	// Words that somebody changed later no longer match.
	r.Words.Reason = "something else"
	r = turn(t, s, r, bot.Verified)
	if got := stored(t, s, r.ID); got.Words.Reason != "stolen laptop" {
		t.Errorf("the words became %q", got.Words.Reason)
	}
	c.move(time.Hour)
	if w := due(t, s); len(w.Tell) > 0 {
		t.Errorf("somebody is to be told: %v", w.Tell)
	}
}

// A notice with a change is announced only if the change is stored.
func testNoticeWithAChange(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := executing("REQ-ACDEFG", "carol", c)
	n := notice("policy_overridden#" + r.ID)
	commit(t, s, bot.Change{Request: r, Notice: &n})
	if _, err := s.Commit(deadline(t), bot.Change{Request: r, Notice: &bot.Notice{Key: "another"}}); err == nil {
		t.Error("the same request was made twice")
	}
	wantNotices(t, s, "with the change", n.Key)
}

func testClaim(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := executing("REQ-ACDEFG", "carol", c)
	r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
	claim := func() bool {
		t.Helper()
		got, ok, err := s.Claim(deadline(t), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if ok && (got.ID != r.ID || got.Version != r.Version || !cmp.Equal(got.Words, r.Words)) {
			t.Errorf("claimed %+v", got)
		}
		return ok
	}
	if !claim() || claim() {
		t.Fatal("it was claimed not once")
	}
	if w := due(t, s); len(w.Drive) > 0 {
		t.Error("what is claimed was due")
	}
	c.move(bot.ClaimFor + time.Second)
	if !claim() {
		t.Error("a claim did not lapse")
	}
	if _, ok, err := s.Claim(deadline(t), "REQ-NONE99"); ok || err != nil {
		t.Errorf("what is not there was claimed: %v, %v", ok, err)
	}
	won := 0
	c.move(bot.ClaimFor + time.Second)
	got := make(chan bool, 20)
	for _, err := range atOnce(20, func(int) error {
		_, ok, err := s.Claim(deadline(t), r.ID)
		got <- ok
		return err
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if <-got {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d of twenty claimed it", won)
	}
}

// A process beside a bot does not upgrade the schema, because the bot may not know the
// new one.
func TestOpenBeside_DoesNotMigrate(t *testing.T) {
	path := versionOne(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Beside: true})
	if s != nil || err == nil || !strings.Contains(err.Error(), "Start this version of the bot on it once") {
		t.Fatalf("%v, %v", s, err)
	}
	if _, err = store.OpenReadOnly(deadline(t), "sqlite:"+path); err == nil || !strings.Contains(err.Error(), "schema 1") {
		t.Fatalf("it was changed: %v", err)
	}
	closeStore(t, openAt(t, newPath(t), store.Options{Beside: true}))
}

// A use that passes over a limit still counts against it.
func TestLimit_PassedOverUseCounts(t *testing.T) {
	c := newClock()
	s := openAt(t, newPath(t), store.Options{Now: c.now})
	defer closeStore(t, s)
	use := bot.Use{Kind: bot.Total, Limit: authz.Limit{N: 1, Within: time.Hour}}
	over := use
	over.PassedOver = true
	ask := func(id string, u bot.Use) error {
		r := executing(id, "target of "+id, c)
		_, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: []bot.Use{u}})
		return err
	}
	for _, step := range []struct {
		id   string
		use  bot.Use
		full bool
	}{{"REQ-AAAAAA", use, false}, {"REQ-CCCCCC", use, true}, {"REQ-DDDDDD", over, false}} {
		if _, full := errors.AsType[*bot.LimitError](ask(step.id, step.use)); full != step.full {
			t.Errorf("%s: full %v", step.id, full)
		}
		c.move(time.Minute)
	}
	// The first use has left the window; the one that passed over has not.
	c.move(58 * time.Minute)
	if limit, full := errors.AsType[*bot.LimitError](ask("REQ-EEEEEE", use)); !full {
		t.Error("what passed over did not count")
	} else if want := noon.Add(62 * time.Minute).Truncate(time.Microsecond); !limit.Free.Equal(want) {
		t.Errorf("there is room %v, want %v", limit.Free, want)
	}
}

func TestUsedByBot(t *testing.T) {
	s := openAt(t, newPath(t), store.Options{})
	defer closeStore(t, s)
	for _, step := range []struct {
		actor string
		used  bool
	}{{"os:alice@laptop", false}, {"bot", true}} {
		if err := s.Record(deadline(t), 0, bot.Entry{Action: "policy_loaded", Actor: step.actor, Digest: "x"}); err != nil {
			t.Fatal(err)
		}
		if used, err := s.UsedByBot(deadline(t)); err != nil || used != step.used {
			t.Errorf("after one of %s: %v, %v", step.actor, used, err)
		}
	}
}
