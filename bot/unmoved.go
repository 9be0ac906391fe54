package bot

import (
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// raise notes, in the request and in the row that says so, that people must be
// told that a late look at the account does not bear Microsoft's yes out. It
// reports false where there is nothing to tell, or they were told, or nobody is:
// of a request of the command line nobody reads in Slack. A guest's stamps need
// not move here.
func (r *Request) raise(e *Entry, now time.Time) bool {
	switch {
	case r.Target.Guest == graph.Yes || !r.UnmovedAt.IsZero() || r.AtConsole():
		return false
	case r.State == NotVisibleYet:
		r.UnmovedAt = now
		e.Action = "unmoved_told"
	case r.State == Unreachable && r.UnreadAt.IsZero():
		r.UnreadAt = now
		e.Action = "unread_told"
	default:
		return false
	}
	e.RequestID = r.attempt().RequestID
	return true
}

// doubtful reports whether people were told to treat the revoke as not done,
// and nothing has shown since that it was: then no message calls the sessions
// revoked.
func (r *Request) doubtful() bool { return !r.UnmovedAt.IsZero() && r.State != Verified }

// Unmoved is the message in the thread that rings where the account still does
// not show what Microsoft said yes to. Once it does, the message says that.
func Unmoved(r *Request, v View) Message {
	p := &page{}
	if r.State == Verified {
		p.add(settled(r))
		return p.message()
	}
	p.add(acceptedLine(r, r.begin()).say(" (%s)", r.ID))
	l := yes(r, &line{}).say(" ")
	if r.State == Unreachable {
		l.say("When I could last read the account, it still showed sessions valid since ")
	} else {
		l.say("Read: ").whenExactly(r.After.ReadAt).say(", it still shows sessions valid since ")
	}
	p.add(l.when(r.After.ValidFrom()).say("."))
	p.add(instead(r, (&line{}).bold("Now").say(": ")))
	p.add(nextLook(r, &line{}))
	p.add(rouse(r, v))
	return p.message()
}

// Unread is the same, less alarming, where the account cannot be read, so that
// nobody knows.
func Unread(r *Request, v View) Message {
	p := &page{}
	switch {
	case r.State == Verified:
		p.add(settled(r))
	case r.doubtful():
		p.add(r.begin().say("The account of ").typed(r.name()).say(" could be read again after this. What it showed stands on the card."))
	default:
		p.add(r.begin().bold("It is not verified that ").boldTyped(r.name()).bold("'s sessions are revoked.").say(" (%s)", r.ID))
		p.add(stampsLine(r, yes(r, &line{}).say(" ")))
		p.add(rouse(r, v))
	}
	return p.message()
}

// settled is what either becomes when the account shows the change after all.
func settled(r *Request) *line {
	return stampsLine(r, r.begin().bold("Settled: ").boldTyped(r.name()).bold("'s sessions are revoked.").say(" ")).
		say(" Seen: ").whenExactly(r.After.ReadAt).say(".")
}

// settledNote is settled for whoever asked.
func settledNote(r *Request) *line {
	l := r.begin().bold("Settled: ")
	if r.Lane == authz.Self {
		l.bold("your sessions are revoked.")
	} else {
		l.boldTyped(r.name()).bold("'s sessions are revoked.")
	}
	return l.say(" The account shows it now, seen: ").whenExactly(r.After.ReadAt).say(". (%s)", r.ID)
}

// yes says when and to which call Microsoft said yes.
func yes(r *Request, l *line) *line {
	if r.Seen {
		return l.say("%s, and the account showed the change once: ", r.noAnswer()).whenExactly(r.AcceptedAt).say(".")
	}
	l.say("Accepted by Microsoft: ").whenExactly(r.AcceptedAt)
	if id := r.attempt().RequestID; id != "" {
		l.say(" (request-id ").typed(id).say(")")
	}
	return l.say(".")
}

// instead says what ends the sessions where the call did not.
func instead(r *Request, l *line) *line {
	if r.Target.Synced == graph.Yes {
		return l.say("block sign-in on-premises, or revoke in the Entra portal.")
	}
	return l.say("block sign-in, or revoke in the Entra portal.")
}

// nextLook says when the account is read again, if ever.
func nextLook(r *Request, l *line) *line {
	if !r.StalledAt.IsZero() {
		return l.say("I keep trying to look again.")
	}
	if r.DueAt.IsZero() {
		return l.bold("I have stopped looking.")
	}
	return l.say("I look again: ").when(r.DueAt).say(".")
}

// rouse mentions whoever approved, whom an edit would not reach; where nobody
// did, or only whoever has lost the device, those who could have.
func rouse(r *Request, v View) *line {
	l := &line{}
	switch d := r.verdict(); {
	case d == nil:
		return l
	case d.Kind == authz.TimeOut:
		return l.deciders(v).say(": nobody had decided this.")
	case r.onlySelf() && d.EntraID == r.requester().EntraID:
		return l.deciders(v).say(": nobody but whoever reported it has decided this.")
	default:
		for _, other := range d.Others {
			l.person(other.SlackID).say(", ")
		}
		return l.person(d.SlackID).say(", you approved this.")
	}
}

// UnmovedNote is Unmoved for whoever asked, who does not read the thread.
func UnmovedNote(r *Request, v View) Message {
	p := &page{}
	if r.State == Verified {
		p.add(settledNote(r))
		return p.message()
	}
	p.add(receiptOutcome(r, r.begin(), v).say(" (%s)", r.ID))
	p.add((&line{}).say("The approvers see this too. They can block sign-in, or revoke in the Entra portal: ").deciders(v).say("."))
	p.add(nextLook(r, &line{}))
	p.add(elsewhere(v))
	return p.message()
}

// UnreadNote is Unread for whoever asked.
func UnreadNote(r *Request, v View) Message {
	p := &page{}
	switch {
	case r.State == Verified:
		p.add(settledNote(r))
		return p.message()
	case r.doubtful():
		p.add(receiptOutcome(r, r.begin(), v).say(" (%s)", r.ID))
		return p.message()
	}
	l := r.begin()
	if r.Lane == authz.Self {
		l.bold("It is not verified that your sessions are revoked.")
	} else {
		l.bold("It is not verified that ").boldTyped(r.name()).bold("'s sessions are revoked.")
	}
	p.add(l.say(" Microsoft accepted the request: ").whenExactly(r.AcceptedAt).say(", but the account cannot be read now. (%s)", r.ID))
	p.add(nextLook(r, (&line{}).say("The approvers see this too. ")))
	p.add(elsewhere(v))
	return p.message()
}
