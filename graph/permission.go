package graph

// Permission is something that the bot does with Microsoft Graph, named by the
// least permission that lets it.
type Permission string

// What the bot does, or may be told to.
const (
	MayRevoke      Permission = "User.RevokeSessions.All"
	MayReadUsers   Permission = "User.Read.All"
	MayReadGroups  Permission = "GroupMember.Read.All"
	MayReadRoles   Permission = "RoleManagement.Read.Directory"
	MayReadSignIns Permission = "AuditLog.Read.All"
)

// broader are the permissions that include another, for applications and for
// people alike. Source: learn.microsoft.com/graph/permissions-reference.
var broader = map[Permission][]string{
	MayReadUsers: {"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	MayReadGroups: {"GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All",
		"Directory.Read.All", "Directory.ReadWrite.All"},
	MayReadRoles: {"RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory",
		"Directory.Read.All", "Directory.ReadWrite.All"},
}

// Grant is what an access token says that it may be used for.
type Grant struct {
	// Known is false for a token that cannot be read, of which the rest says
	// nothing. Tokens are for Graph to read; Microsoft promises nobody else that
	// they can be.
	Known bool
	// Delegated: the token is a person's, whose Entra roles count as well.
	Delegated bool
	// Names are the permissions: application permissions of an app, delegated
	// ones of a person.
	Names []string
}

// Allows reports whether the grant holds the permission or one that includes
// it.
func (g Grant) Allows(p Permission) bool {
	return g.has(string(p)) || g.has(broader[p]...)
}

// AllowsOperation reports whether the grant lets somebody's sessions be ended
// by an operation: revokeSignInSessions takes broader permissions, too, and
// invalidateAllRefreshTokens only one, and only of a person.
// Source: learn.microsoft.com/graph/api/user-invalidateallrefreshtokens and
// user-revokesigninsessions.
func (g Grant) AllowsOperation(o Operation) bool {
	switch {
	case g.has(string(MayRevoke)):
		return true
	case o == RevokeSignInSessions:
		return g.has("User.ReadWrite.All", "Directory.ReadWrite.All")
	}
	return g.Delegated && g.has("Directory.ReadWrite.All")
}

func (g Grant) has(anyOf ...string) bool {
	for _, name := range g.Names {
		for _, one := range anyOf {
			if name == one {
				return true
			}
		}
	}
	return false
}
