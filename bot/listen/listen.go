// Package listen receives Slack's Socket Mode envelopes and acks them. It checks that an
// envelope is for this app, has the inbox store what the person did, acks within Slack's
// three seconds, and only then lets the bot act.
//
// It is the only package that imports slack-go's socketmode. It must not decide who may do
// what, and must not call Slack or Microsoft between an envelope and its ack.
package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// Inbox stores arrivals. *engine.Bot is one.
type Inbox interface {
	// Receive stores a durably. reply is the ack's payload, nil for none. The caller
	// calls next after it has handed the ack to the socket; next is nil if there is
	// nothing to do, as for a duplicate. An error means that nothing was stored, except
	// bot.ErrUnclear: then a may be stored, and nobody is told that it was not. Receive
	// must give up when ctx ends. next must only start work, because a worker waits for
	// it. Several goroutines call both at once.
	Receive(ctx context.Context, a bot.Arrival) (reply any, next func(), err error)
}

// DefaultSockets is how many connections a Listener holds by default: one stays open
// while the other is refreshed.
const DefaultSockets = 2

// Config says what to listen to. API, AppID, TeamID and Inbox are required.
type Config struct {
	// API opens the sockets with the app-level token. NewAPI builds one. A client
	// without a time-out can hang for ever.
	API *slack.Client
	// AppID and TeamID are this app's and the installing workspace's. Slack
	// sends an app only its own envelopes; anything else is dropped.
	AppID, TeamID string
	Inbox         Inbox

	// HomeOpened is called when somebody opens the Home tab, with their user ID; nil for
	// nobody. The receive loop calls it after it has queued the ack, so it must return at
	// once. Slack repeats the event, and may lose it.
	HomeOpened func(slackID string)

	// Sockets is how many connections are held at once, 2 by default. They are opened at
	// equal distances over a connection's life, so that one is open while another is
	// refreshed. Slack allows 10 for one app, over all its processes, and sends each
	// envelope to any one of them.
	Sockets int
	// Replicas returns how many bots listen for the app now, including this one, so that
	// a stranger's sockets can be recognised; nil for this one only. The receive loop
	// calls it, so it must return at once.
	Replicas func() int
	// Log never gets what people typed. slog.Default by default.
	Log *slog.Logger

	// PersistTimeout is how long Inbox.Receive may take, 1.5 s by default: half of
	// Slack's three seconds, so that there is time to ack a failure.
	PersistTimeout time.Duration
	// AckTimeout is how long an ack may wait for a place in the socket's queue, 1 s by
	// default. The queue is full only when there is no connection.
	AckTimeout time.Duration
	// Workers is how many envelopes are stored at the same time, 8 by default. Queue is
	// how many more may wait, 256 by default.
	Workers, Queue int

	// Witness is for tests; nil for none.
	Witness bot.Witness

	// OnConnected is called after each hello on a socket. The receive loop calls it, so it
	// must return at once.
	OnConnected func()
}

// Counts counts what a Listener has done since New.
type Counts struct {
	Received    uint64 // envelopes read from the sockets
	Stored      uint64 // stored by the inbox
	Refused     uint64 // not stored: queue full, too late, stopping, or the inbox failed
	Ignored     uint64 // acked and dropped: another app's, another workspace's, or of no use
	Unknown     uint64 // not acked: a button, form or shortcut of another version
	Undecodable uint64 // acked, if they had an envelope_id, and dropped
	Duplicates  uint64 // envelopes that came more than once
	Unacked     uint64 // acks that no socket took in time
	Panics      uint64 // recovered panics
	Reconnects  uint64 // connections that replaced an earlier one
}

type counters struct {
	received, stored, refused, ignored, unknown, undecodable, duplicates, unacked, panics, reconnects atomic.Uint64
}

// limits holds the times that only tests change.
type limits struct {
	// ackDeadline is how long Slack waits for an ack before it tells the person
	// that the app failed.
	// https://docs.slack.dev/interactivity/handling-user-interaction
	ackDeadline time.Duration
	// stop bounds an orderly stop.
	stop time.Duration
	// pingTimeout is how long Slack may send no PING before the connection counts as dead: the
	// default of slack-go and of Slack's Node client.
	pingTimeout time.Duration
	// momentary: a connection that ends sooner was not wanted by Slack.
	momentary time.Duration
	// outageLog is how long there is no socket before the outage is logged, and how often.
	outageLog time.Duration
	// idle is how long a connection may bring no envelope before it is renewed. Slack
	// greets and pings a connection that it has lost, but sends nothing on it, and it
	// cannot be asked to send something as a test.
	idle time.Duration
	// The pause between failed connections doubles from backoffMin to backoffMax.
	backoffMin, backoffMax time.Duration
}

var defaultLimits = limits{
	ackDeadline: 3 * time.Second,
	stop:        5 * time.Second,
	pingTimeout: 30 * time.Second,
	momentary:   5 * time.Second,
	outageLog:   time.Minute,
	idle:        30 * time.Minute,
	backoffMin:  100 * time.Millisecond,
	backoffMax:  10 * time.Second,
}

// Listener holds the sockets. Make it with New and Run it once.
type Listener struct {
	cfg    Config
	limits limits
	log    *slog.Logger
	// dial opens the network connection under a WebSocket.
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	sockets   []*socket // since Run
	stagger   *stagger
	strangers strangers
	outage    outage
	seen      *seen
	jobs      chan job
	acks      chan queuedAck
	counts    counters
	open      atomic.Int64
	heard     atomic.Int64 // time of the last envelope, or else of Run's start, in Unix nanoseconds

	// stopping guards the closing of jobs. Senders hold it for reading.
	stopping sync.RWMutex
	stopped  bool
}

// New returns a Listener for cfg, with the defaults filled in.
func New(cfg Config) *Listener {
	setDefault(&cfg.Sockets, DefaultSockets)
	setDefault(&cfg.Workers, 8)
	setDefault(&cfg.Queue, 256)
	setDefault(&cfg.PersistTimeout, 1500*time.Millisecond)
	setDefault(&cfg.AckTimeout, time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Listener{
		cfg:    cfg,
		limits: defaultLimits,
		log:    cfg.Log,
		dial:   (&net.Dialer{}).DialContext,
		// Twice the most envelopes in work, so that seen forgets none of those.
		seen:    newSeen(max(1024, 2*(cfg.Queue+cfg.Workers))),
		stagger: newStagger(),
		jobs:    make(chan job, cfg.Queue),
		acks:    make(chan queuedAck, 256),
	}
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// Connected returns how many sockets are open now: those with a hello.
func (l *Listener) Connected() int { return int(l.open.Load()) }

// SinceHeard returns the time since the last envelope on any socket, or else since Run
// began. A long time does not show whether nobody does anything or Slack has lost the
// connections: in both cases they stay open and are pinged.
func (l *Listener) SinceHeard() time.Duration {
	at := l.heard.Load()
	if at == 0 {
		return 0
	}
	return time.Since(time.Unix(0, at))
}

// Counts returns the counts so far.
func (l *Listener) Counts() Counts {
	return Counts{
		Received:    l.counts.received.Load(),
		Stored:      l.counts.stored.Load(),
		Refused:     l.counts.refused.Load(),
		Ignored:     l.counts.ignored.Load(),
		Unknown:     l.counts.unknown.Load(),
		Undecodable: l.counts.undecodable.Load(),
		Duplicates:  l.counts.duplicates.Load(),
		Unacked:     l.counts.unacked.Load(),
		Panics:      l.counts.panics.Load(),
		Reconnects:  l.counts.reconnects.Load(),
	}
}

// Run listens until ctx ends, and returns nil. If Slack refuses for a reason that a retry
// cannot fix, it returns a *Fatal. Before it returns it takes no more envelopes, waits at
// most 5 s until those in work are stored and acked, and closes the sockets.
func (l *Listener) Run(ctx context.Context) error {
	if l.cfg.API == nil || l.cfg.Inbox == nil || l.cfg.AppID == "" || l.cfg.TeamID == "" {
		return errors.New("listen: Config needs API, Inbox, AppID and TeamID")
	}

	// The sockets outlive ctx, because the last acks are sent after it has ended.
	live, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	l.heard.Store(time.Now().UnixNano())
	l.outage.begin(time.Now())
	l.sockets = make([]*socket, l.cfg.Sockets)
	for i := range l.sockets {
		l.sockets[i] = newSocket(l, i)
	}

	var workers, loops sync.WaitGroup
	for range l.cfg.Workers {
		workers.Go(func() {
			for j := range l.jobs {
				l.work(live, j)
			}
		})
	}
	loops.Go(func() { l.sendAcks(live) })

	failed := make(chan error, len(l.sockets))
	for _, s := range l.sockets {
		loops.Go(func() {
			defer close(s.done)
			if err := s.run(live); err != nil {
				failed <- err
			}
		})
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	l.stop(&workers)
	cut()
	loops.Wait()
	return err
}

// stop takes no more envelopes and waits until those in work are stored and their acks
// are written, for at most limits.stop.
func (l *Listener) stop(workers *sync.WaitGroup) {
	ctx, cancel := context.WithTimeout(context.Background(), l.limits.stop)
	defer cancel()

	l.stopping.Lock()
	l.stopped = true
	close(l.jobs)
	l.stopping.Unlock()

	idle := make(chan struct{})
	go func() {
		workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		l.log.Error("stopping although the inbox has not finished; what it did not store is lost")
		return
	}
	for _, s := range l.sockets {
		if n := s.flush(ctx); n > 0 {
			l.log.Warn("stopping with acks that could not be sent", "socket", s.number, "acks", n)
		}
	}
}
