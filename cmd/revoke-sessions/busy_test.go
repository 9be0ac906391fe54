package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// More people act than the bot can serve while Entra does not answer: they read
// so at once, what they did is stored, and it begins as soon as there is a place
// and not when a claim lapses.
func TestBusy(t *testing.T) {
	const busy = "I'm busy, but nothing is lost"
	th := newTheatreWith(t, slacktest.Config{NoRateLimits: "one person asks 300 times"})
	th.begin()
	th.typed(bobID, "me lost my phone")
	card := th.card()
	th.quiet()

	th.entra.Inject(graphtest.Fault{Method: http.MethodGet, Hang: true})
	var crowd []*slacktest.Delivery
	for range 300 {
		crowd = append(crowd, th.slack.As(carolID).Command(general, "@olga stolen laptop"))
	}
	reads := func(where string) bool {
		return slices.ContainsFunc(th.stands(where), func(m slacktest.Message) bool { return containsAll(plain(m), []string{busy, emergency}) })
	}
	th.until("Carol reads that she waits", func() bool { return reads("only:carol") })
	began := time.Now()
	th.acked(th.slack.As(aliceID).Click(approvals, card.TS, "request.confirm"))
	th.until("Alice reads that she waits", func() bool { return reads("only:alice") })
	th.entra.ClearFaults()
	for _, d := range crowd {
		th.acked(d)
	}
	th.cardSays("Bob Reporter's sessions are revoked", "Verified")
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the click was carried out after %s: it waited for its claim to lapse", took)
	}
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}
