package graphtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

const everything = "id,displayName,userPrincipalName,mail,proxyAddresses,userType,externalUserState,accountEnabled," +
	"onPremisesSyncEnabled,refreshTokensValidFromDateTime,signInSessionsValidFromDateTime"

func TestSelectIsHonouredToTheLetter(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{
		ID:                "5f0c2f0e-6a53-4b0e-8d3c-0d9c0a1b2c3d",
		DisplayName:       "Carol Target",
		UserPrincipalName: "carol@contoso.example",
		Mail:              "carol.target@contoso.example",
		ProxyAddresses:    []string{"SMTP:carol.target@contoso.example"},
	})
	hidden := s.AddUser(graphtest.User{
		UserPrincipalName: "hidden@contoso.example",
		Missing:           []string{"userType"},
		Null:              []string{"accountEnabled", "refreshTokensValidFromDateTime"},
	})
	for name, row := range map[string]struct {
		path   string
		choose string
		want   string
	}{
		"all": {"/beta/users/" + u.ID, everything, `{"accountEnabled":true,"displayName":"Carol Target",
			"externalUserState":null,"id":"5f0c2f0e-6a53-4b0e-8d3c-0d9c0a1b2c3d","mail":"carol.target@contoso.example",
			"onPremisesSyncEnabled":null,"proxyAddresses":["SMTP:carol.target@contoso.example"],
			"refreshTokensValidFromDateTime":"2026-10-23T10:00:00Z","signInSessionsValidFromDateTime":"2026-10-23T10:00:00Z",
			"userPrincipalName":"carol@contoso.example","userType":"Member"}`},
		"one":              {"/v1.0/users/" + u.ID, "mail", `{"mail":"carol.target@contoso.example"}`},
		"by UPN":           {"/beta/users/CAROL%40contoso.example", "id", `{"id":"5f0c2f0e-6a53-4b0e-8d3c-0d9c0a1b2c3d"}`},
		"missing and null": {"/beta/users/" + hidden.ID, "userType,accountEnabled,refreshTokensValidFromDateTime", `{"accountEnabled":null,"refreshTokensValidFromDateTime":null}`},
		"default": {"/beta/users/" + u.ID, "", `{"displayName":"Carol Target","id":"5f0c2f0e-6a53-4b0e-8d3c-0d9c0a1b2c3d",
			"mail":"carol.target@contoso.example","userPrincipalName":"carol@contoso.example","businessPhones":[],"givenName":null,
			"jobTitle":null,"mobilePhone":null,"officeLocation":null,"preferredLanguage":null,"surname":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			query := url.Values{}
			if row.choose != "" {
				query.Set("$select", row.choose)
			}
			r := s.get(row.path, query)
			if r.status != http.StatusOK {
				t.Fatalf("%d %s", r.status, r.body)
			}
			got := r.json(t)
			delete(got, "@odata.context")
			var want map[string]any
			if err := json.Unmarshal([]byte(row.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	s := start(t)
	for _, u := range []graphtest.User{
		{DisplayName: "carol", UserPrincipalName: "carol@contoso.example", Mail: "carol.t@contoso.example",
			ProxyAddresses: []string{"SMTP:carol.t@contoso.example", "smtp:old@contoso.example"}},
		{DisplayName: "twin", UserPrincipalName: "twin@contoso.example", Mail: "carol.t@contoso.example"},
		{DisplayName: "brien", UserPrincipalName: "o'brien@contoso.example"},
		{DisplayName: "nomail", UserPrincipalName: "nomail@contoso.example"},
	} {
		s.AddUser(u)
	}
	for name, row := range map[string]struct {
		filter string
		top    string
		want   []string // nil: 400
	}{
		"UPN":            {"userPrincipalName eq 'Carol@CONTOSO.example'", "", []string{"carol"}},
		"mail, two hits": {"mail eq 'carol.t@contoso.example'", "", []string{"carol", "twin"}},
		"top":            {"mail eq 'carol.t@contoso.example'", "1", []string{"carol"}},
		"proxy":          {"proxyAddresses/any(p:p eq 'smtp:CAROL.T@contoso.example')", "", []string{"carol"}},
		"quote":          {"userPrincipalName eq 'o''brien@contoso.example'", "", []string{"brien"}},
		"none":           {"mail eq 'x@contoso.example'", "", []string{}},
		"no filter":      {"", "", []string{"carol", "twin", "brien", "nomail"}},
		"open quote":     {"userPrincipalName eq 'o'brien@contoso.example'", "", nil},
		"other case":     {"Mail eq 'carol.t@contoso.example'", "", []string{"carol", "twin"}},
		"two variables":  {"proxyAddresses/any(p:q eq 'smtp:x')", "", nil},
		"top 0":          {"mail eq 'x'", "0", nil},
		"top 1000":       {"mail eq 'x'", "1000", nil},
	} {
		t.Run(name, func(t *testing.T) {
			query := url.Values{"$select": {"displayName"}}
			if row.filter != "" {
				query.Set("$filter", row.filter)
			}
			if row.top != "" {
				query.Set("$top", row.top)
			}
			r := s.get("/beta/users", query)
			if row.want == nil {
				if r.status != http.StatusBadRequest || r.code(t) != "BadRequest" {
					t.Fatalf("%d %s, want 400", r.status, r.body)
				}
				return
			}
			if diff := cmp.Diff(row.want, names(t, r)); diff != "" {
				t.Error(diff)
			}
			more := r.json(t)["@odata.nextLink"] != nil
			if want := row.top == "1"; more != want {
				t.Errorf("a next page: %v, want %v", more, want)
			}
		})
	}
}

func names(t *testing.T, r reply) []string {
	t.Helper()
	list, ok := r.json(t)["value"].([]any)
	if !ok {
		t.Fatalf("%d %s: no list", r.status, r.body)
	}
	out := []string{}
	for _, item := range list {
		name, _ := item.(map[string]any)["displayName"].(string)
		out = append(out, name)
	}
	return out
}

func TestPagesLeadToTheEnd(t *testing.T) {
	s := start(t)
	want := []string{"a", "b", "c", "d", "e"}
	for _, name := range want {
		s.AddUser(graphtest.User{DisplayName: name, UserPrincipalName: name + "@contoso.example"})
	}
	var got []string
	target := "/beta/users?" + url.Values{"$top": {"2"}, "$select": {"displayName"}}.Encode()
	for pages := 0; target != ""; pages++ {
		if pages > len(want) {
			t.Fatal("the pages do not end")
		}
		r := s.do(http.MethodGet, target)
		got = append(got, names(t, r)...)
		next, _ := r.json(t)["@odata.nextLink"].(string)
		target = strings.TrimPrefix(next, s.URL())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatGraphRefuses(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	for name, row := range map[string]struct {
		method, target string
		status         int
		code           string
	}{
		"unknown user":       {http.MethodGet, "/beta/users/nobody%40contoso.example", 404, "Request_ResourceNotFound"},
		"empty ID":           {http.MethodGet, "/beta/users/", 400, "Request_BadRequest"},
		"slash in ID":        {http.MethodGet, "/beta/users/a%2Fb", 400, "Request_BadRequest"},
		"unknown property":   {http.MethodGet, "/beta/users/" + u.ID + "?$select=id,shoeSize", 400, "BadRequest"},
		"empty select":       {http.MethodGet, "/beta/users/" + u.ID + "?$select=", 400, "BadRequest"},
		"unknown option":     {http.MethodGet, "/beta/users?$colour=red", 400, "BadRequest"},
		"option given twice": {http.MethodGet, "/beta/users?$top=1&$top=2", 400, "BadRequest"},
		"twice, otherwise":   {http.MethodGet, "/beta/users?$top=1&TOP=2", 400, "BadRequest"},
		"filter on one user": {http.MethodGet, "/beta/users/" + u.ID + "?$filter=" + url.QueryEscape("mail eq 'x'"), 400, "Request_BadRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.do(row.method, row.target)
			if r.status != row.status || r.code(t) != row.code {
				t.Fatalf("%d %s, want %d %s", r.status, r.body, row.status, row.code)
			}
			inner, _ := r.json(t)["error"].(map[string]any)["innerError"].(map[string]any)
			if inner["request-id"] != r.header.Get("request-id") || r.header.Get("request-id") == "" {
				t.Errorf("innerError %v beside header %q", inner, r.header.Get("request-id"))
			}
			if inner["client-request-id"] != "c11e47" || r.header.Get("client-request-id") != "c11e47" {
				t.Error("client-request-id is not echoed")
			}
			if _, err := http.ParseTime(r.header.Get("Date")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRevokeMovesTheStampOfItsOperation(t *testing.T) {
	s := start(t)
	before := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})

	r := s.do(http.MethodPost, "/beta/users/"+before.ID+"/invalidateAllRefreshTokens")
	if r.status != http.StatusNoContent || r.body != "" {
		t.Fatalf("%d %q, want 204 and nothing", r.status, r.body)
	}
	after, _ := s.User(before.ID)
	if !after.RefreshTokensValidFrom.Equal(s.clock.Now()) {
		t.Errorf("refresh tokens valid from %v, want now", after.RefreshTokensValidFrom)
	}
	if after.SignInSessionsValidFrom != before.SignInSessionsValidFrom {
		t.Error("the other stamp moved")
	}

	s.clock.advance(time.Minute)
	r = s.do(http.MethodPost, "/v1.0/users/carol%40contoso.example/revokeSignInSessions")
	if r.status != http.StatusOK || r.json(t)["value"] != true {
		t.Fatalf("%d %q, want 200 and the value true", r.status, r.body)
	}
	last, _ := s.User(before.ID)
	if !last.SignInSessionsValidFrom.Equal(s.clock.Now()) {
		t.Errorf("sessions valid from %v, want now", last.SignInSessionsValidFrom)
	}
	if last.RefreshTokensValidFrom != after.RefreshTokensValidFrom {
		t.Error("the first stamp moved again")
	}

	posts := s.Posts()
	if len(posts) != 2 {
		t.Fatalf("%d posts, want 2", len(posts))
	}
	if p := posts[0]; p.ObjectID != before.ID || p.Operation != "invalidateAllRefreshTokens" || p.Status != 204 || !p.Applied ||
		p.ClientRequestID != "c11e47" || p.RequestID == "" || p.At.IsZero() {
		t.Errorf("%+v", p)
	}
	if p := posts[1]; p.ObjectID != "carol@contoso.example" || p.Operation != "revokeSignInSessions" || p.Status != 200 ||
		!p.Applied || p.RequestID != r.header.Get("request-id") {
		t.Errorf("%+v", p)
	}
}

func TestAGuestIsAcceptedAndNothingMoves(t *testing.T) {
	s := start(t)
	for name, u := range map[string]graphtest.User{
		"by type":  {UserPrincipalName: "g1@contoso.example", UserType: "Guest"},
		"by UPN":   {UserPrincipalName: "g2_partner.example#EXT#@contoso.example"},
		"by state": {UserPrincipalName: "g3@contoso.example", ExternalUserState: "Accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.AddUser(u)
			if r := s.do(http.MethodPost, "/beta/users/"+before.ID+"/invalidateAllRefreshTokens"); r.status != 204 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			after, _ := s.User(before.ID)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Error(diff)
			}
			posts := s.Posts()
			if posts[len(posts)-1].Applied {
				t.Error("recorded as applied")
			}
		})
	}
}

func TestAMisdirectedRevokeIsRecordedAndRefused(t *testing.T) {
	for path, object := range map[string]string{
		"/beta/users//invalidateAllRefreshTokens":                        "",
		"/beta/users/../invalidateAllRefreshTokens":                      "..",
		"/beta/users/%2E%2E/invalidateAllRefreshTokens":                  "..",
		"/beta/me/invalidateAllRefreshTokens":                            "me",
		"/beta/users/a%2Fb/invalidateAllRefreshTokens":                   "a/b",
		"/beta/users/a/b/revokeSignInSessions":                           "a/b",
		"/beta/users/me-token-to-replace/revokeSignInSessions":           "me-token-to-replace",
		"/beta/users/invalidateAllRefreshTokens":                         "",
		"/v1.0/users/carol%40contoso.example/invalidateAllRefreshTokens": "carol@contoso.example",
	} {
		t.Run(path, func(t *testing.T) {
			s := start(t)
			before := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			r := s.do(http.MethodPost, path)
			if r.status != 400 && r.status != 404 {
				t.Errorf("%d %s, want an error", r.status, r.body)
			}
			posts := s.Posts()
			if len(posts) != 1 || posts[0].ObjectID != object || posts[0].Applied || posts[0].Path != path || posts[0].Status != r.status {
				t.Errorf("recorded %+v, want object %q", posts, object)
			}
			if after, _ := s.User(before.ID); !cmp.Equal(before, after) {
				t.Error("an account changed")
			}
		})
	}
}

func TestReadsLagBehindWrites(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	s.SetReplicationLag(10 * time.Second)
	stamps := func() string {
		r := s.get("/beta/users", url.Values{"$select": {"refreshTokensValidFromDateTime"}, "$filter": {"userPrincipalName eq 'carol@contoso.example'"}})
		return r.json(t)["value"].([]any)[0].(map[string]any)["refreshTokensValidFromDateTime"].(string)
	}
	revoke := func() { s.do(http.MethodPost, "/beta/users/"+u.ID+"/invalidateAllRefreshTokens") }

	revoke() // 10:00:00, visible from 10:00:10
	s.clock.advance(5 * time.Second)
	revoke() // 10:00:05, visible from 10:00:15
	var seen []string
	for range 3 {
		seen = append(seen, stamps())
		s.clock.advance(5 * time.Second)
	}
	want := []string{"2026-10-23T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:05Z"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if now, _ := s.User(u.ID); now.RefreshTokensValidFrom.Second() != 5 {
		t.Error("User does not show the truth")
	}
}

func TestTheDirectoryCanBeChanged(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	if !s.Update(u.ID, func(u *graphtest.User) { u.UserPrincipalName = "carol.new@contoso.example" }) {
		t.Fatal("no such user")
	}
	if _, ok := s.User("carol@contoso.example"); ok {
		t.Error("the old name still works")
	}
	if s.Update("x", func(*graphtest.User) { t.Error("called for nobody") }) {
		t.Error("an unknown user was updated")
	}
	if !s.Remove("carol.new@contoso.example") || s.Remove(u.ID) {
		t.Error("removing twice")
	}
	if r := s.do(http.MethodGet, "/beta/users/"+u.ID); r.status != http.StatusNotFound {
		t.Errorf("%d after removal", r.status)
	}
}

func TestReturnedUsersShareNothingWithTheDirectory(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example", ProxyAddresses: []string{"smtp:a@x"}})
	*u.AccountEnabled = false
	u.ProxyAddresses[0] = "smtp:b@x"
	if now, _ := s.User(u.ID); !*now.AccountEnabled || now.ProxyAddresses[0] != "smtp:a@x" {
		t.Errorf("%+v", now)
	}
}

func TestRequestsAreRecordedWithoutTheToken(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	told := make(chan graphtest.Request, 2)
	s.OnRequest(func(r graphtest.Request) { told <- r })
	s.get("/beta/users/"+u.ID, url.Values{"$select": {"id"}})
	s.do(http.MethodPost, "/beta/users/"+u.ID+"/invalidateAllRefreshTokens")

	all, reads := s.Requests(), s.Reads()
	if len(all) != 2 || len(reads) != 1 || reads[0].Method != http.MethodGet || reads[0].Status != 200 ||
		reads[0].Query.Get("$select") != "id" || reads[0].Path != "/beta/users/"+u.ID {
		t.Fatalf("all %+v, reads %+v", all, reads)
	}
	for i := range 2 {
		if got := <-told; !cmp.Equal(got, all[i]) {
			t.Errorf("told of %+v, recorded %+v", got, all[i])
		}
		if slices.ContainsFunc(all[i].Header["Authorization"], func(v string) bool { return v != "" }) {
			t.Error("the token is recorded")
		}
	}
}
