package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/graph"
)

// counting is an Entra without accounts that counts the calls of Revoke.
type counting struct {
	bot.Entra
	revokes atomic.Int64
}

func (c *counting) Find(context.Context, graph.Key, string) ([]graph.User, error) { return nil, nil }

func (c *counting) User(context.Context, string) (graph.User, error) {
	return graph.User{}, &graph.Error{Code: graph.CodeNoConnection, Outcome: graph.NotDone, Retryable: true}
}

func (c *counting) Revoke(context.Context, string) (graph.Revocation, error) {
	c.revokes.Add(1)
	return graph.Revocation{Status: 204}, nil
}

// TestRestored: the database has lost rows. Open requests are closed as not known, and
// their people read so. Earlier arrivals are dropped, nobody calls Microsoft, and it is
// on record once.
func TestRestored(t *testing.T) {
	w := newWorkshop(t)
	client, home, err := connect(t.Context(), w.slack, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls := &counting{}
	b := engine.New(bot.Config{
		Home: home, Channel: channelOfCards, Policy: authz.New("U0ALICE"), Operation: graph.InvalidateAllRefreshTokens,
		Timing: bot.DefaultTiming(), Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
	}, w.db, client, calls)

	closed := []bot.State{bot.Pending, bot.Approved, bot.Executing, bot.Unknown, bot.Failed}
	stays := []bot.State{bot.Revoked, bot.NotVisibleYet, bot.Verified, bot.Denied}
	of := map[bot.State]string{}
	for i, state := range slices.Concat(closed, stays) {
		r := w.asked(fmt.Sprintf("REQ-ACDEF%c", "ACDEFGHJK"[i]), "target of "+string(state))
		of[state] = r.ID
		if state == bot.Pending {
			continue
		}
		r.State = state
		r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U0ALICE", EntraID: "a", At: w.clock.now()}}
		if state == bot.Denied {
			r.Decisions[0].Kind, r.DueAt = authz.Deny, time.Time{}
		} else if state != bot.Approved {
			r.Attempts = []bot.Attempt{{Decision: 1, BeganAt: w.clock.now(), EndedAt: w.clock.now(), Status: 403}}
			r.AcceptedAt = w.clock.now()
		}
		if _, err := w.db.Commit(t.Context(), bot.Change{Request: r}); err != nil {
			t.Fatal(err)
		}
	}
	if _, fresh, err := w.db.Receive(t.Context(), bot.Arrival{Kind: bot.CommandArrival, Envelope: "e", Key: "k", UserID: "U0BOB", Text: "@carol stolen laptop"}); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	at := w.clock.now()
	w.clock.move(8*time.Hour + time.Minute) // past every deadline
	later := w.asked("REQ-CCCCCC", "somebody since")

	back := bot.StepBack{Seq: 120, Hash: strings.Repeat("ab", 32), Head: 9, At: at}
	for range 2 {
		if err := b.Restored(t.Context(), back); err != nil {
			t.Fatal(err)
		}
	}
	end := works(b)
	defer func() { end() }()

	for _, state := range closed {
		id := of[state]
		w.wait(id+" is told", func() bool { return len(w.stand(id)) > 0 })
		for _, m := range w.stand(id) {
			if m.ThreadTS == "" && (!strings.Contains(m.Text, "target of "+string(state)+": not known whether the sessions were revoked.") || len(m.Buttons()) > 1) {
				t.Errorf("%s: its card says %q, with %d buttons", state, m.Text, len(m.Buttons()))
			}
		}
	}
	for _, says := range []string{"Nothing was done", "Nobody decided", "Nothing was revoked"} {
		for _, m := range w.stand(says) {
			if !strings.Contains(m.Text, of[bot.Denied]) {
				t.Errorf("somebody reads %q: %s", says, m.Text)
			}
		}
	}
	w.wait("the channel is told", func() bool {
		return len(w.stand("Its record ends at row")) == 1
	})

	rows, err := w.db.Audit(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range rows {
		count[e.Action]++
	}
	if count["lost"] != len(closed) || count["database_restored"] != 1 || count["executing"] != 0 {
		t.Errorf("the rows are %v", count)
	}
	if r, _ := w.db.Request(t.Context(), later.ID); r.State != bot.Pending {
		t.Errorf("what was asked since is %s", r.State)
	}
	for _, state := range stays {
		if r, _ := w.db.Request(t.Context(), of[state]); r.State == bot.Lost {
			t.Errorf("%s: what is known to have ended is not known", state)
		}
	}
	if n := calls.revokes.Load(); n != 0 {
		t.Errorf("Microsoft was called %d times", n)
	}
}
