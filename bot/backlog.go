package bot

import (
	"context"
	"time"
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
	arrival *Arrival
	// by is who made it be done, by their Slack ID; empty for nobody in particular.
	// later is work that goes behind what somebody has decided.
	by    string
	later bool
}

// turn is a piece's place among those that wait.
func (p piece) turn() turn {
	t := turn{by: p.by, since: p.at}
	if p.later {
		t.rank = 1
	}
	return t
}

func (b *Bot) handling(a Arrival) piece {
	return piece{do: func(ctx context.Context) { b.handle(ctx, a) }, arrival: &a, by: a.UserID, later: !a.decides()}
}

// telling is the telling of a request that was just stored.
func (b *Bot) telling(r *Request) piece {
	return piece{do: func(ctx context.Context) { b.tell(ctx, r.ID) }, by: r.requester().SlackID, later: r.State == Pending}
}

// spawn has f begin at once if a slot is free, and else when it is its turn. What
// finds no place to wait, or waits too long, is found again by the clock: an
// arrival at once, and anything else once its claim has lapsed.
func (b *Bot) spawn(f func(context.Context)) { b.admit(piece{do: f}) }

func (b *Bot) admit(p piece) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting.len() > 0 || !b.take(p) {
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
	b.waiting.wait(&p, p.turn())
	if b.waiting.len() > manyWaiting {
		last := b.waiting.last()
		b.waiting.drop(last)
		b.leave(*last)
	}
}

// leave notes that a piece is not begun here. b.mu is held.
func (b *Bot) leave(p piece) {
	if p.arrival != nil {
		b.left = append(b.left, *p.arrival)
	}
}

// handBack lets go of the arrivals that are claimed and not begun, so that
// whoever has a slot takes them. Where that fails it is tried again at the next look,
// and else their claims lapse.
func (b *Bot) handBack(ctx context.Context) {
	b.mu.Lock()
	left := b.left
	b.left = nil
	b.mu.Unlock()
	if len(left) == 0 {
		return
	}
	if err := b.store.HandBack(ctx, left); err != nil {
		b.log.Error("hand back what was not begun; it goes on once the claims have lapsed", "arrivals", len(left), "error", err)
		b.mu.Lock()
		b.left = append(left, b.left...)
		b.mu.Unlock()
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
	if !lapsed && b.waiting.len() > 0 {
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
	p, _ := b.waiting.first()
	b.waiting.done(p)
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
		p, any := b.waiting.oldest()
		if !any || time.Since(p.at) <= longestWait {
			return some
		}
		b.waiting.drop(p)
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
		p, any := b.waiting.first()
		if !any || !b.take(*p) {
			return
		}
		b.waiting.done(p)
	}
}

// carryOut does one piece of work, within what is left of its claim.
func (b *Bot) carryOut(p piece) {
	defer func() {
		if v := recover(); v != nil {
			what, stack := Panicked(v)
			b.log.Error("a defect stopped one piece of work; it stays claimed and is tried again", "panic", what, "stack", stack)
		}
	}()
	ctx := b.work
	if !p.at.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, stepDeadline-time.Since(p.at))
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
	return len(b.slots), b.waiting.len(), cap(b.slots)
}

// busy reports whether what arrives now has to wait.
func (b *Bot) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.len() > 0 || len(b.slots) == cap(b.slots)
}

// Busy tells somebody that what they did has arrived and waits.
func Busy(emergency string) Message {
	p := &page{}
	p.add((&line{}).bold("Busy, and your request is safe:").
		say(" it is stored, and I get to it as soon as I can. You need not send it again."))
	p.add(elsewhere(View{Emergency: emergency}))
	return p.message()
}

// privately is a message as the ack of a command carries it.
func (m Message) privately() any {
	return map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
}

// apologize tells whoever clicked that it waits: the ack of a click carries no
// words. It never holds anything up, and where many wait, not all are told.
func (b *Bot) apologize(a Arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped || a.ResponseURL == "" {
		return
	}
	select {
	case b.courtesy <- struct{}{}:
	default:
		return
	}
	b.running.Go(func() {
		defer func() { <-b.courtesy }()
		ctx, cancel := context.WithTimeout(b.work, courtesyWait)
		defer cancel()
		if err := b.respond(ctx, a.ResponseURL, Busy(b.cfg.Emergency)); err != nil {
			b.log.Info("somebody whose click waits could not be told", "arrival", a.ID, "request", a.names(), "user", a.UserID, "error", err)
		}
	})
}
