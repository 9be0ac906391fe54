package bot

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace keeps us below Slack's rate limits: a token bucket with a burst for
// each channel's posts and one for all updates. Nobody waits in it; whoever
// finds no token comes back later, so that a slow channel holds up no other.
// https://docs.slack.dev/apis/web-api/rate-limits
type pace struct {
	mu      sync.Mutex
	posts   map[string]*rate.Limiter
	updates *rate.Limiter
	// silent holds the methods that Slack asked to leave alone, until when.
	silent map[string]time.Time
}

const (
	// Posting: about one a second in a channel, bursts tolerated.
	postsPerSecond, postBurst = 1, 20
	// chat.update is Tier 3: 50 a minute.
	updatesPerSecond, updateBurst = 50.0 / 60, 40
	// reserve is what new cards leave for results, which matter more.
	reserve = 8
	// longestSilence is what we believe of a Retry-After. Slack asks for
	// seconds; a card that waits for hours helps nobody.
	longestSilence = 5 * time.Minute
	// manyChannels is when limiters of quiet channels are forgotten.
	manyChannels = 1000
)

func newPace() *pace {
	return &pace{posts: map[string]*rate.Limiter{}, updates: rate.NewLimiter(updatesPerSecond, updateBurst), silent: map[string]time.Time{}}
}

// post answers 0 and takes a token, or answers how long to stay away.
func (p *pace) post(channel string, fresh bool, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.posts[channel]
	if l == nil {
		if len(p.posts) >= manyChannels {
			clear(p.posts)
		}
		l = rate.NewLimiter(postsPerSecond, postBurst)
		p.posts[channel] = l
	}
	return p.take("chat.postMessage", l, fresh, now)
}

// update is post for edits.
func (p *pace) update(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take("chat.update", p.updates, false, now)
}

func (p *pace) take(method string, l *rate.Limiter, fresh bool, now time.Time) time.Duration {
	if until := p.silent[method]; now.Before(until) {
		return until.Sub(now)
	}
	need := 1.0
	if fresh {
		need += reserve
	}
	if have := l.TokensAt(now); have < need {
		return time.Duration((need-have)/float64(l.Limit())*float64(time.Second)) + time.Millisecond
	}
	l.AllowN(now, 1)
	return 0
}

// obey remembers that Slack asked to leave a method alone, and answers for how
// long; 0 where it did not.
func (p *pace) obey(e *SlackError, now time.Time) (asked time.Duration) {
	asked = min(e.RetryAfter, longestSilence)
	if asked > 0 {
		p.mu.Lock()
		p.silent[e.Method] = now.Add(asked)
		p.mu.Unlock()
	}
	return asked
}
