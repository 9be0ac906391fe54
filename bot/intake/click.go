package intake

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

var actions = map[string]authz.Action{
	bot.ActionConfirm: authz.Confirm,
	bot.ActionDeny:    authz.Deny,
	bot.ActionCancel:  authz.Cancel,
	bot.ActionRetry:   authz.Retry,
}

// click carries out the press of a button. Nothing on the message is
// authority: its value only names a request, and the message must stand where
// we put that request's card or receipt.
func (h *decisions) click(ctx context.Context, a act) error {
	action, ok := actions[a.ActionID]
	if !ok {
		return h.store.Record(ctx, a.ID)
	}
	e := bot.Entry{Wanted: string(action), Request: a.Value}
	if !bot.RequestID.MatchString(a.Value) {
		e.Request = ""
		return h.refuseFor(ctx, a, e, bot.UnknownRequest, nil)
	}
	r, err := h.store.Request(ctx, a.Value)
	if errors.Is(err, bot.ErrNoRequest) {
		e.Request = ""
		return h.refuseFor(ctx, a, e, bot.UnknownRequest, nil)
	}
	if err != nil {
		return err
	}
	wrong, stray, link, err := h.standsThere(ctx, a, action, &r)
	if err != nil {
		return err
	}
	if wrong != "" {
		if stray {
			h.removeStray(ctx, a, r.ID)
		}
		return h.refuse(ctx, a, withReason(e, wrong), message.Refusal(wrong, &r, h.view(ctx, a, &r, link)))
	}
	if action == authz.Deny && a.Kind == bot.ClickArrival {
		return h.askWhy(ctx, a, r)
	}
	return h.decide(ctx, a, r, action)
}

// askWhy opens the form for the reason of a Deny, for those who may deny.
// Nothing is decided before it is submitted; then everything is checked again.
// Whoever has pressed it before, while no form opened, needs none.
func (h *decisions) askWhy(ctx context.Context, a act, r bot.Request) error {
	e := bot.Entry{Wanted: string(authz.Deny), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	if reason, err := h.closed(ctx, a, &r, authz.Deny); reason != "" || err != nil {
		if err != nil {
			return err
		}
		return h.refuseFor(ctx, a, e, reason, &r)
	}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	if d := h.cfg.Check(authz.Deny, who.Actor, r.Matter()); !d.Allowed {
		return h.refuseUnsure(ctx, a, e, d.Reason, &r, who)
	}
	if readsDenyAsked(&r, a.Arrival, e.ActorEntraID) {
		return h.decide(ctx, a, r, authz.Deny)
	}
	if r.TargetFound { // else it may be the target who pressed it
		pressed := a.Row(e)
		pressed.Action, pressed.Wanted = bot.ActDenyPressed, ""
		if err := h.store.Record(ctx, 0, pressed); err != nil {
			return err
		}
	}
	if err := h.teller.OpenForm(ctx, a.TriggerID, message.DenyForm(&r, a.ID)); err != nil {
		h.log.Warn("open the form for a reason", "request", r.ID, "arrival", a.ID, "user", a.UserID, "error", err)
		return h.askedToDeny(ctx, a, r, e, err)
	}
	return h.store.Record(ctx, a.ID)
}

// denyForm carries out the submission of that form as if the button had been
// pressed now, by the same person on the same card.
func (h *decisions) denyForm(ctx context.Context, a act, pressed bot.Arrival) error {
	if pressed.Kind != bot.ClickArrival || pressed.ActionID != bot.ActionDeny {
		// Too old, or of a click that was another one, or somebody else's.
		e := bot.Entry{Wanted: string(authz.Deny), Reason: string(bot.WrongPlace)}
		return h.refuse(ctx, a, e, message.Note("This form is too old, so nothing was decided. Please press Deny on the card again."))
	}
	a.AppID, a.ChannelID, a.MessageTS, a.MessageAppID = pressed.AppID, pressed.ChannelID, pressed.MessageTS, pressed.MessageAppID
	a.ActionID, a.Value = pressed.ActionID, pressed.Value
	return h.click(ctx, a)
}

// removeStray deletes a card of ours that we know nothing of: posted just
// before a crash, or by somebody with our token. What the button's value names
// may be forged, so a message that we do know, of whatever request, stays; and
// only a member's click removes anything.
func (h *decisions) removeStray(ctx context.Context, a act, id string) {
	known, err := h.store.Stands(ctx, a.ChannelID, a.MessageTS)
	if err != nil || known {
		return
	}
	if who, err := h.people.Who(ctx, a.UserID); err != nil || who.Actor.Standing != authz.FullMember {
		return
	}
	// Slack lets us delete only what we posted.
	if err := h.teller.Delete(ctx, a.ChannelID, a.MessageTS); err != nil {
		h.log.Warn("remove a stray card", "request", id, "arrival", a.ID, "channel", a.ChannelID, "error", err)
	}
}

// standsThere answers where the card is, and why a click counts for nothing: it came
// neither from the live card nor from the person's own receipt where that has the
// button. A message that was posted a moment ago may not have been noted yet: that is
// waited for, and after that it is not known what was clicked. A message of ours is a
// stray only if the live ones are known to stand elsewhere.
func (h *decisions) standsThere(ctx context.Context, a act, action authz.Action, r *bot.Request) (wrong authz.Reason, stray bool,
	link string, err error) {
	if a.MessageAppID != h.cfg.Home.AppID || a.AppID != h.cfg.Home.AppID {
		return bot.WrongPlace, false, h.teller.CardLink(ctx, r.ID), nil
	}
	if r.AtConsole() {
		return bot.WrongPlace, true, "", nil // it never has a card
	}
	onReceipt := action == authz.Cancel || r.Need == 0 && (action == authz.Confirm || action == authz.Retry)
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		places, err := h.store.Places(ctx, r.ID)
		if err != nil {
			return "", false, "", err
		}
		wrong = bot.WrongPlace
		card, noted := places[bot.CardKey]
		if !noted {
			wrong = bot.NotNoted
		}
		if card.Channel != h.cfg.Channel && a.ChannelID == h.cfg.Channel {
			noted = false // it may have moved there just now
		}
		link = h.cfg.Home.Link(card.Channel, card.TS)
		spots := []bot.Place{card}
		if receipt, ok := places[bot.ReceiptKey(a.UserID)]; onReceipt {
			spots, noted = append(spots, receipt), noted && ok
			if !ok && a.ChannelID != card.Channel && slices.Contains(r.AskedBy(), a.UserID) {
				wrong = bot.NotNoted
			}
		}
		for _, p := range spots {
			if p.TS != "" && p.Channel == a.ChannelID && p.TS == a.MessageTS {
				return "", false, link, nil
			}
		}
		if noted || wait > time.Second {
			return wrong, noted, link, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", false, "", ctx.Err()
		}
	}
}
