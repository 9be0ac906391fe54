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

// cancel handles /revoke-sessions cancel REQ-….
func (h *decisions) cancel(ctx context.Context, a act, id string) error {
	r, err := h.store.Request(ctx, id)
	if errors.Is(err, bot.ErrNoRequest) {
		return h.refuse(ctx, a, bot.Entry{Wanted: string(authz.Cancel), Reason: string(bot.UnknownRequest)}, h.notAmongYours(ctx, a))
	}
	if err != nil {
		return err
	}
	// The ID was typed. For people who may not see the request it does not exist, whatever
	// its state.
	e := bot.Entry{Wanted: string(authz.Cancel), Request: r.ID}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, nil)
	}
	if d := h.cfg.Check(authz.See, who.Actor, r.Matter()); !d.Allowed {
		return h.refuse(ctx, a, withReason(e, d.Reason), h.notAmongYours(ctx, a))
	}
	return h.decide(ctx, a, r, authz.Cancel)
}

// notAmongYours answers a cancel of a request that does not exist for this person.
func (h *decisions) notAmongYours(ctx context.Context, a act) bot.Message {
	v := h.view(ctx, a, nil)
	v.Wanted = authz.Cancel
	return message.Refusal(bot.UnknownRequest, nil, v)
}

// decide looks up the actor, asks authz, and makes one transition. Several people may
// decide at once, on several processes: the store takes one decision, and the others
// start again with the new state.
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

// decideOnce tries to decide the request as read in r, and notes the actor in e. It
// returns ErrConflict, and stores nothing, if somebody else was first.
func (h *decisions) decideOnce(ctx context.Context, a act, r bot.Request, action authz.Action, e *bot.Entry) error {
	if reason, err := h.whyClosed(ctx, a, &r, action); reason != "" || err != nil {
		return h.orRefuse(ctx, a, *e, reason, &r, err)
	}
	if refused, err := h.refuseEarly(ctx, a, &r, action, e); refused || err != nil {
		return err
	}
	facts, err := h.lookUp(ctx, a, &r, action)
	if err != nil {
		return h.refuseLookup(ctx, a, *e, err, &r)
	}
	e.ActorEntraID, e.LookedUpMS = facts.who.Actor.EntraID, facts.age.Milliseconds()
	d := authz.Check(authz.Question{
		Action: action, Actor: facts.who.Actor, Matter: facts.matter, Policy: h.cfg.Policy, Brake: authz.Brake{Frozen: facts.frozen},
	})
	switch {
	case facts.confirms && facts.otherRules:
		return h.refuseFor(ctx, a, *e, bot.OtherRules, &r)
	case !d.Allowed && d.Reason != authz.TargetProtected:
		return h.refuseUnsure(ctx, a, *e, d.Reason, &r, facts.who)
	case d.Allowed && facts.confirms && h.run.OwnAccount(r.Target.ID):
		// The bot may have been signed in with this account after the ask.
		return h.refuseFor(ctx, a, *e, bot.OwnAccount, &r)
	case d.Allowed && facts.missing != "":
		return h.refuseUnrecorded(ctx, a, r, facts.missing, *e)
	case d.Allowed && a.Approves() && d.Have >= max(d.Need, r.Need):
		return h.refuseFor(ctx, a, *e, bot.LastApproval, &r) // somebody was faster
	}
	if facts.confirms {
		changed, sure := h.changed(&r, facts, d.Allowed)
		if !sure {
			return h.refuseLookup(ctx, a, *e, lookup.Trouble(facts.target), &r)
		}
		if len(changed) > 0 {
			return h.refuseNotStored(ctx, a, *e, action, &r, h.decideVoid(ctx, a, r, facts, changed, *e))
		}
	}
	if !d.Allowed {
		return h.refuseUnsure(ctx, a, *e, d.Reason, &r, facts.who)
	}
	return h.refuseNotStored(ctx, a, *e, action, &r, h.apply(ctx, a, r, action, d, *e, facts))
}

// refuseEarly looks up only the actor and refuses one who may not act, so that strangers
// cost few look-ups. It skips likely approvers: lookUp reads them with everything else.
func (h *decisions) refuseEarly(ctx context.Context, a act, r *bot.Request, action authz.Action, e *bot.Entry) (refused bool, err error) {
	if h.likely(a.UserID) {
		return false, nil
	}
	who, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return true, h.refuseLookup(ctx, a, *e, err, r)
	}
	d := h.cfg.Check(action, who.Actor, r.Matter())
	if !aboutActor(d.Reason) {
		return false, nil
	}
	e.ActorEntraID, e.LookedUpMS = who.Actor.EntraID, who.Age.Milliseconds()
	return true, h.refuseUnsure(ctx, a, *e, d.Reason, r, who)
}

// changed lists what differs from the card. sure is false if the only differences are
// facts that could not be read.
func (h *decisions) changed(r *bot.Request, facts clickFacts, allowed bool) (changed []bot.Difference, sure bool) {
	changed = h.cfg.Differences(r, facts.target, facts.gone, facts.matter)
	if len(changed) > 0 && len(h.cfg.Differences(r, facts.target, facts.gone, r.KnownNow(facts.target))) == 0 {
		return nil, false
	}
	if facts.notOnCard != nil && allowed {
		changed = append(changed, bot.RevokedMeanwhile)
	}
	return changed, true
}

// orRefuse returns err, or refuses with the reason if err is nil.
func (h *decisions) orRefuse(ctx context.Context, a act, e bot.Entry, reason authz.Reason, r *bot.Request, err error) error {
	if err != nil {
		return err
	}
	return h.refuseFor(ctx, a, e, reason, r)
}

// refuseNotStored refuses if the store rejected the decision for a limit, a freeze or other
// rules. It returns every other error, and nil.
func (h *decisions) refuseNotStored(ctx context.Context, a act, e bot.Entry, action authz.Action, r *bot.Request, err error) error {
	limit, limited := errors.AsType[*bot.LimitError](err)
	switch {
	case limited:
		return h.refuseLimit(ctx, a, e, action, limit, r)
	case errors.Is(err, bot.ErrFrozen):
		a.brake.read = false // what was read says otherwise
		return h.refuseFor(ctx, a, e, authz.Frozen, r)
	case errors.Is(err, bot.ErrOtherRules):
		return h.refuseFor(ctx, a, e, bot.OtherRules, r)
	}
	return err
}

// aboutActor reports whether a reason depends on the actor alone, so that no look-up of
// other people can change it.
func aboutActor(r authz.Reason) bool {
	return bot.AboutMapping(r) || slices.Contains([]authz.Reason{authz.NotAMember, authz.Guest, authz.OutsideWorkspace, authz.NotApprover,
		authz.AccountBlocked, authz.NotRequester}, r)
}

// whyClosed returns why the request's state does not allow the action, or "".
func (h *decisions) whyClosed(ctx context.Context, a act, r *bot.Request, action authz.Action) (authz.Reason, error) {
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
	// The deadline has passed, unless a freeze has stopped the request's clock.
	frozen, err := h.frozen(ctx, a)
	if frozen || err != nil {
		return "", err
	}
	return bot.TooLate, nil
}

// clickFacts is everything that a decision depends on, looked up at the click.
type clickFacts struct {
	who    lookup.Person
	matter authz.Matter
	age    time.Duration // of the oldest answer
	frozen bool
	// otherRules: rules other than this process's are in force.
	otherRules bool
	// confirms: the action can lead to a revoke, so the account was read as well. target
	// holds it, unless it is gone.
	confirms bool
	target   bot.TargetFacts
	gone     bool
	// missing says what the request's audit rows do not show, or "".
	missing string
	// notOnCard is another request that revoked the account, if the clicked card did not
	// show it yet; nil for none.
	notOnCard *bot.Request
}

// lookUp looks up the actor. For an action that can lead to a revoke it also looks up the
// account and all earlier approvers. The error is a *LookupError or the store's.
func (h *decisions) lookUp(ctx context.Context, a act, r *bot.Request, action authz.Action) (clickFacts, error) {
	facts := clickFacts{matter: r.Matter(), confirms: action == authz.Confirm || action == authz.Retry}
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { facts.who, err = h.people.Who(look, a.UserID); return err })
	earlier := make([]lookup.Person, len(r.Approvals))
	var readAge time.Duration
	if facts.confirms {
		for i, v := range r.Approvals {
			g.Go(func() (err error) { earlier[i], err = h.people.Again(look, v.SlackID, v.EntraID); return err })
		}
		g.Go(func() (err error) { facts.target, facts.gone, readAge, err = h.run.TargetAtClick(look, r); return err })
		g.Go(func() error { return h.readStored(look, a, r, &facts) })
	} else if action == authz.Deny && !r.TargetFound {
		g.Go(func() (err error) { facts.target, facts.gone, _, err = h.run.TargetAtClick(look, r); return err })
	}
	if err := g.Wait(); err != nil {
		return facts, err
	}
	if (facts.confirms || action == authz.Deny) && !r.TargetFound && !facts.target.Found && !facts.gone {
		// The actor may be the target with another account.
		return facts, lookup.Trouble(facts.target)
	}
	facts.matter.Target.SlackIDs = bot.Union(facts.matter.Target.SlackIDs, facts.target.SlackIDs)
	facts.age = max(facts.who.Age, readAge, facts.target.Age)
	if facts.confirms {
		facts.matter = r.MatterOf(facts.target)
		for _, p := range earlier {
			facts.matter.Approvals = append(facts.matter.Approvals, p.Actor)
			facts.age = max(facts.age, p.Age)
		}
	}
	return facts, nil
}

// readStored reads what the store knows about a decision that can lead to a revoke. It reads
// one thing after another, on one connection: that is faster than Slack and Microsoft.
func (h *decisions) readStored(ctx context.Context, a act, r *bot.Request, facts *clickFacts) (err error) {
	if facts.frozen, err = h.frozen(ctx, a); err != nil {
		return err
	}
	if facts.otherRules, err = h.run.HasOtherRules(ctx); err != nil {
		return err
	}
	if _, facts.missing, err = h.run.OnRecord(ctx, r); err != nil {
		return err
	}
	facts.notOnCard, err = h.notOnCard(ctx, a, r)
	return err
}

// decideVoid ends a pending request whose card is out of date. If the request was decided
// before, it refuses the retry instead.
func (h *decisions) decideVoid(ctx context.Context, a act, r bot.Request, facts clickFacts, changed []bot.Difference, e bot.Entry) error {
	if r.State != bot.Pending {
		e.Changed = bot.JoinDifferences(changed)
		v := h.viewFor(ctx, a, &r)
		v.Changed, v.Wanted = changed, authz.Action(e.Wanted)
		return h.refuse(ctx, a, withReason(e, bot.TargetChanged), message.Refusal(bot.TargetChanged, &r, v))
	}
	stored, err := h.run.Void(ctx, r, facts.target, changed, bot.Change{Settles: a.ID}, a.Row(e))
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.VoidNow(&stored))
	return nil
}

// apply makes the transition of an allowed action.
func (h *decisions) apply(ctx context.Context, a act, r bot.Request, action authz.Action, d authz.Decision, e bot.Entry,
	facts clickFacts) error {
	e = a.Row(e)
	e.Reason = string(d.Reason)
	verdict := bot.Verdict{Kind: action, SlackID: a.UserID, EntraID: e.ActorEntraID, At: h.now().UTC()}
	switch {
	case facts.confirms:
		return h.approve(ctx, a, r, d, e, facts, verdict)
	case action == authz.Cancel && d.Reason == authz.CancelNeedsApprover:
		return h.askToCancel(ctx, a, r, d, e, verdict.At)
	}
	c, state := bot.Change{Settles: a.ID}, bot.Cancelled
	if action == authz.Deny {
		c.GivesBack = r.Stoppable() // approvals of a pending request stay counted
		r.Words.Denied = bot.Clean(a.Reason, bot.MaxReason)
		state = bot.Denied
	}
	r.To(state)
	r.DueAt, r.EndedAt = time.Time{}, verdict.At
	r.Decisions = append(slices.Clone(r.Decisions), verdict)
	e.Action = string(state)
	c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
	ended, err := h.run.Commit(ctx, c)
	switch {
	case err != nil:
	case a.inForm:
		h.closeForm(ctx, a, &ended)
	case a.Kind == bot.CommandArrival:
		h.answer(ctx, a, message.Status(&ended, h.statusView(ctx, a, &ended, h.teller.Places(ctx, ended.ID))))
	}
	return err
}

// closeForm shows in the form that its Deny or Cancel counts. If that was closed, the card
// and the thread say enough.
func (h *decisions) closeForm(ctx context.Context, a act, r *bot.Request) {
	if err := h.replaceForm(ctx, a, message.FormAnswer(a.CallbackID, message.EndedInForm(r))); err != nil {
		h.log.Info("the form could not show that a request has ended", "request", r.ID, "arrival", a.ID, "user", a.UserID, "error", err)
	}
}

// approve stores an approval. The last one needed also starts the call.
func (h *decisions) approve(ctx context.Context, a act, r bot.Request, d authz.Decision, e bot.Entry, facts clickFacts,
	verdict bot.Verdict) error {
	c := bot.Change{Settles: a.ID, Fenced: true, Under: h.run.RulesDigest()}
	e.Have, e.Need, e.Digest = d.Have, max(d.Need, r.Need), r.Digest
	r.UpdateFacts(facts.target)
	r.Lapse(d.Lapsed)
	if !r.Drill && !(r.OnlySelf() && e.ActorEntraID == r.Requester().EntraID) {
		c.Uses = bot.PerPerson(bot.PerApprover, authz.Asker{SlackID: a.UserID, EntraID: e.ActorEntraID}, h.cfg.Policy.Limits.PerApprover)
	}
	if e.Have < e.Need {
		r.Approvals = append(slices.Clone(r.Approvals), verdict)
		e.Action = bot.ActApproval
		c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
		stored, err := h.run.Commit(ctx, c)
		if err == nil && !a.Approves() { // the button said that it revokes
			h.answer(ctx, a, message.Approved(&stored, h.view(ctx, a, &stored)))
		}
		return err
	}
	r.Approve(verdict, facts.target.User.Stamps)
	h.run.NoteChecked(&r, verdict.At.Add(-facts.age))
	c.Keep, c.Uses = true, append(c.Uses, h.cfg.Uses(&r)...)
	e.Action = string(bot.Approved)
	c.Request, c.Audit = r, append(bot.Lapses(&r, d.Lapsed), e)
	return h.run.Approve(ctx, c)
}

// askToCancel asks the approvers, once, to cancel a report that its own target wants to
// cancel.
func (h *decisions) askToCancel(ctx context.Context, a act, r bot.Request, d authz.Decision, e bot.Entry, at time.Time) error {
	if !r.CancelAskedAt.IsZero() {
		e.Action = bot.ActCancelAskedAgain
		if err := h.store.Record(ctx, a.ID, e); err != nil {
			return err
		}
		h.answer(ctx, a, message.CancelAsked(&r, h.view(ctx, a, &r)))
		return nil
	}
	r.CancelAskedAt = at
	e.Action = bot.ActCancelAsked
	asked, err := h.run.Commit(ctx, bot.Change{Request: r, Settles: a.ID, Audit: append(bot.Lapses(&r, d.Lapsed), e)})
	if err == nil {
		h.answer(ctx, a, message.CancelAsked(&asked, h.view(ctx, a, &asked)))
	}
	return err
}

// notOnCard returns the request from Meanwhile if the clicked card did not show that revoke
// yet. A click on a receipt always passes, because a receipt shows no account facts.
func (h *decisions) notOnCard(ctx context.Context, a act, r *bot.Request) (*bot.Request, error) {
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

// refuseUnrecorded answers a Confirm or Retry of a request that differs from its audit
// rows. It also ends the request if that is pending.
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
