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
	q := question{
		op: opAnybody, method: http.MethodGet, path: "/users", remedy: graph.Remedy,
		request: c.get("/users", "", map[string]any{"%24select": []string{"id"}, "%24top": 1}, nil),
	}
	var answer struct {
		Value []struct {
			ID *string `json:"id"`
		} `json:"value"`
	}
	x, err := c.ask(ctx, q, nil, &answer)
	at, _ = http.ParseTime(x.header.Get("Date")) // zero when it cannot be read
	if err != nil {
		return "", at, err
	}
	if len(answer.Value) == 0 {
		return "", at, q.failure(x, nil)
	}
	id, ok := objectID(text(answer.Value[0].ID))
	if !ok {
		return "", at, q.failure(x, nil)
	}
	return id, at, nil
}
