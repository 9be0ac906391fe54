package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/cmd/revoke-sessions/demo"
)

// childEnv makes the test binary be the bot: tests that kill it need a
// process of its own. It holds what endpoints do, as JSON.
const childEnv = "REVOKE_SESSIONS_TEST_CHILD"

type childEndpoints struct {
	GraphURL, Authority string
	CertPEM             []byte
	Timing              *bot.Timing
	*Life
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == demo.BotCommand {
		main() // the demo starts its bot from the binary that it is in
	}
	if text := os.Getenv(childEnv); text != "" {
		var c childEndpoints
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			panic(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(c.CertPEM)
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		at := endpoints{graphURL: c.GraphURL, authority: c.Authority, roots: roots, timing: c.Timing}
		if c.Life != nil {
			at.now, at.witness = c.Life.now, c.Life.witness()
		}
		os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, at))
	}
	testrun.Parallel(6)
	goleak.VerifyTestMain(serverCloser{m})
}

// serverCloser closes what all tests share before goleak looks.
type serverCloser struct{ *testing.M }

func (m serverCloser) Run() int {
	defer closePostgres()
	return m.M.Run()
}

// clock is the stage's time: the real one, moved on by tests.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// swiftly is bot.DefaultTiming with the waits of a test.
func swiftly() *bot.Timing {
	t := bot.DefaultTiming()
	t.Tick = 20 * time.Millisecond
	t.Attempt = time.Second
	t.SecondPost = 500 * time.Millisecond
	t.Settle = []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}
	t.Heartbeat = 0 // faults are for what people do
	t.Verify = []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}
	return &t
}

// productions is bot.DefaultTiming, and people may ask as fast as they like.
func productions() *bot.Timing {
	t := bot.DefaultTiming()
	t.AskEvery = 0
	return &t
}

// theatre is a stage with what tests need around it.
type theatre struct {
	*stage
	t     testing.TB
	clock *clock
	stop  func() error
	child *exec.Cmd
	log   *lockedBuffer
	after func() // what is done once the bots have ended and the stage is gone

	readersMu sync.Mutex
	readers   map[string]*store.Store // by address; see reader
	pasts     map[string]*sql.DB      // by address; see sql

	// What a story said must not happen, for its end.
	never     []func()
	wantPosts *int
	last      *slacktest.Delivery
	posted    atomic.Bool
}

func newTheatre(t testing.TB) *theatre { return newTheatreWith(t, slacktest.Config{}) }

// newTheatreWith is newTheatre with a Slack that differs.
func newTheatreWith(t testing.TB, slack slacktest.Config) *theatre {
	t.Helper()
	th := &theatre{t: t, clock: &clock{}, log: &lockedBuffer{}}
	slack.Now = th.clock.now
	s, err := newStage(t.TempDir(), slack)
	if err != nil {
		t.Fatal(err)
	}
	th.stage = s
	th.installs(manifestFile)
	th.at.timing = swiftly()
	if slack.NoRateLimits != "" {
		th.at.timing.AskEvery = 0
	}
	t.Cleanup(func() {
		th.end()
		th.discreet()
		th.modelled()
		s.close()
		if th.after != nil {
			th.after()
		}
		if t.Failed() {
			t.Logf("the bot's log:\n%s", th.log.String())
		}
	})
	return th
}

// discreet holds the log of every test to what must not be in it.
func (th *theatre) discreet() {
	log := th.log.String()
	for what, secret := range map[string]string{
		"the bot token": th.slack.BotToken(), "the app token": th.slack.AppToken(), "the client secret": th.entra.Config().ClientSecret,
		"a bearer token": "Bearer ", "a response_url": strings.TrimSuffix(th.slack.APIURL(), "/api/") + "/respond/", "what was typed": "lost my phone", "an address": "@contoso.example",
	} {
		if strings.Contains(log, secret) {
			th.t.Errorf("%s is in the log", what)
		}
	}
}

// modelled fails a test whose bot asked Slack, Entra or Graph for what their doubles do
// not model: what came of it says nothing of the real ones.
func (th *theatre) modelled() {
	for _, c := range th.slack.Unknown() {
		th.t.Errorf("slacktest does not model %s", c.Method)
	}
	for _, r := range th.entra.Unknown() {
		th.t.Errorf("graphtest does not model %s %s?%s", r.Method, r.Path, r.Query.Encode())
	}
}

// begin starts the bot in this process.
func (th *theatre) begin() {
	th.t.Helper()
	stop, err := th.start(context.Background(), th.log)
	if err != nil {
		th.t.Fatalf("start the bot: %v\n%s", err, th.log.String())
	}
	th.stop = stop
}

// spawn starts the bot in a process of its own.
func (th *theatre) spawn() {
	th.t.Helper()
	child, err := th.launch(nil)
	if err != nil {
		th.t.Fatal(err)
	}
	th.child = child
	th.until("the bot connects", func() bool { return th.slack.Sockets() > 0 })
}

// launch starts the bot in a process of its own and does not wait for it.
func (th *theatre) launch(life *Life) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	at, err := json.Marshal(childEndpoints{th.at.graphURL, th.at.authority, th.entra.CertPEM(), th.at.timing, life})
	if err != nil {
		return nil, err
	}
	child := exec.Command(self, "run")
	child.Env = append(os.Environ(), childEnv+"="+string(at))
	for name, value := range th.environment() {
		child.Env = append(child.Env, name+"="+value)
	}
	child.Stderr = th.log
	return child, child.Start()
}

// kill ends the child as a power cut would.
func (th *theatre) kill() {
	th.t.Helper()
	if err := th.child.Process.Kill(); err != nil {
		th.t.Fatal(err)
	}
	_ = th.child.Wait() // "signal: killed" is what was asked for
	th.child = nil
	th.until("the socket is gone", func() bool { return th.slack.Sockets() == 0 })
}

// end stops whatever bot runs, in order.
func (th *theatre) end() {
	if th.stop != nil {
		if err := th.stop(); err != nil {
			th.t.Error(err)
		}
		th.stop = nil
	}
	if th.child != nil {
		_ = th.child.Process.Signal(syscall.SIGTERM)
		if err := th.child.Wait(); err != nil {
			th.t.Errorf("the bot stopped with %v", err)
		}
		th.child = nil
	}
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// until waits for Slack's side to show something.
func (th *theatre) until(what string, seen func() bool) {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := th.slack.Until(ctx, seen); err != nil {
		th.t.Fatalf("waiting until %s: %v\n%s", what, err, th.board())
	}
}

// poll waits for something that Slack's double does not see.
func (th *theatre) poll(what string, seen func() bool) {
	th.t.Helper()
	th.pollWithin(patience, what, seen)
}

func (th *theatre) pollWithin(patience time.Duration, what string, seen func() bool) {
	th.t.Helper()
	if !testrun.Seen(patience, seen) {
		th.t.Fatalf("waiting until %s\n%s", what, th.board())
	}
}

// typed types a command and waits for its ack.
func (th *theatre) typed(who, text string) {
	th.t.Helper()
	th.acked(th.slack.As(who).Command(general, text))
}

func (th *theatre) acked(d *slacktest.Delivery) {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := d.Wait(ctx)
	if err != nil {
		th.t.Fatalf("waiting for the ack: %v", err)
	}
	if ack.Rejected != "" {
		th.t.Fatalf("Slack rejects the ack: %s", ack.Rejected)
	}
}

// card waits for the live card and returns it.
func (th *theatre) card() (m slacktest.Message) {
	th.t.Helper()
	th.until("a card stands", func() bool {
		for _, c := range th.cards() {
			if !c.Deleted {
				m = c
			}
		}
		return m.TS != ""
	})
	return m
}

// cards are the messages in the approvers' channel that had buttons of a request when
// they were posted, deleted ones too; the others announce something.
func (th *theatre) cards() []slacktest.Message {
	return slices.DeleteFunc(th.slack.Messages(approvals), func(m slacktest.Message) bool {
		return !slices.ContainsFunc(th.slack.History(approvals, m.TS), func(v slacktest.Message) bool {
			return len(v.Buttons()) > 0 && !hasButton(v, bot.ActionUnfreeze)
		})
	})
}

// notice waits until the notice of the freeze has its button in the approvers' channel,
// or, if that names somebody, in their direct messages.
func (th *theatre) notice(reader string) (notice slacktest.Message) {
	th.t.Helper()
	th.until("the notice has its button", func() bool {
		all := th.slack.Messages(approvals)
		if reader != "" {
			all = th.slack.DMs(reader)
		}
		for _, m := range all {
			if !m.Deleted && hasButton(m, bot.ActionUnfreeze) {
				notice = m
				return true
			}
		}
		return false
	})
	return notice
}

func (th *theatre) click(who, action string) {
	th.t.Helper()
	th.last = th.slack.As(who).Click(approvals, th.card().TS, action)
	th.acked(th.last)
}

// cardSays waits until the live card says all of it.
func (th *theatre) cardSays(words ...string) {
	th.t.Helper()
	th.until(fmt.Sprintf("the card says %q", words), func() bool {
		for _, m := range th.slack.Messages(approvals) {
			if !m.Deleted && containsAll(plain(m), words) {
				return true
			}
		}
		return false
	})
}

// database is the address of the bot's database.
func (th *theatre) database() string { return th.environment()["REVOKE_DATABASE_URL"] }

// openSQL opens the database past the store; pragmas are for SQLite.
func (th *theatre) openSQL(pragmas string) *sql.DB {
	th.t.Helper()
	driver, source := "pgx", th.database()
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?"+pragmas
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		th.t.Fatal(err)
	}
	return db
}

// sql reads the database past the store, as long as the test lasts.
func (th *theatre) sql() *sql.DB {
	th.t.Helper()
	th.readersMu.Lock()
	defer th.readersMu.Unlock()
	url := th.database()
	if db := th.pasts[url]; db != nil {
		return db
	}
	db := th.openSQL("mode=ro&_pragma=busy_timeout(1000)")
	db.SetMaxIdleConns(1)
	th.t.Cleanup(func() { _ = db.Close() }) // its server may be gone
	if th.pasts == nil {
		th.pasts = map[string]*sql.DB{}
	}
	th.pasts[url] = db
	return db
}

// reader is the bot's database, opened to read beside the bot. It stays open until
// the test ends: opening it for each look costs PostgreSQL a process each time.
func (th *theatre) reader() *store.Store {
	th.t.Helper()
	th.readersMu.Lock()
	defer th.readersMu.Unlock()
	url := th.database()
	if db := th.readers[url]; db != nil {
		return db
	}
	db, err := store.OpenReadOnly(context.Background(), url)
	if err != nil {
		th.t.Fatal(err)
	}
	th.t.Cleanup(func() { _ = db.Close() }) // its server may be gone
	if th.readers == nil {
		th.readers = map[string]*store.Store{}
	}
	th.readers[url] = db
	return db
}

// audit reads the chain beside the running bot, and checks every link.
func (th *theatre) audit() []bot.Entry {
	th.t.Helper()
	entries, err := th.reader().Audit(context.Background(), "")
	if err != nil {
		th.t.Fatal(err)
	}
	return entries
}

// quiet waits until the bot holds no claim and owes nothing at once: to a claim,
// a clock that jumps is a process that died, and its work would be done again.
func (th *theatre) quiet() {
	th.t.Helper()
	th.quietWithin(patience)
}

func (th *theatre) quietWithin(patience time.Duration) {
	th.t.Helper()
	db := th.sql()
	th.pollWithin(patience, "the bot is at rest", func() bool {
		var busy int
		now := th.clock.now().UnixMicro()
		err := db.QueryRow(`SELECT
			(SELECT count(*) FROM arrivals WHERE due_at IS NOT NULL AND claimed_until > $1) +
			(SELECT count(*) FROM requests WHERE due_at IS NOT NULL AND claimed_until > $1) +
			(SELECT count(*) FROM notices WHERE due_at <= $1 OR claimed_until > $1) +
			(SELECT count(*) FROM requests WHERE tell_claimed_until > $1 OR tell_due_at <= $1)`, now).Scan(&busy)
		if err != nil {
			th.t.Fatal(err)
		}
		return busy == 0
	})
}

// count counts audit rows by action.
func (th *theatre) count(action string) (n int) {
	return th.acts(func(e bot.Entry) bool { return e.Action == action })
}

// acts is how many acts the chain tells of: of those that somebody repeated
// within a minute, also those that are only counted, in a row or so far in none.
func (th *theatre) acts(match func(bot.Entry) bool) (n int) {
	for _, e := range th.audit() {
		if match(e) {
			n += max(1, e.Count)
		}
	}
	db := th.sql()
	rows, err := db.Query(`SELECT entry, times FROM tallies`)
	if err != nil {
		th.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var entry []byte
		var times int
		var e bot.Entry
		if err := errors.Join(rows.Scan(&entry, &times), json.Unmarshal(entry, &e)); err != nil {
			th.t.Fatal(err)
		}
		if match(e) {
			n += times
		}
	}
	if err := rows.Err(); err != nil {
		th.t.Fatal(err)
	}
	return n
}

// board is everything that stands in Slack, for failures.
func (th *theatre) board() string {
	var b bytes.Buffer
	show := func(where string, messages []slacktest.Message) {
		for _, m := range messages {
			fmt.Fprintf(&b, "%s: %s\n", where, plain(m))
		}
	}
	for _, m := range th.slack.Messages(approvals) {
		show("card", []slacktest.Message{m})
		show("thread", th.slack.Thread(approvals, m.TS))
	}
	for _, who := range []string{bobID, aliceID, amirID, olgaID, carolID} {
		show("dm "+who, th.slack.DMs(who))
		show("only "+who, th.slack.Ephemerals(who))
		for _, v := range th.slack.Views(who) {
			fmt.Fprintf(&b, "form %s: %s\n", who, v.Plain())
		}
	}
	for _, p := range th.entra.Posts() {
		fmt.Fprintf(&b, "graph: POST %s status %d applied %t\n", p.Path, p.Status, p.Applied)
	}
	return b.String()
}

// lockedBuffer takes a log from many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
