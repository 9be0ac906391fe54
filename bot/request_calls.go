package bot

import (
	"time"

	"revoke-sessions/graph"
)

// Called names the operation that ran, or will.
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
	// UnknownSoon is within which an unknown outcome is promised to be known;
	// past it people are told to act themselves.
	UnknownSoon = time.Minute
	// RetryWindow is how long "Try again" is offered after a failure.
	RetryWindow = 24 * time.Hour
)

// Retryable reports whether an approver may decide anew.
func (r *Request) Retryable(now time.Time) bool {
	if r.State != Failed && !r.Stuck(now) {
		return false
	}
	v := r.Verdict()
	return v != nil && now.Before(v.At.Add(RetryWindow))
}

// Stuck reports whether an unknown outcome will not become known soon: both
// calls are spent, or the account could not be read for a minute.
func (r *Request) Stuck(now time.Time) bool {
	n, first := r.Calls().Unresolved()
	a := r.Attempts.Last()
	return r.State == Unknown && (n >= maxCalls || Elapsed(first, now, UnknownSoon) || a.Outcome == graph.NotDone && a.Wait == 0)
}
