package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// notice is any notice.
func notice(key string) bot.Notice {
	return bot.Notice{Key: key, To: "C-APPROVERS", Message: bot.Message{
		Text: "Frozen by <@U-ALICE>: an odd burst of reports",
		Blocks: json.RawMessage(`[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` +
			`{"type":"text","text":"Frozen by ","style":{"bold":true}},{"type":"user","user_id":"U-ALICE"},` +
			`{"type":"date","timestamp":1772625600,"format":"{date_short_pretty}, {time}","fallback":"2026-03-04 12:00:00 UTC"}]}]}]`),
	}}
}

func announce(t testing.TB, s *store.Store, n bot.Notice, audit ...bot.Entry) (fresh bool) {
	t.Helper()
	fresh, err := s.Announce(deadline(t), n, audit...)
	if err != nil {
		t.Fatalf("announce %s: %v", n.Key, err)
	}
	return fresh
}

func announced(t testing.TB, s *store.Store, n bot.Notice, retry bot.Retry) {
	t.Helper()
	if err := s.Announced(deadline(t), n, retry); err != nil {
		t.Fatalf("announced %s: %v", n.Key, err)
	}
}

// wantNotices checks that exactly these notices are due, and returns them.
func wantNotices(t testing.TB, s *store.Store, when string, keys ...string) []bot.Notice {
	t.Helper()
	w := due(t, s)
	var got []string
	for _, n := range w.Notices {
		got = append(got, n.Key)
	}
	if diff := cmp.Diff(keys, got); diff != "" || len(w.Broken) > 0 {
		t.Errorf("%s, broken %v, notices due (-want +got):\n%s", when, w.Broken, diff)
	}
	return w.Notices
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func testNotice(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	n := notice("coverage:short")
	if !announce(t, s, n, bot.Entry{Action: "coverage", Actor: "bot"}, bot.Entry{Action: "second"}) {
		t.Error("the first is not fresh")
	}
	got := wantNotices(t, s, "announced", n.Key)
	// Compared as JSON, as Slack gets it.
	n.ID, n.Until, n.Tries, n.Version = got[0].ID, got[0].Until, 1, 1
	if diff := cmp.Diff(asJSON(t, n), asJSON(t, got[0])); diff != "" || n.ID == 0 || got[0].Tries != 1 {
		t.Errorf("ID %d, try %d (-want +got):\n%s", n.ID, got[0].Tries, diff)
	}
	if rows := chain(t, s, ""); len(rows) != 2 || rows[0].Action != "coverage" {
		t.Errorf("audit rows %v", rows)
	}
	wantNotices(t, s, "claimed")
	c.move(bot.ClaimFor)
	if n = wantNotices(t, s, "the claim has lapsed", n.Key)[0]; n.Tries != 2 {
		t.Errorf("try %d, want 2", n.Tries)
	}
	for range 5 {
		c.move(time.Second)
		old := n
		announced(t, s, old, bot.Retry{At: c.now(), PutOff: true})
		announced(t, s, old, bot.Retry{At: c.now(), PutOff: true}) // the answer was lost
		if n = wantNotices(t, s, "it was put off", n.Key)[0]; n.Tries != 2 {
			t.Errorf("try %d after it was put off, want 2", n.Tries)
		}
		announced(t, s, old, at(c.now()))
		wantNotices(t, s, "somebody else posts it")
	}
	announced(t, s, n, bot.Retry{})
	c.move(1000 * time.Hour)
	wantNotices(t, s, "it stands")
}

// A key is announced once, however often and by however many.
func testNoticeOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := deadline(t)
	lost := fmt.Errorf("announced before")
	oneWinner(t, atOnce(20, func(i int) error {
		fresh, err := s.Announce(ctx, notice("once"), bot.Entry{Action: "announced"})
		if err == nil && !fresh {
			err = lost
		}
		return err
	}), lost)
	n := wantNotices(t, s, "announced by many", "once")
	announced(t, s, n[0], bot.Retry{})
	if announce(t, s, notice("once"), bot.Entry{Action: "announced"}) {
		t.Error("announced again once it stood")
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("%d audit rows, want 1", len(rows))
	}
	if !announce(t, s, notice("another")) {
		t.Error("another key is taken for the same")
	}
}

func testNoticeRetry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	announce(t, s, notice("a"))
	n := wantNotices(t, s, "announced", "a")[0]
	announced(t, s, n, at(c.now().Add(time.Second))) // sooner than the claim would lapse
	c.move(time.Second - time.Microsecond)
	wantNotices(t, s, "before the retry")
	c.move(time.Microsecond)
	wantNotices(t, s, "at the retry: the claim was given up", "a")
	announced(t, s, n, bot.Retry{})
	announced(t, s, n, at(c.now())) // a slower teller's
	wantNotices(t, s, "what stands is not posted again")
}

func testNoticeOrder(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for _, key := range []string{"c", "a", "b", "e", "d"} {
		announce(t, s, notice(key))
	}
	w, err := s.Due(deadline(t), 3)
	if err != nil || len(w.Notices) != 3 || w.Notices[0].Key != "c" || w.Notices[1].Key != "a" || w.Notices[2].Key != "b" {
		t.Errorf("%v, %v: want the three oldest in order", w.Notices, err)
	}
	wantNotices(t, s, "the rest", "e", "d")
}

func testNoticesOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	const n = 20
	for i := range n {
		announce(t, s, notice(fmt.Sprint("key-", i)))
	}
	ctx := deadline(t)
	works := make([]bot.Work, 10)
	for i, err := range atOnce(len(works), func(i int) (err error) { works[i], err = s.Due(ctx, n); return err }) {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	seen := map[string]bool{}
	for _, w := range works {
		for _, got := range w.Notices {
			if seen[got.Key] {
				t.Errorf("%s was claimed twice", got.Key)
			}
			seen[got.Key] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d claimed, want %d", len(seen), n)
	}
}
