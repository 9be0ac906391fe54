package notify

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

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

// pin posts or edits one message of a notice, rings for what is new under it, and
// notes it. closed is what is wrong with the approvers' channel, if that is why it
// could not.
func (tl *Teller) pin(ctx context.Context, o *message.Bulletin, to string) (until pause, closed bot.ChannelProblem) {
	log := tl.log.With("notice", o.Key, "channel", to)
	at, stands := o.Places[to]
	before := at
	m := o.Says(to)
	m.Able = o.V.Able
	digest, fresh := m.Digest(), !stands
	var err error
	if stands && at.Shown != digest {
		if wait := tl.slack.Pace.Update(tl.noticeLetter(o, to), tl.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		err = tl.update(ctx, "notice", at.Channel, at.TS, m)
		e, ok := errors.AsType[*slackapi.Error](err)
		switch former := to != o.Home && !bot.SlackUser.MatchString(to); {
		case !ok:
		case former && (slackapi.Gone(e) || slackapi.Shut(e) != ""):
			log.Warn("a notice in a channel of earlier stays as it is", "error", err)
			at.Shown, err = digest, nil
		case slackapi.Gone(e) && !(to == o.Home && slackapi.Shut(e) != ""):
			log.Warn("a notice of ours is gone or too old to edit", "error", err)
			// Posted anew only if it is no thing of the past.
			at.Shown, at.News, err, fresh = digest, o.Steps(), nil, !o.Over()
		}
	}
	if err == nil && fresh {
		if wait := tl.slack.Pace.Post(to, tl.noticeLetter(o, to), tl.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		at = bot.NoticePlace{To: to, News: o.Steps()}
		at.Channel, at.TS, err = tl.Post(ctx, "notice", to, "", m)
	}
	if err != nil {
		return tl.unpinned(o, to, err)
	}
	at.Shown = digest
	o.Places[to] = at
	if o.Freeze != nil {
		if news, rings := o.News(to, tl.now()); rings {
			news.Able = o.V.Able
			if wait := tl.slack.Pace.Post(at.Channel, tl.noticeLetter(o, to), tl.now()); wait > 0 {
				until = pause{lasts: wait}
			} else if _, _, err := tl.Post(ctx, "notice", at.Channel, at.TS, news); err != nil {
				until, closed = tl.unpinned(o, to, err)
			}
		}
		if until.lasts == 0 {
			at.News = o.Steps()
		}
	}
	if at == before {
		return until, closed
	}
	note := func(ctx context.Context) error { return tl.store.SetNoticePlace(ctx, o.ID, at) }
	what := "note where a notice stands"
	if fresh {
		err = tl.pool.Insist(tl.pool.Context(), log, what, note)
	} else {
		err = tl.pool.InsistClaimed(ctx, log, what, note)
	}
	if err != nil {
		until = until.and(pause{tellRetrySoon, true})
	}
	o.Places[to] = at
	return until, closed
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
