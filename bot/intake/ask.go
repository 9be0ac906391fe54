package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/graph"
)

// wish is what somebody asks for.
type wish struct {
	whom   bot.Whom
	reason string
	drill  bool
}

// asking is an ask on its way to a request: what is wanted, and what is known so far.
type asking struct {
	act
	wish
	// row is that of a refusal. draft is the request that does not exist yet, of which a
	// refusal speaks.
	row   bot.Entry
	draft bot.Request
	asker lookup.Person
	meant lookup.Match
	facts bot.TargetFacts
}

// ask looks up who asks and who is meant, and makes or joins a request. Each step looks up
// no more than the asker has a right to.
func (h *asks) ask(ctx context.Context, a act, w wish) error {
	if w.whom.SlackID == a.UserID {
		w.whom = bot.Whom{Me: true}
	}
	if w.whom.Me {
		ctx = lookup.For(ctx, lookup.ForOwn)
	}
	q := &asking{act: a, wish: w, draft: bot.Request{Drill: w.drill}, row: bot.Entry{Wanted: string(authz.Ask), Drill: w.drill}}
	if refused, err := h.knowAsker(ctx, q); refused || err != nil {
		return err
	}
	if refused, err := h.mayAskAbout(ctx, q, !w.whom.Me && !h.people.MayMean(w.whom, q.asker.Account)); refused || err != nil {
		return err
	}
	var beside sync.WaitGroup // beside the look-ups, and no reason to end them
	beside.Go(func() { q.draft.Coverage = h.teller.Cover(ctx) })
	defer beside.Wait()
	if refused, err := h.findTarget(ctx, q); refused || err != nil {
		return err
	}
	facts, also, refused, err := h.readTarget(ctx, q)
	if refused || err != nil {
		return err
	}
	beside.Wait() // from here on the draft is complete
	q.facts, q.draft.AskersAlso = facts, also
	if refused, err := h.mayAsk(ctx, q); refused || err != nil {
		return err
	}
	return h.enter(ctx, q)
}

// knowAsker looks up who asks, unless they ask too often, and whether they may ask at all.
func (h *asks) knowAsker(ctx context.Context, q *asking) (refused bool, err error) {
	if wait := h.allowance.Take(q.UserID, q.whom.Me, h.now()); wait > 0 {
		v := h.view(ctx, q.act, nil, "")
		v.Wait = wait
		return true, h.refuse(ctx, q.act, withReason(q.row, bot.TooFast), message.Refusal(bot.TooFast, &bot.Request{Drill: q.drill}, v))
	}
	q.asker, err = h.people.Who(ctx, q.UserID)
	if err != nil {
		return true, h.refuseLookup(ctx, q.act, q.row, err, &bot.Request{Drill: q.drill})
	}
	q.row.ActorEntraID, q.row.LookedUpMS = q.asker.Actor.EntraID, q.asker.Age.Milliseconds()
	if d := h.cfg.Check(authz.Ask, q.asker.Actor, authz.Matter{}); !d.Allowed {
		return true, h.refuseFor(ctx, q.act, q.row, d.Reason, &bot.Request{Drill: q.drill})
	}
	return false, nil
}

// mayAskAbout refuses who may not ask about others, where it is about somebody else. They
// have nobody looked up, and do not learn who has an account.
func (h *asks) mayAskAbout(ctx context.Context, q *asking, somebodyElse bool) (refused bool, err error) {
	if !somebodyElse {
		return false, nil
	}
	d := h.cfg.Check(authz.Ask, q.asker.Actor, authz.Matter{Lane: authz.ThirdParty})
	if d.Reason != authz.MayNotRequest && d.Reason != authz.MembershipUnknown {
		return false, nil
	}
	return true, h.refuseUnsure(ctx, q.act, q.row, d.Reason, q.unborn(), q.asker)
}

// unborn is what a refusal says of the request while its target is being found.
func (q *asking) unborn() *bot.Request {
	r := &bot.Request{Drill: q.drill}
	if q.meant.Left {
		r.TargetLeft = q.meant.SlackID
	}
	return r
}

// findTarget finds the account that is meant.
func (h *asks) findTarget(ctx context.Context, q *asking) (refused bool, err error) {
	q.meant = lookup.Match{User: q.asker.Account, SlackID: q.UserID}
	if !q.whom.Me {
		if q.meant, err = h.people.Target(ctx, q.whom); err != nil {
			return true, h.refuseLookup(ctx, q.act, q.row, err, &bot.Request{Drill: q.drill})
		}
	}
	if refused, err := h.mayAskAbout(ctx, q, q.meant.User.ID != q.asker.Actor.EntraID); refused || err != nil {
		return refused, err
	}
	if q.meant.Problem != "" {
		return true, h.refuse(ctx, q.act, withReason(q.row, q.meant.Problem), message.TargetRefusal(q.meant.Problem, q.unborn(), q.whom))
	}
	q.row.TargetID = q.meant.User.ID
	return false, nil
}

// readTarget reads what the card will show of the account, and the further Slack accounts
// of the asker.
func (h *asks) readTarget(ctx context.Context, q *asking) (facts bot.TargetFacts, also []string, refused bool, err error) {
	var known []string
	if q.meant.SlackID != "" {
		known = []string{q.meant.SlackID}
	}
	var unlisted error
	var beside sync.WaitGroup
	beside.Go(func() { also, unlisted = h.askersAlso(ctx, q.asker, q.meant.User.ID) })
	// The search that found the account uses an index that may lag behind; the card must not.
	facts, err = h.people.Preview(ctx, q.meant.User.ID, known, true)
	beside.Wait()
	switch {
	case graph.IsNotFound(err):
		return facts, nil, true, h.refuse(ctx, q.act, withReason(q.row, authz.NoAccount),
			message.TargetRefusal(authz.NoAccount, q.unborn(), q.whom))
	case unlisted != nil:
		return facts, nil, true, h.refuseLookup(ctx, q.act, q.row, unlisted, q.unborn())
	case err != nil:
		facts.User = q.meant.User
	}
	return facts, also, false, nil
}

// mayAsk completes the draft and puts it to authz.
func (h *asks) mayAsk(ctx context.Context, q *asking) (refused bool, err error) {
	r := &q.draft
	r.TargetLeft = q.unborn().TargetLeft
	r.Lane, r.Words.Reason = authz.LaneOf(q.asker.Actor.EntraID, q.facts.User.ID), q.reason
	r.Askers = []authz.Asker{{SlackID: q.UserID, EntraID: q.asker.Actor.EntraID}}
	r.AimAt(q.facts)
	d := h.cfg.Check(authz.Ask, q.asker.Actor, r.Matter())
	switch {
	case d.Reason == authz.TargetProtected && !h.cfg.Policy.Require(sureMatter(r, q.facts)).Blocked:
		// Protected only by what cannot be read at the moment.
		return true, h.refuseLookup(ctx, q.act, q.row, lookup.Trouble(q.facts), r)
	case !d.Allowed:
		return true, h.refuseUnsure(ctx, q.act, q.row, d.Reason, r, q.asker)
	case h.run.OwnAccount(q.facts.User.ID):
		return true, h.refuseFor(ctx, q.act, q.row, bot.OwnAccount, r)
	}
	return false, nil
}

// askersAlso are the further Slack accounts of somebody who asks about somebody
// else, where the policy may keep them from approving it: an address may be
// another person's by the time of a click.
func (h *asks) askersAlso(ctx context.Context, asker lookup.Person, targetID string) ([]string, error) {
	if asker.Actor.EntraID == targetID || !h.cfg.Policy.BarsRequesters() {
		return nil, nil
	}
	ids, err := h.people.SlackAccounts(ctx, asker.Account, []string{asker.Actor.SlackID})
	if err != nil && !lookup.OnlyTooManyAddresses(err) {
		return nil, lookup.Trouble((bot.TargetFacts{Trouble: err}))
	}
	return ids[1:], nil
}

// enter joins the pending request for the same target and lane, or makes one.
func (h *asks) enter(ctx context.Context, q *asking) error {
	entry := bot.Entry{
		Actor: q.UserID, ActorEntraID: q.draft.Requester().EntraID, TargetID: q.draft.Target.ID, Origin: q.Origin(), Drill: q.drill,
	}
	for range 5 {
		err := h.enterOnce(ctx, q, entry)
		if limit, ok := errors.AsType[*bot.LimitError](err); ok {
			return h.refuseLimit(ctx, q.act, entry, authz.Ask, limit, &q.draft)
		}
		if !errors.Is(err, bot.ErrTaken) && !errors.Is(err, bot.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("make a request: %w", bot.ErrConflict)
}

// enterOnce answers ErrTaken or ErrConflict where it must be tried again.
func (h *asks) enterOnce(ctx context.Context, q *asking, entry bot.Entry) error {
	r, pending, err := h.store.PendingFor(ctx, q.draft.Target.ID, q.draft.Lane, q.drill)
	if err != nil {
		return err
	}
	if !pending {
		if r, err = h.run.Draft(ctx, q.draft); err != nil {
			return err
		}
		return h.create(ctx, q.act, r, entry)
	}
	if !h.now().Before(r.Deadline()) {
		// Nobody joins what nobody can decide any more; while a freeze
		// stops the clocks, it is not over yet.
		over, err := h.run.EndOverdue(ctx, r)
		if err != nil && !errors.Is(err, bot.ErrConflict) {
			return err
		}
		if over {
			return bot.ErrConflict
		}
	}
	if h.cfg.Policy.Require(r.KnownNow(q.facts)).Approvals > r.Need {
		// Nobody joins a card that asks for too little by now.
		row := r.Entry(bot.Void, bot.BotActor)
		row.Origin = q.Origin()
		_, err := h.run.Void(ctx, r, q.facts, []bot.Difference{bot.MoreApprovals}, bot.Change{}, row)
		switch {
		case err == nil:
			return bot.ErrConflict
		case errors.Is(err, bot.ErrOtherRules):
			return h.join(ctx, q, r, entry) // the rules in force may ask for no more
		}
		return err
	}
	r.AlsoKnows(&q.draft)
	return h.join(ctx, q, r, entry)
}

// create stores a new request and answers its asker.
func (h *asks) create(ctx context.Context, a act, r bot.Request, e bot.Entry) error {
	e.Action, e.Request, e.Operation, e.Digest, e.Need = bot.ActRequested, r.ID, string(r.Operation), r.Digest, r.Need
	e.Until = r.ExecutesAt()
	r, err := h.run.Commit(ctx, bot.Change{
		Request: r, Audit: []bot.Entry{e}, Settles: a.ID, Uses: h.cfg.Asks(&r, r.Requester()),
	})
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.Received(&r, h.view(ctx, a, &r, "")))
	return nil
}

// join adds somebody who asks for what was asked already, or what they add to
// it. Either way the card is looked after: somebody may have deleted it.
func (h *asks) join(ctx context.Context, q *asking, r bot.Request, e bot.Entry) error {
	a, w, asker := q.act, q.wish, q.draft.Requester()
	known := slices.Contains(r.AskedBy(), a.UserID)
	if !slices.Contains(r.Askers, asker) {
		// Or somebody whose Slack account leads to another Entra account by now: the
		// row says so, and neither account may approve it as somebody else's.
		r.Askers = append(slices.Clone(r.Askers), asker)
	}
	if w.reason != "" && w.reason != r.Words.Reason {
		r.Words.Add(a.UserID, w.reason)
	}
	if err := h.teller.Doubt(ctx, r.ID); err != nil {
		return err
	}
	r.Coverage.Able = lookup.Headcount(h.approvers.Latest().Able(&r, h.cfg.Check))
	e.Action, e.Request = bot.ActJoined, r.ID
	r, err := h.run.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Settles: a.ID, Uses: h.cfg.Asks(&r, asker)})
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.Joined(&r, h.view(ctx, a, &r, h.teller.CardLink(ctx, r.ID)), a.UserID, !known))
	return nil
}

// sureMatter is Matter without what nobody could say of the target: which groups it may
// be in, and whether it may hold a privileged role.
func sureMatter(r *bot.Request, t bot.TargetFacts) authz.Matter {
	m := r.Matter()
	m.Target.MemberOf, m.Target.Privileged = t.In, t.Privileged == graph.Yes
	return m
}
