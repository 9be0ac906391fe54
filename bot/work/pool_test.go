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

// idle is a Pool with so many places that only carries out what it is given.
func idle(places int) *Pool {
	return NewPool(slog.New(slog.DiscardHandler), time.Now, places, func(context.Context, []bot.Arrival) error { return nil })
}

// order notes in which order pieces of work began.
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

func wantLoad(t *testing.T, b *Pool, running, waiting int) {
	t.Helper()
	if r, w, _ := b.Load(); r != running || w != waiting {
		t.Errorf("%d run and %d wait, want %d and %d", r, w, running, waiting)
	}
}

func TestWorkWaitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
		o := &order{}
		gate := make(chan struct{})
		for n := range 6 {
			b.Spawn(o.piece(n, gate))
			synctest.Wait()
		}
		wantLoad(t, b, 1, 5)
		if !b.Busy() {
			t.Error("not busy")
		}
		close(gate)
		synctest.Wait()
		wantLoad(t, b, 0, 0)
		if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(o.all, want) {
			t.Errorf("began in the order %v", o.all)
		}
		if b.Busy() {
			t.Error("still busy")
		}
	})
}

func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(2)
		o := &order{}
		gate := make(chan struct{})
		for n := range 2 + 2*manyWaiting {
			b.Spawn(o.piece(n, gate))
		}
		wantLoad(t, b, 2, manyWaiting)
		close(gate)
		synctest.Wait()
		if len(o.all) != 2+manyWaiting {
			t.Errorf("%d were carried out", len(o.all))
		}
	})
}

// However much of one person waits: what another does comes next, and has a place
// where there is none left.
func TestWorkOfAFloodHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
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
		for range 2 * manyWaiting {
			b.Admit(does("flood", bot.CommandArrival))
		}
		b.Admit(does("dana", bot.CommandArrival))
		b.Admit(does("erin", bot.CommandArrival))
		b.Admit(does("alice", bot.ClickArrival))
		wantLoad(t, b, 1, manyWaiting)
		close(gate)
		synctest.Wait()
		if want := []string{"flood", "alice", "dana", "erin", "flood"}; !slices.Equal(began[:5], want) {
			t.Errorf("began in the order %v", began[:5])
		}
	})
}

// What has waited too long for its claim is the clock's, which is woken and
// finds a slot.
func TestWhatWaitedTooLongIsLeftToTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
		o := &order{}
		first, rest := make(chan struct{}), make(chan struct{})
		close(rest)
		b.Spawn(o.piece(0, first))
		b.Spawn(o.piece(1, rest))
		time.Sleep(longestWait + time.Millisecond)
		b.Spawn(o.piece(2, rest))
		close(first)
		synctest.Wait()
		wantLoad(t, b, 0, 1)
		select {
		case <-b.Wake():
		default:
			t.Error("the clock sleeps on")
		}
		// The clock has found what was left to it; then comes what waits.
		b.Resume(Piece{Do: o.piece(1, rest)})
		b.Drain()
		synctest.Wait()
		wantLoad(t, b, 0, 0)
		if want := []int{0, 1, 2}; !slices.Equal(o.all, want) {
			t.Errorf("began in the order %v", o.all)
		}
	})
}

// What began late ends before its claim does.
func TestWhatWaitedHasTheRestOfItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
		b.Spawn(func(context.Context) { time.Sleep(3 * time.Second) })
		var left time.Duration
		b.Spawn(func(ctx context.Context) {
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

// A defect costs one piece of work, and not those that wait behind it.
func TestADefectHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
		var log bytes.Buffer
		b.log = slog.New(slog.NewJSONHandler(&log, nil))
		o := &order{}
		gate, open := make(chan struct{}), make(chan struct{})
		close(open)
		b.Spawn(func(context.Context) { <-gate; panic("TYPED-TEXT") })
		b.Spawn(o.piece(1, open))
		close(gate)
		synctest.Wait()
		wantLoad(t, b, 0, 0)
		if len(o.all) != 1 {
			t.Error("the one behind it was not carried out")
		}
		// The value may hold what somebody typed, or a secret.
		if said := log.String(); strings.Contains(said, "TYPED-TEXT") || !strings.Contains(said, `"panic":"string"`) || !strings.Contains(said, "goroutine") {
			t.Errorf("the log says %s", said)
		}
	})
}

// A stop waits for what runs and leaves what waits to the database.
func TestStopLeavesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idle(1)
		o := &order{}
		gate := make(chan struct{})
		b.Spawn(o.piece(0, gate))
		b.Spawn(o.piece(1, gate))
		synctest.Wait()
		time.AfterFunc(time.Second, func() { close(gate) })
		b.Stop()
		b.Spawn(o.piece(2, gate))
		synctest.Wait()
		wantLoad(t, b, 0, 0)
		if len(o.all) != 1 {
			t.Errorf("carried out %v", o.all)
		}
	})
}
