package main

import (
	"context"
	"database/sql"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// quietNight is a bot that serves its health and that nobody uses.
func quietNight(t *testing.T, prepare func(*theatre)) *theatre {
	t.Helper()
	th := newTheatre(t)
	prepare(th)
	th.served()
	th.at.timing.Heartbeat = time.Minute
	th.begin()
	th.poll("it is ready", func() bool { status, _ := th.request(http.MethodGet, "/readyz"); return status == http.StatusOK })
	return th
}

// passes lets the night go on, a minute at a time, until /readyz says so, and
// holds the process's own health to it that nobody restarts the bot for it.
func (th *theatre) passes(within time.Duration, what string, says ...string) (body string) {
	th.t.Helper()
	began := th.clock.now()
	th.poll(what, func() bool {
		var status int
		status, body = th.request(http.MethodGet, "/readyz")
		told := status == http.StatusServiceUnavailable || len(says) == 0 && status == http.StatusOK
		for _, words := range says {
			told = told && strings.Contains(body, words)
		}
		if !told && th.clock.now().Sub(began) < within-20*time.Second {
			th.clock.advance(10 * time.Second)
			time.Sleep(50 * time.Millisecond) // what was asked is answered
		}
		return told
	})
	if took := th.clock.now().Sub(began); took > within {
		th.t.Errorf("%s took %s", what, took)
	}
	if status, _ := th.request(http.MethodGet, "/healthz"); status != http.StatusOK {
		th.t.Errorf("/healthz answers %d, and whoever runs the bot restarts it", status)
	}
	return body
}

// up is what the numbers say of a dependency.
func (th *theatre) up(name string) string {
	th.t.Helper()
	return th.samples()[`revoke_sessions_dependency_up{dependency="`+name+`"}`]
}

// TestReadyInAQuietNight: nobody does anything, and the bot finds out by itself
// that it could not work, and that it can again.
func TestReadyInAQuietNight(t *testing.T) {
	for name, night := range map[string]struct {
		dependency string
		breaks     func(*theatre) (mend func())
		within     time.Duration
		says       []string
	}{
		"a revoked bot token": {"slack", func(th *theatre) func() {
			th.slack.Inject(slacktest.Fault{Error: "token_revoked", Match: func(map[string]string) bool { return true }})
			return func() { th.slack.ClearFaults() }
		}, 2 * time.Minute, []string{"Slack refuses the bot (token_revoked)", "it last worked at 20"}},
		"a Slack that does not answer": {"slack", func(th *theatre) func() {
			th.slack.Inject(slacktest.Fault{Status: http.StatusBadGateway})
			return func() { th.slack.ClearFaults() }
		}, 4 * time.Minute, []string{"Slack does not answer the bot", "it last worked at 20"}},
		"an expired client secret": {"entra", func(th *theatre) func() {
			th.entra.Inject(graphtest.Fault{Entra: true, Status: 401, Code: "invalid_client", Message: "AADSTS7000222: The provided client secret keys are expired."})
			th.entra.Inject(graphtest.Fault{Challenge: graphtest.Claims}) // the token that is cached counts no more
			return th.entra.ClearFaults
		}, 4 * time.Minute, []string{"Microsoft refuses the bot (AADSTS7000222)", "it last worked at 20"}},
		"a consent that was taken back": {"entra", func(th *theatre) func() {
			th.entra.Inject(graphtest.Fault{Status: 403, Code: "Authorization_RequestDenied"})
			return th.entra.ClearFaults
		}, 4 * time.Minute, []string{"Microsoft refuses the bot (Authorization_RequestDenied)"}},
		"a Graph that does not answer": {"entra", func(th *theatre) func() {
			th.entra.Inject(graphtest.Fault{Status: 502})
			return th.entra.ClearFaults
		}, 7 * time.Minute, []string{"Microsoft does not answer the bot", "it last worked at 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := quietNight(t, func(*theatre) {})
			if up := th.up(night.dependency); up != "1" {
				t.Errorf("before, %s is %q", night.dependency, up)
			}
			mend := night.breaks(th)
			body := th.passes(night.within, "it is not ready", night.says...)
			for _, secret := range []string{th.slack.BotToken(), th.entra.Config().ClientSecret, "http://", "https://"} {
				if strings.Contains(body, secret) {
					t.Errorf("/readyz says %q", body)
				}
			}
			if up := th.up(night.dependency); up != "0" {
				t.Errorf("%s is %q", night.dependency, up)
			}
			last, err := strconv.ParseFloat(th.samples()[`revoke_sessions_dependency_last_success_timestamp_seconds{dependency="`+night.dependency+`"}`], 64)
			if at := time.Unix(int64(last), 0); err != nil || time.Since(at).Abs() > time.Hour {
				t.Errorf("it last worked at %v, %v", last, err)
			}
			th.poll("the log says so", func() bool { return strings.Contains(th.log.String(), `"dependency":"`+night.dependency+`"`) })
			mend()
			th.passes(3*time.Minute, "it is ready again")
		})
	}
}

// TestRevokedTokenIsKnownFromAnOrdinaryCall: the next heartbeat is an hour away,
// and somebody's click has found it.
func TestRevokedTokenIsKnownFromAnOrdinaryCall(t *testing.T) {
	th := quietNight(t, func(th *theatre) {})
	th.clock.advance(10 * time.Second)
	th.slack.Inject(slacktest.Fault{Error: "account_inactive"})
	th.typed(bobID, "me lost my phone")
	th.poll("it is known", func() bool {
		_, body := th.request(http.MethodGet, "/readyz")
		return strings.Contains(body, "account_inactive")
	})
}

// TestReadyNeedsADatabaseThatWrites: it can be read, nothing can be stored, and a
// minute later people are called.
func TestReadyNeedsADatabaseThatWrites(t *testing.T) {
	for name, row := range map[string]struct {
		on      func(*theatre)
		refuses func(*theatre) (mend func())
	}{
		"sqlite": {func(*theatre) {}, func(th *theatre) func() {
			// As much as a full disk: every write fails, every read works.
			db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(th.database(), "sqlite:")+"?_pragma=busy_timeout(5000)&_txlock=immediate")
			if err != nil {
				th.t.Fatal(err)
			}
			th.t.Cleanup(func() { db.Close() })
			tx, err := db.BeginTx(context.Background(), nil)
			if err != nil {
				th.t.Fatal(err)
			}
			return func() { _ = tx.Rollback() }
		}},
		"postgres": {(*theatre).onPostgres, func(th *theatre) func() {
			set := func(on bool) {
				if err := postgres(th.t).ReadOnly(context.Background(), th.database(), on); err != nil {
					th.t.Error(err)
				}
			}
			set(true)
			return func() { set(false) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := quietNight(t, row.on)
			mend := row.refuses(th)
			defer mend()
			th.passes(2*time.Minute, "it is not ready", "the database takes nothing that is written", "it last worked at 20")
			if up := th.up("database"); up != "0" {
				t.Errorf("the database is %q", up)
			}
			mend()
			th.passes(3*time.Minute, "it is ready again")
		})
	}
}
