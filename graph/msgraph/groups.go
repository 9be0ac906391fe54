package msgraph

import (
	"context"
	"net/http"
	"slices"

	"github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/users"

	"revoke-sessions/graph"
)

const (
	opMemberOf = "check group memberships"
	opMembers  = "read the group"
)

// maxCheck is how many groups one checkMemberGroups takes. Source:
// learn.microsoft.com/graph/api/directoryobject-checkmembergroups.
const maxCheck = 20

// MemberOf answers which of the groups hold the account, directly or through
// other groups. All are object IDs; one that is no GUID is refused without a
// request. The answer is in lower case, in the order asked, each group once.
//
// It is all or nothing: with an error nothing is known of any group. Whether
// Graph answers 404 for a group that does not exist, or passes over it, is not
// documented. Needs User.Read.All and GroupMember.Read.All.
func (c *Client) MemberOf(ctx context.Context, id string, groups []string) ([]string, error) {
	id, ok := objectID(id)
	if !ok {
		return nil, refused(opMemberOf, graph.CodeInvalidID)
	}
	var asked []string
	for _, group := range groups {
		group, ok := objectID(group)
		if !ok {
			return nil, refused(opMemberOf, graph.CodeInvalidID)
		}
		if !slices.Contains(asked, group) {
			asked = append(asked, group)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var held []string
	for some := range slices.Chunk(asked, maxCheck) {
		of, err := c.checkGroups(ctx, id, some)
		if err != nil {
			return nil, err
		}
		held = append(held, of...)
	}
	return held, nil
}

// checkGroups asks about at most maxCheck groups.
func (c *Client) checkGroups(ctx context.Context, id string, groups []string) ([]string, error) {
	q := question{
		op: opMemberOf, method: http.MethodPost, path: "/users/" + id + "/" + checkMemberGroups, remedy: graph.RemedyForGroups,
		request: func(ctx context.Context) (*abstractions.RequestInformation, error) {
			body := users.NewItemCheckMemberGroupsPostRequestBody()
			body.SetGroupIds(groups)
			return users.NewItemCheckMemberGroupsRequestBuilderInternal(c.parameters(id), c.adapter).
				ToPostRequestInformation(ctx, body, nil)
		},
	}
	var answer struct {
		Value []string `json:"value"`
		Next  string   `json:"@odata.nextLink"`
	}
	x, err := c.ask(ctx, q, nil, &answer)
	if err != nil {
		return nil, err
	}
	// At most maxCheck IDs come, and the link leads to no second POST: what is
	// not there yet is not a no.
	if answer.Value == nil || answer.Next != "" {
		return nil, q.failure(x, nil)
	}
	said := map[string]bool{}
	for _, group := range answer.Value {
		group, ok := objectID(group)
		if !ok {
			return nil, q.failure(x, nil)
		}
		if !slices.Contains(groups, group) {
			return nil, q.mismatch(x)
		}
		said[group] = true
	}
	var held []string
	for _, group := range groups {
		if said[group] {
			held = append(held, group)
		}
	}
	return held, nil
}

// Members reads a group's name and the user accounts in it, by its object ID.
// What is no GUID is refused without a request; graph.IsNotFound tells that
// there is no such group. A list that breaks off after some members is no
// error: Group.More says so. Needs GroupMember.Read.All, and User.Read.All for
// what the members are called and whether they are disabled.
func (c *Client) Members(ctx context.Context, groupID string) (graph.Group, error) {
	id, ok := objectID(groupID)
	if !ok {
		return graph.Group{}, refused(opMembers, graph.CodeInvalidID)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	name, err := c.groupName(ctx, id)
	if err != nil {
		return graph.Group{}, err
	}
	q := question{
		op: opMembers, method: http.MethodGet, path: "/groups/" + id + "/transitiveMembers/microsoft.graph.user", remedy: graph.RemedyForGroups,
		request: c.get("/groups/{id}/transitiveMembers/microsoft.graph.user", id, map[string]any{
			"%24select": []string{"id", "displayName", "userPrincipalName", "mail", "accountEnabled"},
			// One more than is wanted, so that one page tells whether there are.
			"%24top": graph.ManyMembers + 1,
		}, nil),
	}
	found, whole, err := list(ctx, c, q, graph.ManyMembers+1, valid(q, rawMember.valid))
	if err != nil && len(found) == 0 {
		return graph.Group{}, err
	}
	group := graph.Group{ID: id, Name: name, More: !whole}
	seen := map[string]bool{}
	for _, raw := range found {
		user := raw.user()
		switch {
		case seen[user.ID]:
		case len(group.Members) == graph.ManyMembers:
			group.More = true
		default:
			seen[user.ID] = true
			group.Members = append(group.Members, user)
		}
	}
	return group, nil
}

func (c *Client) groupName(ctx context.Context, id string) (string, error) {
	q := question{
		op: opMembers, method: http.MethodGet, path: "/groups/" + id, remedy: graph.RemedyForGroups,
		request: c.get("/groups/{id}", id, map[string]any{"%24select": []string{"id", "displayName"}}, nil),
	}
	var answer struct {
		ID          *string `json:"id"`
		DisplayName *string `json:"displayName"`
	}
	x, err := c.ask(ctx, q, nil, &answer)
	if err != nil {
		return "", err
	}
	switch got, ok := objectID(text(answer.ID)); {
	case !ok:
		return "", q.failure(x, nil)
	case got != id:
		return "", q.mismatch(x)
	default:
		return text(answer.DisplayName), nil
	}
}

// rawMember is a user as a list of members tells of it. Where there is no
// permission to read users, all but the ID is null.
type rawMember struct {
	ID             *string `json:"id"`
	DisplayName    *string `json:"displayName"`
	UPN            *string `json:"userPrincipalName"`
	Mail           *string `json:"mail"`
	AccountEnabled *bool   `json:"accountEnabled"`
}

func (m rawMember) valid() bool {
	_, ok := objectID(text(m.ID))
	return ok
}

func (m rawMember) user() graph.User {
	id, _ := objectID(text(m.ID))
	return graph.User{
		ID: id, DisplayName: text(m.DisplayName), UPN: text(m.UPN), Mail: text(m.Mail),
		Disabled: opposite(fact(m.AccountEnabled)),
	}
}
