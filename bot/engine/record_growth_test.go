package engine_test

import (
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// TestRecord_RepetitionsAreCounted: somebody without rights repeats what they may not
// do. For each kind of act the record grows by one row at once and one a minute.
func TestRecord_RepetitionsAreCounted(t *testing.T) {
	s := newTown(t, 60, authz.New(theApprover, another))
	cards := s.sixCards(t)
	var id string
	for id = range cards {
		break
	}
	guest := "U0H40"
	s.slack.UpdateUser(guest, func(u *slacktest.User) { u.Guest = true })
	s.actsOut(t, s.typed("U0H9", "me lost my phone"))
	own := ""
	rows, err := s.rows(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Action == "requested" && r.Actor == "U0H9" {
			own = r.Request
		}
	}
	for name, c := range map[string]struct {
		act  func() bot.Arrival
		most int // rows at once: one for each kind
	}{
		"a guest asks":                {func() bot.Arrival { return s.typed(guest, "me give me work") }, 2}, // the second row is about asking too fast
		"a guest looks":               {func() bot.Arrival { return s.typed(guest, "status") }, 1},
		"a guest freezes":             {func() bot.Arrival { return s.typed(guest, "freeze") }, 1},
		"a guest opens forms":         {func() bot.Arrival { return s.typed(guest, "xyzzy") }, 1}, // about opening them too fast
		"a request that is not there": {func() bot.Arrival { return s.typed(outsider, "cancel REQ-ZZZZZZ") }, 1},
		"an outsider clicks":          {func() bot.Arrival { return s.pressed(outsider, cards[id], bot.ActionConfirm, id) }, 1},
		"an outsider denies":          {func() bot.Arrival { return s.pressed(outsider, cards[id], bot.ActionDeny, id) }, 1},
		"a click in the wrong place": {func() bot.Arrival {
			return s.pressed(outsider, bot.Place{Channel: channelOfCards, TS: "1.2"}, bot.ActionConfirm, id)
		}, 1},
		"the finder of the phone asks to cancel": {func() bot.Arrival { return s.typed("U0H9", "cancel "+own) }, 2}, // the first one is no repetition
	} {
		before, err := s.rows(0)
		if err != nil {
			t.Fatal(err)
		}
		const often = 30
		for range often {
			s.clock.move(100 * time.Millisecond)
			if err := s.deliver(c.act()); err != nil {
				t.Fatal(err)
			}
		}
		s.settled(t)
		after, err := s.rows(0)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(after) - len(before); n > c.most {
			t.Errorf("%s: %d rows of %d acts in 3 seconds, want at most %d", name, n, often, c.most)
		}
		s.clock.move(61 * time.Second)
		if _, err := s.store.Due(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		s.settled(t)
	}
}
