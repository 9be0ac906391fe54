package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The two actions that end sessions.
const (
	opInvalidateTokens = "invalidateAllRefreshTokens"
	opRevokeSessions   = "revokeSignInSessions"
)

// The permissions that Config.Roles has when it is nil.
const (
	roleRevoke = "User.RevokeSessions.All"
	roleRead   = "User.Read.All"
)

// Who may do what, by application permission. Source: Graph's permissions
// reference; each list holds the least privileged one and those above it.
var (
	rolesForRead       = []string{roleRead, "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	rolesForInvalidate = []string{roleRevoke}
	rolesForRevoke     = []string{roleRevoke, "User.ReadWrite.All", "Directory.ReadWrite.All"}
)

// graph answers what is below /beta or /v1.0.
func (s *Server) graph(r *http.Request, v *visit) answer {
	version, rest, _ := splitVersion(v.record.Path)
	isUsers := rest == "users" || strings.HasPrefix(rest, "users/")
	switch {
	case v.post != nil:
		if denied, ok := s.authorize(r, v, rolesFor(v.post.Operation)); !ok {
			return denied
		}
		return s.post(version, rest, v)
	case r.Method == http.MethodGet && isUsers:
		if denied, ok := s.authorize(r, v, rolesForRead); !ok {
			return denied
		}
		query, err := parseQuery(v.record.Query)
		if err != nil {
			return s.graphError(v, http.StatusBadRequest, "BadRequest", err.Error())
		}
		if rest == "users" {
			return s.list(version, query, v)
		}
		return s.get(version, strings.TrimPrefix(rest, "users/"), query, v)
	default:
		return s.graphError(v, http.StatusBadRequest, "BadRequest",
			"Resource not found for the segment '"+rest+"'.")
	}
}

func rolesFor(operation string) []string {
	if operation == opRevokeSessions {
		return rolesForRevoke
	}
	return rolesForInvalidate
}

// authorize checks the bearer token and that it carries one of the roles.
func (s *Server) authorize(r *http.Request, v *visit, roles []string) (denied answer, ok bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	t, known := s.tokens[value]
	s.mu.Unlock()
	switch {
	case value == "" || !strings.EqualFold(scheme, "Bearer"):
		return s.unauthorized(v, "Access token is empty."), false
	case !known:
		return s.unauthorized(v, "IDX14100: JWT is not well formed, there are no dots (.)."), false
	case !s.config.Now().Before(t.expires):
		return s.unauthorized(v, "Lifetime validation failed, the token is expired."), false
	case !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(t.roles, role) }):
		return s.graphError(v, http.StatusForbidden, "Authorization_RequestDenied",
			"Insufficient privileges to complete the operation."), false
	}
	return answer{}, true
}

func (s *Server) unauthorized(v *visit, message string) answer {
	a := s.graphError(v, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.url+
		`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
	return a
}

// post carries out a revoke.
func (s *Server) post(version, rest string, v *visit) answer {
	id := v.post.ObjectID
	switch {
	case rest == "me/"+v.post.Operation:
		return s.graphError(v, http.StatusBadRequest, "BadRequest",
			"/me request is only valid with delegated authentication flow.")
	case !strings.HasPrefix(rest, "users/") || id == "" || id == "." || id == ".." || strings.Contains(id, "/"):
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest",
			"Invalid object identifier '"+id+"'.")
	case version != "beta" && v.post.Operation == opInvalidateTokens:
		return s.graphError(v, http.StatusBadRequest, "BadRequest",
			"Resource not found for the segment '"+opInvalidateTokens+"'.")
	}

	s.mu.Lock()
	a := s.find(id)
	if a != nil {
		v.post.Applied = s.revoke(a, v.post.Operation)
	}
	s.mu.Unlock()
	if a == nil {
		return s.notFound(v, id)
	}
	if v.post.Operation == opInvalidateTokens {
		return answer{status: http.StatusNoContent}
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"@odata.context": s.url + "/" + version + "/$metadata#Edm.Boolean",
		"value":          true,
	})
}

// get reads one user.
func (s *Server) get(version, escapedID string, q query, v *visit) answer {
	id, err := url.PathUnescape(escapedID)
	if err != nil || id == "" || strings.Contains(id, "/") {
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest", "Invalid object identifier '"+escapedID+"'.")
	}
	if q.filter != nil || q.top != 0 {
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest",
			"Query options $filter and $top do not apply to a single resource.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.find(id)
	if a == nil {
		return s.notFound(v, id)
	}
	body := properties(a.visible(s.config.Now()), q.selected)
	body["@odata.context"] = s.url + "/" + version + "/$metadata#users" + q.context() + "/$entity"
	return jsonAnswer(http.StatusOK, body)
}

// list reads the users that a filter leaves, page by page.
func (s *Server) list(version string, q query, v *visit) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	var found []map[string]any
	for _, a := range s.users {
		user := a.visible(now)
		if q.filter == nil || q.filter(user) {
			found = append(found, properties(user, q.selected))
		}
	}
	size := q.top
	if size == 0 {
		size = 100 // Graph's default page of users
	}
	start := min(q.skip, len(found))
	end := min(start+size, len(found))
	body := map[string]any{
		"@odata.context": s.url + "/" + version + "/$metadata#users" + q.context(),
		"value":          append([]map[string]any{}, found[start:end]...),
	}
	if end < len(found) {
		next := url.Values{}
		for name, values := range v.record.Query {
			next[name] = values
		}
		next.Set("$skiptoken", strconv.Itoa(end))
		body["@odata.nextLink"] = s.url + "/" + version + "/users?" + next.Encode()
	}
	return jsonAnswer(http.StatusOK, body)
}

func (s *Server) notFound(v *visit, id string) answer {
	return s.graphError(v, http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// graphError is shaped like Graph's.
func (s *Server) graphError(v *visit, status int, code, message string) answer {
	a := jsonAnswer(status, map[string]any{"error": map[string]any{
		"code":    code,
		"message": message,
		"innerError": map[string]any{
			"date":              s.config.Now().UTC().Format("2006-01-02T15:04:05"),
			"request-id":        v.record.RequestID,
			"client-request-id": v.record.ClientRequestID,
		},
	}})
	return a
}

// properties is a user as JSON, restricted to what was selected.
func properties(u User, selected []string) map[string]any {
	all := map[string]any{
		"id":                              u.ID,
		"displayName":                     orNull(u.DisplayName),
		"userPrincipalName":               orNull(u.UserPrincipalName),
		"mail":                            orNull(u.Mail),
		"proxyAddresses":                  append([]string{}, u.ProxyAddresses...),
		"userType":                        orNull(u.UserType),
		"externalUserState":               orNull(u.ExternalUserState),
		"accountEnabled":                  u.AccountEnabled,
		"onPremisesSyncEnabled":           u.OnPremisesSyncEnabled,
		"refreshTokensValidFromDateTime":  stampOrNull(u.RefreshTokensValidFrom),
		"signInSessionsValidFromDateTime": stampOrNull(u.SignInSessionsValidFrom),
	}
	body := map[string]any{}
	for _, name := range selected {
		switch {
		case slices.Contains(u.Missing, name):
		case slices.Contains(u.Null, name):
			body[name] = nil
		default:
			body[name] = all[name]
		}
	}
	return body
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
