package listen

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// answer is an ack that the receive loop wants sent. The loop itself must not
// wait for a place in slack-go's queue.
type answer struct {
	socket     *socket
	connection int64 // of the socket, when the envelope came
	envelope   string
	payload    any
	until      time.Time
}

// promise has an ack sent soon, by answer. It never blocks. What has no
// envelope_id cannot be acked.
func (l *Listener) promise(s *socket, envelope string, payload any, arrived time.Time) {
	if envelope == "" {
		return
	}
	s.owed.Add(1)
	select {
	case l.answers <- answer{socket: s, connection: s.live.Load(), envelope: envelope, payload: payload, until: arrived.Add(l.limits.answer)}:
	default:
		s.settle()
		l.counts.unacked.Add(1)
		l.log.Error("not acked: too many acks are waiting", "envelope", envelope)
	}
}

// answer sends what was promised until ctx ends.
func (l *Listener) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-l.answers:
			if time.Now().After(a.until) {
				a.socket.settle()
				l.counts.unacked.Add(1)
				l.log.Warn("not acked: too late", "envelope", a.envelope)
				continue
			}
			to := l.via(a.socket, a.connection)
			to.owed.Add(1)
			a.socket.settle()
			l.ack(ctx, to, a.envelope, a.payload)
		}
	}
}

// via returns the socket for an ack: the one on which its envelope came, as
// long as that connection stands. Whether Slack takes an ack on any other is not
// documented; what it certainly does not take is one that is never sent. So
// another that stands is next, and else the socket itself, once it is back.
func (l *Listener) via(s *socket, connection int64) *socket {
	if connection != 0 && s.live.Load() == connection {
		return s
	}
	for _, other := range l.sockets {
		if other.live.Load() != 0 {
			return other
		}
	}
	return s
}

// ack hands an ack to a socket, and gives up after AckTimeout. A payload that
// cannot be sent (Slack takes less than 20 KB) is left out: it is better to say
// nothing than to let Slack say that something failed which did not. The caller
// has counted it in s.owed.
func (l *Listener) ack(ctx context.Context, s *socket, envelope string, payload any) {
	defer l.cfg.Witness.Sees(string(bot.AckEffect))()
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AckTimeout)
	defer cancel()
	err := s.client.AckCtx(ctx, envelope, payload)
	if err != nil && ctx.Err() == nil && payload != nil {
		l.log.Error("ack sent without its payload", "envelope", envelope, "error", err.Error())
		err = s.client.AckCtx(ctx, envelope, nil)
	}
	if err == nil {
		return
	}
	s.settle()
	l.counts.unacked.Add(1)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no connection took it in time")
	}
	l.log.Error("not acked", "envelope", envelope, "error", err.Error())
}
