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

	"golang.org/x/sync/errgroup"

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
	switch cmd.Verb {
	case FormVerb:
		return b.openForm(ctx, a)
	case StatusVerb:
		return b.status(ctx, a, cmd.RequestID)
	case CancelVerb:
		return b.cancel(ctx, a, cmd.RequestID)
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
	err := b.openView(ctx, a.TriggerID, Form(a.UserID, a.ID, &b.cfg.Policy))
	if err == nil {
		return b.store.Record(ctx, a.ID)
	}
	b.log.Warn("open the form", "arrival", a.ID, "user", a.UserID, "error", err)
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
	var asker person
	var meant found
	var coverage Coverage
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { asker, err = b.people.who(look, a.UserID); return err })
	if !w.whom.Me {
		g.Go(func() (err error) { meant, err = b.people.target(look, w.whom); return err })
	}
	var ready sync.WaitGroup // beside the look-ups, and no reason to end them
	ready.Go(func() { coverage = b.cover(ctx) })
	defer ready.Wait()
	// A refusal speaks of a request that does not exist yet, but may be a drill.
	unborn := &Request{Drill: w.drill}
	e := Entry{Wanted: string(authz.Ask), Drill: w.drill}
	if err := g.Wait(); err != nil {
		return b.refuseLookup(ctx, a, e, err, unborn)
	}
	e.ActorEntraID, e.LookedUpMS = asker.actor.EntraID, asker.age.Milliseconds()
	if d := b.check(authz.Ask, asker.actor, authz.Matter{}); !d.Allowed {
		return b.refuseFor(ctx, a, e, d.Reason, unborn)
	}
	if w.whom.Me {
		meant = found{user: asker.accounts[0], slackID: a.UserID}
	}
	if meant.user.ID != asker.actor.EntraID {
		// Whoever may not ask about others does not learn who has an account.
		other := authz.Matter{Lane: authz.ThirdParty}
		if d := b.check(authz.Ask, asker.actor, other); d.Reason == authz.MayNotRequest || d.Reason == authz.MembershipUnknown {
			return b.refuseUnsure(ctx, a, e, d.Reason, unborn, asker)
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
	t, err := b.people.preview(ctx, meant.user.ID, known, known == nil)
	switch {
	case graph.IsNotFound(err):
		return b.refuse(ctx, a, withReason(e, authz.NoAccount), targetRefusal(authz.NoAccount, unborn, w.whom))
	case err != nil:
		t.user = meant.user
	}
	unborn.Lane, unborn.Words.Reason = authz.LaneOf(asker.actor.EntraID, t.user.ID), w.reason
	unborn.Askers = []authz.Asker{{SlackID: a.UserID, EntraID: asker.actor.EntraID}}
	unborn.aimAt(t)
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
	ready.Wait()
	unborn.Coverage = coverage
	return b.enter(ctx, a, w, *unborn, t)
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
			if err == nil {
				err = ErrConflict
			}
		case pending:
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
	known := slices.ContainsFunc(r.Askers, func(other authz.Asker) bool { return other.SlackID == a.UserID })
	if !known {
		r.Askers = append(slices.Clone(r.Askers), asker)
	}
	if w.reason != "" && w.reason != r.Words.Reason {
		also := maps.Clone(r.Words.Also)
		if also == nil {
			also = map[string]string{}
		}
		switch before := also[a.UserID]; {
		case strings.Contains(before, w.reason):
			w.reason = before // said already; nothing that was said goes
		case before != "":
			w.reason = cutRunes(before+" · "+w.reason, maxReason)
		}
		also[a.UserID] = w.reason
		r.Words.Also = also
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
	v.Where, v.Remedy = lookup.Where, lookup.Remedy
	return b.refuse(ctx, a, e, Refusal(LookupFailed, r, v))
}

// refuseUnsure is refuseFor, and says who did not answer where that is why.
func (b *Bot) refuseUnsure(ctx context.Context, a Arrival, e Entry, reason authz.Reason, r *Request, who person) error {
	if lookup, ok := errors.AsType[*LookupError](who.trouble); ok && reason == authz.MembershipUnknown {
		b.log.Warn("ask a group who is in it", "request", e.Request, "arrival", a.ID, "user", a.UserID, "error", lookup, "remedy", lookup.Remedy)
		v := b.viewFor(ctx, a, r)
		v.Where, v.Remedy = lookup.Where, lookup.Remedy
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
