package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// becomeTeller reports whether the caller is now the teller of a request.
func becomeTeller(ctx context.Context, s *store.Store, id string) (bool, error) {
	tries, err := s.ClaimTelling(ctx, id)
	return tries > 0, err
}

func claim(t testing.TB, s *store.Store, id string) bool {
	t.Helper()
	mine, err := becomeTeller(deadline(t), s, id)
	if err != nil {
		t.Fatalf("claim the telling of %s: %v", id, err)
	}
	return mine
}

func told(t testing.TB, s *store.Store, id string, version int64, retry time.Time) bool {
	t.Helper()
	more, err := s.Told(deadline(t), id, version, bot.Retry{At: retry})
	if err != nil {
		t.Fatalf("told %s version %d: %v", id, version, err)
	}
	return more
}

// wantTell demands that exactly these requests, by ID, are owed to people now.
func wantTell(t *testing.T, s *store.Store, when string, want ...string) {
	t.Helper()
	got := due(t, s).Tell
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, owed to people (-want +got):\n%s", when, diff)
	}
}

func testOneTeller(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	create(t, s, pending("REQ-OTHER", "dave"))
	ctx := deadline(t)
	lost := errors.New("somebody else's")
	oneWinner(t, atOnce(20, func(int) error {
		mine, err := becomeTeller(ctx, s, r.ID)
		if err == nil && !mine {
			err = lost
		}
		return err
	}), lost)
	wantTell(t, s, "claimed", "REQ-OTHER")
	if !claim(t, s, "REQ-OTHER") {
		t.Error("one request's teller keeps another request's away")
	}
}

func testTold(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	wantTell(t, s, "created", r.ID)
	wantTell(t, s, "looking claims nothing", r.ID)
	if !claim(t, s, r.ID) {
		t.Fatal("not to be had")
	}
	if told(t, s, r.ID, r.Version, time.Time{}) {
		t.Error("more is owed than the current version")
	}
	wantTell(t, s, "told")
	if claim(t, s, r.ID) {
		t.Error("claimed a telling of which nothing is owed")
	}
	turn(t, s, r, bot.Approved)
	wantTell(t, s, "changed", r.ID)
	if !claim(t, s, r.ID) {
		t.Error("after a change the telling is not to be had")
	}
}

func testToldNewer(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := create(t, s, pending("REQ-ACDEFG", "carol"))
	claim(t, s, first.ID)
	second := turn(t, s, first, bot.Approved)
	wantTell(t, s, "changed while being told")
	if claim(t, s, first.ID) {
		t.Fatal("a change gave the telling to somebody else")
	}
	c.move(9 * time.Second)
	if !told(t, s, first.ID, first.Version, time.Time{}) {
		t.Fatal("nothing more is owed, though the version is newer")
	}
	// The claim goes on, for its full time from now.
	c.move(10*time.Second - time.Microsecond)
	if claim(t, s, first.ID) {
		t.Error("the claim did not go on")
	}
	c.move(time.Microsecond)
	wantTell(t, s, "should the teller have died", first.ID)
	if told(t, s, first.ID, second.Version, time.Time{}) {
		t.Error("more is owed than the newest version")
	}
	wantTell(t, s, "all told")
}

func testToldRetry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	claim(t, s, r.ID)
	if told(t, s, r.ID, r.Version, c.now().Add(time.Minute)) {
		t.Error("a teller who has to wait shall not go on")
	}
	c.move(time.Minute - time.Microsecond)
	wantTell(t, s, "before the retry")
	c.move(time.Microsecond)
	wantTell(t, s, "at the retry", r.ID)
	if !claim(t, s, r.ID) {
		t.Error("the claim was not given up")
	}
	// What changed is owed at once, whatever the older version waits for.
	told(t, s, r.ID, r.Version, c.now().Add(time.Hour))
	wantTell(t, s, "waiting again")
	newer := turn(t, s, r, bot.Denied)
	wantTell(t, s, "changed while waiting", r.ID)
	claim(t, s, r.ID)
	told(t, s, r.ID, r.Version, c.now().Add(time.Hour))
	wantTell(t, s, "changed before it had to wait", r.ID)
	claim(t, s, r.ID)
	told(t, s, r.ID, newer.Version, c.now().Add(time.Hour))
	wantTell(t, s, "the newer one waits")
}

// The tries tell a teller that those before it came to nothing.
func testTellingTries(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	want := func(when string, want int) {
		t.Helper()
		if tries, err := s.ClaimTelling(deadline(t), r.ID); err != nil || tries != want {
			t.Errorf("%s: try %d, %v, want %d", when, tries, err, want)
		}
	}
	want("first", 1)
	want("while claimed", 0)
	c.move(10 * time.Second)
	want("lapsed", 2)
	told(t, s, r.ID, r.Version, c.now())
	want("after a retry", 3)
	for range 5 {
		if _, err := s.Told(deadline(t), r.ID, r.Version, bot.Retry{At: c.now(), PutOff: true}); err != nil {
			t.Fatal(err)
		}
		want("after it was put off", 3)
	}
	r = turn(t, s, r, bot.Denied)
	c.move(10 * time.Second)
	want("a new version", 1)
	told(t, s, r.ID, r.Version, time.Time{})
	want("nothing owed", 0)
}

func testTellingLapses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	claim(t, s, r.ID)
	c.move(10*time.Second - time.Microsecond)
	if wantTell(t, s, "claimed"); claim(t, s, r.ID) {
		t.Error("taken from a living teller")
	}
	c.move(time.Microsecond)
	if wantTell(t, s, "lapsed", r.ID); !claim(t, s, r.ID) {
		t.Error("a dead teller keeps the request")
	}
}

func testTellUnknown(t *testing.T, open opener) {
	s := open(t, newClock().now)
	if claim(t, s, "REQ-NOBODY") {
		t.Error("claimed a request that does not exist")
	}
	if _, err := s.Told(deadline(t), "REQ-NOBODY", 1, bot.Retry{}); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("told: %v, want ErrNoRequest", err)
	}
}

func testPlaces(t *testing.T, open opener) {
	s := open(t, newClock().now)
	create(t, s, pending("REQ-ACDEFG", "carol"))
	create(t, s, pending("REQ-OTHER", "dave"))
	set := func(id string, p bot.Place) {
		t.Helper()
		if err := s.SetPlace(deadline(t), id, p); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, id string, want map[string]bot.Place) {
		t.Helper()
		got, err := s.Places(deadline(t), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	want("at first", "REQ-ACDEFG", map[string]bot.Place{})
	card := bot.Place{Key: "card", Channel: "C1", TS: "1.1", Shown: "a"}
	receipt := bot.Place{Key: "receipt:U-BOB", Channel: "D1", TS: "1.2", Shown: "b"}
	set("REQ-ACDEFG", card)
	set("REQ-ACDEFG", receipt)
	set("REQ-OTHER", card)
	want("set", "REQ-ACDEFG", map[string]bot.Place{"card": card, "receipt:U-BOB": receipt})
	card.Shown = "c"
	set("REQ-ACDEFG", card)
	want("edited", "REQ-ACDEFG", map[string]bot.Place{"card": card, "receipt:U-BOB": receipt})
	for _, other := range []bot.Place{{Key: "card", Channel: "C1", TS: "2.1", Shown: "d"}, {Key: "card", Channel: "C2", TS: "1.1", Shown: "d"}} {
		if err := s.SetPlace(deadline(t), "REQ-ACDEFG", other); !errors.Is(err, bot.ErrConflict) {
			t.Errorf("a second card: %v, want ErrConflict", err)
		}
	}
	want("posted twice", "REQ-ACDEFG", map[string]bot.Place{"card": card, "receipt:U-BOB": receipt})
	set("REQ-ACDEFG", bot.Place{Key: "card"})
	want("forgotten", "REQ-ACDEFG", map[string]bot.Place{"receipt:U-BOB": receipt})
	set("REQ-ACDEFG", bot.Place{Key: "card"}) // once more does no harm
	want("another request's", "REQ-OTHER", map[string]bot.Place{"card": {Key: "card", Channel: "C1", TS: "1.1", Shown: "a"}})
	if err := s.SetPlace(deadline(t), "REQ-NOBODY", card); err == nil {
		t.Error("a place was stored for a request that does not exist")
	}
}
