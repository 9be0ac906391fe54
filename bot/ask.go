package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// maxName is how many runes of a directory's name are shown.
const maxName = 120

// command carries out a typed command.
func (b *Bot) command(ctx context.Context, a Arrival) error {
	cmd, err := ParseCommand(a.Text)
	if usage, ok := errors.AsType[*UsageError](err); ok {
		return b.reply(ctx, a, Usage(usage))
	}
	if b.likely(a.UserID) && (cmd.Verb == FreezeVerb || cmd.Verb == UnfreezeVerb) {
		ctx = lookingUp(ctx, forDecision)
	}
	switch cmd.Verb {
	case FormVerb:
		return b.openForm(ctx, a)
	case StatusVerb:
		return b.status(ctx, a, cmd.RequestID)
	case CancelVerb:
		return b.cancel(lookingUp(ctx, forOwn), a, cmd.RequestID)
	case AskVerb, DrillVerb:
		return b.ask(ctx, a, wish{whom: cmd.Whom, reason: cmd.Reason, drill: cmd.Verb == DrillVerb})
	case FreezeVerb:
		return b.freeze(ctx, a, cmd.Reason)
	case UnfreezeVerb:
		return b.unfreeze(ctx, a)
	}
	return b.reply(ctx, a, Help(b.view(ctx, nil, "")))
}

// reply settles an arrival that changes nothing and answers it.
func (b *Bot) reply(ctx context.Context, a Arrival, m Message) error {
	if err := b.store.Record(ctx, a.ID); err != nil {
		return err
	}
	b.answer(ctx, a, m)
	return nil
}

// openForm opens the form before anything else: its trigger lives 3 s.
func (b *Bot) openForm(ctx context.Context, a Arrival) error {
	err := b.budget.take(ctx, "views.open")
	if err == nil {
		err = b.openView(ctx, a.TriggerID, Form(a.UserID, a.ID, &b.cfg.Policy))
		b.budget.heed("views.open", err)
	}
	if err == nil {
		return b.store.Record(ctx, a.ID)
	}
	b.log.Warn("open the form", "arrival", a.ID, "user", a.UserID, "error", err)
	if _, limited := tooOften(err); limited {
		return b.reply(ctx, a, note("Slack asked the bot to wait, so the form did not open and nothing was asked for. %s", typeInstead))
	}
	if e, ok := errors.AsType[*SlackError](err); ok && e.NoAnswer() {
		return b.reply(ctx, a, note("I am not sure that the form opened. If you see none: %s", typeInstead))
	}
	return b.reply(ctx, a, note("The form could not open, and nothing was asked for. %s", typeInstead))
}

// form carries out a submitted form. Its metadata leads to the command or
// click that opened it, which has the response_url; without one the answer
// goes by direct message.
func (b *Bot) form(ctx context.Context, a Arrival) error {
	var opened Arrival
	if id, err := strconv.ParseInt(a.Metadata, 10, 64); err == nil {
		opened, err = b.store.Arrival(ctx, id)
		if err != nil && !errors.Is(err, ErrNoRequest) {
			return err
		}
		if opened.UserID != a.UserID {
			opened = Arrival{}
		}
	}
	a.ResponseURL = opened.ResponseURL
	if a.CallbackID == DenyCallback {
		return b.denyForm(ctx, a, opened)
	}
	if a.CallbackID != FormCallback || !slackUser.MatchString(a.PickedUser) {
		e := Entry{Wanted: string(authz.Ask), Reason: string(authz.OutsideWorkspace)}
		return b.refuse(ctx, a, e, note("The form named nobody. Nothing was asked for. %s", typeInstead))
	}
	return b.ask(ctx, a, wish{whom: Whom{SlackID: a.PickedUser}, reason: Clean(a.Reason, maxReason)})
}

// wish is what somebody asks for.
type wish struct {
	whom   Whom
	reason string
	drill  bool
}

// ask looks up who asks and who is meant, and makes or joins a request.
func (b *Bot) ask(ctx context.Context, a Arrival, w wish) error {
	if w.whom.SlackID == a.UserID {
		w.whom = Whom{Me: true}
	}
	if w.whom.Me {
		ctx = lookingUp(ctx, forOwn)
	}
	// A refusal speaks of a request that does not exist yet, but may be a drill.
	unborn := &Request{Drill: w.drill}
	e := Entry{Wanted: string(authz.Ask), Drill: w.drill}
	if wait := b.allowance.take(a.UserID, w.whom.Me, b.now()); wait > 0 {
		v := b.view(ctx, nil, "")
		v.Wait = wait
		return b.refuse(ctx, a, withReason(e, TooFast), Refusal(TooFast, unborn, v))
	}
	asker, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, unborn)
	}
	e.ActorEntraID, e.LookedUpMS = asker.actor.EntraID, asker.age.Milliseconds()
	if d := b.check(authz.Ask, asker.actor, authz.Matter{}); !d.Allowed {
		return b.refuseFor(ctx, a, e, d.Reason, unborn)
	}
	meant := found{user: asker.account, slackID: a.UserID}
	// Whoever may not ask about others has nobody looked up, and does not learn
	// who has an account.
	stranger := func() (authz.Reason, bool) {
		d := b.check(authz.Ask, asker.actor, authz.Matter{Lane: authz.ThirdParty})
		return d.Reason, d.Reason == authz.MayNotRequest || d.Reason == authz.MembershipUnknown
	}
	if !w.whom.Me && !b.people.mayMean(w.whom, asker.account) {
		if reason, is := stranger(); is {
			return b.refuseUnsure(ctx, a, e, reason, unborn, asker)
		}
	}
	var coverage Coverage
	var ready sync.WaitGroup // beside the look-ups, and no reason to end them
	ready.Go(func() { coverage = b.cover(ctx) })
	defer ready.Wait()
	if !w.whom.Me {
		if meant, err = b.people.target(ctx, w.whom); err != nil {
			return b.refuseLookup(ctx, a, e, err, unborn)
		}
	}
	if meant.left {
		unborn.TargetLeft = meant.slackID
	}
	if meant.user.ID != asker.actor.EntraID {
		if reason, is := stranger(); is {
			return b.refuseUnsure(ctx, a, e, reason, unborn, asker)
		}
	}
	if meant.problem != "" {
		return b.refuse(ctx, a, withReason(e, meant.problem), targetRefusal(meant.problem, unborn, w.whom))
	}
	e.TargetID = meant.user.ID
	var known []string
	if meant.slackID != "" {
		known = []string{meant.slackID}
	}
	// The search uses an index that may lag behind; the card shall not.
	var also []string
	var unlisted error
	ready.Go(func() { also, unlisted = b.askersAlso(ctx, asker, meant.user.ID) })
	t, err := b.people.preview(ctx, meant.user.ID, known, true)
	ready.Wait()
	switch {
	case graph.IsNotFound(err):
		return b.refuse(ctx, a, withReason(e, authz.NoAccount), targetRefusal(authz.NoAccount, unborn, w.whom))
	case unlisted != nil:
		return b.refuseLookup(ctx, a, e, unlisted, unborn)
	case err != nil:
		t.user = meant.user
	}
	unborn.Lane, unborn.Words.Reason = authz.LaneOf(asker.actor.EntraID, t.user.ID), w.reason
	unborn.Askers = []authz.Asker{{SlackID: a.UserID, EntraID: asker.actor.EntraID}}
	unborn.aimAt(t)
	unborn.AskersAlso = also
	if d := b.check(authz.Ask, asker.actor, unborn.matter()); !d.Allowed {
		sure := unborn.matter()
		sure.Target.MemberOf, sure.Target.Privileged = t.in, t.privileged == graph.Yes
		if d.Reason == authz.TargetProtected && !b.cfg.Policy.Require(sure).Blocked {
			// Protected only by what cannot be read just now.
			return b.refuseLookup(ctx, a, e, t.unread(), unborn)
		}
		return b.refuseUnsure(ctx, a, e, d.Reason, unborn, asker)
	}
	if b.ownAccount(t.user.ID) {
		return b.refuseFor(ctx, a, e, OwnAccount, unborn)
	}
	unborn.Coverage = coverage
	return b.enter(ctx, a, w, *unborn, t)
}

// askersAlso are the further Slack accounts of somebody who asks about somebody
// else, where the policy may keep them from approving it: an address may be
// another person's by the time of a click.
func (b *Bot) askersAlso(ctx context.Context, asker person, targetID string) ([]string, error) {
	if asker.actor.EntraID == targetID || !b.cfg.Policy.BarsRequesters() {
		return nil, nil
	}
	ids, err := b.people.slackAccounts(ctx, asker.account, []string{asker.actor.SlackID})
	if err != nil && !onlyTooMany(err) {
		return nil, (aim{trouble: err}).unread()
	}
	return ids[1:], nil
}

// mayMean reports whether somebody named may be the account: an address of its
// own, though another account may have it, too.
func (p *people) mayMean(whom Whom, u graph.User) bool {
	switch {
	case whom.SlackID != "":
		return slices.Contains(p.mappedTo(u.ID), whom.SlackID)
	case whom.ObjectID != "":
		return strings.EqualFold(whom.ObjectID, u.ID)
	}
	return slices.ContainsFunc(append([]string{u.UPN, u.Mail}, u.Addresses...), func(address string) bool {
		return strings.EqualFold(address, whom.Address)
	})
}

// ownAccount reports whether the bot signs in to Entra with the account: a revoke
// would sign it out. Microsoft has just been asked about the account, so that
// it is known who is signed in by now.
func (b *Bot) ownAccount(objectID string) bool {
	return objectID != "" && strings.EqualFold(b.directory.SignedInAs(), objectID)
}

// enter joins the pending request for the same target and lane, or makes one.
func (b *Bot) enter(ctx context.Context, a Arrival, w wish, unborn Request, t aim) error {
	asker := unborn.requester()
	entry := Entry{Actor: a.UserID, ActorEntraID: asker.EntraID, TargetID: unborn.Target.ID, Origin: a.origin(), Drill: w.drill}
	for range 5 {
		r, pending, err := b.store.PendingFor(ctx, unborn.Target.ID, unborn.Lane, w.drill)
		if err != nil {
			return err
		}
		if pending && !b.now().Before(r.deadline()) {
			// Nobody joins what nobody can decide any more; while a freeze
			// stops the clocks, it is not over yet.
			over, err := b.overdue(ctx, r)
			if err != nil && !errors.Is(err, ErrConflict) {
				return err
			}
			if over {
				continue
			}
		}
		switch {
		case pending && b.cfg.Policy.Require(r.knownNow(t)).Approvals > r.Need:
			// Nobody joins a card that asks for too little by now.
			row := r.entry(Void, "bot")
			row.Origin = a.origin()
			_, err = b.void(ctx, r, t, []Difference{MoreApprovals}, Change{}, row)
			switch {
			case err == nil:
				err = ErrConflict
			case errors.Is(err, ErrOtherRules):
				err = b.join(ctx, a, w, asker, r, entry) // the rules in force may ask for no more
			}
		case pending:
			r.alsoKnows(&unborn)
			err = b.join(ctx, a, w, asker, r, entry)
		default:
			if r, err = b.draft(ctx, unborn); err != nil {
				return err
			}
			err = b.create(ctx, a, r, entry)
		}
		if limit, ok := errors.AsType[*LimitError](err); ok {
			return b.refuseLimit(ctx, a, entry, authz.Ask, limit, &unborn)
		}
		if !errors.Is(err, ErrTaken) && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("make a request: %w", ErrConflict)
}

// alsoKnows takes over which Slack accounts lead to the same people: who is known
// to be the same person as somebody stays so.
func (r *Request) alsoKnows(other *Request) {
	r.AskersAlso = union(r.AskersAlso, other.AskersAlso)
	r.TargetAlso = union(r.TargetAlso, slices.DeleteFunc(other.targetSlackIDs(), func(id string) bool { return id == r.TargetSlackID }))
	r.TargetFound = r.TargetFound || other.TargetFound
}

// draft makes a pending request of what was asked for and looked up.
func (b *Bot) draft(ctx context.Context, r Request) (Request, error) {
	before, err := b.store.LastAccepted(ctx, r.Target.ID)
	if err != nil {
		return Request{}, err
	}
	now := b.now().UTC()
	matter := r.matter()
	need := b.cfg.Policy.Require(matter)
	wait, executes := b.cfg.Policy.Wait(matter)
	r.ID, r.State, r.RevokedBefore = newID(), Pending, before
	r.Operation, r.Fallback = b.cfg.Operation, b.cfg.Fallback
	r.Need, r.Protected = need.Approvals, need.Protected
	r.Digest = shown(r.Target, r.Words.UPN, r.Operation, r.Fallback, r.Need)
	r.CreatedAt, r.ExpiresAt, r.Executes = now, now.Add(wait), executes && !r.Drill
	r.DueAt = b.attention(&r)
	r.Coverage.count(b.approvers.latest().able(&r, b.check))
	return r, nil
}

func (b *Bot) create(ctx context.Context, a Arrival, r Request, e Entry) error {
	e.Action, e.Request, e.Operation, e.Digest, e.Need = "requested", r.ID, string(r.Operation), r.Digest, r.Need
	e.Until = r.executesAt()
	r, err := b.commit(ctx, Change{
		Request: r, Audit: []Entry{e}, Settles: a.ID, Uses: b.asks(&r, r.requester()),
	})
	if err != nil {
		return err
	}
	b.answer(ctx, a, Received(&r, b.view(ctx, &r, "")))
	return nil
}

// asks counts an ask against its asker's limit. A report of one's own device
// does not count: whoever holds the phone could use up what its owner needs,
// and there is but one at a time.
func (b *Bot) asks(r *Request, asker authz.Asker) []Use {
	if r.Lane == authz.Self {
		return nil
	}
	return perPerson(PerRequester, asker, b.cfg.Policy.Limits.PerRequester)
}

// join adds somebody who asks for what was asked already, or what they add to
// it. Either way the card is looked after: somebody may have deleted it.
func (b *Bot) join(ctx context.Context, a Arrival, w wish, asker authz.Asker, r Request, e Entry) error {
	known := slices.Contains(r.askedBy(), a.UserID)
	if !slices.Contains(r.Askers, asker) {
		// Or somebody whose Slack account leads to another Entra account by now: the
		// row says so, and neither account may approve it as somebody else's.
		r.Askers = append(slices.Clone(r.Askers), asker)
	}
	if w.reason != "" && w.reason != r.Words.Reason {
		r.Words.add(a.UserID, w.reason)
	}
	if err := b.doubt(ctx, r.ID); err != nil {
		return err
	}
	r.Coverage.count(b.approvers.latest().able(&r, b.check))
	e.Action, e.Request = "joined", r.ID
	r, err := b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Settles: a.ID, Uses: b.asks(&r, asker)})
	if err != nil {
		return err
	}
	b.answer(ctx, a, Joined(&r, b.view(ctx, &r, b.cardLink(ctx, r.ID)), a.UserID, !known))
	return nil
}

// add keeps what somebody says who asks too, beside what they have said before:
// nothing of that goes.
func (w *Words) add(slackID, reason string) {
	also := maps.Clone(w.Also)
	if also == nil {
		also = map[string]string{}
	}
	switch before := also[slackID]; {
	case strings.Contains(before, reason):
		reason = before // said already
	case before != "":
		reason = cutRunes(before+" · "+reason, maxReason)
	}
	also[slackID], w.Also = reason, also
}

// doubt forgets what the card shows, so that it is edited once more; if it has
// been deleted, that brings a new one.
func (b *Bot) doubt(ctx context.Context, id string) error {
	return b.store.Doubt(ctx, id, cardKey)
}

func (b *Bot) cardLink(ctx context.Context, id string) string {
	places, err := b.store.Places(ctx, id)
	if err != nil {
		return ""
	}
	card := places[cardKey]
	return b.cfg.Home.Link(card.Channel, card.TS)
}

// refuseLookup answers whoever acted while Slack or Entra did not answer us.
func (b *Bot) refuseLookup(ctx context.Context, a Arrival, e Entry, err error, r *Request) error {
	lookup, ok := errors.AsType[*LookupError](err)
	if !ok {
		return err
	}
	level := slog.LevelWarn
	if lookup.Remedy != "" {
		level = slog.LevelError // it will not pass by itself
	}
	b.log.Log(ctx, level, "look up", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", err, "remedy", lookup.Remedy)
	e.Reason = string(LookupFailed)
	v := b.view(ctx, nil, "")
	v.unread(lookup)
	return b.refuse(ctx, a, e, Refusal(LookupFailed, r, v))
}

// refuseUnsure is refuseFor, and says who did not answer where that is why.
func (b *Bot) refuseUnsure(ctx context.Context, a Arrival, e Entry, reason authz.Reason, r *Request, who person) error {
	if lookup, ok := errors.AsType[*LookupError](who.trouble); ok && reason == authz.MembershipUnknown {
		b.log.Warn("ask a group who is in it", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", lookup, "remedy", lookup.Remedy)
		v := b.viewFor(ctx, a, r)
		v.unread(lookup)
		return b.refuse(ctx, a, withReason(e, reason), Refusal(reason, r, v))
	}
	return b.refuseFor(ctx, a, e, reason, r)
}

// refuseLimit says which limit is reached, and until when.
func (b *Bot) refuseLimit(ctx context.Context, a Arrival, e Entry, wanted authz.Action, limit *LimitError, r *Request) error {
	e.Wanted, e.Reason, e.Until = string(wanted), string(OverLimit), stampText(limit.Free)
	v := b.viewFor(ctx, a, r)
	v.Limit = limit
	return b.refuse(ctx, a, e, Refusal(OverLimit, r, v))
}

// stampText is a stamp in an audit row.
func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
