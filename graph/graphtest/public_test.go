package graphtest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// Behind the names of the real hosts everything that the double says of itself is by
// those names, and its certificate holds them.
func TestPublicURLs(t *testing.T) {
	const authority, graph = "https://login.microsoftonline.com", "https://graph.microsoft.com"
	s := start(t, func(c *graphtest.Config) { c.AuthorityURL, c.GraphURL = authority, graph })
	s.ReadableTokens()
	if s.AuthorityURL() != authority || s.GraphURL() != graph || !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("%s, %s, %s", s.AuthorityURL(), s.GraphURL(), s.URL())
	}
	// Whatever name it asks for, the connection goes to the double.
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(s.URL(), "https://"))
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func(r *http.Request) reply {
		t.Helper()
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, response)
	}
	get := func(target string) reply {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		return ask(r)
	}
	post := func(target string, form url.Values) reply {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return ask(r)
	}
	tenant := authority + "/" + s.Config().TenantID

	known := get(tenant + "/v2.0/.well-known/openid-configuration").json(t)
	for name, want := range map[string]string{
		"issuer":                        tenant + "/v2.0",
		"authorization_endpoint":        tenant + "/oauth2/v2.0/authorize",
		"token_endpoint":                tenant + "/oauth2/v2.0/token",
		"device_authorization_endpoint": tenant + "/oauth2/v2.0/devicecode",
		"jwks_uri":                      tenant + "/discovery/v2.0/keys",
	} {
		if known[name] != want {
			t.Errorf("%s: %v, want %s", name, known[name], want)
		}
	}

	// MSAL asks whether the authority is one before it signs in.
	asks := authority + "/common/discovery/instance?api-version=1.1&authorization_endpoint="
	instance := get(asks + url.QueryEscape(tenant+"/oauth2/v2.0/authorize")).json(t)
	if instance["tenant_discovery_endpoint"] != tenant+"/v2.0/.well-known/openid-configuration" ||
		instance["metadata"].([]any)[0].(map[string]any)["preferred_network"] != "login.microsoftonline.com" {
		t.Errorf("%v", instance)
	}
	for _, other := range []string{"https://login.contoso.example/x/oauth2/v2.0/authorize", "http://login.microsoftonline.com/x", ""} {
		if r := get(asks + url.QueryEscape(other)); !r.describes(t, 400, "invalid_instance", "AADSTS50049") {
			t.Errorf("%s: %d %s", other, r.status, r.body)
		}
	}

	// An assertion is made out to the endpoint of that name, and to no other.
	mine, key := newSigner(t, s, "bot")
	s.RegisterCertificate(mine)
	for audience, code := range map[string]string{
		tenant + "/oauth2/v2.0/token":                                  "",
		s.URL() + "/" + s.Config().TenantID + "/oauth2/v2.0/token":     "AADSTS700023",
		graph + "/" + s.Config().TenantID + "/oauth2/v2.0/token":       "AADSTS700023",
		"https://login.microsoftonline.us/" + s.Config().TenantID + "": "AADSTS700023",
	} {
		assertion := proof{
			header: map[string]any{"alg": "RS256", "x5t": thumbprint1(mine)},
			claims: map[string]any{"iss": s.Config().ClientID, "sub": s.Config().ClientID, "aud": audience,
				"nbf": s.clock.Now().Unix(), "exp": s.clock.Now().Add(time.Minute).Unix()},
			key: key,
		}.sign(t)
		form := s.assertionForm(assertion)
		form.Set("scope", graph+"/.default")
		r := post(tenant+"/oauth2/v2.0/token", form)
		if code == "" && r.status != http.StatusOK || code != "" && !r.describes(t, 401, "invalid_client", code) {
			t.Errorf("%s: %d %s", audience, r.status, r.body)
		}
		if code == "" {
			s.token, _ = r.json(t)["access_token"].(string)
		}
	}
	claims := claimsOf(t, s.token)
	if claims["aud"] != graph || claims["iss"] != tenant+"/" || claims["app_displayname"] != "graphtest" {
		t.Errorf("%v", claims)
	}

	form := url.Values{"client_id": {s.Config().ClientID}, "scope": {"User.Read.All openid"}}
	code := post(tenant+"/oauth2/v2.0/devicecode", form).json(t)
	if code["verification_uri"] != authority+"/device" || !strings.Contains(code["message"].(string), authority+"/device") {
		t.Errorf("%v", code)
	}
	carol := s.AddUser(graphtest.User{DisplayName: "Carol", UserPrincipalName: "carol@contoso.example"})
	s.AddUser(graphtest.User{UserPrincipalName: "dave@contoso.example"})
	if err := s.ApproveDevice(code["user_code"].(string), carol.ID); err != nil {
		t.Fatal(err)
	}
	form = url.Values{"client_id": {s.Config().ClientID}, "grant_type": {"device_code"}, "device_code": {code["device_code"].(string)}}
	tokens := post(tenant+"/oauth2/v2.0/token", form).json(t)
	if claims := claimsOf(t, tokens["id_token"].(string)); claims["iss"] != tenant+"/v2.0" {
		t.Errorf("%v", claims)
	}
	if claims := claimsOf(t, tokens["access_token"].(string)); claims["upn"] != "carol@contoso.example" || claims["app_displayname"] != "graphtest" {
		t.Errorf("%v", claims)
	}
	if r := post(tenant+"/oauth2/v2.0/token", url.Values{}); r.json(t)["error_uri"] != authority+"/error?code=900144" {
		t.Errorf("%s", r.body)
	}

	page := get(graph + "/v1.0/users?$top=1").json(t)
	if page["@odata.context"] != graph+"/v1.0/$metadata#users" || !strings.HasPrefix(page["@odata.nextLink"].(string), graph+"/v1.0/users?") {
		t.Errorf("%v", page)
	}
	if r := get(page["@odata.nextLink"].(string)); r.status != http.StatusOK {
		t.Errorf("page 2: %d %s", r.status, r.body)
	}
	if one := get(graph + "/beta/users/" + carol.ID).json(t); one["@odata.context"] != graph+"/beta/$metadata#users/$entity" {
		t.Errorf("%v", one)
	}
	s.token = "expired"
	if challenge := get(graph + "/beta/users").header.Get("WWW-Authenticate"); !strings.Contains(challenge, `"`+authority+`/common/oauth2/authorize"`) {
		t.Errorf("%s", challenge)
	}
}

func TestPublicURLsThatCannotBe(t *testing.T) {
	for name, config := range map[string]graphtest.Config{
		"no TLS":         {AuthorityURL: "http://login.microsoftonline.com"},
		"a path":         {GraphURL: "https://graph.microsoft.com/beta"},
		"a slash":        {GraphURL: "https://graph.microsoft.com/"},
		"no host":        {AuthorityURL: "https://"},
		"a host alone":   {AuthorityURL: "login.microsoftonline.com"},
		"all the world":  {Address: "0.0.0.0:0"},
		"a name":         {Address: "localhost:0"},
		"a port alone":   {Address: ":0"},
		"another's port": {Address: "127.0.0.1:99999"},
	} {
		if s, err := graphtest.Start(config); err == nil {
			s.Close()
			t.Errorf("%s: it starts", name)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	s, err := graphtest.Start(graphtest.Config{Address: address})
	if err != nil || s.URL() != "https://"+address {
		t.Fatal(err)
	}
	s.Close()
}

// claimsOf reads a JWT.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q cannot be read", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// Whoever listens on another address of loopback is trusted by it.
func TestCertificateOfAnotherLoopbackAddress(t *testing.T) {
	s, err := graphtest.Start(graphtest.Config{Address: "127.0.0.2:0"})
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("SKIPPED: this machine has one loopback address only: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	response, err := s.Client().Get(s.URL() + "/v1.0/users")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}
