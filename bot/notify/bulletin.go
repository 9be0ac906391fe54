package notify

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// Announce posts a notice, or edits its posted messages to what it says now.
func (tl *Teller) Announce(ctx context.Context, n bot.Notice) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	log, what := tl.log.With("notice", n.Key), "note what was announced"
	until, err := tl.publish(ctx, n)
	if err != nil {
		log.Error("cannot read what to announce", "error", err)
		until = pause{doubled(tellRetrySoon, n.Tries), true}
	}
	var retry bot.Retry
	if until.lasts > 0 {
		retry = bot.Retry{At: tl.now().Add(until.lasts), PutOff: !until.failed}
	}
	if n.Freeze != 0 {
		defer tl.oweHomes(ctx, "")
	}
	note := func(ctx context.Context) error { return tl.store.Announced(ctx, n, retry) }
	if retry.At.IsZero() {
		_ = tl.pool.Insist(tl.pool.Context(), log, what, note)
	} else {
		_ = tl.pool.InsistClaimed(ctx, log, what, note)
	}
}

// publish posts and edits the messages of a notice. It returns how long to wait for
// those that could not be sent.
func (tl *Teller) publish(ctx context.Context, n bot.Notice) (until pause, err error) {
	if over, err := tl.overtaken(ctx, n); over || err != nil {
		return until, err
	}
	o, err := tl.bulletin(ctx, n)
	if err != nil {
		return until, err
	}
	deliver := func(to string) {
		if !o.Owes(to, tl.now()) {
			return
		}
		wait, closed := tl.placeNotice(ctx, o, to)
		until = until.and(wait)
		if to == o.Home {
			o.V.Shut = closed
		}
	}
	deliver(o.Home)
	others, acted := o.Readers(), []string{}
	if o.V.Shut != "" {
		others = append(append(others, tl.ableToFreeze(tl.approvers.Fresh(ctx))...), o.Actors()...)
	}
	for to := range o.Places {
		if to != o.Home && !bot.SlackUser.MatchString(to) { // posted under another REVOKE_CHANNEL
			deliver(to)
		}
	}
	slices.Sort(others)
	for _, to := range slices.Compact(others) {
		if slices.Contains(o.Actors(), to) {
			acted = append(acted, to)
		} else {
			deliver(to)
		}
	}
	// The actors come last: their message says who else was told.
	o.V.Told = slices.DeleteFunc(o.Readers(), func(id string) bool { return slices.Contains(o.Actors(), id) })
	for _, to := range acted {
		deliver(to)
	}
	return until, nil
}

// bulletin reads the posted messages of a notice, and its freeze.
func (tl *Teller) bulletin(ctx context.Context, n bot.Notice) (*message.Bulletin, error) {
	o := &message.Bulletin{Notice: n, Home: tl.cfg.Channel, Places: map[string]bot.NoticePlace{}, V: tl.View(ctx, nil)}
	if bot.SlackUser.MatchString(n.To) {
		o.Home = n.To
	}
	places, err := tl.store.NoticePlaces(ctx, n.ID)
	for _, p := range places {
		o.Places[p.To] = p
	}
	if err == nil && n.Freeze != 0 {
		var f bot.Freeze
		f, err = tl.store.Freeze(ctx, n.Freeze)
		o.Freeze = &f
	}
	return o, err
}

// overtaken reports whether a notice is about one step of a freeze that is over.
// Earlier versions of the bot stored one notice per step.
func (tl *Teller) overtaken(ctx context.Context, n bot.Notice) (bool, error) {
	step, number, _ := strings.Cut(n.Key, "#")
	if step = bot.KeyKind(step); n.Freeze != 0 || number == "" || step != "frozen" && step != "unfreeze_asked" {
		return false, nil
	}
	f, frozen, err := tl.store.Frozen(ctx)
	return err == nil && !(frozen && number == strconv.FormatInt(f.ID, 10)), err
}

// ableToFreeze returns the Slack IDs of the known approvers who may freeze.
func (tl *Teller) ableToFreeze(known lookup.Roster) []string {
	able, _ := known.Acting(tl.cfg.Check)
	return lookup.Direct(known.Mentions(tl.cfg.Policy.Approvers, able), able)
}

// noticeDelivery is one message of a notice on its way to one destination.
type noticeDelivery struct {
	*Teller
	o     *message.Bulletin
	to    string
	m     bot.Message
	at    bot.NoticePlace
	fresh bool // must be posted, not edited
}

// placeNotice posts or edits one message of a notice, posts the news in its thread, and
// stores its place. closed is the problem of the approvers' channel, if that is why it
// failed.
func (tl *Teller) placeNotice(ctx context.Context, o *message.Bulletin, to string) (until pause, closed bot.ChannelProblem) {
	n := &noticeDelivery{Teller: tl, o: o, to: to, m: o.Says(to)}
	n.m.Able = o.V.Able
	before, posted := o.Places[to]
	n.at, n.fresh = before, !posted
	wait, err := n.send(ctx)
	switch {
	case wait > 0:
		return pause{lasts: wait}, ""
	case err != nil:
		return tl.afterNoticeFailure(o, to, err)
	}
	n.at.Shown = n.m.Digest()
	o.Places[to] = n.at
	if o.Freeze != nil {
		until, closed = n.ring(ctx)
		if until.lasts == 0 {
			n.at.News = o.Steps()
		}
	}
	if n.at != before && n.note(ctx) != nil {
		until = until.and(pause{tellRetrySoon, true})
	}
	o.Places[to] = n.at
	return until, closed
}

// send edits the message if what it says has changed, or posts it. If it must wait for
// its turn, send returns how long and sends nothing.
func (n *noticeDelivery) send(ctx context.Context) (wait time.Duration, err error) {
	if !n.fresh && n.at.Shown != n.m.Digest() {
		if wait := n.slack.Pace.Update(n.noticeLetter(n.o, n.to), n.now()); wait > 0 {
			return wait, nil
		}
		if err := n.edit(ctx); err != nil {
			return 0, err
		}
	}
	if !n.fresh {
		return 0, nil
	}
	if wait := n.slack.Pace.Post(n.to, n.noticeLetter(n.o, n.to), n.now()); wait > 0 {
		return wait, nil
	}
	n.at = bot.NoticePlace{To: n.to, News: n.o.Steps()}
	n.at.Channel, n.at.TS, err = n.Post(ctx, "notice", n.to, "", n.m)
	return 0, err
}

// edit edits the message. If it can no longer be edited, it must be posted again, unless
// its freeze is over.
func (n *noticeDelivery) edit(ctx context.Context) error {
	log := n.log.With("notice", n.o.Key, "channel", n.to)
	err := n.update(ctx, "notice", n.at.Channel, n.at.TS, n.m)
	e, refused := errors.AsType[*slackapi.Error](err)
	switch former := n.to != n.o.Home && !bot.SlackUser.MatchString(n.to); {
	case !refused:
	case former && (slackapi.Gone(e) || slackapi.Shut(e) != ""):
		log.Warn("a notice in a former channel cannot be edited", "error", err)
		return nil
	case slackapi.Gone(e) && !(n.to == n.o.Home && slackapi.Shut(e) != ""):
		log.Warn("a notice of the bot is gone or too old to edit", "error", err)
		n.at.News, n.fresh = n.o.Steps(), !n.o.Over()
		return nil
	}
	return err
}

// ring posts the news of a freeze in the thread of its message, if somebody needs it.
func (n *noticeDelivery) ring(ctx context.Context) (until pause, closed bot.ChannelProblem) {
	news, rings := n.o.News(n.to, n.now())
	if !rings {
		return pause{}, ""
	}
	news.Able = n.o.V.Able
	if wait := n.slack.Pace.Post(n.at.Channel, n.noticeLetter(n.o, n.to), n.now()); wait > 0 {
		return pause{lasts: wait}, ""
	}
	if _, _, err := n.Post(ctx, "notice", n.at.Channel, n.at.TS, news); err != nil {
		return n.afterNoticeFailure(n.o, n.to, err)
	}
	return pause{}, ""
}

// note stores where the message is and what it says.
func (n *noticeDelivery) note(ctx context.Context) error {
	log, what := n.log.With("notice", n.o.Key, "channel", n.to), "note where a notice stands"
	note := func(ctx context.Context) error { return n.store.SetNoticePlace(ctx, n.o.ID, n.at) }
	if n.fresh { // only this process knows where a new message is
		return n.pool.Insist(n.pool.Context(), log, what, note)
	}
	return n.pool.InsistClaimed(ctx, log, what, note)
}

// noticeLetter is a message of a notice in the queue to Slack. It goes before new cards,
// because people need it to decide.
func (tl *Teller) noticeLetter(o *message.Bulletin, to string) slackapi.Letter {
	return slackapi.Letter{Key: "notice " + o.Key + " " + to, Since: tl.now()}
}

// afterNoticeFailure returns how long to wait after a message of a notice was not sent.
func (tl *Teller) afterNoticeFailure(o *message.Bulletin, to string, err error) (until pause, closed bot.ChannelProblem) {
	tl.log.Warn("cannot post an announcement", "notice", o.Key, "channel", to, "error", err, "remedy", DirectRemedy(err))
	wait := doubled(tellRetry, o.Tries)
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return pause{wait, true}, ""
	}
	closed = slackapi.Shut(e)
	switch asked := tl.slack.Pace.Obey(e, tl.now()); {
	case bot.SlackUser.MatchString(to) && slackapi.Undeliverable(e):
		return pause{}, "" // no direct message can reach this user
	case asked > 0:
		return pause{lasts: asked}, ""
	case to == o.Home && closed != "" && !o.Over():
		return pause{min(wait, shutRetry), true}, closed
	}
	return pause{wait, true}, closed
}
