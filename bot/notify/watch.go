package notify

import (
	"context"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// WatchEvery is how often the bot looks at the approvers' channel while requests
// are open: the app subscribes to no event that would tell. conversations.info
// takes 50 calls a minute.
// https://docs.slack.dev/reference/methods/conversations.info
const WatchEvery = time.Minute

// Watch finds out that the approvers' channel was archived, or the bot removed
// from it, while cards wait there for a decision: nobody would press anything, and
// without an edit nobody would notice. What is open is then told again, by direct
// message where it must be, and once more when the channel is open.
func (tl *Teller) Watch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, bot.StoreWithin)
	defer cancel()
	open, err := tl.store.Open(ctx, "", 1)
	if err != nil {
		if ctx.Err() == nil {
			tl.log.Error("look whether requests are open", "error", err)
		}
		return
	}
	if len(open) == 0 {
		tl.seenShut.Store(nil) // and nobody looks until something is
		return
	}
	problem, err := tl.slack.ChannelProblem(ctx, tl.cfg.Channel)
	if err != nil {
		tl.log.Warn("look at the approvers' channel", "channel", tl.cfg.Channel, "error", err)
		return
	}
	tl.channel.Remember(tl.cfg.Channel, problem)
	if problem == bot.ChannelShared { // can be read, by too many
		problem = ""
	}
	last := tl.seenShut.Swap(&problem)
	if known := tl.approvers.Latest(); !known.At.IsZero() && known.Trouble == nil {
		tl.Redraw(ctx, known)
	}
	if last == nil && problem == "" || last != nil && *last == problem {
		return
	}
	if problem != "" {
		tl.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", tl.cfg.Channel, "problem", message.ChannelSays(problem))
	} else {
		tl.log.Info("the approvers' channel is open again", "channel", tl.cfg.Channel)
	}
	tl.Retell(ctx)
}

// watched is what the last look at the approvers' channel found in the way of
// posting there; empty for nothing.
func (tl *Teller) watched() bot.ChannelProblem {
	if p := tl.seenShut.Load(); p != nil {
		return *p
	}
	return ""
}

// Cover draws up the roster and looks at the channel. Neither is authority and
// neither keeps anybody from asking.
func (tl *Teller) Cover(ctx context.Context) (c bot.Coverage) {
	ctx, cancel := context.WithTimeout(ctx, lookup.RosterWait)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		known := tl.approvers.Fresh(ctx)
		unable, _ := lookup.UnableTo(known.Troubles)
		c.Known, c.Blind = known.Whole(), unable != ""
	})
	both.Go(func() {
		problem, _, err := tl.channel.Get(ctx, tl.cfg.Channel)
		if err != nil {
			tl.log.Warn("look at the approvers' channel", "channel", tl.cfg.Channel, "error", err)
		}
		c.Channel = problem
	})
	both.Wait()
	return c
}
