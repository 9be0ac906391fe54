package graphtest

import (
	"net/http"
	"slices"
	"strings"
)

// The application permissions that an application has when Config.Roles is
// nil.
const (
	permissionRevoke = "User.RevokeSessions.All"
	permissionUsers  = "User.Read.All"
	permissionGroups = "GroupMember.Read.All"
	permissionRoles  = "RoleManagement.Read.Directory"
	permissionLogs   = "AuditLog.Read.All"
)

// Who may do what, by application permission. Source: Graph's permissions
// reference; each list holds the least privileged one and those above it.
var (
	mayReadUsers  = []string{permissionUsers, "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	mayReadGroups = []string{permissionGroups, "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All",
		"Directory.Read.All", "Directory.ReadWrite.All"}
	mayReadRoles = []string{permissionRoles, "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory",
		"Directory.Read.All", "Directory.ReadWrite.All"}
	maySeeSignIns = []string{permissionLogs}
)

// mayRevoke lists the permissions for one of the two actions.
func mayRevoke(operation string) []string {
	if operation == opRevokeSessions {
		return []string{permissionRevoke, "User.ReadWrite.All", "Directory.ReadWrite.All"}
	}
	return []string{permissionRevoke}
}

// Grant gives the application a permission. It counts at once, also for tokens
// that were issued before, where Entra would wait for a new one.
func (s *Server) Grant(permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.granted, permission) {
		s.granted = append(s.granted, permission)
	}
}

// Withdraw takes a permission away, at once like Grant.
func (s *Server) Withdraw(permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = slices.DeleteFunc(s.granted, func(has string) bool { return has == permission })
}

// may reports whether the application whose token it is has one of the permissions. It
// comes after authorize and wants s.mu held.
func (v *visit) may(anyOf []string) bool {
	granted := v.server.granted
	if v.of != nil {
		granted = v.of.Granted
	}
	return slices.ContainsFunc(anyOf, func(p string) bool { return slices.Contains(granted, p) })
}

// authorize checks the bearer token, and that the application has one
// permission of each list.
func (s *Server) authorize(r *http.Request, v *visit, lists ...[]string) (denied answer, ok bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	found, known := s.tokens[value]
	v.of = found.of
	allowed := !slices.ContainsFunc(lists, func(list []string) bool { return !v.may(list) })
	s.mu.Unlock()
	switch {
	case value == "" || !strings.EqualFold(scheme, "Bearer"):
		return s.unauthorized(v, "Access token is empty."), false
	case !known:
		return s.unauthorized(v, "IDX14100: JWT is not well formed, there are no dots (.)."), false
	case !s.config.Now().Before(found.expires):
		return s.unauthorized(v, "Lifetime validation failed, the token is expired."), false
	case !allowed:
		return s.graphError(v, http.StatusForbidden, "Authorization_RequestDenied",
			"Insufficient privileges to complete the operation."), false
	}
	return answer{}, true
}
