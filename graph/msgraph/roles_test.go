package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

// Where the three questions about roles go.
const (
	memberships = "/transitiveMemberOf"
	assignments = "/transitiveRoleAssignments"
	definitions = "/roleDefinitions"
)

const unit = "a0000000-0000-4000-8000-00000000000a"

func TestPrivileged(t *testing.T) {
	custom := graphtest.Role{ID: numbered(90), DisplayName: "Custom"}
	for name, row := range map[string]struct {
		arrange func(t *tenant)
		want    graph.Fact
	}{
		"nothing": {func(*tenant) {}, graph.No},
		"an ordinary group": {func(t *tenant) {
			t.AddGroup(graphtest.Group{DisplayName: "Staff", Members: []string{t.carol.ID}})
		}, graph.No},
		"more groups than a page holds": {func(t *tenant) {
			for n := range 1100 {
				t.AddGroup(graphtest.Group{ID: numbered(n), DisplayName: "Staff", Members: []string{t.carol.ID}})
			}
		}, graph.No},
		"Global Administrator":      {func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.GlobalAdministrator, "") }, graph.Yes},
		"Helpdesk Administrator":    {func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.HelpdeskAdministrator, "") }, graph.Yes},
		"Directory Readers":         {func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.DirectoryReaders, "") }, graph.No},
		"in an administrative unit": {func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.UserAdministrator, unit) }, graph.Yes},
		"a reader in a unit":        {func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.ReportsReader, unit) }, graph.No},
		"a custom role":             {func(t *tenant) { t.AddRole(custom); t.AssignRole(t.carol.ID, custom.ID, "") }, graph.No},
		"a privileged custom role": {func(t *tenant) {
			t.AddRole(graphtest.Role{ID: custom.ID, Privileged: true})
			t.AssignRole(t.carol.ID, custom.ID, "")
		}, graph.Yes},
		"a role-assignable group": {func(t *tenant) {
			t.AddGroup(graphtest.Group{DisplayName: "Admins", AssignableToRole: true, Members: []string{t.carol.ID}})
		}, graph.Yes},
		"the same, through a circle, on the second page": {func(t *tenant) {
			for n := range 1000 {
				t.AddGroup(graphtest.Group{ID: numbered(n), DisplayName: "Staff", Members: []string{t.carol.ID, numbered(2000)}})
			}
			t.AddGroup(graphtest.Group{ID: numbered(2000), DisplayName: "Admins", AssignableToRole: true, Members: []string{numbered(5)}})
		}, graph.Yes},
		"somebody else's role": {func(t *tenant) {
			t.AssignRole(t.AddUser(graphtest.User{}).ID, graphtest.GlobalAdministrator, "")
		}, graph.No},
		"an account that is gone": {func(t *tenant) { t.Remove(t.carol.ID) }, graph.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			row.arrange(tenant)
			got, err := tenant.client.Privileged(t.Context(), strings.ToUpper(tenant.carol.ID))
			if got != row.want || err != nil && got != graph.Unknown {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// Whoever reads why it is not known is led to the permission that is missing, or
// told that it may pass.
func TestPrivilegedUnknownSaysWhy(t *testing.T) {
	for name, row := range map[string]struct {
		faults []graphtest.Fault
		remedy string
		passes bool
	}{
		"memberships 403":  {[]graphtest.Fault{{PathSuffix: memberships, Status: 403}}, "GroupMember.Read.All", false},
		"assignments 403":  {[]graphtest.Fault{{PathSuffix: assignments, Status: 403}}, "RoleManagement.Read.Directory", false},
		"memberships 503":  {[]graphtest.Fault{{PathSuffix: memberships, Status: 503}}, "", true},
		"assignments lost": {[]graphtest.Fault{{PathSuffix: assignments, Reset: true}}, "", true},
		"definitions 403":  {[]graphtest.Fault{{PathSuffix: definitions, Status: 403}}, "RoleManagement.Read.Directory", false},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.AssignRole(tenant.carol.ID, graphtest.DirectoryReaders, "")
			for _, f := range row.faults {
				tenant.Inject(f)
			}
			got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID)
			e := wantError(t, err)
			if got != graph.Unknown || e.Retryable != row.passes || !strings.Contains(e.Remedy, row.remedy) {
				t.Errorf("%q, %v, %q", got, err, e.Remedy)
			}
		})
	}
}

// TestPrivilegedWithoutAPermission has Graph withhold what the bot may not
// read: never a no.
func TestPrivilegedWithoutAPermission(t *testing.T) {
	const users, groups, roles = "User.Read.All", "GroupMember.Read.All", "RoleManagement.Read.Directory"
	inGroup := func(t *tenant) { t.AddGroup(graphtest.Group{DisplayName: "Staff", Members: []string{t.carol.ID}}) }
	inAdmins := func(t *tenant) {
		t.AddGroup(graphtest.Group{DisplayName: "Admins", AssignableToRole: true, Members: []string{t.carol.ID}})
	}
	reader := func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.DirectoryReaders, "") }
	admin := func(t *tenant) { t.AssignRole(t.carol.ID, graphtest.GlobalAdministrator, "") }
	for name, row := range map[string]struct {
		withdraw []string
		arrange  func(*tenant)
		want     graph.Fact
	}{
		"groups, in one":          {[]string{groups}, inGroup, graph.Unknown},
		"groups, in none":         {[]string{groups}, func(*tenant) {}, graph.No},
		"groups, admin":           {[]string{groups}, admin, graph.Yes},
		"roles, nothing":          {[]string{roles}, func(*tenant) {}, graph.Unknown},
		"roles, reader":           {[]string{roles}, reader, graph.Unknown},
		"roles, admin":            {[]string{roles}, admin, graph.Unknown},
		"roles, assignable group": {[]string{roles}, inAdmins, graph.Yes},
		"users, admin":            {[]string{users}, admin, graph.Yes},
		"users, nothing":          {[]string{users}, func(*tenant) {}, graph.Unknown},
		"all, admin":              {[]string{users, groups, roles}, admin, graph.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			row.arrange(tenant)
			for _, permission := range row.withdraw {
				tenant.Withdraw(permission)
			}
			got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID)
			if got != row.want || err != nil && got != graph.Unknown {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestPrivilegedWhenAPartFails(t *testing.T) {
	const admin = `{"@odata.type":"#microsoft.graph.directoryRole","displayName":"x","roleTemplateId":"` + graphtest.GlobalAdministrator + `"}`
	role := func(id string) string { return `{"value":[{"id":"1","roleDefinitionId":` + id + `}]}` }
	body := func(suffix, text string) graphtest.Fault {
		return graphtest.Fault{PathSuffix: suffix, Body: []byte(text)}
	}
	member := func(text string) graphtest.Fault { return body(memberships, `{"value":[`+text+`]}`) }
	status := func(suffix string, status int) graphtest.Fault {
		return graphtest.Fault{PathSuffix: suffix, Status: status}
	}
	for name, row := range map[string]struct {
		holds  string // a role of Carol's, or none
		faults []graphtest.Fault
		want   graph.Fact
	}{
		"memberships 403":                  {"", []graphtest.Fault{status(memberships, 403)}, graph.Unknown},
		"memberships 503":                  {"", []graphtest.Fault{status(memberships, 503)}, graph.Unknown},
		"memberships 429, but assigned":    {graphtest.UserAdministrator, []graphtest.Fault{status(memberships, 429)}, graph.Yes},
		"assignments 404":                  {"", []graphtest.Fault{status(assignments, 404)}, graph.Unknown},
		"assignments reset, but a member":  {graphtest.UserAdministrator, []graphtest.Fault{{PathSuffix: assignments, Reset: true}}, graph.Yes},
		"definitions 503, no role":         {"", []graphtest.Fault{status(definitions, 503)}, graph.No},
		"definitions 503, a role":          {graphtest.DirectoryReaders, []graphtest.Fault{status(definitions, 503)}, graph.Unknown},
		"definitions empty, a role":        {graphtest.DirectoryReaders, []graphtest.Fault{body(definitions, `{"value":[]}`)}, graph.Unknown},
		"definitions empty, no role":       {"", []graphtest.Fault{body(definitions, `{"value":[]}`)}, graph.No},
		"definitions null, a role":         {graphtest.DirectoryReaders, []graphtest.Fault{body(definitions, `{"value":[{"id":null}]}`)}, graph.Unknown},
		"definitions broken off, a role":   {graphtest.DirectoryReaders, []graphtest.Fault{body(definitions, `{"value":[{"id":"`+unit+`"}],"@odata.nextLink":"https://evil.example/?a=b"}`)}, graph.Unknown},
		"one part 403, the other 503":      {"", []graphtest.Fault{status(memberships, 403), status(assignments, 503)}, graph.Unknown},
		"both 403":                         {"", []graphtest.Fault{status(memberships, 403), status(assignments, 403)}, graph.Unknown},
		"both unreadable":                  {"", []graphtest.Fault{body(memberships, `{}`), body(assignments, `<p>`)}, graph.Unknown},
		"an unknown kind":                  {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.circle","displayName":"x"}`)}, graph.Unknown},
		"no kind":                          {"", []graphtest.Fault{member(`{"displayName":"x"}`)}, graph.Unknown},
		"null for an object":               {"", []graphtest.Fault{member(`null`)}, graph.Unknown},
		"an administrative unit":           {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.administrativeUnit","displayName":null}`)}, graph.No},
		"a group":                          {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.group","displayName":"x","isAssignableToRole":null}`)}, graph.No},
		"a group, false":                   {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.group","displayName":"x","isAssignableToRole":false}`)}, graph.No},
		"a group without its name":         {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.group","displayName":null,"isAssignableToRole":null}`)}, graph.Unknown},
		"a group, assignable not there":    {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.group","displayName":"x"}`)}, graph.Unknown},
		"a group, assignable is a text":    {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.group","displayName":"x","isAssignableToRole":"no"}`)}, graph.Unknown},
		"a role without its name":          {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.directoryRole","displayName":null,"roleTemplateId":"` + graphtest.DirectoryReaders + `"}`)}, graph.Unknown},
		"a role without its template":      {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.directoryRole","displayName":"x","roleTemplateId":null}`)}, graph.Unknown},
		"yes beside unclear":               {"", []graphtest.Fault{member(`{"@odata.type":"#microsoft.graph.circle"},` + admin)}, graph.Yes},
		"yes, then the list breaks off":    {"", []graphtest.Fault{body(memberships, `{"value":[`+admin+`],"@odata.nextLink":"https://evil.example/?a=b"}`)}, graph.Yes},
		"no, then the list breaks off":     {"", []graphtest.Fault{body(memberships, `{"value":[],"@odata.nextLink":"https://evil.example/?a=b"}`)}, graph.Unknown},
		"an assignment of nothing":         {"", []graphtest.Fault{body(assignments, role(`null`))}, graph.Unknown},
		"an assignment of an unknown role": {"", []graphtest.Fault{body(assignments, role(`"`+unit+`"`))}, graph.No},
		"an assignment in capitals":        {"", []graphtest.Fault{body(assignments, role(`"`+strings.ToUpper(graphtest.GlobalAdministrator)+`"`))}, graph.Yes},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			if row.holds != "" {
				tenant.AssignRole(tenant.carol.ID, row.holds, "")
			}
			for _, f := range row.faults {
				tenant.Inject(f)
			}
			got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID)
			if got != row.want || err != nil && got != graph.Unknown {
				t.Errorf("%q, %v", got, err)
			}
			for _, r := range tenant.Requests() {
				if !slices.Contains([]string{memberships, assignments, definitions}, r.Path[strings.LastIndex(r.Path, "/"):]) {
					t.Errorf("%s was asked for", r.Path)
				}
			}
		})
	}
}

// Nothing was learnt of the account, and trying again may help.
func TestNobodyCouldBeAsked(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphtest.Fault
		code  string
	}{
		"429":          {graphtest.Fault{Status: 429, RetryAfter: "2"}, "TooManyRequests"},
		"503":          {graphtest.Fault{Status: 503}, "serviceNotAvailable"},
		"reset":        {graphtest.Fault{Reset: true}, graph.CodeConnectionLost},
		"sign-in down": {graphtest.Fault{Entra: true, Status: 503}, "AADSTS90033"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID)
			if e := wantError(t, err); got != graph.Unknown || e.Code != row.code || !e.Retryable || e.Outcome != graph.NotDone {
				t.Errorf("%q, %+v", got, e)
			}
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		tenant := newTenant(t)
		tenant.Inject(graphtest.Fault{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		got, err := tenant.client.Privileged(ctx, tenant.carol.ID)
		if e := wantError(t, err); got != graph.Unknown || e.Code != graph.CodeTimeout && e.Code != graph.CodeSignInUnreachable ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %+v", got, e)
		}
	})
	t.Run("one part hangs", func(t *testing.T) {
		tenant := newTenant(t)
		if _, err := tenant.client.PrivilegedRoles(t.Context()); err != nil { // signed in
			t.Fatal(err)
		}
		tenant.AssignRole(tenant.carol.ID, graphtest.UserAdministrator, "")
		tenant.Inject(graphtest.Fault{PathSuffix: assignments, Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := tenant.client.Privileged(ctx, tenant.carol.ID); got != graph.Yes || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestTheQuestionsAreAskedAtOnce holds each until all have arrived.
func TestTheQuestionsAreAskedAtOnce(t *testing.T) {
	tenant := newTenant(t)
	arrived := make(chan struct{})
	three := make(chan struct{})
	go func() {
		for range 3 {
			<-arrived
		}
		close(three)
	}()
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		select {
		case <-three:
		case <-time.After(patience):
			return nil, errors.New("the others did not come")
		}
		return tenant.Client().Transport.RoundTrip(r)
	})
	client := clientFor(t, tenant.Server, transport)
	if got, err := client.Privileged(t.Context(), tenant.carol.ID); got != graph.No || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPrivilegedRolesAreRemembered(t *testing.T) {
	tenant := newTenant(t)
	asked := func() (n int) {
		for _, r := range tenant.Requests() {
			if strings.HasSuffix(r.Path, definitions) {
				n++
			}
		}
		return n
	}
	// What is not believed is not remembered.
	for n, body := range []string{`{"value":[]}`, `{}`, `{"value":[{"id":"x"}]}`} {
		clear := tenant.Inject(graphtest.Fault{PathSuffix: definitions, Body: []byte(body)})
		roles, err := tenant.client.PrivilegedRoles(t.Context())
		if e := wantError(t, err); e.Code != graph.CodeUnreadable || roles != nil || asked() != n+1 {
			t.Errorf("%s: %v, %+v, asked %d times", body, roles, e, asked())
		}
		clear()
	}
	before := asked()
	roles, err := tenant.client.PrivilegedRoles(t.Context())
	if err != nil || len(roles) != 5 || !slices.Contains(roles, graphtest.HelpdeskAdministrator) || slices.Contains(roles, graphtest.DirectoryReaders) {
		t.Fatalf("%v, %v", roles, err)
	}
	for range 3 {
		if _, err := tenant.client.Privileged(t.Context(), tenant.carol.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked() - before; n != 1 {
		t.Errorf("asked %d times", n)
	}
	for range 2 { // as it was read, and as it was remembered
		roles[0] = "changed"
		if roles, _ = tenant.client.PrivilegedRoles(t.Context()); roles[0] == "changed" {
			t.Error("a caller can change what is remembered")
		}
	}
}

func TestPrivilegedRolesOnManyPages(t *testing.T) {
	tenant := newTenant(t)
	var last string
	for n := range 250 {
		last = tenant.AddRole(graphtest.Role{ID: numbered(n), DisplayName: "Custom", Privileged: true}).ID
	}
	if roles, err := tenant.client.PrivilegedRoles(t.Context()); err != nil || len(roles) != 255 || !slices.Contains(roles, last) {
		t.Errorf("%d, %v", len(roles), err)
	}
	for _, r := range tenant.Requests() {
		if r.Query.Get("$filter") != "isPrivileged eq true" {
			t.Errorf("a page was asked for with %v", r.Query)
		}
	}
}

func TestAListOfRolesWithoutAnEndIsNotBelieved(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{PathSuffix: definitions, Body: []byte(`{"value":[{"id":"` + unit + `"}],"@odata.nextLink":"` +
		tenant.URL() + `/beta/roleManagement/directory/roleDefinitions?$skiptoken=1"}`)})
	roles, err := tenant.client.PrivilegedRoles(t.Context())
	if e := wantError(t, err); e.Code != graph.CodeListUnfinished || roles != nil {
		t.Errorf("%v, %+v", roles, e)
	}
}

func TestTheHeaderGoesWithEveryPage(t *testing.T) {
	tenant := newTenant(t)
	for n := range 150 {
		tenant.AddRole(graphtest.Role{ID: numbered(n)})
		tenant.AssignRole(tenant.carol.ID, numbered(n), "")
	}
	tenant.AssignRole(tenant.carol.ID, graphtest.UserAdministrator, unit)
	if got, err := tenant.client.Privileged(t.Context(), tenant.carol.ID); got != graph.Yes || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	tenant := newTenant(t)
	tenant.Withdraw("RoleManagement.Read.Directory")
	tenant.Withdraw("GroupMember.Read.All")
	for permission, ask := range map[string]func() error{
		"RoleManagement.Read.Directory": func() error { _, err := tenant.client.PrivilegedRoles(t.Context()); return err },
		"GroupMember.Read.All": func() error {
			_, err := tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{anybody})
			return err
		},
	} {
		e := wantError(t, ask())
		if e.Status != http.StatusForbidden || !strings.Contains(e.Remedy, permission) {
			t.Errorf("%s: %+v", permission, e)
		}
	}
}

func TestManyQuestionsAtOnce(t *testing.T) {
	tenant := newTenant(t)
	group := tenant.AddGroup(graphtest.Group{DisplayName: "Approvers", Members: []string{tenant.carol.ID}})
	done := make(chan error)
	for n := range 30 {
		go func() {
			var err error
			switch n % 3 {
			case 0:
				_, err = tenant.client.Privileged(t.Context(), tenant.carol.ID)
			case 1:
				_, err = tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{group.ID})
			default:
				_, err = tenant.client.Members(t.Context(), group.ID)
			}
			if err != nil {
				err = fmt.Errorf("question %d: %w", n, err)
			}
			done <- err
		}()
	}
	for range 30 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
