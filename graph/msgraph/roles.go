package msgraph

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/users"

	"revoke-sessions/graph"
)

const (
	opPrivileged = "read the account's roles"
	opRoles      = "read which roles are privileged"
)

// rolesFor is how long the list of privileged roles is remembered. It changes
// when Microsoft or an administrator redefines a role, not from day to day.
const rolesFor = 10 * time.Minute

// Privileged reports whether the account holds a role that Microsoft calls
// privileged, directly, through a group or within an administrative unit, or
// is in a group that roles can be assigned to. What is no GUID is refused
// without a request.
//
// What could not be read is Unknown, for it may be privileged. The error with it
// is that of the first question that failed, and names the permission that a 403
// is for; it is nil where Graph answered, but with null properties for lack of a
// permission.
//
// A role that the account may activate but has not (Privileged Identity
// Management) does not count. Needs User.Read.All, GroupMember.Read.All and
// RoleManagement.Read.Directory.
func (c *Client) Privileged(ctx context.Context, id string) (graph.Fact, error) {
	id, ok := objectID(id)
	if !ok {
		return graph.Unknown, refused(opPrivileged, graph.CodeInvalidID)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var (
		wait              sync.WaitGroup
		member, assigned  holding
		privileged        []string
		privilegedUnclear error
	)
	wait.Go(func() { member = c.memberships(ctx, id) })
	wait.Go(func() { assigned = c.assignments(ctx, id) })
	wait.Go(func() { privileged, privilegedUnclear = c.PrivilegedRoles(ctx) })
	wait.Wait()

	roles := slices.Concat(member.roles, assigned.roles)
	switch {
	case member.assignable,
		slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(privileged, role) }):
		return graph.Yes, nil
	case member.unclear, assigned.unclear:
		return graph.Unknown, cmp.Or(member.err, assigned.err)
	case len(roles) > 0 && privilegedUnclear != nil:
		return graph.Unknown, privilegedUnclear
	default:
		return graph.No, nil
	}
}

// holding is what one question told of an account.
type holding struct {
	// roles are the template IDs, or the definition IDs, of roles it holds.
	roles []string
	// everywhere are those of them that are assigned for the whole organisation.
	everywhere []string
	// unplaced: of a role it was not told where it is assigned.
	unplaced bool
	// assignable: it is in a group that roles can be assigned to.
	assignable bool
	// unclear: something was not told. True with every err.
	unclear bool
	err     error
}

// memberships reads the groups and the tenant-wide roles of an account.
func (c *Client) memberships(ctx context.Context, id string) holding {
	found, whole, err := list(ctx, c, question{
		op: opPrivileged, method: http.MethodGet, path: "/users/" + id + "/transitiveMemberOf", remedy: graph.RemedyForGroups,
		request: func(ctx context.Context) (*abstractions.RequestInformation, error) {
			return users.NewItemTransitiveMemberOfRequestBuilderInternal(c.parameters(id), c.adapter).
				ToGetRequestInformation(ctx, &users.ItemTransitiveMemberOfRequestBuilderGetRequestConfiguration{
					QueryParameters: &users.ItemTransitiveMemberOfRequestBuilderGetQueryParameters{
						Select: []string{"id", "displayName", "roleTemplateId", "isAssignableToRole"},
						Top:    new(int32(999)),
					},
				})
		},
	}, 0, anything[membership])
	h := holding{unclear: !whole, err: err}
	for _, m := range found {
		m.addTo(&h)
	}
	return h
}

// membership is a group, a role or an administrative unit that holds an
// account.
type membership struct {
	Type           string  `json:"@odata.type"`
	DisplayName    *string `json:"displayName"`
	RoleTemplateID *string `json:"roleTemplateId"`
	// Assignable keeps null, which an ordinary group has, apart from a property
	// that is not there.
	Assignable optional `json:"isAssignableToRole"`
}

// addTo goes by the name to tell what could not be read: every group and every
// role has one, and without the permission Graph answers null.
func (m membership) addTo(h *holding) {
	named := text(m.DisplayName) != ""
	switch m.Type {
	case "#microsoft.graph.administrativeUnit":
	case "#microsoft.graph.group":
		h.assignable = h.assignable || m.Assignable.yes
		h.unclear = h.unclear || !named || !m.Assignable.there
	case "#microsoft.graph.directoryRole":
		role, ok := objectID(text(m.RoleTemplateID))
		if ok {
			h.roles = append(h.roles, role)
		}
		h.unclear = h.unclear || !named || !ok
	default:
		h.unclear = true
	}
}

// assignments reads the role assignments of an account and of its groups,
// those within an administrative unit included. Whose they are is not compared:
// Graph names the group where a role comes through one.
func (c *Client) assignments(ctx context.Context, id string) holding {
	type assignment struct {
		RoleDefinitionID *string `json:"roleDefinitionId"`
		Scope            *string `json:"directoryScopeId"`
	}
	const path = "/roleManagement/directory/transitiveRoleAssignments"
	found, whole, err := list(ctx, c, question{
		op: opPrivileged, method: http.MethodGet, path: path, remedy: graph.RemedyForRoles,
		// Without the header and $count, Graph answers 404.
		request: c.get(path, "", map[string]any{
			"%24count":  true,
			"%24filter": "principalId eq '" + id + "'",
			"%24select": []string{"id", "principalId", "roleDefinitionId", "directoryScopeId"},
		}, map[string]string{"ConsistencyLevel": "eventual"}),
	}, 0, anything[assignment])
	h := holding{unclear: !whole, err: err}
	for _, a := range found {
		role, ok := objectID(text(a.RoleDefinitionID))
		if ok {
			h.roles = append(h.roles, role)
			switch text(a.Scope) {
			case "/":
				h.everywhere = append(h.everywhere, role)
			case "":
				h.unplaced = true
			}
		}
		h.unclear = h.unclear || !ok
	}
	return h
}

// PrivilegedRoles reads which roles Microsoft calls privileged, as IDs of
// definitions and templates in lower case, and remembers them for ten minutes.
// An empty list is not believed: Global Administrator is always on it. Called
// when the bot starts, its error tells that RoleManagement.Read.Directory is
// missing, without which everybody may be privileged.
func (c *Client) PrivilegedRoles(ctx context.Context) ([]string, error) {
	if known := c.roles.get(time.Now()); known != nil {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	const path = "/roleManagement/directory/roleDefinitions"
	q := question{
		op: opRoles, method: http.MethodGet, path: path, remedy: graph.RemedyForRoles,
		request: c.get(path, "", map[string]any{
			"%24filter": "isPrivileged eq true",
			"%24select": []string{"id", "templateId"},
		}, nil),
	}
	found, whole, err := list(ctx, c, q, 0, valid(q, definition.valid))
	if err != nil {
		return nil, err
	}
	if !whole {
		return nil, q.unfinished()
	}
	if len(found) == 0 {
		e := refused(opRoles, graph.CodeUnreadable)
		e.Remedy = q.remedy(0, e.Code)
		return nil, e
	}
	var roles []string
	for _, d := range found {
		for _, id := range []*string{d.ID, d.TemplateID} {
			if role, ok := objectID(text(id)); ok && !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	}
	c.roles.put(roles, time.Now())
	return slices.Clone(roles), nil
}

// definition is a role; of a built-in one both IDs are the same.
type definition struct {
	ID         *string `json:"id"`
	TemplateID *string `json:"templateId"`
}

func (d definition) valid() bool {
	_, ok := objectID(text(d.ID))
	return ok
}

// knownRoles remembers the privileged roles.
type knownRoles struct {
	mu     sync.Mutex
	roles  []string
	readAt time.Time
}

// get is nil when nothing is known, or not of late.
func (k *knownRoles) get(now time.Time) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.readAt) >= rolesFor {
		return nil
	}
	return slices.Clone(k.roles)
}

func (k *knownRoles) put(roles []string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roles, k.readAt = roles, now
}

// optional is a JSON boolean that may be null or not there.
type optional struct{ there, yes bool }

func (o *optional) UnmarshalJSON(text []byte) error {
	var value *bool
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	o.there, o.yes = true, value != nil && *value
	return nil
}

func anything[T any](T, *exchange) *graph.Error { return nil }
