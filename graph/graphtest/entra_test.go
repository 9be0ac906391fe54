package graphtest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

func TestTokenEndpointRefuses(t *testing.T) {
	s := start(t)
	for name, row := range map[string]struct {
		tenant string
		change func(url.Values)
		status int
		code   string
	}{
		"wrong secret":   {"", func(f url.Values) { f.Set("client_secret", "nope") }, 401, "AADSTS7000215"},
		"no secret":      {"", func(f url.Values) { f.Del("client_secret") }, 401, "AADSTS7000218"},
		"wrong app":      {"", func(f url.Values) { f.Set("client_id", "x") }, 400, "AADSTS700016"},
		"other grant":    {"", func(f url.Values) { f.Set("grant_type", "password") }, 400, "AADSTS70003"},
		"other audience": {"", func(f url.Values) { f.Set("scope", "https://vault.example/.default") }, 400, "AADSTS500011"},
		"wrong tenant":   {"11111111-2222-3333-4444-555555555555", func(url.Values) {}, 400, "AADSTS90002"},
	} {
		t.Run(name, func(t *testing.T) {
			form := s.tokenForm()
			row.change(form)
			tenant := row.tenant
			if tenant == "" {
				tenant = s.Config().TenantID
			}
			r := s.postForm(tenant, form)
			description, _ := r.json(t)["error_description"].(string)
			if r.status != row.status || !strings.HasPrefix(description, row.code+": ") {
				t.Errorf("%d %q, want %d %s", r.status, description, row.status, row.code)
			}
			if strings.Contains(r.body, s.Config().ClientSecret) {
				t.Error("the answer holds the secret")
			}
		})
	}
}

func TestOpenIDConfigurationNamesThisServer(t *testing.T) {
	s := start(t)
	s.token = ""
	r := s.do(http.MethodGet, "/"+s.Config().TenantID+"/v2.0/.well-known/openid-configuration")
	if issuer, _ := r.json(t)["issuer"].(string); issuer != s.URL()+"/"+s.Config().TenantID+"/v2.0" {
		t.Errorf("issuer %q", issuer)
	}
	if endpoint, _ := r.json(t)["token_endpoint"].(string); !strings.HasPrefix(endpoint, s.URL()) {
		t.Errorf("token endpoint %q", endpoint)
	}
	if n := len(s.SignIns()); n != 2 { // the session's own, and this one
		t.Errorf("%d sign-in requests recorded, want 2", n)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d Graph requests recorded, want 0", n)
	}
}

func TestGraphWantsALivingTokenWithTheRole(t *testing.T) {
	const get, post = http.MethodGet, http.MethodPost
	for name, row := range map[string]struct {
		roles   []string
		prepare func(*session)
		method  string
		action  string
		status  int
		code    string
	}{
		"no token":        {nil, func(s *session) { s.token = "" }, get, "", 401, "InvalidAuthenticationToken"},
		"foreign token":   {nil, func(s *session) { s.token = "abc" }, get, "", 401, "InvalidAuthenticationToken"},
		"expired":         {nil, func(s *session) { s.clock.advance(2 * time.Hour) }, get, "", 401, "InvalidAuthenticationToken"},
		"revoked tokens":  {nil, func(s *session) { s.ExpireTokens() }, post, "/invalidateAllRefreshTokens", 401, "InvalidAuthenticationToken"},
		"no role to read": {[]string{"User.RevokeSessions.All"}, nil, get, "", 403, "Authorization_RequestDenied"},
		"no role to post": {[]string{"User.Read.All"}, nil, post, "/invalidateAllRefreshTokens", 403, "Authorization_RequestDenied"},
		"older role":      {[]string{"User.ReadWrite.All"}, nil, post, "/invalidateAllRefreshTokens", 403, "Authorization_RequestDenied"},
		"older action":    {[]string{"User.ReadWrite.All"}, nil, post, "/revokeSignInSessions", 200, ""},
		"no roles at all": {[]string{}, nil, get, "", 403, "Authorization_RequestDenied"},
		"default roles":   {nil, nil, post, "/invalidateAllRefreshTokens", 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *graphtest.Config) { c.Roles = row.roles })
			u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			if row.prepare != nil {
				row.prepare(s)
			}
			r := s.do(row.method, "/beta/users/"+u.ID+row.action)
			if r.status != row.status {
				t.Fatalf("%d %s, want %d", r.status, r.body, row.status)
			}
			if row.code != "" && r.code(t) != row.code {
				t.Errorf("code %q, want %q", r.code(t), row.code)
			}
			if challenge := r.header.Get("WWW-Authenticate"); (challenge != "") != (row.status == 401) {
				t.Errorf("WWW-Authenticate %q with status %d", challenge, row.status)
			}
			if row.status >= 400 {
				if now, _ := s.User(u.ID); now.RefreshTokensValidFrom != u.RefreshTokensValidFrom {
					t.Error("a refused request moved the stamp")
				}
			}
		})
	}
}

// An application may name itself in the Authorization header.
func TestBasicAuthorization(t *testing.T) {
	s := start(t, func(c *graphtest.Config) { c.ClientSecret = "a+b c:d%" })
	for name, row := range map[string]struct{ id, secret, code string }{
		"right":       {s.Config().ClientID, url.QueryEscape(s.Config().ClientSecret), ""},
		"not encoded": {s.Config().ClientID, s.Config().ClientSecret, "AADSTS7000218"},
		"wrong":       {s.Config().ClientID, "nope", "AADSTS7000215"},
		"other app":   {"x", "nope", "AADSTS700016"},
	} {
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
		r := s.send(http.MethodPost, "/"+s.Config().TenantID+"/oauth2/v2.0/token", form.Encode(), http.Header{
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(row.id+":"+row.secret))},
		})
		if row.code == "" && r.status != http.StatusOK || !strings.Contains(r.body, row.code) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}
