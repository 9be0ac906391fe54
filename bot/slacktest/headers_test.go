package slacktest_test

import (
	"net/http"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// header answers one header of a call with a token.
func header(t *testing.T, s *slacktest.Server, method, token, name string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.APIURL()+method, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get(name)
}

// Slack names a token's scopes with each answer, and only to whoever holds it.
func TestScopesInHeaders(t *testing.T) {
	s := workspace(t, slacktest.Config{Scopes: []string{"commands", "users:read"}})
	const scopes = "X-OAuth-Scopes"
	for want, got := range map[string]string{
		"commands,users:read": header(t, s, "auth.test", s.BotToken(), scopes),
		"connections:write":   header(t, s, "apps.connections.open", s.AppToken(), scopes),
		"":                    header(t, s, "auth.test", "xoxb-nobody", scopes),
	} {
		if got != want {
			t.Errorf("scopes %q, want %q", got, want)
		}
	}
	s.SetAppScopes("authorizations:read")
	if got := header(t, s, "apps.connections.open", s.AppToken(), scopes); got != "authorizations:read" {
		t.Errorf("scopes %q", got)
	}
}

func TestAppScopes(t *testing.T) {
	s := workspace(t, slacktest.Config{AppScopes: []string{"authorizations:read"}})
	req, err := http.NewRequest(http.MethodPost, s.APIURL()+"apps.connections.open", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.AppToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, decode(t, resp), "missing_scope")
	s.SetAppScopes("connections:write")
	connect(t, s)
}

func TestClockOfHeaders(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := workspace(t, slacktest.Config{Now: func() time.Time { return now }})
	s.SetClockSkew(-time.Hour)
	if got := header(t, s, "auth.test", s.BotToken(), "Date"); got != "Sun, 22 Nov 2026 09:00:00 GMT" {
		t.Errorf("Date: %s", got)
	}
}

// Sockets of somebody else's are counted like ours, and towards the limit.
func TestStrangers(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	s.SetStrangers(slacktest.MaxSockets - 1)
	if hello := dial(t, s).next(t); hello["num_connections"] != float64(slacktest.MaxSockets) {
		t.Errorf("hello: %v", hello)
	}
	if frame := dial(t, s).next(t); frame["reason"] != slacktest.TooManyWebsockets {
		t.Errorf("one too many got %v", frame)
	}
}
