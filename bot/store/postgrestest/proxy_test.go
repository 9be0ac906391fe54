//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cable lays one to a database and answers the address by way of it.
func cable(t *testing.T, databaseURL string) (*Proxy, string) {
	t.Helper()
	p, err := NewProxy(databaseURL)
	must(t, err)
	t.Cleanup(p.Close)
	return p, p.URL(databaseURL)
}

// silent demands that nothing is answered.
func silent(t *testing.T, what string, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(deadline(t), 200*time.Millisecond)
	defer cancel()
	if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v, want no answer", what, err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	s := begin(t)
	for name, test := range map[string]func(*testing.T, *Server, string){
		"address":             testProxyURL,
		"cut":                 testCut,
		"hang":                testHang,
		"hang up unheard":     testHangUpUnheard,
		"hang answers":        testHangAnswers,
		"cut around a commit": testCutAroundCommit,
		"hang after a text":   testHangAfter,
		"server that is gone": testServerGone,
		"close":               testProxyClose,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, database(t, s)) })
	}
}

func testProxyURL(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	got, err := url.Parse(by)
	must(t, err)
	want, err := url.Parse(direct)
	must(t, err)
	if got.Host == want.Host {
		t.Error("the address leads past the cable")
	}
	want.Host = got.Host
	if *got.User != *want.User || got.Path != want.Path || got.RawQuery != want.RawQuery {
		t.Error("more than host and port has changed")
	}
	dial(t, by)
	eventually(t, "the connection is counted", func() bool { return p.Connections() == 1 })
}

func testCut(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	conn := dial(t, by)
	p.Cut()
	if err := conn.Ping(deadline(t)); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a connection that was cut: %v", err)
	}
	if _, err := pgx.Connect(deadline(t), by); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a new connection: %v, want that it is refused at once", err)
	}
	if p.Connections() != 0 {
		t.Errorf("%d connections are left", p.Connections())
	}
	p.Mend()
	run(t, dial(t, by), `INSERT INTO notes VALUES ('x')`)
}

func testHang(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	conn := dial(t, by)
	answered := make(chan error, 1)
	p.Hang()
	silent(t, "a new connection", func(ctx context.Context) error { _, err := pgx.Connect(ctx, by); return err })
	go func() {
		_, err := conn.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`)
		answered <- err
	}()
	silent(t, "a request", func(ctx context.Context) error {
		select {
		case err := <-answered:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if notes(t, direct) != 0 {
		t.Error("the request has arrived")
	}
	p.Mend()
	must(t, <-answered)
	if notes(t, direct) != 1 {
		t.Error("the request has not arrived after the mend")
	}
}

// The server does not hear that a program has given up.
func testHangUpUnheard(t *testing.T, s *Server, direct string) {
	p, by := cable(t, direct)
	conn := dial(t, by)
	run(t, conn, `BEGIN; LOCK TABLE notes`)
	p.Hang()
	silent(t, "a request", conn.Ping) // and pgx closes the connection
	const locks = `SELECT count(*)::int FROM pg_locks WHERE relation = 'notes'::regclass`
	if ask[int](t, direct, locks) != 1 {
		t.Error("its lock is gone")
	}
	p.Mend()
	eventually(t, "the server ends the session", func() bool { return p.Connections() == 0 && ask[int](t, direct, locks) == 0 })
}

func testHangAnswers(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	conn := dial(t, by)
	p.HangAnswers()
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`)
		answered <- err
	}()
	eventually(t, "the request is carried out", func() bool { return notes(t, direct) == 1 })
	select {
	case err := <-answered:
		t.Errorf("there was an answer: %v", err)
	default:
	}
	p.Cut()
	if err := <-answered; err == nil {
		t.Error("the answer came after the cut")
	}
}

func testCutAroundCommit(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	for _, c := range []struct {
		name   string
		set    func(string) <-chan struct{}
		stored int
	}{
		{"before", p.CutBefore, 0},
		{"after", p.CutAfter, 1},
		{"and no other", func(string) <-chan struct{} { closed := make(chan struct{}); close(closed); return closed }, 2},
	} {
		sprung := c.set("commit\x00")
		conn := dial(t, by)
		tx, err := conn.Begin(deadline(t))
		must(t, err)
		_, err = tx.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`)
		must(t, err)
		if err := tx.Commit(deadline(t)); (err == nil) != (c.name == "and no other") {
			t.Errorf("cut %s: the commit answers %v", c.name, err)
		}
		select {
		case <-sprung:
		default:
			t.Errorf("cut %s: it does not say that it has happened", c.name)
		}
		if got := notes(t, direct); got != c.stored {
			t.Errorf("cut %s: %d rows are stored, want %d", c.name, got, c.stored)
		}
	}
	p.CutBefore("SELECT 1")
	p.Mend()
	run(t, dial(t, by), `SELECT 1`)
}

func testHangAfter(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	other := dial(t, by)
	sprung := p.HangAfter("INSERT INTO notes")
	answered := make(chan error, 1)
	conn := dial(t, by)
	go func() {
		_, err := conn.Exec(deadline(t), `INSERT INTO notes VALUES ('x')`)
		answered <- err
	}()
	<-sprung
	eventually(t, "the request is carried out", func() bool { return notes(t, direct) == 1 })
	silent(t, "another's request", other.Ping)
	select {
	case err := <-answered:
		t.Errorf("there was an answer: %v", err)
	default:
	}
	p.Mend()
	must(t, <-answered)
}

func testServerGone(t *testing.T, s *Server, direct string) {
	_, by := cable(t, direct)
	conn := dial(t, by)
	must(t, s.Stop())
	if err := conn.Ping(deadline(t)); err == nil {
		t.Error("the connection outlived the server")
	}
	if _, err := pgx.Connect(deadline(t), by); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a new connection: %v, want an end at once", err)
	}
	must(t, s.Restart(deadline(t)))
	if notes(t, by) != 0 {
		t.Error("the table has changed")
	}
}

func testProxyClose(t *testing.T, _ *Server, direct string) {
	p, by := cable(t, direct)
	conn := dial(t, by)
	p.Hang()
	silent(t, "a new connection", func(ctx context.Context) error { _, err := pgx.Connect(ctx, by); return err })
	p.Close()
	p.Close()
	if err := conn.Ping(deadline(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a connection after Close: %v, want an error at once", err)
	}
	if _, err := pgx.Connect(deadline(t), by); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting after Close: %v", err)
	}
}

func TestProxyNeedsAnAddress(t *testing.T) {
	if p, err := NewProxy("hunter2"); err == nil {
		p.Close()
		t.Error("laid a cable to nowhere")
	}
}
