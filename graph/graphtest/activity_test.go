package graphtest_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

func TestSignInActivity(t *testing.T) {
	s := start(t)
	never := s.AddUser(graphtest.User{UserPrincipalName: "never@contoso.example"})
	once := s.AddUser(graphtest.User{
		UserPrincipalName:    "once@contoso.example",
		LastSignIn:           time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		LastSuccessfulSignIn: time.Date(2026, 11, 19, 9, 0, 0, 0, time.FixedZone("", 3600)),
	})
	choose := url.Values{"$select": {"id,signInActivity"}}
	read := func(id string) any {
		t.Helper()
		r := s.get("/beta/users/"+id, choose)
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return r.json(t)["signInActivity"]
	}
	if _, there := s.get("/beta/users/"+never.ID, choose).json(t)["signInActivity"]; there {
		t.Error("an account that never signed in has it")
	}
	want := map[string]any{
		"lastSignInDateTime": "2026-11-20T09:00:00Z", "lastSignInRequestId": nil,
		"lastNonInteractiveSignInDateTime": nil, "lastNonInteractiveSignInRequestId": nil,
		"lastSuccessfulSignInDateTime": "2026-11-19T08:00:00Z", "lastSuccessfulSignInRequestId": nil,
	}
	if diff := cmp.Diff(any(want), read(once.ID)); diff != "" {
		t.Error(diff)
	}

	refused := func(path, code string) {
		t.Helper()
		if r := s.get(path, choose); r.status != 403 || r.code(t) != code {
			t.Errorf("%s: %d %s, want 403 %s", path, r.status, r.body, code)
		}
		if r := s.get(path, url.Values{"$select": {"id"}}); r.status != 200 {
			t.Errorf("%s without it: %d %s", path, r.status, r.body)
		}
	}
	s.Withdraw("AuditLog.Read.All")
	refused("/beta/users/"+once.ID, "Authentication_MSGraphPermissionMissing")
	refused("/v1.0/users", "Authentication_MSGraphPermissionMissing")
	s.SetPremium(false)
	refused("/beta/users/"+once.ID, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
	s.SetPremium(true)
	s.Grant("AuditLog.Read.All")
	if read(once.ID) == nil {
		t.Error("it is not there again")
	}
}

func TestRestrictedAsAProperty(t *testing.T) {
	s := start(t)
	for name, want := range map[string]any{"null": nil, "true": true, "false": false} {
		u := graphtest.User{UserPrincipalName: name + "@contoso.example"}
		if v, ok := want.(bool); ok {
			u.IsManagementRestricted = new(v)
		}
		added := s.AddUser(u)
		got := s.get("/beta/users/"+added.ID, url.Values{"$select": {"isManagementRestricted"}}).json(t)
		if value, there := got["isManagementRestricted"]; !there || value != want {
			t.Errorf("%s: %v", name, got)
		}
		if added.IsManagementRestricted != nil {
			*added.IsManagementRestricted = !*added.IsManagementRestricted
			if now, _ := s.User(added.ID); *now.IsManagementRestricted != want {
				t.Error("what AddUser returns is shared with the directory")
			}
		}
	}
}
