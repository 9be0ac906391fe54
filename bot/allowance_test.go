package bot

import (
	"fmt"
	"testing"
	"time"
)

func TestAllowance(t *testing.T) {
	const every = 6 * time.Second
	w, now := newAllowance(every), askedAt
	for i := range askBurst {
		if wait := w.take(bob, false, now); wait != 0 {
			t.Fatalf("ask %d has to wait %s", i+1, wait)
		}
	}
	if wait := w.take(bob, false, now.Add(2*time.Second)); wait != 4*time.Second {
		t.Errorf("one more has to wait %s", wait)
	}
	if wait := w.take(bob, true, now); wait != 0 {
		t.Errorf("a report of the own device has to wait %s", wait)
	}
	if wait := w.take(erin, false, now); wait != 0 {
		t.Errorf("somebody else has to wait %s", wait)
	}
	if wait := w.take(bob, false, now.Add(every)); wait != 0 {
		t.Errorf("after the time that was said, another %s", wait)
	}
	if wait := w.take(bob, false, now.Add(-time.Hour)); wait > every {
		t.Errorf("a clock that is set back has people wait %s", wait)
	}
	if w := newAllowance(0); w.take(bob, false, now) != 0 {
		t.Error("where nobody counts, somebody waits")
	}
}

func TestAllowanceRemembersSoManyPeople(t *testing.T) {
	w, now := newAllowance(6*time.Second), askedAt
	for i := range manyAskers {
		w.take(fmt.Sprint("U", i), false, now)
	}
	now = now.Add(5 * time.Second)
	for range askBurst {
		w.take(bob, false, now) // the first makes room for itself
	}
	if n := len(w.others); n > manyAskers {
		t.Errorf("%d people are remembered", n)
	}
	now = now.Add(time.Second) // the others have rested, Bob has not
	w.take(erin, false, now)
	if n := len(w.others); n != 2 {
		t.Errorf("%d people are remembered, though all but two have rested", n)
	}
	if w.take(bob, false, now) == 0 {
		t.Error("Bob was forgotten among the others")
	}
}

// What a purpose may use is a part of what Slack allows, shared by the replicas;
// decisions are never held back.
func TestBudgetKeepsRoomForDecisions(t *testing.T) {
	c := &clock{at: askedAt}
	for _, replicas := range []int{1, 2} {
		b := newBudget(c.now, func() int { return replicas }, false)
		most := func(p purpose) (n int) {
			for n < 1000 && b.take(lookingUp(t.Context(), p), "users.info") == nil {
				n++
			}
			return n
		}
		if n := most(forOthers); n != 40/replicas {
			t.Errorf("%d replicas: strangers get %d calls", replicas, n)
		}
		if n := most(forOwn); n != 20/replicas {
			t.Errorf("%d replicas: after that, reports get %d calls", replicas, n)
		}
		if n := most(forDecision); n != 1000 {
			t.Errorf("%d replicas: a decision was held back after %d calls", replicas, n)
		}
		c.move(time.Minute)
		if n := most(forOwn); n != 60/replicas {
			t.Errorf("%d replicas: a minute later, reports get %d calls", replicas, n)
		}
		c.move(-time.Hour) // set back
		if n := most(forOthers); n == 0 {
			t.Error("a clock that is set back holds everybody up")
		}
	}
}
