package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// maxCheck is how many groups checkMemberGroups takes. Source: Graph's
// "directoryObject: checkMemberGroups".
const maxCheck = 20

// defaultPage is how many Graph answers where $top says nothing.
const defaultPage = 100

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// checkMemberGroups answers which of the groups hold a user.
func (s *Server) checkMemberGroups(r *http.Request, version string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadUsers, mayReadGroups); !ok {
		return denied
	}
	var body struct {
		GroupIDs []string `json:"groupIds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.GroupIDs == nil {
		return s.badRequest(v, "Required payload parameter 'groupIds' is missing or cannot be read.")
	}
	if len(body.GroupIDs) > maxCheck {
		return s.badRequest(v, fmt.Sprintf("The number of group IDs exceeds the limit of %d.", maxCheck))
	}
	for _, id := range body.GroupIDs {
		if !guid.MatchString(id) {
			return s.badRequest(v, "Invalid GUID: '"+id+"'.")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.findAt(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	held := []string{}
	for _, g := range s.groupsOf(a.user.ID) {
		if contains(body.GroupIDs, g.ID) {
			held = append(held, g.ID)
		}
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"@odata.context": s.GraphURL() + "/" + version + "/$metadata#Collection(Edm.String)",
		"value":          held,
	})
}

// transitiveMemberOf lists the groups and the tenant-wide built-in roles of a
// user. What there is no permission to read has null for everything but its
// type and ID.
func (s *Server) transitiveMemberOf(r *http.Request, version, rest string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadUsers); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, memberOfResource, version)
	if err == nil && q.filter != "" {
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.findAt(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	var found []map[string]any
	groups := s.groupsOf(a.user.ID)
	slices.SortFunc(groups, func(x, y *Group) int { return slices.Index(s.groups, x) - slices.Index(s.groups, y) })
	for _, g := range groups {
		found = append(found, typed("#microsoft.graph.group", choose(g.properties(), q.selected, v.may(mayReadGroups))))
	}
	for _, role := range s.roles {
		if role.builtIn && slices.ContainsFunc(s.assignmentsOf(a.user.ID), func(a assignment) bool {
			return a.unit == "" && strings.EqualFold(a.role, role.ID)
		}) {
			found = append(found, typed("#microsoft.graph.directoryRole", choose(directoryRoleResource.with(map[string]any{
				"id": role.objectID, "displayName": orNull(role.DisplayName), "roleTemplateId": role.ID,
			}), q.selected, v.may(mayReadRoles))))
		}
	}
	return s.page(v, version, rest, "directoryObjects", q, found, defaultPage)
}

// mayAskOf refuses who may not read groups, and a key that is no group's.
func (s *Server) mayAskOf(r *http.Request, at address, v *visit) (denied answer, ok bool) {
	if denied, ok := s.authorize(r, v, mayReadGroups); !ok {
		return denied, false
	}
	if !guid.MatchString(at.key) {
		return s.badRequest(v, "Invalid object identifier '"+at.key+"'."), false
	}
	return answer{}, true
}

// group reads one group.
func (s *Server) group(r *http.Request, version string, at address, v *visit) answer {
	if denied, ok := s.mayAskOf(r, at, v); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, groupResource, version)
	if err == nil && (q.filter != "" || q.top != 0) {
		err = errors.New("query options $filter and $top do not apply to a single resource")
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(at.key)
	if g == nil {
		return s.notFound(v, at.key)
	}
	body := choose(g.properties(), q.selected, true)
	body["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#groups" + q.context() + "/$entity"
	return jsonAnswer(http.StatusOK, body)
}

// transitiveMembers lists the users of a group. Without a permission to read
// users they have an ID and nothing else.
func (s *Server) transitiveMembers(r *http.Request, version, rest string, at address, v *visit) answer {
	if denied, ok := s.mayAskOf(r, at, v); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, userResource, version)
	if err == nil && q.filter != "" {
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(at.key)
	if g == nil {
		return s.notFound(v, at.key)
	}
	var found []map[string]any
	for _, a := range s.usersIn(g) {
		all := properties(a.visible(s.config.Now()), q.selected)
		found = append(found, choose(all, q.selected, v.may(mayReadUsers)))
	}
	return s.page(v, version, rest, "users", q, found, defaultPage)
}

var byPrivilege = regexp.MustCompile(`^(?i:isPrivileged)\s+eq\s+(true|false)$`)

// roleDefinitions lists roles. isPrivileged is known to beta alone.
func (s *Server) roleDefinitions(r *http.Request, version, rest string, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadRoles); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, roleResource, version)
	wanted := byPrivilege.FindStringSubmatch(q.filter)
	switch {
	case err != nil:
	case q.filter != "" && wanted == nil:
		err = errUnmodelled
	case version != "beta" && wanted != nil:
		err = fmt.Errorf("could not find a property named 'isPrivileged' on type '%s'", roleResource.name)
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, role := range s.roles {
		if wanted == nil || role.Privileged == (wanted[1] == "true") {
			found = append(found, choose(roleResource.with(map[string]any{
				"id": role.ID, "templateId": role.ID, "displayName": orNull(role.DisplayName),
				"isBuiltIn": role.builtIn, "isPrivileged": role.Privileged,
			}), q.selected, true))
		}
	}
	return s.page(v, version, rest, "roleManagement/directory/roleDefinitions", q, found, defaultPage)
}

var byPrincipal = regexp.MustCompile(`^(?i:principalId)\s+eq\s+'([^']+)'$`)

// transitiveRoleAssignments lists the assignments of a principal and of the
// groups that hold it. It exists in beta only, is not found without the header
// ConsistencyLevel: eventual, and takes neither $top nor any other filter.
func (s *Server) transitiveRoleAssignments(r *http.Request, version, rest string, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadRoles); !ok {
		return denied
	}
	if version != "beta" {
		return s.noSegment(v, "transitiveRoleAssignments")
	}
	if !strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual") {
		return s.notFound(v, "transitiveRoleAssignments")
	}
	q, err := parseQuery(v.record.Query, assignmentResource, version)
	principal := byPrincipal.FindStringSubmatch(q.filter)
	switch {
	case err != nil:
	case !q.count:
		err = errors.New("$count=true is required for this request")
	case q.top != 0:
		err = errors.New("the query parameter '$top' is not supported")
	case q.filter == "":
		err = errFilter
	case principal == nil:
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, a := range s.assignmentsOf(principal[1]) {
		scope := "/"
		if a.unit != "" {
			scope = "/administrativeUnits/" + a.unit
		}
		found = append(found, choose(assignmentResource.with(map[string]any{
			"id": a.id, "principalId": a.principal, "roleDefinitionId": a.role, "directoryScopeId": scope,
		}), q.selected, true))
	}
	return s.page(v, version, rest, "roleManagement/directory/transitiveRoleAssignments", q, found, defaultPage)
}

func (s *Server) badRequest(v *visit, message string) answer {
	return s.graphError(v, http.StatusBadRequest, "Request_BadRequest", message)
}

func (g *Group) properties() map[string]any {
	all := groupResource.blank()
	all["id"], all["displayName"] = g.ID, orNull(g.DisplayName)
	if g.AssignableToRole {
		all["isAssignableToRole"] = true
	}
	return all
}

// choose is what was selected of an object; all but the ID is null for who may
// not read it.
func choose(all map[string]any, selected []string, readable bool) map[string]any {
	body := map[string]any{}
	for _, name := range selected {
		value, has := all[name]
		switch {
		case !has:
		case readable || name == "id":
			body[name] = value
		default:
			body[name] = nil
		}
	}
	return body
}

func typed(name string, body map[string]any) map[string]any {
	body["@odata.type"] = name
	return body
}
