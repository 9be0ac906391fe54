package graph_test

import (
	"testing"

	"revoke-sessions/graph"
)

func TestGrant(t *testing.T) {
	for _, row := range []struct {
		name        string
		permission  graph.Permission
		want, wrong []string
	}{
		{"users", graph.MayReadUsers, []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}, []string{"User.ReadBasic.All", "User.Read", ""}},
		{"groups", graph.MayReadGroups, []string{"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"}, []string{"User.Read.All", "GroupMember.Read"}},
		{"roles", graph.MayReadRoles, []string{"RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory", "Directory.Read.All"}, []string{"User.Read.All"}},
		{"sign-ins", graph.MayReadSignIns, []string{"AuditLog.Read.All"}, []string{"Directory.Read.All", "Directory.ReadWrite.All"}},
	} {
		for _, name := range row.want {
			if !(graph.Grant{Known: true, Names: []string{"Other.Read", name}}).Allows(row.permission) {
				t.Errorf("%s: %s does not do", row.name, name)
			}
		}
		for _, name := range row.wrong {
			if (graph.Grant{Known: true, Names: []string{name}}).Allows(row.permission) {
				t.Errorf("%s: %q does", row.name, name)
			}
		}
	}
}

func TestGrantOfOperation(t *testing.T) {
	for _, row := range []struct {
		name              string
		invalidate        bool // of an app
		delegated, revoke bool
	}{
		{"User.RevokeSessions.All", true, true, true},
		{"Directory.ReadWrite.All", false, true, true},
		{"User.ReadWrite.All", false, false, true},
		{"User.Read.All", false, false, false},
	} {
		app := graph.Grant{Known: true, Names: []string{row.name}}
		person := graph.Grant{Known: true, Delegated: true, Names: []string{row.name}}
		if got := app.AllowsOperation(graph.InvalidateAllRefreshTokens); got != row.invalidate {
			t.Errorf("%s of an app: %t", row.name, got)
		}
		if got := person.AllowsOperation(graph.InvalidateAllRefreshTokens); got != row.delegated {
			t.Errorf("%s of a person: %t", row.name, got)
		}
		for _, g := range []graph.Grant{app, person} {
			if got := g.AllowsOperation(graph.RevokeSignInSessions); got != row.revoke {
				t.Errorf("%s, delegated %t, for the other operation: %t", row.name, g.Delegated, got)
			}
		}
	}
}
