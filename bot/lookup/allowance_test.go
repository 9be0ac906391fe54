package lookup

import (
	"fmt"
	"testing"
	"time"

	"revoke-sessions/bot/bottest"
)

func TestAllowance(t *testing.T) {
	const every = 6 * time.Second
	w, now := NewAllowance(every), bottest.AskedAt
	for i := range askBurst {
		if wait := w.Take(bottest.Bob, false, now); wait != 0 {
			t.Fatalf("ask %d has to wait %s", i+1, wait)
		}
	}
	if wait := w.Take(bottest.Bob, false, now.Add(2*time.Second)); wait != 4*time.Second {
		t.Errorf("one more has to wait %s", wait)
	}
	if wait := w.Take(bottest.Bob, true, now); wait != 0 {
		t.Errorf("a report of the own device has to wait %s", wait)
	}
	if wait := w.Take(bottest.Erin, false, now); wait != 0 {
		t.Errorf("somebody else has to wait %s", wait)
	}
	if wait := w.Take(bottest.Bob, false, now.Add(every)); wait != 0 {
		t.Errorf("after the time that was said, another %s", wait)
	}
	if wait := w.Take(bottest.Bob, false, now.Add(-time.Hour)); wait > every {
		t.Errorf("after a clock was set back people wait %s", wait)
	}
	if w := NewAllowance(0); w.Take(bottest.Bob, false, now) != 0 {
		t.Error("without a limit somebody waits")
	}
}

func TestAllowance_BoundsRememberedPeople(t *testing.T) {
	w, now := NewAllowance(6*time.Second), bottest.AskedAt
	for i := range maxAskers {
		w.Take(fmt.Sprint("U", i), false, now)
	}
	now = now.Add(5 * time.Second)
	for range askBurst {
		w.Take(bottest.Bob, false, now) // the first makes room for itself
	}
	if n := len(w.others); n > maxAskers {
		t.Errorf("%d people are remembered", n)
	}
	now = now.Add(time.Second) // the others have rested, Bob has not
	w.Take(bottest.Erin, false, now)
	if n := len(w.others); n != 2 {
		t.Errorf("%d people are remembered, though all but two have rested", n)
	}
	if w.Take(bottest.Bob, false, now) == 0 {
		t.Error("Bob was forgotten among the others")
	}
}
