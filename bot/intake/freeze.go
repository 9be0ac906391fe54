package intake

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
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
			Notice: message.FreezeAnnouncement(&f, h.view(ctx, a, nil)),
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

// unfreeze ends the freeze, or adds a vote to end it. promised is what the form said that
// the click does, and empty for a typed command.
func (h *brakes) unfreeze(ctx context.Context, a act, promised string) error {
	e := bot.Entry{Wanted: string(authz.Unfreeze)}
	for {
		u, ok, err := h.weigh(ctx, a, &e)
		if !ok || err != nil {
			return err
		}
		if promised != "" && promised != u.Promise() {
			e.Freeze = u.Freeze.ID
			return h.refuseFor(ctx, a, e, bot.FreezeChanged, nil)
		}
		on, d := *u.Freeze, u.Decision
		if vote := (authz.Asker{SlackID: a.UserID, EntraID: e.ActorEntraID}); !slices.Contains(on.Votes, vote) {
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
		c.Audit, c.Notice = []bot.Entry{row}, message.FreezeAnnouncement(&c.Freeze, h.view(ctx, a, nil))
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

// weigh looks up the actor, the freeze and those who asked to end it, and asks authz. It
// notes the actor in e. If the actor may not end the freeze, weigh refuses, and ok is
// false. It looks up everybody at once, because the trigger of the form lives 3 s.
func (h *brakes) weigh(ctx context.Context, a act, e *bot.Entry) (u message.Unfreezing, ok bool, err error) {
	on, frozen, err := h.store.Frozen(ctx)
	if err != nil {
		return u, false, err
	}
	var who lookup.Person
	votes, known := make([]lookup.Person, len(on.Votes)), lookup.Roster{}
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { who, err = h.people.Who(look, a.UserID); return err })
	for i, v := range on.Votes {
		g.Go(func() (err error) { votes[i], err = h.people.Again(look, v.SlackID, v.EntraID); return err })
	}
	g.Go(func() error { known = h.approvers.Fresh(ctx); return nil }) // not look: others use the roster, too
	err = g.Wait()
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	if err != nil {
		return u, false, h.refuseLookup(ctx, a, *e, err, nil)
	}
	// Only the rules in force decide who may unfreeze. A process with other rules may freeze.
	if others, err := h.run.HasOtherRules(ctx); others || err != nil {
		if err != nil {
			return u, false, err
		}
		return u, false, h.refuseFor(ctx, a, *e, bot.OtherRules, nil)
	}
	brake := authz.Brake{Frozen: frozen}
	for _, voter := range votes {
		brake.Votes = append(brake.Votes, voter.Actor)
	}
	if known.Whole() && h.cfg.Policy.OnlyUsers() {
		brake.Approvers = known.Count(h.cfg.Check)
	}
	d := authz.Check(authz.Question{Action: authz.Unfreeze, Actor: who.Actor, Policy: h.cfg.Policy, Brake: brake})
	if !d.Allowed {
		e.Freeze = on.ID
		return u, false, h.refuseUnsure(ctx, a, *e, d.Reason, nil, who)
	}
	return message.Unfreezing{Freeze: &on, Decision: d, Reader: a.UserID, Policy: &h.cfg.Policy}, true, nil
}

// press handles a click on the button of a freeze's notice: it opens the form. Neither
// the click nor an open form changes anything, so they are no rows of the record. If the
// form does not open, the freeze goes on.
func (h *brakes) press(ctx context.Context, a act) error {
	e := bot.Entry{Wanted: string(authz.Unfreeze)}
	if refused, err := h.refuseElsewhere(ctx, a, e); refused || err != nil {
		return err
	}
	u, ok, err := h.weigh(ctx, a, &e)
	if !ok || err != nil {
		return err
	}
	if _, err := h.teller.OpenForm(ctx, a.TriggerID, message.UnfreezeForm(u, a.ID)); err != nil {
		h.log.Warn("cannot open the form that ends a freeze", "freeze", u.Freeze.ID, "arrival", a.ID, "user", a.UserID, "error", err)
		return h.reply(ctx, a, message.UnfreezeNotOpened(mayHaveOpened(err)))
	}
	return h.store.Record(ctx, a.ID)
}

// unfreezeForm handles the submitted form as a new act of the same person on the same
// notice. promised is what the form said that it does.
func (h *brakes) unfreezeForm(ctx context.Context, a act, pressed bot.Arrival, promised string) error {
	e := bot.Entry{Wanted: string(authz.Unfreeze)}
	if pressed.Kind != bot.ClickArrival || pressed.ActionID != bot.ActionUnfreeze || promised == "" {
		// The click is too old, was of another button, or was somebody else's.
		return h.refuse(ctx, a, withReason(e, bot.WrongPlace), message.UnfreezeFormTooOld())
	}
	a.AppID, a.ChannelID, a.MessageTS, a.MessageAppID = pressed.AppID, pressed.ChannelID, pressed.MessageTS, pressed.MessageAppID
	a.ActionID, a.Value = pressed.ActionID, pressed.Value
	if refused, err := h.refuseElsewhere(ctx, a, e); refused || err != nil {
		return err
	}
	return h.unfreeze(ctx, a, promised)
}

// refuseElsewhere refuses a click that is not on the stored notice of the freeze that it
// names.
func (h *brakes) refuseElsewhere(ctx context.Context, a act, e bot.Entry) (refused bool, err error) {
	wrong, err := h.checkNotice(ctx, a)
	if wrong == "" || err != nil {
		return false, err
	}
	return true, h.refuse(ctx, a, withReason(e, wrong), message.NoticeRefusal(wrong == bot.NotNoted))
}

// checkNotice returns why a click does not count, or "". It counts on the notice in the
// approvers' channel, or on the person's own direct message. If no freeze is on, weigh says
// so. The place of a new message may not be stored yet: checkNotice waits about 1.3 s for
// it. A copy of a notice stays where it is, because it can do nothing.
func (h *brakes) checkNotice(ctx context.Context, a act) (wrong authz.Reason, err error) {
	number, err := strconv.ParseInt(a.Value, 10, 64)
	if err != nil || a.MessageAppID != h.cfg.Home.AppID || a.AppID != h.cfg.Home.AppID {
		return bot.WrongPlace, nil
	}
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		on, frozen, err := h.store.Frozen(ctx)
		if err != nil {
			return "", err
		}
		switch {
		case !frozen:
			return "", nil
		case on.ID != number:
			return bot.WrongPlace, nil
		}
		places, err := h.store.FreezePlaces(ctx, number)
		if err != nil {
			return "", err
		}
		noted := false
		for _, p := range places {
			mine := p.To == h.cfg.Channel || p.To == a.UserID
			if mine && p.Channel == a.ChannelID && p.TS == a.MessageTS {
				return "", nil
			}
			noted = noted || p.To == h.cfg.Channel || mine && a.ChannelID != h.cfg.Channel
		}
		switch {
		case noted:
			return bot.WrongPlace, nil
		case wait > time.Second:
			return bot.NotNoted, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
