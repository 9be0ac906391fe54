package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph/graphtest"
)

// TestRollingRestart restarts two replicas one after the other, again and
// again, while people report and confirm. Nothing that was acked is lost or
// done twice, and nobody waits for a claim to lapse.
func TestRollingRestart(t *testing.T) {
	testrun.BesideOthers(t)
	e := newEnsemble(t)
	e.at.timing = productions()
	a, b := e.join(), e.join()
	// Slack takes its time, so that there is work under way at any moment.
	e.slack.Inject(slacktest.Fault{Method: "users.info", Delay: 300 * time.Millisecond})
	l := e.under(testrun.Reports.Times(), 500*time.Millisecond)
	for round, going := 1, true; going; round++ {
		for _, r := range []*replica{a, b} {
			t.Logf("round %d: %s stopped within %.1f s", round, r.name, r.end().Seconds())
			r.start()
		}
		select {
		case <-l.done:
			going = false
		default:
		}
	}
	e.acksKept()
	e.exactlyOnce(l.crowd)
	worst, what := l.slowest()
	t.Logf("the longest from ack to record: %.1f s (%s); tried again: %s", worst.Seconds(), what, &l.again)
	if worst > 9*time.Second {
		t.Errorf("%s waited for a claim to lapse: %s", what, worst)
	}
}

// TestStopWhileNothingAnswers stops a replica whose call to Microsoft hangs, in
// a world in which nobody else answers either. It ends in time, and what it had
// in hand is another's at once.
func TestStopWhileNothingAnswers(t *testing.T) {
	t.Parallel()
	for _, silent := range []struct {
		name string
		fall func(*ensemble, *replica)
	}{
		{"Microsoft", func(*ensemble, *replica) {}},
		{"Microsoft and Slack", func(e *ensemble, _ *replica) { e.slack.Inject(slacktest.Fault{Hang: true}) }},
		{"Microsoft and the database", func(_ *ensemble, r *replica) { r.line.Hang() }},
	} {
		t.Run(silent.name, func(t *testing.T) {
			t.Parallel()
			e := newEnsemble(t)
			e.at.timing = productions()
			leaver := e.join()
			e.join()
			p := e.crowd(1)[0]
			e.to(leaver)
			e.asks(p)
			card := e.liveCard(p)
			begun := call.hold(e)
			e.acked(e.press(aliceID, card, bot.ActionConfirm))
			e.reached(begun)
			e.entra.Inject(graphtest.Fault{Method: http.MethodGet, Hang: true})
			silent.fall(e, leaver)
			t.Logf("stopped within %.1f s", leaver.end().Seconds())
			left := time.Now()
			e.slack.ClearFaults()
			e.entra.ClearFaults()
			took := e.await(longer, "the other goes on", func() bool { return call.done(e, p) }).Sub(left)
			t.Logf("gone on with after %.1f s", took.Seconds())
			e.await(longer, "all is told", func() bool { return e.told(p) })
			e.exactlyOnce([]person{p})
		})
	}
}

// TestStopInAStorm stops a replica that has stored more than it can begin with.
// The next does not wait for claims to lapse: none is left when the process ends.
func TestStopInAStorm(t *testing.T) {
	t.Parallel()
	const people, held = 320, 256
	e := newEnsemble(t)
	e.at.timing = productions()
	leaver := e.join()
	crowd := e.crowd(people)
	// Whoever it begins with waits for Slack.
	e.slack.Inject(slacktest.Fault{Method: "users.info", Hang: true, Times: held})
	e.to(leaver)
	var again tries
	var typing sync.WaitGroup
	for _, p := range crowd {
		typing.Go(func() {
			e.reports(&again, p)
		})
	}
	typing.Wait()
	began := time.Now()
	took := leaver.end()
	db := e.sql()
	var due, claimed int
	if err := db.QueryRow(`SELECT count(*), count(*) FILTER (WHERE claimed_until > extract(epoch FROM clock_timestamp()) * 1000000)
		FROM arrivals WHERE due_at IS NOT NULL`).Scan(&due, &claimed); err != nil {
		t.Fatal(err)
	}
	if due == 0 || claimed > 0 {
		t.Fatalf("of %d that were stored and not carried out, %d are still claimed by a process that is gone", due, claimed)
	}
	e.to(nil)
	e.join() // not before, or it would claim what is handed back
	dealt := func() (n int) {
		for _, row := range e.audit() {
			if row.Action == "requested" || row.Action == "refused" {
				n++
			}
		}
		return n
	}
	all := e.await(longer, "everybody is dealt with", func() bool { return dealt() >= people }).Sub(began)
	t.Logf("stopped within %.1f s; all were dealt with %.1f s after the signal; tried again: %s", took.Seconds(), all.Seconds(), &again)
	var twice int
	if err := db.QueryRow(`SELECT count(*) FROM arrivals WHERE tries > 1`).Scan(&twice); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d were claimed a second time", twice); twice == 0 {
		t.Error("it began with everything before it stopped: the storm was none")
	}
	e.acksKept()
}
