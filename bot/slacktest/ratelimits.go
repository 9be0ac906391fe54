package slacktest

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Calls per minute of Slack's rate limit tiers (docs.slack.dev/apis/web-api/rate-limits).
const (
	tier2       = 20
	tier3       = 50
	tier4       = 100
	tierSpecial = 600 // "hundreds per minute"
)

// chat.postMessage takes about one message per second and channel; short
// bursts are tolerated.
const postBurst = 5

// bucket is a token bucket that refills evenly.
type bucket struct {
	tokens float64
	at     time.Time
}

// limited takes a token for the call and returns 0, or returns how long the
// method is blocked. s.mu is held.
func (s *Server) limited(name string, m method, p params) time.Duration {
	if s.cfg.NoRateLimits != "" {
		return 0
	}
	key, perMinute, burst := name, float64(m.tier), float64(m.tier)
	if m.tier == 0 {
		key, perMinute, burst = name+" "+s.place(p["channel"]), 60, postBurst
	}
	now := s.cfg.Now()
	b := s.buckets[key]
	if b == nil {
		b = &bucket{tokens: burst, at: now}
		s.buckets[key] = b
	}
	b.tokens = min(burst, b.tokens+max(0, now.Sub(b.at).Minutes())*perMinute)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return time.Duration((1 - b.tokens) / perMinute * float64(time.Minute))
}

// place is one name for a channel that has several: its ID and #name, or that of
// somebody's direct messages and their own. s.mu is held.
func (s *Server) place(channel string) string {
	id := s.named(channel)
	if c := s.channels[id]; c != nil && c.directWith != "" {
		return c.directWith
	}
	return id
}

func limitedResult(wait time.Duration) result {
	return result{
		status: http.StatusTooManyRequests, code: "ratelimited", body: []byte(`{"ok":false,"error":"ratelimited"}`),
		retryAfter: strconv.Itoa(int(max(1, math.Ceil(wait.Seconds())))),
	}
}
