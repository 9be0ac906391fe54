package store_test

import (
	"testing"

	"revoke-sessions/bot"
)

// Words belong to the ask and to the denial; later words are stored nowhere.
func testWordsWhilePending(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	r.Words.Also = map[string]string{"U-DAVE": "saw it too"}
	r = commit(t, s, bot.Change{Request: r})
	if got := stored(t, s, r.ID).Words; got.Also["U-DAVE"] != "saw it too" || got.Reason != "stolen laptop" {
		t.Errorf("words of a pending request: %+v", got)
	}
	r.Words = bot.Words{Reason: "rewritten after the decision"}
	turn(t, s, r, bot.Approved)
	if got := stored(t, s, r.ID).Words; got.Reason != "stolen laptop" || got.DisplayName != "Carol Target" {
		t.Errorf("words of a decided request: %+v", got)
	}

	no := create(t, s, pending("REQ-DENIED", "dave"))
	no.Words.Denied = "wrong person"
	turn(t, s, no, bot.Denied)
	if got := stored(t, s, no.ID).Words; got.Denied != "wrong person" || got.Reason != "stolen laptop" {
		t.Errorf("words of a denied request: %+v", got)
	}
}

// Typed proves words without revealing them: equal words of one request have equal
// hashes, changed words do not, and in another request the same words have another hash.
func testTyped(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	r = turn(t, s, r, bot.Pending)
	r.Words.Also = map[string]string{"U-DAVE": "me too"}
	r = turn(t, s, r, bot.Pending)
	turn(t, s, r, bot.Approved)
	create(t, s, pending("REQ-OTHER", "dave"))

	rows := chain(t, s, r.ID)
	if len(rows) != 4 {
		t.Fatalf("%d audit rows, want 4", len(rows))
	}
	if rows[0].Typed == "" || rows[1].Typed != rows[0].Typed {
		t.Errorf("unchanged words: typed %q then %q", rows[0].Typed, rows[1].Typed)
	}
	if rows[2].Typed == rows[1].Typed {
		t.Error("changed words left typed as it was")
	}
	if rows[3].Typed != rows[2].Typed {
		t.Error("the decision changed typed")
	}
	if other := chain(t, s, "REQ-OTHER"); other[0].Typed == rows[0].Typed {
		t.Error("two requests with the same words have the same hash: no salt")
	}
}
