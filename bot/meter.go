package bot

import (
	"errors"
	"time"
)

// Meter counts what the bot does; bot/metrics is one. Its methods return at
// once and are called from any goroutine.
type Meter interface {
	// Changed: r and its rows were stored. The rows are those of r, and of
	// requests that came or ended with it.
	Changed(r *Request, rows []Entry, at time.Time)
	// Refused: somebody was not allowed what the row names.
	Refused(row *Entry)
}

// unmetered is a Meter that counts nothing.
type unmetered struct{}

func (unmetered) Changed(*Request, []Entry, time.Time) {}
func (unmetered) Refused(*Entry)                       {}

// What came of a call to Slack, beside Slack's own codes.
const (
	// SlackOK: Slack said yes.
	SlackOK = "ok"
	// SlackSilent: there was no answer, or none that is Slack's.
	SlackSilent = "no_answer"
)

// CallObserver is told of each call to Slack's Web API: the method (or
// "response_url"), SlackOK, SlackSilent or Slack's code, and how long it took.
type CallObserver func(method, result string, took time.Duration)

// Observe has each call told to f, which must return at once. It comes before
// the first call.
func (s *Slack) Observe(f CallObserver) { s.observe = f }

// hear has f learn from each call that follows.
func (s *Slack) hear(f func(method string, err error)) { s.heard.Store(&f) }

// called tells what came of a call. Deferred:
//
//	defer s.called("chat.update", time.Now(), &err)
func (s *Slack) called(method string, began time.Time, err *error) {
	if hear := s.heard.Load(); hear != nil {
		(*hear)(method, *err)
	}
	if s.observe == nil {
		return
	}
	result := SlackOK
	if *err != nil {
		result = SlackSilent
		if e, ok := errors.AsType[*SlackError](*err); ok && e.Code != "" {
			result = e.Code
		}
	}
	s.observe(method, result, time.Since(began))
}
