package bot

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
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
	live, stray, link, err := b.standsThere(ctx, a, action, r.ID)
	if err != nil {
		return err
	}
	if !live {
		if stray {
			b.removeStray(ctx, a, r.ID)
		}
		return b.refuse(ctx, a, withReason(e, WrongPlace), Refusal(WrongPlace, &r, b.view(link)))
	}
	if action == authz.Deny && a.Kind == ClickArrival {
		return b.askWhy(ctx, a, r)
	}
	return b.decide(ctx, a, r, action)
}

// askWhy opens the form for the reason of a Deny, for those who may deny.
// Nothing is decided before it is submitted; then everything is checked again.
func (b *Bot) askWhy(ctx context.Context, a Arrival, r Request) error {
	e := Entry{Wanted: string(authz.Deny), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	if reason := b.closed(&r, authz.Deny); reason != "" {
		return b.refuseFor(ctx, a, e, reason, &r)
	}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
	if d := b.check(authz.Deny, who.actor, r.matter()); !d.Allowed {
		return b.refuseFor(ctx, a, e, d.Reason, &r)
	}
	if err := b.slack.OpenForm(ctx, a.TriggerID, DenyForm(&r, a.ID)); err != nil {
		b.log.Warn("open the form for a reason", "request", r.ID, "user", a.UserID, "error", err)
		if e, ok := errors.AsType[*SlackError](err); ok && e.NoAnswer() {
			return b.reply(ctx, a, note("I am not sure that the form for your reason opened. If you see none, press Deny again; nothing is decided yet."))
		}
		return b.reply(ctx, a, note("The form for your reason could not open, so nothing is decided yet. Please press Deny again."))
	}
	return b.store.Record(ctx, a.ID)
}

// denyForm carries out the submission of that form as if the button had been
// pressed now, by the same person on the same card.
func (b *Bot) denyForm(ctx context.Context, a, pressed Arrival) error {
	if pressed.Kind != ClickArrival || pressed.ActionID != ActionDeny {
		return b.reply(ctx, a, note("This form is too old, so nothing was decided. Please press Deny on the card again."))
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
	if err := b.slack.Delete(ctx, a.ChannelID, a.MessageTS); err != nil {
		b.log.Warn("remove a stray card", "request", id, "channel", a.ChannelID, "error", err)
	}
}

func withReason(e Entry, reason authz.Reason) Entry {
	e.Reason = string(reason)
	return e
}

// standsThere reports whether the click came from the live card, or for a
// cancel also from the person's receipt, and where the card is. A message that
// was posted a moment ago may not have been noted yet: that is waited for. A
// message of ours is a stray only if the live ones are known to stand elsewhere.
func (b *Bot) standsThere(ctx context.Context, a Arrival, action authz.Action, id string) (live, stray bool, link string, err error) {
	if a.MessageAppID != b.cfg.Home.AppID || a.AppID != b.cfg.Home.AppID {
		return false, false, b.cardLink(ctx, id), nil
	}
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		places, err := b.store.Places(ctx, id)
		if err != nil {
			return false, false, "", err
		}
		card, noted := places[cardKey]
		link = b.cfg.Home.Link(card.Channel, card.TS)
		spots := []Place{card}
		if receipt, ok := places[receiptKey(a.UserID)]; action == authz.Cancel {
			spots, noted = append(spots, receipt), noted && ok
		}
		for _, p := range spots {
			if p.TS != "" && p.Channel == a.ChannelID && p.TS == a.MessageTS {
				return true, false, link, nil
			}
		}
		if noted || wait > time.Second {
			return false, noted, link, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, false, link, ctx.Err()
		}
	}
}

// cancel carries out /revoke-sessions cancel REQ-….
func (b *Bot) cancel(ctx context.Context, a Arrival, id string) error {
	r, err := b.store.Request(ctx, id)
	if errors.Is(err, ErrNoRequest) {
		return b.refuse(ctx, a, Entry{Wanted: string(authz.Cancel), Reason: string(UnknownRequest)}, Refusal(UnknownRequest, nil, b.view("")))
	}
	if err != nil {
		return err
	}
	// Typed, not clicked: to those who may not see the request it does not
	// exist, pending or over.
	e := Entry{Wanted: string(authz.Cancel), Request: r.ID}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, nil)
	}
	if d := b.check(authz.See, who.actor, r.matter()); !d.Allowed {
		return b.refuse(ctx, a, withReason(e, d.Reason), Refusal(UnknownRequest, nil, b.view("")))
	}
	return b.decide(ctx, a, r, authz.Cancel)
}

// decide looks up whoever acts, asks authz, and makes the one transition. Any
// number of people may do this at once, on any number of processes: the
// store lets one of them through.
func (b *Bot) decide(ctx context.Context, a Arrival, r Request, action authz.Action) error {
	e := Entry{Wanted: string(action), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	if reason := b.closed(&r, action); reason != "" {
		return b.refuseFor(ctx, a, e, reason, &r)
	}
	who, before, err := b.lookUpDecision(ctx, a.UserID, &r, action)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
	for {
		d := b.check(action, who.actor, r.matter())
		if !d.Allowed {
			return b.refuseFor(ctx, a, e, d.Reason, &r)
		}
		changed, err := b.apply(ctx, a, r, action, d, e, before)
		if !errors.Is(err, ErrConflict) {
			if err == nil && changed.State == Approved {
				b.advance(b.work, changed)
			}
			return err
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return err
		}
		if reason := b.closed(&r, action); reason != "" {
			return b.refuseFor(ctx, a, e, reason, &r)
		}
	}
}

// closed says why the action is not open in the request's state, or "".
func (b *Bot) closed(r *Request, action authz.Action) authz.Reason {
	switch {
	case action == authz.Retry:
		if r.retryable(b.now()) {
			return ""
		}
		return NotRetryable
	case r.State != Pending:
		return AlreadyDecided
	case !b.now().Before(r.ExpiresAt):
		return TooLate
	}
	return ""
}

// lookUpDecision looks up who clicks and, for what leads to a revoke, reads
// the stamps to compare with afterwards; a read that fails is made up for later.
func (b *Bot) lookUpDecision(ctx context.Context, slackID string, r *Request, action authz.Action) (who person, before graph.Stamps, err error) {
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { who, err = b.people.who(look, slackID); return err })
	if (action == authz.Confirm || action == authz.Retry) && !r.Drill {
		g.Go(func() error { before = b.stamps(look, r.Target.ID); return nil })
	}
	err = g.Wait()
	return who, before, err
}

// stamps reads the account's stamps; the zero Stamps when they cannot be read.
func (b *Bot) stamps(ctx context.Context, id string) graph.Stamps {
	u, err := b.people.account(ctx, id)
	if err != nil {
		return graph.Stamps{}
	}
	return u.Stamps
}

// apply makes the transition that an allowed action asks for.
func (b *Bot) apply(ctx context.Context, a Arrival, r Request, action authz.Action, d authz.Decision, e Entry, before graph.Stamps) (Request, error) {
	now := b.now().UTC()
	e.Wanted, e.Actor, e.Origin, e.Reason = "", a.UserID, a.origin(), string(d.Reason)
	c := Change{Settles: a.ID}
	verdict := Verdict{Kind: action, SlackID: a.UserID, EntraID: e.ActorEntraID, At: now}
	switch {
	case action == authz.Cancel && d.Reason == authz.CancelNeedsApprover:
		if !r.CancelAskedAt.IsZero() {
			e.Action = "cancel_asked_again"
			if err := b.store.Record(ctx, a.ID, e); err != nil {
				return r, err
			}
			b.answer(ctx, a, CancelAsked(&r, b.view("")))
			return r, nil
		}
		r.CancelAskedAt = now
		e.Action = "cancel_asked"
	case action == authz.Confirm, action == authz.Retry:
		r.to(Approved)
		r.DueAt, c.Keep = now, true
		r.Before, r.After, r.Reads = before, graph.Stamps{}, 0
		r.Decisions = append(r.Decisions, verdict)
		e.Action = string(Approved)
	case action == authz.Deny:
		r.Words.Denied = Clean(a.Reason, maxReason)
		r.to(Denied)
		r.DueAt, r.EndedAt = time.Time{}, now
		r.Decisions = append(r.Decisions, verdict)
		e.Action = string(Denied)
	default:
		r.to(Cancelled)
		r.DueAt, r.EndedAt = time.Time{}, now
		r.Decisions = append(r.Decisions, verdict)
		e.Action = string(Cancelled)
	}
	c.Request, c.Audit = r, []Entry{e}
	changed, err := b.commit(ctx, c)
	if err != nil {
		return changed, err
	}
	switch {
	case e.Action == "cancel_asked":
		b.answer(ctx, a, CancelAsked(&changed, b.view("")))
	case a.Kind == CommandArrival:
		b.answer(ctx, a, Status(&changed, b.view("")))
	}
	return changed, nil
}
