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
	v := tl.View(ctx, &r, tl.cfg.Home.Link(places[bot.CardKey].Channel, places[bot.CardKey].TS))
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

// letterOf is a post as it waits to be sent.
func letterOf(r *bot.Request, p message.Post) slackapi.Letter {
	return slackapi.Letter{Key: r.ID + " " + p.Key, Urgency: p.Urgency, Self: r.Lane == authz.Self, By: r.Requester().SlackID, Since: r.CreatedAt}
}
