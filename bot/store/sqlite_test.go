package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"
	"time"

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

// bypass is a connection of its own to a store's database, past the store.
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

// value reads the one value that a query answers.
func value[T any](t testing.TB, conn *sql.Conn, query string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Pragmas belong to a connection, not to a database: each of a pool needs them.
func TestPragmasOnEveryConnection(t *testing.T) {
	s := openSQLite(t, newClock().now)
	write, read := s.Pools()
	for name, pool := range map[string]*sql.DB{"write": write, "read": read} {
		for i := range pool.Stats().MaxOpenConnections {
			conn, err := pool.Conn(deadline(t)) // held, so that the next is another
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "1000"} {
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

// Whichever table refuses, nothing of the transaction stays in any other.
func TestAnyTableRefuses(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	old := create(t, s, pending("REQ-OLD", "dave"))
	a := receive(t, s, arrival(1))
	fresh := pending("REQ-NEW", "carol")
	changed := old
	changed.Words.Reason = "changed"
	changed.Askers = append(changed.Askers, fresh.Askers[0])
	changed.Askers[1].SlackID = "U-ERIN"
	const everything = `SELECT group_concat(v, '|') FROM (
		SELECT id || version || state || body || due_at || claimed_until || tell_due_at AS v FROM requests UNION ALL
		SELECT request_id || salt || content FROM words UNION ALL
		SELECT slack_id || request_id FROM askers UNION ALL
		SELECT seq || request_id || entry || hash FROM audit UNION ALL
		SELECT seq || hash FROM audit_head UNION ALL
		SELECT id || coalesce(due_at, 'NULL') || claimed_until FROM arrivals)`
	before := value[string](t, raw, everything)
	for _, row := range []struct {
		refuses string
		request bot.Request
	}{
		{"INSERT ON requests", fresh}, {"UPDATE ON requests", changed},
		{"INSERT ON words", fresh}, {"UPDATE ON words", changed},
		{"INSERT ON askers", fresh}, {"INSERT ON askers", changed},
		{"INSERT ON audit", fresh}, {"INSERT ON audit", changed},
		{"UPDATE ON audit_head", fresh}, {"UPDATE ON audit_head", changed},
		{"UPDATE ON arrivals", fresh}, {"UPDATE ON arrivals", changed},
	} {
		do(t, raw, `CREATE TRIGGER refuse BEFORE `+row.refuses+` BEGIN SELECT RAISE(ABORT, 'refused by the test'); END`)
		c := bot.Change{Request: row.request, Audit: []bot.Entry{requested(fresh), requested(fresh)}, Settles: a.ID}
		if _, err := s.Commit(deadline(t), c); err == nil {
			t.Fatalf("%s was refused, and %s committed", row.refuses, row.request.ID)
		}
		if after := value[string](t, raw, everything); after != before {
			t.Fatalf("%s was refused, and of %s this stayed:\n%s\nwhere this was:\n%s", row.refuses, row.request.ID, after, before)
		}
		do(t, raw, `DROP TRIGGER refuse`)
	}
	commit(t, s, bot.Change{Request: fresh, Audit: []bot.Entry{requested(fresh)}, Settles: a.ID})
	commit(t, s, bot.Change{Request: changed, Audit: []bot.Entry{requested(changed)}, Settles: a.ID})
}
