package intake

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// homeLimit is the most requests of each kind that a Home tab lists. With a button for
// each, they fit into the 100 blocks that Slack allows.
const homeLimit = 15

// homeReads is how many open requests are read for an approver: many of them may wait for
// somebody else.
const homeReads = 100

// ShowHome draws and publishes the Home tab that the caller has claimed, and reports whether
// Slack took it, or an earlier one of the same person. Who the person is, and what they may
// see, is looked up each time.
func (h *Handler) ShowHome(ctx context.Context, at bot.Home) (taken bool) {
	ctx, cancel := context.WithTimeout(ctx, bot.StepDeadline)
	defer cancel()
	purpose := lookup.ForHomes
	if h.likely(at.SlackID) {
		purpose = lookup.ForOwn
	}
	ctx = lookup.For(ctx, purpose)
	taken = at.Hash != "" // before
	c, err := h.homeOf(ctx, at.SlackID)
	if err != nil {
		h.log.Error("cannot read what a Home tab shows", "user", at.SlackID, "error", err)
		h.published(ctx, at, at.Wide, bot.Retry{At: h.now().Add(bot.HomeAgain)})
		return false
	}
	c.Closed = c.Approver && !h.now().Before(at.OpenedAt.Add(bot.HomeLife-bot.HomeCloses))
	wide := c.Approver && !c.Closed
	var retry bot.Retry
	if c.NotRead || c.Unsure {
		retry.At = h.now().Add(bot.HomeAgain)
	}
	view, digest := message.Home(c)
	// While nobody answers who the reader is, their own open requests may stay. What waits
	// for approvers may not.
	if digest != at.Shown && !(c.NotRead && at.Shown != "" && !at.Wide) {
		if wait := h.budget.TakeHome(); wait > 0 {
			h.published(ctx, at, at.Wide, bot.Retry{At: h.now().Add(wait), PutOff: true})
			return taken
		}
		hash, err := h.teller.PublishHome(ctx, at.SlackID, view, at.Hash)
		if err != nil {
			h.homeRefused(ctx, at, err)
			return false
		}
		at.Hash, at.Shown, taken = hash, digest, true
		h.noteHomeTab(ctx, "")
	}
	h.published(ctx, at, wide, retry)
	return taken
}

func (h *Handler) published(ctx context.Context, at bot.Home, wide bool, retry bot.Retry) {
	if err := h.store.Published(ctx, at, wide, retry); err != nil {
		h.log.Error("cannot note a Home tab", "user", at.SlackID, "error", err)
	}
}

// homeRefused notes why a Home tab was not published, and when to try again.
func (h *Handler) homeRefused(ctx context.Context, at bot.Home, err error) {
	wait := bot.HomeAgain
	h.budget.NoteTooOften("views.publish", err)
	if asked, ok := lookup.TooOften(err); ok {
		wait = asked
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok && e.Lasting() {
		wait = bot.HomeLife // it is no longer kept then
	}
	if slackapi.NoHomeTab(err) {
		h.log.Error("the installed app has no Home tab; not trying again for an hour", "error", err,
			"remedy", "update the app's manifest, and install the app again")
		h.noteHomeTab(ctx, slackapi.NotEnabled)
	} else {
		h.log.Warn("cannot publish a Home tab", "user", at.SlackID, "error", err)
	}
	at.Hash, at.Shown = "", ""
	h.published(ctx, at, at.Wide, bot.Retry{At: h.now().Add(wait)})
}

// noteHomeTab notes whether Slack takes Home tabs of this app.
func (h *Handler) noteHomeTab(ctx context.Context, code string) {
	if err := h.store.NoteHomeTab(ctx, code); err != nil {
		h.log.Error("cannot note whether the app has a Home tab", "error", err)
	}
}

// homeOf looks up what one person may see. An error is the store's.
func (h *Handler) homeOf(ctx context.Context, slackID string) (message.HomeContent, error) {
	freeze, frozen, err := h.store.Frozen(ctx)
	if err != nil {
		return message.HomeContent{}, err
	}
	var on *bot.Freeze
	if frozen {
		on = &freeze
	}
	c := message.HomeContent{View: h.teller.ViewWhile(on, nil)}
	who, err := h.people.Who(ctx, slackID)
	if err != nil {
		h.log.Warn("cannot look up somebody who opened the Home tab", "user", slackID, "error", err)
		c.NotRead = true
		return c, nil
	}
	// The policy may let the owner of a blocked account ask. Home offers such an account
	// nothing, as Slack may still be open on its lost phone.
	if c.Reports = !who.Actor.Blocked && h.cfg.Check(authz.Ask, who.Actor, authz.Matter{}).Allowed; !c.Reports {
		return c, nil
	}
	see := h.cfg.Check(authz.See, who.Actor, (&bot.Request{}).Matter())
	c.Approver, c.Unsure = see.Allowed, see.Reason == authz.MembershipUnknown
	own, err := h.store.Open(ctx, slackID, homeLimit)
	if err != nil {
		return c, err
	}
	c.MoreOwn = len(own) == homeLimit
	for _, r := range own {
		c.Own = append(c.Own, message.OpenRequest{Request: &r, View: h.teller.ViewWhile(c.View.Freeze, &r)})
	}
	if !c.Approver {
		return c, nil
	}
	return c, h.waitingFor(ctx, who, &c)
}

// waitingFor lists what an approver can decide now.
func (h *Handler) waitingFor(ctx context.Context, who lookup.Person, c *message.HomeContent) error {
	open, err := h.store.Open(ctx, "", homeReads)
	if err != nil {
		return err
	}
	c.MoreWaiting = len(open) == homeReads
	open = slices.DeleteFunc(open, func(r bot.Request) bool {
		c.MoreWaiting = c.MoreWaiting || r.State == "" // it cannot be read
		return r.State != bot.Pending || !lookup.CanConfirm(&r, who.Actor, h.cfg.Check)
	})
	if len(open) > homeLimit {
		c.MoreWaiting, open = true, open[:homeLimit]
	}
	var ids []string
	for _, r := range open {
		ids = append(ids, r.ID)
	}
	cards, err := h.store.Cards(ctx, ids, who.Actor.SlackID)
	if err != nil {
		return err
	}
	for _, r := range open {
		v := h.teller.ViewWhile(c.View.Freeze, &r)
		h.teller.LeadOn(ctx, &v, &r, cards[r.ID], who.Actor.SlackID)
		c.Waiting = append(c.Waiting, message.OpenRequest{Request: &r, View: v})
	}
	return nil
}
