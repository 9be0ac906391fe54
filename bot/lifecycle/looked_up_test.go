package lifecycle

import (
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot/lookup"
)

// TestLookedUp: whether a decision was looked at lately goes by a clock that
// nobody sets, and is forgotten where the other clock was.
func TestLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookedUp
		if l.lately("REQ-ACDEFG") {
			t.Error("it was looked at from the start")
		}
		l.note("REQ-ACDEFG")
		time.Sleep(lookup.Fresh)
		if !l.lately("REQ-ACDEFG") {
			t.Error("it is forgotten too soon")
		}
		time.Sleep(time.Second)
		if l.lately("REQ-ACDEFG") {
			t.Error("it counts for longer than a look-up may")
		}
		l.note("REQ-HJKMNP")
		if len(l.at) != 1 {
			t.Errorf("%d are remembered", len(l.at))
		}
		l.forget()
		if l.lately("REQ-HJKMNP") {
			t.Error("it counts although the clock was set back")
		}
	})
}
