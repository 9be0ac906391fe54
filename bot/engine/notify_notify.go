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
	"revoke-sessions/bot/work"
)

// doubt forgets what the card shows, so that it is edited once more; if it has
// been deleted, that brings a new one.
func (tl *Teller) doubt(ctx context.Context, id string) error {
	return tl.store.Doubt(ctx, id, bot.CardKey)
}

func (tl *Teller) post(ctx context.Context, key, to, thread string, m bot.Message) (channel, ts string, err error) {
	defer tl.cfg.Witness.Sees("post", bot.KeyKind(key))()
	err = tl.submit(to, m, func(m bot.Message) (err error) {
		channel, ts, err = tl.slack.Post(ctx, to, thread, m)
		return err
	})
	return channel, ts, err
}

func (tl *Teller) update(ctx context.Context, key, channel, ts string, m bot.Message) error {
	defer tl.cfg.Witness.Sees("update", bot.KeyKind(key))()
	return tl.submit(channel, m, func(m bot.Message) error { return tl.slack.Update(ctx, channel, ts, m) })
}

func (tl *Teller) delete(ctx context.Context, channel, ts string) error {
	defer tl.cfg.Witness.Sees("delete stray")()
	return tl.slack.Delete(ctx, channel, ts)
}

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
	at.Channel, at.TS, err = tl.post(ctx, bot.CardKey, tl.cfg.Channel, "", m)
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

// submit sends a message, and where Slack does not take it as it is, once each what
// it may take instead. What Slack refused is not sent again for an hour.
func (tl *Teller) submit(to string, m bot.Message, send func(bot.Message) error) error {
	for {
		key := to + " " + m.Digest()
		if e := tl.refused.Known(key, tl.now()); e != nil {
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
			tl.refused.Add(key, e, tl.now())
			tl.log.Error("Slack refuses what a message holds; it is not sent again for an hour", "channel", to, "error", err)
		}
		if why == "" {
			return err
		}
		if m = other; !e.Invalid() {
			tl.log.Warn("Slack refuses a message that mentions a user group; sending it without", "channel", to, "error", err,
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
func (tl *Teller) tell(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	t, mine, err := tl.store.ClaimTelling(ctx, id)
	if err != nil {
		tl.log.Error("claim the telling", "request", id, "error", err)
		return
	}
	for mine {
		version, p := tl.show(ctx, id, t.Tries)
		var retry bot.Retry
		if p.lasts > 0 {
			retry = bot.Retry{At: tl.now().Add(p.lasts), PutOff: !p.failed}
		}
		var next bot.Telling
		if tl.pool.InsistClaimed(ctx, tl.log.With("request", id), "note what was told", func(ctx context.Context) (err error) {
			next, mine, err = tl.store.Told(ctx, t, version, retry)
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
func (tl *Teller) show(ctx context.Context, id string, tries int) (version int64, until pause) {
	r, err := tl.store.Request(ctx, id)
	_, broken := errors.AsType[*bot.Unreadable](err)
	if err != nil {
		tl.log.Error("read what to tell", "request", id, "error", err)
	}
	if err != nil && !broken {
		return 0, pause{doubled(tellRetrySoon, tries), true}
	}
	places, err := tl.store.Places(ctx, id)
	if err != nil {
		tl.log.Error("read what stands", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	if broken {
		return 0, tl.showUnreadable(ctx, id, places, tries)
	}
	v := tl.view(ctx, &r, tl.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS))
	if v.Meanwhile, err = tl.Meanwhile(ctx, &r); err != nil {
		tl.log.Error("read whether the account was revoked meanwhile", "request", id, "error", err)
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
		its, problem := tl.place(ctx, &r, places, p, tries)
		until = until.and(its)
		if problem != "" {
			v.Shut = problem
			tl.noteShut(r.ID, p, problem)
		} else if now := places[p.Key]; now != before && now.Channel == tl.cfg.Channel {
			spoke = true
			tl.lastShut.Store(nil)
		}
	}
	for _, p := range message.Plan(&r, &v, tl.cfg.Channel, places) {
		switch {
		case !p.InChannel():
			continue
		case p.Thread && (places[bot.CardKey].TS == "" || v.Shut != ""):
			continue // no card yet, or none to be reached, and that has a wait of its own
		case p.Key == bot.CardKey && places[bot.CardKey].TS != "" && places[bot.CardKey].Channel != tl.cfg.Channel && message.CardMoves(&r, v):
			until = until.and(tl.moveCard(ctx, &r, places, p, tries))
		}
		deliver(p)
	}
	if v.Shut == "" && !spoke {
		v.Shut = tl.watched()
	}
	_, v.CancelPosted = places["cancel"]
	// What follows may speak of the card and of the channel, so it must know of them.
	v.CardLink = tl.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS)
	for _, p := range message.Plan(&r, &v, tl.cfg.Channel, places) {
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
		at.Channel, at.TS, err = tl.post(ctx, p.Key, to, thread, m)
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
	if err := tl.delete(ctx, at.Channel, at.TS); err != nil {
		log.Warn("take back a message that stands twice", "channel", at.Channel, "error", err)
	}
}

// doubtCard has a card looked after that somebody has deleted, and answers how
// long to wait for that.
func (tl *Teller) doubtCard(ctx context.Context, id string) time.Duration {
	if err := tl.doubt(ctx, id); err != nil {
		tl.log.Error("look after a card that is gone", "request", id, "error", err)
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
func (tl *Teller) shutNow() bot.ChannelProblem {
	if problem := tl.watched(); problem != "" {
		return problem
	}
	if last := tl.lastShut.Load(); last != nil && !bot.Elapsed(last.at, tl.now(), 3*shutRetry) {
		return last.problem
	}
	return ""
}

// shutTo is what keeps the bot from posting the card of a request, as far as it is
// known: what is the matter with the channel, or else with a card that is missing.
func (tl *Teller) shutTo(r *bot.Request, v message.View) bot.ChannelProblem {
	if problem := tl.shutNow(); problem != "" || v.CardLink != "" {
		return problem
	}
	if e := tl.unposted.Known(r.ID, tl.now()); e != nil {
		return slackapi.Shut(e)
	}
	return ""
}

// noteShut notes what kept a message of a request from being posted or edited in the
// approvers' channel. What Slack does not take of one message is nothing that the
// others wait for.
func (tl *Teller) noteShut(request string, p message.Post, problem bot.ChannelProblem) {
	code, _ := problem.Code()
	switch {
	case !problem.OfContent():
		tl.lastShut.Store(&shutAt{problem, tl.now()})
	case p.Key == bot.CardKey:
		tl.unposted.Add(request, &slackapi.Error{Method: "chat.postMessage", Code: code}, tl.now())
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
		if err := tl.respond(ctx, to, m); err == nil {
			return true
		}
	}
	return false
}

func (tl *Teller) openView(ctx context.Context, trigger bot.Secret, view message.Modal) error {
	defer tl.cfg.Witness.Sees("open form")()
	return tl.slack.OpenForm(ctx, trigger, view)
}

func (tl *Teller) respond(ctx context.Context, to bot.Secret, m bot.Message) error {
	defer tl.cfg.Witness.Sees("answer")()
	return tl.slack.Answer(ctx, to, m)
}
