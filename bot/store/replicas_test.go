package store_test

import (
	"testing"
	"time"
)

func testBeat(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for range 2 {
		if live, err := s.Beat(deadline(t)); live != 1 || err != nil {
			t.Errorf("%d, %v", live, err)
		}
		c.move(time.Minute)
	}
}
