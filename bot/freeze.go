package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
)

// Freeze is the brake that an approver pulled: while it is on, no revoke is
// begun. It ends at Until, or when enough people have asked for it.
type Freeze struct {
	// ID is the store's; 0 until stored. Version grows with each change.
	ID      int64 `json:"-"`
	Version int64 `json:"-"`
	// By pulled it.
	By      authz.Asker `json:"by"`
	BeganAt time.Time   `json:"began_at"`
	Until   time.Time   `json:"until"`
	// Votes are those who have asked to end it.
	Votes []authz.Asker `json:"votes,omitempty"`
	// Have and Need count the votes that counted when the last one came.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// EndedAt is zero while it is on.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Reason is what was typed; it is kept apart so that it can be erased.
	Reason string `json:"-"`
}

// FreezeChange is what one transaction writes about a freeze.
type FreezeChange struct {
	// Freeze is stored if its Version is still the stored one; ID 0 begins it.
	Freeze Freeze
	// Audit rows get the freeze's number.
	Audit []Entry
	// Settles is the ID of the arrival that asked for it; 0 for none.
	Settles int64
	// Notice tells of it and is due again; its Key gets the freeze's number, and it
	// shows the freeze as it is when it is posted. Nil for none.
	Notice *Notice
}

// freeze pulls the brake for whoever may: from now on no revoke is begun.
func (b *Bot) freeze(ctx context.Context, a Arrival, reason string) error {
	e := Entry{Wanted: string(authz.Freeze)}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, nil)
	}
	e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
	on, frozen, err := b.store.Frozen(ctx)
	if err != nil {
		return err
	}
	pulled, err := b.store.LastPulled(ctx, authz.Asker{SlackID: a.UserID, EntraID: who.actor.EntraID})
	if err != nil {
		return err
	}
	now := b.now().UTC()
	d := authz.Check(authz.Question{Action: authz.Freeze, Actor: who.actor, Policy: b.cfg.Policy, Brake: authz.Brake{
		Frozen: frozen, PulledLately: !pulled.IsZero() && now.Sub(pulled) < authz.Rest,
	}})
	f := Freeze{
		By: authz.Asker{SlackID: a.UserID, EntraID: who.actor.EntraID}, BeganAt: now,
		Until: now.Add(b.cfg.Policy.Freeze.Max), Reason: Clean(reason, maxReason),
	}
	if d.Allowed {
		row := a.row(e)
		row.Until = stampText(f.Until)
		row.Action = "frozen"
		on, err = b.store.CommitFreeze(ctx, FreezeChange{
			Freeze: f, Audit: []Entry{row}, Settles: a.ID,
			Notice: f.notice(b.view(ctx, nil, "")),
		})
		switch {
		case errors.Is(err, ErrTaken): // somebody else pulled it in this moment
			d = authz.Decision{Reason: authz.AlreadyFrozen}
		case err != nil:
			return err
		}
	}
	if !d.Allowed {
		if d.Reason == authz.MembershipUnknown {
			return b.refuseUnsure(ctx, a, e, d.Reason, nil, who)
		}
		v := b.viewFor(ctx, a, nil)
		v.LastFreeze = pulled
		return b.refuse(ctx, a, withReason(e, d.Reason), Refusal(d.Reason, nil, v))
	}
	b.log.Warn("every revoke is held back by a freeze", "freeze", on.ID, "arrival", a.ID, "user", a.UserID, "until", on.Until)
	b.answer(ctx, a, FrozenNow(&on))
	return nil
}

// unfreeze ends the freeze, or adds a vote to end it.
func (b *Bot) unfreeze(ctx context.Context, a Arrival) error {
	e := Entry{Wanted: string(authz.Unfreeze)}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, nil)
	}
	e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
	// Who may let go of the brake, the rules in force say; anybody's may pull it.
	if others, err := b.hasOtherRules(ctx); others || err != nil {
		if err != nil {
			return err
		}
		return b.refuseFor(ctx, a, e, OtherRules, nil)
	}
	for {
		on, frozen, err := b.store.Frozen(ctx)
		if err != nil {
			return err
		}
		brake := authz.Brake{Frozen: frozen}
		for _, vote := range on.Votes {
			voter, err := b.people.again(ctx, vote.SlackID, vote.EntraID)
			if err != nil {
				return b.refuseLookup(ctx, a, e, err, nil)
			}
			brake.Votes = append(brake.Votes, voter.actor)
		}
		if known := b.approvers.fresh(ctx); known.whole() && b.cfg.Policy.OnlyUsers() {
			brake.Approvers = known.count(b.check)
		}
		d := authz.Check(authz.Question{Action: authz.Unfreeze, Actor: who.actor, Policy: b.cfg.Policy, Brake: brake})
		if !d.Allowed {
			e.Freeze = on.ID
			return b.refuseUnsure(ctx, a, e, d.Reason, nil, who)
		}
		if vote := (authz.Asker{SlackID: a.UserID, EntraID: who.actor.EntraID}); !slices.Contains(on.Votes, vote) {
			on.Votes = append(slices.Clone(on.Votes), vote)
		}
		row := a.row(e)
		row.Have, row.Need = d.Have, d.Need
		row.Action = "unfreeze_asked"
		on.Have, on.Need = d.Have, d.Need
		c := FreezeChange{Freeze: on, Settles: a.ID}
		if d.Enough() {
			c.Freeze.EndedAt = b.now().UTC()
			row.Action = "unfrozen"
		}
		c.Audit, c.Notice = []Entry{row}, c.Freeze.notice(b.view(ctx, nil, ""))
		stored, err := b.store.CommitFreeze(ctx, c)
		if errors.Is(err, ErrConflict) {
			continue // another vote, or its end: all is looked at again
		}
		if err != nil {
			return err
		}
		b.log.Warn("unfreeze", "freeze", stored.ID, "arrival", a.ID, "user", a.UserID, "have", d.Have, "need", d.Need, "ended", d.Enough())
		b.answer(ctx, a, ThawAnswer(&stored, d))
		return nil
	}
}

// row is the audit row of what an arrival was allowed to do.
func (a Arrival) row(e Entry) Entry {
	e.Wanted, e.Actor, e.Origin = "", a.UserID, a.origin()
	return e
}

// thaw ends a freeze whose time is over.
func (b *Bot) thaw(ctx context.Context) error {
	on, frozen, err := b.store.Frozen(ctx)
	if err != nil || !frozen || b.now().Before(on.Until) {
		return err
	}
	on.EndedAt = b.now().UTC()
	_, err = b.store.CommitFreeze(ctx, FreezeChange{
		Freeze: on, Audit: []Entry{{Action: "unfrozen", Actor: "clock"}},
		Notice: on.notice(b.view(ctx, nil, "")),
	})
	if errors.Is(err, ErrConflict) {
		return nil // somebody else ended it, or voted; the next tick looks again
	}
	return err
}
