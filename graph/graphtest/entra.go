package graphtest

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// signers are what Entra knows of those who sign in by other means than the
// client secret. The zero value is a tenant that knows none of them yet. It is
// guarded by Server.mu.
type signers struct {
	certificates []registeredCertificate
	authorities  []trustedAuthority
	federations  []federation
	codes        []*deviceCode
	grants       map[string]*personalGrant // by refresh token
	codeLifetime time.Duration             // defaultCodeLifetime when zero
	slowDowns    int                       // polls still to be answered with slow_down
	confidential bool                      // the application is no public client
	refreshIn    *time.Duration
	identities   []string // client IDs of managed identities
	header       string   // what a managed identity's request must carry
}

// ExpireTokens makes every access token that was issued so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for value := range s.tokens {
		s.tokens[value] = token{of: s.tokens[value].of}
	}
}

// SetRefreshIn makes answers with a token advise to get a new one after d, as
// Entra does for tokens that live long; negative means that the time has come
// already.
func (s *Server) SetRefreshIn(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.refreshIn = &d
}

// entra answers what is not below a Graph version.
func (s *Server) entra(r *http.Request, v *visit) answer {
	if r.Method == http.MethodGet && r.URL.Path == identityPath {
		return s.managedIdentity(r)
	}
	if r.Method == http.MethodGet && r.URL.Path == "/common/discovery/instance" {
		return s.discover(r)
	}
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var found func(*http.Request) answer
	switch {
	case r.Method == http.MethodGet && rest == "v2.0/.well-known/openid-configuration":
		found = func(*http.Request) answer { return s.openID() }
	case rest == "oauth2/v2.0/devicecode":
		found = s.handOutCode
	case rest == "oauth2/v2.0/token":
		found = s.issue
	default:
		return s.unmodelled(v)
	}
	switch {
	case !strings.EqualFold(tenant, s.config.TenantID):
		return s.unknownTenant(tenant)
	case strings.HasPrefix(rest, "oauth2/") && r.Method != http.MethodPost:
		return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS900561",
			"The endpoint only accepts POST, OPTIONS requests. Received a "+r.Method+" request.")
	case mislabelled(r):
		return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS9000410", "Malformed JSON.")
	}
	// A body that is no form has no parameters, so that the first one is missed.
	if err := r.ParseForm(); err != nil {
		r.PostForm = url.Values{}
	}
	return found(r)
}

// mislabelled tells a body that is called JSON and is none, and puts the body
// back. What Entra answers to it is known from people who met it; the documentation
// does not say. To JSON that is some it answers as to an empty form.
func mislabelled(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return false
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && !json.Valid(body)
}

// discover tells MSAL whether an authority is one, which is this server's alone. Source:
// what MSAL for Go v1.10.1 reads of the answer, and for the error
// github.com/AzureAD/microsoft-authentication-library-for-go/issues/438.
func (s *Server) discover(r *http.Request) answer {
	asked, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || asked.Scheme+"://"+asked.Host != s.AuthorityURL() {
		return s.entraError(http.StatusBadRequest, "invalid_instance", "AADSTS50049", "Unknown or invalid instance.")
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	return plainAnswer(http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": s.AuthorityURL() + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": asked.Host, "preferred_cache": asked.Host, "aliases": []string{asked.Host},
		}},
	})
}

func (s *Server) tokenEndpoint() string {
	return s.AuthorityURL() + "/" + s.config.TenantID + "/oauth2/v2.0/token"
}

func (s *Server) openID() answer {
	base := s.AuthorityURL() + "/" + s.config.TenantID
	return plainAnswer(http.StatusOK, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        s.tokenEndpoint(),
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"response_types_supported":              []string{"code", "id_token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"tenant_region_scope":                   "EU",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
	})
}

// issue is the token endpoint.
func (s *Server) issue(r *http.Request) answer {
	form := r.PostForm
	basic(r, form)
	if denied, ok := s.given(form, "grant_type", "client_id"); !ok {
		return denied
	}
	var grant func(url.Values) answer
	switch form.Get("grant_type") {
	case "client_credentials":
		grant = s.toApplication
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code": // MSAL sends the first
		grant = s.toDevice
	case "refresh_token":
		grant = s.refresh
	default:
		return s.entraError(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003",
			"The app requested an unsupported grant type.")
	}
	if denied, ok := s.knownApplication(form); !ok {
		return denied
	}
	return grant(form)
}

// basic puts who signs in by the Authorization header, each half encoded like a form,
// into the form. Source: "OAuth 2.0 client credentials flow", which names RFC 6749's
// way as another one.
func basic(r *http.Request, form url.Values) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return
	}
	for name, value := range map[string]string{"client_id": id, "client_secret": secret} {
		if decoded, err := url.QueryUnescape(value); err == nil && form.Get(name) == "" {
			form.Set(name, decoded)
		}
	}
}

// knownApplication refuses applications that cannot sign in here. A registered one can do
// so for itself only.
func (s *Server) knownApplication(form url.Values) (denied answer, ok bool) {
	if s.signsIn(form) != nil && form.Get("grant_type") == "client_credentials" {
		return answer{}, true
	}
	if !strings.EqualFold(form.Get("client_id"), s.config.ClientID) {
		return s.entraError(http.StatusBadRequest, "unauthorized_client", "AADSTS700016",
			"Application with identifier '"+form.Get("client_id")+"' was not found in the directory."), false
	}
	return answer{}, true
}

// toApplication is the client credentials grant.
func (s *Server) toApplication(form url.Values) answer {
	if denied, ok := s.given(form, "scope"); !ok {
		return denied
	}
	if denied, ok := s.ownScopes(form); !ok {
		return denied
	}
	secret, of := form.Get("client_secret"), s.signsIn(form)
	switch {
	case of != nil && s.holds(of, secret, s.config.Now()):
		return s.tokenAnswer(s.newToken(of, nil), nil)
	case form.Get("client_assertion") != "" && of == nil:
		if denied, ok := s.proven(form); !ok {
			return denied
		}
	case secret == "":
		return s.noProof()
	case of != nil, subtle.ConstantTimeCompare([]byte(secret), []byte(s.config.ClientSecret)) != 1:
		return s.entraError(http.StatusUnauthorized, "invalid_client", "AADSTS7000215",
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
				"not the client secret ID, for a secret added to app '"+form.Get("client_id")+"'.")
	}
	return s.tokenAnswer(s.newToken(nil, nil), nil)
}

func (s *Server) noProof() answer {
	return s.entraError(http.StatusUnauthorized, "invalid_client", "AADSTS7000218",
		"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
}

// ReadableTokens makes access tokens, from now on, JWTs that tell whose they are
// and what was granted when they were issued, as Entra's do without a promise.
// By default they are random text. Graph looks both up and reads neither.
func (s *Server) ReadableTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readable = true
}

// token is an access token that was issued.
type token struct {
	expires time.Time
	of      *registration // nil for the application of Config
}

// newToken makes an access token that Graph will know, for a registered application, for
// the one of Config where of is nil, or for a person who uses that.
func (s *Server) newToken(of *registration, person *User) string {
	value := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	expires := now.Add(s.config.TokenLifetime)
	if s.readable {
		claims := map[string]any{
			"aud": s.GraphURL(), "iss": s.AuthorityURL() + "/" + s.config.TenantID + "/", "tid": s.config.TenantID,
			"appid": s.config.ClientID, "app_displayname": s.config.AppDisplayName, "ver": "1.0",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(), "uti": value,
		}
		switch {
		case of != nil:
			claims["idtyp"], claims["oid"], claims["appid"], claims["app_displayname"] = "app", of.PrincipalID, of.AppID, of.DisplayName
			if len(of.Granted) > 0 {
				claims["roles"] = of.Granted
			}
		case person != nil:
			claims["idtyp"], claims["oid"], claims["scp"] = "user", person.ID, strings.Join(s.granted, " ")
			claims["upn"], claims["unique_name"], claims["name"] = person.UserPrincipalName, person.UserPrincipalName, person.DisplayName
		case len(s.granted) > 0:
			claims["idtyp"], claims["oid"], claims["roles"] = "app", ServicePrincipalID, s.granted
		default: // as Entra does, without the claim
			claims["idtyp"], claims["oid"] = "app", ServicePrincipalID
		}
		value = segment(map[string]any{"alg": "none", "typ": "JWT"}) + "." + segment(claims) + "." + segment(map[string]any{})
	}
	s.tokens[value] = token{expires, of}
	return value
}

// tokenAnswer gives out an access token, and more beside it.
func (s *Server) tokenAnswer(access string, more map[string]any) answer {
	seconds := int(s.config.TokenLifetime / time.Second)
	body := map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   access,
	}
	s.mu.Lock()
	if in := s.signers.refreshIn; in != nil {
		body["refresh_in"] = int(*in / time.Second)
	}
	s.mu.Unlock()
	maps.Copy(body, more)
	return plainAnswer(http.StatusOK, body)
}

func (s *Server) unknownTenant(tenant string) answer {
	return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS90002",
		"Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID.")
}

// entraError is shaped like Entra's: code is "AADSTS" and a number, or empty.
func (s *Server) entraError(status int, kind, code, message string) answer {
	now := s.config.Now().UTC()
	trace, correlation := newGUID(), newGUID()
	if code != "" {
		message = code + ": " + message
	}
	body := map[string]any{
		"error": kind,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s",
			message, trace, correlation, now.Format("2006-01-02 15:04:05Z")),
		"timestamp":      now.Format("2006-01-02 15:04:05Z"),
		"trace_id":       trace,
		"correlation_id": correlation,
	}
	var number int
	if _, err := fmt.Sscanf(code, "AADSTS%d", &number); err == nil {
		body["error_codes"] = []int{number}
		body["error_uri"] = fmt.Sprintf("%s/error?code=%d", s.AuthorityURL(), number)
	}
	return plainAnswer(status, body)
}
