package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// A paused process that holds the head of the chain blocks the others for seconds only.
// When it goes on, it does nothing twice and reports nothing false.
func TestChainHead_HolderIsStopped(t *testing.T) { testStopped(t, "one writer") }

// Other transactions of the same process that wait for the head do not hold it one after
// another, each until the server drops its session.
func TestChainHead_ManyStoppedBesideTheHolder(t *testing.T) { testStopped(t, "ten writers") }

func testStopped(t *testing.T, job string) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	other := openURL(t, url, store.Options{})
	r := create(t, other, pending("REQ-ACDEFG", "carol"))
	p := begin(t, job, url, nil)
	told, said := newAnswers(), make(chan error, 1)
	go func() { said <- listen(p.lines, told) }()
	told.waitFor(t, "the process begins", 32, 32)
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := p.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	// The process waits for the head when it is paused, and then gets it.
	raw := past(t, url)
	for _, query := range []string{`BEGIN`, `SELECT 1 FROM audit_head FOR UPDATE`} {
		if _, err := raw.Exec(deadline(t), query); err != nil {
			t.Fatal(err)
		}
	}
	untilWaiting(t, url, 1) // of a process there is one at most
	signal(syscall.SIGSTOP)
	if _, err := raw.Exec(deadline(t), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	for held := false; !held; {
		_, err := raw.Exec(deadline(t), `SELECT 1 FROM audit_head FOR UPDATE NOWAIT`)
		no, ok := errors.AsType[*pgconn.PgError](err)
		if held = ok && no.Code == "55P03"; err != nil && !held { // lock_not_available
			t.Fatal(err)
		}
	}
	began := time.Now()
	r.State = bot.Approved
	ctx, cancel := context.WithTimeout(deadline(t), bot.ClaimFor-time.Second)
	defer cancel()
	r, err := other.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}})
	if err != nil {
		t.Fatalf("the others waited for %s: %v", time.Since(began), err)
	}
	if took := time.Since(began); took > bot.ClaimFor/2 {
		t.Errorf("the others waited for %s", took)
	} else {
		t.Logf("the others waited for %s", took.Round(time.Millisecond))
	}
	turn(t, other, r, bot.Executing) // and at once from now on
	signal(syscall.SIGCONT)
	told.waitFor(t, "the process goes on after all", 32, 32)
	p.kill(t)
	if err = <-said; err != nil {
		t.Error(err)
	}
	_ = p.Wait() // it was killed
	told.check(t, other)
}

// listen collects what writers print.
func listen(lines *bufio.Reader, told *answers) error {
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // it was killed, in the middle of a line perhaps
		}
		var said string
		var a answered
		if _, err := fmt.Sscan(line, &said, &a.version, &a.id); err != nil {
			return fmt.Errorf("the process says %q: %w", line, err)
		}
		switch said {
		case "unclear":
			a.err = bot.ErrUnclear
		case "failed":
			a.err = errors.New("it said so")
		}
		told.add(a)
	}
}
