// Package listen is the bot's ear: Slack's Socket Mode envelopes come in, acks
// go out. It checks that an envelope is meant for this app, has the inbox
// store what a person did, answers Slack within its three seconds and only
// then lets the bot act.
//
// It is the only package that imports slack-go's socketmode. What must never
// enter it: decisions about who may do what, and calls to Slack or Microsoft
// in the path between an envelope and its ack.
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

// Inbox stores what arrived. *engine.Bot is one.
type Inbox interface {
	// Receive stores a durably. It returns what goes into the ack (nil for an
	// empty one) and what to do once the ack has been handed to the socket
	// (nil for nothing, as for a duplicate). Where err is not nil, nothing was
	// stored, but for bot.ErrUnclear, which may have been: it is not said to
	// anybody then that it was not. Receive must give up when ctx ends; next must only start work,
	// not do it, for a worker waits until it returns. Both are called from
	// several goroutines at once.
	Receive(ctx context.Context, a bot.Arrival) (reply any, next func(), err error)
}

// DefaultSockets is how many connections a Listener holds if nobody says
// otherwise: one stands while the other is refreshed.
const DefaultSockets = 2

// Config says what to listen to. API, AppID, TeamID and Inbox are required.
type Config struct {
	// API is the client that opens sockets, with the app-level token. NewAPI
	// builds one; a client without a time-out can hang for ever.
	API *slack.Client
	// AppID and TeamID are this app's and the installing workspace's. Slack
	// sends an app only its own envelopes; anything else is dropped.
	AppID, TeamID string
	Inbox         Inbox

	// Sockets is how many connections are held at once, 2 by default: one is
	// open while the other is refreshed, because each is opened its share of a
	// connection's life after the one before. Slack allows 10 for one app, over
	// all its processes, and sends each envelope to any one of them.
	Sockets int
	// Replicas says how many bots listen for the app now, this one included, so
	// that a stranger's sockets can be told from theirs; nil for this one only.
	// It is called from the receive loop and must return at once.
	Replicas func() int
	// Log gets what happens, never what people typed. slog.Default by default.
	Log *slog.Logger

	// PersistTimeout is how long Inbox.Receive may take, 1.5 s by default.
	// Half of Slack's three seconds leaves room to say that it failed.
	PersistTimeout time.Duration
	// AckTimeout is how long an ack may wait for a place in the socket's
	// queue, which is full only when there is no connection. 1 s by default.
	AckTimeout time.Duration
	// Workers is how many envelopes are stored at the same time, 8 by default,
	// and Queue how many more may wait, 256 by default.
	Workers, Queue int

	// Witness is for tests; nil for none.
	Witness bot.Witness

	// OnConnected is called after each hello that Slack sends on a socket. It
	// is called from the receive loop and must return at once.
	OnConnected func()
}

// Counts is what a Listener has done since it was made.
type Counts struct {
	Received    uint64 // envelopes read from the sockets
	Stored      uint64 // taken by the inbox
	Refused     uint64 // not stored: too many, too late, stopping, or the inbox failed
	Ignored     uint64 // acked and dropped: another app's, another workspace's, of no interest
	Undecodable uint64 // acked, if they had an envelope_id, and dropped
	Duplicates  uint64 // envelopes that came again
	Unacked     uint64 // acks that no socket would take
	Panics      uint64 // recovered
	Reconnects  uint64 // connections opened in place of an earlier one
}

type counters struct {
	received, stored, refused, ignored, undecodable, duplicates, unacked, panics, reconnects atomic.Uint64
}

// limits are the times that only tests change.
type limits struct {
	// answer is how long Slack waits for an ack before it tells the person
	// that the app failed.
	// https://docs.slack.dev/interactivity/handling-user-interaction
	answer time.Duration
	// stop bounds an orderly stop.
	stop time.Duration
	// silence is how long the server may stay without a PING before the
	// connection counts as dead; slack-go's own default and Node's.
	silence time.Duration
	// momentary is a connection so short that Slack did not want it.
	momentary time.Duration
	// deaf is after how long without any socket to say so, and how often.
	deaf time.Duration
	// unheard is after how long without an envelope a connection is renewed:
	// one that Slack has lost is greeted and pinged like any other, and nothing
	// is sent on it. Slack can be asked to send nothing for a test.
	unheard time.Duration
	// backoff between failed connections doubles from min to max.
	backoffMin, backoffMax time.Duration
}

var defaultLimits = limits{
	answer:     3 * time.Second,
	stop:       5 * time.Second,
	silence:    30 * time.Second,
	momentary:  5 * time.Second,
	deaf:       time.Minute,
	unheard:    30 * time.Minute,
	backoffMin: 100 * time.Millisecond,
	backoffMax: 10 * time.Second,
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
	silence   silence
	seen      *seen
	jobs      chan job
	answers   chan answer
	counts    counters
	open      atomic.Int64
	heard     atomic.Int64 // when the last envelope came, in Unix nanoseconds; before the first, when Run began

	// stopping guards the closing of jobs: a sender holds it for reading.
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
		// Twice what can be on its way, so that nothing under way is forgotten.
		seen:    newSeen(max(1024, 2*(cfg.Queue+cfg.Workers))),
		stagger: newStagger(),
		jobs:    make(chan job, cfg.Queue),
		answers: make(chan answer, 256),
	}
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// Connected returns how many sockets are open now: Slack has said hello on
// them and not gone since.
func (l *Listener) Connected() int { return int(l.open.Load()) }

// SinceHeard is how long ago the last envelope came on any socket; before the
// first, how long the Listener runs. Nobody can tell from it whether nobody does
// anything or Slack has lost the connections: both stay open and are pinged.
func (l *Listener) SinceHeard() time.Duration {
	at := l.heard.Load()
	if at == 0 {
		return 0
	}
	return time.Since(time.Unix(0, at))
}

// Counts returns what has been done so far.
func (l *Listener) Counts() Counts {
	return Counts{
		Received:    l.counts.received.Load(),
		Stored:      l.counts.stored.Load(),
		Refused:     l.counts.refused.Load(),
		Ignored:     l.counts.ignored.Load(),
		Undecodable: l.counts.undecodable.Load(),
		Duplicates:  l.counts.duplicates.Load(),
		Unacked:     l.counts.unacked.Load(),
		Panics:      l.counts.panics.Load(),
		Reconnects:  l.counts.reconnects.Load(),
	}
}

// Run listens until ctx ends and then returns nil, or until Slack refuses for
// a reason that trying again cannot mend, and then returns a *Fatal. Either
// way it first takes no more envelopes, waits for those under way to be
// stored and acked, at most 5 s, and closes the sockets after their last ack.
func (l *Listener) Run(ctx context.Context) error {
	if l.cfg.API == nil || l.cfg.Inbox == nil || l.cfg.AppID == "" || l.cfg.TeamID == "" {
		return errors.New("listen: Config needs API, Inbox, AppID and TeamID")
	}

	// The sockets outlive ctx: the last acks go out after it has ended.
	live, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	l.heard.Store(time.Now().UnixNano())
	l.silence.begin(time.Now())
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
	loops.Go(func() { l.answer(live) })

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

// stop takes no more envelopes and waits until those under way are stored and
// their acks written, or until the time for it is over.
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
