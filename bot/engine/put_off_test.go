package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
)

// retries records the retries that tellings and notices ask for.
type retries struct {
	*store.Store
	now func() time.Time

	mu      sync.Mutex
	all     []bot.Retry
	longest time.Duration // that a notice had to wait
}

func (r *retries) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	r.mu.Lock()
	r.all = append(r.all, retry)
	r.mu.Unlock()
	return r.Store.Told(ctx, t, version, retry)
}

func (r *retries) Announced(ctx context.Context, n bot.Notice, retry bot.Retry) error {
	r.mu.Lock()
	r.all = append(r.all, retry)
	if !retry.At.IsZero() {
		r.longest = max(r.longest, retry.At.Sub(r.now()))
	}
	r.mu.Unlock()
	return r.Store.Announced(ctx, n, retry)
}

// count returns how many retries were put off, or were not, and the latest time of
// them.
func (r *retries) count(putOff bool) (n int, latest time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, retry := range r.all {
		if retry.PutOff == putOff && !retry.At.IsZero() {
			n++
			if retry.At.After(latest) {
				latest = retry.At
			}
		}
	}
	return n, latest
}

// TestRetry_LongQueueIsNoFailure: more cards than Slack takes at once wait for one
// another several times. The first card that then fails is tried again soon; its waits
// did not lengthen the pause.
func TestRetry_LongQueueIsNoFailure(t *testing.T) {
	w := crowdIn(newWorkshop(t))
	for n := range 40 {
		w.asked(fmt.Sprintf("REQ-ACDE%c%c", 'F'+n/10, '2'+n%10), fmt.Sprint("target ", n))
	}
	r := &retries{Store: w.db, now: w.clock.now}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	defer w.start(r, transport)()

	for round, want := range []int{20, 40, 45} {
		if round > 0 {
			w.clock.move(31 * time.Second) // longer than any card waits
		}
		w.wait("cards wait", func() bool { n, _ := r.count(true); return n > want })
		w.settled() // before the clock moves and claims lapse
	}
	if n, _ := r.count(false); n > 0 {
		t.Errorf("%d waits for our own pace count as failures", n)
	}
	w.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Status: http.StatusInternalServerError, Times: 1})
	w.clock.move(20 * time.Second)
	failed := w.clock.now()
	w.wait("something fails", func() bool { n, _ := r.count(false); return n > 0 })
	if _, at := r.count(false); at.Sub(failed) > 6*time.Second {
		t.Errorf("what failed once is tried again after %s", at.Sub(failed))
	}
}

// TestRetry_SlackAskingToWaitIsNoFailure: Slack asks several times to wait with a
// notice. Each wait is as long as Slack says.
func TestRetry_SlackAskingToWaitIsNoFailure(t *testing.T) {
	w := newWorkshop(t)
	if _, err := w.db.Announce(t.Context(), bot.Notice{Key: "frozen", To: channelOfCards, Message: bot.Message{Text: "Frozen."}}); err != nil {
		t.Fatal(err)
	}
	w.slack.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: time.Second, Times: 8,
		Match: func(p map[string]string) bool { return p["text"] == "Frozen." }})
	r := &retries{Store: w.db, now: w.clock.now}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	defer w.start(r, transport)()
	w.wait("it stands", func() bool { w.clock.move(100 * time.Millisecond); return len(w.stand("Frozen.")) == 1 })
	if n, _ := r.count(false); n > 0 {
		t.Errorf("%d of the waits count as failures", n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.longest == 0 || r.longest > 2*time.Second {
		t.Errorf("the longest wait was %s", r.longest)
	}
}
