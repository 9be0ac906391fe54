package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
)

// job is an envelope on its way through the inbox.
type job struct {
	socket     *socket
	connection int64 // of the socket, when the envelope came
	arrival    bot.Arrival
}

// receive takes one envelope from s. It decodes and hands over; it never waits
// for anything, for while it waits slack-go answers no PING and loses what
// comes next.
func (l *Listener) receive(s *socket, e *socketmode.Request) {
	now := time.Now()
	l.counts.received.Add(1)
	l.heard.Store(now.UnixNano())
	if len(e.EnvelopeID) > maxID {
		e.EnvelopeID = "" // not Slack's, so not to be logged or acked
	}
	log := l.log.With("envelope", e.EnvelopeID)
	defer l.recovered(e.EnvelopeID)

	s.heard = now
	a, err := decode(e.Type, e.EnvelopeID, e.Payload, now)
	switch {
	case errors.Is(err, errIgnored):
		l.counts.ignored.Add(1)
		log.Debug("ignored", "error", err.Error())
		l.promise(s, e.EnvelopeID, nil, now)
		return
	case err != nil:
		l.undecodable(s, e.EnvelopeID, err, now)
		return
	}
	log = log.With("kind", string(a.Kind), "user", a.UserID)
	if why := l.foreign(a); why != "" {
		l.counts.ignored.Add(1)
		log.Warn("dropped: " + why)
		l.promise(s, e.EnvelopeID, nil, now)
		return
	}

	switch state, reply := l.seen.begin(a.Envelope, now); state {
	case underWay:
		l.counts.duplicates.Add(1)
		log.Info("came again while under way")
		return
	case answered:
		l.counts.duplicates.Add(1)
		log.Info("came again, acked again")
		l.promise(s, a.Envelope, reply, now)
		return
	}

	if why := l.enqueue(job{socket: s, connection: s.connections.Load(), arrival: a}); why != "" {
		l.seen.forget(a.Envelope)
		l.counts.refused.Add(1)
		log.Error("not stored: " + why)
		if reply := refusal(a.Kind); reply != nil {
			l.promise(s, a.Envelope, reply, now)
		}
	}
}

// undecodable acks an envelope that nobody can read, so that Slack does not
// send it again, and tells nobody: there is nobody to tell.
func (l *Listener) undecodable(s *socket, envelope string, err error, now time.Time) {
	l.counts.undecodable.Add(1)
	l.log.Warn("envelope could not be read", "envelope", envelope, "error", err.Error())
	l.promise(s, envelope, nil, now)
}

// unparsed takes a frame that slack-go could not parse. Often only some part
// is odd that the bot never reads, such as the blocks of the message around a
// button; then the envelope is as good as any other.
func (l *Listener) unparsed(s *socket, frame json.RawMessage) {
	var e socketmode.Request
	if err := json.Unmarshal(frame, &e); err != nil {
		// The fields that do fit are set all the same. Without a type and a
		// payload it counts as malformed, and the ID gets its ack.
		e = socketmode.Request{EnvelopeID: e.EnvelopeID, Type: socketmode.RequestTypeInteractive}
	}
	l.receive(s, &e)
}

// foreign returns why a is not for this bot, or "". The team of a click or a
// form is not looked at: people of other workspaces can press a button in a
// shared channel, and the bot refuses them in words and audits it.
func (l *Listener) foreign(a bot.Arrival) string {
	switch {
	case a.AppID != l.cfg.AppID:
		return "meant for another app"
	case a.Kind == bot.CommandArrival && a.TeamID != l.cfg.TeamID:
		return "typed in another workspace"
	}
	return ""
}

// enqueue hands j to a worker and returns "", or returns why it could not.
func (l *Listener) enqueue(j job) string {
	l.stopping.RLock()
	defer l.stopping.RUnlock()
	if l.stopped {
		return "the bot is stopping"
	}
	select {
	case l.jobs <- j:
		return ""
	default:
		return "too many envelopes are waiting"
	}
}

// work stores what arrived, acks it and lets the bot act on it.
func (l *Listener) work(ctx context.Context, j job) {
	a := j.arrival
	log := l.log.With("envelope", a.Envelope, "kind", string(a.Kind), "user", a.UserID)
	defer l.recovered(a.Envelope)

	if ctx.Err() != nil {
		l.refuse(ctx, j, errors.New("the bot stopped"))
		return
	}
	// Storing that begins later could end after Slack has told the person that
	// it failed; then nothing must happen behind their back.
	if waited := time.Since(a.ReceivedAt); waited > l.limits.answer-l.cfg.PersistTimeout {
		l.refuse(ctx, j, fmt.Errorf("waited %s in the queue", waited.Round(time.Millisecond)))
		return
	}

	persist, cancel := context.WithTimeout(ctx, l.cfg.PersistTimeout)
	reply, next, err := l.cfg.Inbox.Receive(persist, a)
	cancel()
	if err != nil {
		l.refuse(ctx, j, err)
		return
	}
	l.counts.stored.Add(1)
	l.seen.answered(a.Envelope, reply)

	if j.socket.live.Load() != j.connection {
		log.Warn("the socket was renewed between envelope and ack; Slack may show an error although it was stored")
	}
	to := l.via(j.socket, j.connection)
	to.owed.Add(1)
	l.ack(ctx, to, a.Envelope, reply)
	// What is stored is carried out whether or not Slack heard of it.
	if next != nil {
		next()
	}
}

// refuse says that nothing was stored, to those whom an ack can tell. Where that
// is not known, Slack gets no ack and says itself that the app did not answer.
func (l *Listener) refuse(ctx context.Context, j job, why error) {
	a := j.arrival
	l.seen.forget(a.Envelope)
	l.counts.refused.Add(1)
	l.log.Error("not stored", "envelope", a.Envelope, "kind", string(a.Kind), "user", a.UserID, "error", why.Error())
	if reply := refusal(a.Kind); reply != nil && !errors.Is(why, bot.ErrUnclear) && time.Since(a.ReceivedAt) < l.limits.answer {
		to := l.via(j.socket, j.connection)
		to.owed.Add(1)
		l.ack(ctx, to, a.Envelope, reply)
	}
}

const nothingStored = "Nothing was stored, so nothing will happen. Please try again in a moment."

// refusal is the ack for something that was not stored. There is none for a
// click: an ack to it carries no words, and without one Slack itself shows
// that the click failed.
func refusal(kind bot.ArrivalKind) any {
	switch kind {
	case bot.CommandArrival:
		return map[string]string{"response_type": "ephemeral", "text": nothingStored}
	case bot.FormArrival:
		return map[string]any{
			"response_action": "errors",
			"errors":          map[string]string{bot.FormReasonBlock: nothingStored},
		}
	}
	return nil
}

// recovered keeps one envelope's panic from ending the process. Its ack stays
// out, so that Slack shows the person an error. Deferred.
func (l *Listener) recovered(envelope string) {
	v := recover()
	if v == nil {
		return
	}
	l.seen.forget(envelope)
	what, stack := bot.Panicked(v)
	l.log.Error("panic, recovered", "envelope", envelope, "panic", what, "stack", stack)
	l.counts.panics.Add(1)
}
