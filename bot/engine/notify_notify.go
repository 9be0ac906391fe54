package engine

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// doubt forgets what the card shows, so that it is edited once more; if it has
// been deleted, that brings a new one.
func (b *Bot) doubt(ctx context.Context, id string) error {
	return b.store.Doubt(ctx, id, bot.CardKey)
}

func (b *Bot) post(ctx context.Context, key, to, thread string, m bot.Message) (channel, ts string, err error) {
	defer b.cfg.Witness.Sees("post", bot.KeyKind(key))()
	err = b.submit(to, m, func(m bot.Message) (err error) {
		channel, ts, err = b.slack.Post(ctx, to, thread, m)
		return err
	})
	return channel, ts, err
}

func (b *Bot) update(ctx context.Context, key, channel, ts string, m bot.Message) error {
	defer b.cfg.Witness.Sees("update", bot.KeyKind(key))()
	return b.submit(channel, m, func(m bot.Message) error { return b.slack.Update(ctx, channel, ts, m) })
}

func (b *Bot) delete(ctx context.Context, channel, ts string) error {
	defer b.cfg.Witness.Sees("delete stray")()
	return b.slack.Delete(ctx, channel, ts)
}

// moveCard posts a card that stands in the channel of another REVOKE_CHANNEL anew
// in that of now. The old one stays the live one until the new one is noted.
func (b *Bot) moveCard(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, tries int) (until pause) {
	m := p.Show()
	old, log := places[bot.CardKey], b.log.With("request", r.ID, "key", bot.CardKey, "channel", b.cfg.Channel)
	if others, err := b.hasOtherRules(ctx); others || err != nil {
		if err != nil {
			log.Error("look whether the card may move", "error", err)
		}
		return pause{} // the channel of whoever was started last is that of the cards
	}
	if wait := b.slack.Pace.Post(b.cfg.Channel, letterOf(r, message.Post{Key: bot.CardKey, Urgency: bot.OfCard}), b.now()); wait > 0 {
		return pause{lasts: wait}
	}
	at := bot.Place{Key: bot.CardKey, Shown: m.Digest()}
	var err error
	at.Channel, at.TS, err = b.post(ctx, bot.CardKey, b.cfg.Channel, "", m)
	at.SaysNow(p.Tells, b.now())
	if err != nil {
		log.Warn("post a card in the channel of now; the old one stays the live one", "error", err)
		if e, ok := errors.AsType[*slackapi.Error](err); ok {
			if asked := b.slack.Pace.Obey(e, b.now()); asked > 0 {
				return pause{lasts: asked}
			}
		}
		return pause{min(doubled(tellRetry, tries), shutRetry), true}
	}
	err = b.insist(b.work, log, "note where a card has moved to", func(ctx context.Context) error { return b.store.MoveCard(ctx, r.ID, old, at) })
	switch {
	case errors.Is(err, bot.ErrConflict):
		b.takeBack(log, at)
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

// submit sends a message, and where Slack does not take it as it is, once each what
// it may take instead. What Slack refused is not sent again for an hour.
func (b *Bot) submit(to string, m bot.Message, send func(bot.Message) error) error {
	for {
		key := to + " " + m.Digest()
		if e := b.refused.Known(key, b.now()); e != nil {
			other, why := message.Instead(m, e.Code)
			if why == "" {
				return e
			}
			m = other
			continue
		}
		err := send(m)
		e, ok := errors.AsType[*slackapi.Error](err)
		if !ok {
			return err
		}
		other, why := message.Instead(m, e.Code)
		if e.Invalid() { // what a place refuses, it may take once somebody has opened it
			b.refused.Add(key, e, b.now())
			b.log.Error("Slack refuses what a message holds; it is not sent again for an hour", "channel", to, "error", err)
		}
		if why == "" {
			return err
		}
		if m = other; !e.Invalid() {
			b.log.Warn("Slack refuses a message that mentions a user group; sending it without", "channel", to, "error", err,
				"remedy", "in Slack's settings, let this app mention user groups")
		}
	}
}

// A telling that Slack did not take is tried again after tellRetry, and then
// after twice as long each time; tellRetrySoon where Slack had no part in it.
const (
	tellRetry     = 5 * time.Second
	tellRetryMost = 10 * time.Minute
	tellRetrySoon = time.Second
	// tellMargin is what must be left of a step for one more message. Of a request
	// with many askers the rest goes in the next step.
	tellMargin = 2 * time.Second
)

// tell brings what stands in Slack up to the stored version, and goes on
// until it is the current one. One teller works on a request at a time;
// versions that came and went meanwhile are never shown.
func (b *Bot) tell(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	t, mine, err := b.store.ClaimTelling(ctx, id)
	if err != nil {
		b.log.Error("claim the telling", "request", id, "error", err)
		return
	}
	for mine {
		version, p := b.show(ctx, id, t.Tries)
		var retry bot.Retry
		if p.lasts > 0 {
			retry = bot.Retry{At: b.now().Add(p.lasts), PutOff: !p.failed}
		}
		var next bot.Telling
		if b.insistClaimed(ctx, b.log.With("request", id), "note what was told", func(ctx context.Context) (err error) {
			next, mine, err = b.store.Told(ctx, t, version, retry)
			return err
		}) != nil {
			return
		}
		t = next
	}
}

// pause is how long to wait until what does not stand is tried again; zero where
// all stands. failed: it was tried and failed, as against put off.
type pause struct {
	lasts  time.Duration
	failed bool
}

// and is the pause of two messages: until the first may go, and failed if either
// has.
func (p pause) and(other pause) pause {
	if other.lasts > 0 && (p.lasts == 0 || other.lasts < p.lasts) {
		p.lasts = other.lasts
	}
	p.failed = p.failed || other.failed
	return p
}

// doubled is the pause after so many tries, which are 1 or more.
func doubled(first time.Duration, tries int) time.Duration {
	return min(first<<min(tries-1, 10), tellRetryMost)
}

// show sends what differs from what stands there, and answers until when what
// does not stand waits.
func (b *Bot) show(ctx context.Context, id string, tries int) (version int64, until pause) {
	r, err := b.store.Request(ctx, id)
	_, broken := errors.AsType[*bot.Unreadable](err)
	if err != nil {
		b.log.Error("read what to tell", "request", id, "error", err)
	}
	if err != nil && !broken {
		return 0, pause{doubled(tellRetrySoon, tries), true}
	}
	places, err := b.store.Places(ctx, id)
	if err != nil {
		b.log.Error("read what stands", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	if broken {
		return 0, b.showUnreadable(ctx, id, places, tries)
	}
	v := b.view(ctx, &r, b.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS))
	if v.Meanwhile, err = b.meanwhile(ctx, &r); err != nil {
		b.log.Error("read whether the account was revoked meanwhile", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	spoke := false // Slack took something in the approvers' channel
	deliver := func(p message.Post) {
		if end, bound := ctx.Deadline(); bound && time.Until(end) < tellMargin {
			if !until.failed { // what failed has a pause of its own
				until = until.and(pause{lasts: tellRetrySoon})
			}
			return
		}
		before := places[p.Key]
		p.Able = v.Able
		its, problem := b.place(ctx, &r, places, p, tries)
		until = until.and(its)
		if problem != "" {
			v.Shut = problem
			b.noteShut(r.ID, p, problem)
		} else if now := places[p.Key]; now != before && now.Channel == b.cfg.Channel {
			spoke = true
			b.lastShut.Store(nil)
		}
	}
	for _, p := range message.Plan(&r, &v, b.cfg.Channel, places) {
		switch {
		case !p.InChannel():
			continue
		case p.Thread && (places[bot.CardKey].TS == "" || v.Shut != ""):
			continue // no card yet, or none to be reached, and that has a wait of its own
		case p.Key == bot.CardKey && places[bot.CardKey].TS != "" && places[bot.CardKey].Channel != b.cfg.Channel && message.CardMoves(&r, v):
			until = until.and(b.moveCard(ctx, &r, places, p, tries))
		}
		deliver(p)
	}
	if v.Shut == "" && !spoke {
		v.Shut = b.watched()
	}
	_, v.CancelPosted = places["cancel"]
	// What follows may speak of the card and of the channel, so it must know of them.
	v.CardLink = b.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS)
	for _, p := range message.Plan(&r, &v, b.cfg.Channel, places) {
		if !p.InChannel() {
			v.Told, v.CancelTold = message.ToldOf(places, bot.UnreachedKey), message.ToldOf(places, bot.CancelUnreachedKey)
			deliver(p)
		}
	}
	if places[bot.CardKey].TS != "" && v.Shut == "" {
		for _, p := range message.ToldSincePosts(&r, places) {
			deliver(p)
		}
	}
	return r.Version, until
}

// place posts or edits one message and notes where it stands. closed is what is
// wrong with the approvers' channel, if that is why it could not.
func (b *Bot) place(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, tries int) (until pause, closed bot.ChannelProblem) {
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
		if wait := b.slack.Pace.Update(letterOf(r, p), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		err = b.update(ctx, p.Key, at.Channel, at.TS, m)
		if e, ok := errors.AsType[*slackapi.Error](err); ok && p.EditOnly && (slackapi.Gone(e) || slackapi.Shut(e) != "") {
			b.log.Warn("a message that cannot be edited stays as it is", "request", r.ID, "key", p.Key, "error", err)
			at.Shown, err = digest, nil
		} else if ok && slackapi.Gone(e) && !(p.InChannel() && at.Channel == b.cfg.Channel && slackapi.Shut(e) != "") {
			b.log.Warn("a message of ours is gone or too old to edit; posting it anew", "request", r.ID, "key", p.Key, "error", err)
			// Forgotten first: whoever clicks the new one before it is noted
			// must not be told that the old one is the live one.
			stands, err = false, b.store.SetPlace(ctx, r.ID, bot.Place{Key: p.Key})
		}
	}
	if err == nil && !stands {
		if wait := b.slack.Pace.Post(to, letterOf(r, p), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		at.Channel, at.TS, err = b.post(ctx, p.Key, to, thread, m)
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok {
		asked := b.slack.Pace.Obey(e, b.now())
		b.log.Warn("tell", "request", r.ID, "key", p.Key, "error", err, "remedy", tellRemedy(p, e))
		wait := doubled(tellRetry, tries)
		switch closed := slackapi.Shut(e); {
		case !p.InChannel() && !stands && e.Lasting():
			return b.tellOtherwise(ctx, r, places, p, m, e, tries)
		case !p.InChannel() && slackapi.Undeliverable(e):
			return pause{}, "" // what stands there was true
		case asked > 0 && stands:
			return pause{lasts: max(asked, b.slack.Pace.Update(letterOf(r, p), b.now()))}, ""
		case asked > 0:
			return pause{lasts: max(asked, b.slack.Pace.Post(to, letterOf(r, p), b.now()))}, ""
		case p.InChannel() && closed != "":
			return pause{min(wait, shutRetry), true}, closed
		case p.Thread && !stands && slackapi.Orphaned(e):
			return pause{b.doubtCard(ctx, r.ID), true}, ""
		}
		return pause{wait, true}, ""
	}
	if err != nil {
		b.log.Error("tell", "request", r.ID, "key", p.Key, "error", err)
		return pause{tellRetry, true}, ""
	}
	at.Shown = digest
	at.SaysNow(p.Tells, b.now())
	places[p.Key] = at
	log, what := b.log.With("request", r.ID, "key", p.Key), "note where a message stands"
	note := func(ctx context.Context) error { return b.store.SetPlace(ctx, r.ID, at) }
	if stands { // an edit can be made again
		err = b.insistClaimed(ctx, log, what, note)
	} else { // where a new message stands nobody else knows
		err = b.insist(b.work, log, what, note)
	}
	if errors.Is(err, bot.ErrConflict) {
		log.Warn("somebody else has posted this message meanwhile; theirs counts")
		delete(places, p.Key) // nothing shall follow under ours
		if !stands {
			b.takeBack(log, at)
		}
	}
	if err != nil {
		return pause{tellRetrySoon, true}, ""
	}
	return pause{}, ""
}

// takeBack deletes a message that was posted a second time, as far as Slack lets
// it: a second card would go on asking for a decision.
func (b *Bot) takeBack(log *slog.Logger, at bot.Place) {
	ctx, cancel := context.WithTimeout(b.work, courtesyWait)
	defer cancel()
	if err := b.delete(ctx, at.Channel, at.TS); err != nil {
		log.Warn("take back a message that stands twice", "channel", at.Channel, "error", err)
	}
}

// doubtCard has a card looked after that somebody has deleted, and answers how
// long to wait for that.
func (b *Bot) doubtCard(ctx context.Context, id string) time.Duration {
	if err := b.doubt(ctx, id); err != nil {
		b.log.Error("look after a card that is gone", "request", id, "error", err)
	}
	return tellRetrySoon
}

// shutRetry is the longest pause before a channel that could not be posted to
// is tried again: whoever has invited the bot waits for the card.
const shutRetry = time.Minute

// shutAt is what kept a message from being posted in the approvers' channel, other
// than what it held, and when.
type shutAt struct {
	problem bot.ChannelProblem
	at      time.Time
}

// shutNow is what is known to keep the bot from posting in the approvers' channel.
// What was refused is tried again within shutRetry, perhaps by another replica: what
// this one has not seen again for longer may be over.
func (b *Bot) shutNow() bot.ChannelProblem {
	if problem := b.watched(); problem != "" {
		return problem
	}
	if last := b.lastShut.Load(); last != nil && !bot.Elapsed(last.at, b.now(), 3*shutRetry) {
		return last.problem
	}
	return ""
}

// shutTo is what keeps the bot from posting the card of a request, as far as it is
// known: what is the matter with the channel, or else with a card that is missing.
func (b *Bot) shutTo(r *bot.Request, v message.View) bot.ChannelProblem {
	if problem := b.shutNow(); problem != "" || v.CardLink != "" {
		return problem
	}
	if e := b.unposted.Known(r.ID, b.now()); e != nil {
		return slackapi.Shut(e)
	}
	return ""
}

// noteShut notes what kept a message of a request from being posted or edited in the
// approvers' channel. What Slack does not take of one message is nothing that the
// others wait for.
func (b *Bot) noteShut(request string, p message.Post, problem bot.ChannelProblem) {
	code, _ := problem.Code()
	switch {
	case !problem.OfContent():
		b.lastShut.Store(&shutAt{problem, b.now()})
	case p.Key == bot.CardKey:
		b.unposted.Add(request, &slackapi.Error{Method: "chat.postMessage", Code: code}, b.now())
	}
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

// directRemedy is undeliveredRemedy of an error.
func directRemedy(err error) string {
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return ""
	}
	return message.UndeliveredRemedy(e.Code)
}

// tellOtherwise does what can be done where Slack refuses a direct message. closed
// is as in place.
func (b *Bot) tellOtherwise(ctx context.Context, r *bot.Request, places map[string]bot.Place, p message.Post, m bot.Message, e *slackapi.Error, tries int) (until pause, closed bot.ChannelProblem) {
	log := b.log.With("request", r.ID, "key", p.Key, "user", p.To)
	if !slackapi.Undeliverable(e) {
		until = pause{doubled(tellRetry, tries), true}
	}
	leaver := bot.KeyKind(p.Key) == "target" && slackapi.GonePerson(e) // who waits for nothing
	if !p.Rings(r) || leaver {
		return until, ""
	}
	if bot.KeyKind(p.Key)+":" != bot.OfReceipts && b.answerLate(ctx, p.To, m) {
		at := bot.Place{Key: p.Key, Channel: bot.Privately, TS: "0", Shown: m.Digest()}
		places[p.Key] = at
		if b.insist(b.work, log, "note what was told as an answer", func(ctx context.Context) error { return b.store.SetPlace(ctx, r.ID, at) }) != nil {
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
	its, closed := b.place(ctx, r, places, note, tries)
	if _, says := places[note.Key]; says && !said && bot.KeyKind(p.Key)+":" == bot.OfReceipts {
		b.answerLate(ctx, p.To, message.NoButton(r, e.Code, b.cfg.Emergency))
	}
	return until.and(its), closed
}

// answerLate answers the last act of a person that Slack still takes an answer to.
func (b *Bot) answerLate(ctx context.Context, slackID string, m bot.Message) bool {
	urls, err := b.store.ResponseURLs(ctx, slackID, triedAnswers)
	if err != nil {
		b.log.Error("read where somebody may still be answered", "user", slackID, "error", err)
	}
	for _, to := range urls {
		if err := b.respond(ctx, to, m); err == nil {
			return true
		}
	}
	return false
}
