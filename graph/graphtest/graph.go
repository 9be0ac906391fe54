package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// graph answers what is below /beta or /v1.0.
func (s *Server) graph(r *http.Request, v *visit) answer {
	version, rest, _ := splitVersion(v.record.Path)
	first, deeper, _ := strings.Cut(rest, "/")
	last := rest[strings.LastIndex(rest, "/")+1:]
	switch {
	case v.post != nil:
		return s.revokePath(r, version, rest, v)
	case r.Method == http.MethodPost && first == "users" && last == "checkMemberGroups":
		return s.checkMemberGroups(r, version, strings.TrimSuffix(deeper, "/"+last), v)
	case r.Method == http.MethodGet && first == "users" && last == "transitiveMemberOf":
		return s.transitiveMemberOf(r, version, rest, strings.TrimSuffix(deeper, "/"+last), v)
	case r.Method == http.MethodGet && first == "users":
		return s.accounts(r, version, deeper, rest == "users", v)
	case r.Method == http.MethodGet && first == "groups" && deeper != "":
		return s.groupPath(r, version, rest, deeper, v)
	case r.Method == http.MethodGet && rest == "roleManagement/directory/roleDefinitions":
		return s.roleDefinitions(r, version, rest, v)
	case r.Method == http.MethodGet && rest == "roleManagement/directory/transitiveRoleAssignments":
		return s.transitiveRoleAssignments(r, version, rest, v)
	default:
		return s.noSegment(v, rest)
	}
}

// accounts answers what is asked of users.
func (s *Server) accounts(r *http.Request, version, escapedID string, all bool, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadUsers); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, userResource)
	if err != nil {
		return s.badQuery(v, err)
	}
	if slices.Contains(q.selected, signInActivity) {
		if denied, ok := s.maySeeSignIns(v); !ok {
			return denied
		}
	}
	if all {
		return s.list(version, q, v)
	}
	return s.get(version, escapedID, q, v)
}

func (s *Server) unauthorized(v *visit, message string) answer {
	a := s.graphError(v, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.url+
		`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
	return a
}

// get reads one user.
func (s *Server) get(version, escapedID string, q query, v *visit) answer {
	id, err := url.PathUnescape(escapedID)
	if err != nil || id == "" || strings.Contains(id, "/") {
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest", "Invalid object identifier '"+escapedID+"'.")
	}
	if q.filter != "" || q.top != 0 {
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
	wanted, err := userFilter(q.filter)
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	var found []map[string]any
	for _, a := range s.users {
		if user := a.visible(now); wanted(user) {
			found = append(found, properties(user, q.selected))
		}
	}
	return s.page(v, version, "users", "users", q, found, defaultPage)
}

func (s *Server) badQuery(v *visit, err error) answer {
	return s.graphError(v, http.StatusBadRequest, "BadRequest", err.Error())
}

func (s *Server) noSegment(v *visit, rest string) answer {
	return s.graphError(v, http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+rest+"'.")
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
		"isManagementRestricted":          u.IsManagementRestricted,
		signInActivity:                    u.signInActivity(),
	}
	body := map[string]any{}
	for _, name := range selected {
		switch {
		case slices.Contains(u.Missing, name), name == signInActivity && all[name] == nil:
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
