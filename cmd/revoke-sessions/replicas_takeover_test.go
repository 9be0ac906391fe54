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

const (
	// tookOver is within what another replica must have done the work of one that
	// is gone: claims lapse after 10 s, the clock looks every second. Without a
	// claim that lapses it would never be done.
	tookOver = 15 * time.Second
	// longer is how long a test goes on waiting, to tell how long it took.
	longer = 3 * time.Minute
)

// TestTakeOver takes a replica out in the middle of its work. Another does what
// is left, and the one that comes back does nothing twice.
func TestTakeOver(t *testing.T) {
	testrun.BesideOthers(t)
	for i, fault := range []struct {
		name         string
		strike, mend func(*replica)
	}{
		{"killed", (*replica).kill, (*replica).start},
		{"hanging", (*replica).pause, (*replica).resume},
		{"cut off", func(r *replica) { r.line.Cut() }, func(r *replica) { r.line.Mend() }},
		{"on a pulled cable", func(r *replica) { r.line.Hang() }, func(r *replica) { r.line.Mend() }},
	} {
		moments := []moment{storedClick, call, telling}
		for k := range testrun.Moments.Times() {
			work := moments[(i+k)%len(moments)]
			t.Run(fault.name+" "+work.name, func(t *testing.T) {
				t.Parallel()
				e := newEnsemble(t)
				e.at.timing = productions()
				victim := e.join()
				e.join()
				crowd := e.crowd(2)
				p := crowd[0]

				e.to(victim)
				e.asks(p)
				card := e.liveCard(p)
				e.quiet() // the receipt is noted, too: else it might be posted twice
				begun := work.hold(e)
				e.acked(e.press(aliceID, card, bot.ActionConfirm))
				e.reached(begun)
				struck := time.Now()
				fault.strike(victim)
				e.slack.ClearFaults() // who hangs goes on hanging
				e.entra.ClearFaults()

				took := e.await(longer, "another takes over", func() bool { return work.done(e, p) }).Sub(struck)
				t.Logf("taken over after %.1f s", took.Seconds())
				if took > tookOver {
					t.Errorf("taken over after %s, want it within %s", took, tookOver)
				}
				e.await(longer, "all is told", func() bool { return e.told(p) })

				fault.mend(victim)
				if work.late && fault.name != "killed" {
					e.await(longer, "the late answer is on record", func() bool { return e.tally()[p.entraID]["late_answer"] == 1 })
				}
				// It works again, and after this on nothing of before.
				e.to(victim)
				e.await(longer, victim.name+" takes a command", func() bool {
					ack, err := ackOf(e.slack.As(crowd[1].slackID).Command(general, "me lost my phone"), patience)
					return err == nil && !refuses(ack)
				})
				e.acked(e.press(aliceID, e.liveCard(crowd[1]), bot.ActionConfirm))
				e.await(longer, "all is told about the next", func() bool { return e.told(crowd[1]) })
				e.quiet()
				e.exactlyOnce(crowd)
			})
		}
	}
}

// moment is where a replica is when it is struck.
type moment struct {
	name string
	// hold has the replica stay there, and tells when it is there.
	hold func(*ensemble) (begun <-chan struct{})
	// done reports whether another has gone on.
	done func(*ensemble, person) bool
	// late: the replica that comes back has an answer that nobody waits for.
	late bool
}

var (
	storedClick = moment{
		name: "with a stored click",
		hold: func(e *ensemble) <-chan struct{} {
			return e.holdSlack("users.info", func(p map[string]string) bool { return p["user"] == aliceID })
		},
		done: func(e *ensemble, p person) bool { return e.tally()[p.entraID][string(bot.Approved)] == 1 },
	}
	call = moment{
		name: "in the call to Microsoft",
		hold: func(e *ensemble) <-chan struct{} {
			begun, once := make(chan struct{}), sync.Once{}
			e.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Hang: true, Match: func(*http.Request) bool {
				once.Do(func() { close(begun) })
				return true
			}})
			return begun
		},
		done: func(e *ensemble, p person) bool { return e.tally()[p.entraID][string(bot.Revoked)] == 1 },
		late: true,
	}
	telling = moment{
		name: "in telling",
		hold: func(e *ensemble) <-chan struct{} {
			return e.holdSlack("chat.postMessage", func(p map[string]string) bool { return p["thread_ts"] != "" })
		},
		done: func(e *ensemble, p person) bool {
			card, _, ok := e.cardOf(p)
			return ok && len(e.resultsUnder(card)) > 0
		},
	}
)

// holdSlack has Slack not answer a call, and tells when it has come.
func (e *ensemble) holdSlack(method string, match func(map[string]string) bool) <-chan struct{} {
	begun, once := make(chan struct{}), sync.Once{}
	e.slack.Inject(slacktest.Fault{Method: method, Hang: true, Match: func(p map[string]string) bool {
		if match(p) {
			once.Do(func() { close(begun) })
			return true
		}
		return false
	}})
	return begun
}

// reached waits for a moment.
func (e *ensemble) reached(begun <-chan struct{}) {
	e.t.Helper()
	select {
	case <-begun:
	case <-time.After(patience):
		e.t.Fatalf("it never came to the moment\n%s", e.board())
	}
}

// liveCard waits for the card about somebody.
func (e *ensemble) liveCard(p person) (card slacktest.Message) {
	e.t.Helper()
	e.await(longer, "a card about "+p.name+" stands", func() (ok bool) { card, _, ok = e.cardOf(p); return ok })
	return card
}
