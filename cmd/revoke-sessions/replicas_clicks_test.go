package main

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// decisions is how many requests are decided by double clicks. Slack takes
// about one message a second from a bot in a channel, so that a thousand are
// dealt out to several stages that play at once:
//
//	go test ./cmd/revoke-sessions -run TestDoubleClicks -decisions 1000 -timeout 30m
var decisions = flag.Int("decisions", 60, "how many requests TestDoubleClicks decides")

// perStage is how many of them play on one stage.
const perStage = 50

// TestDoubleClicks has two approvers press Confirm at the same moment, each on
// another replica: one decision, one call, one result. Payloads go to any
// replica, as with Slack.
func TestDoubleClicks(t *testing.T) {
	for n := 0; n*perStage < *decisions; n++ {
		people := min(perStage, *decisions-n*perStage)
		replicas := 2 + n%2
		t.Run(fmt.Sprintf("stage %d with %d replicas", n+1, replicas), func(t *testing.T) {
			t.Parallel()
			doubleClicks(t, replicas, people)
		})
	}
}

func doubleClicks(t *testing.T, replicas, people int) {
	e := newEnsemble(t)
	for range replicas {
		e.join()
	}
	e.inTurn()
	crowd := e.crowd(people)
	for _, p := range crowd {
		e.typed(p.slackID, "me lost my phone")
	}
	elsewhere := 0
	var pair sync.Mutex // so that the two clicks of a card go to two replicas
	var wg sync.WaitGroup
	for _, p := range crowd {
		wg.Go(func() {
			var card slacktest.Message
			e.within(5*time.Minute, "the card stands", func() (ok bool) { card, ok = e.cardOf(p); return ok })
			pair.Lock()
			first, second := e.press(aliceID, card, bot.ActionConfirm), e.press(amirID, card, bot.ActionConfirm)
			pair.Unlock()
			e.acked(first)
			e.acked(second)
			if socketOf(t, first) != socketOf(t, second) {
				pair.Lock()
				elsewhere++
				pair.Unlock()
			}
			e.within(5*time.Minute, "all is told about "+p.name, func() bool { return e.told(p) })
		})
	}
	wg.Wait()
	if elsewhere != people {
		t.Errorf("%d of %d double clicks went to two replicas", elsewhere, people)
	}
	e.poll("whoever was second is told", func() bool { return e.count("refused") == people })
	e.exactlyOnce(crowd)
	for target, rows := range e.tally() {
		if rows["refused"] > 1 {
			t.Errorf("%d clicks about %s were refused, want 1", rows["refused"], target)
		}
	}
}

func socketOf(t *testing.T, d *slacktest.Delivery) int {
	ack, err := ackOf(d, patience)
	if err != nil {
		t.Error(err)
	}
	return ack.Socket
}
