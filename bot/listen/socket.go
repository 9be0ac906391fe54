package listen

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	// handshakeTimeout bounds the opening of a WebSocket.
	handshakeTimeout = 10 * time.Second
	// frameBuffer holds the largest ack (Slack takes less than 20 KB) in one frame, because
	// Slack drops an ack in several frames, as slack-go's authors found.
	frameBuffer = 32 << 10
	// maxFrame bounds the memory for one envelope. The largest from Slack, a click on a
	// message of 50 full blocks, is far smaller.
	maxFrame = 4 << 20
	// flushIdle is how long an orderly stop waits for the next ack to be written. On an
	// open connection that takes microseconds.
	flushIdle = time.Second
	// renewPause is how long a renewal waits before it looks again for an owed ack.
	renewPause = 50 * time.Millisecond
	// momentaryLimit is how many momentary connections in a row cause a warning.
	momentaryLimit = 3
)

// socket keeps one Socket Mode connection open. slack-go renews the connection when Slack
// asks for it. When it fails or is momentary, socket restarts slack-go after its own pause,
// because slack-go's pause grows to five minutes, or is zero.
type socket struct {
	l      *Listener
	number int
	client *socketmode.Client
	done   chan struct{} // closed when run has returned

	// connections counts the opened connections. live is the number of the open one, 0 for
	// none, so that an ack can be matched with the connection of its envelope.
	connections, live atomic.Int64
	// owed is how many acks are queued, here or in slack-go, and not written yet.
	owed    atomic.Int64
	settled chan struct{} // signals that owed fell

	// Only run uses the rest.
	opened  time.Time // zero while there is no connection
	greeted bool      // it has had its hello
	renewAt time.Time // when to renew it so that it does not end with another; zero for never
	// heard is the time of the connection's last envelope, or else of its hello. It is moved
	// forward to put a renewal off, and zero while there is no connection.
	heard     time.Time
	writeLost bool // an ack could not be written to it
	failures  int  // in a row; the pause grows with them
	momentary int  // momentary connections in a row
}

func newSocket(l *Listener, number int) *socket {
	s := &socket{l: l, number: number, done: make(chan struct{}), settled: make(chan struct{}, 1)}
	s.client = socketmode.New(l.cfg.API,
		socketmode.OptionDialer(&websocket.Dialer{
			Proxy:            http.ProxyFromEnvironment,
			NetDialContext:   l.dial,
			HandshakeTimeout: handshakeTimeout,
			WriteBufferSize:  frameBuffer,
			WriteBufferPool:  &writtenFrames{socket: s},
		}),
		socketmode.OptionPingInterval(l.limits.pingTimeout),
		socketmode.OptionReadLimit(maxFrame),
	)
	return s
}

// run holds the socket open until ctx ends, and returns nil, or a *Fatal if Slack refuses
// for good.
func (s *socket) run(ctx context.Context) error {
	if !s.wait(ctx) {
		return nil
	}
	for {
		pause, err := s.serve(ctx)
		if err != nil || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// wait waits for the socket's turn. It returns false if ctx ended first.
func (s *socket) wait(ctx context.Context) bool {
	for {
		wait, changed := s.l.stagger.turn(s.number, s.l.cfg.Sockets, time.Now())
		if wait == 0 || ctx.Err() != nil {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// leave is why serve stops slack-go's loop: for good (fatal), or for a pause.
type leave struct {
	fatal *Fatal
	pause time.Duration
}

// serve runs slack-go's loop and handles its events until the loop ends or serve stops it.
// It returns how long to wait before the next loop.
func (s *socket) serve(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.client.RunContext(ctx) }()

	var left *leave
	handle := func(e socketmode.Event) {
		if left != nil {
			switch e.Type {
			case socketmode.EventTypeConnecting, socketmode.EventTypeConnected, socketmode.EventTypeHello, socketmode.EventTypeConnectionError:
				return // an event of a connection that is being closed
			}
		}
		if why := s.event(e); why != nil && left == nil {
			left = why
			cancel()
		}
	}
	// Each hello sets the timer for its connection.
	renew := time.NewTimer(0)
	defer renew.Stop()
	for {
		select {
		case e := <-s.client.Events:
			handle(e)
			if e.Type == socketmode.EventTypeHello {
				renew.Reset(time.Until(s.next()))
			}
		case now := <-renew.C:
			switch s.due(now) {
			case renewNot:
				if next := s.next(); !next.IsZero() {
					renew.Reset(time.Until(next))
				}
			case renewLater:
				renew.Reset(renewPause)
			case renewNow:
				if left == nil {
					left = &leave{}
					cancel()
				}
			}
		case err := <-ended:
			// Handle the events that are left: there may be envelopes.
			for {
				select {
				case e := <-s.client.Events:
					handle(e)
					continue
				default:
				}
				break
			}
			return s.afterLoop(ctx, left, err)
		}
	}
}

// What to do when the time to renew a connection has come.
const (
	renewNot = iota
	renewLater
	renewNow
)

// next returns when to check again whether to renew the connection; zero without one.
func (s *socket) next() time.Time {
	if s.heard.IsZero() {
		return s.renewAt
	}
	idle := s.heard.Add(s.l.limits.idle)
	if s.renewAt.IsZero() || idle.Before(s.renewAt) {
		return idle
	}
	return s.renewAt
}

// due returns whether to renew the connection now. The only open socket is not renewed. An
// owed ack puts the renewal off for at most limits.ackDeadline. If the only open socket has
// brought nothing for limits.idle, the others stop waiting for their turn.
func (s *socket) due(now time.Time) int {
	at, idle := s.next(), now.Sub(s.heard)
	switch {
	case at.IsZero() || now.Before(at):
		return renewNot // it was renewed already, or an envelope came
	case s.owed.Load() > 0 && now.Sub(at) < s.l.limits.ackDeadline:
		return renewLater
	case !s.l.stagger.mayRenew(s.number):
		if s.renewAt.Equal(at) {
			s.renewAt = time.Time{}
			return renewNot
		}
		s.heard = now // keep the only one
		if s.l.cfg.Sockets > 1 {
			if s.l.stagger.hasten() {
				s.l.log.Info("nothing has come on the only connection, and Slack may have lost it: opening the next one now", "socket", s.number,
					"for", idle.Round(time.Second).String())
			}
			s.heard = now.Add(s.l.limits.momentary - s.l.limits.idle) // look again when the next one is open
		}
		return renewNot
	case s.renewAt.Equal(at):
		s.l.log.Info("renewing the connection, so that it does not end with another one", "socket", s.number)
	default:
		s.l.log.Info("renewing the connection: nothing has come on it, and Slack may have lost it", "socket", s.number,
			"for", idle.Round(time.Second).String())
	}
	return renewNow
}

// afterLoop returns the pause before the next loop, or a *Fatal, after slack-go's loop has ended.
func (s *socket) afterLoop(ctx context.Context, left *leave, err error) (time.Duration, error) {
	s.closed()
	if f := fatal(err); f != nil {
		return 0, f
	}
	switch {
	case left != nil && left.fatal != nil:
		return 0, left.fatal
	case left != nil:
		return left.pause, nil
	case ctx.Err() != nil:
		return 0, nil
	}
	pause := s.backoff()
	s.l.log.Warn("connection ended", "socket", s.number, "error", reason(err), "pause", pause.String())
	return pause, nil
}

// event handles one event of slack-go. It returns why to stop the loop, or nil. It never
// blocks.
func (s *socket) event(e socketmode.Event) *leave {
	switch e.Type {
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		s.l.receive(s, e.Request)
	case socketmode.EventTypeErrorBadMessage:
		if bad, ok := e.Data.(*socketmode.ErrorBadMessage); ok {
			s.l.receiveUnparsed(s, bad.Message)
		}
	case socketmode.EventTypeHello:
		return s.hello(e.Request)
	case socketmode.EventTypeConnecting:
		return s.reconnecting()
	case socketmode.EventTypeConnected:
		s.opened, s.greeted, s.writeLost = time.Now(), false, false
		s.live.Store(s.connections.Add(1))
		if s.live.Load() > 1 {
			s.l.counts.reconnects.Add(1)
		}
	case socketmode.EventTypeConnectionError:
		if failed, ok := e.Data.(*slack.ConnectionErrorEvent); ok {
			return s.refused(failed.ErrorObj)
		}
	case socketmode.EventTypeErrorWriteFailed:
		if lost, ok := e.Data.(*socketmode.ErrorWriteFailed); ok {
			return s.ackFailed(lost)
		}
	case socketmode.EventTypeIncomingError:
		if bad, ok := e.Data.(*slack.IncomingEventError); ok {
			s.l.log.Info("cannot read from the connection", "socket", s.number, "error", reason(bad.ErrorObj))
		}
	}
	return nil
}

// hello handles Slack's first message on a connection.
func (s *socket) hello(e *socketmode.Request) *leave {
	want, got := s.l.cfg.AppID, e.ConnectionInfo.AppID
	// A hello without an app does no harm, because each envelope names its app.
	if got != "" && got != want {
		return &leave{fatal: otherApp(want, got)}
	}
	if !s.greeted {
		s.greeted = true
		s.l.open.Add(1)
	}
	now := time.Now()
	life := time.Duration(e.DebugInfo.ApproximateConnectionTime) * time.Second
	s.heard = now
	s.renewAt = s.l.stagger.greeted(s.number, s.l.cfg.Sockets, life, now)
	s.l.outage.end()
	log := s.l.log.With("socket", s.number)
	log.Info("connected", "app", got, "expected_seconds", e.DebugInfo.ApproximateConnectionTime)
	s.l.strangers.hello(e.NumConnections, s.l.cfg.Sockets*s.l.replicas(), now, log)
	if s.l.cfg.OnConnected != nil {
		s.l.cfg.OnConnected()
	}
	return nil
}

// reconnecting handles the event before slack-go opens a connection: the previous one, if
// any, has ended. After the first momentary connection slack-go reconnects at once; after
// more in a row there is a pause.
func (s *socket) reconnecting() *leave {
	if !s.closed() || s.momentary < 2 {
		return nil
	}
	return &leave{pause: s.backoff()}
}

// closed notes the end of the connection and reports whether there was one.
func (s *socket) closed() bool {
	if s.opened.IsZero() {
		return false
	}
	if time.Since(s.opened) < s.l.limits.momentary {
		s.momentary++
		if s.momentary%momentaryLimit == 0 {
			s.l.log.Warn("Slack closes each connection within moments of opening it. Is Socket Mode still switched on? "+
				"See the app's settings at api.slack.com/apps, Socket Mode. No more than 10 sockets may be open for one app",
				"socket", s.number, "in_a_row", s.momentary)
		}
	} else {
		s.momentary, s.failures = 0, 0
	}
	if s.greeted {
		s.l.open.Add(-1)
	}
	s.opened, s.greeted, s.renewAt, s.heard = time.Time{}, false, time.Time{}, time.Time{}
	s.live.Store(0)
	s.l.stagger.gone(s.number)
	if s.l.open.Load() == 0 {
		s.l.outage.begin(time.Now())
	}
	return true
}

// refused handles a connection that could not be opened.
func (s *socket) refused(err error) *leave {
	if f := fatal(err); f != nil {
		return &leave{fatal: f}
	}
	pause := s.backoff()
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		pause = max(pause, limited.RetryAfter)
	}
	s.l.stagger.gone(s.number)
	s.l.logOutage(time.Now(), err)
	s.l.log.Warn("cannot connect to Slack", "socket", s.number, "error", reason(err), "in_a_row", s.failures, "pause", pause.String())
	return &leave{pause: pause}
}

// ackFailed handles an ack that could not be written. No other ack can be written on that
// connection either, but slack-go neither resends the ack nor drops the connection. So ackFailed
// renews the connection and queues the ack again, for another socket or the new connection.
func (s *socket) ackFailed(e *socketmode.ErrorWriteFailed) *leave {
	envelope := e.Response.EnvelopeID
	s.l.log.Warn("ack could not be written, renewing the connection", "socket", s.number, "envelope", envelope, "error", reason(e.Cause))
	// The first failed write took a frame buffer, so writtenFrames has settled it. Later
	// writes fail before that.
	if s.writeLost {
		s.settle()
	}
	s.writeLost = true
	s.live.Store(0) // so that socketFor picks another socket, if one is open
	if at, ok := s.l.seen.arrived(envelope); ok {
		s.l.queueAck(s, envelope, e.Response.Payload, at)
	} else {
		s.l.queueAck(s, envelope, e.Response.Payload, time.Now())
	}
	return &leave{pause: s.backoff()}
}

// backoff counts a failure and returns the pause after it. The pause doubles up to a limit,
// with jitter so that replicas do not reconnect together.
func (s *socket) backoff() time.Duration {
	d := s.l.limits.backoffMax
	if s.failures < 16 {
		d = min(d, s.l.limits.backoffMin<<s.failures)
	}
	s.failures++
	return d/2 + rand.N(d/2+1)
}

// flush waits until all acks owed on s are written. It gives up when ctx ends, s is closed
// for good, or no ack was written for flushIdle, and returns how many are still owed. An ack
// stays owed if the connection broke during its write and slack-go did not report that.
func (s *socket) flush(ctx context.Context) int64 {
	idle := time.NewTimer(flushIdle)
	defer idle.Stop()
	for {
		owed := s.owed.Load()
		if owed <= 0 {
			return 0
		}
		select {
		case <-s.settled:
			idle.Reset(flushIdle)
		case <-idle.C:
			return owed
		case <-s.done:
			return owed
		case <-ctx.Done():
			return owed
		}
	}
}

// settle notes that an ack is no longer owed.
func (s *socket) settle() {
	s.owed.Add(-1)
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// writtenFrames is a websocket.BufferPool that settles an ack when its buffer comes back. A
// connection gets a buffer before each message and puts it back after the write. slack-go
// does not report written acks, and drops its queue when it stops. It writes only acks.
type writtenFrames struct {
	socket  *socket
	buffers sync.Pool
}

// Get returns a buffer that was put back, or nil.
func (w *writtenFrames) Get() any { return w.buffers.Get() }

// Put takes a buffer back.
func (w *writtenFrames) Put(buffer any) {
	w.buffers.Put(buffer)
	w.socket.settle()
}
