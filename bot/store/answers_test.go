package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// answers records the results of writers, so that a test can compare them with what is
// stored.
type answers struct {
	mu      sync.Mutex
	changed *sync.Cond
	all     []answered
	stored  int
}

// answered is one commit: its request and the version it made.
type answered struct {
	id      string
	version int64
	err     error
}

func (a *answers) add(one answered) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, one)
	if one.err == nil {
		a.stored++
	}
	a.changed.Broadcast()
}

// waitFor waits until n more commits have returned, and at least the given number of
// them were stored.
func (a *answers) waitFor(t *testing.T, what string, n, stored int) {
	t.Helper()
	timeout := time.AfterFunc(within, a.changed.Broadcast)
	defer timeout.Stop()
	end := time.Now().Add(within)
	a.mu.Lock()
	defer a.mu.Unlock()
	allBefore, storedBefore := len(a.all), a.stored
	for len(a.all) < allBefore+n || a.stored < storedBefore+stored {
		if !time.Now().Before(end) {
			t.Fatalf("%s: %d answers, %d of them that it is stored", what, len(a.all)-allBefore, a.stored-storedBefore)
		}
		a.changed.Wait()
	}
}

func newAnswers() *answers {
	a := &answers{}
	a.changed = sync.NewCond(&a.mu)
	return a
}

// write starts n writers that create and approve requests on stores in turn, until stop
// is called or the test ends.
func write(t *testing.T, n int, stores ...*store.Store) (a *answers, stop func()) {
	t.Helper()
	a = newAnswers()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		writeUntil(ctx, n, stores, a.add)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return a, stop
}

func writeUntil(ctx context.Context, n int, stores []*store.Store, answer func(answered)) {
	// commit has the deadline of one step of the bot.
	commit := func(s *store.Store, c bot.Change) (bot.Request, error) {
		ctx, cancel := context.WithTimeout(context.Background(), bot.ClaimFor-time.Second)
		defer cancel()
		r, err := s.Commit(ctx, c)
		answer(answered{c.Request.ID, c.Request.Version + 1, err})
		return r, err
	}
	var work sync.WaitGroup
	for i := range n {
		s := stores[i%len(stores)]
		work.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				r := pending(fmt.Sprintf("REQ-%d-%d", i, k), fmt.Sprintf("target-%d-%d", i, k))
				r, err := commit(s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
				if err != nil {
					continue // the next one is another
				}
				r.State = bot.Approved
				_, _ = commit(s, bot.Change{Request: r, Fenced: true, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}})
			}
		})
	}
	work.Wait()
}

// check verifies the results: a stored commit is there, a failed one is not, an unclear
// one may be either. The chain fits and has a row for each version.
func (a *answers) check(t *testing.T, s *store.Store) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	rows := map[string]int64{}
	for _, e := range chain(t, s, "") {
		rows[e.Request]++
	}
	kinds := map[string]int{}
	for _, one := range a.all {
		var version int64
		r, err := s.Request(deadline(t), one.id)
		if err == nil {
			version = r.Version
		} else if !errors.Is(err, bot.ErrNoRequest) {
			t.Fatal(err)
		}
		if rows[one.id] != version {
			t.Errorf("%s has version %d and %d audit rows", one.id, version, rows[one.id])
		}
		there := version >= one.version
		switch {
		case one.err == nil:
			kinds["stored"]++
			if !there {
				t.Errorf("%s version %d was said to be stored, and version %d is", one.id, one.version, version)
			}
		case errors.Is(one.err, bot.ErrUnclear):
			kinds["unclear"]++
		default:
			kinds["failed"]++
			if there {
				t.Errorf("%s version %d was said to have failed, and is stored: %v", one.id, one.version, one.err)
			}
			if errors.Is(one.err, bot.ErrConflict) || errors.Is(one.err, bot.ErrTaken) {
				t.Errorf("%s version %d: %v, and there was nobody else", one.id, one.version, one.err)
			}
		}
	}
	t.Logf("of %d commits: %v", len(a.all), kinds)
}
