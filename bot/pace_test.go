package bot

import (
	"fmt"
	"testing"
	"time"
)

func TestPosts(t *testing.T) {
	p, now := newPace(), askedAt
	for i := range postBurst {
		if wait := p.post("C1", false, now); wait != 0 {
			t.Fatalf("message %d of the burst waits %s", i, wait)
		}
	}
	wait := p.post("C1", false, now)
	if wait <= 0 || wait > time.Second+time.Millisecond {
		t.Fatalf("after the burst: %s, want about a second", wait)
	}
	if other := p.post("C2", false, now); other != 0 {
		t.Errorf("a quiet channel waits %s for a busy one", other)
	}
	// Asking takes no token: however often somebody comes too early, whoever
	// comes in time is let through.
	for range 100 {
		p.post("C1", false, now)
	}
	if again := p.post("C1", false, now.Add(wait)); again != 0 {
		t.Errorf("who waited as told waits %s more", again)
	}
	if again := p.post("C1", false, now.Add(wait)); again == 0 {
		t.Error("one second gave two tokens")
	}
	// A long silence fills the bucket and no more.
	later := now.Add(time.Hour)
	n := 0
	for p.post("C1", false, later) == 0 {
		n++
	}
	if n != postBurst {
		t.Errorf("%d messages after an hour, want %d", n, postBurst)
	}
}

func TestNewCardsLeaveRoomForResults(t *testing.T) {
	p, now := newPace(), askedAt
	fresh := 0
	for p.post("C1", true, now) == 0 {
		fresh++
	}
	if fresh != postBurst-reserve {
		t.Errorf("%d new cards at once, want %d", fresh, postBurst-reserve)
	}
	wait := p.post("C1", true, now)
	for i := range reserve {
		if wait := p.post("C1", false, now); wait != 0 {
			t.Errorf("result %d waits %s behind new cards", i, wait)
		}
	}
	if wait <= 0 || p.post("C1", false, now) == 0 {
		t.Error("the reserve has no end")
	}
	// The cards' wish comes true once the bucket has filled beyond the reserve.
	if early := p.post("C1", true, now.Add(wait)); early == 0 {
		t.Error("a new card took what results need")
	}
	if wait := p.post("C1", true, now.Add((reserve+2)*time.Second)); wait != 0 {
		t.Errorf("a new card waits %s with a bucket that is full enough", wait)
	}
}

func TestUpdates(t *testing.T) {
	p, now := newPace(), askedAt
	n := 0
	for p.update(now) == 0 {
		n++
	}
	if n != updateBurst {
		t.Errorf("%d updates at once, want %d", n, updateBurst)
	}
	if wait := p.update(now); wait <= time.Second || wait > 1300*time.Millisecond {
		t.Errorf("then one in %s, want 50 a minute", wait)
	}
	if p.post("C1", false, now) != 0 {
		t.Error("updates hold up posts")
	}
}

func TestObey(t *testing.T) {
	p, now := newPace(), askedAt
	p.obey(&SlackError{Method: "chat.postMessage", Code: ratelimited, RetryAfter: 30 * time.Second}, now)
	for _, channel := range []string{"C1", "C2"} {
		if wait := p.post(channel, false, now.Add(10*time.Second)); wait != 20*time.Second {
			t.Errorf("%s waits %s, want the 20 s that are left", channel, wait)
		}
	}
	if wait := p.update(now); wait != 0 {
		t.Errorf("Slack's wish about posts holds up updates for %s", wait)
	}
	if wait := p.post("C1", false, now.Add(30*time.Second)); wait != 0 {
		t.Errorf("after the time: %s", wait)
	}
	p.obey(&SlackError{Method: "chat.update", Code: "internal_error"}, now)
	if wait := p.update(now); wait != 0 {
		t.Errorf("an error without a wish counts as one: %s", wait)
	}
	p.obey(&SlackError{Method: "chat.update", RetryAfter: time.Minute}, now)
	if wait := p.update(now); wait != time.Minute {
		t.Errorf("updates wait %s, want a minute", wait)
	}
}

func TestQuietChannelsAreForgotten(t *testing.T) {
	p := newPace()
	for i := range 3 * manyChannels {
		if wait := p.post(fmt.Sprint("D", i), false, askedAt); wait != 0 {
			t.Fatalf("a first message waits %s", wait)
		}
	}
	if len(p.posts) > manyChannels {
		t.Errorf("%d channels are remembered", len(p.posts))
	}
}
