package lookup

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// Cache caches look-ups by key: an answer up to a minute old counts, and one
// up to five minutes old where there is no answer in time. Errors are not kept, nor
// what keeps says no to.
type Cache[V any] struct {
	about bot.Subject
	now   func() time.Time
	fetch func(context.Context, string) (V, error)
	// Keeps reports whether an answer is remembered; nil for every one.
	Keeps func(V) bool
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
func (m *Cache[V]) age(known memo[V]) time.Duration {
	return max(m.now().Sub(known.at), time.Since(known.own))
}

// manyMemos bounds the memory of look-ups. Whoever was looked up longest ago is
// forgotten first, so that no crowd takes from the others what counts where
// nobody answers.
const manyMemos = 10_000

func NewCache[V any](now func() time.Time, about bot.Subject, fetch func(context.Context, string) (V, error)) *Cache[V] {
	return &Cache[V]{about: about, now: now, fetch: fetch, entries: map[string]*list.Element{}, order: list.New()}
}

// Get answers a value and its age.
func (m *Cache[V]) Get(ctx context.Context, key string) (V, time.Duration, error) {
	known, ok := m.recall(key)
	if age := m.age(known); ok && age < LookupFresh {
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
			m.Remember(key, v)
		case Refusal(err) != "":
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
	failed := FailedLookup(m.about, err)
	if age := m.age(known); ok && age < LookupStale && failed.Remedy == "" {
		return known.value, age, nil
	}
	return none, 0, failed
}

func (m *Cache[V]) recall(key string) (memo[V], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok {
		return memo[V]{}, false
	}
	return e.Value.(memo[V]), true
}

// Remember keeps an answer in the place of what was known before, or nothing.
func (m *Cache[V]) Remember(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
	if m.Keeps != nil && !m.Keeps(v) {
		return
	}
	if oldest := m.order.Front(); m.order.Len() >= manyMemos {
		m.drop(oldest.Value.(memo[V]).key)
	}
	m.entries[key] = m.order.PushBack(memo[V]{key, v, m.now(), time.Now()})
}

func (m *Cache[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
}

// drop forgets what is known under a key. The caller holds mu.
func (m *Cache[V]) drop(key string) {
	if e, ok := m.entries[key]; ok {
		m.order.Remove(e)
		delete(m.entries, key)
	}
}

// Refusal is the remedy where somebody did answer and the answer was no, which
// an earlier yes must not paper over; empty where nobody answered.
func Refusal(err error) string {
	if bot.SignInRefused(err) {
		return graph.AsError(err).Remedy
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok && !e.NoAnswer() {
		return "Slack answered " + cmp.Or(e.Code, strconv.Itoa(e.Status)) + ". Whoever runs the bot should check its token and scopes in the Slack app's settings."
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && e.Status != 0 && e.Status < 500 {
		return e.Remedy
	}
	return ""
}

// How old an answer about a person may be.
const (
	LookupFresh = time.Minute
	// LookupStale counts only where nobody answers within lookupWait.
	LookupStale = 5 * time.Minute
	lookupWait  = 2 * time.Second
)

// each asks about several at once, a few at a time.
func each[T, V any](all []T, ask func(T) (V, error)) ([]V, []error) {
	found, errs := make([]V, len(all)), make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(8)
	for i, one := range all {
		g.Go(func() error {
			found[i], errs[i] = ask(one)
			return nil
		})
	}
	_ = g.Wait() // none of them answers one
	return found, errs
}
