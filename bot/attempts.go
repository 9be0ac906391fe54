package bot

import (
	"slices"
	"time"

	"revoke-sessions/graph"
)

// Attempts are calls to Graph that were begun, oldest first.
type Attempts []Attempt

// Last is the last call, for reading and for writing its answer; nil if there was none.
func (all Attempts) Last() *Attempt {
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

// Of are the calls of the nth decision.
func (all Attempts) Of(n int) (of Attempts) {
	for _, a := range all {
		if a.Decision == n {
			of = append(of, a)
		}
	}
	return of
}

// Tries counts the calls, and says when the first was begun.
func (all Attempts) Tries() (n int, first time.Time) {
	if len(all) > 0 {
		first = all[0].BeganAt
	}
	return len(all), first
}

// Unresolved counts the calls whose effect is not known to be none, which may not be
// repeated at will, and says when the first was begun.
func (all Attempts) Unresolved() (n int, first time.Time) {
	return slices.DeleteFunc(slices.Clone(all), func(a Attempt) bool { return a.Outcome == graph.NotDone }).Tries()
}

// Unclear is the last call without a clear outcome; nil if there is none. If there is
// one, it may have been carried out although Microsoft never said so: a later no is
// then not a no for the request.
func (all Attempts) Unclear() *Attempt {
	for i := len(all) - 1; i >= 0; i-- {
		if a := &all[i]; a.Outcome == graph.OutcomeUnknown {
			return a
		}
	}
	return nil
}

// WereUnclear reports whether a call had no clear outcome, then or still.
func (all Attempts) WereUnclear() bool {
	return slices.ContainsFunc(all, func(a Attempt) bool { return a.Unclear || a.Outcome == graph.OutcomeUnknown })
}

// Calls are the calls of the decision in force.
func (r *Request) Calls() Attempts { return r.Attempts.Of(len(r.Decisions)) }
