package graphtest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

const (
	carolID = "5f0c2f0e-6a53-4b0e-8d3c-0d9c0a1b2c3d"
	nobody  = "00000000-0000-4000-8000-000000000000"
	unit    = "a0000000-0000-4000-8000-00000000000a"
)

// send is do with a body and further headers.
func (s *session) send(method, target, body string, header http.Header) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL()+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, response)
}

// list is the value of an answer, as JSON.
func list(t *testing.T, r reply) []any {
	t.Helper()
	found, ok := r.json(t)["value"].([]any)
	if r.status != http.StatusOK || !ok {
		t.Fatalf("%d %s: no list", r.status, r.body)
	}
	return found
}

// parsed reads a JSON list for comparing.
func parsed(t *testing.T, text string) []any {
	t.Helper()
	var want []any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// nest makes three groups in a circle, with Carol in the innermost, and one
// without her.
func nest(s *session) (outer, middle, inner, other graphtest.Group) {
	s.AddUser(graphtest.User{ID: carolID, DisplayName: "Carol", UserPrincipalName: "carol@contoso.example"})
	id := func(n string) string { return "b0000000-0000-4000-8000-00000000000" + n }
	outer = s.AddGroup(graphtest.Group{ID: id("1"), DisplayName: "outer", Members: []string{id("2")}})
	middle = s.AddGroup(graphtest.Group{ID: id("2"), DisplayName: "middle", Members: []string{strings.ToUpper(id("3"))}})
	inner = s.AddGroup(graphtest.Group{ID: id("3"), DisplayName: "inner", AssignableToRole: true, Members: []string{id("1"), carolID}})
	other = s.AddGroup(graphtest.Group{ID: id("4"), DisplayName: "other", Members: []string{nobody}})
	return outer, middle, inner, other
}

func TestCheckMemberGroups(t *testing.T) {
	s := start(t)
	outer, _, inner, other := nest(s)
	check := func(ids ...string) reply {
		body, _ := json.Marshal(map[string]any{"groupIds": ids})
		return s.send(http.MethodPost, "/beta/users/"+carolID+"/checkMemberGroups", string(body), nil)
	}
	want := []any{inner.ID, outer.ID}
	if diff := cmp.Diff(want, list(t, check(outer.ID, strings.ToUpper(inner.ID), other.ID, nobody))); diff != "" {
		t.Error(diff)
	}
	if got := list(t, check(other.ID)); len(got) != 0 {
		t.Errorf("%v", got)
	}
	twenty := make([]string, 20)
	for i := range twenty {
		twenty[i] = nobody
	}
	if r := check(twenty...); r.status != http.StatusOK {
		t.Errorf("20: %d %s", r.status, r.body)
	}
	for name, r := range map[string]reply{
		"21":      check(append(twenty, nobody)...),
		"no GUID": check("approvers"),
		"no body": s.send(http.MethodPost, "/beta/users/"+carolID+"/checkMemberGroups", "", nil),
		"no list": s.send(http.MethodPost, "/beta/users/"+carolID+"/checkMemberGroups", "{}", nil),
	} {
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := s.send(http.MethodPost, "/beta/users/"+nobody+"/checkMemberGroups", `{"groupIds":[]}`, nil); r.status != http.StatusNotFound {
		t.Errorf("nobody: %d", r.status)
	}
	if n := len(s.Posts()); n != 0 {
		t.Errorf("%d asked questions are recorded as revokes", n)
	}
}

func TestMembershipsCanBeChanged(t *testing.T) {
	s := start(t)
	outer, _, inner, other := nest(s)
	in := func(group string) bool {
		body, _ := json.Marshal(map[string]any{"groupIds": []string{group}})
		return len(list(t, s.send(http.MethodPost, "/v1.0/users/"+carolID+"/checkMemberGroups", string(body), nil))) == 1
	}
	if !s.RemoveMember(inner.ID, carolID) || in(inner.ID) || in(outer.ID) {
		t.Error("still a member")
	}
	if !s.AddMember(other.ID, carolID) || !in(other.ID) {
		t.Error("not a member")
	}
	if !s.SetMembers(outer.ID, other.ID) || !in(outer.ID) || !in(inner.ID) {
		t.Error("outer holds other now, and inner holds outer")
	}
	if !s.RemoveGroup(other.ID) || s.RemoveGroup(other.ID) || in(outer.ID) {
		t.Error("a group that is gone still counts")
	}
	if s.AddMember(nobody, carolID) || s.SetMembers(nobody) || s.RemoveMember(nobody, carolID) {
		t.Error("an unknown group was changed")
	}
	got, ok := s.Group(strings.ToUpper(outer.ID))
	got.Members[0] = "x"
	if again, _ := s.Group(outer.ID); !ok || again.Members[0] == "x" {
		t.Error("a returned group shares its members with the directory")
	}
}

func TestTransitiveMemberOf(t *testing.T) {
	s := start(t)
	_, _, inner, _ := nest(s)
	custom := s.AddRole(graphtest.Role{DisplayName: "Custom"})
	for _, ok := range []bool{
		s.AssignRole(inner.ID, graphtest.UserAdministrator, ""),
		s.AssignRole(carolID, graphtest.ReportsReader, ""),
		s.AssignRole(carolID, graphtest.ReportsReader, ""), // once is enough
		s.AssignRole(carolID, graphtest.GlobalAdministrator, unit),
		s.AssignRole(carolID, custom.ID, ""),
	} {
		if !ok {
			t.Fatal("not assigned")
		}
	}
	path := "/beta/users/" + carolID + "/transitiveMemberOf"
	ask := func(choose string) []any {
		found := list(t, s.get(path, url.Values{"$select": {choose}}))
		for _, one := range found {
			delete(one.(map[string]any), "id") // of a directoryRole it is random
		}
		return found
	}
	const group, role = `"@odata.type":"#microsoft.graph.group"`, `"@odata.type":"#microsoft.graph.directoryRole"`
	all := "id,displayName,roleTemplateId,isAssignableToRole"
	for name, row := range map[string]struct {
		withdraw, choose, want string
	}{
		"all": {"", all, `[
			{` + group + `,"displayName":"outer","isAssignableToRole":null},
			{` + group + `,"displayName":"middle","isAssignableToRole":null},
			{` + group + `,"displayName":"inner","isAssignableToRole":true},
			{` + role + `,"displayName":"User Administrator","roleTemplateId":"` + graphtest.UserAdministrator + `"},
			{` + role + `,"displayName":"Reports Reader","roleTemplateId":"` + graphtest.ReportsReader + `"}]`},
		"what is selected": {"", "id,isAssignableToRole", `[{` + group + `,"isAssignableToRole":null},
			{` + group + `,"isAssignableToRole":null},{` + group + `,"isAssignableToRole":true},{` + role + `},{` + role + `}]`},
		"no groups": {"GroupMember.Read.All", all, `[
			{` + group + `,"displayName":null,"isAssignableToRole":null},
			{` + group + `,"displayName":null,"isAssignableToRole":null},
			{` + group + `,"displayName":null,"isAssignableToRole":null},
			{` + role + `,"displayName":"User Administrator","roleTemplateId":"` + graphtest.UserAdministrator + `"},
			{` + role + `,"displayName":"Reports Reader","roleTemplateId":"` + graphtest.ReportsReader + `"}]`},
		"no roles": {"RoleManagement.Read.Directory", all, `[
			{` + group + `,"displayName":"outer","isAssignableToRole":null},
			{` + group + `,"displayName":"middle","isAssignableToRole":null},
			{` + group + `,"displayName":"inner","isAssignableToRole":true},
			{` + role + `,"displayName":null,"roleTemplateId":null},
			{` + role + `,"displayName":null,"roleTemplateId":null}]`},
	} {
		t.Run(name, func(t *testing.T) {
			s.Withdraw(row.withdraw)
			defer s.Grant(row.withdraw)
			if diff := cmp.Diff(parsed(t, row.want), ask(row.choose)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, row := range map[string]struct {
		target string
		status int
	}{
		"unknown property": {path + "?$select=id,shoeSize", 400},
		"nobody":           {"/beta/users/" + nobody + "/transitiveMemberOf", 404},
	} {
		if r := s.do(http.MethodGet, row.target); r.status != row.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if !s.UnassignRole(carolID, graphtest.ReportsReader, "") || s.UnassignRole(carolID, graphtest.ReportsReader, "") {
		t.Error("unassigned twice, or not at all")
	}
	if n := len(ask(all)); n != 4 {
		t.Errorf("%d memberships", n)
	}
}

func TestGroupsAndTheirMembers(t *testing.T) {
	s := start(t)
	outer, middle, _, _ := nest(s)
	for _, name := range []string{"dave", "erin"} {
		s.AddMember(middle.ID, s.AddUser(graphtest.User{DisplayName: name, UserPrincipalName: name + "@contoso.example"}).ID)
	}
	r := s.get("/beta/groups/"+strings.ToUpper(outer.ID), url.Values{"$select": {"id,displayName,isAssignableToRole"}})
	got := r.json(t)
	delete(got, "@odata.context")
	if diff := cmp.Diff(map[string]any{"id": outer.ID, "displayName": "outer", "isAssignableToRole": nil}, got); diff != "" {
		t.Error(diff)
	}

	members := "/beta/groups/" + outer.ID + "/transitiveMembers/microsoft.graph.user"
	if diff := cmp.Diff([]string{"Carol", "dave", "erin"}, names(t, s.get(members, url.Values{"$select": {"displayName"}}))); diff != "" {
		t.Error(diff)
	}
	var paged []string
	for target := members + "?$top=2&$select=displayName"; target != ""; {
		r := s.do(http.MethodGet, target)
		paged = append(paged, names(t, r)...)
		next, _ := r.json(t)["@odata.nextLink"].(string)
		if path, _, _ := strings.Cut(next, "?"); next != "" && path != s.URL()+members {
			t.Fatalf("the next page is at %s", next)
		}
		target = strings.TrimPrefix(next, s.URL())
	}
	if diff := cmp.Diff([]string{"Carol", "dave", "erin"}, paged); diff != "" {
		t.Error(diff)
	}

	for name, row := range map[string]struct {
		target string
		status int
	}{
		"unknown group":      {"/beta/groups/" + nobody, 404},
		"members of unknown": {"/beta/groups/" + nobody + "/transitiveMembers/microsoft.graph.user", 404},
		"no GUID":            {"/beta/groups/approvers", 400},
		"unknown property":   {"/beta/groups/" + outer.ID + "?$select=shoeSize", 400},
		"top of one":         {"/beta/groups/" + outer.ID + "?$top=1", 400},
		"top of 1000":        {members + "?$top=1000", 400},
	} {
		if r := s.do(http.MethodGet, row.target); r.status != row.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestRoleDefinitions(t *testing.T) {
	s := start(t)
	s.AddRole(graphtest.Role{ID: unit, DisplayName: "Strong", Privileged: true})
	weak := s.AddRole(graphtest.Role{DisplayName: "Weak"})
	const path = "/beta/roleManagement/directory/roleDefinitions"
	ids := func(filter string) []string {
		var ids []string
		for _, one := range list(t, s.get(path, url.Values{"$filter": {filter}, "$select": {"id,templateId"}})) {
			role := one.(map[string]any)
			if len(role) != 2 || role["id"] != role["templateId"] {
				t.Errorf("%v", role)
			}
			ids = append(ids, role["id"].(string))
		}
		return ids
	}
	want := []string{
		graphtest.GlobalAdministrator, graphtest.PrivilegedRoleAdministrator, graphtest.PrivilegedAuthenticationAdministrator,
		graphtest.UserAdministrator, graphtest.HelpdeskAdministrator, unit,
	}
	if diff := cmp.Diff(want, ids("isPrivileged eq true")); diff != "" {
		t.Error(diff)
	}
	want = []string{graphtest.DirectoryReaders, graphtest.ReportsReader, weak.ID}
	if diff := cmp.Diff(want, ids("isPrivileged eq false")); diff != "" {
		t.Error(diff)
	}
	if n := len(list(t, s.do(http.MethodGet, path))); n != 9 {
		t.Errorf("%d without a filter", n)
	}
	for _, target := range []string{
		path + "?$select=mail",
		strings.Replace(path, "beta", "v1.0", 1) + "?$filter=isPrivileged+eq+true",
		strings.Replace(path, "beta", "v1.0", 1) + "?$select=isPrivileged",
	} {
		if r := s.do(http.MethodGet, target); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", target, r.status, r.body)
		}
	}
}

func TestTransitiveRoleAssignments(t *testing.T) {
	s := start(t)
	_, _, inner, other := nest(s)
	if s.AssignRole(other.ID, graphtest.UserAdministrator, "") || s.AssignRole(carolID, nobody, "") ||
		s.AssignRole(nobody, graphtest.UserAdministrator, "") || s.AssignRole("carol@contoso.example", graphtest.UserAdministrator, "") {
		t.Error("Entra would not have assigned that")
	}
	s.AssignRole(inner.ID, graphtest.UserAdministrator, "")
	s.AssignRole(carolID, graphtest.HelpdeskAdministrator, unit)
	const path = "/beta/roleManagement/directory/transitiveRoleAssignments"
	eventual := http.Header{"Consistencylevel": {"Eventual"}}
	filter := "&$filter=" + url.QueryEscape("principalId eq '"+strings.ToUpper(carolID)+"'")
	r := s.send(http.MethodGet, path+"?$count=true&$select=principalId,roleDefinitionId,directoryScopeId"+filter, "", eventual)
	want := parsed(t, `[
		{"principalId":"`+inner.ID+`","roleDefinitionId":"`+graphtest.UserAdministrator+`","directoryScopeId":"/"},
		{"principalId":"`+carolID+`","roleDefinitionId":"`+graphtest.HelpdeskAdministrator+`","directoryScopeId":"/administrativeUnits/`+unit+`"}]`)
	if diff := cmp.Diff(want, list(t, r)); diff != "" {
		t.Error(diff)
	}
	if n := r.json(t)["@odata.count"]; n != 2.0 {
		t.Errorf("count %v", n)
	}
	for name, row := range map[string]struct {
		target string
		header http.Header
		status int
	}{
		"no header":    {path + "?$count=true" + filter, nil, 404},
		"no count":     {path + "?$top=5" + filter, eventual, 400},
		"count false":  {path + "?$count=false" + filter, eventual, 400},
		"no filter":    {path + "?$count=true", eventual, 400},
		"other filter": {path + "?$count=true&$filter=roleDefinitionId+eq+'x'", eventual, 501},
		"top":          {path + "?$count=true&$top=5" + filter, eventual, 400},
		"v1.0":         {strings.Replace(path, "beta", "v1.0", 1) + "?$count=true" + filter, eventual, 400},
	} {
		if r := s.send(http.MethodGet, row.target, "", row.header); r.status != row.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestPermissions(t *testing.T) {
	s := start(t)
	outer, _, _, _ := nest(s)
	const (
		users  = "User.Read.All"
		groups = "GroupMember.Read.All"
		roles  = "RoleManagement.Read.Directory"
	)
	eventual := http.Header{"Consistencylevel": {"eventual"}}
	status := func(method, target, body string) int { return s.send(method, target, body, eventual).status }
	for name, row := range map[string]struct {
		ask   func() int
		needs []string
	}{
		"checkMemberGroups": {func() int {
			return status(http.MethodPost, "/beta/users/"+carolID+"/checkMemberGroups", `{"groupIds":[]}`)
		}, []string{users, groups}},
		"transitiveMemberOf": {func() int { return status(http.MethodGet, "/beta/users/"+carolID+"/transitiveMemberOf", "") }, []string{users}},
		"group":              {func() int { return status(http.MethodGet, "/beta/groups/"+outer.ID, "") }, []string{groups}},
		"members": {func() int {
			return status(http.MethodGet, "/beta/groups/"+outer.ID+"/transitiveMembers/microsoft.graph.user", "")
		}, []string{groups}},
		"definitions": {func() int { return status(http.MethodGet, "/beta/roleManagement/directory/roleDefinitions", "") }, []string{roles}},
		"assignments": {func() int {
			return status(http.MethodGet, "/beta/roleManagement/directory/transitiveRoleAssignments?$count=true&$filter=principalId+eq+'"+carolID+"'", "")
		}, []string{roles}},
		"user":   {func() int { return status(http.MethodGet, "/beta/users/"+carolID, "") }, []string{users}},
		"revoke": {func() int { return status(http.MethodPost, "/beta/users/"+carolID+"/invalidateAllRefreshTokens", "") }, []string{"User.RevokeSessions.All"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.ask(); got/100 != 2 {
				t.Fatalf("%d with all permissions", got)
			}
			for _, permission := range []string{"User.RevokeSessions.All", users, groups, roles} {
				s.Withdraw(permission)
				got := row.ask()
				s.Grant(permission)
				needed := false
				for _, n := range row.needs {
					needed = needed || n == permission
				}
				if (got == http.StatusForbidden) != needed {
					t.Errorf("%d without %s", got, permission)
				}
			}
		})
	}
	t.Run("members without User.Read.All", func(t *testing.T) {
		s.Withdraw(users)
		defer s.Grant(users)
		got := list(t, s.get("/beta/groups/"+outer.ID+"/transitiveMembers/microsoft.graph.user", url.Values{"$select": {"id,displayName,accountEnabled"}}))
		if diff := cmp.Diff(parsed(t, `[{"id":"`+carolID+`","displayName":null,"accountEnabled":null}]`), got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a wider permission", func(t *testing.T) {
		for _, p := range []string{users, groups, roles} {
			s.Withdraw(p)
			defer s.Grant(p)
		}
		s.Grant("Directory.Read.All")
		if got := status(http.MethodGet, "/beta/groups/"+outer.ID, ""); got != http.StatusOK {
			t.Errorf("%d", got)
		}
	})
}

func TestFaultsHitTheDirectoryToo(t *testing.T) {
	s := start(t)
	outer, _, _, _ := nest(s)
	for _, row := range [][2]string{
		{http.MethodPost, "/users/" + carolID + "/checkMemberGroups"},
		{http.MethodGet, "/users/" + carolID + "/transitiveMemberOf"},
		{http.MethodGet, "/groups/" + outer.ID},
		{http.MethodGet, "/groups/" + outer.ID + "/transitiveMembers/microsoft.graph.user"},
		{http.MethodGet, "/roleManagement/directory/roleDefinitions"},
		{http.MethodGet, "/roleManagement/directory/transitiveRoleAssignments"},
	} {
		s.Inject(graphtest.Fault{Method: row[0], PathSuffix: row[1], Status: 429, RetryAfter: "3", Times: 1})
		if r := s.send(row[0], "/beta"+row[1], "", nil); r.status != 429 || r.header.Get("Retry-After") != "3" {
			t.Errorf("%v: %d", row, r.status)
		}
	}
}
