package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// Doubt forgets what the card shows, so that the bot edits it again. If the card was
// deleted, the bot then posts a new one.
func (tl *Teller) Doubt(ctx context.Context, id string) error {
	return tl.store.Doubt(ctx, id, bot.CardKey)
}

// A message that Slack refused is tried again after tellRetry, and then after twice as
// long each time. The pause is tellRetrySoon if the failure was not Slack's.
const (
	tellRetry     = 5 * time.Second
	tellRetryMost = 10 * time.Minute
	tellRetrySoon = time.Second
	// tellMargin is how much of a step must be left to send one more message. If a
	// request has many askers, the next step sends the rest.
	tellMargin = 2 * time.Second
)

// Tell brings a request's messages in Slack up to the stored version, and repeats this
// until no newer version is stored. Only one process tells a request at a time. A
// version that was replaced in the meantime is never shown.
func (tl *Teller) Tell(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	t, mine, err := tl.store.ClaimTelling(ctx, id)
	if err != nil {
		tl.log.Error("cannot claim a request whose messages are due", "request", id, "error", err)
		return
	}
	if mine {
		defer tl.oweHomes(ctx, id) // after everything else that is told
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

// oweHomes owes a view to the people who have their Home tab open and see the request there;
// "" is what all approvers see. If that fails, they see it when they open the tab again.
func (tl *Teller) oweHomes(ctx context.Context, request string) {
	if err := tl.store.OweHomes(ctx, request); err != nil && ctx.Err() == nil {
		tl.log.Warn("cannot have the open Home tabs published again", "request", request, "error", err)
	}
}

// pause is how long to wait before messages that were not sent are tried again; zero if
// all were sent.
type pause struct {
	lasts  time.Duration
	failed bool // a try failed; otherwise the messages were only put off
}

// and returns the pause of two messages: the shorter wait, and failed if either failed.
func (p pause) and(other pause) pause {
	if other.lasts > 0 && (p.lasts == 0 || other.lasts < p.lasts) {
		p.lasts = other.lasts
	}
	p.failed = p.failed || other.failed
	return p
}

// doubled returns the pause after the given number of tries, which is at least 1.
func doubled(first time.Duration, tries int) time.Duration {
	return min(first<<min(tries-1, 10), tellRetryMost)
}

// show sends the messages of a request that differ from the posted ones. It returns how
// long to wait for those that could not be sent.
func (tl *Teller) show(ctx context.Context, id string, tries int) (version int64, until pause) {
	r, err := tl.store.Request(ctx, id)
	_, broken := errors.AsType[*bot.Unreadable](err)
	if err != nil {
		tl.log.Error("cannot read the request whose messages are due", "request", id, "error", err)
	}
	if err != nil && !broken {
		return 0, pause{doubled(tellRetrySoon, tries), true}
	}
	places, err := tl.store.Places(ctx, id)
	if err != nil {
		tl.log.Error("cannot read where the messages of a request are", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	if broken {
		return 0, tl.showUnreadable(ctx, id, places, tries)
	}
	t := &showing{Teller: tl, r: &r, places: places, tries: tries, v: tl.View(ctx, &r)}
	tl.noteCard(&t.v, places)
	if t.v.Meanwhile, err = tl.Meanwhile(ctx, &r); err != nil {
		tl.log.Error("cannot read whether the account was revoked meanwhile", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	t.inChannel(ctx)
	t.directly(ctx)
	return r.Version, t.until
}

// showing is one run of show: the posted messages, and what was learned on the way.
type showing struct {
	*Teller
	r        *bot.Request
	places   map[string]bot.Place
	tries    int
	v        message.View
	until    pause
	accepted bool // Slack accepted a message in the approvers' channel
}

// inChannel brings the messages in the approvers' channel up to date.
func (t *showing) inChannel(ctx context.Context) {
	for _, p := range message.Plan(t.r, t.v, t.cfg.Channel, t.places) {
		card := t.places[bot.CardKey]
		switch {
		case !p.InChannel():
			continue
		case p.Thread && (card.TS == "" || t.v.Shut != ""):
			continue // no card to reply to; the card has its own pause
		case p.Key == bot.CardKey && card.TS != "" && card.Channel != t.cfg.Channel && message.CardMoves(t.r, t.v):
			t.until = t.until.and(t.moveCard(ctx, p))
		}
		t.deliver(ctx, p)
	}
	if t.v.Shut == "" && !t.accepted {
		t.v.Shut = t.watched()
	}
	_, t.v.CancelPosted = t.places[bot.CancelKey]
	t.noteCard(&t.v, t.places)
}

// directly brings the direct messages up to date. It comes after inChannel, because they
// may mention the card and the channel.
func (t *showing) directly(ctx context.Context) {
	plan := message.Plan(t.r, t.v, t.cfg.Channel, t.places)
	t.noteTold()
	for _, p := range plan {
		if p.InChannel() {
			continue
		}
		about := slices.Contains([]string{bot.UnreachedKey, bot.CancelUnreachedKey}, bot.KeyKind(p.Key)+":")
		t.v.CanOpen = about && t.canOpen(ctx, &t.v, p.To) // no other direct message has a link to the card
		t.deliver(ctx, p)
		if about {
			t.noteTold()
		}
	}
	if t.places[bot.CardKey].TS != "" && t.v.Shut == "" {
		for _, p := range message.ToldSincePosts(t.r, t.places) {
			t.deliver(ctx, p)
		}
	}
}

// noteTold notes which approvers have a direct message about the channel.
func (t *showing) noteTold() {
	t.v.Told, t.v.CancelTold = message.ToldOf(t.places, bot.UnreachedKey), message.ToldOf(t.places, bot.CancelUnreachedKey)
}

// draw draws a message by what is known now. Able are mentioned if no user group can be.
func (t *showing) draw(p message.Post) bot.Message {
	m := p.Draw(t.r, t.v)
	m.Able = t.v.Able
	return m
}

// deliver brings one message up to date if the step has time left.
func (t *showing) deliver(ctx context.Context, p message.Post) {
	if end, bound := ctx.Deadline(); bound && time.Until(end) < tellMargin {
		if !t.until.failed { // a failure has its own pause
			t.until = t.until.and(pause{lasts: tellRetrySoon})
		}
		return
	}
	before := t.places[p.Key]
	d := &delivery{Teller: t.Teller, r: t.r, places: t.places, p: p, tries: t.tries, m: t.draw(p)}
	wait, problem := d.place(ctx)
	t.until = t.until.and(wait)
	if problem != "" {
		t.v.Shut = problem
		t.noteShut(t.r.ID, p, problem)
	} else if now := t.places[p.Key]; now != before && now.Channel == t.cfg.Channel {
		t.accepted = true
		t.lastShut.Store(nil)
	}
}

// letterOf is a post in the queue to Slack.
func letterOf(r *bot.Request, p message.Post) slackapi.Letter {
	return slackapi.Letter{Key: r.ID + " " + p.Key, Urgency: p.Urgency, Self: r.Lane == authz.Self, By: r.Requester().SlackID,
		Since: r.CreatedAt}
}
