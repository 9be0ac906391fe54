package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A request whose step fails again and again, because of a defect or of a row that
// is damaged, is tried again for ever, and people wait for it. After a minute of
// that its card, the askers' receipts and the approvers read that the bot cannot go
// on. A row that cannot be read at all will not be read the next time either: of it
// they read at once.

const (
	// stalledTries and stalledAfter are how often, and for how long, a step fails
	// before people are told.
	stalledTries = 3
	stalledAfter = time.Minute
	// manyStumbles is when those are forgotten that have not failed for long.
	manyStumbles = 1000
)

// Unreadable is the error of a stored row that cannot be decoded: a bad disk, a
// hand in the database, or a version that wrote it otherwise.
type Unreadable struct {
	// Request, Arrival or Notice says which: the ID, the number, the key.
	Request string
	Arrival int64
	Notice  string
	// Of an arrival: how often it was claimed, and where its answer goes.
	Tries       int
	ResponseURL Secret
	Err         error
}

func (u *Unreadable) Error() string {
	what := "request " + u.Request
	switch {
	case u.Arrival != 0:
		what = fmt.Sprintf("arrival %d", u.Arrival)
	case u.Notice != "":
		what = "notice " + u.Notice
	}
	return fmt.Sprintf("the stored row of %s cannot be read: %v", what, u.Err)
}

// Unwrap is what the decoder said.
func (u *Unreadable) Unwrap() error { return u.Err }

// stumbles counts the steps of each request that failed in a row in this process.
type stumbles struct {
	mu  sync.Mutex
	all map[string]stumble
}

type stumble struct {
	tries       int
	first, last time.Time
}

// failed counts one more and reports whether people must be told.
func (s *stumbles) failed(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]stumble{}
	}
	if len(s.all) >= manyStumbles {
		for id, f := range s.all {
			if elapsed(f.last, now, time.Hour) {
				delete(s.all, id)
			}
		}
	}
	f := s.all[id]
	if f.tries == 0 {
		f.first = now
	}
	f.tries, f.last = f.tries+1, now
	s.all[id] = f
	return f.tries >= stalledTries && elapsed(f.first, now, stalledAfter)
}

func (s *stumbles) went(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// stepped notes whether the step of a request went well.
func (b *Bot) stepped(id string, well bool) {
	switch {
	case well:
		b.stumbles.went(id)
	case b.work.Err() != nil: // it was broken off by the stop
	case b.stumbles.failed(id, b.now()):
		b.spawn(func(ctx context.Context) { b.stall(ctx, id) })
	}
}

// stall has everybody told that the bot cannot go on with a request: once, or
// once a day while its row cannot be read. Done
// again it does nothing more.
func (b *Bot) stall(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	r, err := b.store.Request(ctx, id)
	known := &r
	if _, broken := errors.AsType[*Unreadable](err); broken {
		known = nil
	} else if err != nil {
		b.log.Error("read what cannot go on", "request", id, "error", err)
		return
	}
	if known != nil && !r.StalledAt.IsZero() {
		return // they know
	}
	n := Notice{
		Key:     fmt.Sprintf("stalled:%s:%s", id, b.now().UTC().Format(time.DateOnly)),
		Message: StalledNotice(id, known, b.view(ctx, known, b.cardLink(ctx, id))),
	}
	// First: of two who die in between, the other one announces nothing twice.
	if _, err := b.store.Announce(ctx, n); err != nil {
		b.log.Error("store what is to be announced", "request", id, "error", err)
	}
	fresh, err := b.store.Stall(ctx, id)
	if err != nil {
		b.log.Error("note that a request cannot go on", "request", id, "error", err)
		return
	}
	if fresh {
		b.log.Error("the bot cannot go on with a request, and people are told: revoke by hand if it cannot wait", "request", id)
		b.tell(ctx, id)
	}
}

// unreadable does what can be done about a row that cannot be decoded.
func (b *Bot) unreadable(u *Unreadable) {
	b.log.Error("a stored row cannot be read; it is left as it is", "request", u.Request, "arrival", u.Arrival, "notice", u.Notice, "error", u.Err)
	switch {
	case u.Request != "":
		b.spawn(func(ctx context.Context) { b.stall(ctx, u.Request) })
	case u.Arrival != 0 && u.Tries > maxHandled:
		b.spawn(func(ctx context.Context) { b.giveUp(ctx, u) })
	}
}

// giveUp settles an act that nobody can read, and tells whoever did it. None of
// the tries has settled it, so it changed nothing. A newer version beside this one
// may be able to read it, and has had its tries.
func (b *Bot) giveUp(ctx context.Context, u *Unreadable) {
	ctx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	e := Entry{Action: "refused", Actor: b.actor, Wanted: "unreadable", Reason: string(GaveUp)}
	if err := b.store.Record(ctx, u.Arrival, e); err != nil {
		b.log.Error("settle what cannot be read", "arrival", u.Arrival, "error", err)
		return
	}
	b.meter.Refused(&e)
	if u.ResponseURL == "" {
		return
	}
	if err := b.respond(ctx, u.ResponseURL, Refusal(GaveUp, nil, b.view(ctx, nil, ""))); err != nil {
		b.log.Warn("a private answer reached nobody", "arrival", u.Arrival, "error", err)
	}
}

// showUnreadable edits what stands of a request whose row cannot be read, by what
// is known of the messages alone, and answers how long to wait before it is looked
// at again: somebody may mend the row.
func (b *Bot) showUnreadable(ctx context.Context, id string, places map[string]Place, tries int) pause {
	until := pause{doubled(tellRetrySoon, tries), true}
	v := b.view(ctx, nil, b.cfg.Home.Link(places[cardKey].Channel, places[cardKey].TS))
	for key, at := range places {
		if key != cardKey && kind(key) != "receipt" || at.TS == "" {
			continue
		}
		m := StalledNotice(id, nil, v)
		if at.Shown == m.digest() {
			continue
		}
		if wait := b.slack.pace.update(letter{key: id + " " + key, since: b.now()}, b.now()); wait > 0 {
			until = pause{lasts: wait}
			continue
		}
		if err := b.update(ctx, key, at.Channel, at.TS, m); err != nil {
			b.log.Warn("tell", "request", id, "key", key, "error", err)
			if e, ok := errors.AsType[*SlackError](err); ok {
				b.slack.pace.obey(e, b.now())
			}
			continue
		}
		at.Shown = m.digest()
		if err := b.store.SetPlace(ctx, id, at); err != nil {
			b.log.Error("note where a message stands", "request", id, "key", key, "error", err)
		}
	}
	return until
}

// byHand says what to do where the bot cannot.
func byHand(l *line) *line {
	return l.say(" If it cannot wait, revoke in the Entra portal or block sign-in.")
}

// stalledSo says of a request that can be read what is known of its revoke.
func stalledSo(r *Request, l *line) *line {
	switch {
	case r.Drill:
		return l.say(" Nothing was changed.")
	case r.State == Executing, r.State == Unknown, r.State == Approved && r.unclearBefore():
		return l.say(" It is not known whether anything was revoked.")
	case r.State == Pending, r.State == Approved:
		return l.say(" Nothing was revoked.")
	}
	return l
}

// stalledLine says on card and receipt that the bot cannot go on.
func stalledLine(r *Request) *line {
	l := (&line{}).bold("⚠ ")
	switch {
	case r.State.Accepted():
		l.bold("I cannot verify this:").say(" as")
	case r.State == Approved, r.State == Executing: // the headline says what
		l.say("As")
	default:
		l.bold("I cannot go on with this:").say(" as")
	}
	l.say(" of ").when(r.StalledAt).say(", each try fails.")
	if r.State == Pending || r.State == Approved || r.State == Executing {
		l.say(" I keep trying.") // the headline of the others says so
	}
	switch {
	case r.Drill:
		return l
	case r.State.Accepted():
		return l.say(" Look the account up in the Entra portal.")
	}
	return byHand(l)
}

// stalledHeadline is the headline of what was confirmed and cannot go on.
func stalledHeadline(r *Request, l *line) *line {
	if r.Drill {
		l.bold("I cannot go on with the rehearsal for ").boldTyped(r.name()).bold(".")
	} else {
		l.bold("I cannot go on with the revoke of ").boldTyped(r.name()).bold("'s sessions.")
	}
	return stalledSo(r, l).say(" ").by(r.verdict()).say(".")
}

// StalledNotice tells the approvers that the bot cannot go on with a request; r is
// nil where its row cannot be read, and then card and receipts say it, too.
func StalledNotice(id string, r *Request, v View) Message {
	p := &page{}
	l := &line{}
	if r != nil {
		l = r.begin()
	}
	l.bold("I cannot go on with %s.", id)
	switch {
	case r == nil:
		l.say(" What is stored of it cannot be read, so I cannot say what became of it. Treat it as not done.")
	case v.CardLink != "":
		stalledSo(r, l.say(" It is about ").typed(r.name()).say(". Each try fails; ").link(v.CardLink, "the card").say(" stays as it is."))
	default:
		stalledSo(r, l.say(" It is about ").typed(r.name()).say(". Each try fails."))
	}
	p.add(l)
	if r == nil || !r.Drill {
		p.add((&line{}).everyone(v.Approvers).say(", please look.").join(byHand(&line{})))
	}
	p.add((&line{}).say("Whoever runs the bot finds the cause in its log, under %s.", id))
	p.add(elsewhere(v))
	return p.message()
}
