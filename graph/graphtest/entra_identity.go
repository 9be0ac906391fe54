package graphtest

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
)

// identityPath is where the machine's own identity gets its tokens.
const identityPath = "/msi/token"

// IdentityEndpoint is what App Service and Container Apps put into
// IDENTITY_ENDPOINT.
func (s *Server) IdentityEndpoint() string { return s.url + identityPath }

// IdentityHeader is what they put into IDENTITY_HEADER: without it the
// endpoint gives nothing.
func (s *Server) IdentityHeader() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signers.header == "" {
		s.signers.header = rand.Text()
	}
	return s.signers.header
}

// AssignIdentity gives the machine a user-assigned managed identity, by its
// client ID. The system-assigned one it has from the start. All of them have
// the application's permissions.
func (s *Server) AssignIdentity(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.identities = append(s.signers.identities, clientID)
}

// managedIdentity gives a token to the machine.
func (s *Server) managedIdentity(r *http.Request) answer {
	refuse := func(status int, message string) answer {
		return plainAnswer(status, map[string]any{"statusCode": status, "message": message})
	}
	query := r.URL.Query()
	resource, clientID := query.Get("resource"), query.Get("client_id")
	header := s.IdentityHeader()
	s.mu.Lock()
	assigned := clientID == "" || slices.Contains(s.signers.identities, clientID)
	s.mu.Unlock()
	switch {
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("X-IDENTITY-HEADER")), []byte(header)) != 1:
		return refuse(http.StatusUnauthorized, "The header X-IDENTITY-HEADER is missing or wrong.")
	case query.Get("api-version") != "2019-08-01":
		return refuse(http.StatusBadRequest, "The api-version is not supported.")
	case !s.isGraph(resource):
		return refuse(http.StatusBadRequest, "The resource is not known.")
	case !assigned:
		return refuse(http.StatusBadRequest, "No User Assigned or Delegated Managed Identity found for specified ClientId.")
	}
	return plainAnswer(http.StatusOK, map[string]any{
		"access_token": s.newToken(nil, nil),
		"expires_on":   strconv.FormatInt(s.config.Now().Add(s.config.TokenLifetime).Unix(), 10),
		"resource":     resource,
		"token_type":   "Bearer",
		"client_id":    clientID,
	})
}
