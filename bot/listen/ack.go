package listen

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// queuedAck is an ack that waits for sendAcks, because the receive loop must not
// wait for a place in slack-go's queue.
type queuedAck struct {
	socket     *socket
	connection int64 // number of the socket's connection when the envelope came
	envelope   string
	payload    any
	until      time.Time
}

// queueAck queues an ack for sendAcks. It never blocks. An envelope without an ID cannot be
// acked.
func (l *Listener) queueAck(s *socket, envelope string, payload any, arrived time.Time) {
	if envelope == "" {
		return
	}
	s.owed.Add(1)
	until := arrived.Add(l.limits.ackDeadline)
	select {
	case l.acks <- queuedAck{socket: s, connection: s.live.Load(), envelope: envelope, payload: payload, until: until}:
	default:
		s.settle()
		l.counts.unacked.Add(1)
		l.log.Error("not acked: too many acks are waiting", "envelope", envelope)
	}
}

// sendAcks sends the queued acks until ctx ends.
func (l *Listener) sendAcks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-l.acks:
			if time.Now().After(a.until) {
				a.socket.settle()
				l.counts.unacked.Add(1)
				l.log.Warn("not acked: too late", "envelope", a.envelope)
				continue
			}
			to := l.socketFor(a.socket, a.connection)
			to.owed.Add(1)
			a.socket.settle()
			l.ack(ctx, to, a.envelope, a.payload)
		}
	}
}

// socketFor returns the socket for an ack: the one that brought the envelope, while that
// connection is open. Otherwise it returns another open socket, because Slack may take the
// ack there; that is not documented. If none is open it returns s, which will reconnect.
func (l *Listener) socketFor(s *socket, connection int64) *socket {
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

// ack hands an ack to a socket, and gives up after AckTimeout. If the payload cannot be sent
// (Slack takes less than 20 KB), ack sends an empty one, because without an ack Slack would
// report a failure that did not happen. The caller has counted the ack in s.owed.
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
