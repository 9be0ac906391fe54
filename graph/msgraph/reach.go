package msgraph

import (
	"context"
	"slices"

	"revoke-sessions/graph"
)

// reachAll are the roles whose holders may revoke every account's sessions,
// those of administrators included: Privileged Authentication Administrator and
// Global Administrator.
// Source: learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions.
var reachAll = []string{"7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "62e90394-69f5-4237-9190-012177145e10"}

// ReachesAdministrators reports whether whoever the client signs in as, an app
// or a person, holds a role in the whole organisation by which Microsoft lets
// them revoke the sessions of administrators. Without one, Microsoft may refuse
// that; for an app it does not say when.
//
// Whose roles they are, the token of the client's last request tells. Unknown
// without an error means that it does not tell, or that Graph's answer does not.
// Needs RoleManagement.Read.Directory.
func (c *Client) ReachesAdministrators(ctx context.Context) (graph.Fact, error) {
	holder := c.wire.holder.Load()
	if holder == nil || *holder == "" {
		return graph.Unknown, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	h := c.assignments(ctx, *holder)
	switch {
	case slices.ContainsFunc(h.everywhere, func(role string) bool { return slices.Contains(reachAll, role) }):
		return graph.Yes, nil
	case h.err != nil:
		return graph.Unknown, h.err
	case h.unclear, h.unplaced:
		return graph.Unknown, nil
	default:
		return graph.No, nil
	}
}
