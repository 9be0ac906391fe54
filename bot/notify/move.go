package notify

import (
	"context"
	"errors"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// moveCard posts a card from another REVOKE_CHANNEL again in the current one. The old
// card stays the live one until the new one's place is stored.
func (t *showing) moveCard(ctx context.Context, p message.Post) (until pause) {
	m := t.draw(p)
	old, log := t.places[bot.CardKey], t.log.With("request", t.r.ID, "key", bot.CardKey, "channel", t.cfg.Channel)
	if others, err := t.OtherRules(ctx); others || err != nil {
		if err != nil {
			log.Error("cannot read whether the card may move", "error", err)
		}
		return pause{} // the process started last decides where the cards are
	}
	if wait := t.slack.Pace.Post(t.cfg.Channel, letterOf(t.r, message.Post{Key: bot.CardKey, Urgency: bot.OfCard}), t.now()); wait > 0 {
		return pause{lasts: wait}
	}
	at := bot.Place{Key: bot.CardKey, Shown: m.Digest()}
	var err error
	at.Channel, at.TS, err = t.Post(ctx, bot.CardKey, t.cfg.Channel, "", m)
	at.SaysNow(p.Tells, t.now())
	if err != nil {
		log.Warn("cannot post a card in the new channel; the old card stays the live one", "error", err)
		if e, ok := errors.AsType[*slackapi.Error](err); ok {
			if asked := t.slack.Pace.Obey(e, t.now()); asked > 0 {
				return pause{lasts: asked}
			}
		}
		return pause{min(doubled(tellRetry, t.tries), shutRetry), true}
	}
	err = t.pool.Insist(t.pool.Context(), log, "note where a card has moved to",
		func(ctx context.Context) error { return t.store.MoveCard(ctx, t.r.ID, old, at) })
	switch {
	case errors.Is(err, bot.ErrConflict):
		t.takeBack(log, at)
		return pause{tellRetrySoon, true}
	case err != nil:
		return pause{tellRetrySoon, true}
	}
	for key, p := range t.places {
		if p.Channel == old.Channel {
			delete(t.places, key)
			if !strings.HasPrefix(key, bot.MovedKey) {
				p.Key, p.Shown = old.MovedKey(key), ""
			}
			t.places[p.Key] = p
		}
	}
	t.places[bot.CardKey] = at
	return pause{}
}
