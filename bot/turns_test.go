package bot

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// served is the order in which everything that waits gets its turn.
func served(q *turns[string]) (order []string) {
	for {
		k, any := q.first()
		if !any {
			return order
		}
		order = append(order, k)
		q.done(k)
	}
}

func TestTurnsGoByRankPersonAndAge(t *testing.T) {
	at := func(seconds int) time.Time { return askedAt.Add(time.Duration(seconds) * time.Second) }
	var q turns[string]
	for _, w := range []struct {
		key string
		turn
	}{
		{"a3", turn{1, "ann", at(3)}}, {"a1", turn{1, "ann", at(1)}}, {"a2", turn{1, "ann", at(2)}}, {"a4", turn{1, "ann", at(4)}},
		{"b5", turn{1, "ben", at(5)}}, {"b6", turn{1, "ben", at(6)}},
		{"note", turn{2, "eve", at(0)}}, {"result", turn{0, "ann", at(9)}},
	} {
		q.wait(w.key, w.turn)
	}
	want := []string{"result", "a1", "b5", "a2", "b6", "a3", "a4", "note"}
	for n, k := range want {
		if ahead := q.ahead(k); ahead != n {
			t.Errorf("%d go before %s, want %d", ahead, k, n)
		}
	}
	if k, _ := q.oldest(); k != "note" {
		t.Errorf("the oldest is %s", k)
	}
	if k := q.last(); k != "a4" {
		t.Errorf("left out first would be %s", k)
	}
	if got := served(&q); !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// However many somebody has waiting, and has had: who comes now is the next.
func TestTurnsOfAFloodDoNotHoldUpTheNext(t *testing.T) {
	var q turns[string]
	for n := range 400 {
		q.wait(fmt.Sprint("flood", n), turn{1, "insider", askedAt.Add(time.Duration(n) * time.Millisecond)})
	}
	for range 300 {
		k, _ := q.first()
		q.done(k)
	}
	q.wait("dana", turn{1, "dana", askedAt.Add(time.Hour)})
	q.wait("erin", turn{1, "erin", askedAt.Add(2 * time.Hour)})
	if n := q.ahead("dana"); n != 0 {
		t.Errorf("%d go before dana", n)
	}
	if n := q.ahead("erin"); n != 1 {
		t.Errorf("%d go before erin", n)
	}
	// Nor has who was away saved up turns.
	for n := range 50 {
		q.wait(fmt.Sprint("late", n), turn{1, "late", askedAt.Add(3*time.Hour + time.Duration(n))})
	}
	q.done("dana")
	q.done("erin")
	order := served(&q)
	if n := strings.Count(strings.Join(order[:20], " "), "flood"); n != 10 {
		t.Errorf("of the next 20 turns the flood has %d, want every other one: %v", n, order[:20])
	}
}

// ahead says what first does, whatever comes and goes meanwhile.
func TestTurnsAheadIsWhatHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q turns[string]
		model := map[string]bool{}
		n := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				n++
				k := fmt.Sprint("k", n)
				q.wait(k, turn{rapid.IntRange(0, 2).Draw(t, "rank"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "by"),
					askedAt.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "age")) * time.Hour / 1000)})
				model[k] = true
			case 2:
				if k, any := q.first(); any {
					q.done(k)
					delete(model, k)
				}
			case 3:
				if k, any := q.oldest(); any {
					q.drop(k)
					delete(model, k)
				}
			}
			if q.len() != len(model) {
				t.Fatalf("%d wait, want %d", q.len(), len(model))
			}
		}
		ahead := map[string]int{}
		for k := range model {
			ahead[k] = q.ahead(k)
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
