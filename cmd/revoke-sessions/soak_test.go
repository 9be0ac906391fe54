package main

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

var soak = flag.Duration("soak", 0, "TestSoak: for how long it plays on each database; an hour shows what grows")

const (
	// soakStep is the pause between two troubles.
	soakStep = 10 * time.Second
	// soakGrowth is how many megabytes a process may gain in the second half, in
	// which none is killed.
	soakGrowth = 32
)

// TestSoak has people report and decide for a long time, while sockets are
// refreshed and dropped, Slack and Microsoft have bad minutes, and in the first half
// processes die. In the end everything that was acked has its one outcome, and the
// process of the second half holds no more than in its beginning.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("for somebody who starts it: -soak 1h")
	}
	for name, choose := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMortal(t, choose)
			m.at.timing = productions()
			m.live(nil)
			r := newRush(m, 1)
			r.calmly = true
			r.during(func(random *rand.Rand) { r.badTimes(*soak, random) })
		})
	}
}

func (r *rush) badTimes(lasts time.Duration, random *rand.Rand) {
	troubles := []func(){
		func() { r.slack.DisconnectSocket(r.slack.OldestSocket(), slacktest.RefreshRequested) },
		func() { r.slack.DropSockets() },
		func() {
			r.slack.Inject(slacktest.Fault{Method: "chat.update", Status: http.StatusInternalServerError, Times: 5})
		},
		func() {
			r.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Second, Times: 3})
		},
		func() {
			r.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "2", Times: 2})
		},
		func() {
			r.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusBadGateway, Apply: true, Times: 1})
		},
		func() {
			r.entra.Inject(graphtest.Fault{Method: http.MethodGet, Status: http.StatusServiceUnavailable, Times: 3})
		},
	}
	held := func() float64 {
		r.mortal.mu.Lock()
		defer r.mortal.mu.Unlock()
		return residentOf(r.t, r.child.Process.Pid)
	}
	half, end := time.Now().Add(lasts/2), time.Now().Add(lasts)
	var before float64
	for n := 0; time.Now().Before(end); n++ {
		time.Sleep(min(soakStep, lasts/20))
		troubles[random.IntN(len(troubles))]()
		switch later := time.Now().After(half); {
		case !later && n%6 == 5:
			r.kill()
		case later && before == 0:
			before = held()
		}
	}
	after := held()
	r.t.Logf("%.0f MB in the middle, %.0f MB at the end", before, after)
	if after-before > soakGrowth {
		r.t.Errorf("the process has grown by %.0f MB", after-before)
	}
}
