package lifecycle

import (
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot/lookup"
)

// A check counts as recent by a clock that nobody sets, and no longer counts after the
// shared clock was set back.
func TestRecentChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c recentChecks
		if c.has("REQ-ACDEFG") {
			t.Error("it was looked at from the start")
		}
		c.note("REQ-ACDEFG")
		time.Sleep(lookup.Fresh)
		if !c.has("REQ-ACDEFG") {
			t.Error("it is forgotten too soon")
		}
		time.Sleep(time.Second)
		if c.has("REQ-ACDEFG") {
			t.Error("it counts for longer than a look-up may")
		}
		c.note("REQ-HJKMNP")
		if len(c.at) != 1 {
			t.Errorf("%d are remembered", len(c.at))
		}
		c.forget()
		if c.has("REQ-HJKMNP") {
			t.Error("it counts although the clock was set back")
		}
	})
}
