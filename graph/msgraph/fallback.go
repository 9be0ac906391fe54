package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"revoke-sessions/graph"
)

// Graph's codes that a fallback turns on.
const (
	// codeNoObject comes with the 404 of an object that is not there:
	// "Resource '…' does not exist or one of its queried reference-property
	// objects are not present."
	codeNoObject = "Request_ResourceNotFound"
	// codeBadRequest comes with the 400 of a path that Graph does not know:
	// "Resource not found for the segment '…'." It is decided before permissions
	// and objects are looked at. Graph documents neither; see
	// github.com/microsoftgraph/microsoft-graph-docs/issues/4900 and 6059.
	codeBadRequest = "BadRequest"
	// codeDenied comes with the 403 of a permission, or a role, that is missing.
	codeDenied = "Authorization_RequestDenied"
)

// mayFallBack reports whether the fallback may be tried after r: only when
// Microsoft said for certain that nothing was done, and that the action was
// the reason. there says that the account exists.
func (c *Client) mayFallBack(r *rejected, there bool) bool {
	switch {
	case c.fallback == "" || r.Outcome != graph.NotDone:
		return false
	case r.Code == graph.CodeOperationGone:
		return there
	default:
		return r.Status == http.StatusForbidden && r.Code == codeDenied && !c.delegated && !r.x.delegated
	}
}

// settle finds out which of the two Graph did not find, the action or the
// account, where the answer leaves it open, by reading the account. It puts
// what it found into r and returns whether the account is certainly there.
//
// Of Graph's two ways to say so, only the 404 for the account has a code of its
// own. Others are read as the action's when the account is there. An account
// that a message names the action for is read as well, for one that is gone
// needs no fallback.
func (c *Client) settle(ctx context.Context, id string, r *rejected) (there bool) {
	named := r.Status == http.StatusBadRequest && r.Code == codeBadRequest && namesSegment(r.x.body, r.Operation)
	unclear := r.Status == http.StatusNotFound && r.Code != codeNoObject && r.Code != graph.CodeUnreadable
	if !named && !unclear {
		return false
	}
	_, err := c.User(ctx, id)
	switch read := graph.AsError(err); {
	case read == nil:
		there, r.Code = true, graph.CodeOperationGone
	case named:
		r.Code = graph.CodeOperationGone
		// With a fallback it is worth asking again what could not be read.
		if c.fallback != "" {
			r.Retryable, r.RetryAfter = read.Retryable, read.RetryAfter
		}
	case graph.IsNotFound(err):
		r.Code = codeNoObject
	default:
		r.Code, r.Retryable, r.RetryAfter = graph.CodeNothingFound, read.Retryable, read.RetryAfter
	}
	r.Remedy = graph.Remedy(r.Status, r.Code)
	return there
}

// namesSegment reports whether Graph's error says that the action is no part of
// a path. Codes are what one should go by; this code stands for any bad
// request, so that the message has to.
func namesSegment(body []byte, operation graph.Operation) bool {
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &said) == nil &&
		(strings.Contains(said.Error.Message, "segment '"+string(operation)+"'") ||
			strings.Contains(said.Error.Message, "segment 'microsoft.graph."+string(operation)+"'"))
}
