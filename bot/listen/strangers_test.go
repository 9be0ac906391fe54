package listen

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

func TestStrangers(t *testing.T) {
	const stranger, full = "a stranger holds the app-level token", "allows no more sockets"
	type hello struct {
		at      time.Duration
		counted int
		found   int
	}
	for name, tt := range map[string]struct {
		ours   int
		hellos []hello
		says   map[string]int
	}{
		"ours alone":               {2, []hello{{0, 1, 0}, {time.Hour, 2, 0}, {2 * time.Hour, 2, 0}}, nil},
		"several replicas":         {6, []hello{{0, 6, 0}, {time.Hour, 6, 0}}, nil},
		"overlap after a restart":  {2, []hello{{0, 3, 0}, {30 * time.Minute, 2, 0}, {time.Hour, 2, 0}}, nil},
		"again, and not for long":  {2, []hello{{0, 4, 0}, {59 * time.Second, 3, 0}, {70 * time.Second, 2, 0}}, nil},
		"two overlaps":             {2, []hello{{0, 3, 0}, {time.Minute, 2, 0}, {time.Hour, 3, 0}}, nil},
		"a stranger":               {2, []hello{{0, 3, 0}, {time.Minute, 4, 2}, {time.Hour, 3, 1}}, map[string]int{stranger: 2}},
		"a stranger who goes":      {2, []hello{{0, 3, 0}, {time.Minute, 3, 1}, {time.Hour, 2, 0}}, map[string]int{stranger: 1}},
		"as many as Slack allows":  {10, []hello{{0, 10, 0}}, map[string]int{full: 1}},
		"and that by a stranger's": {2, []hello{{0, 10, 0}, {time.Hour, 10, 8}}, map[string]int{full: 2, stranger: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			out := &logs{}
			l := quiet()
			start := time.Unix(1_700_000_000, 0)
			for i, h := range tt.hellos {
				l.strangers.hello(h.counted, tt.ours, start.Add(h.at), slog.New(slog.NewTextHandler(out, nil)))
				if got := l.Strangers(); got != h.found {
					t.Errorf("hello %d: %d strangers, want %d", i, got, h.found)
				}
			}
			for _, line := range []string{stranger, full} {
				if n := strings.Count(out.String(), line); n != tt.says[line] {
					t.Errorf("said %q %d times, want %d:\n%s", line, n, tt.says[line], out)
				}
			}
		})
	}
}

// Slack's count is compared with the sockets of all live replicas.
func TestStrangers_ReplicasAreNotStrangers(t *testing.T) {
	w := newWorkspace(t, slacktest.Config{})
	w.SetStrangers(4)
	const counts = "Slack counts more open sockets"
	lonely := connected(w, nil)
	w.until("said", func() bool { return strings.Contains(lonely.logs.String(), counts) })
	var greeted *atomic.Int64
	replica := connected(w, func(l *Listener) {
		l.cfg.Replicas = func() int { return 6 }
		greeted = hellos(l)
	})
	w.until("greeted", func() bool { return greeted.Load() == 1 })
	if strings.Contains(replica.logs.String(), counts) {
		t.Errorf("log of one of six replicas:\n%s", replica.logs)
	}
}

// A bot without a socket logs that as an error, but not at every attempt.
func TestOutage_IsLogged(t *testing.T) {
	const deaf = "the bot hears nothing"
	w := newWorkspace(t, slacktest.Config{})
	r := connected(w, func(l *Listener) { l.limits.outageLog = 100 * time.Millisecond; l.cfg.Sockets = 1 })
	began := time.Now()
	w.Disconnect(slacktest.LinkDisabled)
	w.until("said twice", func() bool { return strings.Count(r.logs.String(), deaf) >= 2 })
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("said twice in %s", took)
	}
	if !strings.Contains(r.logs.String(), "Socket Mode is switched on") {
		t.Errorf("log:\n%s", r.logs)
	}
	w.EnableSocketMode()
	w.steady(r)
	w.acked(w.bob())
	if _, say := r.outage.toLog(time.Now().Add(time.Hour), 0); say {
		t.Error("it would be said although a socket is open")
	}
}
