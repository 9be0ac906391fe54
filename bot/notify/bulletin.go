package notify

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// Announce brings what stands in Slack of a notice up to what it says now.
func (tl *Teller) Announce(ctx context.Context, n bot.Notice) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	log, what := tl.log.With("notice", n.Key), "note what was announced"
	until, err := tl.publish(ctx, n)
	if err != nil {
		log.Error("read what to announce", "error", err)
		until = pause{doubled(tellRetrySoon, n.Tries), true}
	}
	var retry bot.Retry
	if until.lasts > 0 {
		retry = bot.Retry{At: tl.now().Add(until.lasts), PutOff: !until.failed}
	}
	note := func(ctx context.Context) error { return tl.store.Announced(ctx, n, retry) }
	if retry.At.IsZero() {
		_ = tl.pool.Insist(tl.pool.Context(), log, what, note)
	} else {
		_ = tl.pool.InsistClaimed(ctx, log, what, note)
	}
}

// publish posts and edits the messages of a notice, and answers until when what
// does not stand waits.
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
		its, closed := tl.pin(ctx, o, to)
		until = until.and(its)
		if to == o.Home {
			o.V.Shut = closed
		}
	}
	deliver(o.Home)
	others, acted := o.Readers(), []string{}
	if o.V.Shut != "" {
		others = append(append(others, tl.brakers(ctx)...), o.Actors()...)
	}
	for to := range o.Places {
		if to != o.Home && !bot.SlackUser.MatchString(to) { // the channel of another REVOKE_CHANNEL
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
	// They read who else was told.
	o.V.Told = slices.DeleteFunc(o.Readers(), func(id string) bool { return slices.Contains(o.Actors(), id) })
	for _, to := range acted {
		deliver(to)
	}
	return until, nil
}

// bulletin reads what there is to say, and what stands of it.
func (tl *Teller) bulletin(ctx context.Context, n bot.Notice) (*message.Bulletin, error) {
	o := &message.Bulletin{Notice: n, Home: tl.cfg.Channel, Places: map[string]bot.NoticePlace{}, V: tl.View(ctx, nil, "")}
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

// overtaken reports whether a notice is of an earlier version, which stored one
// for each step of a freeze, and that freeze is over.
func (tl *Teller) overtaken(ctx context.Context, n bot.Notice) (bool, error) {
	step, number, _ := strings.Cut(n.Key, "#")
	if step = bot.KeyKind(step); n.Freeze != 0 || number == "" || step != "frozen" && step != "unfreeze_asked" {
		return false, nil
	}
	on, frozen, err := tl.store.Frozen(ctx)
	return err == nil && !(frozen && number == strconv.FormatInt(on.ID, 10)), err
}

// brakers are the Slack IDs of those who could freeze and unfreeze, as far as
// they are known.
func (tl *Teller) brakers(ctx context.Context) []string {
	return tl.ableToFreeze(tl.approvers.Fresh(ctx))
}

func (tl *Teller) ableToFreeze(known lookup.Roster) []string {
	able := slices.DeleteFunc(slices.Clone(known.People), func(a lookup.Approver) bool {
		return !tl.cfg.Check(authz.Freeze, a.Actor, authz.Matter{}).Allowed
	})
	return lookup.Direct(known.Mentions(tl.cfg.Policy.Approvers, able), able)
}

// pinning is one message of a notice on its way to one place.
type pinning struct {
	*Teller
	o     *message.Bulletin
	to    string
	m     bot.Message
	at    bot.NoticePlace
	fresh bool // it is to be posted
}

// pin posts or edits one message of a notice, rings for what is new under it, and
// notes it. closed is what is wrong with the approvers' channel, if that is why it
// could not.
func (tl *Teller) pin(ctx context.Context, o *message.Bulletin, to string) (until pause, closed bot.ChannelProblem) {
	n := &pinning{Teller: tl, o: o, to: to, m: o.Says(to)}
	n.m.Able = o.V.Able
	before, stands := o.Places[to]
	n.at, n.fresh = before, !stands
	wait, err := n.send(ctx)
	switch {
	case wait > 0:
		return pause{lasts: wait}, ""
	case err != nil:
		return tl.unpinned(o, to, err)
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

// send edits the message where it says something else by now, or posts it, unless it is
// not its turn yet.
func (n *pinning) send(ctx context.Context) (wait time.Duration, err error) {
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

// edit edits the message. One that Slack has no more is posted again only while it is no
// thing of the past.
func (n *pinning) edit(ctx context.Context) error {
	log := n.log.With("notice", n.o.Key, "channel", n.to)
	err := n.update(ctx, "notice", n.at.Channel, n.at.TS, n.m)
	e, refused := errors.AsType[*slackapi.Error](err)
	switch former := n.to != n.o.Home && !bot.SlackUser.MatchString(n.to); {
	case !refused:
	case former && (slackapi.Gone(e) || slackapi.Shut(e) != ""):
		log.Warn("a notice in a channel of earlier stays as it is", "error", err)
		return nil
	case slackapi.Gone(e) && !(n.to == n.o.Home && slackapi.Shut(e) != ""):
		log.Warn("a notice of ours is gone or too old to edit", "error", err)
		n.at.News, n.fresh = n.o.Steps(), !n.o.Over()
		return nil
	}
	return err
}

// ring posts what is new of a freeze under its message, where somebody should be rung.
func (n *pinning) ring(ctx context.Context) (until pause, closed bot.ChannelProblem) {
	news, rings := n.o.News(n.to, n.now())
	if !rings {
		return pause{}, ""
	}
	news.Able = n.o.V.Able
	if wait := n.slack.Pace.Post(n.at.Channel, n.noticeLetter(n.o, n.to), n.now()); wait > 0 {
		return pause{lasts: wait}, ""
	}
	if _, _, err := n.Post(ctx, "notice", n.at.Channel, n.at.TS, news); err != nil {
		return n.unpinned(n.o, n.to, err)
	}
	return pause{}, ""
}

// note stores where the message stands and what it says.
func (n *pinning) note(ctx context.Context) error {
	log, what := n.log.With("notice", n.o.Key, "channel", n.to), "note where a notice stands"
	note := func(ctx context.Context) error { return n.store.SetNoticePlace(ctx, n.o.ID, n.at) }
	if n.fresh { // where a new message stands nobody else knows
		return n.pool.Insist(n.pool.Context(), log, what, note)
	}
	return n.pool.InsistClaimed(ctx, log, what, note)
}

// noticeLetter is a message of a notice as it waits to be sent: before new cards,
// for it is what everybody should know who decides.
func (tl *Teller) noticeLetter(o *message.Bulletin, to string) slackapi.Letter {
	return slackapi.Letter{Key: "notice " + o.Key + " " + to, Since: tl.now()}
}

// unpinned answers for how long to leave alone what Slack did not take.
func (tl *Teller) unpinned(o *message.Bulletin, to string, err error) (until pause, closed bot.ChannelProblem) {
	tl.log.Warn("announce", "notice", o.Key, "channel", to, "error", err, "remedy", DirectRemedy(err))
	wait := doubled(tellRetry, o.Tries)
	e, ok := errors.AsType[*slackapi.Error](err)
	if !ok {
		return pause{wait, true}, ""
	}
	closed = slackapi.Shut(e)
	switch asked := tl.slack.Pace.Obey(e, tl.now()); {
	case bot.SlackUser.MatchString(to) && slackapi.Undeliverable(e):
		return pause{}, "" // nobody there to read it
	case asked > 0:
		return pause{lasts: asked}, ""
	case to == o.Home && closed != "" && !o.Over():
		return pause{min(wait, shutRetry), true}, closed
	}
	return pause{wait, true}, closed
}
