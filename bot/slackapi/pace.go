package slackapi

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"revoke-sessions/bot"
	"revoke-sessions/bot/turns"
)

// pace keeps the bot below Slack's rate limits: a token bucket with a burst for each
// channel's posts, and one for all updates. It never blocks: a letter without a token
// comes back later, so that a slow channel delays no other. A letter that comes back
// keeps its turn; see package turns.
// https://docs.slack.dev/apis/web-api/rate-limits
type pace struct {
	mu      sync.Mutex
	posts   map[string]*bucket
	updates *bucket
	// silent maps a method to the time until which Slack asked not to call it.
	silent map[string]time.Time
}

// bucket is a token bucket and the letters that wait for its tokens.
type bucket struct {
	*rate.Limiter
	turns turns.Queue[string]
	// due is, for each letter, when it began to wait and when it should be back.
	due   map[string]span
	swept time.Time
	seen  time.Time // the clock at the last call
}

type span struct{ from, to time.Time }

const (
	// postsPerSecond: Slack allows about one post a second in a channel, with bursts.
	postsPerSecond, postBurst = 1, 20
	// updatesPerSecond: chat.update is Tier 3, 50 a minute.
	updatesPerSecond, updateBurst = 50.0 / 60, 40
	// LongestSilence caps a Retry-After. Slack asks for seconds; a card that waits for
	// hours helps nobody.
	LongestSilence = 5 * time.Minute
	// longestTurn caps the wait of a letter behind many others: they may be gone.
	longestTurn = 30 * time.Second
	// absence is how late a letter may come back before it loses its turn. It covers
	// the clock's tick and a look at the database.
	absence = 5 * time.Second
	// manyChannels is the number of limiters at which those of quiet channels go.
	manyChannels = 1000
)

// spare is how many tokens a letter leaves for more urgent ones. The card of a self
// report leaves fewer than one about somebody else: one person can ask for many of
// those.
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

// Letter is a message that waits to be sent.
type Letter struct {
	Key     string // identifies the letter when it comes back
	Urgency bot.Urgency
	Self    bool      // its request is a self report
	By      string    // the requester
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

// Post takes a token and returns 0, or returns how long to wait.
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

// Update is Post for edits.
func (p *pace) Update(l Letter, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take("chat.update", p.updates, l, now)
}

// take takes a token if the bucket also holds one for each letter ahead, and the spare
// ones.
func (p *pace) take(method string, b *bucket, l Letter, now time.Time) time.Duration {
	if now.Before(b.seen) {
		b.SetLimitAt(now, b.Limit()) // the clock was set back: fill from the new time
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

// sweep drops letters that did not come back: sent, obsolete, or another replica's.
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

// Obey stores Slack's wish not to call a method, and returns for how long; 0 if e holds
// no such wish.
func (p *pace) Obey(e *Error, now time.Time) (asked time.Duration) {
	asked = min(e.RetryAfter, LongestSilence)
	if asked > 0 {
		p.mu.Lock()
		p.silent[e.Method] = now.Add(asked)
		p.mu.Unlock()
	}
	return asked
}
