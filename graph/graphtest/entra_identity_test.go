package graphtest_test

import (
	"net/http"
	"testing"

	"revoke-sessions/graph/graphtest"
)

func TestManagedIdentity(t *testing.T) {
	s := start(t)
	carol := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	s.AssignIdentity("one")
	const version, resource = "?api-version=2019-08-01", "&resource=https://graph.microsoft.com"
	for name, row := range map[string]struct {
		query, header string
		status        int
	}{
		"its own":        {version + resource, s.IdentityHeader(), http.StatusOK},
		"assigned":       {version + resource + "&client_id=one", s.IdentityHeader(), http.StatusOK},
		"not assigned":   {version + resource + "&client_id=two", s.IdentityHeader(), http.StatusBadRequest},
		"no header":      {version + resource, "", http.StatusUnauthorized},
		"other resource": {version + "&resource=https://vault.example", s.IdentityHeader(), http.StatusBadRequest},
		"other version":  {"?api-version=2017-09-01" + resource, s.IdentityHeader(), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.IdentityEndpoint()+row.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-IDENTITY-HEADER", row.header)
			response, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, response)
			if got.status != row.status {
				t.Fatalf("%d %s, want %d", got.status, got.body, row.status)
			}
			if row.status != http.StatusOK {
				return
			}
			s.token, _ = got.json(t)["access_token"].(string)
			if r := s.do(http.MethodGet, "/beta/users/"+carol.ID); r.status != http.StatusOK {
				t.Errorf("Graph: %d %s", r.status, r.body)
			}
		})
	}
}
