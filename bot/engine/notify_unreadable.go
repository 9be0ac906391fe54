package engine

import (
	"context"
	"errors"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// showUnreadable edits what stands of a request whose row cannot be read, by what
// is known of the messages alone, and answers how long to wait before it is looked
// at again: somebody may mend the row.
func (b *Bot) showUnreadable(ctx context.Context, id string, places map[string]bot.Place, tries int) pause {
	until := pause{doubled(tellRetrySoon, tries), true}
	v := b.view(ctx, nil, b.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS))
	for key, at := range places {
		if key != bot.CardKey && bot.KeyKind(key) != "receipt" || at.TS == "" {
			continue
		}
		m := message.StalledNotice(id, nil, v)
		if at.Shown == m.Digest() {
			continue
		}
		if wait := b.slack.Pace.Update(slackapi.Letter{Key: id + " " + key, Since: b.now()}, b.now()); wait > 0 {
			until = pause{lasts: wait}
			continue
		}
		if err := b.update(ctx, key, at.Channel, at.TS, m); err != nil {
			b.log.Warn("tell", "request", id, "key", key, "error", err)
			if e, ok := errors.AsType[*slackapi.Error](err); ok {
				b.slack.Pace.Obey(e, b.now())
			}
			continue
		}
		at.Shown = m.Digest()
		if err := b.store.SetPlace(ctx, id, at); err != nil {
			b.log.Error("note where a message stands", "request", id, "key", key, "error", err)
		}
	}
	return until
}
