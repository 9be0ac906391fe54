package msgraph_test

import (
	"testing"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestReachOfAnApp: the roles of the app's own account in the organisation.
func TestReachOfAnApp(t *testing.T) {
	const own, full = graphtest.ServicePrincipalID, graphtest.PrivilegedAuthenticationAdministrator
	for name, row := range map[string]struct {
		make func(*tenant)
		want graph.Fact
		code string
	}{
		"a full role":        {func(*tenant) {}, graph.Yes, ""},
		"none":               {func(x *tenant) { x.UnassignRole(own, full, "") }, graph.No, ""},
		"in one unit":        {func(x *tenant) { x.UnassignRole(own, full, ""); x.AssignRole(own, full, unit) }, graph.No, ""},
		"a lesser one":       {func(x *tenant) { x.UnassignRole(own, full, ""); x.AssignRole(own, graphtest.UserAdministrator, "") }, graph.No, ""},
		"empty pages before": {func(x *tenant) { x.SetEmptyPages(3) }, graph.Yes, ""},
		"pages without end":  {func(x *tenant) { x.SetEmptyPages(1000) }, graph.Unknown, ""},
		"no permission":      {func(x *tenant) { x.Withdraw("RoleManagement.Read.Directory") }, graph.Unknown, "Authorization_RequestDenied"},
		"no answer":          {func(x *tenant) { x.Inject(graphtest.Fault{PathSuffix: assignments, Reset: true}) }, graph.Unknown, graph.CodeConnectionLost},
		"nonsense": {func(x *tenant) {
			x.Inject(graphtest.Fault{PathSuffix: assignments, Body: []byte(`{"value":[{"id":"x"}]}`)})
		}, graph.Unknown, ""},
		"no scope told": {func(x *tenant) {
			x.Inject(graphtest.Fault{PathSuffix: assignments, Body: []byte(`{"value":[{"roleDefinitionId":"` + full + `"}]}`)})
		},
			graph.Unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.ReadableTokens()
			if got, err := tenant.client.ReachesAdministrators(t.Context()); got != graph.Unknown || err != nil {
				t.Errorf("before any call: %q, %v", got, err)
			}
			if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil {
				t.Fatal(err)
			}
			row.make(tenant)
			got, err := tenant.client.ReachesAdministrators(t.Context())
			if got != row.want || (err != nil) != (row.code != "") {
				t.Errorf("%q, want %q: %v", got, row.want, err)
			}
			if err != nil && wantError(t, err).Code != row.code {
				t.Errorf("%+v", err)
			}
		})
	}
}

// TestReachOfAPerson: where a person signed in for the bot, their roles count,
// also those that come by a group.
func TestReachOfAPerson(t *testing.T) {
	d := newDelegated(t)
	d.logIn(t)
	client, err := msgraph.New(msgraph.Config{Credential: d.credential, GraphURL: d.GraphURL(), Transport: d.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.User(t.Context(), d.carol.ID); err != nil {
		t.Fatal(err)
	}
	wants := func(what string, want graph.Fact) {
		t.Helper()
		if got, err := client.ReachesAdministrators(t.Context()); got != want || err != nil {
			t.Errorf("%s: %q, want %q: %v", what, got, want, err)
		}
	}
	wants("no role, though the app has one", graph.No)
	group := d.AddGroup(graphtest.Group{DisplayName: "responders", AssignableToRole: true, Members: []string{d.dora.ID}})
	d.AssignRole(group.ID, graphtest.PrivilegedAuthenticationAdministrator, "")
	wants("by a group", graph.Yes)
	d.UnassignRole(group.ID, graphtest.PrivilegedAuthenticationAdministrator, "")
	wants("no more", graph.No)
	d.AssignRole(d.dora.ID, graphtest.GlobalAdministrator, "")
	wants("directly", graph.Yes)
}
