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

// ask looks up who asks and who is meant, and makes or joins a request.
func (h *Handler) ask(ctx context.Context, a bot.Arrival, w wish) error {
	if w.whom.SlackID == a.UserID {
		w.whom = bot.Whom{Me: true}
	}
	if w.whom.Me {
		ctx = lookup.For(ctx, lookup.ForOwn)
	}
	// A refusal speaks of a request that does not exist yet, but may be a drill.
	unborn := &bot.Request{Drill: w.drill}
	e := bot.Entry{Wanted: string(authz.Ask), Drill: w.drill}
	if wait := h.allowance.Take(a.UserID, w.whom.Me, h.now()); wait > 0 {
		v := h.teller.View(ctx, nil, "")
		v.Wait = wait
		return h.refuse(ctx, a, withReason(e, bot.TooFast), message.Refusal(bot.TooFast, unborn, v))
	}
	asker, err := h.people.Who(ctx, a.UserID)
	if err != nil {
		return h.refuseLookup(ctx, a, e, err, unborn)
	}
	e.ActorEntraID, e.LookedUpMS = asker.Actor.EntraID, asker.Age.Milliseconds()
	if d := h.cfg.Check(authz.Ask, asker.Actor, authz.Matter{}); !d.Allowed {
		return h.refuseFor(ctx, a, e, d.Reason, unborn)
	}
	meant := lookup.Match{User: asker.Account, SlackID: a.UserID}
	// Whoever may not ask about others has nobody looked up, and does not learn
	// who has an account.
	stranger := func() (authz.Reason, bool) {
		d := h.cfg.Check(authz.Ask, asker.Actor, authz.Matter{Lane: authz.ThirdParty})
		return d.Reason, d.Reason == authz.MayNotRequest || d.Reason == authz.MembershipUnknown
	}
	if !w.whom.Me && !h.people.MayMean(w.whom, asker.Account) {
		if reason, is := stranger(); is {
			return h.refuseUnsure(ctx, a, e, reason, unborn, asker)
		}
	}
	var coverage bot.Coverage
	var ready sync.WaitGroup // beside the look-ups, and no reason to end them
	ready.Go(func() { coverage = h.teller.Cover(ctx) })
	defer ready.Wait()
	if !w.whom.Me {
		if meant, err = h.people.Target(ctx, w.whom); err != nil {
			return h.refuseLookup(ctx, a, e, err, unborn)
		}
	}
	if meant.Left {
		unborn.TargetLeft = meant.SlackID
	}
	if meant.User.ID != asker.Actor.EntraID {
		if reason, is := stranger(); is {
			return h.refuseUnsure(ctx, a, e, reason, unborn, asker)
		}
	}
	if meant.Problem != "" {
		return h.refuse(ctx, a, withReason(e, meant.Problem), message.TargetRefusal(meant.Problem, unborn, w.whom))
	}
	e.TargetID = meant.User.ID
	var known []string
	if meant.SlackID != "" {
		known = []string{meant.SlackID}
	}
	// The search uses an index that may lag behind; the card shall not.
	var also []string
	var unlisted error
	ready.Go(func() { also, unlisted = h.askersAlso(ctx, asker, meant.User.ID) })
	t, err := h.people.Preview(ctx, meant.User.ID, known, true)
	ready.Wait()
	switch {
	case graph.IsNotFound(err):
		return h.refuse(ctx, a, withReason(e, authz.NoAccount), message.TargetRefusal(authz.NoAccount, unborn, w.whom))
	case unlisted != nil:
		return h.refuseLookup(ctx, a, e, unlisted, unborn)
	case err != nil:
		t.User = meant.User
	}
	unborn.Lane, unborn.Words.Reason = authz.LaneOf(asker.Actor.EntraID, t.User.ID), w.reason
	unborn.Askers = []authz.Asker{{SlackID: a.UserID, EntraID: asker.Actor.EntraID}}
	unborn.AimAt(t)
	unborn.AskersAlso = also
	if d := h.cfg.Check(authz.Ask, asker.Actor, unborn.Matter()); !d.Allowed {
		sure := unborn.Matter()
		sure.Target.MemberOf, sure.Target.Privileged = t.In, t.Privileged == graph.Yes
		if d.Reason == authz.TargetProtected && !h.cfg.Policy.Require(sure).Blocked {
			// Protected only by what cannot be read just now.
			return h.refuseLookup(ctx, a, e, lookup.Trouble(t), unborn)
		}
		return h.refuseUnsure(ctx, a, e, d.Reason, unborn, asker)
	}
	if h.run.OwnAccount(t.User.ID) {
		return h.refuseFor(ctx, a, e, bot.OwnAccount, unborn)
	}
	unborn.Coverage = coverage
	return h.enter(ctx, a, w, *unborn, t)
}

// askersAlso are the further Slack accounts of somebody who asks about somebody
// else, where the policy may keep them from approving it: an address may be
// another person's by the time of a click.
func (h *Handler) askersAlso(ctx context.Context, asker lookup.Person, targetID string) ([]string, error) {
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
func (h *Handler) enter(ctx context.Context, a bot.Arrival, w wish, unborn bot.Request, t bot.TargetFacts) error {
	asker := unborn.Requester()
	entry := bot.Entry{Actor: a.UserID, ActorEntraID: asker.EntraID, TargetID: unborn.Target.ID, Origin: a.Origin(), Drill: w.drill}
	for range 5 {
		r, pending, err := h.store.PendingFor(ctx, unborn.Target.ID, unborn.Lane, w.drill)
		if err != nil {
			return err
		}
		if pending && !h.now().Before(r.Deadline()) {
			// Nobody joins what nobody can decide any more; while a freeze
			// stops the clocks, it is not over yet.
			over, err := h.run.EndOverdue(ctx, r)
			if err != nil && !errors.Is(err, bot.ErrConflict) {
				return err
			}
			if over {
				continue
			}
		}
		switch {
		case pending && h.cfg.Policy.Require(r.KnownNow(t)).Approvals > r.Need:
			// Nobody joins a card that asks for too little by now.
			row := r.Entry(bot.Void, "bot")
			row.Origin = a.Origin()
			_, err = h.run.Void(ctx, r, t, []bot.Difference{bot.MoreApprovals}, bot.Change{}, row)
			switch {
			case err == nil:
				err = bot.ErrConflict
			case errors.Is(err, bot.ErrOtherRules):
				err = h.join(ctx, a, w, asker, r, entry) // the rules in force may ask for no more
			}
		case pending:
			r.AlsoKnows(&unborn)
			err = h.join(ctx, a, w, asker, r, entry)
		default:
			if r, err = h.run.Draft(ctx, unborn); err != nil {
				return err
			}
			err = h.create(ctx, a, r, entry)
		}
		if limit, ok := errors.AsType[*bot.LimitError](err); ok {
			return h.refuseLimit(ctx, a, entry, authz.Ask, limit, &unborn)
		}
		if !errors.Is(err, bot.ErrTaken) && !errors.Is(err, bot.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("make a request: %w", bot.ErrConflict)
}

func (h *Handler) create(ctx context.Context, a bot.Arrival, r bot.Request, e bot.Entry) error {
	e.Action, e.Request, e.Operation, e.Digest, e.Need = "requested", r.ID, string(r.Operation), r.Digest, r.Need
	e.Until = r.ExecutesAt()
	r, err := h.run.Commit(ctx, bot.Change{
		Request: r, Audit: []bot.Entry{e}, Settles: a.ID, Uses: h.cfg.Asks(&r, r.Requester()),
	})
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.Received(&r, h.teller.View(ctx, &r, "")))
	return nil
}

// join adds somebody who asks for what was asked already, or what they add to
// it. Either way the card is looked after: somebody may have deleted it.
func (h *Handler) join(ctx context.Context, a bot.Arrival, w wish, asker authz.Asker, r bot.Request, e bot.Entry) error {
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
	e.Action, e.Request = "joined", r.ID
	r, err := h.run.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, Settles: a.ID, Uses: h.cfg.Asks(&r, asker)})
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.Joined(&r, h.teller.View(ctx, &r, h.teller.CardLink(ctx, r.ID)), a.UserID, !known))
	return nil
}
