package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

func TestSQLite(t *testing.T) { contract(t, openSQLite) }

func openSQLite(t *testing.T, now func() time.Time) *store.Store {
	return openAt(t, newPath(t), store.Options{Now: now})
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "sessions.db") }

// openAt opens a database until the test ends.
func openAt(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(deadline(t), "sqlite:"+path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// bypass is a separate connection to a store's database, past the store.
func bypass(t testing.TB, s *store.Store) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: s.Path()}).EscapedPath()+"?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func do(t testing.TB, conn *sql.Conn, query string, args ...any) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// value returns the single value of a query.
func value[T any](t testing.TB, conn *sql.Conn, query string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Pragmas belong to a connection, not to a database: each one in a pool needs them.
func TestSQLite_PragmasOnEveryConnection(t *testing.T) {
	s := openSQLite(t, newClock().now)
	write, read := s.Pools()
	for name, pool := range map[string]*sql.DB{"write": write, "read": read} {
		for i := range pool.Stats().MaxOpenConnections {
			conn, err := pool.Conn(deadline(t)) // held, so that the next is another
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "1000", "secure_delete": "1", "temp_store": "2"} {
				if got := value[string](t, conn, "PRAGMA "+pragma); got != want {
					t.Errorf("%s connection %d: %s = %s, want %s", name, i, pragma, got, want)
				}
			}
			_, err = conn.ExecContext(deadline(t), `INSERT INTO audit (seq, request_id, entry, hash) VALUES (1000, '', '', '')`)
			if wrote := err == nil; wrote != (name == "write") {
				t.Errorf("%s connection %d: write: %v", name, i, err)
			}
		}
	}
	if n := write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writing connections, want 1", n)
	}
	if n := read.Stats().MaxOpenConnections; n < 2 {
		t.Errorf("%d reading connections, want several", n)
	}
}

// Whichever table refuses, the transaction leaves nothing in any other.
func TestCommit_RollsBackWhicheverTableRefuses(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	old := create(t, s, pending("REQ-OLD", "dave"))
	a := receive(t, s, arrival(1))
	rows := []bot.Entry{requested(old), requested(old)}
	uses := []bot.Use{use(bot.Total, "", 9, time.Hour), use(bot.PerTarget, "carol", 9, time.Hour)}

	fresh := bot.Change{Request: pending("REQ-NEW", "carol"), Audit: rows, Uses: uses, Settles: a.ID}
	changed := bot.Change{Request: old, Audit: rows, Uses: uses, Settles: a.ID}
	changed.Request.Words.Reason = "changed"
	changed.Request.Askers = []authz.Asker{old.Askers[0], {SlackID: "U-ERIN"}}
	replaced := voided(old, "REQ-NEXT")
	replaced.Uses, replaced.Settles = uses, a.ID
	n := notice("frozen")
	frozen := bot.FreezeChange{Freeze: freezeOf(c), Audit: rows, Notice: &n, Settles: a.ID}

	commits := func(change bot.Change) func() error {
		return func() error { _, err := s.Commit(deadline(t), change); return err }
	}
	everything := `SELECT group_concat(v, '|') FROM (SELECT NULL AS v`
	for _, table := range strings.Fields(value[string](t, raw, `SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table'`)) {
		columns := value[string](t, raw, `SELECT group_concat('quote(' || name || ')', ' || ') FROM pragma_table_info($1)`, table)
		everything += ` UNION ALL SELECT ` + columns + ` FROM ` + table
	}
	everything += `)`
	before := value[string](t, raw, everything)
	if strings.Count(before, "|") < 5 {
		t.Fatalf("all that is stored: %s", before)
	}
	for _, row := range []struct {
		name    string
		refuses string // the events, in the order in which they come
		commit  func() error
	}{
		{"a new request", "INSERT ON requests, INSERT ON askers, INSERT ON words, INSERT ON uses, UPDATE ON arrivals, INSERT ON audit, UPDATE ON audit_head", commits(fresh)},
		{"a changed request", "UPDATE ON requests, INSERT ON askers, UPDATE ON words, INSERT ON uses, UPDATE ON arrivals, INSERT ON audit, UPDATE ON audit_head", commits(changed)},
		{"a successor", "UPDATE ON requests, INSERT ON requests, INSERT ON askers, INSERT ON words, INSERT ON uses, UPDATE ON arrivals, INSERT ON audit, UPDATE ON audit_head", commits(replaced)},
		{"a freeze", "INSERT ON freezes, UPDATE ON requests, INSERT ON notices, UPDATE ON arrivals, INSERT ON audit, UPDATE ON audit_head",
			func() error { _, err := s.CommitFreeze(deadline(t), frozen); return err }},
		{"a notice", "INSERT ON notices, INSERT ON audit, UPDATE ON audit_head",
			func() error { _, err := s.Announce(deadline(t), n, rows...); return err }},
		{"a record", "UPDATE ON arrivals, INSERT ON audit, UPDATE ON audit_head",
			func() error { return s.Record(deadline(t), a.ID, rows...) }},
	} {
		for event := range strings.SplitSeq(row.refuses, ", ") {
			do(t, raw, `CREATE TRIGGER refuse BEFORE `+event+` BEGIN SELECT RAISE(ABORT, 'refused by the test'); END`)
			if err := row.commit(); err == nil {
				t.Fatalf("%s was refused, and %s committed", event, row.name)
			}
			if after := value[string](t, raw, everything); after != before {
				t.Fatalf("%s was refused, and of %s this stayed:\n%s\nwhere this was:\n%s", event, row.name, after, before)
			}
			do(t, raw, `DROP TRIGGER refuse`)
		}
	}
	for _, commit := range []func() error{commits(fresh), commits(changed), func() error { _, err := s.CommitFreeze(deadline(t), frozen); return err }} {
		if err := commit(); err != nil {
			t.Error(err)
		}
	}
}

// Every transaction touches the chain's head last: with many writers, that is the last
// lock to take.
func TestChainHead_IsTouchedLast(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	old := create(t, s, pending("REQ-OLD", "dave"))
	a := receive(t, s, arrival(1))
	do(t, raw, `CREATE TABLE touched (n INTEGER PRIMARY KEY, name TEXT)`)
	for _, table := range []string{"requests", "words", "askers", "arrivals", "uses", "notices", "freezes", "audit", "audit_head"} {
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			do(t, raw, fmt.Sprintf(`CREATE TRIGGER touch_%[1]s_%[2]s AFTER %[2]s ON %[1]s BEGIN INSERT INTO touched (name) VALUES ('%[1]s'); END`, table, event))
		}
	}
	rows := []bot.Entry{{Action: "one"}, {Action: "two"}}
	n := notice("frozen")
	var on bot.Freeze
	for name, step := range map[string]func() error{
		"Commit": func() error {
			change := voided(old, "REQ-NEXT")
			change.Uses, change.Settles, change.Fenced = []bot.Use{use(bot.Total, "", 9, time.Hour)}, a.ID, true
			_, err := s.Commit(deadline(t), change)
			return err
		},
		"Record":   func() error { return s.Record(deadline(t), a.ID, rows...) },
		"Announce": func() error { _, err := s.Announce(deadline(t), notice("a"), rows...); return err },
	} {
		wantHeadLast(t, raw, name, step)
	}
	wantHeadLast(t, raw, "CommitFreeze", func() (err error) {
		on, err = s.CommitFreeze(deadline(t), bot.FreezeChange{Freeze: freezeOf(c), Audit: rows, Notice: &n, Settles: a.ID})
		return err
	})
	on.EndedAt = c.now()
	wantHeadLast(t, raw, "CommitFreeze to its end", func() (err error) {
		n.Key = "unfrozen"
		_, err = s.CommitFreeze(deadline(t), bot.FreezeChange{Freeze: on, Audit: rows, Notice: &n, Settles: a.ID})
		return err
	})
}

func wantHeadLast(t *testing.T, raw *sql.Conn, name string, step func() error) {
	t.Helper()
	do(t, raw, `DELETE FROM touched`)
	if err := step(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	touched := value[string](t, raw, `SELECT group_concat(name, ' ') FROM (SELECT name FROM touched ORDER BY n)`)
	if first := strings.Index(touched, "audit"); first <= 0 || strings.Trim(touched[first:], "audit_he ") != "" || !strings.HasSuffix(touched, " audit_head") {
		t.Errorf("%s touches %s: want the chain's rows after all others, and its head last", name, touched)
	}
}
