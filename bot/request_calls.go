package bot

import (
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Last is the last call of the request; the zero Attempt if there was none.
func (r *Request) Last() Attempt {
	if a := r.Attempt(); a != nil {
		return *a
	}
	return Attempt{}
}

// Called is the operation that ran, or will run.
func (r *Request) Called() graph.Operation {
	if a := r.Attempt(); a != nil && a.Operation != "" {
		return a.Operation
	}
	return r.Operation
}

// Unresolved counts the calls since the last decision that may have had an effect, and
// so may not be repeated freely. first is when the first of them began.
func (r *Request) Unresolved() (n int, first time.Time) {
	return r.calls(func(a Attempt) bool { return a.Outcome != graph.NotDone })
}

// Tries counts all calls since the last decision.
func (r *Request) Tries() (n int, first time.Time) {
	return r.calls(func(Attempt) bool { return true })
}

func (r *Request) calls(which func(Attempt) bool) (n int, first time.Time) {
	for _, a := range r.Attempts {
		if a.Decision == len(r.Decisions) && which(a) {
			if n == 0 {
				first = a.BeganAt
			}
			n++
		}
	}
	return n, first
}

// Stopped reports whether a Deny ended the request: at the command line, the person who
// had confirmed it stopped it while it waited.
func (r *Request) Stopped() bool {
	v := r.Verdict()
	return r.State == Denied && v != nil && v.Kind == authz.Deny
}

// UnclearAttempt is the last call without a clear outcome, or nil.
func (r *Request) UnclearAttempt() *Attempt {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if a := &r.Attempts[i]; a.Outcome == graph.OutcomeUnknown {
			return a
		}
	}
	return nil
}

// Earlier are the stamps to compare with: those read right before the call,
// or else those on the card.
func (r *Request) Earlier() graph.Stamps {
	if r.Before.Known() {
		return r.Before
	}
	return r.Target.Stamps
}

// UnclearBefore reports whether some call may have been carried out without a yes from
// Microsoft. Then a refusal of a later call does not mean that nothing was done.
func (r *Request) UnclearBefore() bool {
	return r.UnclearAttempt() != nil
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
	n, first := r.Unresolved()
	a := r.Attempt()
	return r.State == Unknown && (n >= maxCalls || Elapsed(first, now, UnknownSoon) || a.Outcome == graph.NotDone && a.Wait == 0)
}

// WasUnclear reports whether some call of the nth decision has, or once had, no clear
// outcome.
func (r *Request) WasUnclear(n int) bool {
	return slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Decision == n && (a.Unclear || a.Outcome == graph.OutcomeUnknown) })
}
