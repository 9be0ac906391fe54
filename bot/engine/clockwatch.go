package engine

import (
	"context"
	"sync/atomic"
	"time"

	"revoke-sessions/bot"
)

// clockApart is how far this machine's clock and the database's may differ.
const clockApart = 5 * time.Second

// clockWatch reports that the clock which all waits use was set. The store adjusts the
// waits when the clock is set back.
type clockWatch struct {
	// steady is the time passed on a clock that nobody sets; nil turns the watch off.
	steady func() time.Duration
	// at and passed are the readings of the clock and of steady at the last look.
	at     time.Time
	passed time.Duration
	far    bool // the log was told that the clocks differ

	jumps atomic.Int64
	apart atomic.Int64 // nanoseconds
}

// ClockJumps is how often the clock was found to be set.
func (b *Bot) ClockJumps() int64 { return b.clock.jumps.Load() }

// ClockApart is how far the database's clock is ahead of this machine's.
func (b *Bot) ClockApart() time.Duration { return time.Duration(b.clock.apart.Load()) }

// watchClock checks whether the clock was set forward, and how far it is from this
// machine's own.
func (b *Bot) watchClock() {
	c := &b.clock
	if c.steady == nil {
		return
	}
	now, passed := b.now().Round(0), c.steady()
	if !c.at.IsZero() {
		if by := now.Sub(c.at) - (passed - c.passed); by > bot.ClockJump {
			c.jumps.Add(1)
			b.log.Error("the clock was set forward, or the machine slept: what waits may come to its end too early. Look at the machine's time",
				"by", by.Round(time.Second).String())
		}
	}
	c.at, c.passed = now, passed
	apart := now.Sub(time.Now().Round(0))
	c.apart.Store(int64(apart))
	if far := apart.Abs() > clockApart; far != c.far {
		if c.far = far; far {
			b.log.Error("the database's clock and this machine's are apart; waits go by the database's. Have both set by NTP",
				"by", apart.Round(time.Second).String())
		} else {
			b.log.Info("the database's clock and this machine's agree again")
		}
	}
}

// clockSetBack reports in the log, the metrics and the audit chain that the clock was
// set back.
func (b *Bot) clockSetBack(ctx context.Context, by time.Duration) {
	b.clock.jumps.Add(1)
	b.log.Error("the clock was set back: what waits goes by the new time, and no wait is longer than it was. Look at the machine's time",
		"by", by.Round(time.Second).String())
	if err := b.store.Record(ctx, 0, bot.Entry{Action: bot.ActClockSetBack, Actor: bot.ClockActor,
		SetBack: by.Round(time.Second).String()}); err != nil {
		b.log.Error("cannot record that the clock was set back", "error", err)
	}
}
