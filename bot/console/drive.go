package console

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/work"
)

// claimAgain is the pause while a Bot on the same database works on the request.
const claimAgain = 200 * time.Millisecond

// drive takes a confirmed request on, waiting as it must, until it ends or would need more
// than about a minute. held means that the request is already claimed.
func (c *Console) drive(ctx context.Context, r bot.Request, held bool) (bot.Request, error) {
	unbroken := context.WithoutCancel(ctx)
	for {
		freeze, frozen, err := c.heldBack(unbroken, &r)
		now := c.cfg.Now()
		switch {
		case err != nil:
			return r, err
		case frozen:
			return c.stopFrozen(ctx, r, &freeze)
		case r.State == bot.Approved && ctx.Err() != nil && r.Stoppable():
			return c.stop(ctx, r, c.operator, bot.Interrupted)
		case r.State == bot.Approved && ctx.Err() != nil,
			r.State == bot.Unknown && (ctx.Err() != nil || r.Stuck(now)),
			r.State == bot.Revoked && r.Reads > 0,
			r.State != bot.Approved && r.State != bot.Executing && r.State != bot.Unknown && r.State != bot.Revoked:
			return r, nil
		}
		if wait := r.DueAt.Sub(now); wait > 0 && r.State != bot.Revoked {
			if r.State == bot.Approved {
				c.say(c.waitsFor(&r))
			} else {
				c.say("It is not known yet whether " + r.Name() + "'s sessions were revoked. Checking the account.")
			}
			if !c.idle(ctx, &r, wait) {
				continue
			}
		}
		if !held {
			var claimed bot.Request
			if claimed, held, err = c.store.Claim(unbroken, r.ID); err != nil {
				return r, err
			}
			if held {
				r = claimed
			}
		}
		if held {
			c.run.Advance(unbroken, r)
		} else {
			work.Sleep(unbroken, claimAgain)
		}
		held = false
		fresh, err := c.store.Request(unbroken, r.ID)
		if err != nil {
			return r, err
		}
		r = fresh
	}
}

// waitsFor says what an approved request waits for.
func (c *Console) waitsFor(r *bot.Request) string {
	if r.Unasked != "" {
		return "The account must be read again before the call, but " + r.Unasked + " does not answer."
	}
	return message.WaitingText(r)
}

// heldBack finds a freeze that ends a waiting request: the command line waits for none.
func (c *Console) heldBack(ctx context.Context, r *bot.Request) (f bot.Freeze, frozen bool, err error) {
	if !r.Stoppable() || r.PassesOver(authz.Frozen) {
		return bot.Freeze{}, false, nil
	}
	return c.store.Frozen(ctx)
}

// freezeAgain is the pause between two looks for a freeze.
const freezeAgain = time.Second

// idle waits for d and returns true, or returns false early if ctx ends or a freeze
// begins.
func (c *Console) idle(ctx context.Context, r *bot.Request, d time.Duration) bool {
	end := time.Now().Add(d)
	for left := d; left > 0; left = time.Until(end) {
		if !work.Sleep(ctx, min(left, freezeAgain)) {
			return false
		}
		if _, frozen, err := c.heldBack(ctx, r); frozen || err != nil {
			return false
		}
	}
	return true
}

// stopFrozen ends a waiting request because a freeze began.
func (c *Console) stopFrozen(ctx context.Context, r bot.Request, f *bot.Freeze) (bot.Request, error) {
	stopped, err := c.stop(ctx, r, bot.ConsoleActor, authz.Frozen)
	if err == nil && stopped.State == bot.Denied {
		return stopped, &RefusedError{authz.Frozen, message.TerminalFreeze(f) + overrideHint}
	}
	return stopped, err
}

// stop ends a waiting request with nothing done, and records who ended it and why.
func (c *Console) stop(ctx context.Context, r bot.Request, actor string, why authz.Reason) (bot.Request, error) {
	unbroken := context.WithoutCancel(ctx)
	stopped, err := c.run.StopAtConsole(unbroken, r, actor, bot.Verdict{SlackID: actor}, why)
	if errors.Is(err, bot.ErrConflict) {
		// A Bot has just gone on with it.
		if r, err = c.store.Request(unbroken, r.ID); err != nil {
			return r, err
		}
		return c.drive(ctx, r, false)
	}
	return stopped, err
}
