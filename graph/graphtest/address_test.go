package graphtest_test

import (
	"net/http"
	"testing"

	"revoke-sessions/graph/graphtest"
)

// The ways in which Graph lets one user be named, each with the actions below it.
func TestAddress(t *testing.T) {
	const dollar, brien = "$ven@contoso.example", "o'brien@contoso.example"
	type row struct {
		user string // before the action
		key  string // what Posts calls it
		who  string // whose stamp moves; empty: nobody's
		read int
	}
	rows := map[string]row{
		"ID":               {"users/" + carolID, carolID, "carol", 200},
		"quoted ID":        {"users('" + carolID + "')", carolID, "carol", 200},
		"quoted name":      {"users('carol@contoso.example')", "carol@contoso.example", "carol", 200},
		"all encoded":      {"users%28%27carol%40contoso.example%27%29", "carol@contoso.example", "carol", 200},
		"encoded quotes":   {"users(%27carol%40contoso.example%27)", "carol@contoso.example", "carol", 200},
		"alternate key":    {"users(userPrincipalName='carol@contoso.example')", "carol@contoso.example", "carol", 200},
		"other case":       {"Users(UserPrincipalName='CAROL@contoso.example')", "CAROL@contoso.example", "carol", 200},
		"other case, ID":   {"USERS/" + carolID, carolID, "carol", 200},
		"not the ID":       {"users(userPrincipalName='" + carolID + "')", carolID, "", 404},
		"quote":            {"users('o''brien@contoso.example')", brien, "brien", 200},
		"encoded quote":    {"users('o%27%27brien%40contoso.example')", brien, "brien", 200},
		"quote by name":    {"users(userPrincipalName='o''brien@contoso.example')", brien, "brien", 200},
		"quote and slash":  {"users/o'brien@contoso.example", brien, "brien", 200},
		"dollar":           {"users('$ven@contoso.example')", dollar, "dollar", 200},
		"encoded dollar":   {"users('%24ven@contoso.example')", dollar, "dollar", 200},
		"dollar and slash": {"users/$ven@contoso.example", dollar, "", 400},
		"guest":            {"users('x_y.example%23EXT%23@contoso.example')", "x_y.example#EXT#@contoso.example", "", 200},
		"decoded once":     {"users('carol%2540contoso.example')", "carol%40contoso.example", "", 404},
		"nobody":           {"users('nobody@contoso.example')", "nobody@contoso.example", "", 404},
		"empty":            {"users('')", "", "", 400},
		"slash in it":      {"users('a%2Fb')", "a/b", "", 400},
		"up":               {"users('..')", "..", "", 400},
		"open quote":       {"users('o'brien@contoso.example')", "users('o'brien@contoso.example')", "", 400},
		"no quotes":        {"users(" + carolID + ")", "users(" + carolID + ")", "", 400},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			ids := map[string]graphtest.User{}
			for who, u := range map[string]graphtest.User{
				"carol":  {ID: carolID, UserPrincipalName: "carol@contoso.example"},
				"brien":  {UserPrincipalName: brien},
				"dollar": {UserPrincipalName: dollar},
				"guest":  {UserPrincipalName: "x_y.example#EXT#@contoso.example"},
			} {
				ids[who] = s.AddUser(u)
			}
			if r := s.do(http.MethodGet, "/v1.0/"+row.user); r.status != row.read {
				t.Errorf("reading: %d %s, want %d", r.status, r.body, row.read)
			}
			if r := s.do(http.MethodGet, "/v1.0/"+row.user+"/transitiveMemberOf"); r.status != row.read {
				t.Errorf("memberships: %d %s, want %d", r.status, r.body, row.read)
			}
			if r := s.send(http.MethodPost, "/v1.0/"+row.user+"/checkMemberGroups", `{"groupIds":[]}`, nil); r.status != row.read {
				t.Errorf("checking groups: %d %s, want %d", r.status, r.body, row.read)
			}
			for _, action := range []string{
				"/beta/" + row.user + "/invalidateAllRefreshTokens",
				"/v1.0/" + row.user + "/revokeSignInSessions",
				"/v1.0/" + row.user + "/microsoft.graph.revokeSignInSessions",
				"/v1.0/" + row.user + "/graph.RevokeSignInSessions",
			} {
				before := len(s.Posts())
				r := s.do(http.MethodPost, action)
				posts := s.Posts()
				if len(posts) != before+1 {
					t.Fatalf("%s: %d %s is not recorded", action, r.status, r.body)
				}
				p := posts[before]
				if p.ObjectID != row.key || p.Applied != (row.who != "") || p.Status != r.status || (r.status >= 400) != (row.read >= 400) ||
					p.Operation != "invalidateAllRefreshTokens" && p.Operation != "revokeSignInSessions" {
					t.Errorf("%s: %d %s, recorded %+v", action, r.status, r.body, p)
				}
			}
			for who, before := range ids {
				now, _ := s.User(before.ID)
				moved := !now.RefreshTokensValidFrom.Equal(before.RefreshTokensValidFrom) && !now.SignInSessionsValidFrom.Equal(before.SignInSessionsValidFrom)
				if moved != (who == row.who) {
					t.Errorf("%s: moved %t", who, moved)
				}
			}
			if unknown := s.Unknown(); len(unknown) > 0 {
				t.Errorf("not modelled: %v", unknown)
			}
		})
	}
}

func TestAddressOfGroups(t *testing.T) {
	s := start(t)
	carol := s.AddUser(graphtest.User{ID: carolID, DisplayName: "Carol", UserPrincipalName: "carol@contoso.example"})
	group := s.AddGroup(graphtest.Group{Members: []string{carol.ID}})
	for _, path := range []string{"/beta/groups/" + group.ID, "/v1.0/groups('" + group.ID + "')", "/v1.0/Groups(%27" + group.ID + "%27)"} {
		if r := s.do(http.MethodGet, path); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		for _, cast := range []string{"/transitiveMembers/microsoft.graph.user", "/TransitiveMembers/graph.user"} {
			if found := list(t, s.do(http.MethodGet, path+cast)); len(found) != 1 {
				t.Errorf("%s%s: %v", path, cast, found)
			}
		}
	}
	for _, path := range []string{"/v1.0/groups('approvers')", "/v1.0/groups(" + group.ID + ")"} {
		if r := s.do(http.MethodGet, path); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// Who may not ask learns nothing of what they asked for.
func TestAddressWithoutAToken(t *testing.T) {
	s := start(t)
	s.token = ""
	for _, path := range []string{"/beta/users/$x", "/beta/users('')", "/beta/groups/x", "/beta/users('o'x')"} {
		if r := s.do(http.MethodGet, path); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
