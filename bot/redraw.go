package bot

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"revoke-sessions/authz"
)

// A card shows more than its request: who the approvers are, the policy, the
// emergency number, the channel that it stands in. Where these have changed since
// it was drawn, at a restart or because the approvers did, every open request is
// told again. Its messages are compared with what stands there, so that what has
// not changed costs no call.

// movedKey begins the keys of messages that were left behind in the channel of
// another REVOKE_CHANNEL. Channel, timestamp and the former key follow.
const movedKey = "moved:"

// outlook is a digest of what open requests show beside themselves.
func (b *Bot) outlook(known roster) [sha256.Size]byte {
	type shown struct {
		Approver, Entra string
		By              []string
		Able            bool
	}
	var people []shown
	for _, a := range known.people {
		people = append(people, shown{a.actor.SlackID, a.actor.EntraID, a.by, b.check(authz.Freeze, a.actor, authz.Matter{}).Allowed})
	}
	slices.SortFunc(people, func(a, b shown) int { return strings.Compare(a.Approver, b.Approver) })
	text, _ := json.Marshal([]any{people, b.cfg.Policy.Digest, b.cfg.Policy.Approvers, b.cfg.Channel, b.cfg.Emergency, b.cfg.Home, b.cfg.Operation, b.cfg.Fallback}) // strings all
	return sha256.Sum256(text)
}

// redraw has every open request told again, and the freeze that is on, unless
// what they show beside themselves is as it was.
func (b *Bot) redraw(ctx context.Context, known roster) {
	now := b.outlook(known)
	if last := b.drawnUnder.Swap(&now); last != nil && *last == now {
		return
	}
	b.retell(ctx)
}

// retell has what is open told again.
func (b *Bot) retell(ctx context.Context) {
	if err := b.store.Retell(ctx); err != nil {
		b.drawnUnder.Store(nil) // the next look tries again
		b.log.Error("have open requests told again", "error", err)
	}
}

// moves reports whether a card belongs into the channel of now: somebody may
// still have to press something on it.
func (r *Request) moves(v View) bool {
	return r.State == Pending || r.State == Approved || r.State == Executing || r.State == Unknown || r.retryable(v.Now)
}

// moveCard posts a card that stands in the channel of another REVOKE_CHANNEL anew
// in that of now. The old one stays the live one until the new one is noted.
func (b *Bot) moveCard(ctx context.Context, r *Request, places map[string]Place, p post, tries int) (until pause) {
	m := p.show()
	old, log := places[cardKey], b.log.With("request", r.ID, "key", cardKey, "channel", b.cfg.Channel)
	if others, err := b.hasOtherRules(ctx); others || err != nil {
		if err != nil {
			log.Error("look whether the card may move", "error", err)
		}
		return pause{} // the channel of whoever was started last is that of the cards
	}
	if wait := b.slack.pace.post(b.cfg.Channel, r.letter(post{key: cardKey, urgency: ofCard}), b.now()); wait > 0 {
		return pause{lasts: wait}
	}
	at := Place{Key: cardKey, Shown: m.digest()}
	var err error
	at.Channel, at.TS, err = b.post(ctx, cardKey, b.cfg.Channel, "", m)
	at.saysNow(p.tells, b.now())
	if err != nil {
		log.Warn("post a card in the channel of now; the old one stays the live one", "error", err)
		if e, ok := errors.AsType[*SlackError](err); ok {
			if asked := b.slack.pace.obey(e, b.now()); asked > 0 {
				return pause{lasts: asked}
			}
		}
		return pause{min(doubled(tellRetry, tries), shutRetry), true}
	}
	err = b.insist(b.work, log, "note where a card has moved to", func(ctx context.Context) error { return b.store.MoveCard(ctx, r.ID, old, at) })
	switch {
	case errors.Is(err, ErrConflict):
		b.takeBack(log, at)
		return pause{tellRetrySoon, true}
	case err != nil:
		return pause{tellRetrySoon, true}
	}
	for key, p := range places {
		if p.Channel == old.Channel {
			delete(places, key)
			if !strings.HasPrefix(key, movedKey) {
				p.Key, p.Shown = old.MovedKey(key), ""
			}
			places[p.Key] = p
		}
	}
	places[cardKey] = at
	return pause{}
}

// MovedKey is the key of a message that is left behind when the card at p moves.
func (p Place) MovedKey(key string) string { return movedKey + p.Channel + "/" + p.TS + ":" + key }

// leftBehind are the messages in channels of earlier that say what is not so any
// more: cards, and outcomes that another may follow.
func leftBehind(r *Request, v *View, places map[string]Place) (all []post) {
	for key := range places {
		parts := strings.SplitN(key, ":", 3)
		if len(parts) < 3 || parts[0]+":" != movedKey {
			continue
		}
		switch kind(parts[2]) {
		case cardKey:
			all = append(all, post{key: key, editOnly: true, show: func() Message { return MovedCard(r, *v) }})
		case "unknown", "result", "unread", "unmoved":
			all = append(all, post{key: key, editOnly: true, show: func() Message { return MovedOutcome(r, *v) }})
		}
	}
	slices.SortFunc(all, func(a, b post) int { return strings.Compare(a.key, b.key) })
	return all
}

// MovedCard is what a card becomes whose channel is not the approvers' any more.
func MovedCard(r *Request, v View) Message {
	p := &page{}
	p.add(r.begin().boldTyped(r.name()).bold(": this request has moved to another channel.").say(" Nothing can be decided here. ").join(whereNow(v)).say(" (%s)", r.ID))
	return p.message()
}

// MovedOutcome is what an outcome in the thread of such a card becomes.
func MovedOutcome(r *Request, v View) Message {
	p := &page{}
	p.add(r.begin().typed(r.name()).say(": this request has moved to another channel. What is known now stands there. ").join(whereNow(v)))
	return p.message()
}

func whereNow(v View) *line {
	if v.CardLink == "" {
		return &line{}
	}
	return (&line{}).link(v.CardLink, "The live card is here").say(".")
}
