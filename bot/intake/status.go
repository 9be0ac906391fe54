package intake

import (
	"context"
	"errors"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// statusLimit is how many open requests one answer lists.
const statusLimit = 15

// status answers what is open, or how one request stands. A request is shown
// to those who asked for it and to approvers; to everybody else it does not exist.
func (h *Handler) status(ctx context.Context, a act, id string) error {
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, bot.Entry{Wanted: string(authz.See)}, err, nil)
	}
	// Who is no member, or nobody in particular, is told so instead of "nothing".
	if d := h.cfg.Check(authz.Ask, who.Actor, authz.Matter{}); !d.Allowed {
		return h.refuse(ctx, a, withReason(bot.Entry{Wanted: string(authz.See)}, d.Reason),
			message.Refusal(d.Reason, nil, h.viewFor(ctx, a, nil)))
	}
	sees := func(r *bot.Request) authz.Decision {
		return h.cfg.Check(authz.See, who.Actor, r.Matter())
	}
	if id != "" {
		r, err := h.store.Request(ctx, id)
		if err != nil && !errors.Is(err, bot.ErrNoRequest) {
			return err
		}
		d := sees(&r)
		if d.Reason == authz.MembershipUnknown { // whether there is such a request or not
			return h.refuseUnsure(ctx, a, bot.Entry{Wanted: string(authz.See), ActorEntraID: who.Actor.EntraID}, d.Reason, nil, who)
		}
		if err != nil || !d.Allowed {
			e := bot.Entry{Wanted: string(authz.See), Request: r.ID, ActorEntraID: who.Actor.EntraID, Reason: string(bot.UnknownRequest)}
			return h.refuse(ctx, a, e, message.Refusal(bot.UnknownRequest, nil, h.view(ctx, a, nil, "")))
		}
		return h.reply(ctx, a, message.Status(&r, h.statusView(ctx, a, &r, h.teller.CardLink(ctx, r.ID))))
	}
	return h.statusOfAll(ctx, a, who)
}

// statusOfAll lists what is open: all of it to approvers, and to everybody else what
// they asked for. It reads as often for one request as for many.
func (h *Handler) statusOfAll(ctx context.Context, a act, who lookup.Person) error {
	any := h.cfg.Check(authz.See, who.Actor, (&bot.Request{}).Matter())
	mine := a.UserID
	if any.Allowed {
		mine = ""
	}
	open, err := h.store.Open(ctx, mine, statusLimit)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range open {
		ids = append(ids, r.ID)
	}
	cards, err := h.store.Cards(ctx, ids)
	if err != nil {
		return err
	}
	list := message.OpenList{Own: mine != "", Unsure: any.Reason == authz.MembershipUnknown, More: len(open) == statusLimit}
	for _, r := range open {
		if r.State == "" || h.cfg.Check(authz.See, who.Actor, r.Matter()).Allowed {
			list.All = append(list.All, message.OpenRequest{Request: &r, View: h.statusView(ctx, a, &r, h.teller.LinkTo(cards[r.ID]))})
		}
	}
	list.Freeze = h.view(ctx, a, nil, "").Freeze
	return h.reply(ctx, a, message.StatusOfAll(list))
}

// statusView is the view of whoever asks how a request stands: they read what is
// in the way of its card, too.
func (h *desk) statusView(ctx context.Context, a act, r *bot.Request, link string) message.View {
	v := h.view(ctx, a, r, link)
	v.Shut = h.teller.ShutTo(r, v)
	return v
}
