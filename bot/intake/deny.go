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

// An approver presses Deny and gives a reason in a form. Slack may fail to open the form
// or to deliver the submission. The bot records the press anyway and cancels the automatic
// revoke. Other people can still decide, so a press does less than a Deny.

// recordDenyPress records that an approver pressed Deny and no form opened, cancels the
// automatic revoke, and tells the approver what to do.
func (h *decisions) recordDenyPress(ctx context.Context, a act, r bot.Request, e bot.Entry, failed error) error {
	if !r.TargetFound {
		// The actor may be the target.
		now, err := h.lookUp(ctx, a, &r, authz.Deny)
		if err != nil {
			return h.refuseLookup(ctx, a, e, err, &r)
		}
		if d := h.cfg.Check(authz.Deny, now.who.Actor, now.matter); !d.Allowed {
			return h.refuseUnsure(ctx, a, e, d.Reason, &r, now.who)
		}
	}
	for {
		if reason, err := h.whyClosed(ctx, a, &r, authz.Deny); reason != "" || err != nil {
			return h.orRefuse(ctx, a, e, reason, &r, err)
		}
		row := a.Row(e)
		row.Action, row.Wanted = bot.ActDenyAsked, ""
		holds := r.State == bot.Pending && r.Executes
		if holds {
			row.Reason = string(bot.DenyAsked)
		}
		asksToDeny(&r, bot.Verdict{Kind: authz.Deny, SlackID: a.UserID, EntraID: e.ActorEntraID, At: h.now().UTC()})
		if r.State == bot.Pending {
			h.run.CancelTimeout(&r)
			r.DueAt = h.cfg.Attention(&r)
		}
		_, err := h.run.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{row}, Settles: a.ID})
		if err == nil {
			h.answer(ctx, a, message.NotOpened(&r, holds, mayHaveOpened(failed)))
			return nil
		}
		if !errors.Is(err, bot.ErrConflict) {
			return err
		}
		if r, err = h.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// mayHaveOpened reports whether the form may have opened, because Slack gave no answer.
func mayHaveOpened(err error) bool {
	e, ok := errors.AsType[*slackapi.Error](err)
	_, limited := lookup.TooOften(err)
	return ok && e.NoAnswer() && !limited
}

// readsDenyAsked reports whether the person could read, before this press, that it
// denies without a reason.
func readsDenyAsked(r *bot.Request, a bot.Arrival, entraID string) bool {
	return slices.ContainsFunc(r.DenyAsked, func(v bot.Verdict) bool {
		return v.SlackID == a.UserID && v.EntraID == entraID && v.At.Before(a.ReceivedAt)
	})
}

// asksToDeny adds a wish to deny, once for each person.
func asksToDeny(r *bot.Request, v bot.Verdict) {
	if !slices.ContainsFunc(r.DenyAsked, func(w bot.Verdict) bool { return w.SlackID == v.SlackID && w.EntraID == v.EntraID }) {
		r.DenyAsked = append(slices.Clone(r.DenyAsked), v)
	}
}
