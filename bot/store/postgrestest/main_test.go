//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"revoke-sessions/bot/testrun"
)

// orphanEnv has the test binary be a process that starts a server and is killed.
const orphanEnv = "POSTGRESTEST_ORPHAN"

func TestMain(m *testing.M) {
	if how := os.Getenv(orphanEnv); how != "" {
		os.Exit(orphan(how))
	}
	if _, err := binaries(); err != nil && !Required() {
		fmt.Fprintln(os.Stderr, "SKIPPED: "+err.Error())
	}
	testrun.Parallel(6)
	goleak.VerifyTestMain(m)
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// begin starts a server of our own, whatever the environment names.
func begin(t *testing.T) *Server {
	t.Helper()
	s, err := own(deadline(t), "")
	if errors.Is(err, ErrNotInstalled) && !Required() {
		t.Skip("SKIPPED: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// database makes a database with an empty table.
func database(t *testing.T, s *Server) string {
	t.Helper()
	url, err := s.Database(deadline(t))
	must(t, err)
	run(t, dial(t, url), `CREATE TABLE notes (text TEXT)`)
	return url
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(deadline(t), url)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the test may have cut it
	})
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(deadline(t), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// notes counts the rows of the table.
func notes(t *testing.T, url string) int {
	t.Helper()
	return ask[int](t, url, `SELECT count(*)::int FROM notes`)
}

// ask asks for one value on a connection of its own.
func ask[T any](t *testing.T, url, query string, args ...any) (answer T) {
	t.Helper()
	conn, err := pgx.Connect(deadline(t), url)
	must(t, err)
	err = conn.QueryRow(deadline(t), query, args...).Scan(&answer)
	must(t, errors.Join(err, conn.Close(deadline(t))))
	return answer
}

// eventually waits for something that is not told to us.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	if !testrun.Seen(30*time.Second, is) {
		t.Fatal("never: " + what)
	}
}
