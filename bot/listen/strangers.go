package listen

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// maxSockets is how many sockets Slack allows one app.
	// https://docs.slack.dev/apis/events-api/using-socket-mode
	maxSockets = 10
	// overlap is how long hellos may count too many sockets before that means a stranger.
	// After a restart or a broken connection Slack still counts dead sockets, and the
	// other replicas do not know a new replica at once.
	overlap = time.Minute
)

// strangers watches how many sockets Slack counts for the app. Only a hello tells the count.
// A stranger is noticed at a hello with too many, at least a minute after the first of
// them: with two sockets within about half of a connection's life.
type strangers struct {
	mu    sync.Mutex
	since time.Time // the first hello of the current series that counts too many; else zero
	found int
}

// hello notes one count. ours is how many sockets all live replicas hold.
func (s *strangers) hello(counted, ours int, now time.Time, log *slog.Logger) {
	if counted >= maxSockets {
		log.Warn("Slack allows no more sockets for this app: another replica could not connect. Fewer sockets or replicas are "+
			"needed, or a new app-level token if these are not all yours", "slack_counts", counted, "allowed", maxSockets)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = 0
	switch {
	case counted <= ours:
		s.since = time.Time{}
		return
	case s.since.IsZero():
		s.since = now
	}
	if now.Sub(s.since) < overlap {
		log.Info("Slack counts more open sockets for this app than the bot holds, as it does shortly after a restart or a "+
			"broken connection", "slack_counts", counted, "own", ours)
		return
	}
	s.found = counted - ours
	log.Error("a stranger holds the app-level token: Slack counts more open sockets for this app than the bot holds, and has "+
		"for a minute or longer. Whoever holds them gets a share of the clicks, which are then lost. Make a new token "+
		"(api.slack.com/apps, Basic Information, App-Level Tokens), give it to the bot and revoke the old one",
		"slack_counts", counted, "own", ours, "strangers", s.found)
}

// Strangers returns how many open sockets are not ours by Slack's latest hello, or 0 until
// that has lasted a minute. More than 0 means that somebody else holds the app-level token.
func (l *Listener) Strangers() int {
	l.strangers.mu.Lock()
	defer l.strangers.mu.Unlock()
	return l.strangers.found
}

// replicas returns how many bots hold sockets for the app, including this one.
func (l *Listener) replicas() int {
	if l.cfg.Replicas == nil {
		return 1
	}
	return max(1, l.cfg.Replicas())
}
