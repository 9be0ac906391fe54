package msgraph_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestGrant reads what the double puts into a token, and what others might.
func TestGrant(t *testing.T) {
	server := newTenant(t, func(c *graphtest.Config) { c.Roles = []string{"User.Read.All", "User.RevokeSessions.All"} })
	server.ReadableTokens()
	got, err := msgraph.GrantOf(t.Context(), msgraph.Config{
		Credential: credentialFor(t, server.Server, server.Config().ClientSecret), GraphURL: server.GraphURL(),
	})
	want := graph.Grant{Known: true, Names: []string{"User.Read.All", "User.RevokeSessions.All"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}

	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
	}
	for _, row := range []struct {
		name, token string
		want        graph.Grant
	}{
		{"opaque", "SECRET", graph.Grant{}},
		{"no base64", "a.!.c", graph.Grant{}},
		{"no JSON", jwt("SECRET"), graph.Grant{}},
		{"claims of another shape", jwt(`{"aud":"x","roles":"User.Read.All"}`), graph.Grant{}},
		{"encrypted", jwt(`{"enc":"A256GCM"}`), graph.Grant{}},
		{"an app without permissions", jwt(`{"aud":"x","idtyp":"app"}`), graph.Grant{Known: true}},
		{"a person", jwt(`{"aud":"x","scp":"User.Read.All profile","roles":["Directory.ReadWrite.All"]}`),
			graph.Grant{Known: true, Delegated: true, Names: []string{"User.Read.All", "profile"}}},
	} {
		got, err := msgraph.GrantOf(t.Context(), msgraph.Config{Credential: staticToken(row.token), GraphURL: server.GraphURL()})
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", row.name, err, diff)
		}
	}

	_, err = msgraph.GrantOf(t.Context(), msgraph.Config{Credential: credentialFor(t, server.Server, "SECRET-wrong"), GraphURL: server.GraphURL()})
	if e := wantError(t, err, "SECRET-wrong"); e.Code != "AADSTS7000215" {
		t.Errorf("a wrong secret: %v", err)
	}
	_, err = msgraph.GrantOf(t.Context(), msgraph.Config{Credential: staticToken(""), GraphURL: server.GraphURL()})
	wantError(t, err)
}

// TestAnybody finds an account and Microsoft's clock.
func TestAnybody(t *testing.T) {
	server := newTenant(t)
	server.SetClockSkew(10 * time.Minute)
	id, clock, err := server.client.Anybody(t.Context())
	if ahead := time.Until(clock); err != nil || id != server.carol.ID || ahead < 9*time.Minute || ahead > 11*time.Minute {
		t.Errorf("%q, the clock %v ahead, %v", id, ahead, err)
	}
	for name, fault := range map[string]graphtest.Fault{
		"nobody":       {Body: []byte(`{"value":[]}`)},
		"no list":      {Body: []byte(`{}`)},
		"no object ID": {Body: []byte(`{"value":[{"id":"me-token-to-replace"}]}`)},
		"not allowed":  {Status: http.StatusForbidden},
	} {
		clear := server.Inject(fault)
		id, clock, err := server.client.Anybody(t.Context())
		if e := wantError(t, err); id != "" || clock.IsZero() {
			t.Errorf("%s: %q at %v: %v", name, id, clock, e)
		}
		clear()
	}
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if _, clock, err := server.client.Anybody(cut); err == nil || !clock.IsZero() {
		t.Errorf("without an answer: %v, %v", clock, err)
	}
}

// Graph's no to reading accounts names the permission for that, whichever way they
// are read; its no to a revoke does not.
func TestFailureNamesThePermissionForAccounts(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Status: http.StatusForbidden})
	accounts := graph.RemedyForAccounts(http.StatusForbidden, "")
	for name, row := range map[string]struct {
		ask  func() error
		want string
	}{
		"an account":    {func() error { _, err := tenant.client.User(t.Context(), tenant.carol.ID); return err }, accounts},
		"by an address": {func() error { _, err := tenant.client.Find(t.Context(), graph.ByMail, "x@contoso.example"); return err }, accounts},
		"any account":   {func() error { _, _, err := tenant.client.Anybody(t.Context()); return err }, accounts},
		"a revoke":      {func() error { _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); return err }, graph.Remedy(http.StatusForbidden, "Authorization_RequestDenied")},
	} {
		if got := graph.AsError(row.ask()); got == nil || got.Remedy != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
