package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// The store sets At and, for a change, Typed; everything else is the caller's.
func testEntry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	e := filled[bot.Entry]()
	if err := s.Record(deadline(t), 0, e); err != nil {
		t.Fatal(err)
	}
	want := e
	want.At, want.Clock = c.now().Truncate(time.Microsecond), time.Time{}
	if diff := cmp.Diff([]bot.Entry{want}, chain(t, s, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.Record(deadline(t), 0); err != nil {
		t.Errorf("recording nothing: %v", err)
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("recording nothing made %d rows", len(rows)-1)
	}
}

func testAuditOfOne(t *testing.T, open opener) {
	s := open(t, newClock().now)
	if rows := chain(t, s, ""); len(rows) != 0 {
		t.Fatalf("an empty chain has rows: %v", rows)
	}
	one, two := create(t, s, pending("REQ-ONE", "carol")), create(t, s, pending("REQ-TWO", "dave"))
	turn(t, s, one, bot.Denied)
	turn(t, s, two, bot.Approved)
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "refused", Actor: "U-OUTSIDER"}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]string{
		"":        {"requested", "requested", "denied", "approved", "refused"},
		"REQ-ONE": {"requested", "denied"},
		"REQ-TWO": {"requested", "approved"},
		"REQ-NO":  nil,
	} {
		var got []string
		for _, e := range chain(t, s, id) {
			got = append(got, e.Action)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows of %q (-want +got):\n%s", id, diff)
		}
	}
}

// A reader sees a whole chain at every moment while it grows, and the rows of one commit
// are adjacent.
func testConcurrentChain(t *testing.T, open opener) {
	s := open(t, newClock().now)
	const writers, readers = 50, 4
	ctx := deadline(t)
	errs := atOnce(writers+readers, func(i int) error {
		if i >= writers {
			for range 20 {
				if _, err := s.Audit(ctx, ""); err != nil {
					return fmt.Errorf("read while others write: %w", err)
				}
			}
			return nil
		}
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r), {Action: "joined", Request: r.ID}}})
		return err
	})
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	rows := chain(t, s, "")
	if len(rows) != 2*writers {
		t.Fatalf("%d rows, want %d", len(rows), 2*writers)
	}
	for i := 0; i < len(rows); i += 2 {
		if rows[i].Action != "requested" || rows[i+1].Action != "joined" || rows[i].Request != rows[i+1].Request {
			t.Errorf("rows %d and %d are not of one commit: %v, %v", i+1, i+2, rows[i], rows[i+1])
		}
	}
}

// A chain longer than a batch is read whole, also at the ends of batches. Damage in a
// later batch is found and described.
func TestChain_LongerThanABatch(t *testing.T) {
	for _, n := range []int{499, 500, 501, 1000, 1003} {
		s := openSQLite(t, newClock().now)
		if err := s.Record(deadline(t), 0, make([]bot.Entry, n)...); err != nil {
			t.Fatal(err)
		}
		want := int64(1)
		seen, err := s.Walk(deadline(t), func(r bot.Row) error {
			if r.Seq != want {
				t.Fatalf("row %d comes where %d belongs", r.Seq, want)
			}
			want++
			return nil
		})
		head, headErr := s.Head(deadline(t))
		if err != nil || headErr != nil || seen.Rows != int64(n) || want != int64(n)+1 || seen.Head != head || head.Seq != int64(n) {
			t.Errorf("%d rows: saw %v, head %v: %v, %v", n, seen, head, err, headErr)
		}
	}
	s := openSQLite(t, newClock().now)
	if err := s.Record(deadline(t), 0, make([]bot.Entry, 1200)...); err != nil {
		t.Fatal(err)
	}
	raw := bypass(t, s)
	for _, trigger := range triggers(t, raw) {
		do(t, raw, `DROP TRIGGER `+trigger)
	}
	do(t, raw, `DELETE FROM audit WHERE seq = 700`)
	rows := 0
	_, err := s.Walk(deadline(t), func(bot.Row) error { rows++; return nil })
	if damage, ok := errors.AsType[*store.Damage](err); !ok || damage.Seq != 700 || damage.Kind != store.Removed {
		t.Errorf("row 700 removed: %v", err)
	}
	if rows != 1199 {
		t.Errorf("%d rows visited, want those past the damage too: 1199", rows)
	}
}

// Rows added during the walk are read too, and are not reported as damage.
func TestWalk_IncludesRowsAddedMeanwhile(t *testing.T) {
	s := openSQLite(t, newClock().now)
	if err := s.Record(deadline(t), 0, make([]bot.Entry, 600)...); err != nil {
		t.Fatal(err)
	}
	seen, err := s.Walk(deadline(t), func(r bot.Row) error {
		if r.Seq%100 == 0 && r.Seq <= 600 {
			return s.Record(deadline(t), 0, bot.Entry{Action: "reminded"})
		}
		return nil
	})
	// Five came before the last batch was read, one after.
	if err != nil || seen.Rows != 605 {
		t.Errorf("saw %v: %v", seen, err)
	}
}

func TestWalk_EndsWithErrorOfVisit(t *testing.T) {
	s := openSQLite(t, newClock().now)
	if err := s.Record(deadline(t), 0, make([]bot.Entry, 3)...); err != nil {
		t.Fatal(err)
	}
	enough, rows := errors.New("enough"), 0
	if _, err := s.Walk(deadline(t), func(bot.Row) error { rows++; return enough }); err != enough || rows != 1 {
		t.Errorf("%d rows: %v", rows, err)
	}
}

func TestAnchor_Text(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	var a store.Anchor
	if err := a.UnmarshalText([]byte(" 12:" + strings.ToUpper(hash))); err != nil || a != (store.Anchor{Seq: 12, Hash: hash}) || a.String() != "12:"+hash {
		t.Errorf("%v: %v", a, err)
	}
	for _, bad := range []string{"", "12", "12:", ":" + hash, "0:" + hash, "-1:" + hash, "x:" + hash, "12:" + hash[1:], "12:" + hash + "ab", "12:" + strings.Repeat("xy", 32)} {
		if err := a.UnmarshalText([]byte(bad)); err == nil || !strings.Contains(err.Error(), "SEQ:HASH") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOpenReadOnly(t *testing.T) {
	path := newPath(t)
	running := openAt(t, path, store.Options{Exclusive: true})
	create(t, running, pending("REQ-ACDEFG", "carol"))
	s, err := store.OpenReadOnly(deadline(t), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if rows := chain(t, s, ""); len(rows) != 1 || s.Path() != path {
		t.Errorf("%d rows of %s", len(rows), s.Path())
	}
	create(t, running, pending("REQ-OTHER", "dave"))
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d rows, want the new one too", len(rows))
	}
	// SQLite refuses at once, without waiting for the caller's deadline.
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "forged"}); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write: %v, want that the database is read-only", err)
	}
	closeStore(t, s)
	closeStore(t, running)
	// The database still opens when no bot runs on it, and stays unchanged.
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = store.OpenReadOnly(deadline(t), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d rows, want 2", len(rows))
	}
	closeStore(t, s)
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("reading changed the file: %v", err)
	}
}

func TestOpenReadOnly_Refuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + path
	}
	newer := openAt(t, filepath.Join(folder, "newer.db"), store.Options{})
	do(t, bypass(t, newer), `PRAGMA user_version = 99`)
	for url, says := range map[string]string{
		"postgres://x":                    "must look like postgres://",
		"sqlite:":                         "must be sqlite:PATH",
		"sqlite::memory:":                 "must be sqlite:PATH",
		"sqlite:" + folder:                "it is a directory",
		"sqlite:" + folder + "/none.db":   "there is no database at " + folder + "/none.db",
		write("empty.db", ""):             "schema 0",
		write("letter.db", "Dear Sir,\n"): "not a database",
		"sqlite:" + newer.Path():          "schema 99",
	} {
		s, err := store.OpenReadOnly(deadline(t), url)
		if s != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
	if _, err := os.Stat(folder + "/none.db"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing database was created: %v", err)
	}
}

func TestStory(t *testing.T) {
	s := openSQLite(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	create(t, s, pending("REQ-OTHER", "dave"))
	r.Words.Also = map[string]string{"U-DAVE": "saw it too"}
	r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{{Action: "joined", Request: r.ID, Actor: "U-DAVE"}}})
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "refused", Request: r.ID, Actor: "U-OUTSIDER"}); err != nil {
		t.Fatal(err)
	}
	tell := func() bot.Record {
		t.Helper()
		story, err := s.Story(deadline(t), "REQ-ACDEFG")
		if err != nil {
			t.Fatal(err)
		}
		return story
	}
	story := tell()
	var rows []string
	for _, r := range story.Rows {
		rows = append(rows, fmt.Sprint(r.Seq, r.Action, r.Hash != ""))
	}
	if diff := cmp.Diff([]string{"1requestedtrue", "3joinedtrue", "4refusedtrue"}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if story.Proof != bot.WordsMatch || story.Words.Also["U-DAVE"] != "saw it too" || !story.Chain.Fits || !story.Sound() || !strings.Contains(story.Chain.Says, "4 rows, from 2026-03-04 12:00:00 UTC") {
		t.Errorf("%+v, words %+v", story, story.Words)
	}
	if _, err := s.Story(deadline(t), "REQ-NOBODY"); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("nobody's story: %v", err)
	}

	raw := bypass(t, s)
	words := value[string](t, raw, `SELECT content FROM words WHERE request_id = 'REQ-ACDEFG'`)
	for _, forged := range []string{strings.Replace(words, "stolen laptop", "a good reason", 1), "{}", "no JSON"} {
		do(t, raw, `UPDATE words SET content = $1 WHERE request_id = 'REQ-ACDEFG'`, forged)
		if story := tell(); story.Proof != bot.WordsDiffer || story.Sound() || !story.Chain.Fits {
			t.Errorf("words %s: %+v", forged, story)
		}
	}
	// Words from before somebody joined are not the current words.
	do(t, raw, `UPDATE words SET content = $1 WHERE request_id = 'REQ-ACDEFG'`, `{"reason":"stolen laptop","display_name":"Carol Target","upn":"carol@contoso.example"}`)
	if story := tell(); story.Proof != bot.WordsDiffer {
		t.Errorf("an earlier row vouches for words that were cut: %+v", story)
	}
	do(t, raw, `DELETE FROM words`)
	if story := tell(); story.Proof != bot.WordsErased || story.Words != nil || !story.Sound() {
		t.Errorf("erased: %+v", story)
	}
	for _, trigger := range triggers(t, raw) {
		do(t, raw, `DROP TRIGGER `+trigger)
	}
	do(t, raw, `UPDATE audit SET entry = replace(entry, 'U-DAVE', 'U-ERIN') WHERE seq = 3`)
	if story := tell(); story.Chain.Fits || story.Sound() || !strings.Contains(story.Chain.Says, "row 3") || len(story.Rows) != 3 {
		t.Errorf("of a broken chain: %+v", story)
	}
}

// A story is of one moment: words added while it is read never look changed.
func TestStory_WhileWordsAreAdded(t *testing.T) {
	s := openSQLite(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	ctx := deadline(t)
	stop := make(chan struct{})
	told := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				told <- nil
				return
			default:
			}
			if story, err := s.Story(ctx, "REQ-ACDEFG"); err != nil || !story.Sound() {
				told <- fmt.Errorf("%+v: %w", story, errors.Join(err, context.Cause(ctx)))
				return
			}
		}
	}()
	for i := range 100 {
		r.Words.Also = map[string]string{"U-DAVE": fmt.Sprint("reason ", i)}
		r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{{Action: "joined", Request: r.ID}}})
	}
	close(stop)
	if err := <-told; err != nil {
		t.Error(err)
	}
}
