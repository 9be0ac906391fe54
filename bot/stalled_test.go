package bot

import (
	"strings"
	"testing"
	"time"
)

// Three failures within a minute are no reason to call anybody, nor is one after
// a long time; what has gone on begins anew.
func TestStumbles(t *testing.T) {
	var s stumbles
	at := today
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
	s.went("REQ-ACDEFG")
	fails("first again", time.Hour, false)
	fails("second again", time.Second, false)
	fails("third again, at once", time.Second, false)
	for n := range manyStumbles + 10 {
		s.failed(strings.Repeat("A", n+1), at.Add(2*time.Hour))
	}
	if _, known := s.all["REQ-ACDEFG"]; known {
		t.Error("what has not failed for long is kept for ever")
	}
}

// What the approvers read is true of every state, and nobody is told to wait.
func TestStalledNoticeSaysWhatIsKnown(t *testing.T) {
	for name, row := range map[string]struct {
		s    scene
		says string
	}{
		"pending":               {newScene("", Pending, stalled), "Nothing was revoked."},
		"approved":              {newScene("", Approved, waits(429, time.Minute), stalled), "Nothing was revoked."},
		"executing":             {newScene("", Executing, stalled), "It is not known whether anything was revoked."},
		"unknown":               {newScene("", Unknown, stalled), "It is not known whether anything was revoked."},
		"after an unclear call": {newScene("", Approved, waits(429, time.Minute), afterUnclear, stalled), "It is not known whether anything was revoked."},
		"a drill":               {newScene("", Approved, drill, stalled), "Nothing was changed."},
	} {
		m := StalledNotice(row.s.r.ID, &row.s.r, row.s.v)
		text, _ := read(t, m)
		if !strings.Contains(text, row.says) || !strings.Contains(text, "I cannot go on with "+row.s.r.ID) || strings.Contains(text, "revoke in the Entra portal") == row.s.r.Drill {
			t.Errorf("%s: %s", name, text)
		}
	}
	text, _ := read(t, StalledNotice("REQ-ACDEFG", nil, newScene("", Pending).v))
	for _, words := range []string{"cannot be read", "Treat it as not done", alice, emergency, "revoke in the Entra portal"} {
		if !strings.Contains(text, words) {
			t.Errorf("it does not say %q: %s", words, text)
		}
	}
}

// A card or receipt of what cannot go on promises nothing.
func TestStalledPromisesNothing(t *testing.T) {
	for _, s := range allSayings() {
		if s.scene.r.StalledAt.IsZero() || s.key != cardKey && kind(s.key) != "receipt" {
			continue
		}
		text, _ := read(t, s.m)
		if !strings.Contains(text, "each try fails") {
			t.Errorf("%s does not say that it cannot go on:\n%s", s, text)
		}
		for _, promise := range []string{"nobody needs to do anything", "I look again", "I try again", "next try", "next answer here", "Asking Microsoft", "asked all the same", "Expires "} {
			if strings.Contains(text, promise) {
				t.Errorf("%s promises %q:\n%s", s, promise, text)
			}
		}
	}
}
