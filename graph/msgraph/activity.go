package msgraph

import (
	"context"
	"net/http"
	"time"

	"revoke-sessions/graph"
)

const opLastSignIn = "read the last sign-in"

// LastSignIn is when the account last signed in, by its object ID, in whole
// seconds of Microsoft's clock: the last time that it succeeded, with or
// without the person's doing, or the last attempt where Graph knows no success,
// which it records only since December 2023. Zero without an error means that
// there was none since April 2020.
//
// Needs AuditLog.Read.All, User.Read.All and an Entra ID P1 or P2 licence. It
// is a call of its own because without them Graph refuses the whole call.
func (c *Client) LastSignIn(ctx context.Context, id string) (time.Time, error) {
	id, ok := objectID(id)
	if !ok {
		return time.Time{}, refused(opLastSignIn, graph.CodeInvalidID)
	}
	q := question{
		op: opLastSignIn, method: http.MethodGet, path: "/users/" + id, remedy: graph.RemedyForSignIns,
		request: c.get("/users/{id}", id, map[string]any{"%24select": []string{"id", "signInActivity"}}, nil),
	}
	var answer struct {
		ID       *string `json:"id"`
		Activity struct {
			Success        time.Time `json:"lastSuccessfulSignInDateTime"`
			Interactive    time.Time `json:"lastSignInDateTime"`
			NonInteractive time.Time `json:"lastNonInteractiveSignInDateTime"`
		} `json:"signInActivity"`
	}
	x, err := c.ask(ctx, q, nil, &answer)
	if err != nil {
		return time.Time{}, err
	}
	switch got, ok := objectID(text(answer.ID)); {
	case !ok:
		return time.Time{}, q.failure(x, nil)
	case got != id:
		return time.Time{}, q.mismatch(x)
	}
	last := answer.Activity.Success
	if last.IsZero() {
		last = answer.Activity.Interactive
		if answer.Activity.NonInteractive.After(last) {
			last = answer.Activity.NonInteractive
		}
	}
	return last.UTC(), nil
}
