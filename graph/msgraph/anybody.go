package msgraph

import (
	"context"
	"net/http"
	"time"

	"revoke-sessions/graph"
)

const opAnybody = "look for any account"

// Anybody is the object ID of some account in the directory, for trying out
// whether accounts can be read; and Microsoft's clock, from the Date header of
// the answer, zero where there was none. The clock is told with an error, too,
// if there was an answer. Needs User.Read.All.
func (c *Client) Anybody(ctx context.Context) (id string, at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	q := question{
		op: opAnybody, method: http.MethodGet, path: "/users", remedy: graph.RemedyForAccounts,
		request: c.get("/users", "", map[string]any{"%24select": []string{"id"}, "%24top": 1}, nil),
		heard:   func(h http.Header) { at, _ = http.ParseTime(h.Get("Date")) }, // zero when it cannot be read
	}
	type someone struct {
		ID *string `json:"id"`
	}
	found, whole, err := list(ctx, c, q, 1, valid(q, func(one someone) (ok bool) {
		id, ok = objectID(text(one.ID))
		return ok
	}))
	switch {
	case err != nil:
		return "", at, err
	case len(found) > 0:
		return id, at, nil
	case !whole:
		return "", at, q.unfinished()
	default:
		return "", at, refused(opAnybody, graph.CodeUnreadable)
	}
}
