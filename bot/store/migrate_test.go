package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// versionOne creates a database as schema version 1 left it: an ended request, a pending
// one, and an owed arrival, with the audit rows and hashes of version 1.
func versionOne(t *testing.T) (path string) {
	t.Helper()
	path = newPath(t)
	schema, err := os.ReadFile("schema/sqlite/0001.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	conn, err := db.Conn(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	do(t, conn, string(schema))
	do(t, conn, `PRAGMA user_version = 1`)
	micros := noon.UnixMicro()
	const body = `{"lane":"third_party","operation":"invalidateAllRefreshTokens","askers":[{"SlackID":"U-BOB","EntraID":"entra-bob"}],` +
		`"target":{"ID":"%s"},"created_at":"2026-03-04T12:00:00.123456789Z","expires_at":"2026-03-04T20:00:00.123456789Z"}`
	const words = `{"reason":"stolen laptop","display_name":"Carol Target","upn":"carol@contoso.example"}`
	for _, r := range []struct {
		id, state string
		version   int
		due       any
	}{{"REQ-ENDED", "denied", 2, nil}, {"REQ-OPEN", "pending", 1, micros + 8*3600*1000000}} {
		do(t, conn, `INSERT INTO requests (id, version, state, lane, drill, target_id, body, created_at, due_at, claimed_until, told, tell_due_at, tell_claimed_until, tell_tries)
			VALUES ($1, $2, $3, 'third_party', 0, $4, $5, $6, $7, 0, $2, NULL, 0, 0)`,
			r.id, r.version, r.state, "target of "+r.id, fmt.Sprintf(body, "target of "+r.id), micros, r.due)
		do(t, conn, `INSERT INTO askers VALUES ('U-BOB', $1)`, r.id)
		do(t, conn, `INSERT INTO words VALUES ($1, 'salt', $2)`, r.id, words)
		do(t, conn, `INSERT INTO places VALUES ($1, 'card', 'C1', '1.1', 'digest')`, r.id)
	}
	head := ""
	for i, row := range []struct{ action, request, at string }{
		{"requested", "REQ-ENDED", "2026-03-04T12:00:00.123456Z"},
		{"requested", "REQ-OPEN", "2026-03-04T12:00:00.123456Z"},
		{"denied", "REQ-ENDED", "2026-03-05T12:00:00.654321Z"},
	} {
		seq := fmt.Sprint(i + 1)
		entry := fmt.Sprintf(`{"action":%q,"request":%q,"actor":"U-BOB","typed":%q,"at":%q}`, row.action, row.request, typedHash("salt", words), row.at)
		head = hashOf(head, seq, entry)
		do(t, conn, `INSERT INTO audit VALUES ($1, $2, $3, $4)`, i+1, row.request, entry, head)
	}
	do(t, conn, `UPDATE audit_head SET seq = 3, hash = $1`, head)
	do(t, conn, `INSERT INTO arrivals VALUES (7, 'envelope-7', 'act-7', '{"kind":"command","app_id":"A1","user_id":"U-BOB","text":"me lost my phone"}', 'https://hooks.example/secret', 'trigger', $1, 1, $1, 0)`, micros)
	return path
}

func TestMigrate_FromVersionOne(t *testing.T) {
	path := versionOne(t)
	c := newClock()
	c.move(25 * time.Hour)
	s := openAt(t, path, store.Options{Now: c.now, Exclusive: true})
	if v := value[int](t, bypass(t, s), `PRAGMA user_version`); v != 6 {
		t.Errorf("user_version %d", v)
	}

	// Everything is kept.
	open := stored(t, s, "REQ-OPEN")
	want := pending("REQ-OPEN", "target of REQ-OPEN")
	want.Version, want.Need, want.DueAt = 1, 1, want.DueAt.Truncate(time.Microsecond)
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rows := chain(t, s, ""); len(rows) != 3 || rows[2].Action != "denied" {
		t.Errorf("audit rows %v", rows)
	}
	if story, err := s.Story(deadline(t), "REQ-ENDED"); err != nil || !story.Sound() || story.Proof != bot.WordsMatch {
		t.Errorf("story %+v, %v", story, err)
	}
	if places, err := s.Places(deadline(t), "REQ-OPEN"); err != nil || places["card"].TS != "1.1" {
		t.Errorf("places %v, %v", places, err)
	}
	if w := due(t, s); len(w.Arrivals) != 1 || w.Arrivals[0].Text != "me lost my phone" || len(w.Drive) != 1 || len(w.Tell) != 0 {
		t.Errorf("due: %+v", w)
	}

	// And every operation works.
	c.move(time.Minute)
	f := freeze(t, s, c)
	wantTell(t, s, "frozen", "REQ-OPEN")
	c.move(time.Minute)
	unfreeze(t, s, c, f)
	open = stored(t, s, "REQ-OPEN")
	if open.Paused != time.Minute {
		t.Errorf("paused for %s, want 1m", open.Paused)
	}
	change := voided(open, "REQ-NEXT")
	change.Fenced, change.Uses = true, []bot.Use{use(bot.Total, "", 1, time.Hour)}
	commit(t, s, change)
	if _, found, err := s.PendingFor(deadline(t), open.Target.ID, authz.ThirdParty, false); !found || err != nil {
		t.Errorf("the successor: %v, %v", found, err)
	}
	announce(t, s, notice("a"))
	wantNotices(t, s, "announced", "a")

	// Retention counts from the last audit row: version 1 stored no other time.
	denied := time.Date(2026, time.March, 5, 12, 0, 0, 654_000_000, time.UTC)
	c.set(denied.Add(month))
	forget(t, s, month)
	if !hasWords(t, s, "REQ-ENDED") {
		t.Error("the words of a request of version 1 were erased too early")
	}
	c.move(time.Microsecond)
	forget(t, s, month)
	if hasWords(t, s, "REQ-ENDED") {
		t.Error("the words of a request of version 1 were not erased")
	}
	chain(t, s, "")
}

// An unreadable audit row does not keep the database from opening: otherwise nobody
// could find out what is wrong.
func TestMigrate_DamagedVersionOne(t *testing.T) {
	path := versionOne(t)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(deadline(t), `DROP TRIGGER audit_no_update; UPDATE audit SET entry = 'no JSON'`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, store.Options{Now: newClock().now})
	wantBroken(t, s, "damaged before the migration")
}

// A version is created whole or not at all, and can be created later.
func TestMigrate_AllOrNothing(t *testing.T) {
	path := versionOne(t)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	do(t, conn, `CREATE TABLE notices (mine TEXT)`) // in the way of the last steps
	for range 2 {
		s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Exclusive: true})
		if err == nil {
			closeStore(t, s)
			t.Fatal("opened")
		}
		if !strings.Contains(err.Error(), "make schema 2") || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: does not say what failed", err)
		}
	}
	if v := value[int](t, conn, `PRAGMA user_version`); v != 1 {
		t.Errorf("user_version %d, want 1", v)
	}
	if n := value[int](t, conn, `SELECT count(*) FROM pragma_table_info('requests') WHERE name = 'paused'`); n != 0 {
		t.Error("half of version 2 is there")
	}
	do(t, conn, `DROP TABLE notices`)
	stored(t, openAt(t, path, store.Options{Exclusive: true}), "REQ-OPEN")
}

// A database that many open at once is upgraded once.
func TestMigrate_ManyAtOnce(t *testing.T) {
	path := versionOne(t)
	ctx := deadline(t)
	for i, err := range atOnce(8, func(int) error {
		s, err := store.Open(ctx, "sqlite:"+path, store.Options{})
		if err != nil {
			return err
		}
		if _, err := s.Verify(ctx, nil); err != nil {
			return err
		}
		return s.Close()
	}) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// OpenReadOnly does not upgrade a database and says what does.
func TestOpenReadOnly_VersionOne(t *testing.T) {
	path := versionOne(t)
	s, err := store.OpenReadOnly(deadline(t), "sqlite:"+path)
	if s != nil || err == nil || !strings.Contains(err.Error(), "schema 1") || !strings.Contains(err.Error(), "Start this version of the bot on it once") {
		t.Fatalf("%v", err)
	}
	closeStore(t, openAt(t, path, store.Options{}))
	if s, err = store.OpenReadOnly(deadline(t), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	chain(t, s, "")
	closeStore(t, s)
}
