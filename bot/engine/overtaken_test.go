package engine_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// overtaken is a store in which somebody else is faster: before the audit rows of a
// request are read for the first time, it calls first.
type overtaken struct {
	bot.Store
	once  sync.Once
	first func()
}

func (o *overtaken) OnRecord(ctx context.Context, id string) ([]bot.Row, error) {
	o.once.Do(o.first)
	return o.Store.OnRecord(ctx, id)
}

// TestOvertaken_IsNoChangedDatabase: a click that reads the rows of another click, which
// was faster, reads the request again. It does not report that somebody changed the
// database, and ends nothing.
func TestOvertaken_IsNoChangedDatabase(t *testing.T) {
	policy := authz.New(theApprover, another, "U0H4")
	policy.Self.Approvals = 2
	s := newTown(t, 6, policy)
	id, at := s.asks(t, thePerson, "me lost my phone")
	s.end() // from here on only the clicks below ask the store
	s.end = func() {}

	receive := func(user string) bot.Arrival {
		stored, fresh, err := s.store.Receive(t.Context(), s.pressed(user, at, bot.ActionConfirm, id))
		if err != nil || !fresh {
			t.Fatal(err, fresh)
		}
		return stored
	}
	var broken []string
	log := defects{Handler: slog.DiscardHandler, mu: &s.mu, found: &broken}
	slower, faster := receive(theApprover), receive(another)
	db := &overtaken{Store: s.store}
	db.first = func() { s.handler(t, s.store, log).Handle(t.Context(), faster) }
	s.handler(t, db, log).Handle(t.Context(), slower)

	if r := s.state(t, id); r.State != bot.Revoked {
		t.Errorf("after two approvals it is %s", r.State)
	}
	if len(broken) > 0 {
		t.Errorf("logged as errors:\n%s", strings.Join(broken, "\n"))
	}
}
