package work

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/turns"
)

const (
	// maxWaiting bounds the pieces of work that wait in memory. The others wait in the
	// database for the clock.
	maxWaiting = 1024
	// longestWait is how long a piece may wait in memory. After that its claim is too
	// short; it lapses, and the clock takes the work again.
	longestWait = 5 * time.Second
	// maxCourtesies is how many people at once are told that their click waits. The
	// others only read the outcome.
	maxCourtesies = 8
	// CourtesyWait bounds one Courtesy.
	CourtesyWait = 3 * time.Second
)

// Pool runs stored work, with a limit on how much at once, and keeps some more waiting
// in memory. Its methods may be called concurrently.
type Pool struct {
	log *slog.Logger
	now func() time.Time
	// giveBack releases arrivals that are claimed but not begun.
	giveBack func(context.Context, []bot.Arrival) error

	work    context.Context // of all running work
	abandon context.CancelFunc
	slots   chan struct{} // a token for each running piece
	// wake makes the clock look at once.
	wake     chan struct{}
	courtesy chan struct{} // a token for each running Courtesy
	running  sync.WaitGroup
	mu       sync.Mutex
	waiting  turns.Queue[*Piece]
	left     []bot.Arrival // claimed but not begun; HandBack releases them
	stopped  bool
}

// NewPool makes a Pool that runs up to places pieces of work at once. giveBack releases
// arrivals that are claimed but not begun: bot.Queue has it.
func NewPool(log *slog.Logger, now func() time.Time, places int, giveBack func(context.Context, []bot.Arrival) error) *Pool {
	w := &Pool{
		log: log, now: now, giveBack: giveBack, slots: make(chan struct{}, places),
		wake: make(chan struct{}, 1), courtesy: make(chan struct{}, maxCourtesies),
	}
	w.work, w.abandon = context.WithCancel(context.Background())
	return w
}

// Context returns the context of all running work. It ends when a stop abandons it.
func (w *Pool) Context() context.Context { return w.work }

// Wake receives when work was left to the clock, which should then look at once.
func (w *Pool) Wake() <-chan struct{} { return w.wake }

// Free returns how many pieces of work could begin now.
func (w *Pool) Free() int { return cap(w.slots) - len(w.slots) }

// Piece is one piece of stored work, claimed if it needs a claim.
type Piece struct {
	Do func(context.Context)
	// Arrival is what the work is about; it is handed back if the work does not begin.
	// Other work has none: its claim lapses.
	Arrival *bot.Arrival
	// By is the Slack ID of the person who caused the work; it may be empty.
	By string
	// Later puts the work behind decisions.
	Later bool

	at time.Time // when it began to wait; zero if it did not
}

// turn returns the place of a piece among those that wait.
func (p Piece) turn() turns.Turn {
	t := turns.Turn{By: p.By, Since: p.at}
	if p.Later {
		t.Rank = 1
	}
	return t
}

// Spawn is Admit for work without an Arrival.
func (w *Pool) Spawn(f func(context.Context)) { w.Admit(Piece{Do: f}) }

// Admit begins p if a slot is free, or queues it. If there is no place to wait, or the
// wait is too long, the clock finds the work again: an arrival at once, anything else
// when its claim has lapsed.
func (w *Pool) Admit(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting.Len() > 0 || !w.take(p) {
		w.enqueue(p)
	}
}

// Resume is Admit for work that the clock has claimed: it is older than what waits here.
func (w *Pool) Resume(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.take(p) {
		w.enqueue(p)
	}
}

// Offer begins f if a slot is free, and otherwise drops it: the clock finds the work again.
func (w *Pool) Offer(f func(context.Context)) (begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.take(Piece{Do: f})
}

// enqueue makes p wait. If no place is left, the person with most work waiting loses
// one. w.mu is held.
func (w *Pool) enqueue(p Piece) {
	p.at = time.Now()
	if w.stopped {
		w.leave(p)
		return
	}
	w.waiting.Wait(&p, p.turn())
	if w.waiting.Len() > maxWaiting {
		last := w.waiting.Last()
		w.waiting.Drop(last)
		w.leave(*last)
	}
}

// leave notes that a piece is not begun here. w.mu is held.
func (w *Pool) leave(p Piece) {
	if p.Arrival != nil {
		w.left = append(w.left, *p.Arrival)
	}
}

// take begins p if a slot is free. w.mu is held.
func (w *Pool) take(p Piece) bool {
	if w.stopped {
		return false
	}
	select {
	case w.slots <- struct{}{}:
	default:
		return false
	}
	w.running.Go(func() {
		for more := true; more; p, more = w.next() {
			w.carryOut(p)
		}
	})
	return true
}

// next returns the piece whose turn it is, or releases the slot. If work has waited too
// long, the clock gets the slot, because it knows what is oldest.
func (w *Pool) next() (p Piece, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lapsed := w.dropLapsed()
	if !lapsed && w.waiting.Len() > 0 {
		return w.shift(), true
	}
	<-w.slots
	if lapsed {
		w.WakeClock()
	}
	return Piece{}, false
}

// shift takes the next piece out of the queue. w.mu is held.
func (w *Pool) shift() Piece {
	p, _ := w.waiting.First()
	w.waiting.Done(p)
	return *p
}

// WakeClock makes the clock look at once.
func (w *Pool) WakeClock() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// dropLapsed leaves work that has waited too long to the clock. w.mu is held.
func (w *Pool) dropLapsed() (some bool) {
	for {
		p, any := w.waiting.Oldest()
		if !any || time.Since(p.at) <= longestWait {
			return some
		}
		w.waiting.Drop(p)
		w.leave(*p)
		some = true
	}
}

// Drain fills free slots with waiting work.
func (w *Pool) Drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropLapsed() {
		w.WakeClock()
	}
	for {
		p, any := w.waiting.First()
		if !any || !w.take(*p) {
			return
		}
		w.waiting.Done(p)
	}
}

// carryOut does one piece of work within the rest of its claim.
func (w *Pool) carryOut(p Piece) {
	defer func() {
		if v := recover(); v != nil {
			what, stack := bot.Panicked(v)
			w.log.Error("a defect stopped one piece of work; it stays claimed and is tried again", "panic", what, "stack", stack)
		}
	}()
	ctx := w.work
	if !p.at.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bot.StepDeadline-time.Since(p.at))
		defer cancel()
	}
	p.Do(ctx)
}

// Load returns how many pieces of work run, how many wait in memory, and how many may
// run at once. More may wait in the database.
func (w *Pool) Load() (running, waiting, places int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.slots), w.waiting.Len(), cap(w.slots)
}

// Busy reports whether new work has to wait.
func (w *Pool) Busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting.Len() > 0 || len(w.slots) == cap(w.slots)
}

// Beside begins f without a slot, unless the pool is stopped. A stop waits for f.
func (w *Pool) Beside(f func(context.Context)) (begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	w.running.Go(func() { f(w.work) })
	return true
}

// Courtesy begins f without a slot, for CourtesyWait at most, or drops it. It tells people
// that their work waits, and delays nothing.
func (w *Pool) Courtesy(f func(context.Context)) {
	select {
	case w.courtesy <- struct{}{}:
	default:
		return
	}
	if !w.Beside(func(ctx context.Context) {
		defer func() { <-w.courtesy }()
		ctx, cancel := context.WithTimeout(ctx, CourtesyWait)
		defer cancel()
		f(ctx)
	}) {
		<-w.courtesy
	}
}
