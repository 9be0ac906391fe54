package listen

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// However connections come and go, no two are expected to end together.
func TestStagger_EndsStayApart(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		of := 2 + random.IntN(4)
		s := newStagger()
		now := time.Unix(1_700_000_000, 0)
		renewals := make([]time.Time, of)
		for range 300 {
			number := random.IntN(of)
			if random.IntN(3) == 0 {
				s.gone(number)
			} else {
				renewals[number] = s.greeted(number, of, time.Hour, now)
			}
			least := time.Hour / time.Duration(2*of)
			for a, one := range s.connections {
				if one.end.After(one.opened.Add(time.Hour)) || one.end.Sub(one.opened) < time.Hour/time.Duration(of) {
					t.Fatalf("seed %d: a connection of %s", seed, one.end.Sub(one.opened))
				}
				if early := one.end.Before(one.opened.Add(time.Hour)); early != !renewals[a].IsZero() || early && !renewals[a].Equal(one.end) {
					t.Fatalf("seed %d: renewed at %s, to end at %s", seed, renewals[a], one.end)
				}
				for b, other := range s.connections {
					if a != b && one.end.Sub(other.end).Abs() < least {
						t.Fatalf("seed %d: %d and %d of %d end %s apart", seed, a, b, of, one.end.Sub(other.end).Abs())
					}
				}
			}
			// One step in three is at the same moment, as after an outage.
			now = now.Add(time.Duration(random.IntN(3)) * time.Duration(random.IntN(int(time.Hour/2))))
		}
	}
}

func TestStagger_Turns(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := newStagger()
	turn := func(number int, at time.Duration) time.Duration {
		wait, _ := s.turn(number, 2, now.Add(at))
		return wait
	}
	if turn(0, 0) != 0 || turn(1, 0) != math.MaxInt64 {
		t.Error("the first does not wait, and the second waits for it")
	}
	_, changed := s.turn(1, 2, now)
	s.greeted(0, 2, time.Hour, now)
	select {
	case <-changed:
	default:
		t.Error("the second is not woken")
	}
	if got := turn(1, 10*time.Minute); got != 20*time.Minute {
		t.Errorf("waits %s", got)
	}
	if got := turn(1, time.Hour); got != 0 {
		t.Errorf("waits %s past its turn", got)
	}
	s.gone(0)
	if turn(1, time.Minute) != 0 {
		t.Error("waits although the first is down")
	}
	s.greeted(0, 2, time.Hour, now)
	if turn(1, time.Minute) != 0 {
		t.Error("waits for a first that has been down")
	}
}

// The only open socket is not renewed early: it stays open until Slack ends it.
func TestStagger_OnlySocketIsNotRenewed(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := newStagger()
	s.greeted(0, 2, time.Hour, now)
	if at := s.greeted(1, 2, time.Hour, now); !at.Equal(now.Add(30 * time.Minute)) {
		t.Fatalf("renewed at %s", at)
	}
	if !s.mayRenew(1) {
		t.Error("may not be renewed beside another")
	}
	if s.mayRenew(0) {
		t.Error("both may be renewed at once")
	}
	s.greeted(1, 2, time.Hour, now)
	s.gone(0)
	if s.mayRenew(1) {
		t.Error("may be renewed alone")
	}
	if at := s.greeted(0, 2, time.Hour, now.Add(time.Minute)); at.IsZero() {
		t.Error("two that end together were not told apart")
	}
}

// If the hello does not say how long the connection will last, assumedLife counts.
func TestStagger_UnknownLife(t *testing.T) {
	s := newStagger()
	now := time.Unix(1_700_000_000, 0)
	s.greeted(0, 2, 0, now)
	if wait, _ := s.turn(1, 2, now); wait != assumedLife/2 {
		t.Errorf("waits %s", wait)
	}
}

// hellos counts Slack's hellos.
func hellos(l *Listener) *atomic.Int64 {
	n := new(atomic.Int64)
	l.cfg.OnConnected = func() { n.Add(1) }
	return n
}

func TestStagger_SecondSocketOpensHalfALifeLater(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: 2 * time.Second})
	r := listen(w, func(l *Listener) { l.cfg.Sockets = 0; *l = *New(l.cfg); l.limits.backoffMin = time.Millisecond })
	w.until("the first is open", func() bool { return r.Connected() == 1 })
	first := time.Now()
	w.until("the second is open", func() bool { return r.Connected() == 2 })
	if after := time.Since(first); after < 900*time.Millisecond {
		t.Errorf("opened after %s, want half of 2 s", after)
	}
	w.acked(w.bob())
}

func TestStagger_SecondSocketOpensAtOnceWhenFirstIsDown(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := listen(w, func(l *Listener) { l.cfg.Sockets = 2 })
	w.until("the first is open", func() bool { return r.Connected() == 1 })
	w.RefuseConnections("internal_error", 1)
	w.DropSockets()
	w.until("both are open", func() bool { return r.Connected() == 2 })
	if n := r.Counts().Reconnects; n != 1 {
		t.Errorf("%d reconnects, want that of the first socket", n)
	}
	w.acked(w.bob())
}

// Both sockets were dropped and reconnect together. One is renewed early, while the other is
// open.
func TestStagger_SeparatesSocketsThatReconnectTogether(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: 2 * time.Second})
	var greeted *atomic.Int64
	r := connected(w, func(l *Listener) {
		l.cfg.Sockets = 2
		l.limits.momentary = 0
		greeted = hellos(l)
	})
	w.DropSockets()
	w.until("both are back", func() bool { return greeted.Load() == 4 && r.Connected() == 2 })
	back := time.Now()
	fewest := 2
	w.until("one of them is renewed", func() bool {
		fewest = min(fewest, w.Sockets())
		return greeted.Load() == 5 && r.Connected() == 2
	})
	if after := time.Since(back); after < 900*time.Millisecond {
		t.Errorf("renewed after %s, want half of 2 s", after)
	}
	if fewest == 0 {
		t.Error("no socket was open for a while")
	}
	if log := r.logs.String(); strings.Count(log, "renewing the connection, so that") != 1 {
		t.Errorf("log:\n%s", log)
	}
	w.acked(w.bob())
}

// An owed ack delays a renewal, but not for long.
func TestSocket_RenewalWaitsForAcks(t *testing.T) {
	l := quiet()
	s := newSocket(l, 1)
	now := time.Now()
	l.stagger.greeted(0, 2, time.Hour, now)
	l.stagger.greeted(1, 2, time.Hour, now)
	for _, tt := range []struct {
		owed  int64
		renew time.Duration // before now
		want  int
	}{
		{0, 0, renewNow}, {0, -time.Second, renewNot}, {1, 0, renewLater}, {1, l.limits.ackDeadline, renewNow},
	} {
		l.stagger.greeted(1, 2, time.Hour, now)
		s.owed.Store(tt.owed)
		s.renewAt = now.Add(-tt.renew)
		if got := s.due(now); got != tt.want {
			t.Errorf("%d owed, due for %s: %d, want %d", tt.owed, tt.renew, got, tt.want)
		}
	}
	l.stagger.gone(0)
	s.owed.Store(0)
	if s.renewAt = now; s.due(now) != renewNot || !s.renewAt.IsZero() {
		t.Error("renewed although it is the only one")
	}
}

// on makes Slack send the next envelopes to one of the open sockets: 0 is the oldest.
func (w *workspace) on(i int) {
	w.Route(func(sockets []int) int { return sockets[min(i, len(sockets)-1)] })
}

// An envelope that comes on both sockets is stored once and acked twice.
func TestListener_StoresOnceWhatComesOnBothSockets(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: time.Second})
	r := connected(w, func(l *Listener) { l.cfg.Sockets = 2 })
	r.inbox.set(replying("Got it."))
	w.on(0)
	first := w.bob()
	w.acked(first)
	w.on(1)
	again := first.Replay()
	if payload := w.acked(again); !strings.Contains(payload, "Got it.") {
		t.Errorf("ack %q", payload)
	}
	acks := w.Acks()
	if len(acks) != 2 || acks[0].Socket == acks[1].Socket || acks[1].OtherSocket {
		t.Errorf("acks %+v", acks)
	}
	if n := len(r.inbox.stored()); n != 1 || r.Counts().Duplicates != 1 {
		t.Errorf("stored %d, counts %+v", n, r.Counts())
	}
}

// The ack does not wait for the socket that has ended.
func TestAck_SentOnOtherSocket(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: time.Second, AckOnAnySocket: true})
	r := connected(w, func(l *Listener) { l.cfg.Sockets = 2 })
	g := newGate()
	r.inbox.set(g.receive)
	var from atomic.Int64
	w.Route(func(sockets []int) int { from.Store(int64(sockets[0])); return sockets[0] })
	d := w.bob()
	g.held(w)
	w.RefuseConnections("internal_error", 0) // it does not come back
	w.DropSocket(int(from.Load()))
	w.until("one is gone", func() bool { return r.Connected() == 1 })
	close(g.open)
	ack, err := d.Wait(w.ctx)
	if err != nil || !ack.OtherSocket || int64(ack.Socket) == from.Load() {
		t.Fatalf("ack %+v, %v", ack, err)
	}
	if !strings.Contains(r.logs.String(), "renewed between envelope and ack") {
		t.Errorf("log:\n%s", r.logs)
	}
}

// While both sockets are open, each ack goes to the socket of its envelope.
func TestAck_SentOnSocketOfEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: time.Second})
	r := connected(w, func(l *Listener) { l.cfg.Sockets = 2 })
	for range 20 {
		if ack, err := w.bob().Wait(w.ctx); err != nil || ack.OtherSocket {
			t.Fatalf("ack %+v, %v", ack, err)
		}
	}
	// Acks of the receive loop do so too; these envelopes are not stored.
	r.inbox.set(failing)
	for range 4 {
		if ack, err := w.bob().Wait(w.ctx); err != nil || ack.OtherSocket {
			t.Fatalf("refused with ack %+v, %v", ack, err)
		}
		if err := w.SendRaw(rawEnvelope("odd", "interactive", `{"type":"odd"}`)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("all acked", func() bool { return len(w.Acks()) == 28 })
	for _, ack := range w.Acks() {
		if ack.OtherSocket {
			t.Errorf("ack %+v", ack)
		}
	}
}

// An ack goes to another open socket if the envelope's connection is broken.
func TestSocketFor(t *testing.T) {
	l := quiet()
	broken, other := newSocket(l, 0), newSocket(l, 1)
	l.sockets = []*socket{broken, other}
	broken.live.Store(1)
	other.live.Store(1)
	if l.socketFor(broken, 1) != broken {
		t.Error("left a socket that stands")
	}
	if l.socketFor(broken, 2) == nil || l.socketFor(broken, 0) == nil {
		t.Error("no socket")
	}
	broken.live.Store(0)
	if l.socketFor(broken, 1) != other {
		t.Error("the other socket stands, and was not taken")
	}
	other.live.Store(0)
	if l.socketFor(broken, 1) != broken {
		t.Error("with none, it waits for its own")
	}
}

// Sockets that are dropped again and again store no envelope twice.
func TestListener_StoresOnceWhenSocketsDrop(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{AckOnAnySocket: true})
	r := listen(w, func(l *Listener) { l.cfg.Sockets = 2 })
	w.until("open", func() bool { return r.Connected() > 0 })
	for i := range 20 {
		before := r.Counts().Reconnects
		w.DropSockets()
		w.until("back", func() bool { return r.Counts().Reconnects > before && r.Connected() > 0 })
		d := w.bob()
		if i%2 == 0 {
			d.Replay()
		}
	}
	w.until("both are open", func() bool { return r.Connected() == 2 && w.Sockets() == 2 })
	w.acked(w.bob())
	seen := map[string]bool{}
	for _, a := range r.inbox.stored() {
		if seen[a.Envelope] {
			t.Errorf("stored %s twice", a.Envelope)
		}
		seen[a.Envelope] = true
	}
	if r.Counts().Reconnects < 20 {
		t.Errorf("counts %+v", r.Counts())
	}
}
