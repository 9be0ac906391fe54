package intake

import (
	"context"
	"errors"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// statusLimit is the most open requests that one answer lists.
const statusLimit = 15

// status lists the open requests, or shows one.
func (h *Handler) status(ctx context.Context, a act, id string) error {
	who, seen, err := h.reader(ctx, a)
	if !seen {
		return err
	}
	if id == "" {
		return h.statusOfAll(ctx, a, who)
	}
	r, seen, err := h.visible(ctx, a, who, id)
	if !seen {
		return err
	}
	return h.reply(ctx, a, message.Status(&r, h.statusView(ctx, a, &r, h.teller.Places(ctx, r.ID))))
}

// reader looks up somebody who wants to read. Somebody who may never ask reads why,
// instead of an empty list: then seen is false.
func (h *Handler) reader(ctx context.Context, a act) (who lookup.Person, seen bool, err error) {
	e := bot.Entry{Wanted: string(authz.See)}
	if who, err = h.people.Who(ctx, a.UserID); err != nil {
		return who, false, h.refuseLookup(ctx, a, e, err, nil)
	}
	if d := h.cfg.Check(authz.Ask, who.Actor, authz.Matter{}); !d.Allowed {
		return who, false, h.refuseFor(ctx, a, e, d.Reason, nil)
	}
	return who, true, nil
}

// visible reads a request for a reader. Only its askers and approvers see a request; for
// everybody else it does not exist, and seen is false.
func (h *Handler) visible(ctx context.Context, a act, who lookup.Person, id string) (r bot.Request, seen bool, err error) {
	r, err = h.store.Request(ctx, id)
	if err != nil && !errors.Is(err, bot.ErrNoRequest) {
		return r, false, err
	}
	e := bot.Entry{Wanted: string(authz.See), ActorEntraID: who.Actor.EntraID}
	d := h.cfg.Check(authz.See, who.Actor, r.Matter())
	if d.Reason == authz.MembershipUnknown { // even if the request does not exist
		return r, false, h.refuseUnsure(ctx, a, e, d.Reason, nil, who)
	}
	if err != nil || !d.Allowed {
		e.Request, e.Reason = r.ID, string(bot.UnknownRequest)
		v := h.view(ctx, a, nil)
		v.Wanted = authz.See
		return r, false, h.refuse(ctx, a, e, message.Refusal(bot.UnknownRequest, nil, v))
	}
	return r, true, nil
}

// statusOfAll lists all open requests to approvers, and to everybody else their own. The
// number of store reads does not depend on the number of requests.
func (h *Handler) statusOfAll(ctx context.Context, a act, who lookup.Person) error {
	seesAll := h.cfg.Check(authz.See, who.Actor, (&bot.Request{}).Matter())
	onlyOf := a.UserID
	if seesAll.Allowed {
		onlyOf = ""
	}
	open, err := h.store.Open(ctx, onlyOf, statusLimit)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range open {
		ids = append(ids, r.ID)
	}
	cards, err := h.store.Cards(ctx, ids, a.UserID)
	if err != nil {
		h.log.Error("cannot read where the cards of a list are", "arrival", a.ID, "error", err) // it has no links then
	}
	list := message.OpenList{Own: onlyOf != "", Unsure: seesAll.Reason == authz.MembershipUnknown, More: len(open) == statusLimit}
	for _, r := range open {
		if r.State == "" || h.cfg.Check(authz.See, who.Actor, r.Matter()).Allowed {
			list.All = append(list.All, message.OpenRequest{Request: &r, View: h.statusView(ctx, a, &r, cards[r.ID])})
		}
	}
	list.Freeze = h.view(ctx, a, nil).Freeze
	return h.reply(ctx, a, message.StatusOfAll(list))
}

// statusView returns the view for a status answer, which also says why the card could not
// be posted.
func (h *desk) statusView(ctx context.Context, a act, r *bot.Request, places map[string]bot.Place) message.View {
	v := h.view(ctx, a, r)
	if r.State != "" {
		h.teller.LeadOn(ctx, &v, r, places, a.UserID)
	}
	v.Shut = h.teller.ShutTo(r, v)
	return v
}
