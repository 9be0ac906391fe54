package graphtest_test

import (
	"net/http"
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
)

func TestAnActionCanBeGoneOrForbidden(t *testing.T) {
	const (
		first  = "invalidateAllRefreshTokens"
		second = "revokeSignInSessions"
	)
	type answer struct {
		status int
		code   string
	}
	var (
		yes    = answer{204, ""}
		done   = answer{200, ""}
		gone   = answer{400, "BadRequest"}
		denied = answer{403, "Authorization_RequestDenied"}
		nobody = answer{404, "Request_ResourceNotFound"}
	)
	for name, row := range map[string]struct {
		stage         func(*session, graphtest.User)
		first, second answer
	}{
		"both there":      {func(*session, graphtest.User) {}, yes, done},
		"first gone":      {func(s *session, _ graphtest.User) { s.Retire(first) }, gone, done},
		"second gone":     {func(s *session, _ graphtest.User) { s.Retire(second) }, yes, gone},
		"back again":      {func(s *session, _ graphtest.User) { s.Retire(first); s.Retire(first); s.Restore(first) }, yes, done},
		"both forbidden":  {func(s *session, _ graphtest.User) { s.Withdraw("User.RevokeSessions.All") }, denied, denied},
		"gone, no user":   {func(s *session, u graphtest.User) { s.Retire(first); s.Remove(u.ID) }, gone, nobody},
		"gone, forbidden": {func(s *session, _ graphtest.User) { s.Retire(first); s.Withdraw("User.RevokeSessions.All") }, gone, denied},
		"first forbidden": {func(s *session, _ graphtest.User) {
			s.Withdraw("User.RevokeSessions.All")
			s.Grant("User.ReadWrite.All")
		}, denied, done},
		"restricted": {func(s *session, u graphtest.User) {
			s.Update(u.ID, func(u *graphtest.User) { u.IsManagementRestricted = new(true) })
		}, denied, denied},
		"not restricted": {func(s *session, u graphtest.User) {
			s.Update(u.ID, func(u *graphtest.User) { u.IsManagementRestricted = new(false) })
		}, yes, done},
		"no longer a user": {func(s *session, u graphtest.User) { s.Remove(u.ID) }, nobody, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			row.stage(s, u)
			for operation, want := range map[string]answer{first: row.first, second: row.second} {
				r := s.do(http.MethodPost, "/beta/users/"+u.ID+"/"+operation)
				got := answer{status: r.status}
				if r.status >= 400 {
					got.code = r.code(t)
				}
				if got != want {
					t.Errorf("%s: %d %s, want %v", operation, r.status, r.body, want)
				}
				if want == gone && !strings.Contains(r.body, "Resource not found for the segment '"+operation+"'.") {
					t.Errorf("%s: %s", operation, r.body)
				}
			}
			for _, p := range s.Posts() {
				if p.Applied != (p.Status < 400) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

func TestAnActionThatIsGoneStillWantsAToken(t *testing.T) {
	s := start(t)
	s.Retire("invalidateAllRefreshTokens")
	s.ExpireTokens()
	if r := s.do(http.MethodPost, "/beta/users/x/invalidateAllRefreshTokens"); r.status != http.StatusUnauthorized {
		t.Errorf("%d %s", r.status, r.body)
	}
}
