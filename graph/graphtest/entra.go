package graphtest

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ExpireTokens makes every token that was issued so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for value := range s.tokens {
		s.tokens[value] = time.Time{}
	}
}

// entra answers what is not below a Graph version.
func (s *Server) entra(r *http.Request) answer {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && rest == "v2.0/.well-known/openid-configuration":
		if !strings.EqualFold(tenant, s.config.TenantID) {
			return s.unknownTenant(tenant)
		}
		return s.openID()
	case r.Method == http.MethodPost && rest == "oauth2/v2.0/token":
		if !strings.EqualFold(tenant, s.config.TenantID) {
			return s.unknownTenant(tenant)
		}
		return s.issue(r)
	default:
		return answer{status: http.StatusNotFound}
	}
}

func (s *Server) openID() answer {
	base := s.url + "/" + s.config.TenantID
	return jsonAnswer(http.StatusOK, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"response_types_supported":              []string{"code", "id_token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"tenant_region_scope":                   "EU",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
	})
}

// issue is the client credentials grant.
func (s *Server) issue(r *http.Request) answer {
	if err := r.ParseForm(); err != nil {
		return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS900144", "The request body could not be read.")
	}
	form := r.PostForm
	secret := form.Get("client_secret")
	switch {
	case form.Get("grant_type") != "client_credentials":
		return s.entraError(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003",
			"The app requested an unsupported grant type.")
	case !strings.EqualFold(form.Get("client_id"), s.config.ClientID):
		return s.entraError(http.StatusBadRequest, "unauthorized_client", "AADSTS700016",
			"Application with identifier '"+form.Get("client_id")+"' was not found in the directory.")
	case secret == "":
		return s.entraError(http.StatusUnauthorized, "invalid_client", "AADSTS7000218",
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(s.config.ClientSecret)) != 1:
		return s.entraError(http.StatusUnauthorized, "invalid_client", "AADSTS7000215",
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
				"not the client secret ID, for a secret added to app '"+s.config.ClientID+"'.")
	case !s.knownScope(form):
		return s.entraError(http.StatusBadRequest, "invalid_resource", "AADSTS500011",
			"The resource principal was not found in the tenant.")
	}

	value := rand.Text() + rand.Text()
	s.mu.Lock()
	s.tokens[value] = s.config.Now().Add(s.config.TokenLifetime)
	s.mu.Unlock()
	seconds := int(s.config.TokenLifetime / time.Second)
	return jsonAnswer(http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   value,
	})
}

// knownScope wants Graph's own scope, under its public name or this server's,
// among those that MSAL adds.
func (s *Server) knownScope(form url.Values) bool {
	for _, scope := range strings.Fields(form.Get("scope")) {
		if scope == s.url+"/.default" || scope == "https://graph.microsoft.com/.default" {
			return true
		}
	}
	return false
}

func (s *Server) unknownTenant(tenant string) answer {
	return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS90002",
		"Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID.")
}

// entraError is shaped like Entra's: code is "AADSTS" and a number.
func (s *Server) entraError(status int, kind, code, message string) answer {
	now := s.config.Now().UTC()
	trace, correlation := newGUID(), newGUID()
	body := map[string]any{
		"error": kind,
		"error_description": fmt.Sprintf("%s: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			code, message, trace, correlation, now.Format("2006-01-02 15:04:05Z")),
		"timestamp":      now.Format("2006-01-02 15:04:05Z"),
		"trace_id":       trace,
		"correlation_id": correlation,
	}
	var number int
	if _, err := fmt.Sscanf(code, "AADSTS%d", &number); err == nil {
		body["error_codes"] = []int{number}
		body["error_uri"] = fmt.Sprintf("%s/error?code=%d", s.url, number)
	}
	return jsonAnswer(status, body)
}
