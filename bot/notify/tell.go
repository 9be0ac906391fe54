package notify

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// Doubt forgets what the card shows, so that it is edited once more; if it has
// been deleted, that brings a new one.
func (tl *Teller) Doubt(ctx context.Context, id string) error {
	return tl.store.Doubt(ctx, id, bot.CardKey)
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

// Tell brings what stands in Slack up to the stored version, and goes on
// until it is the current one. One teller works on a request at a time;
// versions that came and went meanwhile are never shown.
func (tl *Teller) Tell(ctx context.Context, id string) {
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
	t := &showing{Teller: tl, r: &r, places: places, tries: tries, v: tl.View(ctx, &r, tl.LinkTo(places[bot.CardKey]))}
	if t.v.Meanwhile, err = tl.Meanwhile(ctx, &r); err != nil {
		tl.log.Error("read whether the account was revoked meanwhile", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	t.inChannel(ctx)
	t.directly(ctx)
	return r.Version, t.until
}

// showing is one request as it is shown: what stands, and what was learned on the way.
type showing struct {
	*Teller
	r      *bot.Request
	places map[string]bot.Place
	tries  int
	v      message.View
	until  pause
	spoke  bool // Slack took something in the approvers' channel
}

// inChannel shows what stands in the approvers' channel.
func (t *showing) inChannel(ctx context.Context) {
	for _, p := range message.Plan(t.r, t.v, t.cfg.Channel, t.places) {
		card := t.places[bot.CardKey]
		switch {
		case !p.InChannel():
			continue
		case p.Thread && (card.TS == "" || t.v.Shut != ""):
			continue // no card yet, or none to be reached, and that has a wait of its own
		case p.Key == bot.CardKey && card.TS != "" && card.Channel != t.cfg.Channel && message.CardMoves(t.r, t.v):
			t.until = t.until.and(t.moveCard(ctx, p))
		}
		t.deliver(ctx, p)
	}
	if t.v.Shut == "" && !t.spoke {
		t.v.Shut = t.watched()
	}
	_, t.v.CancelPosted = t.places["cancel"]
	t.v.CardLink = t.LinkTo(t.places[bot.CardKey])
}

// directly shows what people have by direct message. It may speak of the card and of the
// channel, and so comes after what stands there.
func (t *showing) directly(ctx context.Context) {
	for _, p := range message.Plan(t.r, t.v, t.cfg.Channel, t.places) {
		if !p.InChannel() {
			t.v.Told, t.v.CancelTold = message.ToldOf(t.places, bot.UnreachedKey), message.ToldOf(t.places, bot.CancelUnreachedKey)
			t.deliver(ctx, p)
		}
	}
	if t.places[bot.CardKey].TS != "" && t.v.Shut == "" {
		for _, p := range message.ToldSincePosts(t.r, t.places) {
			t.deliver(ctx, p)
		}
	}
}

// deliver brings one message up to date, while there is time.
func (t *showing) deliver(ctx context.Context, p message.Post) {
	if end, bound := ctx.Deadline(); bound && time.Until(end) < tellMargin {
		if !t.until.failed { // what failed has a pause of its own
			t.until = t.until.and(pause{lasts: tellRetrySoon})
		}
		return
	}
	before := t.places[p.Key]
	p.Able = t.v.Able
	d := &delivery{Teller: t.Teller, r: t.r, places: t.places, p: p, tries: t.tries, m: p.Draw(t.r, t.v)}
	its, problem := d.place(ctx)
	t.until = t.until.and(its)
	if problem != "" {
		t.v.Shut = problem
		t.noteShut(t.r.ID, p, problem)
	} else if now := t.places[p.Key]; now != before && now.Channel == t.cfg.Channel {
		t.spoke = true
		t.lastShut.Store(nil)
	}
}

// letterOf is a post as it waits to be sent.
func letterOf(r *bot.Request, p message.Post) slackapi.Letter {
	return slackapi.Letter{Key: r.ID + " " + p.Key, Urgency: p.Urgency, Self: r.Lane == authz.Self, By: r.Requester().SlackID,
		Since: r.CreatedAt}
}
