package graphtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// A token that can be read tells what was granted when it was issued, and is as
// good as any.
func TestReadableTokens(t *testing.T) {
	s := start(t, func(c *graphtest.Config) { c.AppDisplayName = "the bot" })
	if strings.Contains(s.token, ".") {
		t.Errorf("the token %q can be read", s.token)
	}
	s.ReadableTokens()
	s.Withdraw("AuditLog.Read.All")
	for _, withdrawn := range []string{"", "User.RevokeSessions.All"} {
		s.Withdraw(withdrawn)
		s.token = s.signIn()
		parts := strings.Split(s.token, ".")
		if len(parts) != 3 {
			t.Fatalf("the token %q is none that can be read", s.token)
		}
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Audience string   `json:"aud"`
			Type     string   `json:"idtyp"`
			Roles    []string `json:"roles"`
			Name     string   `json:"app_displayname"`
		}
		if err := json.Unmarshal(text, &claims); err != nil || claims.Name != "the bot" || claims.Audience != s.GraphURL() || claims.Type != "app" ||
			!slices.Contains(claims.Roles, "User.Read.All") || slices.Contains(claims.Roles, "AuditLog.Read.All") || slices.Contains(claims.Roles, withdrawn) {
			t.Errorf("%v: %s", err, text)
		}
		if r := s.do(http.MethodGet, "/beta/users"); r.status != http.StatusOK {
			t.Errorf("status %d", r.status)
		}
	}
}

func TestClockSkew(t *testing.T) {
	s := start(t)
	s.SetClockSkew(time.Hour)
	if got := s.do(http.MethodGet, "/beta/users").header.Get("Date"); got != "Sun, 22 Nov 2026 11:00:00 GMT" {
		t.Errorf("Date: %s", got)
	}
}
