package listen

import (
	"sync"
	"time"
)

// outage is a time without any open socket.
type outage struct {
	mu     sync.Mutex
	since  time.Time // zero while a socket is open
	logged time.Time // when it was last logged as an error
}

func (o *outage) begin(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since, o.logged = now, now
	}
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Time{}
}

// toLog returns how long the outage has lasted, and whether to log that now: once in every.
func (o *outage) toLog(now time.Time, every time.Duration) (lasted time.Duration, say bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || now.Sub(o.logged) < every {
		return 0, false
	}
	o.logged = now
	return now.Sub(o.since), true
}

// logOutage logs, once in limits.outageLog, that no socket can be opened and what to do.
// Socket Mode may be switched off: slack-go does not report that.
func (l *Listener) logOutage(now time.Time, err error) {
	if lasted, say := l.outage.toLog(now, l.limits.outageLog); say {
		l.log.Error("the bot hears nothing: no socket to Slack could be opened, and whoever types or clicks reads that the app "+
			"failed. It keeps trying. See whether Socket Mode is switched on (api.slack.com/apps, Socket Mode), whether Slack "+
			"is well (status.slack.com), and whether this machine may reach wss-primary.slack.com and slack.com; what was "+
			"confirmed before is carried out all the same", "for", lasted.Round(time.Second).String(), "error", reason(err))
	}
}
