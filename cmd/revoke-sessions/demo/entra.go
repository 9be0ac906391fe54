package demo

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

// seenByMicrosoft lists the sign-ins and the Graph calls, oldest first.
func (s *Stage) seenByMicrosoft() []slacktest.SideEntry {
	applied := map[string]bool{}
	for _, p := range s.Entra.Posts() {
		applied[p.RequestID] = p.Applied
	}
	var all []slacktest.SideEntry
	add := func(requests []graphtest.Request, title func(graphtest.Request) (title, kind string)) {
		for _, r := range requests {
			e := slacktest.SideEntry{At: r.At, Result: result(r, applied[r.RequestID]), Detail: detail(r)}
			if e.Title, e.Kind = title(r); r.Status >= 400 {
				e.Kind = "error"
			}
			all = append(all, e)
		}
	}
	add(s.Entra.SignIns(), signIn)
	add(s.Entra.Requests(), s.graphCall)
	slices.SortStableFunc(all, func(a, b slacktest.SideEntry) int { return a.At.Compare(b.At) })
	return all
}

// result is what came of a request.
func result(r graphtest.Request, applied bool) string {
	switch {
	case r.Status != 0:
		return fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))
	case applied:
		return "carried out, no answer"
	}
	return "no answer"
}

// detail is all that tells one request from another.
func detail(r graphtest.Request) string {
	lines := []string{r.Method + " " + r.Path}
	if filter := r.Query.Get("$filter"); filter != "" {
		lines = append(lines, "$filter="+filter)
	}
	return strings.Join(append(lines, "request-id "+r.RequestID), "\n")
}

func signIn(r graphtest.Request) (title, kind string) {
	if strings.HasSuffix(r.Path, "/token") {
		return "Signs the bot in", "sign-in"
	}
	return "Looks up where to sign in", "sign-in"
}

var quoted = regexp.MustCompile(`'(?:smtp:)?([^']*)'`)

// graphCall says in words what a call asked for.
func (s *Stage) graphCall(r graphtest.Request) (title, kind string) {
	parts := strings.Split(strings.Trim(r.Path, "/"), "/")[1:] // without the version
	last, about := parts[len(parts)-1], ""
	if found := quoted.FindStringSubmatch(r.Query.Get("$filter")); found != nil {
		about = found[1]
	}
	id := ""
	if len(parts) > 1 {
		id = s.called(parts[1])
	}
	switch {
	case revokes(r.Method, r.Path):
		return last + " for " + id, "write"
	case last == "users" && strings.HasSuffix(about, ".invalid"):
		return "Checks that Graph answers", "read"
	case last == "users":
		return "Looks for the account " + about, "read"
	case last == "transitiveMemberOf":
		return "Reads the groups of " + id, "read"
	case last == "checkMemberGroups":
		return "Asks in which groups " + id + " is", "read"
	case last == "roleDefinitions":
		return "Reads which roles are privileged", "read"
	case last == "transitiveRoleAssignments":
		return "Reads the roles of " + s.called(about), "read"
	case parts[0] == "groups" && len(parts) > 2:
		return "Reads the members of " + id, "read"
	case parts[0] == "groups":
		return "Reads the group " + id, "read"
	case parts[0] == "users" && strings.Contains(r.Query.Get("$select"), "signInActivity"):
		return "Reads the last sign-in of " + id, "read"
	case parts[0] == "users":
		return "Reads the account of " + id, "read"
	}
	return r.Method + " " + r.Path, "read"
}

// revokes reports whether a request is the call that revokes.
func revokes(method, path string) bool {
	return method == http.MethodPost && (strings.HasSuffix(path, "/"+string(graph.InvalidateAllRefreshTokens)) ||
		strings.HasSuffix(path, "/"+string(graph.RevokeSignInSessions)))
}

// called is the name behind an object ID.
func (s *Stage) called(id string) string {
	if u, ok := s.Entra.User(id); ok {
		return u.DisplayName
	}
	if g, ok := s.Entra.Group(id); ok {
		return g.DisplayName
	}
	return id
}
