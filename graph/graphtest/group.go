package graphtest

import (
	"slices"
	"strings"
)

// Group is a group of the directory.
type Group struct {
	// ID is the object ID, a GUID. AddGroup makes one when it is empty.
	ID          string
	DisplayName string
	// AssignableToRole says that Entra roles may be assigned to the group. For
	// others Graph answers null, not false, and so does the double.
	AssignableToRole bool
	// Members are the object IDs of users and groups. Groups may hold one
	// another in a circle. An ID that nobody has stands for an object of
	// another kind, a device for example.
	Members []string
}

func (g Group) clone() Group {
	g.Members = slices.Clone(g.Members)
	return g
}

// AddGroup puts a group into the directory and returns it with its ID. An ID
// that exists already is replaced.
func (s *Server) AddGroup(group Group) Group {
	group = group.clone()
	if group.ID == "" {
		group.ID = newGUID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = slices.DeleteFunc(s.groups, func(g *Group) bool { return strings.EqualFold(g.ID, group.ID) })
	s.groups = append(s.groups, &group)
	return group.clone()
}

// Group is a group as it is, by object ID.
func (s *Server) Group(id string) (Group, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.findGroup(id); g != nil {
		return g.clone(), true
	}
	return Group{}, false
}

// RemoveGroup deletes a group and reports whether it was there. Other groups
// keep its ID among their members, where it means nothing any more.
func (s *Server) RemoveGroup(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.groups)
	s.groups = slices.DeleteFunc(s.groups, func(g *Group) bool { return strings.EqualFold(g.ID, id) })
	return len(s.groups) < before
}

// SetMembers replaces the members of a group and reports whether there is such
// a group.
func (s *Server) SetMembers(group string, members ...string) bool {
	return s.changeMembers(group, func([]string) []string { return slices.Clone(members) })
}

// AddMember puts a user or a group into a group and reports whether there is
// such a group.
func (s *Server) AddMember(group, member string) bool {
	return s.changeMembers(group, func(members []string) []string { return append(members, member) })
}

// RemoveMember takes a direct member out of a group and reports whether there
// is such a group.
func (s *Server) RemoveMember(group, member string) bool {
	return s.changeMembers(group, func(members []string) []string {
		return slices.DeleteFunc(members, func(m string) bool { return strings.EqualFold(m, member) })
	})
}

func (s *Server) changeMembers(group string, change func([]string) []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(group)
	if g == nil {
		return false
	}
	g.Members = change(g.Members)
	return true
}

// findGroup wants s.mu held.
func (s *Server) findGroup(id string) *Group {
	for _, g := range s.groups {
		if strings.EqualFold(g.ID, id) {
			return g
		}
	}
	return nil
}

// groupsOf are the groups that hold an object, directly or through others. It
// wants s.mu held.
func (s *Server) groupsOf(id string) []*Group {
	held := []string{id}
	var found []*Group
	for grown := true; grown; {
		grown = false
		for _, g := range s.groups {
			if !slices.Contains(found, g) && slices.ContainsFunc(g.Members, func(m string) bool { return contains(held, m) }) {
				found, held, grown = append(found, g), append(held, g.ID), true
			}
		}
	}
	return found
}

// usersIn are the accounts that a group holds, directly or through others, in
// the order in which they came into the directory. It wants s.mu held.
func (s *Server) usersIn(group *Group) []*account {
	var found []*account
	for _, a := range s.users {
		if slices.Contains(s.groupsOf(a.user.ID), group) {
			found = append(found, a)
		}
	}
	return found
}

func contains(ids []string, id string) bool {
	return slices.ContainsFunc(ids, func(other string) bool { return strings.EqualFold(other, id) })
}
