package engine

import (
	"context"
	"errors"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// An approver who wants to deny something presses Deny, and gives a reason in a
// form. Slack may not open the form, or never bring what was submitted. The wish is
// on record all the same, and nothing is carried out by itself over it. It has less
// effect than the Deny that the same approver may give: others can still decide.

// askedToDeny keeps that an approver pressed Deny and no form opened, tells them
// what to do, and has nothing carried out by itself.
func (b *Bot) askedToDeny(ctx context.Context, a bot.Arrival, r bot.Request, e bot.Entry, failed error) error {
	if !r.TargetFound {
		// It may be the target who pressed it.
		now, err := b.lookUp(ctx, a, &r, authz.Deny)
		if err != nil {
			return b.refuseLookup(ctx, a, e, err, &r)
		}
		if d := b.check(authz.Deny, now.who.Actor, now.matter); !d.Allowed {
			return b.refuseUnsure(ctx, a, e, d.Reason, &r, now.who)
		}
	}
	for {
		if reason, err := b.closed(ctx, &r, authz.Deny); reason != "" || err != nil {
			if err != nil {
				return err
			}
			return b.refuseFor(ctx, a, e, reason, &r)
		}
		row := a.Row(e)
		row.Action, row.Wanted = "deny_asked", ""
		holds := r.State == bot.Pending && r.Executes
		if holds {
			row.Reason = string(bot.DenyAsked)
		}
		r.AsksToDeny(bot.Verdict{Kind: authz.Deny, SlackID: a.UserID, EntraID: e.ActorEntraID, At: b.now().UTC()})
		if r.State == bot.Pending {
			b.leaveToApprovers(&r)
			r.DueAt = b.attention(&r)
		}
		_, err := b.commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{row}, Settles: a.ID})
		if err == nil {
			b.answer(ctx, a, message.NotOpened(&r, holds, unsureOpened(failed)))
			return nil
		}
		if !errors.Is(err, bot.ErrConflict) {
			return err
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// unsureOpened reports whether a form may have opened all the same: Slack gave no
// answer.
func unsureOpened(err error) bool {
	e, ok := errors.AsType[*slackapi.Error](err)
	_, limited := lookup.TooOften(err)
	return ok && e.NoAnswer() && !limited
}
