package intake

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// cancel carries out /revoke-sessions cancel REQ-….
func (h *Handler) cancel(ctx context.Context, a bot.Arrival, id string) error {
	r, err := h.store.Request(ctx, id)
	if errors.Is(err, bot.ErrNoRequest) {
		return h.refuse(ctx, a, bot.Entry{Wanted: string(authz.Cancel), Reason: string(bot.UnknownRequest)}, message.Refusal(bot.UnknownRequest, nil, h.teller.View(ctx, nil, "")))
	}
	if err != nil {
		return err
	}
	// Typed, not clicked: to those who may not see the request it does not
	// exist, pending or over.
	e := bot.Entry{Wanted: string(authz.Cancel), Request: r.ID}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, nil)
	}
	if d := h.cfg.Check(authz.See, who.Actor, r.Matter()); !d.Allowed {
		return h.refuse(ctx, a, withReason(e, d.Reason), message.Refusal(bot.UnknownRequest, nil, h.teller.View(ctx, nil, "")))
	}
	return h.decide(ctx, a, r, authz.Cancel)
}

// decide looks up whoever acts, asks authz, and makes the one transition. Any
// number of people may do this at once, on any number of processes: the
// store lets one of them through.
func (h *Handler) decide(ctx context.Context, a bot.Arrival, r bot.Request, action authz.Action) error {
	e := bot.Entry{Wanted: string(action), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	for {
		reason, err := h.closed(ctx, &r, action)
		if err != nil {
			return err
		}
		if reason != "" {
			return h.refuseFor(ctx, a, e, reason, &r)
		}
		if !h.likely(a.UserID) {
			// Who may not do this causes no look-up of anybody else.
			who, err := h.people.Who(ctx, a.UserID)
			if err != nil {
				return h.refuseLookup(ctx, a, e, err, &r)
			}
			if d := h.cfg.Check(action, who.Actor, r.Matter()); personal(d.Reason) {
				e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
				return h.refuseUnsure(ctx, a, e, d.Reason, &r, who)
			}
		}
		now, err := h.lookUp(ctx, a, &r, action)
		if err != nil {
			return h.refuseLookup(ctx, a, e, err, &r)
		}
		e.ActorEntraID, e.LookedUpMS = now.who.Actor.EntraID, now.age.Milliseconds()
		d := authz.Check(authz.Question{
			Action: action, Actor: now.who.Actor, Matter: now.matter, Policy: h.cfg.Policy, Brake: authz.Brake{Frozen: now.frozen},
		})
		if now.confirms && now.otherRules {
			return h.refuseFor(ctx, a, e, bot.OtherRules, &r)
		}
		if d.Allowed && now.confirms && h.run.OwnAccount(r.Target.ID) {
			// Somebody else may have signed the bot in since it was asked for.
			return h.refuseFor(ctx, a, e, bot.OwnAccount, &r)
		}
		if d.Allowed && now.missing != "" {
			return h.refuseUnrecorded(ctx, a, r, now.missing, e)
		}
		if d.Allowed || d.Reason == authz.TargetProtected {
			changed := h.cfg.Differences(&r, now.target, now.gone, now.matter)
			if now.confirms && len(changed) > 0 && len(h.cfg.Differences(&r, now.target, now.gone, r.KnownNow(now.target))) == 0 {
				// Different only by what cannot be read just now.
				return h.refuseLookup(ctx, a, e, lookup.Trouble(now.target), &r)
			}
			if now.unsaid != nil && d.Allowed {
				changed = append(changed, bot.RevokedMeanwhile)
			}
			switch {
			case now.confirms && len(changed) > 0:
				err = h.decideVoid(ctx, a, r, now, changed, e)
				d.Allowed = true
			case d.Allowed:
				err = h.apply(ctx, a, r, action, d, e, now)
			}
		}
		if limit, ok := errors.AsType[*bot.LimitError](err); ok {
			return h.refuseLimit(ctx, a, e, action, limit, &r)
		}
		switch {
		case !d.Allowed:
			return h.refuseUnsure(ctx, a, e, d.Reason, &r, now.who)
		case errors.Is(err, bot.ErrFrozen):
			return h.refuseFor(ctx, a, e, authz.Frozen, &r)
		case errors.Is(err, bot.ErrOtherRules):
			return h.refuseFor(ctx, a, e, bot.OtherRules, &r)
		case !errors.Is(err, bot.ErrConflict):
			return err
		}
		// Somebody else was first: everything is looked at again.
		if r, err = h.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// personal reports reasons that are about whoever acts alone: nothing that could
// be looked up of anybody else would change them.
func personal(r authz.Reason) bool {
	return bot.AboutMapping(r) || slices.Contains([]authz.Reason{authz.NotAMember, authz.Guest, authz.OutsideWorkspace, authz.NotApprover, authz.AccountBlocked, authz.NotRequester}, r)
}

// closed says why the action is not open in the request's state, or "".
func (h *Handler) closed(ctx context.Context, r *bot.Request, action authz.Action) (authz.Reason, error) {
	switch {
	case action == authz.Retry:
		if r.Retryable(h.now()) {
			return "", nil
		}
		return bot.NotRetryable, nil
	case action == authz.Deny && r.Stoppable():
		return "", nil
	case r.State == bot.Void:
		return bot.IsVoid, nil
	case r.State != bot.Pending:
		return bot.AlreadyDecided, nil
	case h.now().Before(r.Deadline()) || r.Executes:
		return "", nil
	}
	// Past its deadline, unless a freeze has stopped its clock.
	_, frozen, err := h.store.Frozen(ctx)
	if frozen || err != nil {
		return "", err
	}
	return bot.TooLate, nil
}

// evidence is all that a decision goes by, looked up when somebody clicks.
type evidence struct {
	who    lookup.Person
	matter authz.Matter
	age    time.Duration // of the oldest answer
	frozen bool
	// otherRules: others are in force than this process's.
	otherRules bool
	// confirms: the action leads to a revoke, so that the account was read,
	// too, and is as in target unless gone.
	confirms bool
	target   bot.TargetFacts
	gone     bool
	// missing is what the audit record does not show of the request, or "".
	missing string
	// unsaid is another request by which the account was revoked, which the card on
	// which somebody clicks did not say; nil for none.
	unsaid *bot.Request
}

// lookUp looks up who clicks and, for what leads to a revoke, the account as it
// is now and everybody who has approved before. The error is a *LookupError,
// or the store's.
func (h *Handler) lookUp(ctx context.Context, a bot.Arrival, r *bot.Request, action authz.Action) (evidence, error) {
	now := evidence{matter: r.Matter(), confirms: action == authz.Confirm || action == authz.Retry}
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { now.who, err = h.people.Who(look, a.UserID); return err })
	earlier := make([]lookup.Person, len(r.Approvals))
	var readAge time.Duration
	if now.confirms {
		for i, v := range r.Approvals {
			g.Go(func() (err error) { earlier[i], err = h.people.Again(look, v.SlackID, v.EntraID); return err })
		}
		g.Go(func() (err error) { now.target, now.gone, readAge, err = h.run.TargetAtClick(look, r); return err })
		g.Go(func() error { return h.readStored(look, a, r, &now) })
	} else if action == authz.Deny && !r.TargetFound {
		g.Go(func() (err error) { now.target, now.gone, _, err = h.run.TargetAtClick(look, r); return err })
	}
	if err := g.Wait(); err != nil {
		return now, err
	}
	if (now.confirms || action == authz.Deny) && !r.TargetFound && !now.target.Found && !now.gone {
		// Whoever clicks may be the target, under another account.
		return now, lookup.Trouble(now.target)
	}
	now.matter.Target.SlackIDs = bot.Union(now.matter.Target.SlackIDs, now.target.SlackIDs)
	now.age = max(now.who.Age, readAge, now.target.Age)
	if now.confirms {
		now.matter = r.MatterOf(now.target)
		for _, p := range earlier {
			now.matter.Approvals = append(now.matter.Approvals, p.Actor)
			now.age = max(now.age, p.Age)
		}
	}
	return now, nil
}

// readStored reads what the store knows of a decision that leads to a revoke. That is
// done in turn, on one connection, and sooner than Slack and Microsoft answer.
func (h *Handler) readStored(ctx context.Context, a bot.Arrival, r *bot.Request, now *evidence) (err error) {
	if _, now.frozen, err = h.store.Frozen(ctx); err != nil {
		return err
	}
	if now.otherRules, err = h.run.HasOtherRules(ctx); err != nil {
		return err
	}
	if _, now.missing, err = h.run.OnRecord(ctx, r); err != nil {
		return err
	}
	now.unsaid, err = h.unsaid(ctx, a, r)
	return err
}

// decideVoid ends a pending request whose card was no longer true; of a request
// that was decided before, it refuses to try again.
func (h *Handler) decideVoid(ctx context.Context, a bot.Arrival, r bot.Request, now evidence, changed []bot.Difference, e bot.Entry) error {
	if r.State != bot.Pending {
		e.Changed = bot.JoinDifferences(changed)
		v := h.viewFor(ctx, a, &r)
		v.Changed = changed
		return h.refuse(ctx, a, withReason(e, bot.TargetChanged), message.Refusal(bot.TargetChanged, &r, v))
	}
	stored, err := h.run.Void(ctx, r, now.target, changed, bot.Change{Settles: a.ID}, a.Row(e))
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.VoidNow(&stored))
	return nil
}

// apply makes the transition that an allowed action asks for.
func (h *Handler) apply(ctx context.Context, a bot.Arrival, r bot.Request, action authz.Action, d authz.Decision, e bot.Entry, now evidence) error {
	at := h.now().UTC()
	e = a.Row(e)
	e.Reason = string(d.Reason)
	c := bot.Change{Settles: a.ID}
	verdict := bot.Verdict{Kind: action, SlackID: a.UserID, EntraID: e.ActorEntraID, At: at}
	end := func(s bot.State) {
		r.To(s)
		r.DueAt, r.EndedAt = time.Time{}, at
		r.Decisions = append(slices.Clone(r.Decisions), verdict)
		e.Action = string(s)
	}
	switch {
	case action == authz.Cancel && d.Reason == authz.CancelNeedsApprover:
		if !r.CancelAskedAt.IsZero() {
			e.Action = "cancel_asked_again"
			if err := h.store.Record(ctx, a.ID, e); err != nil {
				return err
			}
			h.answer(ctx, a, message.CancelAsked(&r, h.teller.View(ctx, &r, "")))
			return nil
		}
		r.CancelAskedAt = at
		e.Action = "cancel_asked"
	case now.confirms:
		c.Fenced, c.Under = true, h.run.RulesDigest()
		e.Have, e.Need, e.Digest = d.Have, max(d.Need, r.Need), r.Digest
		r.UpdateFacts(now.target)
		r.Lapse(d.Lapsed)
		if !r.Drill && !(r.OnlySelf() && e.ActorEntraID == r.Requester().EntraID) {
			c.Uses = bot.PerPerson(bot.PerApprover, authz.Asker{SlackID: a.UserID, EntraID: e.ActorEntraID}, h.cfg.Policy.Limits.PerApprover)
		}
		if e.Have < e.Need {
			r.Approvals = append(slices.Clone(r.Approvals), verdict)
			e.Action = "approval"
			break
		}
		r.Approve(verdict, now.target.User.Stamps)
		h.run.NoteChecked(&r, at.Add(-now.age))
		c.Keep, c.Uses = true, append(c.Uses, h.cfg.Uses(&r)...)
		e.Action = string(bot.Approved)
	case action == authz.Deny:
		c.GivesBack = r.Stoppable() // of one that waits for people, approvals count once given
		r.Words.Denied = bot.Clean(a.Reason, bot.MaxReason)
		end(bot.Denied)
	default:
		end(bot.Cancelled)
	}
	c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
	if e.Action == string(bot.Approved) {
		return h.run.Approve(ctx, c)
	}
	changed, err := h.run.Commit(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case e.Action == "cancel_asked":
		h.answer(ctx, a, message.CancelAsked(&changed, h.teller.View(ctx, &changed, "")))
	case a.Kind == bot.CommandArrival:
		h.answer(ctx, a, message.Status(&changed, h.statusView(ctx, &changed)))
	}
	return nil
}

// unsaid is meanwhile, unless the card had said so when it was pressed. The receipt
// of whoever may have themselves revoked says nothing about the account, and counts
// as it is.
func (h *Handler) unsaid(ctx context.Context, a bot.Arrival, r *bot.Request) (*bot.Request, error) {
	other, err := h.run.Meanwhile(ctx, r)
	if other == nil || err != nil {
		return nil, err
	}
	places, err := h.store.Places(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	card := places[bot.CardKey]
	if card.Channel != a.ChannelID || card.TS != a.MessageTS || card.Tells == other.ID && !a.ReceivedAt.Before(card.TellsAt) {
		return nil, nil
	}
	return other, nil
}

// refuseUnrecorded answers whoever confirmed a request that is not on record as
// it is stored: one that waits ends by that.
func (h *Handler) refuseUnrecorded(ctx context.Context, a bot.Arrival, r bot.Request, missing string, e bot.Entry) error {
	if r.State == bot.Pending {
		stored, err := h.run.StopUnrecorded(ctx, r, missing, bot.Change{Settles: a.ID}, a.Row(e))
		if err == nil {
			h.answer(ctx, a, message.VoidNow(&stored))
		}
		return err
	}
	h.run.ReportUnrecorded(&r, missing)
	e.Code = missing
	return h.refuseFor(ctx, a, e, bot.NotOnRecord, &r)
}
