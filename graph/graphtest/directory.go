package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxCheck is how many groups checkMemberGroups takes. Source: Graph's
// "directoryObject: checkMemberGroups".
const maxCheck = 20

// defaultPage is how many Graph answers where $top says nothing.
const defaultPage = 100

// What can be asked about groups and roles.
var (
	groupResource = resource{
		name:     "microsoft.graph.group",
		known:    []string{"id", "displayName", "isAssignableToRole"},
		standard: []string{"id", "displayName"},
	}
	// memberOfResource is a list of several types: each object answers those of
	// the properties that its type has.
	memberOfResource = resource{
		name:     "microsoft.graph.directoryObject",
		known:    []string{"id", "displayName", "isAssignableToRole", "roleTemplateId"},
		standard: []string{"id", "displayName", "roleTemplateId"},
	}
	roleResource = resource{
		name:     "microsoft.graph.unifiedRoleDefinition",
		known:    []string{"id", "templateId", "displayName", "isBuiltIn", "isPrivileged"},
		standard: []string{"id", "templateId", "displayName", "isBuiltIn", "isPrivileged"},
	}
	assignmentResource = resource{
		name:     "microsoft.graph.unifiedRoleAssignment",
		known:    []string{"id", "principalId", "roleDefinitionId", "directoryScopeId"},
		standard: []string{"id", "principalId", "roleDefinitionId", "directoryScopeId"},
		counts:   true,
	}
)

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// checkMemberGroups answers which of the groups hold a user.
func (s *Server) checkMemberGroups(r *http.Request, version, escapedID string, v *visit) answer {
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
	a := s.findEscaped(escapedID)
	if a == nil {
		return s.notFound(v, escapedID)
	}
	held := []string{}
	for _, g := range s.groupsOf(a.user.ID) {
		if contains(body.GroupIDs, g.ID) {
			held = append(held, g.ID)
		}
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"@odata.context": s.url + "/" + version + "/$metadata#Collection(Edm.String)",
		"value":          held,
	})
}

// transitiveMemberOf lists the groups and the tenant-wide built-in roles of a
// user. What there is no permission to read has null for everything but its
// type and ID.
func (s *Server) transitiveMemberOf(r *http.Request, version, rest, escapedID string, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadUsers); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, memberOfResource)
	if err == nil && q.filter != "" {
		err = errFilter
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.findEscaped(escapedID)
	if a == nil {
		return s.notFound(v, escapedID)
	}
	var found []map[string]any
	groups := s.groupsOf(a.user.ID)
	slices.SortFunc(groups, func(x, y *Group) int { return slices.Index(s.groups, x) - slices.Index(s.groups, y) })
	for _, g := range groups {
		found = append(found, typed("#microsoft.graph.group", choose(g.properties(), q.selected, s.may(mayReadGroups))))
	}
	for _, role := range s.roles {
		if role.builtIn && slices.ContainsFunc(s.assignmentsOf(a.user.ID), func(a assignment) bool {
			return a.unit == "" && strings.EqualFold(a.role, role.ID)
		}) {
			found = append(found, typed("#microsoft.graph.directoryRole", choose(map[string]any{
				"id": role.objectID, "displayName": orNull(role.DisplayName), "roleTemplateId": role.ID,
			}, q.selected, s.may(mayReadRoles))))
		}
	}
	return s.page(v, version, rest, "directoryObjects", q, found, defaultPage)
}

// groupPath answers groups/{id} and groups/{id}/transitiveMembers/microsoft.graph.user.
func (s *Server) groupPath(r *http.Request, version, rest, deeper string, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadGroups); !ok {
		return denied
	}
	id, of, _ := strings.Cut(deeper, "/")
	if !guid.MatchString(id) {
		return s.badRequest(v, "Invalid object identifier '"+id+"'.")
	}
	switch of {
	case "":
		return s.group(version, id, v)
	case "transitiveMembers/microsoft.graph.user":
		return s.transitiveMembers(version, rest, id, v)
	default:
		return s.noSegment(v, of)
	}
}

func (s *Server) group(version, id string, v *visit) answer {
	q, err := parseQuery(v.record.Query, groupResource)
	if err == nil && (q.filter != "" || q.top != 0) {
		err = errors.New("query options $filter and $top do not apply to a single resource")
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(id)
	if g == nil {
		return s.notFound(v, id)
	}
	body := choose(g.properties(), q.selected, true)
	body["@odata.context"] = s.url + "/" + version + "/$metadata#groups" + q.context() + "/$entity"
	return jsonAnswer(http.StatusOK, body)
}

// transitiveMembers lists the users of a group. Without a permission to read
// users they have an ID and nothing else.
func (s *Server) transitiveMembers(version, rest, id string, v *visit) answer {
	q, err := parseQuery(v.record.Query, userResource)
	if err == nil && q.filter != "" {
		err = errFilter
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(id)
	if g == nil {
		return s.notFound(v, id)
	}
	var found []map[string]any
	for _, a := range s.usersIn(g) {
		all := properties(a.visible(s.config.Now()), q.selected)
		found = append(found, choose(all, q.selected, s.may(mayReadUsers)))
	}
	return s.page(v, version, rest, "users", q, found, defaultPage)
}

var byPrivilege = regexp.MustCompile(`^isPrivileged\s+eq\s+(true|false)$`)

// roleDefinitions lists roles. isPrivileged is known to beta alone.
func (s *Server) roleDefinitions(r *http.Request, version, rest string, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadRoles); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, roleResource)
	wanted := byPrivilege.FindStringSubmatch(q.filter)
	switch {
	case err != nil:
	case q.filter != "" && wanted == nil:
		err = errFilter
	case version != "beta" && (wanted != nil || slices.Contains(q.selected, "isPrivileged") && q.explicit):
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
			found = append(found, choose(map[string]any{
				"id": role.ID, "templateId": role.ID, "displayName": orNull(role.DisplayName),
				"isBuiltIn": role.builtIn, "isPrivileged": role.Privileged,
			}, q.selected, true))
		}
	}
	return s.page(v, version, rest, "roleManagement/directory/roleDefinitions", q, found, defaultPage)
}

var byPrincipal = regexp.MustCompile(`^principalId\s+eq\s+'([^']+)'$`)

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
	q, err := parseQuery(v.record.Query, assignmentResource)
	principal := byPrincipal.FindStringSubmatch(q.filter)
	switch {
	case err != nil:
	case !q.count:
		err = errors.New("$count=true is required for this request")
	case q.top != 0:
		err = errors.New("the query parameter '$top' is not supported")
	case principal == nil:
		err = errFilter
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
		found = append(found, choose(map[string]any{
			"id": a.id, "principalId": a.principal, "roleDefinitionId": a.role, "directoryScopeId": scope,
		}, q.selected, true))
	}
	return s.page(v, version, rest, "roleManagement/directory/transitiveRoleAssignments", q, found, defaultPage)
}

// findEscaped finds a user by what stands in the path. It wants s.mu held.
func (s *Server) findEscaped(escapedID string) *account {
	id, err := url.PathUnescape(escapedID)
	if err != nil {
		return nil
	}
	return s.find(id)
}

func (s *Server) badRequest(v *visit, message string) answer {
	return s.graphError(v, http.StatusBadRequest, "Request_BadRequest", message)
}

func (g *Group) properties() map[string]any {
	all := map[string]any{"id": g.ID, "displayName": orNull(g.DisplayName), "isAssignableToRole": nil}
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
