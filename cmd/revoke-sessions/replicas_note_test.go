package main

import (
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// TestNoteWhileTheDatabaseIsSlow has a database take some seconds for the note
// of where a message stands. The process lives and has its claim: the message
// is not posted a second time.
func TestNoteWhileTheDatabaseIsSlow(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t)
	e.at.timing = productions()
	r := e.join()
	p := e.crowd(1)[0]
	e.asks(p)
	card := e.liveCard(p)
	result, once := make(chan struct{}), sync.Once{}
	e.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Delay: time.Second, Match: func(p map[string]string) bool {
		if p["thread_ts"] == "" {
			return false
		}
		once.Do(func() { close(result) })
		return true
	}})
	e.acked(e.press(aliceID, card, bot.ActionConfirm))
	e.reached(result)
	r.line.Hang()
	e.await(longer, "the result stands", func() bool { return len(e.resultsUnder(card)) > 0 })
	time.Sleep(3 * time.Second) // how slow it is
	r.line.Mend()
	e.await(longer, "all is told", func() bool { return e.told(p) })
	e.quiet()
	e.exactlyOnce([]person{p})
}
