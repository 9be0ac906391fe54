package turns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"revoke-sessions/bot/bottest"
)

// served drains the queue and returns the order.
func served(q *Queue[string]) (order []string) {
	for {
		k, any := q.First()
		if !any {
			return order
		}
		order = append(order, k)
		q.Done(k)
	}
}

func TestQueue_OrdersByRankPersonAndAge(t *testing.T) {
	at := func(seconds int) time.Time { return bottest.AskedAt.Add(time.Duration(seconds) * time.Second) }
	var q Queue[string]
	for _, w := range []struct {
		key string
		Turn
	}{
		{"a3", Turn{1, "ann", at(3)}}, {"a1", Turn{1, "ann", at(1)}}, {"a2", Turn{1, "ann", at(2)}}, {"a4", Turn{1, "ann", at(4)}},
		{"b5", Turn{1, "ben", at(5)}}, {"b6", Turn{1, "ben", at(6)}},
		{"note", Turn{2, "eve", at(0)}}, {"result", Turn{0, "ann", at(9)}},
	} {
		q.Wait(w.key, w.Turn)
	}
	want := []string{"result", "a1", "b5", "a2", "b6", "a3", "a4", "note"}
	for n, k := range want {
		if ahead := q.Ahead(k); ahead != n {
			t.Errorf("%d go before %s, want %d", ahead, k, n)
		}
	}
	if k, _ := q.Oldest(); k != "note" {
		t.Errorf("the oldest is %s", k)
	}
	if k := q.Last(); k != "a4" {
		t.Errorf("left out first would be %s", k)
	}
	if got := served(&q); !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// However many items one owner has waiting or served, a newcomer goes next.
func TestQueue_FloodDoesNotDelayNewcomer(t *testing.T) {
	var q Queue[string]
	for n := range 400 {
		q.Wait(fmt.Sprint("flood", n), Turn{1, "insider", bottest.AskedAt.Add(time.Duration(n) * time.Millisecond)})
	}
	for range 300 {
		k, _ := q.First()
		q.Done(k)
	}
	q.Wait("dana", Turn{1, "dana", bottest.AskedAt.Add(time.Hour)})
	q.Wait("erin", Turn{1, "erin", bottest.AskedAt.Add(2 * time.Hour)})
	if n := q.Ahead("dana"); n != 0 {
		t.Errorf("%d go before dana", n)
	}
	if n := q.Ahead("erin"); n != 1 {
		t.Errorf("%d go before erin", n)
	}
	// Nobody saves up turns while away.
	for n := range 50 {
		q.Wait(fmt.Sprint("late", n), Turn{1, "late", bottest.AskedAt.Add(3*time.Hour + time.Duration(n))})
	}
	q.Done("dana")
	q.Done("erin")
	order := served(&q)
	if n := strings.Count(strings.Join(order[:20], " "), "flood"); n != 10 {
		t.Errorf("of the next 20 turns the flood has %d, want every other one: %v", n, order[:20])
	}
}

// Ahead predicts the order of First, whatever comes and goes in between.
func TestQueue_AheadPredictsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue[string]
		model := map[string]bool{}
		n := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				n++
				k := fmt.Sprint("k", n)
				q.Wait(k, Turn{rapid.IntRange(0, 2).Draw(t, "rank"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "by"),
					bottest.AskedAt.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "age")) * time.Hour / 1000)})
				model[k] = true
			case 2:
				if k, any := q.First(); any {
					q.Done(k)
					delete(model, k)
				}
			case 3:
				if k, any := q.Oldest(); any {
					q.Drop(k)
					delete(model, k)
				}
			}
			if q.Len() != len(model) {
				t.Fatalf("%d wait, want %d", q.Len(), len(model))
			}
		}
		ahead := map[string]int{}
		for k := range model {
			ahead[k] = q.Ahead(k)
		}
		order := served(&q)
		if len(order) != len(model) {
			t.Fatalf("%d were served of %d", len(order), len(model))
		}
		for n, k := range order {
			if ahead[k] != n {
				t.Fatalf("%s is number %d, and %d were said to go before it: %v", k, n, ahead[k], order)
			}
		}
	})
}
