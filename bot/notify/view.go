package notify

import (
	"context"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

func (tl *Teller) CardLink(ctx context.Context, id string) string {
	places, err := tl.store.Places(ctx, id)
	if err != nil {
		return ""
	}
	card := places[bot.CardKey]
	return tl.cfg.Home.Link(card.Channel, card.TS)
}

// View is what messages need to know beside the request, which may be nil.
func (tl *Teller) View(ctx context.Context, r *bot.Request, link string) message.View {
	names, known := tl.cfg.Policy.Approvers, tl.approvers.Latest()
	v := message.View{Now: tl.now(), Approvers: known.Mentions(names, known.People), Emergency: tl.cfg.Emergency, CardLink: link, Policy: &tl.cfg.Policy, Patience: tl.cfg.Timing.Patience}
	about := ""
	if r != nil {
		about = r.ID
		v.Deciders = slices.DeleteFunc(known.Mentions(names, known.Able(r, tl.cfg.Check)), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
		})
		v.Able = lookup.Direct(v.Deciders, known.Able(r, tl.cfg.Check))
		v.Readers, v.Guessed = known.Readers(r, names, tl.cfg.Check), known.Trouble != nil || known.At.IsZero()
	} else {
		v.Able = tl.ableToFreeze(known)
	}
	// Where it cannot be read, nothing is said of a freeze.
	f, on, err := tl.store.Frozen(ctx)
	if err != nil {
		tl.log.Error("read whether a freeze is on", "request", about, "error", err)
	}
	if on {
		v.Freeze = &f
	}
	return v
}
