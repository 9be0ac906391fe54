package lifecycle

import (
	"testing"
	"time"

	"revoke-sessions/bot"
)

// A report waits for another request's revoke only while that may still show, even if
// nobody is ever told that it is not done.
func TestMayStillShow(t *testing.T) {
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	rn := &base{cfg: bot.Config{Timing: bot.DefaultTiming()}, now: func() time.Time { return now }}
	accepted := func(ago time.Duration, s bot.State) bot.Request {
		return bot.Request{State: s, AcceptedAt: now.Add(-ago)}
	}
	told := accepted(time.Minute, bot.NotVisibleYet)
	told.UnmovedAt = now
	for name, row := range map[string]struct {
		other bot.Request
		again time.Duration
	}{
		"just accepted":               {accepted(time.Second, bot.Revoked), undecidedRetry},
		"not visible yet":             {accepted(5*time.Minute, bot.NotVisibleYet), undecidedRetry},
		"almost over":                 {accepted(6*time.Minute+49500*time.Millisecond, bot.NotVisibleYet), 10 * time.Second},
		"people were told":            {told, 0},
		"at the command line, later":  {accepted(7*time.Minute, bot.NotVisibleYet), 0},
		"it could not be read, later": {accepted(7*time.Minute, bot.Unreachable), 0},
		"the row cannot be read":      {accepted(time.Minute, ""), undecidedRetry},
		"nor later":                   {accepted(7*time.Minute, ""), 0},
		"the clock was set back":      {accepted(-time.Hour, bot.Revoked), 0},
	} {
		until := rn.mayStillShow(&row.other)
		if row.again == 0 && !until.IsZero() || row.again != 0 && !until.Equal(now.Add(row.again)) {
			t.Errorf("%s: it is looked at again %s, not after %s", name, until, row.again)
		}
	}
}
