package notify

import (
	"context"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// WatchEvery is how often the bot looks at the approvers' channel while requests are
// open, because the app subscribes to no event about it. conversations.info allows 50
// calls a minute.
// https://docs.slack.dev/reference/methods/conversations.info
const WatchEvery = time.Minute

// Watch finds out that the approvers' channel was archived, or the bot removed from it,
// while cards wait there for a decision. Nobody could press a button, and the bot would
// notice only at its next edit. Open requests are then told again, by direct message if
// necessary, and once more when the channel is open again.
func (tl *Teller) Watch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, bot.StoreWithin)
	defer cancel()
	open, err := tl.store.Open(ctx, "", 1)
	if err != nil {
		if ctx.Err() == nil {
			tl.log.Error("cannot read whether requests are open", "error", err)
		}
		return
	}
	if len(open) == 0 {
		tl.seenShut.Store(nil) // not known while no request is open
		return
	}
	problem, err := tl.slack.ChannelProblem(ctx, tl.cfg.Channel)
	if err != nil {
		tl.log.Warn("cannot read the approvers' channel", "channel", tl.cfg.Channel, "error", err)
		return
	}
	tl.channel.Remember(tl.cfg.Channel, problem)
	if problem == bot.ChannelShared { // the bot can post there, but too many people can read it
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

// watched returns the problem that the last Watch found in posting to the approvers'
// channel; empty for none.
func (tl *Teller) watched() bot.ChannelProblem {
	if p := tl.seenShut.Load(); p != nil {
		return *p
	}
	return ""
}

// Cover reads the roster and looks at the channel. Neither result authorizes anybody or
// stops anybody from asking.
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
			tl.log.Warn("cannot read the approvers' channel", "channel", tl.cfg.Channel, "error", err)
		}
		c.Channel = problem
	})
	both.Wait()
	return c
}
