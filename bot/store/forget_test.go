package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/store"
)

func forget(t testing.TB, s *store.Store, retention time.Duration) {
	t.Helper()
	if err := s.Forget(deadline(t), retention); err != nil {
		t.Fatalf("forget: %v", err)
	}
}

// over creates a request and ends it with nothing left to do.
func over(t testing.TB, s *store.Store, id string) bot.Request {
	t.Helper()
	r := create(t, s, pending(id, id))
	r.State, r.DueAt = bot.Denied, time.Time{}
	r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{{Action: "denied", Request: id}}})
	toldAllAt(t, s, id, r.Version)
	return r
}

// hasWords reports whether a request still has its typed text.
func hasWords(t *testing.T, s *store.Store, id string) bool {
	t.Helper()
	return stored(t, s, id).Words.Reason != ""
}

const month = 30 * 24 * time.Hour

func testForgetWords(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	created := create(t, s, pending("REQ-LATE", "late"))
	ended := over(t, s, "REQ-ENDED")
	owed := create(t, s, pending("REQ-OWED", "owed"))
	toldAll(t, s, owed.ID)
	untold := over(t, s, "REQ-UNTOLD")
	untold = commit(t, s, bot.Change{Request: untold})

	c.move(month)
	forget(t, s, month)
	if !hasWords(t, s, ended.ID) {
		t.Error("erased before it had ended for longer than the retention")
	}
	c.move(time.Microsecond)
	forget(t, s, 0)
	if !hasWords(t, s, ended.ID) {
		t.Error("erased without a retention")
	}
	created.State, created.DueAt = bot.Denied, time.Time{}
	late := commit(t, s, bot.Change{Request: created})
	toldAllAt(t, s, late.ID, late.Version)
	forget(t, s, month)
	if hasWords(t, s, ended.ID) {
		t.Error("not erased")
	}
	for _, r := range []bot.Request{owed, late} {
		if !hasWords(t, s, r.ID) {
			t.Errorf("%s was erased: something is owed, or it ended later", r.ID)
		}
	}
	// A message not sent in all that time is given up with the words.
	wantTell(t, s, "nothing is told without its words")
	if hasWords(t, s, untold.ID) {
		t.Error("not erased once it was told")
	}

	// The rows keep their hash, and the chain fits.
	story, err := s.Story(deadline(t), ended.ID)
	if err != nil || story.Proof != bot.WordsErased || story.Words != nil || !story.Sound() || story.Rows[0].Typed == "" {
		t.Errorf("the story of what was erased: %+v, %v", story, err)
	}
	if md := message.Markdown(&story); !strings.Contains(md, "erased") || strings.Contains(md, "stolen laptop") {
		t.Errorf("the story says:\n%s", md)
	}
	if got := stored(t, s, ended.ID); got.State != bot.Denied || got.Target.ID != "REQ-ENDED" || len(got.Askers) != 1 {
		t.Errorf("more than words went: %+v", got)
	}
	if _, owed, err := s.ClaimTelling(deadline(t), ended.ID); err != nil || owed {
		t.Errorf("erasing owes something to people: %v", err)
	}
	unfreeze(t, s, c, freeze(t, s, c))
	if w := due(t, s); slices.Contains(w.Tell, ended.ID) {
		t.Error("a freeze owes something of an ended request")
	}
}

// Each call erases a few of the requests that ended first, so that nobody waits.
func testForgetBySteps(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	const most, all = 500, 502
	for i := range all {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = time.Time{}
		commit(t, s, bot.Change{Request: r})
		toldAllAt(t, s, r.ID, 1)
		c.move(time.Microsecond)
	}
	c.move(month)
	left := func() (n int) {
		for i := range all {
			if hasWords(t, s, fmt.Sprint("REQ-", i)) {
				n++
			}
		}
		return n
	}
	forget(t, s, month)
	if n := left(); n != all-most || !hasWords(t, s, fmt.Sprint("REQ-", all-1)) {
		t.Errorf("%d are left after one call, want the %d youngest", n, all-most)
	}
	forget(t, s, month)
	if n := left(); n != 0 {
		t.Errorf("%d are left after two calls", n)
	}
}

func testForgetUses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	longest := use(bot.Total, "", 1, 31*24*time.Hour)
	if err := spent(t, s, "REQ-1", longest); err != nil {
		t.Fatal(err)
	}
	c.move(31*24*time.Hour - time.Microsecond)
	forget(t, s, 0)
	wantLimit(t, "a use that counts was forgotten", spent(t, s, "REQ-2", longest), longest, noon.Add(31*24*time.Hour))
	c.move(2 * time.Microsecond)
	forget(t, s, 0)
	// A limit that looks back further than allowed shows what is stored.
	if err := spent(t, s, "REQ-3", use(bot.Total, "", 1, 1000*24*time.Hour)); err != nil {
		t.Errorf("a use that no limit counts is kept: %v", err)
	}
}

func testForgetNotices(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	announce(t, s, notice("stands"))
	announced(t, s, wantNotices(t, s, "announced", "stands")[0], bot.Retry{})
	announce(t, s, notice("owed"))
	c.move(7 * 24 * time.Hour)
	forget(t, s, 0)
	if announce(t, s, notice("stands")) {
		t.Error("forgotten after 7 days")
	}
	c.move(time.Microsecond)
	forget(t, s, 0)
	if !announce(t, s, notice("stands")) {
		t.Error("kept for more than 7 days")
	}
	wantNotices(t, s, "what does not stand yet is kept", "owed", "stands")
}

// testForgetStanding: a standing notice is announced once, not once a week. One that was
// withdrawn before it was posted is announced when it holds again.
func testForgetStanding(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	const said, withdrawn = bot.StandingKind + ":said", bot.StandingKind + ":withdrawn"
	keys := []string{said, bot.StandingKind + "ing:other"}
	for _, key := range keys {
		announce(t, s, notice(key))
	}
	for _, n := range wantNotices(t, s, "announced", keys...) {
		if err := s.SetNoticePlace(deadline(t), n.ID, bot.NoticePlace{To: "C1", Channel: "C1", TS: "1.1", Shown: "a"}); err != nil {
			t.Fatal(err)
		}
		announced(t, s, n, bot.Retry{})
	}
	announce(t, s, notice(withdrawn))
	if err := s.Withdraw(deadline(t), bot.StandingKind, ""); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.move(7*24*time.Hour + time.Microsecond)
		forget(t, s, 0)
		if announce(t, s, notice(said)) {
			t.Fatal("announced once more")
		}
	}
	for _, key := range []string{keys[1], withdrawn} {
		if !announce(t, s, notice(key)) {
			t.Errorf("%s is kept for ever", key)
		}
	}
}

func testForgetFreeze(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	old := freeze(t, s, c)
	unfreeze(t, s, c, old)
	on := freeze(t, s, c)
	c.move(month + time.Microsecond)
	forget(t, s, month)
	wantFrozen(t, s, "a freeze that is on keeps its reason", on)
	unfreeze(t, s, c, on)
	forget(t, s, month)
	if got, err := s.LastPulled(deadline(t), authz.Asker{EntraID: "entra-alice"}); err != nil || !got.Equal(c.now().Truncate(time.Microsecond)) {
		t.Errorf("more than the reason went: %s, %v", got, err)
	}
	chain(t, s, "")
}

// The reason of a freeze is in one place, apart from its announcement, and is erased in
// time.
func TestForget_ErasesReasonOfFreeze(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	n := notice("frozen")
	f := commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}, Notice: &n})
	wantColumns(t, raw, f.Reason, "freezes.reason", "notices.message")
	announced(t, s, wantNotices(t, s, "begun", "frozen#1")[0], bot.Retry{})
	wantColumns(t, raw, f.Reason, "freezes.reason")
	typed := typedHash(value[string](t, raw, `SELECT salt FROM freezes`), f.Reason)
	if rows := chain(t, s, ""); rows[0].Typed != typed {
		t.Errorf("the row has the hash %s, want %s", rows[0].Typed, typed)
	}
	f = unfreeze(t, s, c, f)
	c.move(month)
	forget(t, s, month)
	wantColumns(t, raw, f.Reason, "freezes.reason")
	c.move(time.Microsecond)
	forget(t, s, 0)
	wantColumns(t, raw, f.Reason, "freezes.reason")
	forget(t, s, month)
	wantColumns(t, raw, f.Reason)
	if rows := chain(t, s, ""); rows[0].Typed != typed || rows[1].Typed != typed {
		t.Errorf("after the reason was erased the rows have the hashes %s and %s", rows[0].Typed, rows[1].Typed)
	}
}

// With nothing to forget, Forget waits for no writer.
func TestForget_IdleOnlyReads(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	a := receive(t, s, arrival(1))
	if err := s.Record(deadline(t), a.ID); err != nil {
		t.Fatal(err)
	}
	over(t, s, "REQ-OLD")
	unfreeze(t, s, c, freeze(t, s, c))
	announce(t, s, notice("stands"))
	announced(t, s, wantNotices(t, s, "announced", "stands")[0], bot.Retry{})
	if err := spent(t, s, "REQ-OPEN", use(bot.Total, "", 1, time.Hour)); err != nil {
		t.Fatal(err)
	}
	c.move(2 * month)
	raw := bypass(t, s)
	do(t, raw, `BEGIN IMMEDIATE`)
	if err := s.Forget(context.Background(), month); err == nil {
		t.Error("there is something to forget, and it was forgotten past the lock")
	}
	do(t, raw, `ROLLBACK`)
	forget(t, s, month)
	do(t, raw, `BEGIN IMMEDIATE`)
	forget(t, s, month) // all is forgotten, once
	do(t, raw, `ROLLBACK`)
}

// Forget and freezes find their rows with indexes that hold nothing else, however long
// the history.
func TestForget_UsesIndexes(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	for query, index := range map[string]string{
		`SELECT EXISTS (SELECT 1 ` + store.Erasable + `)`:                                                  "requests_erasable",
		`SELECT id ` + store.Erasable + ` ORDER BY changed_at LIMIT 500`:                                   "requests_erasable",
		`UPDATE requests SET version = version + 1 WHERE state IN ('pending', 'approved')`:                 "requests_waiting",
		`SELECT 1 FROM freezes WHERE reason IS NOT NULL AND ended_at < 1`:                                  "freezes_erasable",
		`SELECT 1 FROM freezes WHERE ended_at IS NULL`:                                                     "freezes_one",
		`SELECT 1 FROM uses WHERE at < 1`:                                                                  "uses_at",
		`SELECT at FROM uses WHERE kind = '' AND who = '' AND at > 1 ORDER BY at DESC LIMIT 1 OFFSET 4`:    "uses_counted",
		`DELETE FROM uses WHERE request = $1 AND request <> '' AND kind <> 'x'`:                            "uses_request",
		`UPDATE requests SET tell_again = 1 WHERE target_id = 'carol' AND id <> $1 AND due_at IS NOT NULL`: "requests_open",
		`SELECT posted_at ` + store.OldNotices + ` ORDER BY posted_at LIMIT 1`:                             "notices_posted",
		`SELECT id FROM notices WHERE due_at <= 1 AND claimed_until <= 1 ORDER BY due_at, id LIMIT 64`:     "notices_due",
	} {
		var id, parent, unused int
		var plan string
		rows, err := raw.QueryContext(deadline(t), `EXPLAIN QUERY PLAN `+strings.ReplaceAll(query, "$1", "1"))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for rows.Next() {
			if err := rows.Scan(&id, &parent, &unused, &plan); err != nil {
				t.Fatal(err)
			}
			all = append(all, plan)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(all, "; "); !strings.Contains(said, "INDEX "+index+" ") && !strings.HasSuffix(said, "INDEX "+index) || strings.Contains(said, "TEMP B-TREE") {
			t.Errorf("%s\nis looked up so: %s\nwant by %s", query, said, index)
		}
	}
}
