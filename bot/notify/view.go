package notify

import (
	"context"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// Places returns the places of a request's messages; none if they cannot be read.
func (tl *Teller) Places(ctx context.Context, id string) map[string]bot.Place {
	places, err := tl.store.Places(ctx, id)
	if err != nil {
		tl.log.Error("cannot read where the messages of a request are", "request", id, "error", err)
	}
	return places
}

// noteCard notes in v where the card is.
func (tl *Teller) noteCard(v *message.View, places map[string]bot.Place) {
	card := places[bot.CardKey]
	v.CardLink, v.CardChannel = tl.linkTo(card), card.Channel
}

// linkTo links to a message; empty if it is not posted.
func (tl *Teller) linkTo(p bot.Place) string { return tl.cfg.Home.Link(p.Channel, p.TS) }

// LeadOn notes in v where one reader of an answer finds the request: on its card if they
// can open it, and in their own direct message if they asked.
func (tl *Teller) LeadOn(ctx context.Context, v *message.View, r *bot.Request, places map[string]bot.Place, slackID string) {
	tl.noteCard(v, places)
	v.CanOpen = tl.canOpen(ctx, v, slackID)
	v.Asked = slices.Contains(r.AskedBy(), slackID)
	if own := places[bot.ReceiptKey(slackID)]; v.Asked && own.Channel != bot.Privately {
		v.OwnLink = tl.linkTo(own)
	}
}

// LeadToSources notes in v which messages led to the asks, as far as the reader can open them.
func (tl *Teller) LeadToSources(ctx context.Context, v *message.View, r *bot.Request, slackID string) {
	for asker, s := range r.Words.Sources {
		if s.Public {
			continue // known to every reader
		}
		can, err := tl.approvers.People.CanOpen(ctx, s.Channel, slackID)
		if err != nil {
			tl.log.Info("cannot read who is in a channel, so no link to a message is shown", "channel", s.Channel, "user", slackID, "error", err)
		}
		if can {
			v.Sources[asker] = tl.cfg.Home.SourceLink(s)
		}
	}
}

// canOpen reports whether a person is known to be able to open the card.
func (tl *Teller) canOpen(ctx context.Context, v *message.View, slackID string) bool {
	if v.CardLink == "" {
		return false
	}
	can, err := tl.approvers.People.CanOpen(ctx, v.CardChannel, slackID)
	if err != nil {
		tl.log.Warn("cannot read who is in a channel, so no link to a card is shown", "channel", v.CardChannel, "user", slackID, "error", err)
	}
	return can
}

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
func (tl *Teller) View(ctx context.Context, r *bot.Request) message.View {
	about := ""
	if r != nil {
		about = r.ID
	}
	return tl.ViewWhile(tl.Frozen(ctx, about), r)
}

// ViewWhile is View with a known freeze, or nil for none. It reads nothing.
func (tl *Teller) ViewWhile(freeze *bot.Freeze, r *bot.Request) message.View {
	names, known := tl.cfg.Policy.Approvers, tl.approvers.Latest()
	v := message.View{
		Now: tl.now(), Approvers: known.Mentions(names, known.People), Emergency: tl.cfg.Emergency,
		Policy: &tl.cfg.Policy, Patience: tl.cfg.Timing.Patience, Freeze: freeze, SlackSettings: tl.cfg.Home.AccountSettings(),
	}
	if r == nil {
		v.Able = tl.ableToFreeze(known)
		return v
	}
	v.Sources = map[string]string{}
	for asker, s := range r.Words.Sources {
		if s.Public {
			v.Sources[asker] = tl.cfg.Home.SourceLink(s)
		}
	}
	able := known.Able(r, tl.cfg.Check)
	v.Deciders = slices.DeleteFunc(known.Mentions(names, able), func(name string) bool {
		return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
	})
	v.Able = lookup.Direct(v.Deciders, able)
	v.Readers, v.Guessed = known.Readers(r, names, tl.cfg.Check), known.Trouble != nil || known.At.IsZero()
	return v
}
