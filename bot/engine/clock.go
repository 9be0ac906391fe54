package engine

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/notify"
	"revoke-sessions/bot/work"
)

// dueLimit is how many rows of each kind one tick takes.
const dueLimit = 64

const (
	// beatEvery is how often a process reports that it lives.
	beatEvery = 5 * time.Second

	// forgetEvery is how often the bot erases secrets that are no longer used.
	forgetEvery = time.Minute
)

// Run is the clock: each tick it claims what is due and advances it. After ctx has
// ended it begins nothing new, and returns when running work is done or given up.
func (b *Bot) Run(ctx context.Context) {
	tick := time.NewTicker(b.cfg.Timing.Tick)
	defer tick.Stop()
	var forgot, beat, watched time.Time
	for {
		now := b.now()
		if bot.Elapsed(beat, now, beatEvery) {
			beat = now
			b.beat(ctx, now)
		}
		if ctx.Err() == nil { // else a beat cut off by the stop would look like a failure
			b.heartbeats(now)
		}
		b.watchClock()
		b.pickUp(ctx)
		if now := b.now(); bot.Elapsed(time.Unix(0, b.lastPreflight.Load()), now, preflightEvery) {
			b.lastPreflight.Store(now.UnixNano())
			b.pool.Spawn(b.preflight)
		}
		if now := b.now(); bot.Elapsed(forgot, now, forgetEvery) {
			forgot = now
			b.pool.Spawn(b.forget)
		}
		if now := b.now(); bot.Elapsed(watched, now, notify.WatchEvery) {
			watched = now
			b.pool.Spawn(b.teller.Watch)
		}
		b.tick()
		select {
		case <-tick.C:
		case <-b.pool.Wake():
		case <-ctx.Done():
			b.pool.Stop()
			return
		}
	}
}

// beat reports that this process lives, and learns how many do.
func (b *Bot) beat(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, bot.StoreWithin)
	defer cancel()
	live, err := b.store.Beat(ctx)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Error("say that this process lives", "error", err)
		}
		return
	}
	b.health.database.works(now)
	if before := b.replicas.Swap(int64(live)); before != 0 && before != int64(live) {
		b.pool.Spawn(b.teller.Retell) // a process that is gone may have told people something by other rules
	}
	if _, err := b.run.HasOtherRules(ctx); err != nil && ctx.Err() == nil {
		b.log.Error("cannot read which rules are in force", "error", err)
	}
}

// Replicas is how many processes work on the store, this one included.
func (b *Bot) Replicas() int { return max(1, int(b.replicas.Load())) }

func (b *Bot) forget(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	if err := b.store.Forget(ctx, b.cfg.Policy.Retention); err != nil && ctx.Err() == nil {
		b.log.Error("cannot erase used secrets", "error", err)
	}
}

func (b *Bot) pickUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, bot.StoreWithin)
	defer cancel()
	defer b.pool.Drain()
	if err := b.thaw(ctx); err != nil && ctx.Err() == nil {
		b.log.Error("cannot end a freeze whose time is over", "error", err)
	}
	b.pool.HandBack(ctx)
	if b.run.OtherRulesInForce() {
		// A process with the rules in force looks every second, and so is first.
		if now := b.now(); !bot.Elapsed(b.looked, now, lifecycle.OtherRulesPause) {
			return
		}
	}
	b.looked = b.now()
	free := b.pool.Free()
	if free == 0 || ctx.Err() != nil {
		return
	}
	due, err := b.store.Due(ctx, min(free, dueLimit))
	if err != nil {
		if ctx.Err() == nil {
			b.log.Error("find what is due", "error", err)
		}
		return
	}
	if due.SetBack > 0 {
		b.run.ForgetChecks()
		b.clockSetBack(ctx, due.SetBack)
	}
	for _, broken := range due.Broken {
		b.unreadable(broken)
	}
	for _, a := range due.Arrivals {
		b.pool.Resume(b.handling(a))
	}
	for _, r := range due.Drive {
		b.pool.Resume(work.Piece{Do: func(ctx context.Context) { b.run.Advance(ctx, r) }})
	}
	for _, id := range due.Tell {
		b.pool.Offer(b.homes.after(func(ctx context.Context) { b.teller.Tell(ctx, id) }))
	}
	for _, n := range due.Notices {
		b.pool.Resume(work.Piece{Do: b.homes.after(func(ctx context.Context) { b.teller.Announce(ctx, n) })})
	}
	if len(due.Tell)+len(due.Notices) == 0 {
		b.homes.pickUp(ctx)
	}
}

// SinceTick is the time since the clock last finished a round, or since New before the
// first round. It grows while a round hangs.
func (b *Bot) SinceTick() time.Duration { return time.Since(*b.ticked.Load()) }

// tick notes that the clock has finished a round, in monotonic time, which nobody sets
// back.
func (b *Bot) tick() {
	now := time.Now()
	b.ticked.Store(&now)
}

// thaw ends a freeze whose time is over.
func (b *Bot) thaw(ctx context.Context) error {
	on, frozen, err := b.store.Frozen(ctx)
	if err != nil || !frozen || b.now().Before(on.Until) {
		return err
	}
	on.EndedAt = b.now().UTC()
	_, err = b.store.CommitFreeze(ctx, bot.FreezeChange{
		Freeze: on, Audit: []bot.Entry{{Action: bot.ActUnfrozen, Actor: bot.ClockActor}},
		Notice: message.FreezeAnnouncement(&on, b.teller.View(ctx, nil)),
	})
	if errors.Is(err, bot.ErrConflict) {
		return nil // somebody else ended it, or voted; the next tick looks again
	}
	return err
}
