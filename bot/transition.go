package bot

import (
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// next lists the transitions that exist; any other is a bug.
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

// To moves the request to another state. It panics before anything is stored if the
// transition does not exist, because that is a bug.
func (r *Request) To(s State) {
	if r.State != s && !r.State.May(s) {
		panic(fmt.Sprintf("request %s: no way from %s to %s", r.ID, r.State, s))
	}
	r.State = s
}

// Approve moves the request to approved by the verdict that completes its approvals.
// Later reads are compared with the stamps in before.
func (r *Request) Approve(v Verdict, before graph.Stamps) {
	v.Others = r.Approvals
	r.To(Approved)
	r.DueAt, r.OtherRules = v.At, false
	r.Before, r.After, r.Reads, r.Unread = before, graph.Stamps{}, 0, false
	r.Unasked, r.Withheld = "", ""
	r.Decisions = append(slices.Clone(r.Decisions), v)
	r.Approvals = nil
}

// Stoppable reports whether an approved request waits with no call under way, and no
// earlier one that may have been carried out, so that a deny still prevents everything.
func (r *Request) Stoppable() bool {
	return r.State == Approved && r.NothingDone()
}

// NothingDone reports whether no call of the request can have taken effect. Then a
// decision that is taken back, voided or denied gives back its uses, because a limit
// must not count a revoke that never happened. A new decision counts again. After a
// plain failure the uses stay: the decision is still in force, and "Try again" is
// another one.
func (r *Request) NothingDone() bool {
	return !slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Outcome != graph.NotDone })
}

// Lapse removes the approvals of slackIDs, which no longer count.
func (r *Request) Lapse(slackIDs []string) {
	gone := func(v Verdict) bool { return slices.Contains(slackIDs, v.SlackID) }
	for _, v := range r.Approvals {
		if gone(v) {
			r.Lapsed = append(slices.Clone(r.Lapsed), v)
		}
	}
	r.Approvals = slices.DeleteFunc(slices.Clone(r.Approvals), gone)
}

// LapsedBy marks all these approvals as lapsed for one reason.
func LapsedBy(givers []Verdict, why authz.Reason) []Verdict {
	for i := range givers {
		givers[i].Why = why
	}
	return givers
}

// MaxTries limits the calls of one decision while Microsoft asks to wait or cannot be
// reached.
const MaxTries = 8

// Answered reports whether Microsoft accepted the call or refused it for good.
func Answered(a *Attempt) bool {
	return a.Outcome == graph.Done || a.Outcome == graph.NotDone && a.Wait == 0 && a.Status >= 400 && a.Status < 500
}

// CodeInterrupted is the Code of an attempt without an answer on record: its process
// was stopped during the call, or before the database was back.
const CodeInterrupted = "interrupted"

// Raise notes, in the request and in its row, that people must be told that a late look
// at the account does not confirm Microsoft's yes. It reports false if there is nothing
// to tell, or they were told. It does so, too, for a request of the command line, which
// nobody reads in Slack, and for a guest, because a guest's stamps need not move here.
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

// StampSkew is how far our clock may be from Microsoft's. A stamp that moved longer
// than this before our call was moved by somebody else. If the clocks are further apart,
// the bot may take its own revoke for somebody else's.
const StampSkew = 5 * time.Minute

// SecondCall says when another call may follow one of unknown effect, if at all. It may
// follow once: SecondPost after the first, or, if Microsoft refused the second and
// asked to wait, after that wait. If the clock was set back since the call, the reads
// since then tell how long ago it was.
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

// Note stores what was read, or that it could not be read.
func (r *Request) Note(read graph.Stamps) {
	if r.Unread = !read.Known(); !r.Unread {
		r.After = read
	}
}
