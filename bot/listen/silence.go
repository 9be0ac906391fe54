package listen

import (
	"sync"
	"time"
)

// silence is a time without any socket, in which the bot hears nobody.
type silence struct {
	mu    sync.Mutex
	since time.Time // zero while a socket is open
	said  time.Time // when it was last said loudly
}

func (s *silence) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since, s.said = now, now
	}
}

func (s *silence) broken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}

// loud reports how long the silence has lasted when that is to be said: once
// in every so often.
func (s *silence) loud(now time.Time, every time.Duration) (lasted time.Duration, say bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() || now.Sub(s.said) < every {
		return 0, false
	}
	s.said = now
	return now.Sub(s.since), true
}

// deaf says loudly, once in a while, that no socket can be opened, and what to
// do. Socket Mode may have been switched off: slack-go does not tell.
func (l *Listener) deaf(now time.Time, err error) {
	if lasted, say := l.silence.loud(now, l.limits.deaf); say {
		l.log.Error("the bot hears nothing: no socket to Slack could be opened, and whoever types or clicks reads that the app "+
			"failed. It keeps trying. See whether Socket Mode is switched on (api.slack.com/apps, Socket Mode), whether Slack "+
			"is well (status.slack.com), and whether this machine may reach wss-primary.slack.com and slack.com; what was "+
			"confirmed before is carried out all the same", "for", lasted.Round(time.Second).String(), "error", reason(err))
	}
}
