package work

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot"
)

// idle makes a Pool with so many places and no work.
func idle(places int) *Pool {
	return NewPool(slog.New(slog.DiscardHandler), time.Now, places, func(context.Context, []bot.Arrival) error { return nil })
}

// order notes the order in which pieces of work began.
type order struct {
	mu  sync.Mutex
	all []int
}

func (o *order) piece(n int, until <-chan struct{}) func(context.Context) {
	return func(context.Context) {
		o.mu.Lock()
		o.all = append(o.all, n)
		o.mu.Unlock()
		<-until
	}
}

func wantLoad(t *testing.T, pool *Pool, running, waiting int) {
	t.Helper()
	if r, w, _ := pool.Load(); r != running || w != waiting {
		t.Errorf("%d run and %d wait, want %d and %d", r, w, running, waiting)
	}
}

func TestPool_QueuedWorkRunsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		o := &order{}
		gate := make(chan struct{})
		for n := range 6 {
			pool.Spawn(o.piece(n, gate))
			synctest.Wait()
		}
		wantLoad(t, pool, 1, 5)
		if !pool.Busy() {
			t.Error("not busy")
		}
		close(gate)
		synctest.Wait()
		wantLoad(t, pool, 0, 0)
		if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(o.all, want) {
			t.Errorf("began in the order %v", o.all)
		}
		if pool.Busy() {
			t.Error("still busy")
		}
	})
}

func TestPool_QueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(2)
		o := &order{}
		gate := make(chan struct{})
		for n := range 2 + 2*maxWaiting {
			pool.Spawn(o.piece(n, gate))
		}
		wantLoad(t, pool, 2, maxWaiting)
		close(gate)
		synctest.Wait()
		if len(o.all) != 2+maxWaiting {
			t.Errorf("%d were carried out", len(o.all))
		}
	})
}

// However much work of one person waits, the work of another comes next, and gets a
// place even if none is left.
func TestPool_FloodDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		gate := make(chan struct{})
		var mu sync.Mutex
		var began []string
		does := func(by string, kind bot.ArrivalKind) Piece {
			a := bot.Arrival{ID: int64(len(by)), UserID: by, Kind: kind}
			return Piece{Arrival: &a, By: by, Later: !a.Decides(), Do: func(context.Context) {
				mu.Lock()
				began = append(began, by)
				mu.Unlock()
				<-gate
			}}
		}
		for range 2 * maxWaiting {
			pool.Admit(does("flood", bot.CommandArrival))
		}
		pool.Admit(does("dana", bot.CommandArrival))
		pool.Admit(does("erin", bot.CommandArrival))
		pool.Admit(does("alice", bot.ClickArrival))
		wantLoad(t, pool, 1, maxWaiting)
		close(gate)
		synctest.Wait()
		if want := []string{"flood", "alice", "dana", "erin", "flood"}; !slices.Equal(began[:5], want) {
			t.Errorf("began in the order %v", began[:5])
		}
	})
}

// Work that has waited too long for its claim goes to the clock, which wakes up and
// finds a slot.
func TestPool_LapsedWorkGoesToClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		o := &order{}
		first, rest := make(chan struct{}), make(chan struct{})
		close(rest)
		pool.Spawn(o.piece(0, first))
		pool.Spawn(o.piece(1, rest))
		time.Sleep(longestWait + time.Millisecond)
		pool.Spawn(o.piece(2, rest))
		close(first)
		synctest.Wait()
		wantLoad(t, pool, 0, 1)
		select {
		case <-pool.Wake():
		default:
			t.Error("the clock sleeps on")
		}
		// The clock has found the work left to it; then comes the waiting work.
		pool.Resume(Piece{Do: o.piece(1, rest)})
		pool.Drain()
		synctest.Wait()
		wantLoad(t, pool, 0, 0)
		if want := []int{0, 1, 2}; !slices.Equal(o.all, want) {
			t.Errorf("began in the order %v", o.all)
		}
	})
}

// Work that begins late still ends before its claim does.
func TestPool_QueuedWorkGetsRemainingClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		pool.Spawn(func(context.Context) { time.Sleep(3 * time.Second) })
		var left time.Duration
		pool.Spawn(func(ctx context.Context) {
			at, ok := ctx.Deadline()
			if !ok {
				t.Error("no deadline")
			}
			left = time.Until(at)
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := bot.StepDeadline - 3*time.Second; left != want {
			t.Errorf("%s left, want %s", left, want)
		}
	})
}

// A panic costs one piece of work, and none that wait behind it.
func TestPool_PanicDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		var log bytes.Buffer
		pool.log = slog.New(slog.NewJSONHandler(&log, nil))
		o := &order{}
		gate, open := make(chan struct{}), make(chan struct{})
		close(open)
		pool.Spawn(func(context.Context) { <-gate; panic("TYPED-TEXT") })
		pool.Spawn(o.piece(1, open))
		close(gate)
		synctest.Wait()
		wantLoad(t, pool, 0, 0)
		if len(o.all) != 1 {
			t.Error("the next piece was not carried out")
		}
		// The value may hold what somebody typed, or a secret.
		if said := log.String(); strings.Contains(said, "TYPED-TEXT") || !strings.Contains(said, `"panic":"string"`) || !strings.Contains(said, "goroutine") {
			t.Errorf("the log says %s", said)
		}
	})
}

// A stop waits for running work and leaves waiting work to the database.
func TestPool_StopLeavesQueuedWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := idle(1)
		o := &order{}
		gate := make(chan struct{})
		pool.Spawn(o.piece(0, gate))
		pool.Spawn(o.piece(1, gate))
		synctest.Wait()
		time.AfterFunc(time.Second, func() { close(gate) })
		pool.Stop()
		pool.Spawn(o.piece(2, gate))
		synctest.Wait()
		wantLoad(t, pool, 0, 0)
		if len(o.all) != 1 {
			t.Errorf("carried out %v", o.all)
		}
	})
}
