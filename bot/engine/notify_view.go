package engine

import (
	"context"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

func (b *Bot) cardLink(ctx context.Context, id string) string {
	places, err := b.store.Places(ctx, id)
	if err != nil {
		return ""
	}
	card := places[bot.CardKey]
	return b.cfg.Home.Link(card.Channel, card.TS)
}

// view is what messages need to know beside the request, which may be nil.
func (b *Bot) view(ctx context.Context, r *bot.Request, link string) message.View {
	names, known := b.cfg.Policy.Approvers, b.approvers.Latest()
	v := message.View{Now: b.now(), Approvers: known.Mentions(names, known.People), Emergency: b.cfg.Emergency, CardLink: link, Policy: &b.cfg.Policy, Patience: b.cfg.Timing.Patience}
	about := ""
	if r != nil {
		about = r.ID
		v.Deciders = slices.DeleteFunc(known.Mentions(names, known.Able(r, b.check)), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
		})
		v.Able = lookup.Direct(v.Deciders, known.Able(r, b.check))
		v.Readers, v.Guessed = known.Readers(r, names, b.check), known.Trouble != nil || known.At.IsZero()
	} else {
		v.Able = b.ableToFreeze(known)
	}
	// Where it cannot be read, nothing is said of a freeze.
	f, on, err := b.store.Frozen(ctx)
	if err != nil {
		b.log.Error("read whether a freeze is on", "request", about, "error", err)
	}
	if on {
		v.Freeze = &f
	}
	return v
}
