package listen

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// heardAgain makes Slack lose the sockets, and expects a command to arrive after a while.
func heardAgain(t *testing.T, w *workspace, r *running) {
	t.Helper()
	w.LoseSockets()
	w.failed(w.bob())
	if r.SinceHeard() < time.Second {
		t.Errorf("something was heard %s ago", r.SinceHeard())
	}
	if !testrun.Seen(20*time.Second, func() bool {
		saw, err := w.bob().Outcome(w.ctx)
		return err == nil && saw == ""
	}) {
		t.Fatal("nobody is heard any more")
	}
	if since := r.SinceHeard(); since > time.Second {
		t.Errorf("something was heard, %s ago", since)
	}
	if log := r.logs.String(); !strings.Contains(log, "nothing has come on ") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

// Slack has lost the connections: they stay open and are pinged, but no envelope comes.
func TestIdle_SocketsAreRenewed(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: 2 * time.Second, AckDeadline: time.Second, NoRateLimits: "sockets are renewed every moment"})
	heardAgain(t, w, connected(w, func(l *Listener) { l.cfg.Sockets, l.limits.idle = 2, 400*time.Millisecond }))
}

// The first socket is lost hours before the second one's turn.
func TestIdle_FirstSocketOpensTheSecond(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slacktest.Config{Lifetime: 5 * time.Hour, AckDeadline: time.Second, NoRateLimits: "sockets are renewed every moment"})
	r := listen(w, func(l *Listener) {
		l.cfg.Sockets, l.limits.idle, l.limits.momentary = 2, 1500*time.Millisecond, 100*time.Millisecond
	})
	w.until("the first is open", func() bool { return r.Connected() == 1 })
	lost := w.SocketNumbers()[0]
	heardAgain(t, w, r)
	w.until("the lost one is renewed soon", func() bool { return !slices.Contains(w.SocketNumbers(), lost) })
}

// An envelope puts the socket's renewal off, and the only open socket is never renewed.
func TestIdle_CountsFromTheLastEnvelope(t *testing.T) {
	l := quiet()
	l.cfg.Sockets = 2
	now := time.Now()
	first, second := newSocket(l, 0), newSocket(l, 1)
	for i, s := range []*socket{first, second} {
		s.greeted, s.heard = true, now
		l.stagger.greeted(i, 2, 5*time.Hour, now)
	}
	late := now.Add(l.limits.idle)
	if first.due(late.Add(-time.Second)) != renewNot {
		t.Error("it is renewed too early")
	}
	first.owed.Add(1)
	if first.due(late) != renewLater {
		t.Error("it is renewed while an ack is owed")
	}
	first.owed.Add(-1)
	if first.due(late) != renewNow {
		t.Error("it is not renewed")
	}
	if second.due(late) != renewNot {
		t.Error("both are renewed at once, and nobody hears")
	}
	if next := second.next(); !next.Equal(late.Add(l.limits.momentary)) { // by then the other one is open again
		t.Errorf("the one that stayed is looked at again %s later", next.Sub(late))
	}
	l.stagger.greeted(0, 2, 5*time.Hour, late)
	second.heard = late // an envelope came
	if second.due(late.Add(l.limits.idle/2)) != renewNot {
		t.Error("it is renewed although something came")
	}
	if second.due(late.Add(l.limits.idle)) != renewNow {
		t.Error("it is not renewed although nothing came any more")
	}
}
