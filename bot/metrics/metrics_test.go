package metrics

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// TestNames checks the metrics by Prometheus's own rules: base units, _total, a help text
// each.
func TestNames(t *testing.T) {
	problems, err := testutil.GatherAndLint(New("v1", "abc").registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// rows is a store that answers Census with this function.
type rows func(context.Context) (bot.Census, error)

func (f rows) Census(ctx context.Context) (bot.Census, error) { return f(ctx) }

type sockets int

func (s sockets) Connected() int      { return int(s) }
func (sockets) Counts() listen.Counts { return listen.Counts{Received: 7} }
func (sockets) Strangers() int        { return 2 }

func (sockets) SinceHeard() time.Duration { return 3 * time.Hour }

type clock time.Duration

func (c clock) SinceTick() time.Duration           { return time.Duration(c) }
func (clock) Replicas() int                        { return 3 }
func (clock) Vitals() []bot.Vital                  { return nil }
func (clock) OtherRulesInForce() bool              { return true }
func (clock) ClockJumps() int64                    { return 2 }
func (clock) ClockApart() time.Duration            { return 3 * time.Second }
func (clock) Load() (running, waiting, places int) { return 1, 5, 256 }

var (
	whole  = rows(func(context.Context) (bot.Census, error) { return bot.Census{Head: 4}, nil })
	broken = rows(func(context.Context) (bot.Census, error) {
		return bot.Census{}, errors.New("dial tcp db.internal:5432: connection refused")
	})
	// hung answers only when its context ends, like a database that is cut off.
	hung = rows(func(ctx context.Context) (bot.Census, error) { <-ctx.Done(); return bot.Census{}, ctx.Err() })
)

func get(m *Metrics, path string) (status int, body string) {
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReady(t *testing.T) {
	t.Parallel()
	const (
		noSocket = "no socket to Slack is open"
		noRows   = "the database could not be read"
		late     = "the clock has not finished a round"
	)
	for _, row := range []struct {
		name    string
		make    func(*Metrics)
		missing []string
	}{
		{"all is well", func(m *Metrics) { m.WatchListener(sockets(1)); m.WatchStore(whole); m.WatchBot(clock(time.Second)) }, nil},
		{"starting", func(*Metrics) {}, []string{noSocket, noRows}},
		{"starting for too long", func(m *Metrics) { m.began = time.Now().Add(-time.Minute) }, []string{noSocket, noRows, late}},
		{"no socket", func(m *Metrics) { m.WatchListener(sockets(0)); m.WatchStore(whole); m.WatchBot(clock(0)) }, []string{noSocket}},
		{"no database", func(m *Metrics) { m.WatchListener(sockets(1)); m.WatchStore(broken); m.WatchBot(clock(0)) }, []string{noRows}},
		{"a database that hangs", func(m *Metrics) { m.WatchListener(sockets(1)); m.WatchStore(hung); m.WatchBot(clock(0)) }, []string{noRows}},
		{"a clock that stands still", func(m *Metrics) { m.WatchListener(sockets(1)); m.WatchStore(whole); m.WatchBot(clock(clockLate + 1)) }, []string{late}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := New("v1", "")
			row.make(m)
			status, body := get(m, "/readyz")
			want := http.StatusOK
			if len(row.missing) > 0 {
				want = http.StatusServiceUnavailable
			}
			lines := strings.Split(strings.TrimSpace(body), "\n")
			if row.missing == nil {
				row.missing = []string{"ready", "open sockets to Slack: 1; nothing has come on them for 3h0m0s"}
			}
			if status != want || len(lines) != len(row.missing) {
				t.Fatalf("%d %q", status, body)
			}
			for i, says := range row.missing {
				if !strings.HasPrefix(lines[i], says) {
					t.Errorf("line %d is %q, want %q", i, lines[i], says)
				}
			}
			if strings.Contains(body, "db.internal") {
				t.Errorf("it names a host: %q", body)
			}
			if status, _ := get(m, "/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: %d", status)
			}
		})
	}
}

// TestCensus_UnreadableIsMissing: numbers that could not be read are missing, not old or
// zero, and store_readable says so.
func TestCensus_UnreadableIsMissing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rows     Rows
		readable string
		head     bool
	}{"whole": {whole, "1", true}, "broken": {broken, "0", false}, "hung": {hung, "0", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := New("v1", "")
			m.WatchStore(row.rows)
			status, body := get(m, "/metrics")
			if status != http.StatusOK || !strings.Contains(body, "\nrevoke_sessions_store_readable "+row.readable+"\n") {
				t.Errorf("%d, and it is not said that readable is %s", status, row.readable)
			}
			if got := strings.Contains(body, "\nrevoke_sessions_audit_head 4\n"); got != row.head {
				t.Errorf("the head of the audit chain is there: %v", got)
			}
			if !strings.Contains(body, "\nrevoke_sessions_envelopes_received_total 0\n") {
				t.Error("what does not come from the database is gone, too")
			}
		})
	}
}

func TestRequests(t *testing.T) {
	reported := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	m := New("v1", "")
	meter := m.Meter()
	r := bot.Request{ID: "REQ-ACDEFG", Lane: authz.ThirdParty, CreatedAt: reported, Askers: []authz.Asker{{SlackID: "U1"}}}
	happens := func(r bot.Request, state bot.State, at time.Duration) {
		meter.Changed(&r, []bot.Entry{{Action: string(state), Request: r.ID, Drill: r.Drill}}, reported.Add(at))
	}
	decide := func(r *bot.Request, at time.Duration) {
		r.Decisions = append(r.Decisions, bot.Verdict{At: reported.Add(at)})
	}
	call := func(r *bot.Request) { r.Attempts = append(r.Attempts, bot.Attempt{Decision: len(r.Decisions)}) }

	decide(&r, 40*time.Second)
	call(&r) // in the same transaction
	meter.Changed(&r, []bot.Entry{{Action: string(bot.Approved), Request: r.ID}, {Action: string(bot.Executing), Request: r.ID}}, reported.Add(time.Hour))
	// Microsoft asks to wait.
	meter.Changed(&r, []bot.Entry{{Action: string(bot.Approved), Request: r.ID, Outcome: string(graph.NotDone)}}, reported.Add(time.Hour))
	call(&r)
	happens(r, bot.Executing, time.Hour)
	happens(r, bot.Failed, time.Hour)
	decide(&r, 3*time.Hour) // Try again
	happens(r, bot.Approved, 3*time.Hour)
	call(&r)
	happens(r, bot.Executing, 3*time.Hour)
	r.AcceptedAt = reported.Add(3 * time.Hour)
	happens(r, bot.Revoked, 4*time.Hour)
	happens(r, bot.Verified, 5*time.Hour)

	drill := r
	drill.Drill = true
	happens(drill, bot.Verified, time.Minute)
	console := r
	console.Askers = []authz.Asker{{SlackID: "os:root@host"}}
	happens(console, bot.Verified, time.Minute)

	meter.Refused(&bot.Entry{Wanted: "confirm", Reason: string(authz.NotApprover)})
	meter.Refused(&bot.Entry{Wanted: "something <@U1> typed", Reason: "nobody's"})

	for sample, want := range map[string]string{
		`request_events_total{drill="false",event="approved",lane="third_party"}`: "2",
		`request_events_total{drill="false",event="waiting",lane="third_party"}`:  "1",
		`request_events_total{drill="false",event="verified",lane="third_party"}`: "2",
		`request_events_total{drill="true",event="verified",lane="third_party"}`:  "1",
		`revoke_attempts_total{attempt="first"}`:                                  "2",
		`revoke_attempts_total{attempt="further"}`:                                "1",
		`report_to_approval_seconds_sum{lane="third_party"}`:                      "40",
		`report_to_approval_seconds_count{lane="third_party"}`:                    "1",
		`report_to_revoke_seconds_sum{lane="third_party"}`:                        "10800",
		`report_to_verified_seconds_sum{lane="third_party"}`:                      "18000",
		`report_to_verified_seconds_count{lane="third_party"}`:                    "1",
		`report_to_verified_seconds_count{lane="self"}`:                           "0",
		`refusals_total{reason="not_approver",wanted="confirm"}`:                  "1",
		`refusals_total{reason="other",wanted="other"}`:                           "1",
	} {
		if _, body := get(m, "/metrics"); !strings.Contains(body, "\n"+prefix+sample+" "+want+"\n") {
			t.Errorf("%s is not %s", sample, want)
		}
	}
}

func TestGraphResults(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{nil, resultOK},
		{errors.New("a defect"), other},
		{&graph.Error{Code: "AADSTS7000222", Outcome: graph.NotDone}, resultSignIn},
		{&graph.Error{Code: graph.CodeSignInUnreachable, Outcome: graph.NotDone, Retryable: true}, resultSignIn},
		{&graph.Error{Status: 403, Code: "Authorization_RequestDenied", Outcome: graph.NotDone}, resultDenied},
		{&graph.Error{Status: 404, Outcome: graph.NotDone}, resultNotFound},
		{&graph.Error{Status: 400, Outcome: graph.NotDone}, resultRefused},
		{&graph.Error{Status: 429, Outcome: graph.NotDone, Retryable: true}, resultThrottled},
		{&graph.Error{Status: 503, Outcome: graph.NotDone, Retryable: true, RetryAfter: time.Second}, resultThrottled},
		{&graph.Error{Status: 503, Outcome: graph.NotDone, Retryable: true}, resultFault},
		{&graph.Error{Status: 500, Outcome: graph.OutcomeUnknown}, resultUnknown},
		{&graph.Error{Code: graph.CodeTimeout, Outcome: graph.OutcomeUnknown}, resultUnknown},
		{&graph.Error{Code: graph.CodeTimeout, Outcome: graph.NotDone, Retryable: true}, resultSilent},
		{&graph.Error{Code: graph.CodeInvalidID, Outcome: graph.NotDone}, resultRefused},
	} {
		if got := graphResult(row.err); got != row.want {
			t.Errorf("%+v is %s, want %s", row.err, got, row.want)
		}
	}
}

func TestStoreResults(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{nil, storeOK}, {bot.ErrConflict, storeConflict}, {bot.ErrTaken, storeConflict}, {bot.ErrFrozen, storeHeld},
		{&bot.LimitError{}, storeHeld}, {bot.ErrUnclear, storeUnclear}, {context.DeadlineExceeded, storeGivenUp}, {errors.New("disk full"), storeError},
	} {
		if got := storeResult(row.err); got != row.want {
			t.Errorf("%v is %s, want %s", row.err, got, row.want)
		}
	}
}

// TestSlack_UnknownCodesBecomeOther: Slack's answer is a label only if the code lists it,
// so that a false Slack cannot fill the memory.
func TestSlack_UnknownCodesBecomeOther(t *testing.T) {
	m := New("v1", "")
	told := m.Slack()
	for _, code := range []string{slackapi.OK, "is_archived", "made_up_1", "made_up_2"} {
		told("chat.update", code, time.Millisecond)
	}
	told("made.up", slackapi.OK, time.Millisecond)
	_, body := get(m, "/metrics")
	for sample, want := range map[string]string{
		`slack_calls_total{method="chat.update",result="is_archived"}`: "1",
		`slack_calls_total{method="chat.update",result="other"}`:       "2",
		`slack_calls_total{method="other",result="ok"}`:                "1",
		`slack_calls_seconds_count{method="chat.update"}`:              "4",
	} {
		if !strings.Contains(body, "\n"+prefix+sample+" "+want+"\n") {
			t.Errorf("%s is not %s", sample, want)
		}
	}
	if strings.Contains(body, "made") {
		t.Error("what was made up is a label")
	}
}

// TestMetrics_NilWrapsNothing: a nil Metrics returns what it is given.
func TestMetrics_NilWrapsNothing(t *testing.T) {
	var m *Metrics
	m.WatchListener(sockets(1))
	m.WatchBot(clock(1))
	m.WatchStore(whole)
	if m.Meter() != nil || m.Slack() != nil || m.SignIn() != nil || m.Store(nil) != nil || m.Entra(nil) != nil || m.Inbox(nil) != nil {
		t.Error("something is wrapped")
	}
}

// TestWatch_ReadsAtEachScrape: what the listener and the bot report is read at each scrape,
// and is zero before they exist.
func TestWatch_ReadsAtEachScrape(t *testing.T) {
	m := New("v1", "")
	says := func(when string, want map[string]string) {
		t.Helper()
		_, body := get(m, "/metrics")
		for sample, value := range want {
			if !strings.Contains(body, "\n"+prefix+sample+" "+value+"\n") {
				t.Errorf("%s: %s is not %s", when, sample, value)
			}
		}
	}
	says("before", map[string]string{"sockets_open": "0", "strangers": "0", "replicas": "0", "work_places": "0", "reconnects_total": "0"})
	m.WatchListener(sockets(2))
	m.WatchBot(clock(1500 * time.Millisecond))
	says("after", map[string]string{
		"sockets_open": "2", "strangers": "2", "replicas": "3", "work_places": "256", "work_under_way": "1", "work_waiting": "5", "clock_age_seconds": "1.5",
		"envelopes_received_total": "7", "envelope_age_seconds": "10800",
	})
}

// TestHandler_LogsMissingMetrics: if a collector panics, its metrics are missing, and
// promhttp serves the others with 200. The log says so once a minute, and so does a
// counter that has an alert.
func TestHandler_LogsMissingMetrics(t *testing.T) {
	m := New("v1", "")
	m.WatchListener(sockets(1))
	m.WatchStore(rows(func(context.Context) (bot.Census, error) { panic("counted wrongly") }))
	var log bytes.Buffer
	handler := m.Handler(slog.New(slog.NewTextHandler(&log, nil)))
	scrape := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK {
			t.Errorf("status %d", w.Code)
		}
		return w.Body.String()
	}
	scrape()
	body := scrape()
	for sample, there := range map[string]bool{
		prefix + "store_readable ": false, prefix + "sockets_open 1\n": true, `promhttp_metric_handler_errors_total{cause="gathering"} 1` + "\n": true,
	} {
		if strings.Contains(body, "\n"+sample) != there {
			t.Errorf("%q is there: %t", sample, !there)
		}
	}
	if said := log.String(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "numbers are missing") || !strings.Contains(said, "counted wrongly") {
		t.Errorf("the log says %q", said)
	}
}

// TestReady_ConcurrentRequestsShareOneQuery: many concurrent requests for /readyz ask the
// database once.
func TestReady_ConcurrentRequestsShareOneQuery(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	free := make(chan struct{})
	m := New("v1", "")
	m.WatchListener(sockets(1))
	m.WatchBot(clock(0))
	m.WatchStore(rows(func(context.Context) (bot.Census, error) {
		asked.Add(1)
		<-free
		return bot.Census{}, nil
	}))
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if status, body := get(m, "/readyz"); status != http.StatusOK {
				t.Errorf("%d %q", status, body)
			}
		})
	}
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // let the others ask, too
	if n := asked.Load(); n != 1 {
		t.Errorf("the database was asked %d times at once", n)
	}
	close(free)
	all.Wait()
}

// TestReady_NamesOnlyWhatIsDown: /readyz names a dependency that is down, in the bot's own
// words, and does not name one that is up.
func TestReady_NamesOnlyWhatIsDown(t *testing.T) {
	t.Parallel()
	m := New("v1", "")
	m.WatchListener(sockets(1))
	m.WatchStore(whole)
	m.WatchBot(withoutSlack{})
	if status, body := get(m, "/readyz"); status != http.StatusServiceUnavailable || body != "Slack is away\n" {
		t.Errorf("%d %q", status, body)
	}
	_, body := get(m, "/metrics")
	for _, sample := range []string{
		`dependency_up{dependency="slack"} 0`, `dependency_up{dependency="database"} 1`, `dependency_last_success_timestamp_seconds{dependency="database"} 100`,
		`dependency_last_success_timestamp_seconds{dependency="slack"} 0`,
	} {
		if !strings.Contains(body, "\n"+prefix+sample+"\n") {
			t.Errorf("there is no %s", sample)
		}
	}
	if status, _ := get(m, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
}

// withoutSlack is a bot that cannot reach Slack.
type withoutSlack struct{ clock }

func (withoutSlack) Vitals() []bot.Vital {
	return []bot.Vital{{Name: bot.DatabaseVital, Up: true, Worked: time.Unix(100, 0)}, {Name: bot.SlackVital, Says: "Slack is away"}}
}
