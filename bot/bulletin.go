package bot

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// A notice goes to the approvers' channel. While that is shut, the approvers
// read it by direct message, and it follows in the channel. A notice of a freeze
// is one message in each of these places, which is edited as the freeze goes on:
// what has come and gone before it could be posted is not posted as news.

// newsFor is for how long the end of a freeze rings for those who have read of
// its beginning. After that the one message says so.
const newsFor = 10 * time.Minute

// bulletin is a notice on its way to its readers.
type bulletin struct {
	Notice
	home   string  // where it goes: the approvers' channel, or a user
	freeze *Freeze // as it is now; nil for a notice of something else
	places map[string]NoticePlace
	v      View
}

// announce brings what stands in Slack of a notice up to what it says now.
func (b *Bot) announce(ctx context.Context, n Notice) {
	ctx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	log, what := b.log.With("notice", n.Key), "note what was announced"
	until, err := b.publish(ctx, n)
	if err != nil {
		log.Error("read what to announce", "error", err)
		until = pause{doubled(tellRetrySoon, n.Tries), true}
	}
	var retry Retry
	if until.lasts > 0 {
		retry = Retry{At: b.now().Add(until.lasts), PutOff: !until.failed}
	}
	note := func(ctx context.Context) error { return b.store.Announced(ctx, n, retry) }
	if retry.At.IsZero() {
		_ = b.insist(b.work, log, what, note)
	} else {
		_ = b.insistClaimed(ctx, log, what, note)
	}
}

// publish posts and edits the messages of a notice, and answers until when what
// does not stand waits.
func (b *Bot) publish(ctx context.Context, n Notice) (until pause, err error) {
	if over, err := b.overtaken(ctx, n); over || err != nil {
		return until, err
	}
	o, err := b.bulletin(ctx, n)
	if err != nil {
		return until, err
	}
	deliver := func(to string) {
		if !o.owes(to, b.now()) {
			return
		}
		its, closed := b.pin(ctx, o, to)
		until = until.and(its)
		if to == o.home {
			o.v.Shut = closed
		}
	}
	deliver(o.home)
	others, acted := o.readers(), []string{}
	if o.v.Shut != "" {
		others = append(append(others, b.brakers(ctx)...), o.actors()...)
	}
	for to := range o.places {
		if to != o.home && !slackUser.MatchString(to) { // the channel of another REVOKE_CHANNEL
			deliver(to)
		}
	}
	slices.Sort(others)
	for _, to := range slices.Compact(others) {
		if slices.Contains(o.actors(), to) {
			acted = append(acted, to)
		} else {
			deliver(to)
		}
	}
	// They read who else was told.
	o.v.Told = slices.DeleteFunc(o.readers(), func(id string) bool { return slices.Contains(o.actors(), id) })
	for _, to := range acted {
		deliver(to)
	}
	return until, nil
}

// bulletin reads what there is to say, and what stands of it.
func (b *Bot) bulletin(ctx context.Context, n Notice) (*bulletin, error) {
	o := &bulletin{Notice: n, home: b.cfg.Channel, places: map[string]NoticePlace{}, v: b.view(ctx, nil, "")}
	if slackUser.MatchString(n.To) {
		o.home = n.To
	}
	places, err := b.store.NoticePlaces(ctx, n.ID)
	for _, p := range places {
		o.places[p.To] = p
	}
	if err == nil && n.Freeze != 0 {
		var f Freeze
		f, err = b.store.Freeze(ctx, n.Freeze)
		o.freeze = &f
	}
	return o, err
}

// overtaken reports whether a notice is of an earlier version, which stored one
// for each step of a freeze, and that freeze is over.
func (b *Bot) overtaken(ctx context.Context, n Notice) (bool, error) {
	step, number, _ := strings.Cut(n.Key, "#")
	if step = kind(step); n.Freeze != 0 || number == "" || step != "frozen" && step != "unfreeze_asked" {
		return false, nil
	}
	on, frozen, err := b.store.Frozen(ctx)
	return err == nil && !(frozen && number == strconv.FormatInt(on.ID, 10)), err
}

// brakers are the Slack IDs of those who could freeze and unfreeze, as far as
// they are known.
func (b *Bot) brakers(ctx context.Context) []string { return b.ableToFreeze(b.approvers.fresh(ctx)) }

func (b *Bot) ableToFreeze(known roster) []string {
	able := slices.DeleteFunc(slices.Clone(known.people), func(a approver) bool {
		return !b.check(authz.Freeze, a.actor, authz.Matter{}).Allowed
	})
	return direct(known.mentions(b.cfg.Policy.Approvers, able), able)
}

// readers are those who have it as a direct message.
func (o *bulletin) readers() (ids []string) {
	for to := range o.places {
		if to != o.home && slackUser.MatchString(to) {
			ids = append(ids, to)
		}
	}
	slices.Sort(ids)
	return ids
}

// actors are those who have frozen, or asked to end it.
func (o *bulletin) actors() (ids []string) {
	if o.freeze == nil {
		return nil
	}
	for _, a := range append(slices.Clone(o.freeze.Votes), o.freeze.By) {
		ids = append(ids, a.SlackID)
	}
	return ids
}

// over reports whether it is about a freeze that is over.
func (o *bulletin) over() bool { return o.freeze != nil && !o.freeze.EndedAt.IsZero() }

// steps counts what has happened since the notice was first owed.
func (o *bulletin) steps() int {
	if o.freeze == nil {
		return 0
	}
	return o.freeze.steps()
}

// owes reports whether something is to be posted or edited there.
func (o *bulletin) owes(to string, now time.Time) bool {
	_, stands := o.places[to]
	switch {
	case o.freeze == nil:
		return !stands
	case stands || !o.over():
		return true
	case to == o.home: // once, for the record, unless that is in another channel
		return len(o.readers()) == len(o.places)
	}
	return len(o.places) > 0 && now.Sub(o.freeze.EndedAt) < newsFor
}

// says is what stands at one place.
func (o *bulletin) says(to string) Message {
	_, stands := o.places[to]
	channel := to == o.home || !slackUser.MatchString(to)
	m := o.Message
	if o.freeze != nil {
		m = FreezeNotice(o.freeze, o.v, o.over() && channel && !stands)
	}
	if channel {
		return m
	}
	p := &page{}
	p.ready(m)
	p.add(o.why(to))
	return p.message()
}

// why says why somebody reads it by direct message, and who else does.
func (o *bulletin) why(reader string) *line {
	l := &line{}
	switch _, stands := o.places[o.home]; {
	case o.v.Shut != "":
		l.bold("I cannot post this in the approvers' channel").say(": %s. %s", o.v.Shut.Says(), o.v.Shut.Mend())
	case stands:
		return l.say("I could not post this in the approvers' channel at first. It is there now.")
	default:
		return l.say("I could not post this in the approvers' channel yet.")
	}
	switch told := o.v.Told; {
	case !slices.Contains(o.actors(), reader):
	case len(told) == 0:
		l.say(" I could not tell another approver: please tell them yourself.")
	default:
		l.say(" I have told ").people(told).say(" by direct message.")
	}
	return l
}

// news is what rings for the last step of a freeze where its message stands;
// false where nobody is to be rung.
func (o *bulletin) news(to string, now time.Time) (Message, bool) {
	at := o.places[to]
	last := len(o.freeze.Votes) > 0 && o.freeze.Votes[len(o.freeze.Votes)-1].SlackID == to
	switch direct := slackUser.MatchString(to); {
	case at.News >= o.steps(), o.over() && now.Sub(o.freeze.EndedAt) >= newsFor:
		return Message{}, false
	case direct && o.v.Shut == "", !direct && to != o.home: // read elsewhere
		return Message{}, false
	case last: // their own step
		p := &page{}
		p.add(o.why(to))
		return p.message(), true
	}
	return FreezeNews(o.freeze, o.v), true
}

// pin posts or edits one message of a notice, rings for what is new under it, and
// notes it. closed is what is wrong with the approvers' channel, if that is why it
// could not.
func (b *Bot) pin(ctx context.Context, o *bulletin, to string) (until pause, closed ChannelProblem) {
	log := b.log.With("notice", o.Key, "channel", to)
	at, stands := o.places[to]
	before := at
	m := o.says(to)
	m.able = o.v.Able
	digest, fresh := m.digest(), !stands
	var err error
	if stands && at.Shown != digest {
		if wait := b.slack.pace.update(b.noticeLetter(o, to), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		err = b.update(ctx, "notice", at.Channel, at.TS, m)
		e, ok := errors.AsType[*SlackError](err)
		switch former := to != o.home && !slackUser.MatchString(to); {
		case !ok:
		case former && (gone(e) || shut(e) != ""):
			log.Warn("a notice in a channel of earlier stays as it is", "error", err)
			at.Shown, err = digest, nil
		case gone(e) && !(to == o.home && shut(e) != ""):
			log.Warn("a notice of ours is gone or too old to edit", "error", err)
			// Posted anew only if it is no thing of the past.
			at.Shown, at.News, err, fresh = digest, o.steps(), nil, !o.over()
		}
	}
	if err == nil && fresh {
		if wait := b.slack.pace.post(to, b.noticeLetter(o, to), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		at = NoticePlace{To: to, News: o.steps()}
		at.Channel, at.TS, err = b.post(ctx, "notice", to, "", m)
	}
	if err != nil {
		return b.unpinned(o, to, err)
	}
	at.Shown = digest
	o.places[to] = at
	if o.freeze != nil {
		if news, rings := o.news(to, b.now()); rings {
			news.able = o.v.Able
			if wait := b.slack.pace.post(at.Channel, b.noticeLetter(o, to), b.now()); wait > 0 {
				until = pause{lasts: wait}
			} else if _, _, err := b.post(ctx, "notice", at.Channel, at.TS, news); err != nil {
				until, closed = b.unpinned(o, to, err)
			}
		}
		if until.lasts == 0 {
			at.News = o.steps()
		}
	}
	if at == before {
		return until, closed
	}
	note := func(ctx context.Context) error { return b.store.SetNoticePlace(ctx, o.ID, at) }
	what := "note where a notice stands"
	if fresh {
		err = b.insist(b.work, log, what, note)
	} else {
		err = b.insistClaimed(ctx, log, what, note)
	}
	if err != nil {
		until = until.and(pause{tellRetrySoon, true})
	}
	o.places[to] = at
	return until, closed
}

// noticeLetter is a message of a notice as it waits to be sent: before new cards,
// for it is what everybody should know who decides.
func (b *Bot) noticeLetter(o *bulletin, to string) letter {
	return letter{key: "notice " + o.Key + " " + to, since: b.now()}
}

// unpinned answers for how long to leave alone what Slack did not take.
func (b *Bot) unpinned(o *bulletin, to string, err error) (until pause, closed ChannelProblem) {
	b.log.Warn("announce", "notice", o.Key, "channel", to, "error", err, "remedy", directRemedy(err))
	wait := doubled(tellRetry, o.Tries)
	e, ok := errors.AsType[*SlackError](err)
	if !ok {
		return pause{wait, true}, ""
	}
	closed = shut(e)
	switch asked := b.slack.pace.obey(e, b.now()); {
	case slackUser.MatchString(to) && undeliverable(e):
		return pause{}, "" // nobody there to read it
	case asked > 0:
		return pause{lasts: asked}, ""
	case to == o.home && closed != "" && !o.over():
		return pause{min(wait, shutRetry), true}, closed
	}
	return pause{wait, true}, closed
}
