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

// Cache remembers look-ups by key. It returns an answer younger than Fresh without
// asking, and one younger than Stale if nobody answers in time. It keeps no errors,
// and no answer that Keeps turns down.
type Cache[V any] struct {
	about bot.Subject
	now   func() time.Time
	fetch func(context.Context, string) (V, error)
	// Keeps reports whether to remember an answer; nil keeps every one.
	Keeps func(V) bool
	group singleflight.Group

	mu      sync.Mutex
	entries map[string]*list.Element // of order
	order   *list.List               // of memo[V], oldest in front
}

type memo[V any] struct {
	key   string
	value V
	// at is when it was learned by the database's clock, own by this process's.
	// Only own is sure never to go back.
	at, own time.Time
}

// age is the memo's age by the clock that says more.
func (c *Cache[V]) age(known memo[V]) time.Duration {
	return max(c.now().Sub(known.at), time.Since(known.own))
}

// maxMemos bounds a Cache. The oldest answer is dropped first, so that a crowd
// cannot push out the recent ones.
const maxMemos = 10_000

// NewCache makes a Cache of what fetch answers; about is the subject of its errors.
func NewCache[V any](now func() time.Time, about bot.Subject, fetch func(context.Context, string) (V, error)) *Cache[V] {
	return &Cache[V]{about: about, now: now, fetch: fetch, entries: map[string]*list.Element{}, order: list.New()}
}

// Get returns a value and its age.
func (c *Cache[V]) Get(ctx context.Context, key string) (V, time.Duration, error) {
	known, ok := c.recall(key)
	if age := c.age(known); ok && age < Fresh {
		return known.value, age, nil
	}
	// Everybody who waits shares one look-up, so the first to leave must not end it.
	// A decision shares none with a stranger, whose look-up the budget may refuse.
	answer := c.group.DoChan(strconv.Itoa(int(purposeOf(ctx)))+" "+key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitMost)
		defer cancel()
		v, err := c.fetch(ctx, key)
		switch {
		case err == nil:
			c.Remember(key, v)
		case RefusalRemedy(err) != "":
			c.forget(key) // a refusal ends what was known before
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
	failed := Failed(c.about, err)
	if age := c.age(known); ok && age < Stale && failed.Remedy == "" {
		return known.value, age, nil
	}
	return none, 0, failed
}

// recall returns what is known under key, of any age.
func (c *Cache[V]) recall(key string) (memo[V], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return memo[V]{}, false
	}
	return e.Value.(memo[V]), true
}

// Remember replaces what was known under key by v, or by nothing if Keeps says no.
func (c *Cache[V]) Remember(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
	if c.Keeps != nil && !c.Keeps(v) {
		return
	}
	if oldest := c.order.Front(); c.order.Len() >= maxMemos {
		c.drop(oldest.Value.(memo[V]).key)
	}
	c.entries[key] = c.order.PushBack(memo[V]{key, v, c.now(), time.Now()})
}

func (c *Cache[V]) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
}

// drop forgets what is known under a key. The caller holds mu.
func (c *Cache[V]) drop(key string) {
	if e, ok := c.entries[key]; ok {
		c.order.Remove(e)
		delete(c.entries, key)
	}
}

// RefusalRemedy returns what to do if Slack or Entra refused the look-up: an older
// answer then no longer counts. It returns "" if nobody answered.
func RefusalRemedy(err error) string {
	if bot.SignInRefused(err) {
		return graph.AsError(err).Remedy
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok && !e.NoAnswer() {
		return "Slack answered " + cmp.Or(e.Code, strconv.Itoa(e.Status)) +
			". The person who runs the bot should check its token and scopes in the Slack app's settings."
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && e.Status != 0 && e.Status < 500 {
		return e.Remedy
	}
	return ""
}

const (
	// Fresh is how old an answer may be that counts like a new one.
	Fresh = time.Minute
	// Stale is how old an answer may be if nobody answers within waitMost.
	Stale = 5 * time.Minute
	// waitMost bounds one look-up.
	waitMost = 2 * time.Second
)

// each asks about all of them, a few at a time.
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
	_ = g.Wait() // always nil: the errors are in errs
	return found, errs
}
