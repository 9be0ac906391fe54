package listen

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// While every worker is stuck, PINGs are answered and later envelopes are kept. slack-go
// alone would lose the connection and its buffered envelopes.
func TestListener_StalledInboxLosesNothing(t *testing.T) {
	const envelopes = 120
	w := newWorkspace(t, slacktest.Config{PingInterval: 20 * time.Millisecond})
	var hellos atomic.Int64
	r := connected(w, func(l *Listener) {
		l.limits.pingTimeout = 200 * time.Millisecond
		l.cfg.OnConnected = func() { hellos.Add(1) }
		l.cfg.Workers = 4
	})
	g := newGate()
	r.inbox.set(g.receive)
	deliveries := make([]*slacktest.Delivery, envelopes)
	for i := range deliveries {
		deliveries[i] = w.bob()
	}
	for range 4 {
		g.held(w)
	}
	w.until("all are read", func() bool { return r.Counts().Received == envelopes })
	// The stall is five times as long as the ping time-out that would end the connection.
	stall := time.NewTimer(5 * r.limits.pingTimeout)
	<-stall.C
	close(g.open)

	for _, d := range deliveries {
		if payload := w.acked(d); payload != "" {
			t.Fatalf("ack %q", payload)
		}
		if d.Saw() != "" {
			t.Errorf("Bob saw %q", d.Saw())
		}
	}
	w.acked(w.alice())
	if hellos.Load() != 1 {
		t.Errorf("connected %d times", hellos.Load())
	}
	if c := r.Counts(); c.Stored != envelopes+1 || c.Refused != 0 {
		t.Errorf("counts %+v", c)
	}
}

// A connection without PINGs is renewed, although it looks open.
func TestSocket_RenewsDeadConnection(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{PingInterval: 20 * time.Millisecond})
	r := connected(w, func(l *Listener) { l.limits.pingTimeout = 200 * time.Millisecond })
	before := w.CallsOf("apps.connections.open")
	w.StopPings()
	w.until("renewed", func() bool { return len(w.CallsOf("apps.connections.open")) > len(before) })
	w.ResumePings()
	w.until("heard again", func() bool {
		// Slack may send to a connection that is being closed; that is lost.
		ctx, cancel := context.WithTimeout(w.ctx, 500*time.Millisecond)
		defer cancel()
		_, err := w.bob().Wait(ctx)
		return err == nil && r.Connected() == 1
	})
}

func TestListener_RefusesAtOnceWhenQueueIsFull(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckDeadline: 300 * time.Millisecond})
	r := connected(w, func(l *Listener) { l.cfg.Workers, l.jobs = 1, make(chan job, 1) })
	g := newGate()
	r.inbox.set(g.receive)
	first := w.bob()
	g.held(w)
	second := w.bob()
	w.until("the queue is full", func() bool { return len(r.jobs) == 1 })

	refused := w.bob()
	if payload := w.acked(refused); !strings.Contains(payload, nothingStored) {
		t.Errorf("ack %q", payload)
	}
	w.failed(w.alice()) // the ack of a click cannot show text
	close(g.open)
	w.acked(first)
	w.acked(second)
	if c := r.Counts(); c.Stored != 2 || c.Refused != 2 {
		t.Errorf("counts %+v", c)
	}
	// The refused command may come again, because it was not stored.
	w.acked(refused.Replay())
	w.until("three stored", func() bool { return r.Counts().Stored == 3 })
}

// The bot does not act on an envelope that waited so long that Slack has told the person of
// a failure.
func TestListener_RefusesWhatWaitedTooLong(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckDeadline: 400 * time.Millisecond})
	r := connected(w, func(l *Listener) {
		l.cfg.Workers, l.cfg.PersistTimeout = 1, 100*time.Millisecond
		l.limits.ackDeadline = 400 * time.Millisecond
	})
	g := newGate()
	r.inbox.set(g.receive)
	w.bob()
	g.held(w)
	late := w.alice()
	w.failed(late)
	close(g.open)
	w.until("refused", func() bool { return r.Counts().Refused == 1 })
	if got := r.inbox.stored(); len(got) != 1 || got[0].Kind != bot.CommandArrival {
		t.Errorf("stored %+v", got)
	}
	if _, ok := w.ackOf(late.EnvelopeID); ok {
		t.Error("acked what was not stored")
	}
}

// Without a connection, slack-go's queue of 20 acks fills. No worker may wait there for
// ever, and the bot still acts on what is stored.
func TestAck_GivesUpWithoutConnection(t *testing.T) {
	const envelopes = 30
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, func(l *Listener) { l.cfg.AckTimeout = 30 * time.Millisecond })
	g := newGate()
	var acted atomic.Int64
	r.inbox.set(func(ctx context.Context, a bot.Arrival) (any, func(), error) {
		g.receive(ctx, a)
		return nil, func() { acted.Add(1) }, nil
	})
	for range envelopes {
		w.bob()
	}
	w.until("all are read", func() bool { return r.Counts().Received == envelopes })
	w.RefuseConnections("internal_error", 0)
	w.DropSockets()
	w.until("disconnected", func() bool { return r.Connected() == 0 })
	close(g.open)
	w.until("all acted on", func() bool { return acted.Load() == envelopes })
	if n := r.Counts().Unacked; n != envelopes-20 {
		t.Errorf("%d not acked, want %d", n, envelopes-20)
	}

	w.ClearFaults()
	w.steady(r)
	w.acked(w.bob())
	w.until("queued acks went out", func() bool { return len(w.Acks()) == 21 })
}

func BenchmarkEnvelopeToAck(b *testing.B) {
	w := newWorkspace(b, slacktest.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.ctx = ctx // no time limit
	connected(w, nil)
	for b.Loop() {
		w.acked(w.bob())
	}
}

// BenchmarkDecode measures the part of BenchmarkEnvelopeToAck in the receive loop.
func BenchmarkDecode(b *testing.B) {
	now := time.Now()
	b.SetBytes(int64(len(clickJSON)))
	for b.Loop() {
		if _, err := decode("interactive", "E1", []byte(clickJSON), now); err != nil {
			b.Fatal(err)
		}
	}
}
