package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
)

// source is what a Cache asks; a test sets its answer.
type source struct {
	calls  atomic.Int32
	answer func(ctx context.Context, key string) (string, error)
}

func (s *source) fetch(ctx context.Context, key string) (string, error) {
	s.calls.Add(1)
	return s.answer(ctx, key)
}

func says(value string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return value, nil }
}

func fails(err error) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return "", err }
}

// hangs answers only when ctx ends.
func hangs(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

var errDown = &slackapi.Error{Method: "users.info"} // no answer

var errNobody = &slackapi.Error{Method: "users.info", Code: "user_not_found"}

func newSource() (*source, *Cache[string]) {
	s := &source{answer: says("first")}
	return s, NewCache(time.Now, bot.AboutPeople, s.fetch)
}

// expect gets once and compares everything that Get returns.
func expect(t *testing.T, m *Cache[string], value string, age, took time.Duration) {
	t.Helper()
	began := time.Now()
	got, a, err := m.Get(t.Context(), "k")
	if err != nil || got != value || a != age || time.Since(began) != took {
		t.Fatalf("%q, %s old, after %s, %v; want %q, %s old, after %s", got, a, time.Since(began), err, value, age, took)
	}
}

func expectLookupError(t *testing.T, m *Cache[string]) {
	t.Helper()
	got, _, err := m.Get(t.Context(), "k")
	if e, ok := errors.AsType[*bot.LookupError](err); !ok || e.Where != "Slack" || got != "" {
		t.Fatalf("%q, %v; want a LookupError of Slack's", got, err)
	}
}

func TestCache_AnswerIsFreshForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		expect(t, m, "first", 0, 0)
		s.answer = says("second")
		time.Sleep(Fresh - 1)
		expect(t, m, "first", Fresh-1, 0)
		if n := s.calls.Load(); n != 1 {
			t.Fatalf("%d look-ups for a fresh answer", n)
		}
		time.Sleep(time.Nanosecond)
		expect(t, m, "second", 0, 0)
		expect(t, m, "second", 0, 0)
		if n := s.calls.Load(); n != 2 {
			t.Fatalf("%d look-ups, want 2", n)
		}
	})
}

func TestCache_StaleAnswerCountsWithoutNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		expect(t, m, "first", 0, 0)
		s.answer = hangs
		time.Sleep(Fresh)
		expect(t, m, "first", Fresh+waitMost, waitMost)
		s.answer = fails(errDown)
		time.Sleep(Stale - Fresh - waitMost - 1)
		expect(t, m, "first", Stale-1, 0)
		time.Sleep(time.Nanosecond)
		expectLookupError(t, m)
		s.answer = says("second")
		expect(t, m, "second", 0, 0)
	})
}

// The two seconds of waiting count too: an answer may become too old while the
// look-up fails.
func TestCache_AnswerExpiresDuringLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		expect(t, m, "first", 0, 0)
		s.answer = hangs
		time.Sleep(Stale - time.Second)
		expectLookupError(t, m)
	})
}

func TestCache_FailsAfterWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		s.answer = hangs
		began := time.Now()
		expectLookupError(t, m)
		if took := time.Since(began); took != waitMost {
			t.Errorf("gave up after %s, want %s", took, waitMost)
		}
	})
}

func TestCache_RefusalDropsStaleEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		expect(t, m, "first", 0, 0)
		time.Sleep(Fresh)
		s.answer = fails(errNobody)
		got, _, err := m.Get(t.Context(), "k")
		if e, ok := errors.AsType[*slackapi.Error](err); !ok || e.Code != "user_not_found" || got != "" {
			t.Fatalf("%q, %v; want Slack's no", got, err)
		}
		// Nor does an answer from before the refusal count later.
		s.answer = fails(errDown)
		time.Sleep(time.Second)
		expectLookupError(t, m)
	})
}

func TestCache_KeepsNoErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		s.answer = fails(errNobody)
		if _, _, err := m.Get(t.Context(), "k"); err == nil {
			t.Fatal("no error")
		}
		s.answer = fails(errDown)
		expectLookupError(t, m)
		s.answer = says("second")
		expect(t, m, "second", 0, 0)
		if n := s.calls.Load(); n != 3 {
			t.Errorf("%d look-ups, want 3", n)
		}
	})
}

func TestCache_WaitersShareOneLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		s.answer = func(ctx context.Context, key string) (string, error) {
			time.Sleep(time.Second)
			return "of " + key, nil
		}
		var all sync.WaitGroup
		for i := range 100 {
			key := fmt.Sprint("k", i%2)
			all.Go(func() {
				if got, _, err := m.Get(t.Context(), key); err != nil || got != "of "+key {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		all.Wait()
		if n := s.calls.Load(); n != 2 {
			t.Errorf("%d look-ups of two keys", n)
		}
	})
}

func TestCache_CanceledCallerDoesNotCancelOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		s.answer = func(ctx context.Context, _ string) (string, error) {
			select {
			case <-time.After(time.Second):
				return "late", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, _, err := m.Get(first, "k"); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait() // the first is the one that looks up
		all.Go(func() { expect(t, m, "late", 0, time.Second) })
		synctest.Wait()
		leave()
		all.Wait()
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d look-ups", n)
		}
	})
}

func TestCache_IsBounded(t *testing.T) {
	s, m := newSource()
	for i := range maxMemos + 10 {
		if _, _, err := m.Get(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.entries) > maxMemos {
		t.Errorf("%d answers are remembered", len(m.entries))
	}
	if n := s.calls.Load(); n != maxMemos+10 {
		t.Errorf("%d look-ups", n)
	}
	if len(m.entries) != m.order.Len() {
		t.Errorf("%d answers in %d places", m.order.Len(), len(m.entries))
	}
}

// A crowd pushes out the oldest answers, and none from a moment ago.
func TestCache_DropsOldestFirst(t *testing.T) {
	s, m := newSource()
	learn := func(key string) {
		t.Helper()
		if _, _, err := m.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	learn("first")
	learn("second")
	m.forget("first")
	learn("first") // again
	for i := range maxMemos - 1 {
		learn(fmt.Sprint(i))
	}
	s.answer = fails(errDown)
	for key, want := range map[string]bool{"first": true, "second": false, "0": true, fmt.Sprint(maxMemos - 2): true} {
		if _, _, err := m.Get(t.Context(), key); (err == nil) != want {
			t.Errorf("%s: %v; known should be %v", key, err, want)
		}
	}
}

// After a fail-over the database's clock is another server's. That extends no
// answer's life.
func TestCache_ClockSetBackDoesNotExtendAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newSource()
		var behind time.Duration
		m.now = func() time.Time { return time.Now().Add(-behind) }
		expect(t, m, "first", 0, 0)
		s.answer, behind = says("second"), time.Hour
		time.Sleep(Fresh)
		expect(t, m, "second", 0, 0)
		s.answer, behind = hangs, 2*time.Hour
		time.Sleep(Stale)
		expectLookupError(t, m)
	})
}
