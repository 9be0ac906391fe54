package lifecycle

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/work"
)

// A command line tells nobody else that a request cannot go on.
func TestNoteStep_NobodyToTell(t *testing.T) {
	var log strings.Builder
	at := bottest.Today
	now := func() time.Time { return at }
	pool := work.NewPool(slog.New(slog.NewTextHandler(&log, nil)), now, 1, nil)
	rn := NewRunner(bot.Config{Now: now}, nil, nil, nil, nil, pool, bot.ConsoleActor)
	for range stalledTries {
		rn.noteStep("REQ-ACDEFG", false)
		at = at.Add(stalledAfter)
	}
	pool.Stop()
	if log.Len() > 0 {
		t.Errorf("the log says %s", &log)
	}
}

// Three failures within a minute tell nobody, nor does one after a long time. A success
// starts the count again.
func TestFailures_TellPeopleAfterAMinute(t *testing.T) {
	var s failures
	at := bottest.Today
	fails := func(when string, after time.Duration, want bool) {
		t.Helper()
		at = at.Add(after)
		if got := s.failed("REQ-ACDEFG", at); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	fails("first", 0, false)
	fails("second", stalledAfter, false)
	fails("third, after a minute", 0, true)
	fails("fourth", time.Second, true)
	s.succeeded("REQ-ACDEFG")
	fails("first again", time.Hour, false)
	fails("second again", time.Second, false)
	fails("third again, at once", time.Second, false)
	for n := range maxFailures + 10 {
		s.failed(strings.Repeat("A", n+1), at.Add(2*time.Hour))
	}
	if _, known := s.all["REQ-ACDEFG"]; known {
		t.Error("a failure from long ago is kept forever")
	}
}
