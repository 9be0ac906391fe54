package listen

import (
	"math"
	"sync"
	"time"
)

// assumedLife is how long a connection counts as lasting when Slack's hello
// does not say; the figure of Slack's own example.
// https://docs.slack.dev/apis/events-api/using-socket-mode
const assumedLife = time.Hour

// stagger keeps the sockets from being refreshed together. Slack says in each
// hello about how long the connection will last. A socket that would end at
// about the same time as another is given an earlier end, at which it is
// renewed while the other stands: the ends of n sockets stay at least half of
// an nth of that time apart, of two sockets a quarter.
type stagger struct {
	mu    sync.Mutex
	stays map[int]stay // by the number of the socket; only those that are open
	// hurry is set once a connection was lost or could not be opened: from
	// then on no socket waits for its turn.
	hurry   bool
	changed chan struct{} // closed when turn may answer otherwise
}

// stay is one connection.
type stay struct {
	opened time.Time
	life   time.Duration // as Slack expects
	end    time.Time     // by Slack, or earlier by us
}

func newStagger() *stagger {
	return &stagger{stays: map[int]stay{}, changed: make(chan struct{})}
}

// turn returns how long a socket of so many is to wait before it is opened for
// the first time; changed is closed when it is to be asked again. The first
// waits for nothing, the others for their share of its life. While the first
// is down nobody waits: the bot must not be deaf for the sake of order.
func (s *stagger) turn(number, of int, now time.Time) (wait time.Duration, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, up := s.stays[0]
	switch {
	case number == 0 || s.hurry:
		return 0, s.changed
	case !up: // about to be
		return math.MaxInt64, s.changed
	}
	due := first.opened.Add(first.life / time.Duration(of) * time.Duration(number))
	return max(0, due.Sub(now)), s.changed
}

// greeted notes a connection and returns when it is to be renewed so that it
// does not end in step with another; zero when Slack's own end will do.
func (s *stagger) greeted(number, of int, life time.Duration, now time.Time) (renew time.Time) {
	if life <= 0 {
		life = assumedLife
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stays, number)
	share := life / time.Duration(of)
	end := now.Add(life)
	// Each of the others is in the way of one such end at most, so that one of
	// as many as there are sockets is free.
	for range of - 1 {
		if s.apart(end, share/2) {
			break
		}
		end = end.Add(-share)
		renew = end
	}
	s.stays[number] = stay{opened: now, life: life, end: end}
	s.tell()
	return renew
}

// apart reports whether no socket is expected to end within least of an end.
func (s *stagger) apart(end time.Time, least time.Duration) bool {
	for _, other := range s.stays {
		if other.end.Sub(end).Abs() < least {
			return false
		}
	}
	return true
}

// mayRenew reports whether a socket may be renewed because another stands, and
// counts it as closed then, so that no two go at once. One that may not stays until
// Slack ends it.
func (s *stagger) mayRenew(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.stays) > 1 {
		delete(s.stays, number)
		return true
	}
	if own, up := s.stays[number]; up {
		own.end = own.opened.Add(own.life)
		s.stays[number] = own
	}
	return false
}

// hasten lets the other sockets be opened without waiting for their turn, and
// reports whether they waited.
func (s *stagger) hasten() (waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited = !s.hurry
	s.hurry = true
	s.tell()
	return waited
}

// gone notes that a connection ended, or that none could be opened.
func (s *stagger) gone(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stays, number)
	s.hurry = true
	s.tell()
}

func (s *stagger) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}
