package bot

import (
	"time"
)

// Timing holds every duration that a person may notice. Tests shorten it.
type Timing struct {
	Tick    time.Duration // of the clock that picks up what is due
	Attempt time.Duration // one call to Graph; shorter than ClaimFor
	// SecondPost is how long after a POST of unknown effect the next may follow.
	SecondPost time.Duration
	// Settle are the pauses between reads while the outcome is unknown, and
	// Verify those after a yes; the last of Settle repeats.
	Settle, Verify []time.Duration
	// Recheck are the later reads of what was not visible at first.
	Recheck []time.Duration
	// Patience is how long an approved request waits for Microsoft in all.
	Patience time.Duration
	// Heartbeat is how often Slack is asked whether it still knows the bot;
	// Microsoft is asked half as often. 0 for never.
	Heartbeat time.Duration
	// AskEvery is how often one person may ask, once they have asked a few times
	// in a row. With 0 nobody counts what asks have looked up.
	AskEvery time.Duration
}

// DefaultTiming is what production uses.
func DefaultTiming() Timing {
	return Timing{
		Tick:       time.Second,
		Attempt:    8 * time.Second,
		SecondPost: 15 * time.Second,
		Settle: []time.Duration{2 * time.Second, 5 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute,
			5 * time.Minute, 15 * time.Minute},
		Verify: []time.Duration{500 * time.Millisecond, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second,
			30 * time.Second},
		Recheck:   []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour},
		Patience:  30 * time.Minute,
		Heartbeat: time.Minute,
		AskEvery:  6 * time.Second,
	}
}

// Elapsed reports whether it is time again for what was last done then. A clock
// that was set back since does not put it off for as long.
func Elapsed(last, now time.Time, every time.Duration) bool { return now.Sub(last).Abs() >= every }

const (
	// ClockJump is how far apart a clock and what has really passed may be from one
	// look to the next, and two readings of one clock anyway.
	ClockJump = 2 * time.Second
)

// Age is how long ago something was. What seems to be in the future was before
// the clock was set back: nobody knows how long before.
func Age(at, now time.Time) (old time.Duration, known bool) {
	old = now.Sub(at)
	return old, old > -ClockJump
}

// Waited reports whether a wait that began then is over. Where the clock was set back
// since, this is not known, and what is due decides: the store keeps it.
func Waited(began time.Time, wait time.Duration, now time.Time) bool {
	_, known := Age(began, now)
	return !known || !now.Before(began.Add(wait))
}

// A decision is for the moment in which it is made. What waited longer than the
// bounds here is not carried out: people are asked again. So a bot that was down
// for a month, or a database that comes from an old backup, begins with no revoke.

// LateTimeout is how long after its deadline a report that nobody decided may
// still be carried out by on_timeout: execute.
const LateTimeout = time.Hour

// TimeoutTooLate reports whether a report that nobody decided has waited too long after
// its deadline to be carried out by itself.
func TimeoutTooLate(r *Request, now time.Time) bool { return now.After(r.Deadline().Add(LateTimeout)) }

// LongestPause between two reminders keeps the sum of them a duration.
const LongestPause = 30 * 24 * time.Hour

// StoreWithin bounds what the clock asks of the store, so that a database that does not
// answer cannot stop it.
const StoreWithin = 5 * time.Second
