package bot

import (
	"context"
	"sync"
)

// Coverage is whether a request can be decided at all, as known when it was
// made.
type Coverage struct {
	// Known is false where the approvers could not all be looked up.
	Known bool `json:"known"`
	// Blind: who the approvers are cannot be read, and will not until the bot's
	// set-up is mended.
	Blind bool `json:"blind,omitempty"`
	// Able counts the approvers who may decide: neither the target nor a
	// requester who may not.
	Able int `json:"able"`
	// Channel is what is wrong with the approvers' channel, or empty.
	Channel ChannelProblem `json:"channel,omitempty"`
}

// cover draws up the roster and looks at the channel. Neither is authority and
// neither keeps anybody from asking.
func (b *Bot) cover(ctx context.Context) (c Coverage) {
	ctx, cancel := context.WithTimeout(ctx, rosterWait)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		known := b.approvers.fresh(ctx)
		unable, _ := unableTo(known.troubles)
		c.Known, c.Blind = known.whole(), unable != ""
	})
	both.Go(func() {
		problem, _, err := b.channel.get(ctx, b.cfg.Channel)
		if err != nil {
			b.log.Warn("look at the approvers' channel", "channel", b.cfg.Channel, "error", err)
		}
		c.Channel = problem
	})
	both.Wait()
	return c
}

// count counts those who are able to decide.
func (c *Coverage) count(able []approver) { c.Able = headcount(able) }

// short reports that not enough approvers are known who could decide.
func (r *Request) short() bool {
	return r.Coverage.Known && r.Need > 0 && r.Coverage.Able < r.Need
}
