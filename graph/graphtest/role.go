package graphtest

import (
	"slices"
	"strings"
)

// The template IDs of the built-in roles that the double knows from the start.
// All but the last two are privileged. Source:
// learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference.
const (
	GlobalAdministrator                   = "62e90394-69f5-4237-9190-012177145e10"
	PrivilegedRoleAdministrator           = "e8611ab8-c189-46e8-94e1-60213ab1f814"
	PrivilegedAuthenticationAdministrator = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
	UserAdministrator                     = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	HelpdeskAdministrator                 = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	DirectoryReaders                      = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
	ReportsReader                         = "4a5d8f65-41da-4de4-8968-e035b65339cf"
)

// Role is the definition of a custom role.
type Role struct {
	// ID is made by AddRole when it is empty.
	ID          string
	DisplayName string
	// Privileged is isPrivileged: the role holds a permission that Microsoft
	// calls privileged.
	Privileged bool
}

// role is a definition as the directory has it.
type role struct {
	Role
	builtIn bool
	// objectID is that of the directoryRole in memberships, which custom roles
	// do not have.
	objectID string
}

func builtIn() []*role {
	var roles []*role
	for _, r := range []Role{
		{GlobalAdministrator, "Global Administrator", true},
		{PrivilegedRoleAdministrator, "Privileged Role Administrator", true},
		{PrivilegedAuthenticationAdministrator, "Privileged Authentication Administrator", true},
		{UserAdministrator, "User Administrator", true},
		{HelpdeskAdministrator, "Helpdesk Administrator", true},
		{DirectoryReaders, "Directory Readers", false},
		{ReportsReader, "Reports Reader", false},
	} {
		roles = append(roles, &role{Role: r, builtIn: true, objectID: newGUID()})
	}
	return roles
}

// assignment gives a role to a user or a group.
type assignment struct {
	id              string
	principal, role string
	// unit is an administrative unit, empty for the whole tenant.
	unit string
}

func (a assignment) is(principal, role, unit string) bool {
	return strings.EqualFold(a.principal, principal) && strings.EqualFold(a.role, role) && strings.EqualFold(a.unit, unit)
}

// AddRole defines a custom role and returns it with its ID. An ID that exists
// already is replaced.
func (s *Server) AddRole(custom Role) Role {
	if custom.ID == "" {
		custom.ID = newGUID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles = slices.DeleteFunc(s.roles, func(r *role) bool { return strings.EqualFold(r.ID, custom.ID) })
	s.roles = append(s.roles, &role{Role: custom})
	return custom
}

// AssignRole gives a role to a user, a group or the application by their object
// IDs, within an administrative unit, or in the whole tenant when unit is empty.
// It reports whether Entra would have allowed it: the role exists, and the
// principal is a user, a group that is AssignableToRole, or ServicePrincipalID.
func (s *Server) AssignRole(principal, role, unit string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	group := s.findGroup(principal)
	isUser := strings.EqualFold(principal, ServicePrincipalID) || slices.ContainsFunc(s.users, func(a *account) bool { return strings.EqualFold(a.user.ID, principal) })
	if s.findRole(role) == nil || !isUser && (group == nil || !group.AssignableToRole) {
		return false
	}
	if !slices.ContainsFunc(s.grants, func(a assignment) bool { return a.is(principal, role, unit) }) {
		s.grants = append(s.grants, assignment{id: newGUID(), principal: principal, role: role, unit: unit})
	}
	return true
}

// UnassignRole takes away what AssignRole gave and reports whether it was
// there.
func (s *Server) UnassignRole(principal, role, unit string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.grants)
	s.grants = slices.DeleteFunc(s.grants, func(a assignment) bool { return a.is(principal, role, unit) })
	return len(s.grants) < before
}

// findRole wants s.mu held.
func (s *Server) findRole(id string) *role {
	for _, r := range s.roles {
		if strings.EqualFold(r.ID, id) {
			return r
		}
	}
	return nil
}

// assignmentsOf are those of a principal and of the groups that hold it. It
// wants s.mu held.
func (s *Server) assignmentsOf(principal string) []assignment {
	holders := []string{principal}
	for _, g := range s.groupsOf(principal) {
		holders = append(holders, g.ID)
	}
	var found []assignment
	for _, a := range s.grants {
		if contains(holders, a.principal) {
			found = append(found, a)
		}
	}
	return found
}
