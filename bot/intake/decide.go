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
func (h *decisions) cancel(ctx context.Context, a act, id string) error {
	r, err := h.store.Request(ctx, id)
	if errors.Is(err, bot.ErrNoRequest) {
		return h.refuse(ctx, a, bot.Entry{Wanted: string(authz.Cancel), Reason: string(bot.UnknownRequest)},
			message.Refusal(bot.UnknownRequest, nil, h.view(ctx, a, nil, "")))
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
		return h.refuse(ctx, a, withReason(e, d.Reason), message.Refusal(bot.UnknownRequest, nil, h.view(ctx, a, nil, "")))
	}
	return h.decide(ctx, a, r, authz.Cancel)
}

// decide looks up the actor, asks authz, and makes the one transition. Any number of
// people may do this at once, on any number of processes: the store lets one of them
// through, and the others look at everything again.
func (h *decisions) decide(ctx context.Context, a act, r bot.Request, action authz.Action) error {
	e := bot.Entry{Wanted: string(action), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	for {
		err := h.decideOnce(ctx, a, r, action, &e)
		if !errors.Is(err, bot.ErrConflict) {
			return err
		}
		if r, err = h.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// decideOnce decides by the request as it is in r, and notes in e who acts. It answers
// ErrConflict, with nothing stored, where somebody else was first.
func (h *decisions) decideOnce(ctx context.Context, a act, r bot.Request, action authz.Action, e *bot.Entry) error {
	if reason, err := h.closed(ctx, a, &r, action); reason != "" || err != nil {
		return h.orRefuse(ctx, a, *e, reason, &r, err)
	}
	if refused, err := h.turnedAway(ctx, a, &r, action, e); refused || err != nil {
		return err
	}
	now, err := h.lookUp(ctx, a, &r, action)
	if err != nil {
		return h.refuseLookup(ctx, a, *e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = now.who.Actor.EntraID, now.age.Milliseconds()
	d := authz.Check(authz.Question{
		Action: action, Actor: now.who.Actor, Matter: now.matter, Policy: h.cfg.Policy, Brake: authz.Brake{Frozen: now.frozen},
	})
	switch {
	case now.confirms && now.otherRules:
		return h.refuseFor(ctx, a, *e, bot.OtherRules, &r)
	case !d.Allowed && d.Reason != authz.TargetProtected:
		return h.refuseUnsure(ctx, a, *e, d.Reason, &r, now.who)
	case d.Allowed && now.confirms && h.run.OwnAccount(r.Target.ID):
		// Somebody else may have signed the bot in since it was asked for.
		return h.refuseFor(ctx, a, *e, bot.OwnAccount, &r)
	case d.Allowed && now.missing != "":
		return h.refuseUnrecorded(ctx, a, r, now.missing, *e)
	}
	if now.confirms {
		changed, sure := h.changed(&r, now, d.Allowed)
		if !sure {
			return h.refuseLookup(ctx, a, *e, lookup.Trouble(now.target), &r)
		}
		if len(changed) > 0 {
			return h.orRefuseStored(ctx, a, *e, action, &r, h.decideVoid(ctx, a, r, now, changed, *e))
		}
	}
	if !d.Allowed {
		return h.refuseUnsure(ctx, a, *e, d.Reason, &r, now.who)
	}
	return h.orRefuseStored(ctx, a, *e, action, &r, h.apply(ctx, a, r, action, d, *e, now))
}

// turnedAway refuses somebody who may not do this, before anybody else is looked up. An
// approver, as far as is known, is looked up with everything else.
func (h *decisions) turnedAway(ctx context.Context, a act, r *bot.Request, action authz.Action, e *bot.Entry) (refused bool, err error) {
	if h.likely(a.UserID) {
		return false, nil
	}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return true, h.refuseLookup(ctx, a, *e, err, r)
	}
	d := h.cfg.Check(action, who.Actor, r.Matter())
	if !personal(d.Reason) {
		return false, nil
	}
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	return true, h.refuseUnsure(ctx, a, *e, d.Reason, r, who)
}

// changed lists what is no longer as the card says. It is not sure where it differs only
// by what cannot be read at the moment.
func (h *decisions) changed(r *bot.Request, now evidence, allowed bool) (changed []bot.Difference, sure bool) {
	changed = h.cfg.Differences(r, now.target, now.gone, now.matter)
	if len(changed) > 0 && len(h.cfg.Differences(r, now.target, now.gone, r.KnownNow(now.target))) == 0 {
		return nil, false
	}
	if now.unsaid != nil && allowed {
		changed = append(changed, bot.RevokedMeanwhile)
	}
	return changed, true
}

// orRefuse answers the error, if there is one, or refuses for the reason.
func (h *decisions) orRefuse(ctx context.Context, a act, e bot.Entry, reason authz.Reason, r *bot.Request, err error) error {
	if err != nil {
		return err
	}
	return h.refuseFor(ctx, a, e, reason, r)
}

// orRefuseStored refuses where err is why the store did not take the decision, and
// answers every other error as it is.
func (h *decisions) orRefuseStored(ctx context.Context, a act, e bot.Entry, action authz.Action, r *bot.Request, err error) error {
	limit, limited := errors.AsType[*bot.LimitError](err)
	switch {
	case limited:
		return h.refuseLimit(ctx, a, e, action, limit, r)
	case errors.Is(err, bot.ErrFrozen):
		return h.refuseFor(ctx, a, e, authz.Frozen, r)
	case errors.Is(err, bot.ErrOtherRules):
		return h.refuseFor(ctx, a, e, bot.OtherRules, r)
	}
	return err
}

// personal reports reasons that are about whoever acts alone: nothing that could
// be looked up of anybody else would change them.
func personal(r authz.Reason) bool {
	return bot.AboutMapping(r) || slices.Contains([]authz.Reason{authz.NotAMember, authz.Guest, authz.OutsideWorkspace, authz.NotApprover,
		authz.AccountBlocked, authz.NotRequester}, r)
}

// closed says why the action is not open in the request's state, or "".
func (h *decisions) closed(ctx context.Context, a act, r *bot.Request, action authz.Action) (authz.Reason, error) {
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
	frozen, err := h.frozen(ctx, a)
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
func (h *decisions) lookUp(ctx context.Context, a act, r *bot.Request, action authz.Action) (evidence, error) {
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
func (h *decisions) readStored(ctx context.Context, a act, r *bot.Request, now *evidence) (err error) {
	if now.frozen, err = h.frozen(ctx, a); err != nil {
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
func (h *decisions) decideVoid(ctx context.Context, a act, r bot.Request, now evidence, changed []bot.Difference, e bot.Entry) error {
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
func (h *decisions) apply(ctx context.Context, a act, r bot.Request, action authz.Action, d authz.Decision, e bot.Entry,
	now evidence) error {
	e = a.Row(e)
	e.Reason = string(d.Reason)
	verdict := bot.Verdict{Kind: action, SlackID: a.UserID, EntraID: e.ActorEntraID, At: h.now().UTC()}
	switch {
	case now.confirms:
		return h.approve(ctx, a, r, d, e, now, verdict)
	case action == authz.Cancel && d.Reason == authz.CancelNeedsApprover:
		return h.askToCancel(ctx, a, r, d, e, verdict.At)
	}
	c, state := bot.Change{Settles: a.ID}, bot.Cancelled
	if action == authz.Deny {
		c.GivesBack = r.Stoppable() // of one that waits for people, approvals count once given
		r.Words.Denied = bot.Clean(a.Reason, bot.MaxReason)
		state = bot.Denied
	}
	r.To(state)
	r.DueAt, r.EndedAt = time.Time{}, verdict.At
	r.Decisions = append(slices.Clone(r.Decisions), verdict)
	e.Action = string(state)
	c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
	ended, err := h.run.Commit(ctx, c)
	if err == nil && a.Kind == bot.CommandArrival {
		h.answer(ctx, a, message.Status(&ended, h.statusView(ctx, a, &ended, h.teller.CardLink(ctx, ended.ID))))
	}
	return err
}

// approve stores an approval. The last one that is needed also begins the call.
func (h *decisions) approve(ctx context.Context, a act, r bot.Request, d authz.Decision, e bot.Entry, now evidence,
	verdict bot.Verdict) error {
	c := bot.Change{Settles: a.ID, Fenced: true, Under: h.run.RulesDigest()}
	e.Have, e.Need, e.Digest = d.Have, max(d.Need, r.Need), r.Digest
	r.UpdateFacts(now.target)
	r.Lapse(d.Lapsed)
	if !r.Drill && !(r.OnlySelf() && e.ActorEntraID == r.Requester().EntraID) {
		c.Uses = bot.PerPerson(bot.PerApprover, authz.Asker{SlackID: a.UserID, EntraID: e.ActorEntraID}, h.cfg.Policy.Limits.PerApprover)
	}
	if e.Have < e.Need {
		r.Approvals = append(slices.Clone(r.Approvals), verdict)
		e.Action = bot.ActApproval
		c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
		_, err := h.run.Commit(ctx, c)
		return err
	}
	r.Approve(verdict, now.target.User.Stamps)
	h.run.NoteChecked(&r, verdict.At.Add(-now.age))
	c.Keep, c.Uses = true, append(c.Uses, h.cfg.Uses(&r)...)
	e.Action = string(bot.Approved)
	c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
	return h.run.Approve(ctx, c)
}

// askToCancel asks the approvers to cancel, once, for the account that the request is
// about.
func (h *decisions) askToCancel(ctx context.Context, a act, r bot.Request, d authz.Decision, e bot.Entry, at time.Time) error {
	if !r.CancelAskedAt.IsZero() {
		e.Action = bot.ActCancelAskedAgain
		if err := h.store.Record(ctx, a.ID, e); err != nil {
			return err
		}
		h.answer(ctx, a, message.CancelAsked(&r, h.view(ctx, a, &r, "")))
		return nil
	}
	r.CancelAskedAt = at
	e.Action = bot.ActCancelAsked
	asked, err := h.run.Commit(ctx, bot.Change{Request: r, Settles: a.ID, Audit: append(bot.Lapses(&r, d.Lapsed), e)})
	if err == nil {
		h.answer(ctx, a, message.CancelAsked(&asked, h.view(ctx, a, &asked, "")))
	}
	return err
}

// unsaid is meanwhile, unless the card had said so when it was pressed. The receipt
// of whoever may have themselves revoked says nothing about the account, and counts
// as it is.
func (h *decisions) unsaid(ctx context.Context, a act, r *bot.Request) (*bot.Request, error) {
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
func (h *decisions) refuseUnrecorded(ctx context.Context, a act, r bot.Request, missing string, e bot.Entry) error {
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
