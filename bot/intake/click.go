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
	bot.ActionConfirm:      authz.Confirm,
	bot.ActionApprove:      authz.Confirm,
	bot.ActionDeny:         authz.Deny,
	bot.ActionCancel:       authz.Cancel,
	bot.ActionRetry:        authz.Retry,
	bot.ActionApproveRetry: authz.Retry,
}

// click handles a click on a button. It trusts nothing in the message: the value only
// names a request, and the message must be the stored card or receipt of that request.
func (h *decisions) click(ctx context.Context, a act) error {
	action, ok := actions[a.ActionID]
	if !ok { // stored by a newer version
		return h.reply(ctx, a, message.OtherVersions())
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
	wrong, stray, places, err := h.checkMessage(ctx, a, action, &r)
	if err != nil {
		return err
	}
	if wrong != "" {
		if stray {
			h.removeStray(ctx, a, r.ID)
		}
		v := h.view(ctx, a, &r)
		v.Wanted = action
		h.teller.LeadOn(ctx, &v, &r, places, a.UserID)
		return h.refuse(ctx, a, withReason(e, wrong), message.Refusal(wrong, &r, v))
	}
	if action == authz.Deny && a.Kind == bot.ClickArrival {
		return h.askDenyReason(ctx, a, r)
	}
	return h.decide(ctx, a, r, action)
}

// askDenyReason opens the form for the reason of a Deny, if the actor may deny. Submitting the
// form decides, after a new check. If no form opened at the actor's earlier click, this
// click denies without a reason.
func (h *decisions) askDenyReason(ctx context.Context, a act, r bot.Request) error {
	e := bot.Entry{Wanted: string(authz.Deny), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	if reason, err := h.whyClosed(ctx, a, &r, authz.Deny); reason != "" || err != nil {
		return h.orRefuse(ctx, a, e, reason, &r, err)
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
	if r.TargetFound { // otherwise the actor may be the target
		pressed := a.Row(e)
		pressed.Action, pressed.Wanted = bot.ActDenyPressed, ""
		if err := h.store.Record(ctx, 0, pressed); err != nil {
			return err
		}
	}
	if _, err := h.teller.OpenForm(ctx, a.TriggerID, message.DenyForm(&r, a.ID)); err != nil {
		h.log.Warn("cannot open the form for a reason", "request", r.ID, "arrival", a.ID, "user", a.UserID, "error", err)
		return h.recordDenyPress(ctx, a, r, e, err)
	}
	return h.store.Record(ctx, a.ID)
}

// denyForm handles the submitted form as a new click of the same person on the same card.
func (h *decisions) denyForm(ctx context.Context, a act, pressed bot.Arrival) error {
	if pressed.Kind != bot.ClickArrival || pressed.ActionID != bot.ActionDeny {
		// The click is too old, was of another button, or was somebody else's.
		e := bot.Entry{Wanted: string(authz.Deny), Reason: string(bot.WrongPlace)}
		return h.refuse(ctx, a, e, message.DenyFormTooOld())
	}
	a.AppID, a.ChannelID, a.MessageTS, a.MessageAppID = pressed.AppID, pressed.ChannelID, pressed.MessageTS, pressed.MessageAppID
	a.ActionID, a.Value = pressed.ActionID, pressed.Value
	return h.click(ctx, a)
}

// removeStray deletes a card of this app that is not in the store: the bot crashed after
// the post, or somebody else with the bot's token posted it. The button's value may be
// forged, so a stored message of any request stays, and only a full member's click deletes.
func (h *decisions) removeStray(ctx context.Context, a act, id string) {
	known, err := h.store.Stands(ctx, a.ChannelID, a.MessageTS)
	if err != nil || known {
		return
	}
	if who, err := h.people.Who(ctx, a.UserID); err != nil || who.Actor.Standing != authz.FullMember {
		return
	}
	// Slack lets the bot delete only its own messages.
	if err := h.teller.Delete(ctx, a.ChannelID, a.MessageTS); err != nil {
		h.log.Warn("cannot remove a stray card", "request", id, "arrival", a.ID, "channel", a.ChannelID, "error", err)
	}
}

// checkMessage returns the places of the request's messages, and in wrong why a click does
// not count, or "". A click counts on the live card, or on the person's own receipt if that has the
// button. The place of a new message may not be stored yet: checkMessage waits about
// 1.3 s for it. stray is true only if the live messages are known to be elsewhere.
func (h *decisions) checkMessage(ctx context.Context, a act, action authz.Action, r *bot.Request) (wrong authz.Reason, stray bool,
	places map[string]bot.Place, err error) {
	if a.MessageAppID != h.cfg.Home.AppID || a.AppID != h.cfg.Home.AppID {
		return bot.WrongPlace, false, h.teller.Places(ctx, r.ID), nil
	}
	if r.AtConsole() {
		return bot.WrongPlace, true, nil, nil // it never has a card
	}
	onReceipt := action == authz.Cancel || r.Need == 0 && (action == authz.Confirm || action == authz.Retry)
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		if places, err = h.store.Places(ctx, r.ID); err != nil {
			return "", false, nil, err
		}
		wrong = bot.WrongPlace
		card, noted := places[bot.CardKey]
		if !noted {
			wrong = bot.NotNoted
		}
		if card.Channel != h.cfg.Channel && a.ChannelID == h.cfg.Channel {
			noted = false // the card may have just moved there
		}
		expected := []bot.Place{card}
		if receipt, ok := places[bot.ReceiptKey(a.UserID)]; onReceipt {
			expected, noted = append(expected, receipt), noted && ok
			if !ok && a.ChannelID != card.Channel && slices.Contains(r.AskedBy(), a.UserID) {
				wrong = bot.NotNoted
			}
		}
		for _, p := range expected {
			if p.TS != "" && p.Channel == a.ChannelID && p.TS == a.MessageTS {
				return "", false, places, nil
			}
		}
		if noted || wait > time.Second {
			return wrong, noted, places, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", false, nil, ctx.Err()
		}
	}
}
