package graphtest

import (
	"errors"
	"net/http"
	"slices"
	"time"
)

// graph answers what is below /beta or /v1.0.
func (s *Server) graph(r *http.Request, v *visit) answer {
	version, rest, _ := splitVersion(v.record.Path)
	at := parseAddress(rest)
	if r.Method == http.MethodPost && len(v.record.Query) > 0 {
		return s.unmodelled(v)
	}
	if v.post != nil {
		return s.revokePath(r, version, at, v)
	}
	what := r.Method + " " + at.set
	if at.form != noKey {
		what += "/*"
	}
	if at.rest != "" {
		what += "/" + at.rest
	}
	var found func() answer
	switch what {
	case "GET users", "GET users/*":
		found = func() answer { return s.accounts(r, version, at, v) }
	case "POST users/*/" + opCheckGroups:
		found = func() answer { return s.checkMemberGroups(r, version, at, v) }
	case "GET users/*/transitiveMemberOf":
		found = func() answer { return s.transitiveMemberOf(r, version, rest, at, v) }
	case "GET groups/*":
		found = func() answer { return s.group(r, version, at, v) }
	case "GET groups/*/transitiveMembers/" + namespace + "user":
		found = func() answer { return s.transitiveMembers(r, version, rest, at, v) }
	case "GET roleManagement/directory/roleDefinitions":
		found = func() answer { return s.roleDefinitions(r, version, rest, v) }
	case "GET roleManagement/directory/transitiveRoleAssignments":
		found = func() answer { return s.transitiveRoleAssignments(r, version, rest, v) }
	default:
		if found = s.registrations(what, r, version, rest, at, v); found == nil {
			return s.unmodelled(v)
		}
	}
	// Who asks comes before what is asked for.
	if denied, ok := s.authorize(r, v); !ok {
		return denied
	}
	if denied, ok := s.usable(at, v); !ok {
		return denied
	}
	return found()
}

// accounts answers what is asked of users.
func (s *Server) accounts(r *http.Request, version string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadUsers); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, userResource, version)
	if err != nil {
		return s.badQuery(v, err)
	}
	if slices.Contains(q.selected, signInActivity) {
		if denied, ok := s.maySeeSignIns(v); !ok {
			return denied
		}
	}
	if at.form == noKey {
		return s.list(version, q, v)
	}
	return s.get(version, at, q, v)
}

func (s *Server) unauthorized(v *visit, message string) answer {
	a := s.graphError(v, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.AuthorityURL()+
		`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
	return a
}

// get reads one user.
func (s *Server) get(version string, at address, q query, v *visit) answer {
	if q.filter != "" || q.top != 0 {
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest",
			"Query options $filter and $top do not apply to a single resource.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.findAt(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	body := properties(a.visible(s.config.Now()), q.selected)
	body["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#users" + q.context() + "/$entity"
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
	if errors.Is(err, errUnmodelled) {
		return s.unmodelled(v)
	}
	return s.graphError(v, http.StatusBadRequest, "BadRequest", err.Error())
}

// unmodelled answers what the double does not know, in a way that cannot be taken
// for Graph's, and notes it for Unknown. It must not be called with s.mu held.
func (s *Server) unmodelled(v *visit) answer {
	s.mu.Lock()
	s.unknown = append(s.unknown, v.record)
	s.mu.Unlock()
	what := v.record.Method + " " + v.record.Path
	if len(v.record.Query) > 0 {
		what += "?" + v.record.Query.Encode()
	}
	message := "graphtest, a test's double of Microsoft Entra and Microsoft Graph, does not model " + what +
		". The real service may well answer it. The package's documentation has a table of what is not modelled."
	if v.entra {
		return s.entraError(http.StatusNotImplemented, "graphtest_not_modelled", "", message)
	}
	return s.graphError(v, http.StatusNotImplemented, "graphtestNotModelled", message)
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
	all := userResource.with(map[string]any{
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
	})
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
