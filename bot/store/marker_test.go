package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// marks notes a database in the marker file.
func marks(t *testing.T, path string, s *store.Store) *store.Marker {
	t.Helper()
	m := store.NewMarker("postgres://server/database", path)
	if err := m.Load(); err != nil {
		t.Fatal(err)
	}
	if back, err := m.Note(deadline(t), s); back != nil || err != nil {
		t.Fatalf("%+v, %v", back, err)
	}
	return m
}

// wantBack checks whether a marker, as the next process reads it, finds that the
// database lost rows.
func wantBack(t *testing.T, when string, path string, s *store.Store, want bool) *bot.StepBack {
	t.Helper()
	m := store.NewMarker("postgres://server/database", path)
	if err := m.Load(); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	back, err := m.Compare(deadline(t), s)
	if (back != nil) != want || err != nil {
		t.Fatalf("%s: %+v, %v", when, back, err)
	}
	return back
}

// testMarker: an older, an empty and another database are each noticed once.
func testMarker(t *testing.T, open opener) {
	c := newClock()
	s, other := open(t, c.now), open(t, c.now)
	path := filepath.Join(t.TempDir(), "marker")
	wantBack(t, "with no marker", path, s, false)
	create(t, s, pending("REQ-1", "one"))
	backup := marks(t, path, s)
	wantBack(t, "as it was", path, s, false)
	create(t, s, pending("REQ-2", "two"))
	wantBack(t, "with a row more", path, s, false)
	marks(t, path, s)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	back := wantBack(t, "an empty one", path, other, true)
	if head, _ := s.Head(deadline(t)); back.Seq != head.Seq || back.Hash != head.Hash || back.Head != 0 || !back.At.Equal(c.now()) {
		t.Errorf("%+v, and the head was %s", back, head)
	}
	for _, id := range []string{"REQ-3", "REQ-4", "REQ-5"} {
		create(t, other, pending(id, id))
	}
	wantBack(t, "another one, with more rows", path, other, true)
	if back, err := backup.Note(deadline(t), other); back == nil || err != nil {
		t.Errorf("a running bot does not see it: %+v, %v", back, err)
	}
	wantBack(t, "and what it sees it does not write over", path, other, true)

	// Another replica has handled it.
	c.move(time.Minute)
	if err := other.Record(deadline(t), 0, bot.Entry{Action: "database_restored", Actor: "bot", Origin: "row 99:ff is not there"}); err != nil {
		t.Fatal(err)
	}
	wantBack(t, "on record since", path, other, false)
	anchor := store.Anchor{Seq: back.Seq, Hash: back.Hash}
	if back, err := store.Expect(anchor).Compare(deadline(t), other); back == nil || err != nil {
		t.Errorf("an anchor of which nothing is on record: %+v, %v", back, err)
	}
	if err := other.Record(deadline(t), 0, bot.Entry{Action: "database_restored", Actor: "bot", Origin: "row " + anchor.String() + " is not there"}); err != nil {
		t.Fatal(err)
	}
	if back, err := store.Expect(anchor).Compare(deadline(t), other); back != nil || err != nil {
		t.Errorf("an anchor that is on record: %+v, %v", back, err)
	}
	if back, err := store.Expect(anchor).Compare(deadline(t), s); back != nil || err != nil {
		t.Errorf("an anchor that it has: %+v, %v", back, err)
	}
}

// A damaged marker is an error and is not read as another one.
func TestMarker_Damaged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "12", "12:ab 2026-03-04T12:00:00Z", "1:" + hash64 + " noon", "-1:" + hash64 + " 2026-03-04T12:00:00Z"} {
		path := filepath.Join(t.TempDir(), "marker")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := store.NewMarker("sqlite:x.db", path).Load(); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

const hash64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestMarker_Path: beside an SQLite file or where a setting says, nowhere else.
func TestMarker_Path(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ database, setting, want string }{
		{"sqlite:/var/lib/bot/bot.db", "", "/var/lib/bot/bot.db.anchor"},
		{"sqlite:/var/lib/bot/bot.db", "/else/where", "/else/where"},
		{"postgres://server/database", "/else/where", "/else/where"},
		{"postgres://server/database", "", ""},
	} {
		m := store.NewMarker(row.database, row.setting)
		if m == nil && row.want != "" || m != nil && m.Path() != row.want {
			t.Errorf("%+v: %+v", row, m)
		}
	}
}

// testDropped: later arrivals are still handled.
func testDropped(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	receive(t, s, arrival(1))
	c.move(time.Second)
	before := c.now()
	c.move(time.Second)
	receive(t, s, arrival(2))
	create(t, s, pending("REQ-1", "one"))
	if n, err := s.DropArrivals(deadline(t), before); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	c.move(bot.ClaimFor)
	wantDue(t, s, "the later one", 1, 0)
	if all, broken, err := s.Unfinished(deadline(t), 10); len(all) != 1 || len(broken) != 0 || err != nil {
		t.Errorf("%+v, %v, %v", all, broken, err)
	}
}
