package engine

import (
	"context"
	"errors"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// statusLimit is how many open requests one answer lists.
const statusLimit = 15

// status answers what is open, or how one request stands. A request is shown
// to those who asked for it and to approvers; to everybody else it does not exist.
func (b *Bot) status(ctx context.Context, a bot.Arrival, id string) error {
	who, err := b.people.Who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, bot.Entry{Wanted: string(authz.See)}, err, nil)
	}
	// Who is no member, or nobody in particular, is told so instead of "nothing".
	if d := b.check(authz.Ask, who.Actor, authz.Matter{}); !d.Allowed {
		return b.refuse(ctx, a, withReason(bot.Entry{Wanted: string(authz.See)}, d.Reason), message.Refusal(d.Reason, nil, b.viewFor(ctx, a, nil)))
	}
	sees := func(r *bot.Request) authz.Decision {
		return b.check(authz.See, who.Actor, r.Matter())
	}
	if id != "" {
		r, err := b.store.Request(ctx, id)
		if err != nil && !errors.Is(err, bot.ErrNoRequest) {
			return err
		}
		d := sees(&r)
		if d.Reason == authz.MembershipUnknown { // whether there is such a request or not
			return b.refuseUnsure(ctx, a, bot.Entry{Wanted: string(authz.See), ActorEntraID: who.Actor.EntraID}, d.Reason, nil, who)
		}
		if err != nil || !d.Allowed {
			e := bot.Entry{Wanted: string(authz.See), Request: r.ID, ActorEntraID: who.Actor.EntraID, Reason: string(bot.UnknownRequest)}
			return b.refuse(ctx, a, e, message.Refusal(bot.UnknownRequest, nil, b.view(ctx, nil, "")))
		}
		return b.reply(ctx, a, message.Status(&r, b.statusView(ctx, &r)))
	}
	// Approvers see all that is open, everybody else what they asked for.
	mine := a.UserID
	if sees(&bot.Request{}).Allowed {
		mine = ""
	}
	open, err := b.store.Open(ctx, mine, statusLimit)
	if err != nil {
		return err
	}
	list := message.OpenList{Own: mine != "", Unsure: sees(&bot.Request{}).Reason == authz.MembershipUnknown, More: len(open) == statusLimit, Freeze: b.view(ctx, nil, "").Freeze}
	for _, r := range open {
		if r.State == "" || sees(&r).Allowed {
			list.All = append(list.All, message.OpenRequest{Request: &r, View: b.statusView(ctx, &r)})
		}
	}
	return b.reply(ctx, a, message.StatusOfAll(list))
}

// statusView is the view of whoever asks how a request stands: they read what is
// in the way of its card, too.
func (b *Bot) statusView(ctx context.Context, r *bot.Request) message.View {
	v := b.view(ctx, r, b.cardLink(ctx, r.ID))
	v.Shut = b.shutTo(r, v)
	return v
}
