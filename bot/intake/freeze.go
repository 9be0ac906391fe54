package intake

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// freeze begins a freeze if the actor may: from then on no revoke starts.
func (h *brakes) freeze(ctx context.Context, a act, reason string) error {
	e := bot.Entry{Wanted: string(authz.Freeze)}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, nil)
	}
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	on, frozen, err := h.store.Frozen(ctx)
	if err != nil {
		return err
	}
	pulled, err := h.store.LastPulled(ctx, authz.Asker{SlackID: a.UserID, EntraID: who.Actor.EntraID})
	if err != nil {
		return err
	}
	now := h.now().UTC()
	d := authz.Check(authz.Question{Action: authz.Freeze, Actor: who.Actor, Policy: h.cfg.Policy, Brake: authz.Brake{
		Frozen: frozen, PulledLately: !pulled.IsZero() && now.Sub(pulled) < authz.Rest,
	}})
	f := bot.Freeze{
		By: authz.Asker{SlackID: a.UserID, EntraID: who.Actor.EntraID}, BeganAt: now,
		Until: now.Add(h.cfg.Policy.Freeze.Max), Reason: bot.Clean(reason, bot.MaxReason),
	}
	if d.Allowed {
		row := a.Row(e)
		row.Until = bot.StampText(f.Until)
		row.Action = bot.ActFrozen
		on, err = h.store.CommitFreeze(ctx, bot.FreezeChange{
			Freeze: f, Audit: []bot.Entry{row}, Settles: a.ID,
			Notice: message.FreezeAnnouncement(&f, h.view(ctx, a, nil, "")),
		})
		switch {
		case errors.Is(err, bot.ErrTaken): // somebody else froze first
			d = authz.Decision{Reason: authz.AlreadyFrozen}
			a.brake.read = false // what was read says otherwise
		case err != nil:
			return err
		}
	}
	if !d.Allowed {
		if d.Reason == authz.MembershipUnknown {
			return h.refuseUnsure(ctx, a, e, d.Reason, nil, who)
		}
		v := h.viewFor(ctx, a, nil)
		v.LastFreeze, v.Wanted = pulled, authz.Freeze
		return h.refuse(ctx, a, withReason(e, d.Reason), message.Refusal(d.Reason, nil, v))
	}
	h.log.Warn("every revoke is held back by a freeze", "freeze", on.ID, "arrival", a.ID, "user", a.UserID, "until", on.Until)
	h.answer(ctx, a, message.FrozenNow(&on))
	return nil
}

// unfreeze ends the freeze, or adds a vote to end it.
func (h *brakes) unfreeze(ctx context.Context, a act) error {
	e := bot.Entry{Wanted: string(authz.Unfreeze)}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, nil)
	}
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	// Only the rules in force decide who may unfreeze. A process with other rules may freeze.
	if others, err := h.run.HasOtherRules(ctx); others || err != nil {
		if err != nil {
			return err
		}
		return h.refuseFor(ctx, a, e, bot.OtherRules, nil)
	}
	for {
		on, frozen, err := h.store.Frozen(ctx)
		if err != nil {
			return err
		}
		brake := authz.Brake{Frozen: frozen}
		for _, vote := range on.Votes {
			voter, err := h.people.Again(ctx, vote.SlackID, vote.EntraID)
			if err != nil {
				return h.refuseLookup(ctx, a, e, err, nil)
			}
			brake.Votes = append(brake.Votes, voter.Actor)
		}
		if known := h.approvers.Fresh(ctx); known.Whole() && h.cfg.Policy.OnlyUsers() {
			brake.Approvers = known.Count(h.cfg.Check)
		}
		d := authz.Check(authz.Question{Action: authz.Unfreeze, Actor: who.Actor, Policy: h.cfg.Policy, Brake: brake})
		if !d.Allowed {
			e.Freeze = on.ID
			return h.refuseUnsure(ctx, a, e, d.Reason, nil, who)
		}
		if vote := (authz.Asker{SlackID: a.UserID, EntraID: who.Actor.EntraID}); !slices.Contains(on.Votes, vote) {
			on.Votes = append(slices.Clone(on.Votes), vote)
		}
		row := a.Row(e)
		row.Have, row.Need = d.Have, d.Need
		row.Action = bot.ActUnfreezeAsked
		on.Have, on.Need = d.Have, d.Need
		c := bot.FreezeChange{Freeze: on, Settles: a.ID}
		if d.Enough() {
			c.Freeze.EndedAt = h.now().UTC()
			row.Action = bot.ActUnfrozen
		}
		c.Audit, c.Notice = []bot.Entry{row}, message.FreezeAnnouncement(&c.Freeze, h.view(ctx, a, nil, ""))
		stored, err := h.store.CommitFreeze(ctx, c)
		if errors.Is(err, bot.ErrConflict) {
			continue // somebody voted or ended the freeze: start again
		}
		if err != nil {
			return err
		}
		h.log.Warn("unfreeze", "freeze", stored.ID, "arrival", a.ID, "user", a.UserID, "have", d.Have, "need", d.Need, "ended", d.Enough())
		h.answer(ctx, a, message.ThawAnswer(&stored, d))
		return nil
	}
}
