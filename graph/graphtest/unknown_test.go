package graphtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

// What the double does not model must look like nothing that Graph says.
func TestUnknown(t *testing.T) {
	s := start(t)
	user := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	group := s.AddGroup(graphtest.Group{})
	var want []string
	for _, row := range []string{
		// Paths.
		"GET /v1.0/users?top=1", // Graph takes some options without $ there, and does not say which
		"GET /beta/users/delta",
		"GET /v1.0/users/delta()",
		"GET /v1.0/users/microsoft.graph.delta()",
		"GET /v1.0/users/$count",
		"GET /beta/users/%24count",
		"GET /v1.0/users/" + user.ID + "/memberOf",
		"GET /beta/users/" + user.ID + "/transitiveMemberOf/microsoft.graph.directoryRole",
		"GET /beta/users/" + user.ID + "/checkMemberGroups",
		"GET /beta/users/" + user.ID + "/revokeSignInSessions",
		"POST /beta/users/" + user.ID + "/checkMemberObjects",
		"POST /beta/groups/" + group.ID + "/checkMemberGroups",
		"PATCH /beta/users/" + user.ID,
		"DELETE /beta/users/" + user.ID,
		"GET /beta/groups",
		"GET /beta/groups/delta",
		"GET /beta/groups/" + group.ID + "/transitiveMembers",
		"GET /beta/groups/" + group.ID + "/transitiveMembers/user",
		"GET /beta/groups/" + group.ID + "/transitiveMembers/microsoft.graph.device",
		"GET /v1.0/groups(uniqueName='x')",
		"GET /v1.0/users(mail='x')",
		"POST /v1.0/users(mail='x')/revokeSignInSessions",
		"POST /v1.0/myOrganization/users/" + user.ID + "/revokeSignInSessions",
		"POST /v1.0/" + s.Config().TenantID + "/users/" + user.ID + "/revokeSignInSessions",
		"GET /v1.0/" + s.Config().TenantID + "/users/" + user.ID,
		"GET /v1.0/me",
		"GET /v1.0/$metadata",
		"POST /v1.0/$batch",
		"GET /beta/roleManagement/directory/roleAssignments",
		// Query options.
		"GET /beta/users?$search=%22displayName:carol%22",
		"GET /beta/users?$count=true",
		"GET /beta/users?$orderby=displayName",
		"GET /beta/users?expand=manager",
		"GET /beta/users/" + user.ID + "?$select=id,Manager",
		"GET /beta/groups/" + group.ID + "?$select=members",
		"GET /v1.0/users?$select=id,customSecurityAttributes",
		"GET /beta/users/" + user.ID + "?$select=mailboxSettings",
		"POST /beta/users/" + user.ID + "/checkMemberGroups?$top=1",
		"POST /beta/users/" + user.ID + "/invalidateAllRefreshTokens?$select=id",
		"GET /beta/users?$filter=displayName+eq+'carol'",
		"GET /beta/users?$filter=mail+eq+'x'+or+mail+eq+'y'",
		"GET /beta/users/" + user.ID + "/transitiveMemberOf?$filter=id+eq+'x'",
		"GET /beta/users/" + user.ID + "/transitiveMemberOf?$count=true",
		"GET /beta/groups/" + group.ID + "/transitiveMembers/microsoft.graph.user?$filter=mail+eq+'x'",
		"GET /beta/roleManagement/directory/roleDefinitions?$filter=isBuiltIn+eq+true",
		// Not Graph at all.
		"GET /common/discovery/keys",
		"POST /common/discovery/instance",
		"GET /v3.0/users",
		"GET /" + s.Config().TenantID + "/oauth2/v2.0/authorize",
	} {
		method, target, _ := strings.Cut(row, " ")
		r := s.do(method, target)
		if r.status != http.StatusNotImplemented || !strings.Contains(r.body, "does not model") || !strings.Contains(r.body, method) {
			t.Errorf("%s: %d %s", row, r.status, r.body)
		}
		path, _, _ := strings.Cut(target, "?")
		want = append(want, method+" "+path)
	}
	s.do(http.MethodGet, "/beta/users/"+user.ID) // is modelled
	var got []string
	for _, request := range s.Unknown() {
		got = append(got, request.Method+" "+request.Path)
		if request.Status != http.StatusNotImplemented {
			t.Errorf("%+v", request)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if now, _ := s.User(user.ID); !cmp.Equal(now, user) {
		t.Errorf("the account changed: %+v", now)
	}
}

// A fault that stands in for what is not modelled is an answer that the test chose.
func TestUnknownLeavesOutWhatAFaultAnswers(t *testing.T) {
	s := start(t)
	s.Inject(graphtest.Fault{PathSuffix: "/delta", Body: []byte(`{"value":[]}`)})
	if r := s.do(http.MethodGet, "/beta/users/delta"); r.status != http.StatusOK || len(s.Unknown()) != 0 {
		t.Errorf("%d %s, unknown %v", r.status, r.body, s.Unknown())
	}
}
