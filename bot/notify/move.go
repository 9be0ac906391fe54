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
func (tl *Teller) moveCard(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, tries int) (until pause) {
	m := p.Show()
	old, log := places[bot.CardKey], tl.log.With("request", r.ID, "key", bot.CardKey, "channel", tl.cfg.Channel)
	if others, err := tl.OtherRules(ctx); others || err != nil {
		if err != nil {
			log.Error("look whether the card may move", "error", err)
		}
		return pause{} // the process started last decides where the cards are
	}
	if wait := tl.slack.Pace.Post(tl.cfg.Channel, letterOf(r, message.Post{Key: bot.CardKey, Urgency: bot.OfCard}), tl.now()); wait > 0 {
		return pause{lasts: wait}
	}
	at := bot.Place{Key: bot.CardKey, Shown: m.Digest()}
	var err error
	at.Channel, at.TS, err = tl.Post(ctx, bot.CardKey, tl.cfg.Channel, "", m)
	at.SaysNow(p.Tells, tl.now())
	if err != nil {
		log.Warn("post a card in the channel of now; the old one stays the live one", "error", err)
		if e, ok := errors.AsType[*slackapi.Error](err); ok {
			if asked := tl.slack.Pace.Obey(e, tl.now()); asked > 0 {
				return pause{lasts: asked}
			}
		}
		return pause{min(doubled(tellRetry, tries), shutRetry), true}
	}
	err = tl.pool.Insist(tl.pool.Context(), log, "note where a card has moved to",
		func(ctx context.Context) error { return tl.store.MoveCard(ctx, r.ID, old, at) })
	switch {
	case errors.Is(err, bot.ErrConflict):
		tl.takeBack(log, at)
		return pause{tellRetrySoon, true}
	case err != nil:
		return pause{tellRetrySoon, true}
	}
	for key, p := range places {
		if p.Channel == old.Channel {
			delete(places, key)
			if !strings.HasPrefix(key, bot.MovedKey) {
				p.Key, p.Shown = old.MovedKey(key), ""
			}
			places[p.Key] = p
		}
	}
	places[bot.CardKey] = at
	return pause{}
}
