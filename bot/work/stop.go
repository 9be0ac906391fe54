package work

import (
	"context"
	"time"
)

const (
	// stopWithin is how long an orderly stop waits for running work: longer than
	// a call to Graph, and short enough that all is closed within 20 s, the 5 s
	// of the sockets and the last writes to a silent database included.
	stopWithin = 10 * time.Second
	// handBackWithin bounds the handing back at a stop.
	handBackWithin = time.Second
)

// HandBack lets go of the arrivals that are claimed and not begun, so that
// whoever has a slot takes them. Where that fails it is tried again at the next call,
// and else their claims lapse.
func (w *Pool) HandBack(ctx context.Context) {
	w.mu.Lock()
	left := w.left
	w.left = nil
	w.mu.Unlock()
	if len(left) == 0 {
		return
	}
	if err := w.giveBack(ctx, left); err != nil {
		w.log.Error("hand back what was not begun; it goes on once the claims have lapsed", "arrivals", len(left), "error", err)
		w.mu.Lock()
		w.left = append(left, w.left...)
		w.mu.Unlock()
	}
}

// Stop begins nothing new, hands back what waits, and returns when all that runs is
// done or was given up.
func (w *Pool) Stop() {
	w.mu.Lock()
	for p, any := w.waiting.First(); any; p, any = w.waiting.First() {
		w.waiting.Drop(p)
		w.leave(*p) // it waits in the database
	}
	w.stopped = true
	w.mu.Unlock()
	w.handBackAtLast(w.work)
	done := make(chan struct{})
	go func() { w.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(stopWithin):
		w.log.Warn("stopping with work under way; it goes on after the next start")
		w.abandon()
		<-done
	}
	// What could not be handed back while so much was under way, or came meanwhile.
	w.handBackAtLast(context.WithoutCancel(w.work))
	w.abandon()
}

func (w *Pool) handBackAtLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, handBackWithin)
	defer cancel()
	w.HandBack(ctx)
}
