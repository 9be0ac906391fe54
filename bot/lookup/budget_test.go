package lookup

import (
	"testing"
	"time"

	"revoke-sessions/bot/bottest"
)

// Each purpose gets a part of what Slack allows, shared by the replicas. Decisions
// are never held back.
func TestBudget_KeepsRoomForDecisions(t *testing.T) {
	c := &clock{at: bottest.AskedAt}
	for _, replicas := range []int{1, 2} {
		b := NewBudget(c.now, func() int { return replicas }, false)
		most := func(p Purpose) (n int) {
			for n < 1000 && b.Take(For(t.Context(), p), "users.info") == nil {
				n++
			}
			return n
		}
		if n := most(ForHomes); n != 20/replicas {
			t.Errorf("%d replicas: Home tabs get %d calls", replicas, n)
		}
		if n := most(ForOthers); n != 20/replicas {
			t.Errorf("%d replicas: after that, strangers get %d calls", replicas, n)
		}
		if n := most(ForOwn); n != 20/replicas {
			t.Errorf("%d replicas: after that, reports get %d calls", replicas, n)
		}
		if n := most(ForDecision); n != 1000 {
			t.Errorf("%d replicas: a decision was held back after %d calls", replicas, n)
		}
		c.move(time.Minute)
		if n := most(ForOwn); n != 60/replicas {
			t.Errorf("%d replicas: a minute later, reports get %d calls", replicas, n)
		}
		if n := most(ForHomes); n != 0 {
			t.Errorf("%d replicas: Home tabs get %d calls that are not there", replicas, n)
		}
		c.move(time.Minute)
		if n := most(ForOthers); n != 40/replicas {
			t.Errorf("%d replicas: without Home tabs, strangers get %d calls", replicas, n)
		}
		c.move(-time.Hour) // set back
		if n := most(ForOthers); n == 0 {
			t.Error("a clock that is set back holds everybody up")
		}
	}
}
