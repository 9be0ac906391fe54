package main

import (
	"flag"
	"fmt"
	"sync"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// decisions is how many requests are decided by double clicks. Slack takes
// about one message a second from a bot in a channel, so that a thousand are
// dealt out to several stages that play at once:
//
//	go test ./cmd/revoke-sessions -run TestDoubleClicks -decisions 1000 -timeout 30m
var decisions = flag.Int("decisions", testrun.Decisions.Times(), "how many requests TestDoubleClicks decides")

// perStage is how many of them play on one stage.
const perStage = 50

// TestDoubleClicks has two approvers press Confirm at the same moment, each on
// another replica: one decision, one call, one result. Payloads go to any
// replica, as with Slack.
func TestDoubleClicks(t *testing.T) {
	testrun.BesideOthers(t)
	for n := 0; n*perStage < *decisions; n++ {
		people := min(perStage, *decisions-n*perStage)
		replicas := 3 - n%2
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
	var again tries
	for _, p := range crowd {
		e.reports(&again, p)
	}
	pressed := 0
	var pair sync.Mutex // so that the two clicks of a card go to two replicas
	var wg sync.WaitGroup
	for _, p := range crowd {
		wg.Go(func() {
			card := e.liveCard(p)
			for {
				pair.Lock()
				first, second := e.press(aliceID, card, bot.ActionConfirm), e.press(amirID, card, bot.ActionConfirm)
				pressed += 2
				pair.Unlock()
				one, err := ackOf(first, slacktest.AckDeadline)
				two, alsoErr := ackOf(second, slacktest.AckDeadline)
				if err == nil && alsoErr == nil {
					if e.owner(one.Socket) == e.owner(two.Socket) {
						t.Errorf("both clicks about %s went to one replica", p.name)
					}
					break
				}
				again.add("a click that failed") // on a busy machine; people press again
			}
			e.await(longer, "all is told about "+p.name, func() bool { return e.told(p) })
		})
	}
	wg.Wait()
	t.Logf("%d decisions by %d clicks; tried again: %s", people, pressed, &again)
	e.quiet()
	e.exactlyOnce(crowd)
	rows := e.tally()
	for _, p := range crowd {
		if rows[p.entraID]["refused"] == 0 {
			t.Errorf("%s: nobody was told that they were second", p.name)
		}
	}
}
