package listen

import (
	"testing"
	"time"
)

func TestSeen(t *testing.T) {
	s := newSeen(3)
	at := time.Unix(1, 0)
	expect := func(envelope string, state sightingState, reply any) {
		t.Helper()
		if gotState, gotReply := s.begin(envelope, at); gotState != state || gotReply != reply {
			t.Errorf("begin(%s) = %v, %v; want %v, %v", envelope, gotState, gotReply, state, reply)
		}
	}
	expect("a", fresh, nil)
	expect("a", underWay, nil)
	s.answered("a", "hello")
	expect("a", answered, "hello")
	if got, ok := s.arrived("a"); !ok || !got.Equal(at) {
		t.Errorf("arrived(a) = %v, %v", got, ok)
	}

	expect("b", fresh, nil)
	s.forget("b") // not stored: may be tried again
	expect("b", fresh, nil)

	expect("c", fresh, nil) // takes the place of a, the oldest
	expect("c", underWay, nil)
	expect("b", underWay, nil)
	if _, ok := s.arrived("a"); ok {
		t.Error("a is still remembered")
	}
	s.answered("a", "x")
	s.forget("a")
	if len(s.envelopes) > 3 {
		t.Errorf("remembers %d envelopes", len(s.envelopes))
	}
}
