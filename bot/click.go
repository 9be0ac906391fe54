package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
)

var actions = map[string]authz.Action{
	ActionConfirm: authz.Confirm,
	ActionDeny:    authz.Deny,
	ActionCancel:  authz.Cancel,
	ActionRetry:   authz.Retry,
}

// click carries out the press of a button. Nothing on the message is
// authority: its value only names a request, and the message must stand where
// we put that request's card or receipt.
func (b *Bot) click(ctx context.Context, a Arrival) error {
	action, ok := actions[a.ActionID]
	if !ok {
		return b.store.Record(ctx, a.ID)
	}
	e := Entry{Wanted: string(action), Request: a.Value}
	if !requestID.MatchString(a.Value) {
		e.Request = ""
		return b.refuseFor(ctx, a, e, UnknownRequest, nil)
	}
	r, err := b.store.Request(ctx, a.Value)
	if errors.Is(err, ErrNoRequest) {
		e.Request = ""
		return b.refuseFor(ctx, a, e, UnknownRequest, nil)
	}
	if err != nil {
		return err
	}
	wrong, stray, link, err := b.standsThere(ctx, a, action, &r)
	if err != nil {
		return err
	}
	if wrong != "" {
		if stray {
			b.removeStray(ctx, a, r.ID)
		}
		return b.refuse(ctx, a, withReason(e, wrong), Refusal(wrong, &r, b.view(ctx, &r, link)))
	}
	if action == authz.Deny && a.Kind == ClickArrival {
		return b.askWhy(ctx, a, r)
	}
	return b.decide(ctx, a, r, action)
}

// askWhy opens the form for the reason of a Deny, for those who may deny.
// Nothing is decided before it is submitted; then everything is checked again.
// Whoever has pressed it before, while no form opened, needs none.
func (b *Bot) askWhy(ctx context.Context, a Arrival, r Request) error {
	e := Entry{Wanted: string(authz.Deny), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	if reason, err := b.closed(ctx, &r, authz.Deny); reason != "" || err != nil {
		if err != nil {
			return err
		}
		return b.refuseFor(ctx, a, e, reason, &r)
	}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
	if d := b.check(authz.Deny, who.actor, r.matter()); !d.Allowed {
		return b.refuseUnsure(ctx, a, e, d.Reason, &r, who)
	}
	if r.readsDenyAsked(a, e.ActorEntraID) {
		return b.decide(ctx, a, r, authz.Deny)
	}
	if r.TargetFound { // else it may be the target who pressed it
		pressed := a.row(e)
		pressed.Action, pressed.Wanted = "deny_pressed", ""
		if err := b.store.Record(ctx, 0, pressed); err != nil {
			return err
		}
	}
	if err := b.openView(ctx, a.TriggerID, DenyForm(&r, a.ID)); err != nil {
		b.log.Warn("open the form for a reason", "request", r.ID, "arrival", a.ID, "user", a.UserID, "error", err)
		return b.askedToDeny(ctx, a, r, e, err)
	}
	return b.store.Record(ctx, a.ID)
}

// denyForm carries out the submission of that form as if the button had been
// pressed now, by the same person on the same card.
func (b *Bot) denyForm(ctx context.Context, a, pressed Arrival) error {
	if pressed.Kind != ClickArrival || pressed.ActionID != ActionDeny {
		// Too old, or of a click that was another one, or somebody else's.
		e := Entry{Wanted: string(authz.Deny), Reason: string(WrongPlace)}
		return b.refuse(ctx, a, e, note("This form is too old, so nothing was decided. Please press Deny on the card again."))
	}
	a.AppID, a.ChannelID, a.MessageTS, a.MessageAppID = pressed.AppID, pressed.ChannelID, pressed.MessageTS, pressed.MessageAppID
	a.ActionID, a.Value = pressed.ActionID, pressed.Value
	return b.click(ctx, a)
}

// removeStray deletes a card of ours that we know nothing of: posted just
// before a crash, or by somebody with our token. What the button's value names
// may be forged, so a message that we do know, of whatever request, stays; and
// only a member's click removes anything.
func (b *Bot) removeStray(ctx context.Context, a Arrival, id string) {
	known, err := b.store.Stands(ctx, a.ChannelID, a.MessageTS)
	if err != nil || known {
		return
	}
	if who, err := b.people.who(ctx, a.UserID); err != nil || who.actor.Standing != authz.FullMember {
		return
	}
	// Slack lets us delete only what we posted.
	if err := b.delete(ctx, a.ChannelID, a.MessageTS); err != nil {
		b.log.Warn("remove a stray card", "request", id, "arrival", a.ID, "channel", a.ChannelID, "error", err)
	}
}

func withReason(e Entry, reason authz.Reason) Entry {
	e.Reason = string(reason)
	return e
}

// standsThere answers where the card is, and why a click counts for nothing: it came
// neither from the live card nor from the person's own receipt where that has the
// button. A message that was posted a moment ago may not have been noted yet: that is
// waited for, and after that it is not known what was clicked. A message of ours is a
// stray only if the live ones are known to stand elsewhere.
func (b *Bot) standsThere(ctx context.Context, a Arrival, action authz.Action, r *Request) (wrong authz.Reason, stray bool, link string, err error) {
	if a.MessageAppID != b.cfg.Home.AppID || a.AppID != b.cfg.Home.AppID {
		return WrongPlace, false, b.cardLink(ctx, r.ID), nil
	}
	if r.AtConsole() {
		return WrongPlace, true, "", nil // it never has a card
	}
	onReceipt := action == authz.Cancel || r.Need == 0 && (action == authz.Confirm || action == authz.Retry)
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		places, err := b.store.Places(ctx, r.ID)
		if err != nil {
			return "", false, "", err
		}
		wrong = WrongPlace
		card, noted := places[cardKey]
		if !noted {
			wrong = NotNoted
		}
		if card.Channel != b.cfg.Channel && a.ChannelID == b.cfg.Channel {
			noted = false // it may have moved there just now
		}
		link = b.cfg.Home.Link(card.Channel, card.TS)
		spots := []Place{card}
		if receipt, ok := places[receiptKey(a.UserID)]; onReceipt {
			spots, noted = append(spots, receipt), noted && ok
			if !ok && a.ChannelID != card.Channel && slices.Contains(r.askedBy(), a.UserID) {
				wrong = NotNoted
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
