package listen

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// Envelopes in work when the bot stops are stored, acked and acted on. Later commands are
// refused with a message.
func TestStop_FinishesEnvelopesInWork(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, func(l *Listener) { l.cfg.Workers = 1 })
	g := newGate()
	var acted atomic.Int64
	r.inbox.set(func(ctx context.Context, a bot.Arrival) (any, func(), error) {
		g.receive(ctx, a)
		return nil, func() { acted.Add(1) }, ctx.Err()
	})
	running, waiting := w.bob(), w.alice()
	g.held(w)
	w.until("one waits", func() bool { return len(r.jobs) == 1 })
	r.stop()
	w.until("stopping", func() bool {
		r.stopping.RLock()
		defer r.stopping.RUnlock()
		return r.stopped
	})
	if payload := w.acked(w.bob()); !strings.Contains(payload, nothingStored) {
		t.Errorf("while stopping, ack %q", payload)
	}
	select {
	case err := <-r.ended:
		t.Fatalf("Run = %v before its work was done", err)
	default:
	}
	close(g.open)
	if err := r.result(w); err != nil {
		t.Errorf("Run = %v", err)
	}
	w.acked(running)
	w.acked(waiting)
	if acted.Load() != 2 {
		t.Errorf("acted on %d of 2", acted.Load())
	}
	w.until("the socket is closed", func() bool { return w.Sockets() == 0 })
}

// slack-go drops the acks in its queue when it is stopped.
func TestStop_FlushesAcks(t *testing.T) {
	for range 5 {
		const envelopes = 100
		w := newWorkspace(t, slacktest.Config{})
		r := connected(w, nil)
		large := replying(strings.Repeat("x", 15<<10))
		var stored atomic.Int64
		r.inbox.set(func(ctx context.Context, a bot.Arrival) (any, func(), error) {
			if stored.Add(1) == envelopes {
				r.stop()
			}
			return large(ctx, a)
		})
		for range envelopes {
			w.As("U1").Command("C1", typed)
		}
		if err := r.result(w); err != nil {
			t.Fatal(err)
		}
		w.until("every ack arrived", func() bool { return len(w.Acks()) == envelopes })
		if n := r.Counts().Stored; n != envelopes {
			t.Errorf("stored %d of %d", n, envelopes)
		}
	}
}

// A hung inbox cannot keep the process from ending.
func TestStop_IsBounded(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, func(l *Listener) {
		l.limits.stop = 50 * time.Millisecond
		l.cfg.Workers = 1
	})
	g := newGate()
	r.inbox.set(g.receive)
	w.bob()
	g.held(w)
	w.bob()
	w.until("one waits", func() bool { return len(r.jobs) == 1 })
	r.stop()
	if err := r.result(w); err != nil {
		t.Errorf("Run = %v", err)
	}
	if !strings.Contains(r.logs.String(), "the inbox has not finished") {
		t.Errorf("log:\n%s", r.logs)
	}
	close(g.open)
	w.until("the one in the queue is refused", func() bool { return r.Counts().Refused == 1 })
	if n := len(r.inbox.stored()); n != 1 {
		t.Errorf("stored %d", n)
	}
}

func TestRun_NeedsConfig(t *testing.T) {
	full := Config{API: slack.New(""), AppID: "A1", TeamID: "T1", Inbox: &inbox{}}
	for name, drop := range map[string]func(*Config){
		"API":    func(c *Config) { c.API = nil },
		"Inbox":  func(c *Config) { c.Inbox = nil },
		"AppID":  func(c *Config) { c.AppID = "" },
		"TeamID": func(c *Config) { c.TeamID = "" },
	} {
		cfg := full
		drop(&cfg)
		if err := New(cfg).Run(t.Context()); err == nil {
			t.Errorf("ran without %s", name)
		}
	}
}
