//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestDatabase(t *testing.T) {
	t.Parallel()
	s := begin(t)
	one, two := database(t, s), database(t, s) // the second has no table yet of the first
	if ask[bool](t, one, `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`) {
		t.Error("the database belongs to a superuser")
	}
	settings := ask[string](t, one, `SELECT concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'),
		current_setting('max_connections'), current_setting('server_encoding'))`)
	if settings != "on on 400 UTF8" {
		t.Errorf("the server's settings are %s", settings)
	}
	dial(t, two)                      // and stay
	must(t, s.Drop(deadline(t), two)) // although somebody is connected
	if _, err := pgx.Connect(deadline(t), two); code(err) != "3D000" {
		t.Errorf("connected to a database that was dropped: %v", err)
	}
	if notes(t, one) != 0 {
		t.Error("the other database has changed")
	}
	if err := s.Drop(deadline(t), s.admin.String()); err == nil {
		t.Error("dropped a database that was not made here")
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func TestStopped(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	for name, end := range map[string]func() error{"stop": s.Stop, "kill": s.Kill} {
		conn := dial(t, url)
		run(t, conn, `INSERT INTO notes VALUES ('committed')`)
		before := notes(t, url)
		run(t, conn, `BEGIN; INSERT INTO notes VALUES ('not committed')`)
		must(t, end())
		if err := conn.Ping(deadline(t)); err == nil {
			t.Errorf("%s: a connection outlived it", name)
		}
		if _, err := pgx.Connect(deadline(t), url); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: connecting afterwards: %v", name, err)
		}
		must(t, s.Restart(deadline(t)))
		if got := notes(t, url); got != before {
			t.Errorf("%s: %d rows, want the %d that were committed", name, got, before)
		}
	}
	must(t, s.Restart(deadline(t))) // one that runs
	if notes(t, url) != 2 {
		t.Error("a restart lost rows")
	}
	if log, err := s.Log(); err != nil || !strings.Contains(log, "was not properly shut down") {
		t.Errorf("the log does not tell of the kill: %v\n%s", err, log)
	}
}

// A stranger who takes the port while the server is stopped is waited for.
func TestRestartWaitsForItsPort(t *testing.T) {
	t.Parallel()
	s := begin(t)
	must(t, s.Stop())
	stranger, err := net.Listen("tcp", s.Address())
	must(t, err)
	back := make(chan error, 1)
	go func() { back <- s.Restart(deadline(t)) }()
	eventually(t, "the server finds its port taken", func() bool {
		log, err := s.Log()
		return err == nil && strings.Contains(log, "Address already in use")
	})
	must(t, stranger.Close())
	must(t, <-back)
}

func TestPause(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	conn := dial(t, url)
	must(t, s.Pause())
	for name, ask := range map[string]func(context.Context) error{
		"a connection of before": conn.Ping,
		"a new one":              func(ctx context.Context) error { _, err := pgx.Connect(ctx, url); return err },
	} {
		ctx, cancel := context.WithTimeout(deadline(t), 300*time.Millisecond)
		if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s of a paused server: %v, want none", name, err)
		}
		cancel()
	}
	must(t, s.Resume())
	if notes(t, url) != 0 {
		t.Error("the server lost its table")
	}
	must(t, s.Pause())
	must(t, s.Restart(deadline(t)))
	must(t, s.Pause())
	must(t, s.Kill())
	if err := s.Pause(); err == nil {
		t.Error("paused a server that is gone")
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	before := dial(t, url)
	must(t, s.ReadOnly(deadline(t), url, true))
	if err := before.Ping(deadline(t)); code(err) != "57P01" {
		t.Errorf("a connection of before: %v, want that the administrator ended it", err)
	}
	during := dial(t, url)
	if _, err := during.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`); code(err) != "25006" {
		t.Errorf("a write: %v, want read_only_sql_transaction", err)
	}
	if notes(t, url) != 0 {
		t.Error("the write was stored")
	}
	must(t, s.ReadOnly(deadline(t), url, false))
	run(t, dial(t, url), `INSERT INTO notes VALUES ('x')`)
	if err := during.Ping(deadline(t)); err == nil {
		t.Error("a connection outlived the way back")
	}
}

func TestDemote(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	before := dial(t, url)
	for range 2 {
		must(t, s.Demote(deadline(t)))
		for name, conn := range map[string]*pgx.Conn{"a connection of before": before, "a new one": dial(t, url)} {
			eventually(t, name+" writes no more", func() bool {
				_, err := conn.Exec(deadline(t), `INSERT INTO notes SELECT 'x' WHERE false`)
				return code(err) == "25006"
			})
		}
		must(t, s.Promote(deadline(t)))
		eventually(t, "the connection of before writes again", func() bool {
			_, err := before.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`)
			return err == nil
		})
	}
	if notes(t, url) != 2 {
		t.Error("rows are lost")
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	must(t, s.Close())
	must(t, s.Close())
	if _, err := os.Stat(s.cluster.folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := pgx.Connect(deadline(t), url); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting afterwards: %v", err)
	}
	if err := s.Restart(deadline(t)); err == nil {
		t.Error("restarted what is closed")
	}
}

func TestOutside(t *testing.T) {
	host := begin(t)
	t.Setenv("REVOKE_TEST_POSTGRES_URL", host.admin.String())
	forgotten, recent := prefix+"1000000000_0123456789ab", ""
	must(t, host.do(deadline(t), `CREATE DATABASE `+forgotten))
	recent = database(t, host)

	s, err := Start(deadline(t))
	must(t, err)
	url := database(t, s)
	if s.Ours() || s.Address() != host.Address() {
		t.Errorf("started one of our own at %s", s.Address())
	}
	if names := databases(t, host); strings.Contains(names, forgotten) {
		t.Errorf("the database of a day ago is still there: %s", names)
	}
	if notes(t, recent) != 0 {
		t.Error("the database of a moment ago has changed")
	}
	_, logErr := s.Log()
	for name, err := range map[string]error{"Stop": s.Stop(), "Kill": s.Kill(), "Pause": s.Pause(), "Resume": s.Resume(), "Restart": s.Restart(deadline(t)), "Demote": s.Demote(deadline(t)), "Promote": s.Promote(deadline(t)), "Log": logErr} {
		if !errors.Is(err, ErrOutside) {
			t.Errorf("%s: %v, want ErrOutside", name, err)
		}
	}
	must(t, s.ReadOnly(deadline(t), url, true))
	must(t, s.Close())
	if got, want := databases(t, host), mustName(t, recent); got != want {
		t.Errorf("left after Close: %s, want %s", got, want)
	}
}

func TestOutsideSaysNoPassword(t *testing.T) {
	for _, address := range []string{"hunter2", "postgres://me:hunter2@", "postgres://me:hunter2@127.0.0.1:1/postgres", "postgres://me:hunter2@[/x"} {
		t.Setenv("REVOKE_TEST_POSTGRES_URL", address)
		if _, err := Start(deadline(t)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("starting with a bad address: %v", err)
		}
	}
}

// databases lists those that were made for tests.
func databases(t *testing.T, s *Server) string {
	t.Helper()
	return ask[string](t, s.admin.String(), `SELECT coalesce(string_agg(datname, ' '), '') FROM pg_database WHERE starts_with(datname, $1)`, prefix)
}

func mustName(t *testing.T, url string) string {
	t.Helper()
	name, err := nameIn(url)
	must(t, err)
	return name
}
