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
	target bot.Whom
	reason string
	drill  bool
}

// asking is the state of one ask: what is wanted, and the look-ups so far.
type asking struct {
	act
	wish
	// row is the audit row if the ask is refused. draft becomes the request; a refusal
	// describes it too.
	row   bot.Entry
	draft bot.Request
	asker lookup.Person
	meant lookup.Match
	facts bot.TargetFacts
}

// ask looks up the asker and the target, and makes or joins a request. Each step
// looks up only what the asker has a right to.
func (h *asks) ask(ctx context.Context, a act, w wish) error {
	if w.target.SlackID == a.UserID {
		w.target = bot.Whom{Me: true}
	}
	if w.target.Me {
		ctx = lookup.For(ctx, lookup.ForOwn)
	}
	q := &asking{act: a, wish: w, draft: bot.Request{Drill: w.drill}, row: bot.Entry{Wanted: string(authz.Ask), Drill: w.drill}}
	if refused, err := h.lookUpAsker(ctx, q); refused || err != nil {
		return err
	}
	if refused, err := h.mayAskAbout(ctx, q, !w.target.Me && !h.people.MayMean(w.target, q.asker.Account)); refused || err != nil {
		return err
	}
	var background sync.WaitGroup // runs during the look-ups; a failure does not end them
	background.Go(func() { q.draft.Coverage = h.teller.Cover(ctx) })
	var source bot.Source
	background.Go(func() { source = h.lookUpSource(ctx, a) })
	defer background.Wait()
	if refused, err := h.findTarget(ctx, q); refused || err != nil {
		return err
	}
	facts, also, refused, err := h.readTarget(ctx, q)
	if refused || err != nil {
		return err
	}
	background.Wait() // what the background looked up is there from here on
	q.facts, q.draft.AskersAlso, q.source = facts, also, source
	q.draft.Words.AddSource(a.UserID, q.source)
	if refused, err := h.mayAsk(ctx, q); refused || err != nil {
		return err
	}
	return h.enter(ctx, q)
}

// lookUpSource finds out whether every approver can open the message that the ask is about.
func (h *asks) lookUpSource(ctx context.Context, a act) bot.Source {
	s := a.source
	if s.TS == "" {
		return s
	}
	var err error
	if s.Public, err = h.people.IsPublic(ctx, s.Channel); err != nil {
		h.log.Info("cannot read the channel of a message, so its link is not on the card", "arrival", a.ID, "channel", s.Channel, "error", err)
	}
	return s
}

// lookUpAsker looks up the asker. It refuses people who ask too often or may never ask.
func (h *asks) lookUpAsker(ctx context.Context, q *asking) (refused bool, err error) {
	if wait := h.allowance.Take(q.UserID, q.target.Me, h.now()); wait > 0 {
		v := h.view(ctx, q.act, nil)
		v.Wait, v.Wanted = wait, authz.Ask
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

// mayAskAbout refuses an ask about somebody else by a person who may not ask about others.
// It runs before the target look-up, so the answer does not reveal who has an account.
func (h *asks) mayAskAbout(ctx context.Context, q *asking, somebodyElse bool) (refused bool, err error) {
	if !somebodyElse {
		return false, nil
	}
	d := h.cfg.Check(authz.Ask, q.asker.Actor, authz.Matter{Lane: authz.ThirdParty})
	if d.Reason != authz.MayNotRequest && d.Reason != authz.MembershipUnknown {
		return false, nil
	}
	return true, h.refuseUnsure(ctx, q.act, q.row, d.Reason, q.soFar(), q.asker)
}

// soFar returns what a refusal can say about the request before the target is read.
func (q *asking) soFar() *bot.Request {
	r := &bot.Request{Drill: q.drill}
	if q.meant.Left {
		r.TargetLeft = q.meant.SlackID
	}
	return r
}

// misnames returns the act if nobody can tell which account it means.
func (q *asking) misnames() act {
	a := q.act
	a.misnamed = true
	return a
}

// findTarget finds the target's account.
func (h *asks) findTarget(ctx context.Context, q *asking) (refused bool, err error) {
	q.meant = lookup.Match{User: q.asker.Account, SlackID: q.UserID}
	if !q.target.Me {
		if q.meant, err = h.people.Target(ctx, q.target); err != nil {
			return true, h.refuseLookup(ctx, q.act, q.row, err, &bot.Request{Drill: q.drill})
		}
	}
	if refused, err := h.mayAskAbout(ctx, q, q.meant.User.ID != q.asker.Actor.EntraID); refused || err != nil {
		return refused, err
	}
	if q.meant.Problem != "" {
		return true, h.refuse(ctx, q.misnames(), withReason(q.row, q.meant.Problem), message.TargetRefusal(q.meant.Problem, q.soFar(), q.target))
	}
	q.row.TargetID = q.meant.User.ID
	return false, nil
}

// readTarget reads the account facts for the card, and the asker's other Slack accounts.
func (h *asks) readTarget(ctx context.Context, q *asking) (facts bot.TargetFacts, also []string, refused bool, err error) {
	var known []string
	if q.meant.SlackID != "" {
		known = []string{q.meant.SlackID}
	}
	var alsoErr error
	var background sync.WaitGroup
	background.Go(func() { also, alsoErr = h.askersAlso(ctx, q.asker, q.meant.User.ID) })
	// Read the account again: the search that found it uses an index that may lag.
	facts, err = h.people.Preview(ctx, q.meant.User.ID, known, true)
	background.Wait()
	switch {
	case graph.IsNotFound(err):
		return facts, nil, true, h.refuse(ctx, q.misnames(), withReason(q.row, authz.NoAccount),
			message.TargetRefusal(authz.NoAccount, q.soFar(), q.target))
	case alsoErr != nil:
		return facts, nil, true, h.refuseLookup(ctx, q.act, q.row, alsoErr, q.soFar())
	case err != nil:
		facts.User = q.meant.User
	}
	return facts, also, false, nil
}

// mayAsk completes the draft and puts it to authz.
func (h *asks) mayAsk(ctx context.Context, q *asking) (refused bool, err error) {
	r := &q.draft
	r.TargetLeft = q.soFar().TargetLeft
	r.Lane, r.Words.Reason = authz.LaneOf(q.asker.Actor.EntraID, q.facts.User.ID), q.reason
	q.lane = r.Lane
	r.Askers = []authz.Asker{{SlackID: q.UserID, EntraID: q.asker.Actor.EntraID}}
	r.AimAt(q.facts)
	d := h.cfg.Check(authz.Ask, q.asker.Actor, r.Matter())
	switch {
	case d.Reason == authz.TargetProtected && !h.cfg.Policy.Require(q.facts.Sure(r.Matter())).Blocked:
		// The target counts as protected only because a fact about it could not be read.
		return true, h.refuseLookup(ctx, q.act, q.row, lookup.Trouble(q.facts), r)
	case !d.Allowed:
		return true, h.refuseUnsure(ctx, q.act, q.row, d.Reason, r, q.asker)
	case h.run.OwnAccount(q.facts.User.ID):
		return true, h.refuseFor(ctx, q.act, q.row, bot.OwnAccount, r)
	}
	return false, nil
}

// askersAlso returns the other Slack accounts of a person who asks about somebody else, if
// the policy bars requesters from approving. They are read now because an address may
// belong to another person at the time of a click.
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
		again, err := h.enterOnce(ctx, q, entry)
		if limit, ok := errors.AsType[*bot.LimitError](err); ok {
			return h.refuseLimit(ctx, q.act, entry, authz.Ask, limit, &q.draft)
		}
		if errors.Is(err, bot.ErrSent) { // by another submission of the same form, at the same time
			if done, err := h.sentBefore(ctx, q.act); done || err != nil {
				return err
			}
		}
		if !again && !errors.Is(err, bot.ErrTaken) && !errors.Is(err, bot.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("make a request: %w", bot.ErrConflict)
}

// enterOnce tries once. The caller must try again after ErrTaken or ErrConflict, and
// where again says that it has ended a request in the way.
func (h *asks) enterOnce(ctx context.Context, q *asking, entry bot.Entry) (again bool, err error) {
	r, pending, err := h.store.PendingFor(ctx, q.draft.Target.ID, q.draft.Lane, q.drill)
	if err != nil {
		return false, err
	}
	if !pending {
		if r, err = h.run.Draft(ctx, q.draft); err != nil {
			return false, err
		}
		return false, h.create(ctx, q.act, r, entry)
	}
	if !h.now().Before(r.Deadline()) {
		// Nobody can decide this request any more, so the ask must not join it. A freeze
		// stops its clock: then it is still open.
		over, err := h.run.EndOverdue(ctx, r)
		if err != nil && !errors.Is(err, bot.ErrConflict) {
			return false, err
		}
		if over {
			return true, nil
		}
	}
	if h.cfg.Policy.Require(r.KnownNow(q.facts)).Approvals > r.Need {
		// The card asks for fewer approvals than the policy needs now.
		row := r.Entry(bot.Void, bot.BotActor)
		row.Origin = q.Origin()
		_, err := h.run.Void(ctx, r, q.facts, []bot.Difference{bot.MoreApprovals}, bot.Change{}, row)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, bot.ErrOtherRules):
			return false, h.join(ctx, q, r, entry) // the rules in force may need no more approvals
		}
		return false, err
	}
	r.AlsoKnows(&q.draft)
	return false, h.join(ctx, q, r, entry)
}

// create stores a new request and answers the asker.
func (h *asks) create(ctx context.Context, a act, r bot.Request, e bot.Entry) error {
	e.Action, e.Request, e.Operation, e.Digest, e.Need = bot.ActRequested, r.ID, string(r.Operation), r.Digest, r.Need
	e.Until = r.ExecutesAt()
	r, err := h.run.Commit(ctx, bot.Change{
		Request: r, Audit: []bot.Entry{e}, Settles: a.ID, ViewKey: a.ViewKey(), Uses: h.cfg.Asks(&r, r.Requester()),
	})
	if err != nil {
		return err
	}
	h.answer(ctx, a, message.Received(&r, h.view(ctx, a, &r)))
	return nil
}

// join adds an asker to a pending request, or a reason from somebody who asked before. It
// has the card checked as well, because somebody may have deleted it.
func (h *asks) join(ctx context.Context, q *asking, r bot.Request, e bot.Entry) error {
	a, w, asker := q.act, q.wish, q.draft.Requester()
	known := slices.Contains(r.AskedBy(), a.UserID)
	if !slices.Contains(r.Askers, asker) {
		// This is a new person, or a Slack account that now maps to another Entra account.
		// Both accounts count as askers, so neither may approve as a third person.
		r.Askers = append(slices.Clone(r.Askers), asker)
	}
	r.Words.AddSource(a.UserID, q.source)
	if w.reason != "" && w.reason != r.Words.Reason {
		r.Words.Add(a.UserID, w.reason)
	}
	if err := h.teller.Doubt(ctx, r.ID); err != nil {
		return err
	}
	r.Coverage.Able = lookup.Headcount(h.approvers.Latest().Able(&r, h.cfg.Check))
	e.Action, e.Request = bot.ActJoined, r.ID
	r, err := h.run.Commit(ctx, bot.Change{
		Request: r, Audit: []bot.Entry{e}, Settles: a.ID, ViewKey: a.ViewKey(), Uses: h.cfg.Asks(&r, asker),
	})
	if err != nil {
		return err
	}
	v := h.view(ctx, a, &r)
	h.teller.LeadOn(ctx, &v, &r, h.teller.Places(ctx, r.ID), a.UserID)
	h.answer(ctx, a, message.Joined(&r, v, a.UserID, !known))
	return nil
}
