package bot

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"revoke-sessions/graph"
)

// memory caches look-ups by key: an answer up to a minute old counts, and one
// up to five minutes old where there is no answer in time. Errors are not kept, nor
// what keeps says no to.
type memory[V any] struct {
	about subject
	now   func() time.Time
	fetch func(context.Context, string) (V, error)
	// keeps reports whether an answer is remembered; nil for every one.
	keeps func(V) bool
	group singleflight.Group

	mu      sync.Mutex
	entries map[string]*list.Element // of order
	order   *list.List               // of memo[V], the one that was learned first in front
}

type memo[V any] struct {
	key   string
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

// manyMemos bounds the memory of look-ups. Whoever was looked up longest ago is
// forgotten first, so that no crowd takes from the others what counts where
// nobody answers.
const manyMemos = 10_000

func newMemory[V any](now func() time.Time, about subject, fetch func(context.Context, string) (V, error)) *memory[V] {
	return &memory[V]{about: about, now: now, fetch: fetch, entries: map[string]*list.Element{}, order: list.New()}
}

// get answers a value and its age.
func (m *memory[V]) get(ctx context.Context, key string) (V, time.Duration, error) {
	known, ok := m.recall(key)
	if age := m.age(known); ok && age < lookupFresh {
		return known.value, age, nil
	}
	// One look-up serves everybody who waits for it, so it must not end with
	// the first of them; nor must a decision share a look-up of a stranger's, which the
	// budget may refuse.
	answer := m.group.DoChan(strconv.Itoa(int(purposeOf(ctx)))+" "+key, func() (any, error) {
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
	failed := failedLookup(m.about, err)
	if age := m.age(known); ok && age < lookupStale && failed.Remedy == "" {
		return known.value, age, nil
	}
	return none, 0, failed
}

func (m *memory[V]) recall(key string) (memo[V], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok {
		return memo[V]{}, false
	}
	return e.Value.(memo[V]), true
}

// remember keeps an answer in the place of what was known before, or nothing.
func (m *memory[V]) remember(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
	if m.keeps != nil && !m.keeps(v) {
		return
	}
	if oldest := m.order.Front(); m.order.Len() >= manyMemos {
		m.drop(oldest.Value.(memo[V]).key)
	}
	m.entries[key] = m.order.PushBack(memo[V]{key, v, m.now(), time.Now()})
}

func (m *memory[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
}

// drop forgets what is known under a key. The caller holds mu.
func (m *memory[V]) drop(key string) {
	if e, ok := m.entries[key]; ok {
		m.order.Remove(e)
		delete(m.entries, key)
	}
}

// unsigned are codes of a sign-in that failed with no number of Entra's, and
// not because nobody answered.
var unsigned = []string{graph.CodeNotSignedIn, graph.CodeNoCredential, graph.CodeSignInFailed}

// refusal is the remedy where somebody did answer and the answer was no, which
// an earlier yes must not paper over; empty where nobody answered.
func refusal(err error) string {
	if signInRefused(err) {
		return graph.AsError(err).Remedy
	}
	if e, ok := errors.AsType[*SlackError](err); ok && !e.NoAnswer() {
		return "Slack answered " + cmp.Or(e.Code, strconv.Itoa(e.Status)) + ". Whoever runs the bot should check its token and scopes in the Slack app's settings."
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && e.Status != 0 && e.Status < 500 {
		return e.Remedy
	}
	return ""
}

// signInRefused reports that the bot has no sign-in to Microsoft that counts: Entra gave
// it none, or Graph did not take it. Nothing that it asks is answered then.
func signInRefused(err error) bool {
	e := graph.AsError(err)
	return e != nil && !e.Retryable &&
		(e.Status == http.StatusUnauthorized || strings.HasPrefix(e.Code, "AADSTS") || slices.Contains(unsigned, e.Code))
}
