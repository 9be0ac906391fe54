package bot

import (
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// next holds the transitions that exist; every other is a defect.
var next = map[State][]State{
	Pending:       {Approved, Denied, Cancelled, Expired, Void, Lost},
	Approved:      {Executing, Denied, Pending, Failed, Void, Lost},
	Executing:     {Revoked, Failed, Approved, Unknown, Drilled, Lost},
	Unknown:       {Revoked, Executing, Approved, Failed, Lost},
	Revoked:       {Verified, NotVisibleYet, Unreachable},
	NotVisibleYet: {Verified, Unreachable},
	Unreachable:   {Verified, NotVisibleYet},
	Failed:        {Approved, Lost},
}

// May reports whether a request in state s may go to state to.
func (s State) May(to State) bool { return slices.Contains(next[s], to) }

// To takes the request to another state. A transition that does not exist is
// a defect: it panics before anything is stored.
func (r *Request) To(s State) {
	if r.State != s && !r.State.May(s) {
		panic(fmt.Sprintf("request %s: no way from %s to %s", r.ID, r.State, s))
	}
	r.State = s
}

// Approve takes the request to approved by a verdict that enough others came
// before.
func (r *Request) Approve(v Verdict, before graph.Stamps) {
	v.Others = r.Approvals
	r.To(Approved)
	r.DueAt, r.OtherRules = v.At, false
	r.Before, r.After, r.Reads, r.Unread = before, graph.Stamps{}, 0, false
	r.Unasked, r.Withheld = "", ""
	r.Decisions = append(slices.Clone(r.Decisions), v)
	r.Approvals = nil
}

// Stoppable reports whether an approved request waits with no call under way,
// and none in the past that may have been carried out, so that a deny still
// prevents everything.
func (r *Request) Stoppable() bool {
	return r.State == Approved && r.NothingDone()
}

// NothingDone reports whether no call of the request can have taken effect, so that
// a decision which is taken back, voided or denied gives back what it has used up:
// else a limit would say of what was never revoked that it was. What is decided
// again counts again. A plain failure keeps what it used: its decision stands, and
// "Try again" is another one.
func (r *Request) NothingDone() bool {
	return !slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Outcome != graph.NotDone })
}

// Lapse takes away the approvals that count no more.
func (r *Request) Lapse(slackIDs []string) {
	gone := func(v Verdict) bool { return slices.Contains(slackIDs, v.SlackID) }
	for _, v := range r.Approvals {
		if gone(v) {
			r.Lapsed = append(slices.Clone(r.Lapsed), v)
		}
	}
	r.Approvals = slices.DeleteFunc(slices.Clone(r.Approvals), gone)
}

// LapsedBy are the approvals, all of which lapse for one reason.
func LapsedBy(givers []Verdict, why authz.Reason) []Verdict {
	for i := range givers {
		givers[i].Why = why
	}
	return givers
}

// ClockSkew is how far this machine's clock may be from Microsoft's; beyond it,
// the bot may take a revoke of its own for somebody else's.
const ClockSkew = StampSkew

// MaxTries bounds the calls that one decision may cause while Microsoft asks
// to wait or cannot be reached.
const MaxTries = 8

// Answered reports whether Microsoft dealt with the call, one way or the other.
func Answered(a *Attempt) bool {
	return a.Outcome == graph.Done || a.Outcome == graph.NotDone && a.Wait == 0 && a.Status >= 400 && a.Status < 500
}

// CodeInterrupted is the Code of an attempt whose answer is not on record: its process
// was stopped in it, or the database was away until it was.
const CodeInterrupted = "interrupted"

// Raise notes, in the request and in the row that says so, that people must be
// told that a late look at the account does not bear Microsoft's yes out. It
// reports false where there is nothing to tell, or they were told, or nobody is:
// of a request of the command line nobody reads in Slack. A guest's stamps need
// not move here.
func (r *Request) Raise(e *Entry, now time.Time) bool {
	switch {
	case r.Target.Guest == graph.Yes || !r.UnmovedAt.IsZero() || r.AtConsole():
		return false
	case r.State == NotVisibleYet:
		r.UnmovedAt = now
		e.Action = ActUnmovedTold
	case r.State == Unreachable && r.UnreadAt.IsZero():
		r.UnreadAt = now
		e.Action = ActUnreadTold
	default:
		return false
	}
	e.RequestID = r.Attempts.Last().RequestID
	return true
}

// StampSkew is how far our clock may be from Microsoft's. A stamp that moved
// earlier than this before our call was moved by somebody else.
const StampSkew = 5 * time.Minute

// SecondCall says when another call may follow one of unknown effect, if at
// all: once, some time after it, or when the wait is over that Microsoft asked
// for instead of carrying the second out. Where the clock was set back since the
// call, the reads since tell how long ago it was.
func (r *Request) SecondCall(timing Timing, now time.Time) (at time.Time, may bool) {
	calls, first := r.Calls().Unresolved()
	tries, _ := r.Calls().Tries()
	if calls >= maxCalls || tries >= MaxTries {
		return time.Time{}, false
	}
	a := r.Attempts.Last()
	if a.Outcome == graph.NotDone {
		if Waited(a.EndedAt, a.Wait, now) {
			return now, a.Wait > 0
		}
		return a.EndedAt.Add(a.Wait), a.Wait > 0
	}
	if _, known := Age(first, now); !known {
		first = now
		for _, pause := range timing.Settle[:min(r.Reads, len(timing.Settle))] {
			first = first.Add(-pause)
		}
	}
	return first.Add(timing.SecondPost), true
}

// Note keeps what was read, or that it could not be read.
func (r *Request) Note(read graph.Stamps) {
	if r.Unread = !read.Known(); !r.Unread {
		r.After = read
	}
}
