package store_test

import (
	"context"
	"errors"
	"fmt"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/bot/store/postgrestest"
	"revoke-sessions/bot/testrun"
)

// cable starts a proxy to a database and returns its address.
func cable(t *testing.T, url string) (*postgrestest.Proxy, string) {
	t.Helper()
	p, err := postgrestest.NewProxy(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, p.URL(url)
}

// A store reconnects by itself, however its connections end.
func TestConnectionsCutAndRegained(t *testing.T) {
	t.Parallel()
	server := shared(t)
	type act func(t *testing.T, line *postgrestest.Proxy, url string)
	nothing := func(*testing.T, *postgrestest.Proxy, string) {}
	mend := func(_ *testing.T, line *postgrestest.Proxy, _ string) { line.Mend() }
	outages := []struct {
		name       string
		fails      bool // while it lasts
		begin, end act
	}{
		{"cut", true, func(_ *testing.T, line *postgrestest.Proxy, _ string) { line.Cut() }, mend},
		{"pulled", true, func(_ *testing.T, line *postgrestest.Proxy, _ string) { line.Hang() }, mend},
		{"one way only", true, func(_ *testing.T, line *postgrestest.Proxy, _ string) { line.HangAnswers() }, mend},
		{"ended by the server", false, func(t *testing.T, _ *postgrestest.Proxy, url string) { must0(t, server.Disconnect(deadline(t), url)) }, nothing},
	}
	for i := range outages {
		t.Run(outages[i].name, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t, server)
			line, by := cable(t, url)
			s, direct := openURL(t, by, store.Options{}), openURL(t, url, store.Options{})
			told, stop := write(t, 8, s)
			for n := range testrun.Outages.Times() {
				outage := outages[(i+n)%len(outages)]
				round := fmt.Sprintf("outage %d, %s", n+1, outage.name)
				told.waitFor(t, "before "+round, 16, 16)
				outage.begin(t, line, url)
				if outage.fails {
					told.waitFor(t, "during "+round, 8, 0)
				}
				outage.end(t, line, url)
				began := time.Now()
				told.waitFor(t, "after "+round, 16, 16)
				t.Logf("%s: writes go on %s after the end", round, time.Since(began).Round(time.Millisecond))
			}
			stop()
			told.check(t, direct)
		})
	}
}

// The server is killed and restarted among writers.
func TestServerKilledAmongWriters(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	url := newDatabase(t, server)
	stores := []*store.Store{openURL(t, url, store.Options{}), openURL(t, url, store.Options{})}
	told, stop := write(t, 16, stores...)
	for _, outage := range []struct {
		name  string
		begin func() error
		end   func() error
	}{
		{"killed", server.Kill, func() error { return server.Restart(deadline(t)) }},
		{"stopped", server.Stop, func() error { return server.Restart(deadline(t)) }},
		{"killed again", server.Kill, func() error { return server.Restart(deadline(t)) }},
		{"paused", server.Pause, server.Resume},
		{"restarted at once", func() error { return server.Restart(deadline(t)) }, func() error { return nil }},
	} {
		told.waitFor(t, "before it is "+outage.name, 32, 32)
		must0(t, outage.begin())
		must0(t, outage.end())
		told.waitFor(t, "after it was "+outage.name, 32, 32)
	}
	// Down until every writer has got an error.
	must0(t, server.Kill())
	told.waitFor(t, "while it is down", 16, 0)
	must0(t, server.Restart(deadline(t)))
	told.waitFor(t, "after it was down", 32, 32)
	stop()
	told.check(t, stores[0])
}

// The server becomes read-only for a while, as in a failover.
func TestReadOnlyForAWhile(t *testing.T) {
	t.Parallel()
	server := shared(t)
	url := newDatabase(t, server)
	stores := []*store.Store{openURL(t, url, store.Options{}), openURL(t, url, store.Options{})}
	told, stop := write(t, 8, stores...)
	for range 2 {
		told.waitFor(t, "before", 16, 16)
		must0(t, server.ReadOnly(deadline(t), url, true))
		told.waitFor(t, "while it is read-only", 8, 0)
		must0(t, server.ReadOnly(deadline(t), url, false))
		told.waitFor(t, "after", 16, 16)
	}
	stop()
	told.check(t, stores[0])
}

// Nobody notices a failover that takes seconds, even if connections to the standby stay
// open.
func TestPostgres_FailoverForAMoment(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	url := newDatabase(t, server)
	told, stop := write(t, 4, openURL(t, url, store.Options{}))
	for n := range 2 {
		told.waitFor(t, "before", 8, 8)
		must0(t, server.Demote(deadline(t)))
		for refused := 0; refused <= n; {
			log, err := server.Log()
			must0(t, err)
			refused = strings.Count(log, "read-only transaction")
		}
		must0(t, server.Promote(deadline(t)))
		told.waitFor(t, "after", 8, 8)
	}
	stop()
	told.check(t, openURL(t, url, store.Options{}))
	for _, a := range told.all {
		if a.err != nil {
			t.Errorf("%s: %v", a.id, a.err)
		}
	}
}

// An address may name several servers: the one that takes writes is used.
func TestOpenPostgres_SeveralHosts(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	one, byOne := cable(t, url)
	two, byTwo := cable(t, url)
	first, err := neturl.Parse(byOne)
	must0(t, err)
	second, err := neturl.Parse(byTwo)
	must0(t, err)
	first.Host += "," + second.Host
	s := openURL(t, first.String(), store.Options{})
	told, stop := write(t, 4, s)
	for range 2 {
		told.waitFor(t, "by the first", 8, 8)
		one.Cut()
		told.waitFor(t, "by the second", 8, 8)
		one.Mend()
		two.Cut()
		told.waitFor(t, "by the first again", 8, 8)
		two.Mend()
	}
	stop()
	told.check(t, openURL(t, url, store.Options{}))
	if path := s.Path(); strings.Contains(path, first.User.String()) || !strings.HasPrefix(path, "postgres://127.0.0.1:") {
		t.Errorf("it is called %s", path)
	}
}

// A commit whose answer is lost is looked up: its caller gets the truth.
func TestCommit_AnswerIsLost(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	line, by := cable(t, url)
	s, direct := openURL(t, by, store.Options{}), openURL(t, url, store.Options{})
	const message = "commit\x00"
	try := func(ctx context.Context, id string) error {
		r := pending(id, id)
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
		return err
	}
	wantOne := func(what, id string) {
		t.Helper()
		if rows := chain(t, direct, id); len(rows) != 1 || stored(t, direct, id).Version != 1 {
			t.Errorf("%s: %d audit rows and version %d, want it stored once", what, len(rows), stored(t, direct, id).Version)
		}
	}

	sprung := line.CutAfter(message)
	if err := try(deadline(t), "REQ-AFTER"); err != nil {
		t.Errorf("cut after the commit: %v, want that it is stored", err)
	}
	<-sprung
	wantOne("cut after the commit", "REQ-AFTER")

	sprung = line.CutBefore(message)
	if err := try(deadline(t), "REQ-BEFORE"); err != nil {
		t.Errorf("cut before the commit: %v, want that it is done again", err)
	}
	<-sprung
	wantOne("cut before the commit", "REQ-BEFORE")

	// The answer of decided may be lost, too. Its argument is the mark, which begins
	// with the time.
	sprung = line.CutBefore(message)
	asked := line.CutAfter(fmt.Sprintf("%016x", time.Now().UnixMicro())[:6])
	if err := try(deadline(t), "REQ-TWICE"); err != nil {
		t.Errorf("cut before the commit, and after the question: %v, want that it is done again", err)
	}
	<-sprung
	<-asked
	wantOne("cut before the commit, and after the question", "REQ-TWICE")

	// Also if its caller's context ends meanwhile.
	ctx, cancel := context.WithCancel(deadline(t))
	sprung = line.HangAfter(message)
	answer := make(chan error, 1)
	go func() { answer <- try(ctx, "REQ-GONE") }()
	<-sprung
	cancel()
	line.Mend()
	if err := <-answer; err != nil {
		t.Errorf("its caller gave up, and the answer was late: %v, want that it is stored", err)
	}
	wantOne("its caller gave up", "REQ-GONE")

	// Or if the commit itself is late: it comes first, or never.
	ctx, cancel = context.WithCancel(deadline(t))
	sprung = line.HangBefore(message)
	go func() { answer <- try(ctx, "REQ-LATE") }()
	<-sprung
	cancel()
	line.Mend()
	err := <-answer
	if _, none := direct.Request(deadline(t), "REQ-LATE"); (err == nil) != (none == nil) {
		t.Errorf("the commit was late: %v, and reading it answers %v", err, none)
	}

	// If no server answers, the result is unclear, which is not "not stored".
	ctx, cancel = context.WithTimeout(deadline(t), 500*time.Millisecond)
	defer cancel()
	sprung = line.HangAfter(message)
	if err := try(ctx, "REQ-UNKNOWN"); !errors.Is(err, bot.ErrUnclear) {
		t.Errorf("nobody to ask: %v, want ErrUnclear", err)
	}
	<-sprung
	wantOne("nobody to ask", "REQ-UNKNOWN")
	line.Mend()
	if err := try(deadline(t), "REQ-AGAIN"); err != nil {
		t.Errorf("once the cable is mended: %v", err)
	}
}

// A disconnected process that holds the head of the chain blocks others for seconds
// only.
func TestChainHead_HolderIsCutOff(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	line, by := cable(t, url)
	s, other := openURL(t, by, store.Options{}), openURL(t, url, store.Options{})
	r := create(t, other, pending("REQ-ACDEFG", "carol"))
	sprung := line.HangAfter("FROM audit_head")
	mine := r
	mine.State = bot.Denied
	answer := make(chan error, 1)
	ctx, cancel := context.WithTimeout(deadline(t), bot.ClaimFor-time.Second)
	defer cancel()
	go func() {
		_, err := s.Commit(ctx, bot.Change{Request: mine, Audit: []bot.Entry{{Action: "denied", Request: r.ID}}})
		answer <- err
	}()
	<-sprung
	began := time.Now()
	turn(t, other, r, bot.Approved)
	if took := time.Since(began); took > bot.ClaimFor/2 {
		t.Errorf("the others waited for %s", took)
	}
	line.Mend()
	if err := <-answer; err == nil || errors.Is(err, bot.ErrUnclear) {
		t.Errorf("the one that was cut off: %v, want that nothing is stored", err)
	}
	if got := stored(t, other, r.ID); got.State != bot.Approved || got.Version != 2 {
		t.Errorf("state %s, version %d", got.State, got.Version)
	}
	chain(t, other, "")
}

func must0(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
