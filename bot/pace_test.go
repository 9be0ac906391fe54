package bot

import (
	"fmt"
	"testing"
	"time"
)

// A message of each urgency that nobody waits behind.
func result(n int) letter { return letter{key: fmt.Sprint("result", n), since: askedAt} }
func card(n int) letter   { return letter{key: fmt.Sprint("card", n), urgency: ofCard, since: askedAt} }

func TestPosts(t *testing.T) {
	p, now := newPace(), askedAt
	for i := range postBurst {
		if wait := p.post("C1", result(i), now); wait != 0 {
			t.Fatalf("message %d of the burst waits %s", i, wait)
		}
	}
	wait := p.post("C1", result(100), now)
	if wait <= 0 || wait > time.Second+time.Millisecond {
		t.Fatalf("after the burst: %s, want about a second", wait)
	}
	if other := p.post("C2", result(0), now); other != 0 {
		t.Errorf("a quiet channel waits %s for a busy one", other)
	}
	// Asking takes no token: however often somebody comes too early, whoever
	// comes in time is let through.
	for range 100 {
		p.post("C1", result(100), now)
	}
	if again := p.post("C1", result(100), now.Add(wait)); again != 0 {
		t.Errorf("who waited as told waits %s more", again)
	}
	if again := p.post("C1", result(101), now.Add(wait)); again == 0 {
		t.Error("one second gave two tokens")
	}
	// A long silence fills the bucket and no more.
	later := now.Add(time.Hour)
	n := 0
	for p.post("C1", result(n), later) == 0 {
		n++
	}
	if n != postBurst {
		t.Errorf("%d messages after an hour, want %d", n, postBurst)
	}
}

func TestNewCardsLeaveRoomForResults(t *testing.T) {
	p, now := newPace(), askedAt
	spare := card(0).spare()
	fresh := 0
	for p.post("C1", card(fresh), now) == 0 {
		fresh++
	}
	if fresh != postBurst-int(spare) {
		t.Errorf("%d new cards at once, want %d", fresh, postBurst-int(spare))
	}
	wait := p.post("C1", card(100), now)
	for i := range int(spare) {
		if wait := p.post("C1", result(i), now); wait != 0 {
			t.Errorf("result %d waits %s behind new cards", i, wait)
		}
	}
	if wait <= 0 || p.post("C1", result(100), now) == 0 {
		t.Error("the reserve has no end")
	}
	// The cards' wish comes true once the bucket has filled beyond the reserve.
	if early := p.post("C1", card(100), now.Add(wait)); early == 0 {
		t.Error("a new card took what results need")
	}
	if wait := p.post("C1", card(100), now.Add(time.Duration(spare+2)*time.Second)); wait != 0 {
		t.Errorf("a new card waits %s with a bucket that is full enough", wait)
	}
}

func TestUpdates(t *testing.T) {
	p, now := newPace(), askedAt
	n := 0
	for p.update(result(n), now) == 0 {
		n++
	}
	if n != updateBurst {
		t.Errorf("%d updates at once, want %d", n, updateBurst)
	}
	if wait := p.update(result(n), now); wait <= time.Second || wait > 1300*time.Millisecond {
		t.Errorf("then one in %s, want 50 a minute", wait)
	}
	if p.post("C1", result(0), now) != 0 {
		t.Error("updates hold up posts")
	}
}

func TestObey(t *testing.T) {
	p, now := newPace(), askedAt
	p.obey(&SlackError{Method: "chat.postMessage", Code: ratelimited, RetryAfter: 30 * time.Second}, now)
	for _, channel := range []string{"C1", "C2"} {
		if wait := p.post(channel, result(0), now.Add(10*time.Second)); wait != 20*time.Second {
			t.Errorf("%s waits %s, want the 20 s that are left", channel, wait)
		}
	}
	if wait := p.update(result(0), now); wait != 0 {
		t.Errorf("Slack's wish about posts holds up updates for %s", wait)
	}
	if wait := p.post("C1", result(0), now.Add(30*time.Second)); wait != 0 {
		t.Errorf("after the time: %s", wait)
	}
	p.obey(&SlackError{Method: "chat.update", Code: "internal_error"}, now)
	if wait := p.update(result(0), now); wait != 0 {
		t.Errorf("an error without a wish counts as one: %s", wait)
	}
	p.obey(&SlackError{Method: "chat.update", RetryAfter: time.Minute}, now)
	if wait := p.update(result(0), now); wait != time.Minute {
		t.Errorf("updates wait %s, want a minute", wait)
	}
}

func TestQuietChannelsAreForgotten(t *testing.T) {
	p := newPace()
	for i := range 3 * manyChannels {
		if wait := p.post(fmt.Sprint("D", i), result(0), askedAt); wait != 0 {
			t.Fatalf("a first message waits %s", wait)
		}
	}
	if len(p.posts) > manyChannels {
		t.Errorf("%d channels are remembered", len(p.posts))
	}
}

// What waits goes by urgency, self reports first, and then people take turns.
func TestTheLineInAChannel(t *testing.T) {
	p, now := newPace(), askedAt
	ask := func(n int, by string) letter {
		return letter{key: fmt.Sprint("ask", n, by), urgency: ofCard, by: by, since: askedAt.Add(time.Duration(n))}
	}
	for n := 0; p.post("C1", ask(n, "flood"), now) == 0; n++ { // the burst
	}
	for n := range 200 {
		p.post("C1", ask(1000+n, "flood"), now)
	}
	lost := letter{key: "lost", urgency: ofCard, self: true, by: "dana", since: now.Add(time.Second)}
	if wait := p.post("C1", lost, now); wait != 0 {
		t.Errorf("the card of a lost device waits %s", wait)
	}
	if wait := p.post("C1", letter{key: "note", urgency: ofAside, self: true, since: askedAt}, now); wait < 20*time.Second {
		t.Errorf("a note waits %s behind 200 cards", wait)
	}
	other := ask(2000, "erin")
	if wait := p.post("C1", other, now); wait > 4*time.Second {
		t.Errorf("the first card of another person waits %s", wait)
	}
	if wait := p.post("C1", ask(3000, "flood"), now); wait != longestTurn {
		t.Errorf("the last of 200 waits %s, want to look again in %s", wait, longestTurn)
	}
	now = now.Add(4 * time.Second)
	for n := range 3 {
		p.post("C1", ask(1000+n, "flood"), now)
	}
	if wait := p.post("C1", other, now); wait > time.Second {
		t.Errorf("then it waits %s", wait)
	}
}

// What does not come back when it said holds up nobody for long.
func TestWhatStaysAwayLosesItsTurn(t *testing.T) {
	p, now := newPace(), askedAt
	for n := range postBurst {
		p.post("C1", result(n), now)
	}
	for n := range 10 {
		p.post("C1", result(100+n), now)
	}
	last := letter{key: "last", since: now.Add(time.Second)}
	if wait := p.post("C1", last, now); wait < 10*time.Second {
		t.Errorf("behind ten it waits %s", wait)
	}
	now = now.Add(16 * time.Second) // nobody came back
	if wait := p.post("C1", last, now); wait != 0 {
		t.Errorf("behind nobody it waits %s", wait)
	}
	now = now.Add(-time.Hour) // the clock was set back
	if wait := p.post("C1", letter{key: "more", since: now}, now); wait > time.Minute {
		t.Errorf("after the clock was set back it waits %s", wait)
	}
}

// TestPaceAfterTheClockWasSetBack: a limiter that is filled in the future would
// stay empty for as long.
func TestPaceAfterTheClockWasSetBack(t *testing.T) {
	p, now := newPace(), time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for range postBurst {
		p.post("C1", letter{key: fmt.Sprint("before ", now)}, now)
	}
	p.obey(&SlackError{Method: "chat.postMessage", RetryAfter: time.Hour}, now)
	now = now.Add(-3 * time.Hour)
	l := letter{key: "a card", urgency: ofCard, since: now}
	wait := p.post("C1", l, now)
	for waited := time.Duration(0); wait > 0; waited += wait {
		if waited > longestSilence+longestTurn {
			t.Fatalf("it waits for more than %s", waited)
		}
		now = now.Add(wait)
		wait = p.post("C1", l, now)
	}
}
