package msgraph

import (
	"context"
	"net/http"

	"github.com/microsoftgraph/msgraph-beta-sdk-go/users"

	"revoke-sessions/graph"
)

const opRevoke = "revoke sessions"

// Revoke ends the sessions of one account, by its object ID. What is no GUID
// is refused without a request. At most one request does anything: the SDK
// sends a second one only after a 401 that demands a new token.
//
// A nil error means that Microsoft said yes: 204, or 200 with the value true.
// Everything else is a *graph.Error, whose Outcome says whether it was
// certainly not done or is unknown. Unknown is never Retryable.
func (c *Client) Revoke(ctx context.Context, id string) (graph.Revocation, error) {
	id, ok := objectID(id)
	if !ok {
		return graph.Revocation{}, refused(opRevoke, graph.CodeInvalidID)
	}
	var yes bool
	x, err := c.call(ctx, http.MethodPost, "/users/"+id+"/"+string(c.operation), func(ctx context.Context) error {
		builder := users.NewItemInvalidateAllRefreshTokensRequestBuilderInternal(c.parameters(id), c.adapter)
		answer, err := builder.PostAsInvalidateAllRefreshTokensPostResponse(ctx, nil)
		// Both are nil after 204, but also after an empty 200, 302 and 304.
		if err != nil || answer == nil {
			return err
		}
		value := answer.GetValue()
		yes = value != nil && *value
		return nil
	})
	// 204 is a yes whatever came after it.
	if x.status != http.StatusNoContent && (x.status != http.StatusOK || !yes || err != nil) {
		return graph.Revocation{}, failure(opRevoke, x, err)
	}
	done := graph.Revocation{
		Operation:       c.operation,
		Status:          x.status,
		RequestID:       plain(x.header.Get("request-id")),
		ClientRequestID: plain(x.clientRequestID),
	}
	if at, err := http.ParseTime(x.header.Get("Date")); err == nil {
		done.At = at
	}
	return done, nil
}
