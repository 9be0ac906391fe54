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
// sends a second one only after a 401 that demands a new token, and
// Config.Fallback is tried, once, only after a plain no. The account with which
// the client itself signs in is refused with graph.CodeOwnAccount, and nothing
// is sent, wherever it can be told; see SignedInAs.
//
// A nil error means that Microsoft said yes: 204, or 200 with the value true.
// Everything else is a *graph.Error, whose Outcome says whether it was
// certainly not done or is unknown. Unknown is never Retryable.
func (c *Client) Revoke(ctx context.Context, id string) (graph.Revocation, error) {
	return c.RevokeWith(ctx, id, nil)
}

// RevokeWith is Revoke with headers of the caller's, which go with each POST.
// With one that CheckHeaders refuses nothing is sent.
func (c *Client) RevokeWith(ctx context.Context, id string, headers map[string][]string) (graph.Revocation, error) {
	id, ok := objectID(id)
	if !ok {
		return graph.Revocation{}, c.unsent(refused(opRevoke, graph.CodeInvalidID))
	}
	extra, bad := checked(headers)
	if bad != nil {
		return graph.Revocation{}, c.unsent(bad)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()

	done, first := c.post(ctx, c.operation, id, extra)
	if first == nil {
		return done, nil
	}
	if !c.mayFallBack(first, c.settle(ctx, id, first)) {
		return graph.Revocation{}, first.Error
	}
	also := &graph.Refusal{
		Operation: first.Operation, Status: first.Status, Code: first.Code,
		RequestID: first.RequestID, ClientRequestID: first.ClientRequestID,
	}
	done, second := c.post(ctx, c.fallback, id, extra)
	if second != nil {
		second.Also = also
		return graph.Revocation{}, second.Error
	}
	done.Also = also
	return done, nil
}

func (c *Client) unsent(e *graph.Error) *graph.Error {
	e.Operation = c.operation
	return e
}

// rejected is a POST that did not end in a yes.
type rejected struct {
	*graph.Error
	x *exchange
}

// post calls one action.
func (c *Client) post(ctx context.Context, operation graph.Operation, id string, extra http.Header) (graph.Revocation, *rejected) {
	var yes bool
	x := &exchange{method: http.MethodPost, path: "/" + graphVersion + "/users/" + id + "/" + string(operation), extra: extra, ends: id}
	err := c.send(ctx, x, func(ctx context.Context) error {
		value, err := c.act(ctx, operation, id)
		yes = value != nil && *value
		return err
	})
	// 204 is a yes whatever came after it.
	if x.status != http.StatusNoContent && (x.status != http.StatusOK || !yes || err != nil) {
		e := failure(opRevoke, x, err)
		e.Operation = operation
		return graph.Revocation{}, &rejected{Error: e, x: x}
	}
	done := graph.Revocation{
		Operation:       operation,
		Status:          x.status,
		RequestID:       plain(x.header.Get("request-id")),
		ClientRequestID: plain(x.clientRequestID),
		Header:          x.shown,
	}
	if at, err := http.ParseTime(x.header.Get("Date")); err == nil {
		done.At = at
	}
	return done, nil
}

// act has the SDK send an action and returns the value of its answer. Value and
// error are both nil after 204, but also after an empty 200, 302 and 304.
func (c *Client) act(ctx context.Context, operation graph.Operation, id string) (*bool, error) {
	if operation == graph.RevokeSignInSessions {
		answer, err := users.NewItemRevokeSignInSessionsRequestBuilderInternal(c.parameters(id), c.adapter).
			PostAsRevokeSignInSessionsPostResponse(ctx, nil)
		if err != nil || answer == nil {
			return nil, err
		}
		return answer.GetValue(), nil
	}
	answer, err := users.NewItemInvalidateAllRefreshTokensRequestBuilderInternal(c.parameters(id), c.adapter).
		PostAsInvalidateAllRefreshTokensPostResponse(ctx, nil)
	if err != nil || answer == nil {
		return nil, err
	}
	return answer.GetValue(), nil
}
