package msgraph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

// page is an answer with some entries and a link to a token at the same path.
func page(server *graphtest.Server, path, token string, entries ...string) graphtest.Fault {
	return graphtest.Fault{PathSuffix: path, Times: 1, Body: fmt.Appendf(nil, `{"value":[%s],"@odata.nextLink":"%s/beta%s?$skiptoken=%s"}`,
		strings.Join(entries, ","), server.URL(), path, token)}
}

func TestListGoesOnAfterEmptyPages(t *testing.T) {
	tenant := newTenant(t)
	tenant.AddGroup(graphtest.Group{ID: unit, DisplayName: "approvers"})
	tenant.SetMembers(unit, tenant.carol.ID)
	admin := tenant.AddUser(graphtest.User{UserPrincipalName: "admin@contoso.example"})
	tenant.AssignRole(admin.ID, graphtest.GlobalAdministrator, unit) // an assignment alone tells of it
	tenant.SetEmptyPages(4)
	ctx := t.Context()
	for name, ask := range map[string]func() (any, error){
		"by UPN":  func() (any, error) { return ids(tenant.client.Find(ctx, graph.ByUPN, tenant.carol.UserPrincipalName)) },
		"by mail": func() (any, error) { return ids(tenant.client.Find(ctx, graph.ByMail, tenant.carol.Mail)) },
		"by alias": func() (any, error) {
			return ids(tenant.client.Find(ctx, graph.ByProxy, "c@contoso.example"))
		},
		"members": func() (any, error) {
			group, err := tenant.client.Members(ctx, unit)
			if group.More {
				t.Error("the members are said not to be all")
			}
			return ids(group.Members, err)
		},
		"any account": func() (any, error) {
			id, at, err := tenant.client.Anybody(ctx)
			if at.IsZero() {
				t.Error("Microsoft's clock is not told")
			}
			return id, err
		},
	} {
		if got, err := ask(); err != nil || got != tenant.carol.ID {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	roles, err := tenant.client.PrivilegedRoles(ctx)
	if err != nil || !slices.Contains(roles, graphtest.GlobalAdministrator) {
		t.Errorf("privileged roles: %v, %v", roles, err)
	}
	for id, want := range map[string]graph.Fact{admin.ID: graph.Yes, tenant.carol.ID: graph.No} {
		if got, err := tenant.client.Privileged(ctx, id); err != nil || got != want {
			t.Errorf("privileged: %q, want %q: %v", got, want, err)
		}
	}
	if found, err := tenant.client.Find(ctx, graph.ByMail, "nobody@contoso.example"); err != nil || len(found) != 0 {
		t.Errorf("nobody: %v, %v", found, err)
	}
}

// ids is the one ID of some accounts, or how many there are.
func ids(found []graph.User, err error) (string, error) {
	if len(found) != 1 {
		return fmt.Sprint(len(found), " accounts"), err
	}
	return found[0].ID, err
}

func TestPagesWithoutEndAreNoAnswer(t *testing.T) {
	tenant := newTenant(t)
	tenant.SetEmptyPages(1 << 20)
	for name, ask := range map[string]func() error{
		"find": func() error {
			_, err := tenant.client.Find(t.Context(), graph.ByUPN, tenant.carol.UserPrincipalName)
			return err
		},
		"roles": func() error { _, err := tenant.client.PrivilegedRoles(t.Context()); return err },
		"anybody": func() error {
			_, _, err := tenant.client.Anybody(t.Context())
			return err
		},
	} {
		before := len(tenant.Reads())
		e := wantError(t, ask())
		if e.Code != graph.CodeListUnfinished || !e.Retryable || e.Outcome != graph.NotDone || graph.IsNotFound(e) {
			t.Errorf("%s: %+v", name, e)
		}
		if n := len(tenant.Reads()) - before; n != 20 {
			t.Errorf("%s: %d pages were read", name, n)
		}
	}
	if got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID); err != nil || got != graph.Unknown {
		t.Errorf("privileged: %q, %v", got, err)
	}
}

func TestFindStopsAtTwo(t *testing.T) {
	const path = "/users"
	const carol = `{"id":"11111111-2222-3333-4444-555555555555","mail":"x@contoso.example"}`
	twin := strings.Replace(carol, "1111", "2222", 1)
	for name, row := range map[string]struct {
		pages []string // what is on each, with a link behind it
		reads int
	}{
		"at once":       {[]string{carol + "," + twin}, 1},
		"on two pages":  {[]string{carol, twin}, 2},
		"after a pause": {[]string{"", carol, "", twin}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			for i, entries := range row.pages {
				tenant.Inject(page(tenant.Server, path, fmt.Sprint(1000+i), entries))
			}
			found, err := tenant.client.Find(t.Context(), graph.ByMail, "x@contoso.example")
			if err != nil || len(found) != 2 || len(tenant.Reads()) != row.reads {
				t.Errorf("%v, %v after %d reads", found, err, len(tenant.Reads()))
			}
		})
	}
}

func TestListRefusesALinkAway(t *testing.T) {
	const path = "/users"
	for name, link := range map[string]string{
		"another host":   "https://evil.example/beta/users?a=b",
		"another path":   "HERE/beta/me?a=b",
		"a user":         "https://x@HOST/beta/users?a=b",
		"no TLS":         "http://HOST/beta/users?a=b",
		"another port":   "https://127.0.0.1:1/beta/users?a=b",
		"without query":  "HERE/beta/users",
		"a host's start": "HERE.evil.example/beta/users?a=b",
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			link = strings.NewReplacer("HERE", tenant.URL(), "HOST", strings.TrimPrefix(tenant.URL(), "https://")).Replace(link)
			tenant.Inject(graphtest.Fault{PathSuffix: path, Body: fmt.Appendf(nil, `{"value":[],"@odata.nextLink":%q}`, link)})
			for _, ask := range []func() error{
				func() error {
					_, err := tenant.client.Find(t.Context(), graph.ByMail, "x@contoso.example")
					return err
				},
				func() error { _, _, err := tenant.client.Anybody(t.Context()); return err },
			} {
				before := len(tenant.Requests())
				if e := wantError(t, ask()); e.Code != graph.CodeUnreadable {
					t.Errorf("%+v", e)
				}
				if n := len(tenant.Requests()) - before; n != 1 {
					t.Errorf("%d requests", n)
				}
			}
		})
	}
}

// TestMembershipWithMoreToComeIsNoAnswer: what has not been said yet is no no.
func TestMembershipWithMoreToComeIsNoAnswer(t *testing.T) {
	tenant := newTenant(t)
	path := "/users/" + tenant.carol.ID + "/checkMemberGroups"
	tenant.Inject(page(tenant.Server, path, "1"))
	held, err := tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{unit})
	if e := wantError(t, err); e.Code != graph.CodeUnreadable || held != nil {
		t.Errorf("%+v, %v", e, held)
	}
}
