package listen

import (
	"sync"
	"time"
)

// seen remembers the latest envelopes, so that an envelope that comes twice reaches the
// inbox once. It forgets the oldest, because the inbox recognises every duplicate.
type seen struct {
	mu        sync.Mutex
	envelopes map[string]*sighting
	order     []string // a ring; next is the oldest
	next      int
}

type sighting struct {
	at    time.Time
	state sightingState
	reply any
	slot  int
}

type sightingState int

const (
	fresh    sightingState = iota // not seen before
	underWay                      // not acked yet
	answered                      // stored and acked
)

func newSeen(size int) *seen {
	return &seen{envelopes: make(map[string]*sighting, size), order: make([]string, size)}
}

// begin returns the state of an envelope, and the reply if it was answered. A fresh
// envelope becomes underWay.
func (s *seen) begin(envelope string, now time.Time) (sightingState, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.envelopes[envelope]; ok {
		return e.state, e.reply
	}
	if old := s.order[s.next]; old != "" {
		delete(s.envelopes, old)
	}
	s.order[s.next] = envelope
	s.envelopes[envelope] = &sighting{at: now, state: underWay, slot: s.next}
	s.next = (s.next + 1) % len(s.order)
	return fresh, nil
}

// answered keeps the reply to an envelope.
func (s *seen) answered(envelope string, reply any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.envelopes[envelope]; ok {
		e.state, e.reply = answered, reply
	}
}

// forget lets an envelope that was not stored come again.
func (s *seen) forget(envelope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.envelopes[envelope]; ok {
		s.order[e.slot] = ""
		delete(s.envelopes, envelope)
	}
}

// arrived returns when an envelope came, if seen still remembers it.
func (s *seen) arrived(envelope string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.envelopes[envelope]
	if !ok {
		return time.Time{}, false
	}
	return e.at, true
}
