package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
)

// job is an envelope for a worker.
type job struct {
	socket     *socket
	connection int64 // number of the socket's connection when the envelope came
	arrival    bot.Arrival
}

// receive decodes one envelope from s and queues it for a worker. It never blocks: while it
// blocks, slack-go answers no PING and loses the next envelopes.
func (l *Listener) receive(s *socket, e *socketmode.Request) {
	now := time.Now()
	l.counts.received.Add(1)
	l.heard.Store(now.UnixNano())
	if len(e.EnvelopeID) > maxID {
		e.EnvelopeID = "" // not from Slack: do not log or ack it
	}
	log := l.log.With("envelope", e.EnvelopeID)
	defer l.recovered(e.EnvelopeID)

	s.heard = now
	if e.Type == socketmode.RequestTypeEventsAPI {
		l.event(s, e, now)
		return
	}
	a, err := decode(e.Type, e.EnvelopeID, e.Payload, now)
	known := err == nil || errors.Is(err, errUnknown)
	switch {
	case errors.Is(err, errIgnored):
		l.counts.ignored.Add(1)
		log.Debug("ignored", "error", err.Error())
		l.queueAck(s, e.EnvelopeID, nil, now)
		return
	case !known:
		l.undecodable(s, e.EnvelopeID, err, now)
		return
	}
	log = log.With("kind", string(a.Kind), "user", a.UserID)
	if why := l.foreign(a); why != "" {
		l.counts.ignored.Add(1)
		log.Warn("dropped: " + why)
		l.queueAck(s, e.EnvelopeID, nil, now)
		return
	}
	if err != nil {
		l.counts.unknown.Add(1)
		log.Warn("not acked: a button, form or shortcut that this version of the bot does not know")
		return
	}
	if a.Kind == bot.ShortcutArrival && a.MessageAppID == l.cfg.AppID {
		a.PickedUser = "" // our own messages mention approvers
	}

	l.begin(s, a, now, log)
}

// begin queues an arrival for a worker, unless it came before.
func (l *Listener) begin(s *socket, a bot.Arrival, now time.Time, log *slog.Logger) {
	switch state, reply := l.seen.begin(a.Envelope, now); state {
	case underWay:
		l.counts.duplicates.Add(1)
		log.Info("arrived again while it is being stored")
		return
	case answered:
		l.counts.duplicates.Add(1)
		log.Info("arrived again, and acked again")
		l.queueAck(s, a.Envelope, reply, now)
		return
	}

	if why := l.enqueue(job{socket: s, connection: s.connections.Load(), arrival: a}); why != "" {
		l.seen.forget(a.Envelope)
		l.counts.refused.Add(1)
		log.Error("not stored: " + why)
		if reply := refusal(a); reply != nil {
			l.queueAck(s, a.Envelope, reply, now)
		}
	}
}

// undecodable acks an envelope that cannot be read, so that Slack does not send it again.
func (l *Listener) undecodable(s *socket, envelope string, err error, now time.Time) {
	l.counts.undecodable.Add(1)
	l.log.Warn("envelope could not be read", "envelope", envelope, "error", err.Error())
	l.queueAck(s, envelope, nil, now)
}

// receiveUnparsed receives a frame that slack-go could not parse. Often the odd part is one that
// the bot does not read, such as the blocks around a button.
func (l *Listener) receiveUnparsed(s *socket, frame json.RawMessage) {
	var e socketmode.Request
	if err := json.Unmarshal(frame, &e); err != nil {
		// Unmarshal still sets the fields that fit. Without a payload the envelope counts
		// as malformed, and is acked if it has an ID.
		e = socketmode.Request{EnvelopeID: e.EnvelopeID, Type: socketmode.RequestTypeInteractive}
	}
	l.receive(s, &e)
}

// foreign returns why a is not for this bot, or "". It ignores the team of a click or a
// form: people of other workspaces can click in a shared channel, and the bot answers their
// clicks with a refusal and an audit row. Slack names no app in a shortcut, and sends an
// app only its own.
// https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
func (l *Listener) foreign(a bot.Arrival) string {
	switch {
	case a.Kind == bot.ShortcutArrival && a.AppID == "":
	case a.AppID != l.cfg.AppID:
		return "meant for another app"
	case a.Kind == bot.CommandArrival && a.TeamID != l.cfg.TeamID:
		return "typed in another workspace"
	}
	return ""
}

// enqueue queues j for a worker. It returns why it could not, or "".
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

// work stores an arrival, acks it and lets the bot act on it.
func (l *Listener) work(ctx context.Context, j job) {
	a := j.arrival
	log := l.log.With("envelope", a.Envelope, "kind", string(a.Kind), "user", a.UserID)
	defer l.recovered(a.Envelope)

	if ctx.Err() != nil {
		l.refuse(ctx, j, errors.New("the bot stopped"))
		return
	}
	// A later store could end after Slack has told the person that the app failed. The bot
	// must not act after that message.
	if waited := time.Since(a.ReceivedAt); waited > l.limits.ackDeadline-l.cfg.PersistTimeout {
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
	to := l.socketFor(j.socket, j.connection)
	to.owed.Add(1)
	l.ack(ctx, to, a.Envelope, reply)
	// The bot acts on a stored arrival even if the ack was not sent.
	if next != nil {
		next()
	}
}

// refuse tells the person that nothing was stored, if an ack of that kind can show text.
// After ErrUnclear it sends no ack, and Slack says that the app did not answer.
func (l *Listener) refuse(ctx context.Context, j job, why error) {
	a := j.arrival
	l.seen.forget(a.Envelope)
	l.counts.refused.Add(1)
	l.log.Error("not stored", "envelope", a.Envelope, "kind", string(a.Kind), "user", a.UserID, "error", why.Error())
	if reply := refusal(a); reply != nil && !errors.Is(why, bot.ErrUnclear) && time.Since(a.ReceivedAt) < l.limits.ackDeadline {
		to := l.socketFor(j.socket, j.connection)
		to.owed.Add(1)
		l.ack(ctx, to, a.Envelope, reply)
	}
}

const nothingStored = "Nothing was stored, so nothing will happen. Please try again in a moment."

// refusal returns the ack's payload for an arrival that was not stored, or nil for a click.
// The ack of a click cannot show text; without an ack, Slack shows that the click failed.
func refusal(a bot.Arrival) any {
	switch a.Kind {
	case bot.CommandArrival:
		return map[string]string{"response_type": "ephemeral", "text": nothingStored}
	case bot.FormArrival:
		return formRefusal(bot.FormErrorBlocks[a.CallbackID])
	}
	return nil
}

// formRefusal says it under a field of the form, where what was typed stays. A form without
// a field has nothing to lose: the words take its place.
func formRefusal(block string) any {
	if block != "" {
		return map[string]any{"response_action": "errors", "errors": map[string]string{block: nothingStored}}
	}
	plain := func(text string) any { return map[string]string{"type": "plain_text", "text": text} }
	return map[string]any{"response_action": "update", "view": map[string]any{
		"type": "modal", "title": plain("Not stored"), "close": plain("Close"),
		"blocks": []any{map[string]any{"type": "section", "text": plain(nothingStored)}},
	}}
}

// recovered keeps one envelope's panic from ending the process. It must be deferred. The
// envelope gets no ack, so Slack shows the person an error.
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
