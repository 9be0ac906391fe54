package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// teller claims the telling of a request and goes on with it.
type teller struct {
	testing.TB
	s *store.Store
	bot.Telling
}

// claims tries to claim the telling of a request and reports whether it succeeded.
func (a *teller) claims(id string) bool {
	a.Helper()
	got, mine, err := a.s.ClaimTelling(deadline(a), id)
	if err != nil {
		a.Fatalf("claim the telling of %s: %v", id, err)
	}
	if mine {
		a.Telling = got
	}
	return mine
}

// told reports whether more is owed, and keeps the next claim.
func (a *teller) told(version int64, retry bot.Retry) bool {
	a.Helper()
	next, more, err := a.s.Told(deadline(a), a.Telling, version, retry)
	if err != nil {
		a.Fatalf("told %s version %d: %v", a.Request, version, err)
	}
	if more {
		a.Telling = next
	}
	return more
}

// at is the retry after a failure.
func at(t time.Time) bot.Retry { return bot.Retry{At: t} }

// wantTell checks that exactly these requests, by ID, are owed to people now.
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
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	create(t, s, pending("REQ-OTHER", "dave"))
	ctx := deadline(t)
	lost := errors.New("somebody else's")
	oneWinner(t, atOnce(20, func(int) error {
		_, mine, err := s.ClaimTelling(ctx, r.ID)
		if err == nil && !mine {
			err = lost
		}
		return err
	}), lost)
	wantTell(t, s, "claimed", "REQ-OTHER")
	if !a.claims("REQ-OTHER") {
		t.Error("one request's teller keeps another request's away")
	}
}

func testTold(t *testing.T, open opener) {
	s := open(t, newClock().now)
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	wantTell(t, s, "created", r.ID)
	wantTell(t, s, "looking claims nothing", r.ID)
	if !a.claims(r.ID) {
		t.Fatal("not to be had")
	}
	if a.told(r.Version, bot.Retry{}) {
		t.Error("more is owed than the current version")
	}
	wantTell(t, s, "told")
	if a.claims(r.ID) {
		t.Error("claimed a telling of which nothing is owed")
	}
	turn(t, s, r, bot.Approved)
	wantTell(t, s, "changed", r.ID)
	if !a.claims(r.ID) {
		t.Error("after a change the telling is not to be had")
	}
}

func testToldNewer(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	a := teller{TB: t, s: s}
	first := create(t, s, pending("REQ-ACDEFG", "carol"))
	a.claims(first.ID)
	second := turn(t, s, first, bot.Approved)
	wantTell(t, s, "changed while being told")
	if a.claims(first.ID) {
		t.Fatal("a change gave the telling to somebody else")
	}
	c.move(9 * time.Second)
	if !a.told(first.Version, bot.Retry{}) {
		t.Fatal("nothing more is owed, though the version is newer")
	}
	// The claim is renewed for its full time.
	c.move(10*time.Second - time.Microsecond)
	if a.claims(first.ID) {
		t.Error("the claim did not go on")
	}
	c.move(time.Microsecond)
	wantTell(t, s, "should the teller have died", first.ID)
	if a.told(second.Version, bot.Retry{}) {
		t.Error("more is owed than the newest version")
	}
	wantTell(t, s, "all told")
}

func testToldRetry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	a.claims(r.ID)
	if a.told(r.Version, at(c.now().Add(time.Minute))) {
		t.Error("a teller who has to wait shall not go on")
	}
	c.move(time.Minute - time.Microsecond)
	wantTell(t, s, "before the retry")
	c.move(time.Microsecond)
	wantTell(t, s, "at the retry", r.ID)
	if !a.claims(r.ID) {
		t.Error("the claim was not given up")
	}
	// A new version is owed at once, whatever the older one waits for.
	a.told(r.Version, at(c.now().Add(time.Hour)))
	wantTell(t, s, "waiting again")
	newer := turn(t, s, r, bot.Denied)
	wantTell(t, s, "changed while waiting", r.ID)
	a.claims(r.ID)
	a.told(r.Version, at(c.now().Add(time.Hour)))
	wantTell(t, s, "changed before it had to wait", r.ID)
	a.claims(r.ID)
	a.told(newer.Version, at(c.now().Add(time.Hour)))
	wantTell(t, s, "the newer one waits")
}

// Tries counts the failures so far.
func testTellingTries(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	want := func(when string, want int) {
		t.Helper()
		if a.Tries = 0; a.claims(r.ID) != (want > 0) || a.Tries != want {
			t.Errorf("%s: try %d, want %d", when, a.Tries, want)
		}
	}
	want("first", 1)
	want("while claimed", 0)
	c.move(10 * time.Second)
	want("lapsed", 2)
	a.told(r.Version, at(c.now()))
	want("after a retry", 3)
	for range 5 {
		a.told(r.Version, bot.Retry{At: c.now(), PutOff: true})
		a.told(r.Version, bot.Retry{At: c.now(), PutOff: true}) // the answer was lost
		want("after it was put off", 3)
	}
	r = turn(t, s, r, bot.Denied)
	c.move(10 * time.Second)
	want("a new version", 1)
	a.told(r.Version, bot.Retry{})
	want("nothing owed", 0)
}

// A teller without a valid claim settles nothing and blocks nobody: it may repeat a note
// whose answer was lost.
func testToldLate(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	old, now, third := teller{TB: t, s: s}, teller{TB: t, s: s}, teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	old.claims(r.ID)
	c.move(bot.ClaimFor)
	if !now.claims(r.ID) {
		t.Fatal("not to be had")
	}
	r = turn(t, s, r, bot.Denied)
	for _, retry := range []bot.Retry{at(c.now()), {At: c.now(), PutOff: true}, {}} {
		for version := range r.Version + 1 {
			if old.told(version, retry) {
				t.Errorf("version %d, %+v: its claim goes on", version, retry)
			}
			if third.claims(r.ID) {
				t.Fatalf("version %d, %+v: a third teller", version, retry)
			}
		}
	}
	if !now.told(r.Version-1, bot.Retry{}) || now.Tries != 1 {
		t.Errorf("the newer version is not owed to the teller, at its first try, but %d", now.Tries)
	}
	if now.told(r.Version, bot.Retry{}) {
		t.Error("more is owed than the newest version")
	}
	wantTell(t, s, "all told")
}

func testTellingLapses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	a.claims(r.ID)
	c.move(10*time.Second - time.Microsecond)
	if wantTell(t, s, "claimed"); a.claims(r.ID) {
		t.Error("taken from a living teller")
	}
	c.move(time.Microsecond)
	if wantTell(t, s, "lapsed", r.ID); !a.claims(r.ID) {
		t.Error("a dead teller keeps the request")
	}
}

func testTellUnknown(t *testing.T, open opener) {
	s := open(t, newClock().now)
	a := teller{TB: t, s: s}
	if a.claims("REQ-NOBODY") {
		t.Error("claimed a request that does not exist")
	}
	for _, retry := range []bot.Retry{{}, at(time.Now())} {
		if a.told(1, retry) {
			t.Error("more is owed of a request that does not exist")
		}
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
	at := func(p bot.Place) bot.Place { return bot.Place{Key: p.Key, Channel: p.Channel, TS: p.TS} }
	for who, bobs := range map[string]map[string]bot.Place{
		"U-BOB": {"card": at(card), "receipt:U-BOB": at(receipt)}, "U-OLGA": {"card": at(card)},
	} {
		got, err := s.Cards(deadline(t), []string{"REQ-ACDEFG", "REQ-OTHER", "REQ-NOBODY"}, who)
		if diff := cmp.Diff(map[string]map[string]bot.Place{"REQ-ACDEFG": bobs, "REQ-OTHER": {"card": at(card)}}, got); err != nil || diff != "" {
			t.Errorf("the cards and receipts of %s: %v (-want +got):\n%s", who, err, diff)
		}
	}
	if got, err := s.Cards(deadline(t), nil, "U-BOB"); err != nil || len(got) != 0 {
		t.Errorf("the cards of no request: %v, %v", got, err)
	}
	card.Shown, card.Tells, card.TellsAt = "c", "REQ-9GHJKM", noon.Truncate(time.Microsecond)
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
