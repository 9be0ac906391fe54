package listen

import (
	"math"
	"sync"
	"time"
)

// assumedLife is the expected life of a connection if Slack's hello does not say. The value
// is that of Slack's example.
// https://docs.slack.dev/apis/events-api/using-socket-mode
const assumedLife = time.Hour

// stagger keeps the sockets from being refreshed together. Slack's hello says about how
// long the connection will last. If a socket would end at about the same time as another,
// stagger gives it an earlier end, and it is renewed then while the other is open. The ends
// of n sockets stay at least life/(2n) apart: a quarter of the life for two sockets.
type stagger struct {
	mu          sync.Mutex
	connections map[int]connection // the open ones, by the socket's number
	// hurry is set when a connection ends or cannot be opened. From then on no socket waits
	// for its turn.
	hurry   bool
	changed chan struct{} // closed when the result of turn may have changed
}

// connection is one open connection.
type connection struct {
	opened time.Time
	life   time.Duration // as Slack says
	end    time.Time     // Slack's, or our earlier one
}

func newStagger() *stagger {
	return &stagger{connections: map[int]connection{}, changed: make(chan struct{})}
}

// turn returns how long socket number, of so many, waits before it is opened for the first
// time. The caller asks again when changed is closed. The first does not wait. The others
// wait for their share of its life, or not at all once a connection has failed, because the
// bot needs an open socket more than even distances.
func (s *stagger) turn(number, of int, now time.Time) (wait time.Duration, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, up := s.connections[0]
	switch {
	case number == 0 || s.hurry:
		return 0, s.changed
	case !up: // the first is not open yet
		return math.MaxInt64, s.changed
	}
	due := first.opened.Add(first.life / time.Duration(of) * time.Duration(number))
	return max(0, due.Sub(now)), s.changed
}

// greeted notes a new connection. It returns when to renew it so that it does not end
// together with another, or zero if Slack's own end is far enough from the others.
func (s *stagger) greeted(number, of int, life time.Duration, now time.Time) (renew time.Time) {
	if life <= 0 {
		life = assumedLife
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, number)
	share := life / time.Duration(of)
	end := now.Add(life)
	// There are as many possible ends as sockets, and each other socket blocks at most
	// one, so one is free.
	for range of - 1 {
		if s.apart(end, share/2) {
			break
		}
		end = end.Add(-share)
		renew = end
	}
	s.connections[number] = connection{opened: now, life: life, end: end}
	s.wake()
	return renew
}

// apart reports whether no socket ends within gap of end.
func (s *stagger) apart(end time.Time, gap time.Duration) bool {
	for _, other := range s.connections {
		if other.end.Sub(end).Abs() < gap {
			return false
		}
	}
	return true
}

// mayRenew reports whether a socket may be renewed because another is open. If so it counts
// as closed, so that no two are renewed at once. If not, it stays open until Slack ends it.
func (s *stagger) mayRenew(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.connections) > 1 {
		delete(s.connections, number)
		return true
	}
	if own, up := s.connections[number]; up {
		own.end = own.opened.Add(own.life)
		s.connections[number] = own
	}
	return false
}

// hasten ends the wait of all sockets for their turn, and reports whether it was on.
func (s *stagger) hasten() (waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited = !s.hurry
	s.hurry = true
	s.wake()
	return waited
}

// gone notes that a connection ended or could not be opened.
func (s *stagger) gone(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, number)
	s.hurry = true
	s.wake()
}

func (s *stagger) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
