package work

import (
	"context"
	"time"
)

const (
	// stopWithin is how long an orderly stop waits for running work: longer than a call
	// to Graph, and short enough that everything closes within 20 s, including 5 s for
	// the sockets and the last writes to a silent database.
	stopWithin = 10 * time.Second
	// handBackWithin bounds HandBack at a stop.
	handBackWithin = time.Second
)

// HandBack releases the arrivals that are claimed but not begun, so that a process with a
// free slot takes them. If that fails, the next call tries again, or their claims lapse.
func (w *Pool) HandBack(ctx context.Context) {
	w.mu.Lock()
	left := w.left
	w.left = nil
	w.mu.Unlock()
	if len(left) == 0 {
		return
	}
	if err := w.giveBack(ctx, left); err != nil {
		w.log.Error("cannot hand back what was not begun; it goes on once the claims have lapsed", "arrivals", len(left), "error", err)
		w.mu.Lock()
		w.left = append(left, w.left...)
		w.mu.Unlock()
	}
}

// Stop begins nothing new, hands back what waits, and returns when all running work is
// done or abandoned.
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
	// Some could not be handed back while so much was running, or came meanwhile.
	w.handBackAtLast(context.WithoutCancel(w.work))
	w.abandon()
}

// handBackAtLast is HandBack with a time limit.
func (w *Pool) handBackAtLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, handBackWithin)
	defer cancel()
	w.HandBack(ctx)
}
