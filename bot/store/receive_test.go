package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
)

func testArrivalFields(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	want := filled[bot.Arrival]()
	got := receive(t, s, want)
	if got.ID == 0 {
		t.Fatal("no ID")
	}
	want.ID, want.ReceivedAt, want.Tries = got.ID, c.now().Truncate(time.Microsecond), 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
	read, err := s.Arrival(deadline(t), got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	for want.Tries = 2; want.Tries < 5; want.Tries++ { // each claim counts
		c.move(time.Minute)
		if diff := cmp.Diff([]bot.Arrival{want}, due(t, s).Arrivals); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	}
	if _, err := s.Arrival(deadline(t), got.ID+1); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("an arrival that never was: %v, want ErrNoRequest", err)
	}
}

func testDuplicates(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := receive(t, s, arrival(1))
	again := func(when string) {
		t.Helper()
		for name, a := range map[string]bot.Arrival{
			"the same envelope":                      {Envelope: "envelope-1", Key: "act-1", Text: "forged"},
			"the same act in another envelope":       {Envelope: "envelope-9", Key: "act-1", Text: "forged"},
			"the same envelope with another act":     {Envelope: "envelope-1", Key: "act-9", Text: "forged"},
			"envelope and act of different arrivals": {Envelope: "envelope-2", Key: "act-1", Text: "forged"},
		} {
			if _, fresh, err := s.Receive(deadline(t), a); err != nil || fresh {
				t.Errorf("%s, %s: fresh %v, %v", when, name, fresh, err)
			}
		}
	}
	again("at once")
	if got, err := s.Arrival(deadline(t), first.ID); err != nil || got.Text != "me lost my phone" {
		t.Errorf("the duplicate changed the first: %q, %v", got.Text, err)
	}
	if err := s.Record(deadline(t), first.ID); err != nil {
		t.Fatal(err)
	}
	again("once settled")
	c.move(24 * time.Hour)
	if err := s.Forget(deadline(t), 0); err != nil {
		t.Fatal(err)
	}
	again("once forgotten")
	receive(t, s, arrival(2))
}

func testOneFresh(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	ctx := deadline(t)
	lost := errors.New("not fresh")
	oneWinner(t, atOnce(100, func(i int) error {
		a := arrival(1)
		a.Envelope = fmt.Sprint("envelope-", i)
		_, fresh, err := s.Receive(ctx, a)
		if err == nil && !fresh {
			err = lost
		}
		return err
	}), lost)
	c.move(time.Minute)
	wantDue(t, s, "afterwards", 1, 0)
}

// With an error nothing was stored: the person reads "try again", and the bot does
// nothing.
func testCancelledReceive(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for i := range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(300))*time.Microsecond)
		_, fresh, err := s.Receive(ctx, arrival(i))
		cancel()
		if fresh != (err == nil) {
			t.Fatalf("fresh %v with %v", fresh, err)
		}
		_, again, after := s.Receive(deadline(t), arrival(i))
		if after != nil || again != (err != nil) {
			t.Fatalf("%d: receive said %v; sent again it is fresh %v, %v", i, err, again, after)
		}
	}
}

func testArrivalDue(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	receive(t, s, arrival(1))
	wantDue(t, s, "claimed by whoever received it", 0, 0)
	c.move(10*time.Second - time.Microsecond)
	wantDue(t, s, "just before the claim lapses", 0, 0)
	c.move(time.Microsecond)
	wantDue(t, s, "lapsed", 1, 0)
	wantDue(t, s, "claimed by the clock", 0, 0)
	c.move(10 * time.Second)
	wantDue(t, s, "lapsed again", 1, 0)
}

func testHandBack(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	back := func(arrivals ...bot.Arrival) {
		t.Helper()
		if err := s.HandBack(deadline(t), arrivals); err != nil {
			t.Fatal(err)
		}
	}
	first, kept, done := receive(t, s, arrival(1)), receive(t, s, arrival(2)), receive(t, s, arrival(3))
	if err := s.Record(deadline(t), done.ID); err != nil {
		t.Fatal(err)
	}
	back(first, done)
	w := due(t, s)
	if len(w.Arrivals) != 1 || w.Arrivals[0].ID != first.ID {
		t.Fatalf("due after handing back: %v, want only arrival %d", w.Arrivals, first.ID)
	}
	again := w.Arrivals[0]
	if again.Tries < 2 {
		t.Errorf("claimed by the clock it was tried %d times; only one that is claimed since it was received has 1", again.Tries)
	}
	back(first) // too late: somebody else has it now
	wantDue(t, s, "claimed by somebody else since", 0, 0)
	for range 10 { // not begun, so not tried
		back(again)
		w := due(t, s)
		if len(w.Arrivals) != 1 || w.Arrivals[0].Tries != again.Tries {
			t.Fatalf("handed back once more: %v, want arrival %d at try %d", w.Arrivals, first.ID, again.Tries)
		}
	}
	c.move(10 * time.Second)
	wantDue(t, s, "with the one that was kept", 2, 0)
	back(kept) // its claim has lapsed, and somebody else has one
	wantDue(t, s, "with both claimed", 0, 0)
}

func testSettled(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	byCommit, byRecord, left := receive(t, s, arrival(1)), receive(t, s, arrival(2)), receive(t, s, arrival(3))
	r := pending("REQ-ACDEFG", "carol")
	commit(t, s, bot.Change{Request: r, Settles: byCommit.ID})
	if err := s.Record(deadline(t), byRecord.ID, bot.Entry{Action: "refused", Actor: "U-BOB"}); err != nil {
		t.Fatal(err)
	}
	// A change that is refused settles nothing.
	if _, err := s.Commit(deadline(t), bot.Change{Request: r, Settles: left.ID}); !errors.Is(err, bot.ErrTaken) {
		t.Fatal(err)
	}
	c.move(time.Hour)
	w := due(t, s)
	if len(w.Arrivals) != 1 || w.Arrivals[0].ID != left.ID {
		t.Errorf("due: %v, want only arrival %d", w.Arrivals, left.ID)
	}
	if got, err := s.Arrival(deadline(t), byCommit.ID); err != nil || got.Text == "" {
		t.Errorf("a settled arrival can be read until it is forgotten: %q, %v", got.Text, err)
	}
}

// Only people who acted recently can still be answered there, settled or not.
func testResponseURLs(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	act := func(n int, who, text string) {
		t.Helper()
		a := arrival(n)
		a.UserID, a.Text, a.ResponseURL = who, text, bot.Secret(fmt.Sprintf("https://hooks.example/%d", n))
		got := receive(t, s, a)
		if n%2 == 0 {
			if err := s.Record(deadline(t), got.ID); err != nil {
				t.Fatal(err)
			}
		}
		c.move(time.Minute)
	}
	act(1, "U-BOB", "me")
	act(2, "U-BOB", "me")
	act(3, "U-EVE", `"user_id":"U-BOB"`)
	act(4, "U-BOB", "me")
	act(5, "U-BOBBY", "me")
	without := arrival(6)
	without.ResponseURL = ""
	receive(t, s, without)
	want := func(when, who string, limit int, urls ...bot.Secret) {
		t.Helper()
		if got, err := s.ResponseURLs(deadline(t), who, limit); err != nil || !slices.Equal(got, urls) {
			t.Errorf("%s: %d response URLs of %s, %v, want %d", when, len(got), who, err, len(urls))
		}
	}
	want("soon", "U-BOB", 3, "https://hooks.example/4", "https://hooks.example/2", "https://hooks.example/1")
	want("soon", "U-BOB", 2, "https://hooks.example/4", "https://hooks.example/2")
	want("soon", "U-BOBBY", 3, "https://hooks.example/5")
	want("soon", "U-NOBODY", 3)
	c.move(26 * time.Minute) // 31 since the first
	want("when the first are too old", "U-BOB", 3, "https://hooks.example/4")
	c.move(time.Hour)
	want("when all are too old", "U-BOB", 3)
	if err := s.Forget(deadline(t), 0); err != nil {
		t.Fatal(err)
	}
	want("when they are erased", "U-BOB", 3)
}

func testForget(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	forget := func() {
		t.Helper()
		if err := s.Forget(deadline(t), 0); err != nil {
			t.Fatal(err)
		}
	}
	settled, owed := receive(t, s, arrival(1)), receive(t, s, arrival(2))
	if err := s.Record(deadline(t), settled.ID); err != nil {
		t.Fatal(err)
	}
	c.move(30 * time.Minute)
	young := receive(t, s, arrival(3))
	forget()
	if got, err := s.Arrival(deadline(t), settled.ID); err != nil || got.ResponseURL == "" {
		t.Errorf("after 30 minutes: response_url %q, %v; it still works", string(got.ResponseURL), err)
	}
	c.move(time.Microsecond)
	forget()
	if got, err := s.Arrival(deadline(t), settled.ID); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("after more: %+v, %v, want ErrNoRequest", got, err)
	}
	got, err := s.Arrival(deadline(t), owed.ID)
	if err != nil || got.ResponseURL != "" || got.TriggerID != "" {
		t.Errorf("an arrival not yet carried out keeps its secrets: %q, %q, %v", string(got.ResponseURL), string(got.TriggerID), err)
	}
	if got.Text != "me lost my phone" || got.UserID != "U-BOB" || got.Envelope != owed.Envelope {
		t.Errorf("an arrival not yet carried out lost its body: %+v", got)
	}
	if got, err := s.Arrival(deadline(t), young.ID); err != nil || got.ResponseURL != "https://hooks.example/secret" || got.TriggerID != "trigger-secret" {
		t.Errorf("a young arrival lost its secrets: %v", err)
	}
	// It is handled late, and then its text is erased, too.
	if w := due(t, s); len(w.Arrivals) != 1 || w.Arrivals[0].ID != owed.ID {
		t.Fatalf("due: %v", w.Arrivals)
	}
	if err := s.Record(deadline(t), owed.ID); err != nil {
		t.Fatal(err)
	}
	forget()
	if _, err := s.Arrival(deadline(t), owed.ID); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("carried out late: %v, want ErrNoRequest", err)
	}
}
