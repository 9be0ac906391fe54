package engine

import (
	"context"
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
	// courtesyWait bounds the telling.
	courtesyWait = 3 * time.Second
)

// piece is one piece of work that is stored, and claimed where it has to be.
type piece struct {
	do func(context.Context)
	at time.Time // when it began to wait; zero if it did not
	// arrival is what the work is about, to be handed back if it is not begun;
	// nil for work on anything else, whose claim lapses.
	arrival *bot.Arrival
	// by is who made it be done, by their Slack ID; empty for nobody in particular.
	// later is work that goes behind what somebody has decided.
	by    string
	later bool
}

// turn is a piece's place among those that wait.
func (p piece) turn() turns.Turn {
	t := turns.Turn{By: p.by, Since: p.at}
	if p.later {
		t.Rank = 1
	}
	return t
}

// telling is the telling of a request that was just stored.
func (b *Bot) telling(r *bot.Request) piece {
	return piece{do: func(ctx context.Context) { b.tell(ctx, r.ID) }, by: r.Requester().SlackID, later: r.State == bot.Pending}
}

// spawn has f begin at once if a slot is free, and else when it is its turn. What
// finds no place to wait, or waits too long, is found again by the clock: an
// arrival at once, and anything else once its claim has lapsed.
func (b *Bot) spawn(f func(context.Context)) { b.admit(piece{do: f}) }

func (b *Bot) admit(p piece) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting.Len() > 0 || !b.take(p) {
		b.enqueue(p)
	}
}

// resume is admit for what the clock has claimed: it is older than whatever waits.
func (b *Bot) resume(p piece) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.take(p) {
		b.enqueue(p)
	}
}

// offer has f begin if a slot is free: it claims nothing before it begins, so
// that the clock finds it again at once.
func (b *Bot) offer(f func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.take(piece{do: f})
}

// enqueue has p wait. Where there is no place left, whoever has most waiting gives
// one up. b.mu is held.
func (b *Bot) enqueue(p piece) {
	p.at = time.Now()
	if b.stopped {
		b.leave(p)
		return
	}
	b.waiting.Wait(&p, p.turn())
	if b.waiting.Len() > manyWaiting {
		last := b.waiting.Last()
		b.waiting.Drop(last)
		b.leave(*last)
	}
}

// leave notes that a piece is not begun here. b.mu is held.
func (b *Bot) leave(p piece) {
	if p.arrival != nil {
		b.left = append(b.left, *p.arrival)
	}
}

// take begins p if a slot is free. b.mu is held.
func (b *Bot) take(p piece) bool {
	if b.stopped {
		return false
	}
	select {
	case b.slots <- struct{}{}:
	default:
		return false
	}
	b.running.Go(func() {
		for more := true; more; p, more = b.next() {
			b.carryOut(p)
		}
	})
	return true
}

// next answers whose turn it is, or gives the slot back. When some of it
// has waited too long, the clock gets the slot, which knows what is oldest.
func (b *Bot) next() (p piece, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lapsed := b.dropLapsed()
	if !lapsed && b.waiting.Len() > 0 {
		return b.shift(), true
	}
	<-b.slots
	if lapsed {
		b.rouse()
	}
	return piece{}, false
}

// shift takes out what goes next. b.mu is held.
func (b *Bot) shift() piece {
	p, _ := b.waiting.First()
	b.waiting.Done(p)
	return *p
}

// rouse has the clock look at once.
func (b *Bot) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// dropLapsed leaves to the clock what has waited too long. b.mu is held.
func (b *Bot) dropLapsed() (some bool) {
	for {
		p, any := b.waiting.Oldest()
		if !any || time.Since(p.at) <= longestWait {
			return some
		}
		b.waiting.Drop(p)
		b.leave(*p)
		some = true
	}
}

// drain fills the slots that are free with what waits.
func (b *Bot) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropLapsed() {
		b.rouse()
	}
	for {
		p, any := b.waiting.First()
		if !any || !b.take(*p) {
			return
		}
		b.waiting.Done(p)
	}
}

// carryOut does one piece of work, within what is left of its claim.
func (b *Bot) carryOut(p piece) {
	defer func() {
		if v := recover(); v != nil {
			what, stack := bot.Panicked(v)
			b.log.Error("a defect stopped one piece of work; it stays claimed and is tried again", "panic", what, "stack", stack)
		}
	}()
	ctx := b.work
	if !p.at.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bot.StepDeadline-time.Since(p.at))
		defer cancel()
	}
	p.do(ctx)
}

// Load returns how many pieces of work are under way, how many wait in memory
// for one of them to end, and how many may be under way at once. More may wait
// in the database.
func (b *Bot) Load() (running, waiting, places int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.slots), b.waiting.Len(), cap(b.slots)
}

// busy reports whether what arrives now has to wait.
func (b *Bot) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.Len() > 0 || len(b.slots) == cap(b.slots)
}
