package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

func testDueOnce(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	const rows = 30
	for i := range rows {
		receive(t, s, arrival(i))
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = c.now()
		create(t, s, r)
	}
	c.move(10 * time.Second)
	ctx := deadline(t)
	var mu sync.Mutex
	seen := map[string]int{}
	for i, err := range atOnce(10, func(int) error {
		w, err := s.Due(ctx, rows)
		mu.Lock()
		defer mu.Unlock()
		for _, a := range w.Arrivals {
			seen[a.Envelope]++
		}
		for _, r := range w.Drive {
			seen[r.ID]++
		}
		return err
	}) {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if len(seen) != 2*rows {
		t.Errorf("%d rows claimed, want %d", len(seen), 2*rows)
	}
	for row, n := range seen {
		if n != 1 {
			t.Errorf("%s was claimed %d times", row, n)
		}
	}
}

func testRequestDue(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := pending("REQ-ACDEFG", "carol")
	r.DueAt = c.now().Add(time.Hour)
	r = create(t, s, r)
	never := pending("REQ-NEVER", "dave")
	never.DueAt = time.Time{}
	create(t, s, never)

	c.move(time.Hour - time.Microsecond)
	wantDue(t, s, "just before", 0, 0)
	c.move(time.Microsecond)
	w := due(t, s)
	if len(w.Drive) != 1 || w.Drive[0].ID != r.ID {
		t.Fatalf("due: %v", w.Drive)
	}
	if diff := cmp.Diff(stored(t, s, r.ID), w.Drive[0]); diff != "" {
		t.Errorf("due is not what is stored (-stored +due):\n%s", diff)
	}
	wantDue(t, s, "claimed", 0, 0)
	c.move(10 * time.Second)
	wantDue(t, s, "lapsed", 0, 1)

	// A commit by the claim's owner gives up the claim. A finished request is never due.
	r = commit(t, s, bot.Change{Request: r})
	wantDue(t, s, "still due", 0, 1)
	r.DueAt = time.Time{}
	turn(t, s, r, bot.Expired)
	c.move(1000 * time.Hour)
	wantDue(t, s, "owed no more", 0, 0)
}

func testDueOrder(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for _, r := range []struct {
		id    string
		after time.Duration
	}{{"REQ-A", 3 * time.Minute}, {"REQ-Z", time.Minute}, {"REQ-M", 2 * time.Minute}} {
		request := pending(r.id, r.id)
		request.DueAt = c.now().Add(r.after)
		create(t, s, request)
	}
	for i := range 3 {
		receive(t, s, arrival(i))
		c.move(time.Second)
	}
	c.move(time.Hour)
	w := due(t, s)
	var got []string
	for _, a := range w.Arrivals {
		got = append(got, a.Envelope)
	}
	for _, r := range w.Drive {
		got = append(got, r.ID)
	}
	got = append(got, w.Tell...)
	want := []string{"envelope-0", "envelope-1", "envelope-2", "REQ-Z", "REQ-M", "REQ-A"}
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func testDueLimit(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for i := range 5 {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = noon.Add(-time.Duration(i) * time.Second) // the last is the oldest
		create(t, s, r)
		receive(t, s, arrival(i))
		c.move(time.Second)
	}
	c.move(10 * time.Second)
	w, err := s.Due(deadline(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Arrivals) != 2 || w.Arrivals[0].Envelope != "envelope-0" || w.Arrivals[1].Envelope != "envelope-1" {
		t.Errorf("arrivals %v, want the two oldest", w.Arrivals)
	}
	if len(w.Drive) != 2 || w.Drive[0].ID != "REQ-4" || w.Drive[1].ID != "REQ-3" {
		t.Errorf("requests %v, want the two oldest", w.Drive)
	}
	if len(w.Tell) != 2 || w.Tell[0] != "REQ-0" || w.Tell[1] != "REQ-1" {
		t.Errorf("tell %v, want the two that wait longest", w.Tell)
	}
	wantDue(t, s, "the rest", 3, 3)
}

// One person's waiting rows, however many, do not fill a batch.
func testDueTurns(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	by := func(r bot.Request, who string) bot.Request {
		r.Askers = []authz.Asker{{SlackID: who, EntraID: who}}
		return r
	}
	own := func(r bot.Request) bot.Request { r.Lane = authz.Self; return r }
	for i := range 20 {
		a := arrival(i)
		a.UserID = "U-FLOOD"
		receive(t, s, a)
		r := by(pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i)), "U-FLOOD")
		r.CreatedAt = noon.Add(time.Duration(i) * time.Second)
		r.DueAt = r.CreatedAt
		create(t, s, r)
	}
	c.move(time.Minute)
	later := func(r bot.Request) bot.Request { r.CreatedAt, r.DueAt = c.now(), c.now(); return r }
	a := arrival(100)
	a.UserID = "U-DANA"
	receive(t, s, a)
	create(t, s, later(by(pending("REQ-DANA", "gus"), "U-DANA")))
	create(t, s, later(own(by(pending("REQ-ERIN", "erin"), "U-ERIN"))))
	turn(t, s, create(t, s, later(by(pending("REQ-DECIDED", "carol"), "U-BOB"))), bot.Approved)
	c.move(time.Minute)
	w, err := s.Due(deadline(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	var arrived, driven []string
	for _, a := range w.Arrivals {
		arrived = append(arrived, a.Envelope)
	}
	for _, r := range w.Drive {
		driven = append(driven, r.ID)
	}
	for _, row := range []struct {
		what      string
		got, want []string
	}{
		{"arrivals", arrived, []string{"envelope-0", "envelope-1", "envelope-2", "envelope-100"}},
		{"requests", driven, []string{"REQ-DECIDED", "REQ-0", "REQ-1", "REQ-2"}},
		{"tellings", w.Tell, []string{"REQ-DECIDED", "REQ-ERIN", "REQ-0", "REQ-DANA"}},
	} {
		if diff := cmp.Diff(row.want, row.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.what, diff)
		}
	}
}

// Open finds a request for each asker, earlier ones included.
func testAskersAreKept(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	for i := range 5 {
		id := fmt.Sprint("U-", i)
		r.Askers = append(r.Askers, authz.Asker{SlackID: id, EntraID: id})
		r = commit(t, s, bot.Change{Request: r})
		r = commit(t, s, bot.Change{Request: r}) // nobody new
	}
	for _, id := range []string{"U-BOB", "U-0", "U-1", "U-2", "U-3", "U-4"} {
		if all, err := s.Open(deadline(t), id, 10); err != nil || len(all) != 1 {
			t.Errorf("%s has asked for %d open requests, %v", id, len(all), err)
		}
	}
}
