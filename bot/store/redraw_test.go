package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// testMoveCard: messages in the card's old channel are kept under other keys.
func testMoveCard(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "target"))
	put := func(p bot.Place) {
		t.Helper()
		if err := s.SetPlace(deadline(t), r.ID, p); err != nil {
			t.Fatal(err)
		}
	}
	old := bot.Place{Key: "card", Channel: "C1", TS: "1.1", Shown: "a"}
	put(old)
	put(bot.Place{Key: "joined:U1", Channel: "C1", TS: "1.2", Shown: "b"})
	put(bot.Place{Key: "receipt:U1", Channel: "D1", TS: "1.3", Shown: "c"})
	next := bot.Place{Key: "card", Channel: "C2", TS: "2.1", Shown: "d"}
	if err := s.MoveCard(deadline(t), r.ID, old, next); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveCard(deadline(t), r.ID, old, bot.Place{Key: "card", Channel: "C3", TS: "3.1"}); !errors.Is(err, bot.ErrConflict) {
		t.Errorf("a card that is not there moves: %v", err)
	}
	last := bot.Place{Key: "card", Channel: "C1", TS: "4.1", Shown: "e", Tells: "REQ-9GHJKM", TellsAt: noon.Truncate(time.Microsecond)}
	if err := s.MoveCard(deadline(t), r.ID, next, last); err != nil {
		t.Fatal(err)
	}
	got, err := s.Places(deadline(t), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bot.Place{
		"card":                   last,
		"moved:C1/1.1:card":      {Key: "moved:C1/1.1:card", Channel: "C1", TS: "1.1"},
		"moved:C1/1.1:joined:U1": {Key: "moved:C1/1.1:joined:U1", Channel: "C1", TS: "1.2"},
		"moved:C2/2.1:card":      {Key: "moved:C2/2.1:card", Channel: "C2", TS: "2.1"},
		"receipt:U1":             {Key: "receipt:U1", Channel: "D1", TS: "1.3", Shown: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if known, err := s.Stands(deadline(t), "C1", "1.1"); !known || err != nil {
		t.Errorf("the old card is taken for a stray: %v", err)
	}
}

// testRetell: only open requests are owed again.
func testRetell(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	if err := s.Retell(deadline(t)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"REQ-ACDEFG", "REQ-HJKMNP"} {
		r := pending(id, id)
		r = create(t, s, r)
		if id == "REQ-HJKMNP" {
			r.State, r.DueAt = bot.Denied, time.Time{}
			r = commit(t, s, bot.Change{Request: r})
		}
		a := &teller{TB: t, s: s}
		if !a.claims(id) || a.told(r.Version, bot.Retry{}) {
			t.Fatalf("%s is not told", id)
		}
	}
	f := commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}, Notice: &bot.Notice{Key: "freeze"}})
	n := wantNotices(t, s, "frozen", "freeze#1")[0]
	announced(t, s, n, bot.Retry{})
	a := &teller{TB: t, s: s}
	if !a.claims("REQ-ACDEFG") || a.told(2, bot.Retry{}) {
		t.Fatal("the freeze is not told")
	}
	wantTell(t, s, "all is told")
	if err := s.Retell(deadline(t)); err != nil {
		t.Fatal(err)
	}
	wantTell(t, s, "owed again", "REQ-ACDEFG")
	c.move(bot.ClaimFor)
	n = wantNotices(t, s, "owed again", "freeze#1")[0]
	if n.Freeze != f.ID || n.Version != 2 {
		t.Errorf("the notice is of freeze %d, version %d", n.Freeze, n.Version)
	}
}

// testRetellMeanwhile: a telling that began before Retell is repeated.
func testRetellMeanwhile(t *testing.T, open opener) {
	for name, again := range map[string]func(*store.Store, string) error{
		"told again": func(s *store.Store, _ string) error { return s.Retell(deadline(t)) },
		"stalled":    func(s *store.Store, id string) error { _, err := s.Stall(deadline(t), id); return err },
	} {
		for _, retry := range []bot.Retry{{}, {At: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}} {
			c := newClock()
			s := open(t, c.now)
			r := create(t, s, pending("REQ-ACDEFG", "target"))
			a := &teller{TB: t, s: s}
			if !a.claims(r.ID) {
				t.Fatal("nobody tells it")
			}
			if err := again(s, r.ID); err != nil {
				t.Fatal(err)
			}
			if a.told(r.Version, retry) {
				t.Error("a newer version is to be told at once")
			}
			wantTell(t, s, name+" meanwhile", r.ID)
			if !a.claims(r.ID) || a.told(r.Version, bot.Retry{}) {
				t.Fatal("it is not told again")
			}
			wantTell(t, s, "all is told")
		}
	}
}

// testNoticeOfAFreeze: each step makes the one notice due again, even while somebody
// posts the last one.
func testNoticeOfAFreeze(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	f := commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}, Notice: &bot.Notice{Key: "freeze"}})
	n := wantNotices(t, s, "frozen", "freeze#1")[0]
	f.EndedAt = c.now().UTC()
	f = commitFreeze(t, s, bot.FreezeChange{Freeze: f, Audit: []bot.Entry{{Action: "unfrozen"}}, Notice: &bot.Notice{Key: "freeze"}})
	p := bot.NoticePlace{To: "C1", Channel: "C1", TS: "1.1", Shown: "a", News: 1}
	if err := s.SetNoticePlace(deadline(t), n.ID, p); err != nil {
		t.Fatal(err)
	}
	announced(t, s, n, bot.Retry{}) // the first version
	n = wantNotices(t, s, "the end came meanwhile", "freeze#1")[0]
	if n.Version != 2 || n.Freeze != f.ID {
		t.Errorf("version %d of freeze %d", n.Version, n.Freeze)
	}
	p.Shown, p.News = "b", 2
	if err := s.SetNoticePlace(deadline(t), n.ID, p); err != nil {
		t.Fatal(err)
	}
	if got, err := s.NoticePlaces(deadline(t), n.ID); err != nil || len(got) != 1 || got[0] != p {
		t.Errorf("it stands at %v, %v", got, err)
	}
	if got, err := s.Freeze(deadline(t), f.ID); err != nil || !got.EndedAt.Equal(f.EndedAt) || got.Reason != f.Reason {
		t.Errorf("the freeze is %v, %v", got, err)
	}
	announced(t, s, n, bot.Retry{})
	c.move(time.Hour)
	wantNotices(t, s, "all is told")
	c.move(8 * 24 * time.Hour)
	forget(t, s, 0)
	if got, err := s.NoticePlaces(deadline(t), n.ID); err != nil || len(got) != 0 {
		t.Errorf("after its time it stands at %v, %v", got, err)
	}
}

// testFreezePlaces: a freeze is shown where its own notice is, and nowhere else.
func testFreezePlaces(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	wantPlaces := func(when string, freeze int64, want ...bot.NoticePlace) {
		t.Helper()
		if got, err := s.FreezePlaces(deadline(t), freeze); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s, freeze %d is shown at %v, %v", when, freeze, got, err)
		}
	}
	announce(t, s, notice("freeze#1x"))
	if err := s.SetNoticePlace(deadline(t), 1, bot.NoticePlace{To: "C9", Channel: "C9", TS: "9.9"}); err != nil {
		t.Fatal(err)
	}
	home := func(ts string) bot.NoticePlace {
		return bot.NoticePlace{To: "C1", Channel: "C1", TS: ts, Shown: "a", News: 1}
	}
	direct := bot.NoticePlace{To: "U-ALICE", Channel: "D1", TS: "1.2"}
	wantPlaces("before it", 1)
	for i, places := range [][]bot.NoticePlace{{home("1.1"), direct}, {home("2.1")}} {
		number := int64(i) + 1
		f := commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}, Notice: &bot.Notice{Key: bot.FreezeKind}})
		wantPlaces("not posted yet", number)
		w := due(t, s)
		n := w.Notices[len(w.Notices)-1]
		for _, p := range places {
			if err := s.SetNoticePlace(deadline(t), n.ID, p); err != nil {
				t.Fatal(err)
			}
		}
		f.EndedAt = c.now().UTC()
		commitFreeze(t, s, bot.FreezeChange{Freeze: f, Audit: []bot.Entry{{Action: "unfrozen"}}, Notice: &bot.Notice{Key: bot.FreezeKind}})
		wantPlaces("over", number, places...)
	}
	wantPlaces("after the second", 1, home("1.1"), direct)
	wantPlaces("none such", 3)
}

// testWithdraw: a withdrawn notice is not posted.
func testWithdraw(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for _, key := range []string{"coverage:1:a", "coverage:2:b", "coverages", "other"} {
		announce(t, s, notice(key))
	}
	if err := s.Withdraw(deadline(t), "coverage", "coverage:2:b"); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, s, "withdrawn", "coverage:2:b", "coverages", "other")
}

// testRevokeIsOwedToOthers: an accepted revoke is owed to the people of the other open
// requests about the account, even during a telling, and to nobody else.
func testRevokeIsOwedToOthers(t *testing.T, open opener) {
	s := open(t, newClock().now)
	var waiting []bot.Telling
	for _, r := range []bot.Request{pending("REQ-OWN", "carol"), pending("REQ-OVER", "carol"), pending("REQ-DAVE", "dave")} {
		if r.ID == "REQ-OWN" {
			r.Lane = authz.Self
		}
		r.DueAt = noon.Add(time.Hour)
		r = create(t, s, r)
		if r.ID == "REQ-OVER" {
			r.DueAt = time.Time{}
			r = turn(t, s, r, bot.Denied)
		}
		told, mine, err := s.ClaimTelling(deadline(t), r.ID)
		if err != nil || !mine {
			t.Fatal(mine, err)
		}
		if _, _, err := s.Told(deadline(t), told, r.Version, bot.Retry{}); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, told)
	}
	owed := func() (ids []string) {
		t.Helper()
		for i, w := range waiting {
			if next, mine, err := s.ClaimTelling(deadline(t), w.Request); err != nil {
				t.Fatal(err)
			} else if mine {
				ids, waiting[i] = append(ids, w.Request), next
			}
		}
		return ids
	}
	r := create(t, s, pending("REQ-OTHER", "carol"))
	if diff := cmp.Diff([]string(nil), owed()); diff != "" {
		t.Errorf("before the revoke (-want +got):\n%s", diff)
	}
	r.AcceptedAt = noon
	r = turn(t, s, r, bot.Revoked)
	if diff := cmp.Diff([]string{"REQ-OWN"}, owed()); diff != "" {
		t.Errorf("by the revoke (-want +got):\n%s", diff)
	}
	own := stored(t, s, "REQ-OWN")
	turn(t, s, r, bot.Verified) // while REQ-OWN is told of the revoke
	if _, _, err := s.Told(deadline(t), waiting[0], own.Version, bot.Retry{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"REQ-OWN"}, owed()); diff != "" {
		t.Errorf("by what was read meanwhile (-want +got):\n%s", diff)
	}
}
