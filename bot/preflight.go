package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
)

// preflightEvery is how often the bot looks whether a request could be decided
// at all; the first time is when it starts, and each request looks for itself.
const preflightEvery = 24 * time.Hour

// preflight finds out before the incident that nobody could approve, or that
// the approvers would read nothing, and says so in the log and in the channel.
func (b *Bot) preflight(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	b.approvers.refresh(ctx)
	c := b.cover(ctx)
	known := b.approvers.latest()
	if c.Channel != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", c.Channel.Says())
	}
	problems := shortfalls(&b.cfg.Policy, known.count(b.check))
	switch {
	case !known.whole:
		var remedy string
		if lookup, ok := errors.AsType[*LookupError](known.trouble); ok {
			remedy = lookup.Remedy
		}
		b.log.Warn("the approvers could not all be looked up, so it is not known whether enough of them could decide",
			"found", known.count(b.check), "error", known.trouble, "remedy", remedy)
		problems = nil
	case len(problems) == 0:
		b.log.Info("enough approvers could decide", "approvers", known.count(b.check))
	}
	for _, p := range problems {
		b.log.Error("too few approvers could decide", "for", p.what, "need", p.need, "able", known.count(b.check))
	}
	if len(problems) == 0 && c.Channel != ChannelShared {
		return
	}
	n := Notice{
		Key: fmt.Sprintf("coverage:%s", b.now().UTC().Format(time.DateOnly)), To: b.cfg.Channel,
		Message: CoverageNotice(problems, known.count(b.check), c.Channel, b.view(ctx, nil, "")),
	}
	e := Entry{Action: "coverage", Actor: "clock", Have: known.count(b.check), Code: string(c.Channel)}
	if len(problems) > 0 {
		e.Reason = string(TooFewApprovers)
	}
	if _, err := b.store.Announce(ctx, n, e); err != nil {
		b.log.Error("store what is to be announced", "error", err)
	}
}

// shortfall is a kind of request that too few approvers could decide.
type shortfall struct {
	what string
	need int
}

func shortfalls(p *authz.Policy, able int) []shortfall {
	all := []shortfall{{"a report of one's own device", p.Self.Approvals}, {"a request about somebody else", p.ThirdParty.Approvals}}
	for i, x := range p.Protected {
		if !x.Block {
			all = append(all, shortfall{fmt.Sprintf("a target of rule %d under protected", i+1), x.Approvals})
		}
	}
	return slices.DeleteFunc(all, func(s shortfall) bool { return able >= s.need })
}
