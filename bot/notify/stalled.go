package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// showUnreadable edits the card and the receipts of a request whose row cannot be read:
// they say that the bot cannot go on. It returns how long to wait before the next look,
// because somebody may repair the row.
func (tl *Teller) showUnreadable(ctx context.Context, id string, places map[string]bot.Place, tries int) pause {
	until := pause{doubled(tellRetrySoon, tries), true}
	v := tl.View(ctx, nil)
	for key, at := range places {
		if key != bot.CardKey && bot.KeyKind(key) != bot.ReceiptKind || at.TS == "" {
			continue
		}
		m := message.StalledNotice(id, nil, v)
		if at.Shown == m.Digest() {
			continue
		}
		if wait := tl.slack.Pace.Update(slackapi.Letter{Key: id + " " + key, Since: tl.now()}, tl.now()); wait > 0 {
			until = until.and(pause{lasts: wait})
			continue
		}
		if err := tl.update(ctx, key, at.Channel, at.TS, m); err != nil {
			tl.log.Warn("cannot bring a message up to date", "request", id, "key", key, "error", err)
			if e, ok := errors.AsType[*slackapi.Error](err); ok {
				tl.slack.Pace.Obey(e, tl.now())
			}
			continue
		}
		at.Shown = m.Digest()
		if err := tl.store.SetPlace(ctx, id, at); err != nil {
			tl.log.Error("cannot note where a message is", "request", id, "key", key, "error", err)
		}
	}
	return until
}

// Stall tells people that the bot cannot go on with a request: once, or once a day while
// its row cannot be read. Calling it again does nothing more.
func (tl *Teller) Stall(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	r, err := tl.store.Request(ctx, id)
	known := &r
	if _, broken := errors.AsType[*bot.Unreadable](err); broken {
		known = nil
	} else if err != nil {
		tl.log.Error("cannot read a request that cannot go on", "request", id, "error", err)
		return
	}
	if known != nil && !r.StalledAt.IsZero() {
		return // already told
	}
	n := bot.Notice{
		Key:     fmt.Sprintf("stalled:%s:%s", id, tl.now().UTC().Format(time.DateOnly)),
		Message: message.StalledNotice(id, known, tl.View(ctx, known)),
	}
	// Announce first: a call after a crash in between does the rest, and announces nothing
	// twice.
	if _, err := tl.store.Announce(ctx, n); err != nil {
		tl.log.Error("cannot store an announcement", "request", id, "error", err)
		return // the request is not marked as told, and so the next call tries again
	}
	fresh, err := tl.store.Stall(ctx, id)
	if err != nil {
		tl.log.Error("cannot note that a request cannot go on", "request", id, "error", err)
		return
	}
	if fresh {
		tl.log.Error("the bot cannot go on with a request, and people are told: revoke by hand if it cannot wait", "request", id)
		tl.Tell(ctx, id)
	}
}
