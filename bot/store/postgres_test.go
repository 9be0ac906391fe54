package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/bot/store/postgrestest"
	"revoke-sessions/bot/testrun"
)

func TestPostgres(t *testing.T) { contract(t, openPostgres) }

func openPostgres(t *testing.T, now func() time.Time) *store.Store {
	return openURL(t, newDatabase(t, shared(t)), store.Options{Now: now})
}

// openURL opens a database until the test ends.
func openURL(t testing.TB, url string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(deadline(t), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// started is the server shared by all tests that do not harm it. The first test that
// needs it starts it for the whole binary.
var started struct {
	sync.Mutex
	server *postgrestest.Server
	err    error
}

// startServer starts a server that waits for its disk where that matters: in the full
// run and in benchmarks.
func startServer(t testing.TB) (*postgrestest.Server, error) {
	if _, measures := t.(*testing.B); measures || testrun.WaitsForDisk() {
		return postgrestest.Start(deadline(t))
	}
	return postgrestest.StartInMemory(deadline(t))
}

// shared returns that server. The test is skipped if there is none.
func shared(t testing.TB) *postgrestest.Server {
	t.Helper()
	started.Lock()
	defer started.Unlock()
	if started.server == nil && started.err == nil {
		started.server, started.err = startServer(t)
	}
	return orSkip(t, started.server, started.err)
}

// ownServer starts a server for a test that stops it or cuts it off.
func ownServer(t testing.TB) *postgrestest.Server {
	t.Helper()
	s, err := startServer(t)
	if orSkip(t, s, err); !s.Ours() {
		t.Skip("SKIPPED: " + postgrestest.ErrOutside.Error())
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func orSkip(t testing.TB, s *postgrestest.Server, err error) *postgrestest.Server {
	t.Helper()
	if errors.Is(err, postgrestest.ErrNotInstalled) && !postgrestest.Required() {
		t.Skip("SKIPPED: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newDatabase creates an empty database until the test ends.
func newDatabase(t testing.TB, server *postgrestest.Server) (url string) {
	t.Helper()
	url, err := server.Database(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := server.Drop(ctx, url); err != nil {
			t.Error(err)
		}
	})
	return url
}

// past is a separate connection to a database, past the store.
func past(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(deadline(t), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the test may have cut it
	})
	return conn
}

// A pooler may need pgx's modes without prepared statements; both send an argument by
// its Go type.
func TestPostgres_WithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := openURL(t, newDatabase(t, shared(t))+"&default_query_exec_mode="+mode, store.Options{})
			a := receive(t, s, arrival(1))
			if got, err := s.Arrival(deadline(t), a.ID); err != nil || got.Text != a.Text {
				t.Errorf("%q became %q, %v", a.Text, got.Text, err)
			}
			create(t, s, pending("REQ-ACDEFG", "carol"))
			f := commitFreeze(t, s, bot.FreezeChange{Freeze: bot.Freeze{BeganAt: s.Now(), Until: s.Now().Add(time.Hour)}})
			f.EndedAt = s.Now()
			commitFreeze(t, s, bot.FreezeChange{Freeze: f})
			if got := stored(t, s, "REQ-ACDEFG"); got.Words.Reason != "stolen laptop" {
				t.Errorf("stored %+v", got)
			}
			chain(t, s, "")
			openHome(t, s, "U-BOB")
			oweHomes(t, s, "REQ-ACDEFG")
			wantHomes(t, s, "opened", "U-BOB")
			noteHomeTab(t, s, "not_enabled")
			published(t, s, bot.Home{SlackID: "U-BOB"}, true, bot.Retry{At: s.Now()})
		})
	}
}

// Most starts create nothing, and wait for a silent database no longer than other calls.
func TestOpenOnASilentDatabase(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	openURL(t, url, store.Options{})
	line, err := postgrestest.NewProxy(url)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	line.HangAfter("to_regclass")
	began := time.Now()
	s, err := store.Open(deadline(t), line.URL(url), store.Options{Exclusive: true})
	if err == nil {
		closeStore(t, s)
		t.Fatal("opened what says nothing")
	}
	if took := time.Since(began); took > 18*time.Second {
		t.Errorf("%s until %v", took, err)
	}
}

// untilWaiting waits until n sessions of a database wait for a lock.
func untilWaiting(t *testing.T, url string, n int) {
	t.Helper()
	conn := past(t, url) // outside a transaction, which would see no new sessions
	for waiting := 0; waiting < n; {
		if err := conn.QueryRow(deadline(t), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}
