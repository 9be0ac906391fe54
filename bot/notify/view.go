package notify

import (
	"context"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// CardLink links to a request's card; empty if none is posted, or if that cannot be read.
func (tl *Teller) CardLink(ctx context.Context, id string) string {
	places, err := tl.store.Places(ctx, id)
	if err != nil {
		return ""
	}
	return tl.LinkTo(places[bot.CardKey])
}

// LinkTo links to a message; empty if it is not posted.
func (tl *Teller) LinkTo(p bot.Place) string { return tl.cfg.Home.Link(p.Channel, p.TS) }

// Frozen returns the active freeze for a message to mention. It is nil if there is none,
// or if that cannot be read.
func (tl *Teller) Frozen(ctx context.Context, about string) *bot.Freeze {
	f, on, err := tl.store.Frozen(ctx)
	if err != nil {
		tl.log.Error("cannot read whether a freeze is on", "request", about, "error", err)
	}
	if !on {
		return nil
	}
	return &f
}

// View returns what messages need to know apart from the request, which may be nil. It
// reads whether a freeze is active.
func (tl *Teller) View(ctx context.Context, r *bot.Request, link string) message.View {
	about := ""
	if r != nil {
		about = r.ID
	}
	return tl.ViewWhile(tl.Frozen(ctx, about), r, link)
}

// ViewWhile is View with a known freeze, or nil for none. It reads nothing.
func (tl *Teller) ViewWhile(freeze *bot.Freeze, r *bot.Request, link string) message.View {
	names, known := tl.cfg.Policy.Approvers, tl.approvers.Latest()
	v := message.View{
		Now: tl.now(), Approvers: known.Mentions(names, known.People), Emergency: tl.cfg.Emergency, CardLink: link,
		Policy: &tl.cfg.Policy, Patience: tl.cfg.Timing.Patience, Freeze: freeze, SlackSettings: tl.cfg.Home.AccountSettings(),
	}
	if r == nil {
		v.Able = tl.ableToFreeze(known)
		return v
	}
	able := known.Able(r, tl.cfg.Check)
	v.Deciders = slices.DeleteFunc(known.Mentions(names, able), func(name string) bool {
		return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
	})
	v.Able = lookup.Direct(v.Deciders, able)
	v.Readers, v.Guessed = known.Readers(r, names, tl.cfg.Check), known.Trouble != nil || known.At.IsZero()
	return v
}
