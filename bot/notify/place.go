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
	// places are the request's posted messages, by key. A delivered message is added.
	places map[string]bot.Place
	p      message.Post
	tries  int         // of the telling, including this one
	m      bot.Message // as drawn for it
	at     bot.Place
	posted bool // before this delivery
}

// place posts or edits one message and stores where it is. closed is the problem of the
// approvers' channel, if that is why it failed.
func (d *delivery) place(ctx context.Context) (until pause, closed bot.ChannelProblem) {
	d.at, d.posted = d.places[d.p.Key]
	d.at.Key = d.p.Key
	if !d.posted && d.p.EditOnly {
		return pause{}, ""
	}
	if d.posted && (d.at.Shown == d.m.Digest() || d.at.TS == "" || d.at.Channel == bot.Privately || d.p.Once) {
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
		d.log.Error("cannot bring a message up to date", "request", d.r.ID, "key", d.p.Key, "error", err)
		return pause{tellRetry, true}, ""
	}
	return d.note(ctx), ""
}

// to returns where to post the message: a channel or a user, and the thread if it goes
// into one.
func (d *delivery) to() (channel, thread string) {
	if d.p.Thread {
		return d.places[bot.CardKey].Channel, d.places[bot.CardKey].TS
	}
	return d.p.To, ""
}

// send edits a posted message, or posts a new one. If it must wait for its turn, send
// returns how long and sends nothing.
func (d *delivery) send(ctx context.Context) (wait time.Duration, err error) {
	if d.posted {
		if wait, err = d.edit(ctx); wait > 0 || err != nil || d.posted {
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

// edit edits the message. If it can no longer be edited, edit clears posted, so that it
// is posted again, unless it is EditOnly.
func (d *delivery) edit(ctx context.Context) (wait time.Duration, err error) {
	if wait := d.slack.Pace.Update(letterOf(d.r, d.p), d.now()); wait > 0 {
		return wait, nil
	}
	err = d.update(ctx, d.p.Key, d.at.Channel, d.at.TS, d.m)
	e, refused := errors.AsType[*slackapi.Error](err)
	switch {
	case !refused:
	case d.p.EditOnly && (slackapi.Gone(e) || slackapi.Shut(e) != ""):
		d.log.Warn("a message cannot be edited and stays as it is", "request", d.r.ID, "key", d.p.Key, "error", err)
		return 0, nil
	case slackapi.Gone(e) && !(d.p.InChannel() && d.at.Channel == d.cfg.Channel && slackapi.Shut(e) != ""):
		d.log.Warn("a message of the bot is gone or too old to edit; posting it again", "request", d.r.ID, "key", d.p.Key, "error", err)
		// Forget the old place first. Otherwise a click on the new message, before its
		// place is stored, is told that the old one is live.
		d.posted = false
		return 0, d.store.SetPlace(ctx, d.r.ID, bot.Place{Key: d.p.Key})
	}
	return 0, err
}

// afterRefusal decides what to do after Slack refused the message.
func (d *delivery) afterRefusal(ctx context.Context, e *slackapi.Error) (until pause, closed bot.ChannelProblem) {
	asked := d.slack.Pace.Obey(e, d.now())
	d.log.Warn("cannot bring a message up to date", "request", d.r.ID, "key", d.p.Key, "error", e, "remedy", tellRemedy(d.p, e))
	wait := doubled(tellRetry, d.tries)
	to, _ := d.to()
	switch closed := slackapi.Shut(e); {
	case !d.p.InChannel() && !d.posted && e.Lasting(), d.p.Outcome && slackapi.Undeliverable(e):
		return d.tellOtherwise(ctx, e)
	case !d.p.InChannel() && slackapi.Undeliverable(e):
		return pause{}, "" // the posted message was true when it was sent
	case asked > 0 && d.posted:
		return pause{lasts: max(asked, d.slack.Pace.Update(letterOf(d.r, d.p), d.now()))}, ""
	case asked > 0:
		return pause{lasts: max(asked, d.slack.Pace.Post(to, letterOf(d.r, d.p), d.now()))}, ""
	case d.p.InChannel() && closed != "":
		return pause{min(wait, shutRetry), true}, closed
	case d.p.Thread && !d.posted && slackapi.Orphaned(e):
		return pause{d.doubtCard(ctx, d.r.ID), true}, ""
	}
	return pause{wait, true}, ""
}

// note stores where the message is and what it says.
func (d *delivery) note(ctx context.Context) pause {
	d.at.Shown = d.m.Digest()
	d.at.SaysNow(d.p.Tells, d.now())
	d.places[d.p.Key] = d.at
	log, what := d.log.With("request", d.r.ID, "key", d.p.Key), "note where a message stands"
	note := func(ctx context.Context) error { return d.store.SetPlace(ctx, d.r.ID, d.at) }
	var err error
	if d.posted { // the next try can repeat an edit
		err = d.pool.InsistClaimed(ctx, log, what, note)
	} else { // only this process knows where a new message is
		err = d.pool.Insist(d.pool.Context(), log, what, note)
	}
	if errors.Is(err, bot.ErrConflict) {
		log.Warn("another process has posted this message; its copy counts")
		delete(d.places, d.p.Key) // post nothing in the thread of our copy
		if !d.posted {
			d.takeBack(log, d.at)
		}
	}
	if err != nil {
		return pause{tellRetrySoon, true}
	}
	return pause{}
}

// takeBack deletes the second copy of a message, if Slack allows that: a second card
// would keep asking for a decision.
func (tl *Teller) takeBack(log *slog.Logger, at bot.Place) {
	ctx, cancel := context.WithTimeout(tl.pool.Context(), work.CourtesyWait)
	defer cancel()
	if err := tl.Delete(ctx, at.Channel, at.TS); err != nil {
		log.Warn("cannot delete the second copy of a message", "channel", at.Channel, "error", err)
	}
}

// doubtCard has a card posted again that somebody deleted, and returns how long to wait
// for it.
func (tl *Teller) doubtCard(ctx context.Context, id string) time.Duration {
	if err := tl.Doubt(ctx, id); err != nil {
		tl.log.Error("cannot note that a card is gone", "request", id, "error", err)
	}
	return tellRetrySoon
}

// triedAnswers is how many response URLs of one person are tried until Slack accepts an
// answer.
const triedAnswers = 3

// tellRemedy says what people can do about a message that Slack refused, if known.
func tellRemedy(p message.Post, e *slackapi.Error) string {
	if !p.InChannel() {
		return message.UndeliveredRemedy(e.Code)
	}
	return message.ChannelMend(slackapi.Shut(e))
}

// DirectRemedy says what people can do about a direct message that failed, if known.
func DirectRemedy(err error) string {
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return ""
	}
	return message.UndeliveredRemedy(e.Code)
}

// tellOtherwise replaces a refused direct message by an answer to the person's last
// action, or else by a note in the card's thread. closed is as in place.
func (d *delivery) tellOtherwise(ctx context.Context, e *slackapi.Error) (until pause, closed bot.ChannelProblem) {
	p, kind := d.p, bot.KeyKind(d.p.Key)
	log := d.log.With("request", d.r.ID, "key", p.Key, "user", p.To)
	if !slackapi.Undeliverable(e) {
		until = pause{doubled(tellRetry, d.tries), true}
	}
	leaver := kind == bot.TargetKey && slackapi.GonePerson(e) // no longer there to read it
	if !p.Rings(d.r) || leaver {
		return until, ""
	}
	receipt := kind == bot.ReceiptKind && !p.Outcome
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
		return until, "" // the note follows when the card is posted
	}
	wait, closed := note.place(ctx)
	if _, says := d.places[note.p.Key]; says && !said && receipt {
		d.answerLate(ctx, p.To, message.NoButton(d.r, e.Code, d.cfg.Emergency))
	}
	return until.and(wait), closed
}

// answerLate sends m to the newest of a person's response URLs that Slack still accepts.
func (tl *Teller) answerLate(ctx context.Context, slackID string, m bot.Message) bool {
	urls, err := tl.store.ResponseURLs(ctx, slackID, triedAnswers)
	if err != nil {
		tl.log.Error("cannot read where a person can still be answered", "user", slackID, "error", err)
	}
	for _, to := range urls {
		if err := tl.Respond(ctx, to, m); err == nil {
			return true
		}
	}
	return false
}
