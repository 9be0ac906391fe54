package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"revoke-sessions/graph"
)

// memory caches look-ups by key: an answer up to a minute old counts, and one
// up to five minutes old where there is no answer in time. Errors are not kept.
type memory[V any] struct {
	where string
	now   func() time.Time
	fetch func(context.Context, string) (V, error)
	group singleflight.Group

	mu      sync.Mutex
	entries map[string]memo[V]
}

type memo[V any] struct {
	value V
	// at is when it was learned, and by this process's own clock, which no
	// setting turns back: the database's may be set, or be another server's
	// from one moment to the next.
	at, own time.Time
}

// age is how old a memo is by whichever clock says more.
func (m *memory[V]) age(known memo[V]) time.Duration {
	return max(m.now().Sub(known.at), time.Since(known.own))
}

// manyMemos bounds the memory of look-ups; a workspace with more active
// people than this looks some of them up again.
const manyMemos = 10_000

func newMemory[V any](now func() time.Time, where string, fetch func(context.Context, string) (V, error)) *memory[V] {
	return &memory[V]{where: where, now: now, fetch: fetch, entries: map[string]memo[V]{}}
}

// get answers a value and its age.
func (m *memory[V]) get(ctx context.Context, key string) (V, time.Duration, error) {
	known, ok := m.recall(key)
	if age := m.age(known); ok && age < lookupFresh {
		return known.value, age, nil
	}
	// One look-up serves everybody who waits for it, so it must not end with
	// the first of them.
	answer := m.group.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupWait)
		defer cancel()
		v, err := m.fetch(ctx, key)
		switch {
		case err == nil:
			m.remember(key, v)
		case refusal(err) != "":
			m.forget(key) // what was known before the no counts no more
		}
		return v, err
	})
	var err error
	select {
	case a := <-answer:
		if a.Err == nil {
			return a.Val.(V), 0, nil
		}
		err = a.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	var none V
	remedy := refusal(err)
	if age := m.age(known); ok && age < lookupStale && remedy == "" {
		return known.value, age, nil
	}
	return none, 0, &LookupError{Where: m.where, Remedy: remedy, Err: err}
}

func (m *memory[V]) recall(key string) (memo[V], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	return e, ok
}

func (m *memory[V]) remember(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= manyMemos {
		clear(m.entries)
	}
	m.entries[key] = memo[V]{v, m.now(), time.Now()}
}

func (m *memory[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}

// unsigned are codes of a sign-in that failed with no number of Entra's, and
// not because nobody answered.
var unsigned = []string{graph.CodeNotSignedIn, graph.CodeNoCredential, graph.CodeSignInFailed}

// refusal is the remedy where somebody did answer and the answer was no, which
// an earlier yes must not paper over; empty where nobody answered.
func refusal(err error) string {
	if e, ok := errors.AsType[*SlackError](err); ok && !e.NoAnswer() {
		return "Slack answered " + cmp.Or(e.Code, strconv.Itoa(e.Status)) + ". Whoever runs the bot should check its token and scopes in the Slack app's settings."
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && e.Status != 0 && e.Status < 500 {
		return e.Remedy
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && (strings.HasPrefix(e.Code, "AADSTS") || slices.Contains(unsigned, e.Code)) {
		return e.Remedy
	}
	return ""
}
