package bot

import (
	"time"

	"revoke-sessions/graph"
)

// Called is the operation that ran, or will run.
func (r *Request) Called() graph.Operation {
	if a := r.Attempts.Last(); a != nil && a.Operation != "" {
		return a.Operation
	}
	return r.Operation
}

// Earlier are the stamps to compare with: those read right before the call,
// or else those on the card.
func (r *Request) Earlier() graph.Stamps {
	if r.Before.Known() {
		return r.Before
	}
	return r.Target.Stamps
}

const (
	// maxCalls is how many calls of unknown effect one decision may cause.
	maxCalls = 2
	// UnknownSoon is how soon people are promised to know an unknown outcome. After
	// that they are told to act themselves.
	UnknownSoon = time.Minute
	// RetryWindow is how long "Try again" is offered after a failure.
	RetryWindow = 24 * time.Hour
)

// Retryable reports whether an approver may press "Try again".
func (r *Request) Retryable(now time.Time) bool {
	if r.State != Failed && !r.Stuck(now) {
		return false
	}
	v := r.Verdict()
	return v != nil && now.Before(v.At.Add(RetryWindow))
}

// Stuck reports whether an unknown outcome will not become known soon: both calls are
// spent, a minute has passed since the first, or the last one was refused for good.
func (r *Request) Stuck(now time.Time) bool {
	n, first := r.Calls().Unresolved()
	a := r.Attempts.Last()
	return r.State == Unknown && (n >= maxCalls || Elapsed(first, now, UnknownSoon) || a.Outcome == graph.NotDone && a.Wait == 0)
}
