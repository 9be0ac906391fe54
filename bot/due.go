package bot

import (
	"time"
)

// Timing holds every duration that a person may notice. Tests shorten it.
type Timing struct {
	Tick    time.Duration // of the clock that picks up what is due
	Attempt time.Duration // one call to Graph; shorter than ClaimFor
	// SecondPost is the pause after a POST of unknown effect before the second one.
	SecondPost time.Duration
	// Settle are the pauses between reads while the outcome is unknown; the last one
	// repeats. Verify are the pauses after Microsoft's yes.
	Settle, Verify []time.Duration
	// Recheck are the pauses before later reads of a revoke that was not visible at
	// first.
	Recheck []time.Duration
	// Patience is how long an approved request waits for Microsoft in total.
	Patience time.Duration
	// Heartbeat is how often Slack is asked whether it still accepts the bot; Microsoft
	// is asked half as often. 0 for never.
	Heartbeat time.Duration
	// AskEvery is the pause between asks of one person after a few asks in a row. 0
	// turns off the count of look-ups for asks.
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

// Elapsed reports whether last and now are at least every apart. A clock that was set
// back puts now before last; the next run does not wait for it to catch up.
func Elapsed(last, now time.Time, every time.Duration) bool { return now.Sub(last).Abs() >= every }

// ClockJump is how far apart two readings of a clock may be by mistake, and how far
// a clock may drift from the time that really passed between two looks.
const ClockJump = 2 * time.Second

// Age is how long ago at was. A time in the future is from before the clock was set
// back; then the age is not known.
func Age(at, now time.Time) (old time.Duration, known bool) {
	old = now.Sub(at)
	return old, old > -ClockJump
}

// Waited reports whether a wait that began then is over. If the clock was set back
// since, that is not known; Waited then says yes and leaves the wait to the due time,
// which the store keeps right.
func Waited(began time.Time, wait time.Duration, now time.Time) bool {
	_, known := Age(began, now)
	return !known || !now.Before(began.Add(wait))
}

// A decision is valid only for a while. What has waited longer than the bounds here is
// not carried out: people are asked again. So a bot that was down for a month, or runs
// on an old backup, does not start with a revoke.

// LateTimeout is how long after its deadline a report that nobody decided may
// still be carried out by on_timeout: execute.
const LateTimeout = time.Hour

// TimeoutTooLate reports whether LateTimeout has passed since the deadline.
func TimeoutTooLate(r *Request, now time.Time) bool { return now.After(r.Deadline().Add(LateTimeout)) }

// longestPause limits the pause between two reminders, so that their sum fits a
// Duration.
const longestPause = 30 * 24 * time.Hour

// StoreWithin limits each question of the clock to the store, so that a database that
// does not answer cannot stop the clock.
const StoreWithin = 5 * time.Second
