package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// load is a steady stream of people who report a lost phone, each of which is
// confirmed as soon as there is a card. People try again when Slack tells them
// that it did not work.
type load struct {
	*ensemble
	crowd []person
	// When each of them had the ack of what they did.
	reported, confirmed []time.Time
	done                chan struct{} // closed when everybody has been told how it ended
	again               tries
}

// tries counts what people had to do again, by what they saw.
type tries struct {
	sync.Mutex
	saw map[string]int
}

func (n *tries) add(saw string) {
	n.Lock()
	defer n.Unlock()
	if n.saw == nil {
		n.saw = map[string]int{}
	}
	n.saw[saw]++
}

func (n *tries) String() string {
	n.Lock()
	defer n.Unlock()
	return fmt.Sprint(n.saw)
}

// under puts the ensemble under the load of so many people, one after each
// pause.
func (e *ensemble) under(people int, pause time.Duration) *load {
	l := &load{ensemble: e, crowd: e.crowd(people), done: make(chan struct{}),
		reported: make([]time.Time, people), confirmed: make([]time.Time, people)}
	go func() {
		defer close(l.done)
		var all sync.WaitGroup
		defer all.Wait()
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for i := range l.crowd {
			all.Go(func() { l.loses(i) })
			<-tick.C
		}
	}()
	e.t.Cleanup(func() { <-l.done })
	return l
}

// pressesAgain is how long somebody waits before they press a button once more that
// is still there.
const pressesAgain = 15 * time.Second

// loses is the way of one person.
func (l *load) loses(i int) {
	p := l.crowd[i]
	l.reported[i] = l.reports(&l.again, p)
	pressed, at := "", time.Time{}
	l.await(longer, "all is told about "+p.name, func() bool {
		// A card that turns out to be a stray one leads to the live one, and one that
		// the bot had not noted yet is pressed again.
		card, _, ok := l.cardOf(p)
		if ok && (card.TS != pressed || time.Since(at) > pressesAgain) && offers(card, bot.ActionConfirm) {
			l.confirmed[i] = l.insist(&l.again, func() *slacktest.Delivery { return l.press(aliceID, card, bot.ActionConfirm) })
			pressed, at = card.TS, time.Now()
		}
		return l.told(p)
	})
}

// reports has somebody report a lost phone until that is acked, and answers when
// it was. Slack tells people of a command without an ack that it did not work,
// but it may have been stored: then they have asked twice.
func (e *ensemble) reports(again *tries, p person) time.Time {
	var unheard []*slacktest.Delivery
	at := e.insist(again, func() *slacktest.Delivery {
		d := e.slack.As(p.slackID).Command(general, "me lost my phone")
		unheard = append(unheard, d)
		return d
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range unheard {
		if d.Saw() == slacktest.OperationTimeout {
			e.unheard[p.slackID]++
		}
	}
	return at
}

// asks has somebody report a lost phone until a request is stored: a bot that is
// short of time tells them that it could not look them up, and to try again.
func (e *ensemble) asks(p person) {
	e.t.Helper()
	for range 10 {
		e.typed(p.slackID, "me lost my phone")
		if testrun.Seen(15*time.Second, func() bool { return e.tally()[p.entraID]["requested"] > 0 }) {
			return
		}
	}
	e.t.Fatalf("%s could not ask\n%s", p.name, e.board())
}

// insist does something until it is acked with nothing to say against it, and
// answers when that was.
func (e *ensemble) insist(again *tries, act func() *slacktest.Delivery) time.Time {
	for deadline := time.Now().Add(longer); e.t.Context().Err() == nil; time.Sleep(100 * time.Millisecond) {
		d := act()
		ack, err := ackOf(d, slacktest.AckDeadline+time.Second)
		saw := d.Saw()
		switch {
		case err == nil && !ack.Late && !refuses(ack):
			return ack.At
		case err == nil && !ack.Late:
			saw = "nothing stored"
		case errors.Is(err, slacktest.ErrNoSocket):
			saw = "no socket"
		}
		again.add(saw)
		if time.Now().After(deadline) {
			e.t.Errorf("it was never acked: %v", err)
			break
		}
	}
	return time.Time{}
}

// refuses reports whether an ack says that nothing was stored.
func refuses(ack slacktest.Ack) bool {
	return bytes.Contains(ack.Payload, []byte("Nothing was stored"))
}

// acksKept checks that whatever was acked is stored.
func (e *ensemble) acksKept() {
	e.t.Helper()
	db := e.sql()
	for _, ack := range e.slack.Acks() {
		var stored bool
		if refuses(ack) {
			continue
		}
		if err := db.QueryRow(`SELECT EXISTS (SELECT 1 FROM arrivals WHERE envelope = $1)`, ack.EnvelopeID).Scan(&stored); err != nil {
			e.t.Fatal(err)
		}
		if !stored {
			e.t.Errorf("envelope %s was acked and is not stored", ack.EnvelopeID)
		}
	}
}

// slowest is the longest that anybody waited between an ack and the row of the
// audit chain that came of it.
func (l *load) slowest() (worst time.Duration, what string) {
	l.t.Helper()
	for _, row := range l.audit() {
		var acked time.Time
		i := slices.IndexFunc(l.crowd, func(p person) bool { return p.entraID == row.TargetID })
		switch {
		case i >= 0 && row.Action == "requested":
			acked = l.reported[i]
		case i >= 0 && row.Action == string(bot.Approved):
			acked = l.confirmed[i]
		default:
			continue
		}
		if took := row.At.Sub(acked); took > worst {
			worst, what = took, row.Action+" of "+l.crowd[i].name
		}
	}
	return worst, what
}
