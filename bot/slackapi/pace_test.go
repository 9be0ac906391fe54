package slackapi

import (
	"fmt"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// result is an outcome, the most urgent letter.
func result(n int) Letter { return Letter{Key: fmt.Sprint("result", n), Since: bottest.AskedAt} }

// card is the card of a request about somebody else.
func card(n int) Letter {
	return Letter{Key: fmt.Sprint("card", n), Urgency: bot.OfCard, Since: bottest.AskedAt}
}

func TestPace_Posts(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	for i := range postBurst {
		if wait := p.Post("C1", result(i), now); wait != 0 {
			t.Fatalf("message %d of the burst waits %s", i, wait)
		}
	}
	wait := p.Post("C1", result(100), now)
	if wait <= 0 || wait > time.Second+time.Millisecond {
		t.Fatalf("after the burst: %s, want about a second", wait)
	}
	if other := p.Post("C2", result(0), now); other != 0 {
		t.Errorf("a quiet channel waits %s for a busy one", other)
	}
	// Asking too early takes no token.
	for range 100 {
		p.Post("C1", result(100), now)
	}
	if again := p.Post("C1", result(100), now.Add(wait)); again != 0 {
		t.Errorf("who waited as told waits %s more", again)
	}
	if again := p.Post("C1", result(101), now.Add(wait)); again == 0 {
		t.Error("one second gave two tokens")
	}
	// A long silence fills the bucket only once.
	later := now.Add(time.Hour)
	n := 0
	for p.Post("C1", result(n), later) == 0 {
		n++
	}
	if n != postBurst {
		t.Errorf("%d messages after an hour, want %d", n, postBurst)
	}
}

func TestPace_NewCardsLeaveRoomForResults(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	spare := card(0).spare()
	fresh := 0
	for p.Post("C1", card(fresh), now) == 0 {
		fresh++
	}
	if fresh != postBurst-int(spare) {
		t.Errorf("%d new cards at once, want %d", fresh, postBurst-int(spare))
	}
	wait := p.Post("C1", card(100), now)
	for i := range int(spare) {
		if wait := p.Post("C1", result(i), now); wait != 0 {
			t.Errorf("result %d waits %s behind new cards", i, wait)
		}
	}
	if wait <= 0 || p.Post("C1", result(100), now) == 0 {
		t.Error("the reserve has no end")
	}
	// Cards go on once the bucket is fuller than the reserve.
	if early := p.Post("C1", card(100), now.Add(wait)); early == 0 {
		t.Error("a new card took what results need")
	}
	if wait := p.Post("C1", card(100), now.Add(time.Duration(spare+2)*time.Second)); wait != 0 {
		t.Errorf("a new card waits %s with a bucket that is full enough", wait)
	}
}

func TestPace_Updates(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	n := 0
	for p.Update(result(n), now) == 0 {
		n++
	}
	if n != updateBurst {
		t.Errorf("%d updates at once, want %d", n, updateBurst)
	}
	if wait := p.Update(result(n), now); wait <= time.Second || wait > 1300*time.Millisecond {
		t.Errorf("then one in %s, want 50 a minute", wait)
	}
	if p.Post("C1", result(0), now) != 0 {
		t.Error("updates hold up posts")
	}
}

func TestPace_ObeysRetryAfter(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	p.Obey(&Error{Method: "chat.postMessage", Code: Ratelimited, RetryAfter: 30 * time.Second}, now)
	for _, channel := range []string{"C1", "C2"} {
		if wait := p.Post(channel, result(0), now.Add(10*time.Second)); wait != 20*time.Second {
			t.Errorf("%s waits %s, want the 20 s that are left", channel, wait)
		}
	}
	if wait := p.Update(result(0), now); wait != 0 {
		t.Errorf("Slack's wish about posts holds up updates for %s", wait)
	}
	if wait := p.Post("C1", result(0), now.Add(30*time.Second)); wait != 0 {
		t.Errorf("after the time: %s", wait)
	}
	p.Obey(&Error{Method: "chat.update", Code: "internal_error"}, now)
	if wait := p.Update(result(0), now); wait != 0 {
		t.Errorf("an error without a wish counts as one: %s", wait)
	}
	p.Obey(&Error{Method: "chat.update", RetryAfter: time.Minute}, now)
	if wait := p.Update(result(0), now); wait != time.Minute {
		t.Errorf("updates wait %s, want a minute", wait)
	}
}

func TestPace_ForgetsQuietChannels(t *testing.T) {
	p := newPace()
	for i := range 3 * manyChannels {
		if wait := p.Post(fmt.Sprint("D", i), result(0), bottest.AskedAt); wait != 0 {
			t.Fatalf("a first message waits %s", wait)
		}
	}
	if len(p.posts) > manyChannels {
		t.Errorf("%d channels are remembered", len(p.posts))
	}
}

// Letters go by urgency, self reports first; then people take turns.
func TestPace_OrdersByUrgencyThenPerson(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	ask := func(n int, by string) Letter {
		return Letter{Key: fmt.Sprint("ask", n, by), Urgency: bot.OfCard, By: by, Since: bottest.AskedAt.Add(time.Duration(n))}
	}
	for n := 0; p.Post("C1", ask(n, "flood"), now) == 0; n++ { // the burst
	}
	for n := range 200 {
		p.Post("C1", ask(1000+n, "flood"), now)
	}
	lost := Letter{Key: "lost", Urgency: bot.OfCard, Self: true, By: "dana", Since: now.Add(time.Second)}
	if wait := p.Post("C1", lost, now); wait != 0 {
		t.Errorf("the card of a lost device waits %s", wait)
	}
	if wait := p.Post("C1", Letter{Key: "note", Urgency: bot.OfAside, Self: true, Since: bottest.AskedAt}, now); wait < 20*time.Second {
		t.Errorf("a note waits %s behind 200 cards", wait)
	}
	other := ask(2000, "erin")
	if wait := p.Post("C1", other, now); wait > 4*time.Second {
		t.Errorf("the first card of another person waits %s", wait)
	}
	if wait := p.Post("C1", ask(3000, "flood"), now); wait != longestTurn {
		t.Errorf("the last of 200 waits %s, want to look again in %s", wait, longestTurn)
	}
	now = now.Add(4 * time.Second)
	for n := range 3 {
		p.Post("C1", ask(1000+n, "flood"), now)
	}
	if wait := p.Post("C1", other, now); wait > time.Second {
		t.Errorf("then it waits %s", wait)
	}
}

// A letter that does not come back in time soon delays nobody.
func TestPace_AbsentLetterLosesTurn(t *testing.T) {
	p, now := newPace(), bottest.AskedAt
	for n := range postBurst {
		p.Post("C1", result(n), now)
	}
	for n := range 10 {
		p.Post("C1", result(100+n), now)
	}
	last := Letter{Key: "last", Since: now.Add(time.Second)}
	if wait := p.Post("C1", last, now); wait < 10*time.Second {
		t.Errorf("behind ten it waits %s", wait)
	}
	now = now.Add(16 * time.Second) // nobody came back
	if wait := p.Post("C1", last, now); wait != 0 {
		t.Errorf("behind nobody it waits %s", wait)
	}
	now = now.Add(-time.Hour) // the clock was set back
	if wait := p.Post("C1", Letter{Key: "more", Since: now}, now); wait > time.Minute {
		t.Errorf("after the clock was set back it waits %s", wait)
	}
}

// A limiter that was filled in the future would stay empty until then.
func TestPace_SurvivesClockSetBack(t *testing.T) {
	p, now := newPace(), time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for range postBurst {
		p.Post("C1", Letter{Key: fmt.Sprint("before ", now)}, now)
	}
	p.Obey(&Error{Method: "chat.postMessage", RetryAfter: time.Hour}, now)
	now = now.Add(-3 * time.Hour)
	l := Letter{Key: "a card", Urgency: bot.OfCard, Since: now}
	wait := p.Post("C1", l, now)
	for waited := time.Duration(0); wait > 0; waited += wait {
		if waited > LongestSilence+longestTurn {
			t.Fatalf("it waits for more than %s", waited)
		}
		now = now.Add(wait)
		wait = p.Post("C1", l, now)
	}
}
