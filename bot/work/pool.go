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
	// manyWaiting bounds the pieces of work that wait in memory for a slot.
	// What finds no place there either waits in the database for the clock.
	manyWaiting = 1024
	// longestWait is how old a piece may be when it begins. After that too
	// little is left of its claim, which lapses, and the clock takes it again.
	longestWait = 5 * time.Second
	// courtesies is how many people at once are told of a click that waits;
	// the others read the outcome alone.
	courtesies = 8
	// CourtesyWait bounds the telling.
	CourtesyWait = 3 * time.Second
)

// Pool carries out stored work, so much of it at once, and keeps a little more of it
// waiting in memory. All its methods may be called at once.
type Pool struct {
	log *slog.Logger
	now func() time.Time
	// giveBack lets go of arrivals that are claimed and not begun.
	giveBack func(context.Context, []bot.Arrival) error

	work    context.Context // of everything under way
	abandon context.CancelFunc
	slots   chan struct{} // a token for each piece of work under way
	// wake has the clock look at once: it is its turn.
	wake     chan struct{}
	courtesy chan struct{} // a token for each who is being told that it waits
	running  sync.WaitGroup
	mu       sync.Mutex
	waiting  turns.Queue[*Piece]
	left     []bot.Arrival // claimed, and not begun; for the clock to hand back
	stopped  bool
}

// NewPool makes a Pool that carries out so many pieces of work at once. giveBack lets
// go of arrivals that are claimed and not begun: bot.Queue has it.
func NewPool(log *slog.Logger, now func() time.Time, places int, giveBack func(context.Context, []bot.Arrival) error) *Pool {
	w := &Pool{
		log: log, now: now, giveBack: giveBack, slots: make(chan struct{}, places),
		wake: make(chan struct{}, 1), courtesy: make(chan struct{}, courtesies),
	}
	w.work, w.abandon = context.WithCancel(context.Background())
	return w
}

// Context is that of everything under way. It ends when a stop gives up what runs.
func (w *Pool) Context() context.Context { return w.work }

// Wake says that work was left to the clock, which should look at once.
func (w *Pool) Wake() <-chan struct{} { return w.wake }

// Free is how many pieces of work could begin now.
func (w *Pool) Free() int { return cap(w.slots) - len(w.slots) }

// Piece is one piece of work that is stored, and claimed where it has to be.
type Piece struct {
	Do func(context.Context)
	// Arrival is what the work is about, to be handed back if it is not begun;
	// nil for work on anything else, whose claim lapses.
	Arrival *bot.Arrival
	// By is who made it be done, by their Slack ID; empty for nobody in particular.
	// Later is work that goes behind what somebody has decided.
	By    string
	Later bool

	at time.Time // when it began to wait; zero if it did not
}

// turn is a piece's place among those that wait.
func (p Piece) turn() turns.Turn {
	t := turns.Turn{By: p.By, Since: p.at}
	if p.Later {
		t.Rank = 1
	}
	return t
}

// Spawn has f begin at once if a slot is free, and else when it is its turn. What
// finds no place to wait, or waits too long, is found again by the clock: an
// arrival at once, and anything else once its claim has lapsed.
func (w *Pool) Spawn(f func(context.Context)) { w.Admit(Piece{Do: f}) }

func (w *Pool) Admit(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting.Len() > 0 || !w.take(p) {
		w.enqueue(p)
	}
}

// Resume is admit for what the clock has claimed: it is older than whatever waits.
func (w *Pool) Resume(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.take(p) {
		w.enqueue(p)
	}
}

// Offer has f begin if a slot is free: it claims nothing before it begins, so
// that the clock finds it again at once.
func (w *Pool) Offer(f func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(Piece{Do: f})
}

// enqueue has p wait. Where there is no place left, whoever has most waiting gives
// one up. w.mu is held.
func (w *Pool) enqueue(p Piece) {
	p.at = time.Now()
	if w.stopped {
		w.leave(p)
		return
	}
	w.waiting.Wait(&p, p.turn())
	if w.waiting.Len() > manyWaiting {
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

// next answers whose turn it is, or gives the slot back. When some of it
// has waited too long, the clock gets the slot, which knows what is oldest.
func (w *Pool) next() (p Piece, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lapsed := w.dropLapsed()
	if !lapsed && w.waiting.Len() > 0 {
		return w.shift(), true
	}
	<-w.slots
	if lapsed {
		w.rouse()
	}
	return Piece{}, false
}

// shift takes out what goes next. w.mu is held.
func (w *Pool) shift() Piece {
	p, _ := w.waiting.First()
	w.waiting.Done(p)
	return *p
}

// rouse has the clock look at once.
func (w *Pool) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// dropLapsed leaves to the clock what has waited too long. w.mu is held.
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

// Drain fills the slots that are free with what waits.
func (w *Pool) Drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropLapsed() {
		w.rouse()
	}
	for {
		p, any := w.waiting.First()
		if !any || !w.take(*p) {
			return
		}
		w.waiting.Done(p)
	}
}

// carryOut does one piece of work, within what is left of its claim.
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

// Load returns how many pieces of work are under way, how many wait in memory
// for one of them to end, and how many may be under way at once. More may wait
// in the database.
func (w *Pool) Load() (running, waiting, places int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.slots), w.waiting.Len(), cap(w.slots)
}

// Busy reports whether what arrives now has to wait.
func (w *Pool) Busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting.Len() > 0 || len(w.slots) == cap(w.slots)
}

// Beside begins f beside all other work, whatever waits, unless the pool is stopped.
// A stop waits for it.
func (w *Pool) Beside(f func(context.Context)) (begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	w.running.Go(func() { f(w.work) })
	return true
}

// Courtesy begins f beside all other work, for a few seconds, or leaves it: it is for
// telling somebody that their work waits, and never holds anything up.
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
