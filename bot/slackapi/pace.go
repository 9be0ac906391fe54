package slackapi

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"revoke-sessions/bot"
	"revoke-sessions/bot/turns"
)

// pace keeps us below Slack's rate limits: a token bucket with a burst for
// each channel's posts and one for all updates. Nobody blocks in it; whoever
// finds no token comes back later, so that a slow channel holds up no other. What
// comes back finds its place among the others again: see turns.
// https://docs.slack.dev/apis/web-api/rate-limits
type pace struct {
	mu      sync.Mutex
	posts   map[string]*bucket
	updates *bucket
	// silent holds the methods that Slack asked to leave alone, until when.
	silent map[string]time.Time
}

// bucket is a token bucket and what waits for its tokens.
type bucket struct {
	*rate.Limiter
	turns turns.Queue[string]
	// due is between when something began to wait and when it wants to be back.
	due   map[string]span
	swept time.Time
	seen  time.Time // the clock when it was last asked
}

type span struct{ from, to time.Time }

const (
	// Posting: about one a second in a channel, bursts tolerated.
	postsPerSecond, postBurst = 1, 20
	// chat.update is Tier 3: 50 a minute.
	updatesPerSecond, updateBurst = 50.0 / 60, 40
	// LongestSilence is what we believe of a Retry-After. Slack asks for
	// seconds; a card that waits for hours helps nobody.
	LongestSilence = 5 * time.Minute
	// longestTurn is when what has many before it looks again: they may be gone.
	longestTurn = 30 * time.Second
	// absence is how much later than it said something may come back, the clock's
	// tick and a look at the database included, before its turn goes to the next.
	absence = 5 * time.Second
	// manyChannels is when limiters of quiet channels are forgotten.
	manyChannels = 1000
)

// spare is how many tokens a message leaves to more urgent ones. The card of
// somebody who has lost a device leaves fewer than that of somebody who asks for
// somebody else, of which one person can ask for many.
func (l Letter) spare() float64 {
	switch {
	case l.Urgency == bot.OfOutcome:
		return 0
	case l.Urgency == bot.OfCard && l.Self:
		return 4
	case l.Urgency == bot.OfCard:
		return 8
	}
	return 12
}

// Letter is a message that wants to be sent.
type Letter struct {
	Key     string // the same whenever it comes back
	Urgency bot.Urgency
	Self    bool      // it is for somebody who has lost a device
	By      string    // who asked, and so made it be sent
	Since   time.Time // when they asked
}

func (l Letter) turn() turns.Turn {
	rank := 2 * int(l.Urgency)
	if !l.Self {
		rank++
	}
	return turns.Turn{Rank: rank, By: l.By, Since: l.Since}
}

func newBucket(perSecond rate.Limit, burst int) *bucket {
	return &bucket{Limiter: rate.NewLimiter(perSecond, burst), due: map[string]span{}}
}

func newPace() *pace {
	return &pace{posts: map[string]*bucket{}, updates: newBucket(updatesPerSecond, updateBurst), silent: map[string]time.Time{}}
}

// Post answers 0 and takes a token, or answers how long to stay away.
func (p *pace) Post(channel string, l Letter, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.posts[channel]
	if b == nil {
		if len(p.posts) >= manyChannels {
			maps.DeleteFunc(p.posts, func(_ string, quiet *bucket) bool { return quiet.turns.Len() == 0 })
		}
		b = newBucket(postsPerSecond, postBurst)
		p.posts[channel] = b
	}
	return p.take("chat.postMessage", b, l, now)
}

// Update is post for edits.
func (p *pace) Update(l Letter, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take("chat.update", p.updates, l, now)
}

// take takes a token where there is one for all that go before it, too, and for
// what it leaves to the more urgent.
func (p *pace) take(method string, b *bucket, l Letter, now time.Time) time.Duration {
	if now.Before(b.seen) {
		b.SetLimitAt(now, b.Limit()) // the clock was set back: it fills from now on, and not from then
	}
	b.seen = now
	b.sweep(now)
	b.turns.Wait(l.Key, l.turn())
	need := 1 + float64(b.turns.Ahead(l.Key)) + l.spare()
	have := b.TokensAt(now)
	until := p.silent[method]
	if most := now.Add(LongestSilence); until.After(most) { // the clock was set back
		until = most
		p.silent[method] = until
	}
	if have >= need && !now.Before(until) {
		b.AllowN(now, 1)
		b.turns.Done(l.Key)
		delete(b.due, l.Key)
		return 0
	}
	wait := max(time.Duration((need-have)/float64(b.Limit())*float64(time.Second))+time.Millisecond, until.Sub(now))
	wait = min(wait, longestTurn+max(until.Sub(now), 0))
	b.due[l.Key] = span{now, now.Add(wait)}
	return wait
}

// sweep drops what has not come back: it may be over, or another replica's.
func (b *bucket) sweep(now time.Time) {
	if now.Sub(b.swept).Abs() < time.Second {
		return
	}
	b.swept = now
	for key, due := range b.due {
		if now.After(due.to.Add(absence)) || now.Before(due.from) {
			b.turns.Drop(key)
			delete(b.due, key)
		}
	}
}

// Obey remembers that Slack asked to leave a method alone, and answers for how
// long; 0 where it did not.
func (p *pace) Obey(e *Error, now time.Time) (asked time.Duration) {
	asked = min(e.RetryAfter, LongestSilence)
	if asked > 0 {
		p.mu.Lock()
		p.silent[e.Method] = now.Add(asked)
		p.mu.Unlock()
	}
	return asked
}
