package engine

import (
	"context"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// watchEvery is how often the bot looks at the approvers' channel while requests
// are open: the app subscribes to no event that would tell. conversations.info
// takes 50 calls a minute.
// https://docs.slack.dev/reference/methods/conversations.info
const watchEvery = time.Minute

// watch finds out that the approvers' channel was archived, or the bot removed
// from it, while cards wait there for a decision: nobody would press anything, and
// without an edit nobody would notice. What is open is then told again, by direct
// message where it must be, and once more when the channel is open.
func (b *Bot) watch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	open, err := b.store.Open(ctx, "", 1)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Error("look whether requests are open", "error", err)
		}
		return
	}
	if len(open) == 0 {
		b.seenShut.Store(nil) // and nobody looks until something is
		return
	}
	problem, err := b.slack.ChannelProblem(ctx, b.cfg.Channel)
	if err != nil {
		b.log.Warn("look at the approvers' channel", "channel", b.cfg.Channel, "error", err)
		return
	}
	b.channel.Remember(b.cfg.Channel, problem)
	if problem == bot.ChannelShared { // can be read, by too many
		problem = ""
	}
	last := b.seenShut.Swap(&problem)
	if known := b.approvers.Latest(); !known.At.IsZero() && known.Trouble == nil {
		b.redraw(ctx, known)
	}
	if last == nil && problem == "" || last != nil && *last == problem {
		return
	}
	if problem != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", message.ChannelSays(problem))
	} else {
		b.log.Info("the approvers' channel is open again", "channel", b.cfg.Channel)
	}
	b.retell(ctx)
}

// watched is what the last look at the approvers' channel found in the way of
// posting there; empty for nothing.
func (b *Bot) watched() bot.ChannelProblem {
	if p := b.seenShut.Load(); p != nil {
		return *p
	}
	return ""
}
