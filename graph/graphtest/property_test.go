package graphtest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

func TestProperties(t *testing.T) {
	s := start(t)
	s.AddUser(graphtest.User{ID: carolID, DisplayName: "Carol", UserPrincipalName: "carol@contoso.example", Missing: []string{"jobTitle"}})
	group := s.AddGroup(graphtest.Group{DisplayName: "Approvers"})
	for name, row := range map[string]struct {
		target string
		want   string // empty: 400
	}{
		"other case":      {"/v1.0/users/" + carolID + "?$select=DisplayName,USERTYPE", `{"displayName":"Carol","userType":"Member"}`},
		"option's case":   {"/v1.0/users/" + carolID + "?$Select=id", `{"id":"` + carolID + `"}`},
		"without dollar":  {"/beta/users/" + carolID + "?select=id", `{"id":"` + carolID + `"}`},
		"twice":           {"/v1.0/users/" + carolID + "?$select=id,ID", `{"id":"` + carolID + `"}`},
		"without values":  {"/v1.0/users/" + carolID + "?$select=employeeId,otherMails", `{"employeeId":null,"otherMails":[]}`},
		"left out":        {"/v1.0/users/" + carolID + "?$select=jobTitle,surname", `{"surname":null}`},
		"typo":            {"/beta/users/" + carolID + "?$select=emploeeId", ""},
		"beta's own":      {"/beta/users/" + carolID + "?$select=refreshtokensvalidfromdatetime", `{"refreshTokensValidFromDateTime":"2026-10-23T10:00:00Z"}`},
		"beta's own, v1":  {"/v1.0/users/" + carolID + "?$select=refreshTokensValidFromDateTime", ""},
		"group":           {"/beta/groups/" + group.ID + "?$select=DISPLAYNAME,groupTypes,mail", `{"displayName":"Approvers","groupTypes":[],"mail":null}`},
		"typo in a group": {"/beta/groups/" + group.ID + "?$select=emploeeId", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.do(http.MethodGet, row.target)
			if row.want == "" {
				if r.status != http.StatusBadRequest || !strings.Contains(r.body, "could not find a property named") {
					t.Errorf("%d %s", r.status, r.body)
				}
				return
			}
			got := r.json(t)
			delete(got, "@odata.context")
			var want map[string]any
			if err := json.Unmarshal([]byte(row.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || r.status != http.StatusOK {
				t.Errorf("%d %s", r.status, diff)
			}
		})
	}
	// What v1.0 does not have it does not answer unasked either.
	if r := s.do(http.MethodGet, "/v1.0/roleManagement/directory/roleDefinitions"); r.status != http.StatusOK || strings.Contains(r.body, "isPrivileged") {
		t.Errorf("%d %s", r.status, r.body)
	}
	// The permission and the licence are asked for whatever the case.
	s.Withdraw("AuditLog.Read.All")
	if r := s.do(http.MethodGet, "/beta/users/"+carolID+"?$select=SignInActivity"); r.status != http.StatusForbidden {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestMetadata(t *testing.T) {
	s := start(t)
	for _, name := range []string{"a", "b"} {
		s.AddUser(graphtest.User{DisplayName: name, UserPrincipalName: name + "@contoso.example"})
	}
	group := s.AddGroup(graphtest.Group{})
	user, _ := s.User("a@contoso.example")
	s.AddMember(group.ID, user.ID)
	get := func(target, accept string) reply {
		return s.send(http.MethodGet, target, "", http.Header{"Accept": {accept}})
	}
	for _, accept := range []string{"application/json;odata.metadata=none", "text/html, application/json; OData.Metadata=None; charset=utf-8"} {
		r := get("/v1.0/users?$top=1&$select=displayName", accept)
		next, _ := r.json(t)["@odata.nextLink"].(string)
		if r.status != http.StatusOK || next == "" || strings.Contains(r.body, "@odata.context") ||
			!strings.Contains(r.header.Get("Content-Type"), "odata.metadata=none") || names(t, r)[0] != "a" {
			t.Errorf("%s: %d %s %v", accept, r.status, r.body, r.header)
		}
		if r := get("/v1.0/users/"+user.ID+"/transitiveMemberOf", accept); strings.Contains(r.body, "@odata") || len(list(t, r)) != 1 {
			t.Errorf("%s: %s", accept, r.body)
		}
		if r := s.send(http.MethodPost, "/v1.0/users/"+user.ID+"/revokeSignInSessions", "", http.Header{"Accept": {accept}}); r.body != `{"value":true}` {
			t.Errorf("%s: %s", accept, r.body)
		}
		if r := s.send(http.MethodPost, "/beta/users/"+user.ID+"/invalidateAllRefreshTokens", "", http.Header{"Accept": {accept}}); r.status != 204 || r.body != "" {
			t.Errorf("%s: %d %s", accept, r.status, r.body)
		}
		if r := get("/v1.0/users/nobody@contoso.example", accept); r.status != 404 || r.code(t) != "Request_ResourceNotFound" {
			t.Errorf("%s: %d %s", accept, r.status, r.body)
		}
	}
	for _, accept := range []string{"", "application/json", "application/json;odata.metadata=minimal"} {
		if r := get("/v1.0/users/"+user.ID, accept); !strings.Contains(r.body, "@odata.context") || !strings.Contains(r.header.Get("Content-Type"), "odata.metadata=minimal") {
			t.Errorf("%q: %s", accept, r.body)
		}
	}
	if r := get("/v1.0/users/"+user.ID, "application/json;odata.metadata=full"); r.status != http.StatusNotImplemented || len(s.Unknown()) != 1 {
		t.Errorf("full: %d %s", r.status, r.body)
	}
}
