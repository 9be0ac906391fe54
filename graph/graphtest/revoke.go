package graphtest

import (
	"net/http"
	"slices"
)

// The two actions that end sessions.
const (
	opInvalidateTokens = "invalidateAllRefreshTokens"
	opRevokeSessions   = "revokeSignInSessions"
)

// Retire takes an action out of Graph, by its name, as if Microsoft had ended
// it. What Graph answers for a segment that it does not know is 400 with the
// code BadRequest and "Resource not found for the segment '…'.", before it
// looks at permissions or at the user; see for example
// github.com/microsoftgraph/microsoft-graph-docs/issues/4900. For the 404 that
// one might expect, inject a Fault with a code of its own.
func (s *Server) Retire(operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.retired, operation) {
		s.retired = append(s.retired, operation)
	}
}

// Restore undoes Retire.
func (s *Server) Restore(operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = slices.DeleteFunc(s.retired, func(has string) bool { return has == operation })
}

// revokePath answers a revoke.
func (s *Server) revokePath(r *http.Request, version string, at address, v *visit) answer {
	operation := v.post.Operation
	if denied, ok := s.authorize(r, v); !ok {
		return denied
	}
	s.mu.Lock()
	gone := slices.Contains(s.retired, operation) || version != "beta" && operation == opInvalidateTokens
	s.mu.Unlock()
	if gone {
		return s.noSegment(v, operation)
	}
	if denied, ok := s.authorize(r, v, mayRevoke(operation)); !ok {
		return denied
	}
	return s.post(version, at, v)
}

// post carries out a revoke.
func (s *Server) post(version string, at address, v *visit) answer {
	if at.set == "me" && at.rest == v.post.Operation {
		return s.graphError(v, http.StatusBadRequest, "BadRequest",
			"/me request is only valid with delegated authentication flow.")
	}
	if at.set != "users" && at.set != "me" {
		return s.unmodelled(v) // {tenant}/users, and who knows what
	}
	if denied, ok := s.usable(at, v); !ok {
		return denied
	}
	if at.set != "users" || at.form == noKey || at.rest != v.post.Operation {
		return s.badRequest(v, "Invalid object identifier '"+v.post.ObjectID+"'.")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.findAt(at)
	switch {
	case a == nil:
		return s.notFound(v, at.key)
	case a.user.IsManagementRestricted != nil && *a.user.IsManagementRestricted:
		return s.graphError(v, http.StatusForbidden, "Authorization_RequestDenied",
			"Insufficient privileges to complete the operation.")
	}
	v.post.Applied = s.revoke(a, v.post.Operation)
	if v.post.Operation == opInvalidateTokens {
		return answer{status: http.StatusNoContent}
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"@odata.context": s.GraphURL() + "/" + version + "/$metadata#Edm.Boolean",
		"value":          true,
	})
}
