package notify

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/work"
)

// moveCard posts a card that stands in the channel of another REVOKE_CHANNEL anew
// in that of now. The old one stays the live one until the new one is noted.
func (tl *Teller) moveCard(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, tries int) (until pause) {
	m := p.Show()
	old, log := places[bot.CardKey], tl.log.With("request", r.ID, "key", bot.CardKey, "channel", tl.cfg.Channel)
	if others, err := tl.OtherRules(ctx); others || err != nil {
		if err != nil {
			log.Error("look whether the card may move", "error", err)
		}
		return pause{} // the channel of whoever was started last is that of the cards
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
	err = tl.pool.Insist(tl.pool.Context(), log, "note where a card has moved to", func(ctx context.Context) error { return tl.store.MoveCard(ctx, r.ID, old, at) })
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

// place posts or edits one message and notes where it stands. closed is what is
// wrong with the approvers' channel, if that is why it could not.
func (tl *Teller) place(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, tries int) (until pause, closed bot.ChannelProblem) {
	m := p.Show()
	m.Able = p.Able
	at, stands := places[p.Key]
	at.Key = p.Key
	digest := m.Digest()
	if stands && (at.Shown == digest || at.TS == "" || at.Channel == bot.Privately || p.Once) {
		return pause{}, ""
	}
	to, thread := p.To, ""
	if p.Thread {
		to, thread = places[bot.CardKey].Channel, places[bot.CardKey].TS
	}
	var err error
	if stands {
		if wait := tl.slack.Pace.Update(letterOf(r, p), tl.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		err = tl.update(ctx, p.Key, at.Channel, at.TS, m)
		if e, ok := errors.AsType[*slackapi.Error](err); ok && p.EditOnly && (slackapi.Gone(e) || slackapi.Shut(e) != "") {
			tl.log.Warn("a message that cannot be edited stays as it is", "request", r.ID, "key", p.Key, "error", err)
			at.Shown, err = digest, nil
		} else if ok && slackapi.Gone(e) && !(p.InChannel() && at.Channel == tl.cfg.Channel && slackapi.Shut(e) != "") {
			tl.log.Warn("a message of ours is gone or too old to edit; posting it anew", "request", r.ID, "key", p.Key, "error", err)
			// Forgotten first: whoever clicks the new one before it is noted
			// must not be told that the old one is the live one.
			stands, err = false, tl.store.SetPlace(ctx, r.ID, bot.Place{Key: p.Key})
		}
	}
	if err == nil && !stands {
		if wait := tl.slack.Pace.Post(to, letterOf(r, p), tl.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		at.Channel, at.TS, err = tl.Post(ctx, p.Key, to, thread, m)
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok {
		asked := tl.slack.Pace.Obey(e, tl.now())
		tl.log.Warn("tell", "request", r.ID, "key", p.Key, "error", err, "remedy", tellRemedy(p, e))
		wait := doubled(tellRetry, tries)
		switch closed := slackapi.Shut(e); {
		case !p.InChannel() && !stands && e.Lasting():
			return tl.tellOtherwise(ctx, r, places, p, m, e, tries)
		case !p.InChannel() && slackapi.Undeliverable(e):
			return pause{}, "" // what stands there was true
		case asked > 0 && stands:
			return pause{lasts: max(asked, tl.slack.Pace.Update(letterOf(r, p), tl.now()))}, ""
		case asked > 0:
			return pause{lasts: max(asked, tl.slack.Pace.Post(to, letterOf(r, p), tl.now()))}, ""
		case p.InChannel() && closed != "":
			return pause{min(wait, shutRetry), true}, closed
		case p.Thread && !stands && slackapi.Orphaned(e):
			return pause{tl.doubtCard(ctx, r.ID), true}, ""
		}
		return pause{wait, true}, ""
	}
	if err != nil {
		tl.log.Error("tell", "request", r.ID, "key", p.Key, "error", err)
		return pause{tellRetry, true}, ""
	}
	at.Shown = digest
	at.SaysNow(p.Tells, tl.now())
	places[p.Key] = at
	log, what := tl.log.With("request", r.ID, "key", p.Key), "note where a message stands"
	note := func(ctx context.Context) error { return tl.store.SetPlace(ctx, r.ID, at) }
	if stands { // an edit can be made again
		err = tl.pool.InsistClaimed(ctx, log, what, note)
	} else { // where a new message stands nobody else knows
		err = tl.pool.Insist(tl.pool.Context(), log, what, note)
	}
	if errors.Is(err, bot.ErrConflict) {
		log.Warn("somebody else has posted this message meanwhile; theirs counts")
		delete(places, p.Key) // nothing shall follow under ours
		if !stands {
			tl.takeBack(log, at)
		}
	}
	if err != nil {
		return pause{tellRetrySoon, true}, ""
	}
	return pause{}, ""
}

// takeBack deletes a message that was posted a second time, as far as Slack lets
// it: a second card would go on asking for a decision.
func (tl *Teller) takeBack(log *slog.Logger, at bot.Place) {
	ctx, cancel := context.WithTimeout(tl.pool.Context(), work.CourtesyWait)
	defer cancel()
	if err := tl.Delete(ctx, at.Channel, at.TS); err != nil {
		log.Warn("take back a message that stands twice", "channel", at.Channel, "error", err)
	}
}

// doubtCard has a card looked after that somebody has deleted, and answers how
// long to wait for that.
func (tl *Teller) doubtCard(ctx context.Context, id string) time.Duration {
	if err := tl.Doubt(ctx, id); err != nil {
		tl.log.Error("look after a card that is gone", "request", id, "error", err)
	}
	return tellRetrySoon
}

const (
	// triedAnswers is how many acts of one person are answered in turn until Slack
	// takes it.
	triedAnswers = 3
)

// tellRemedy says what somebody can do about a message that Slack refused, as far
// as that is known.
func tellRemedy(p message.Post, e *slackapi.Error) string {
	if !p.InChannel() {
		return message.UndeliveredRemedy(e.Code)
	}
	return message.ChannelMend(slackapi.Shut(e))
}

// DirectRemedy is undeliveredRemedy of an error.
func DirectRemedy(err error) string {
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return ""
	}
	return message.UndeliveredRemedy(e.Code)
}

// tellOtherwise does what can be done where Slack refuses a direct message. closed
// is as in place.
func (tl *Teller) tellOtherwise(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, m bot.Message, e *slackapi.Error, tries int) (until pause, closed bot.ChannelProblem) {
	log := tl.log.With("request", r.ID, "key", p.Key, "user", p.To)
	if !slackapi.Undeliverable(e) {
		until = pause{doubled(tellRetry, tries), true}
	}
	leaver := bot.KeyKind(p.Key) == "target" && slackapi.GonePerson(e) // who waits for nothing
	if !p.Rings(r) || leaver {
		return until, ""
	}
	if bot.KeyKind(p.Key)+":" != bot.OfReceipts && tl.answerLate(ctx, p.To, m) {
		at := bot.Place{Key: p.Key, Channel: bot.Privately, TS: "0", Shown: m.Digest()}
		places[p.Key] = at
		if tl.pool.Insist(tl.pool.Context(), log, "note what was told as an answer", func(ctx context.Context) error { return tl.store.SetPlace(ctx, r.ID, at) }) != nil {
			return pause{tellRetrySoon, true}, ""
		}
		return pause{}, ""
	}
	note := message.Post{Key: bot.UntoldKey + p.Key, Thread: true, Once: true, Show: func() bot.Message { return message.UntoldNote(r, p.To, e.Code) }}
	_, said := places[note.Key]
	if !said {
		log.Error("somebody could not be told, neither by direct message nor as an answer", "error", e, "remedy", message.UndeliveredRemedy(e.Code))
	}
	if places[bot.CardKey].TS == "" {
		return until, "" // the card is owed, and this with it
	}
	its, closed := tl.place(ctx, r, places, note, tries)
	if _, says := places[note.Key]; says && !said && bot.KeyKind(p.Key)+":" == bot.OfReceipts {
		tl.answerLate(ctx, p.To, message.NoButton(r, e.Code, tl.cfg.Emergency))
	}
	return until.and(its), closed
}

// answerLate answers the last act of a person that Slack still takes an answer to.
func (tl *Teller) answerLate(ctx context.Context, slackID string, m bot.Message) bool {
	urls, err := tl.store.ResponseURLs(ctx, slackID, triedAnswers)
	if err != nil {
		tl.log.Error("read where somebody may still be answered", "user", slackID, "error", err)
	}
	for _, to := range urls {
		if err := tl.Respond(ctx, to, m); err == nil {
			return true
		}
	}
	return false
}
