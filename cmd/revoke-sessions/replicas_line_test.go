package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph/graphtest"
)

// TestOneLine has Microsoft ask one of two replicas to wait. The other has
// heard of it, too: nobody calls before the time, and then they go in the order
// in which they were confirmed, whoever carries them out, until Microsoft has
// taken enough calls for the line to be let go.
func TestOneLine(t *testing.T) {
	t.Parallel()
	const asked = 6 * time.Second
	const inLine = 4 // the pause of a second is halved with each call that is taken
	e := newEnsemble(t)
	e.at.timing = productions()
	e.join()
	e.join()
	e.inTurn()
	crowd := e.crowd(7)
	for _, p := range crowd {
		e.asks(p)
	}
	e.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "6", Times: 1})
	var confirmed []string
	for i, p := range crowd {
		e.acked(e.press(aliceID, e.liveCard(p), bot.ActionConfirm))
		e.await(longer, "the approval is stored", func() bool { return e.tally()[p.entraID][string(bot.Approved)] == 1 })
		if i == 0 {
			e.await(longer, "Microsoft's answer is stored", func() bool { return e.pushedBack() })
		}
		confirmed = append(confirmed, p.entraID)
	}
	e.await(longer, "all is told", func() bool { return !slices.ContainsFunc(crowd, func(p person) bool { return !e.told(p) }) })

	posts := e.entra.Posts()
	if len(posts) != 1+len(crowd) {
		t.Fatalf("%d POSTs, want one for each and the one that was refused\n%s", len(posts), e.board())
	}
	var order []string
	for i, p := range posts[1:] {
		order = append(order, p.ObjectID)
		t.Logf("%.1f s after the answer", p.At.Sub(posts[0].At).Seconds())
		if waited := p.At.Sub(posts[0].At); waited < asked {
			t.Errorf("call %d came %s after Microsoft asked for %s", i+1, waited, asked)
		}
	}
	slices.Sort(order[inLine:])
	if !slices.Equal(order, confirmed) { // whose IDs are in that order, too
		t.Errorf("called in the order\n%q, confirmed in the order\n%q", order, confirmed)
	}
}

// pushedBack reports whether it is stored that Microsoft asked to wait.
func (e *ensemble) pushedBack() (yes bool) {
	db := e.sql()
	if err := db.QueryRow(`SELECT gap > 0 FROM turnstile WHERE id = 1`).Scan(&yes); err != nil {
		e.t.Fatal(err)
	}
	return yes
}
