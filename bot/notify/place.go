package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/work"
)

// delivery is one message of a request on its way to Slack.
type delivery struct {
	*Teller
	r *bot.Request
	// places are the request's messages that stand, by key. A message that was delivered
	// is noted here, too.
	places map[string]bot.Place
	p      message.Post
	tries  int         // of the telling, this one included
	m      bot.Message // as drawn for it
	// Set by place: where the message stands, and whether it was posted before.
	at     bot.Place
	stands bool
}

// place posts or edits one message and notes where it stands. closed is what is
// wrong with the approvers' channel, if that is why it could not.
func (d *delivery) place(ctx context.Context) (until pause, closed bot.ChannelProblem) {
	d.m.Able = d.p.Able
	d.at, d.stands = d.places[d.p.Key]
	d.at.Key = d.p.Key
	if d.stands && (d.at.Shown == d.m.Digest() || d.at.TS == "" || d.at.Channel == bot.Privately || d.p.Once) {
		return pause{}, ""
	}
	wait, err := d.send(ctx)
	e, refused := errors.AsType[*slackapi.Error](err)
	switch {
	case wait > 0:
		return pause{lasts: wait}, ""
	case refused:
		return d.afterRefusal(ctx, e)
	case err != nil:
		d.log.Error("tell", "request", d.r.ID, "key", d.p.Key, "error", err)
		return pause{tellRetry, true}, ""
	}
	return d.note(ctx), ""
}

// to is where it is posted: a channel or a user, and the thread, if it goes into one.
func (d *delivery) to() (channel, thread string) {
	if d.p.Thread {
		return d.places[bot.CardKey].Channel, d.places[bot.CardKey].TS
	}
	return d.p.To, ""
}

// send edits the message where it stands, or else posts it, unless it is not its turn yet.
func (d *delivery) send(ctx context.Context) (wait time.Duration, err error) {
	if d.stands {
		if wait, err = d.edit(ctx); wait > 0 || err != nil || d.stands {
			return wait, err
		}
	}
	to, thread := d.to()
	if wait := d.slack.Pace.Post(to, letterOf(d.r, d.p), d.now()); wait > 0 {
		return wait, nil
	}
	d.at.Channel, d.at.TS, err = d.Post(ctx, d.p.Key, to, thread, d.m)
	return 0, err
}

// edit edits the message. Where Slack has it no more, it stands no more: it is to be
// posted, unless it says only what may be over.
func (d *delivery) edit(ctx context.Context) (wait time.Duration, err error) {
	if wait := d.slack.Pace.Update(letterOf(d.r, d.p), d.now()); wait > 0 {
		return wait, nil
	}
	err = d.update(ctx, d.p.Key, d.at.Channel, d.at.TS, d.m)
	e, refused := errors.AsType[*slackapi.Error](err)
	switch {
	case !refused:
	case d.p.EditOnly && (slackapi.Gone(e) || slackapi.Shut(e) != ""):
		d.log.Warn("a message that cannot be edited stays as it is", "request", d.r.ID, "key", d.p.Key, "error", err)
		return 0, nil
	case slackapi.Gone(e) && !(d.p.InChannel() && d.at.Channel == d.cfg.Channel && slackapi.Shut(e) != ""):
		d.log.Warn("a message of ours is gone or too old to edit; posting it anew", "request", d.r.ID, "key", d.p.Key, "error", err)
		// Forgotten first: a click on the new one before it is noted must not be told
		// that the old one is the live one.
		d.stands = false
		return 0, d.store.SetPlace(ctx, d.r.ID, bot.Place{Key: d.p.Key})
	}
	return 0, err
}

// afterRefusal decides what follows from Slack's no.
func (d *delivery) afterRefusal(ctx context.Context, e *slackapi.Error) (until pause, closed bot.ChannelProblem) {
	asked := d.slack.Pace.Obey(e, d.now())
	d.log.Warn("tell", "request", d.r.ID, "key", d.p.Key, "error", e, "remedy", tellRemedy(d.p, e))
	wait := doubled(tellRetry, d.tries)
	to, _ := d.to()
	switch closed := slackapi.Shut(e); {
	case !d.p.InChannel() && !d.stands && e.Lasting():
		return d.tellOtherwise(ctx, e)
	case !d.p.InChannel() && slackapi.Undeliverable(e):
		return pause{}, "" // what stands there was true
	case asked > 0 && d.stands:
		return pause{lasts: max(asked, d.slack.Pace.Update(letterOf(d.r, d.p), d.now()))}, ""
	case asked > 0:
		return pause{lasts: max(asked, d.slack.Pace.Post(to, letterOf(d.r, d.p), d.now()))}, ""
	case d.p.InChannel() && closed != "":
		return pause{min(wait, shutRetry), true}, closed
	case d.p.Thread && !d.stands && slackapi.Orphaned(e):
		return pause{d.doubtCard(ctx, d.r.ID), true}, ""
	}
	return pause{wait, true}, ""
}

// note stores where the message stands and what it says.
func (d *delivery) note(ctx context.Context) pause {
	d.at.Shown = d.m.Digest()
	d.at.SaysNow(d.p.Tells, d.now())
	d.places[d.p.Key] = d.at
	log, what := d.log.With("request", d.r.ID, "key", d.p.Key), "note where a message stands"
	note := func(ctx context.Context) error { return d.store.SetPlace(ctx, d.r.ID, d.at) }
	var err error
	if d.stands { // an edit can be made again
		err = d.pool.InsistClaimed(ctx, log, what, note)
	} else { // where a new message stands nobody else knows
		err = d.pool.Insist(d.pool.Context(), log, what, note)
	}
	if errors.Is(err, bot.ErrConflict) {
		log.Warn("somebody else has posted this message meanwhile; theirs counts")
		delete(d.places, d.p.Key) // nothing must follow under ours
		if !d.stands {
			d.takeBack(log, d.at)
		}
	}
	if err != nil {
		return pause{tellRetrySoon, true}
	}
	return pause{}
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

// DirectRemedy says what somebody can do about a direct message that could not be sent,
// where that is known.
func DirectRemedy(err error) string {
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return ""
	}
	return message.UndeliveredRemedy(e.Code)
}

// tellOtherwise does what can be done where Slack refuses a direct message. closed
// is as in place.
func (d *delivery) tellOtherwise(ctx context.Context, e *slackapi.Error) (until pause, closed bot.ChannelProblem) {
	p, kind := d.p, bot.KeyKind(d.p.Key)
	log := d.log.With("request", d.r.ID, "key", p.Key, "user", p.To)
	if !slackapi.Undeliverable(e) {
		until = pause{doubled(tellRetry, d.tries), true}
	}
	leaver := kind == "target" && slackapi.GonePerson(e) // who waits for nothing
	if !p.Rings(d.r) || leaver {
		return until, ""
	}
	receipt := kind+":" == bot.OfReceipts
	if !receipt && d.answerLate(ctx, p.To, d.m) {
		at := bot.Place{Key: p.Key, Channel: bot.Privately, TS: "0", Shown: d.m.Digest()}
		d.places[p.Key] = at
		note := func(ctx context.Context) error { return d.store.SetPlace(ctx, d.r.ID, at) }
		if d.pool.Insist(d.pool.Context(), log, "note what was told as an answer", note) != nil {
			return pause{tellRetrySoon, true}, ""
		}
		return pause{}, ""
	}
	note := *d
	note.p = message.Post{Key: bot.UntoldKey + p.Key, Thread: true, Once: true}
	note.m = message.UntoldNote(d.r, p.To, e.Code)
	_, said := d.places[note.p.Key]
	if !said {
		log.Error("somebody could not be told, neither by direct message nor as an answer", "error", e,
			"remedy", message.UndeliveredRemedy(e.Code))
	}
	if d.places[bot.CardKey].TS == "" {
		return until, "" // the card is owed, and this with it
	}
	its, closed := note.place(ctx)
	if _, says := d.places[note.p.Key]; says && !said && receipt {
		d.answerLate(ctx, p.To, message.NoButton(d.r, e.Code, d.cfg.Emergency))
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
