package msgraph_test

import (
	"context"
	"testing"
	"time"

	"revoke-sessions/graph"
)

// overdue is a context whose end has come and whose timer has not fired yet, as
// in a process that was stopped for a while.
type overdue struct{ context.Context }

func (overdue) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

func TestTooLateToBeSent(t *testing.T) {
	tenant := newTenant(t)
	if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil { // which signs in
		t.Fatal(err)
	}
	_, err := tenant.client.Revoke(overdue{t.Context()}, tenant.carol.ID)
	if e := wantError(t, err); e.Outcome != graph.NotDone || e.Code != graph.CodeTimeout || !e.Retryable {
		t.Errorf("%+v", e)
	}
	if posts := tenant.Posts(); len(posts) != 0 {
		t.Errorf("%+v", posts)
	}
}
