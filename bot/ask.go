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
	}
	return b.reply(ctx, a, Help(b.view("")))
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
	err := b.slack.OpenForm(ctx, a.TriggerID, Form(a.UserID, a.ID))
	if err == nil {
		return b.store.Record(ctx, a.ID)
	}
	b.log.Warn("open the form", "user", a.UserID, "error", err)
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
	if a.CallbackID != FormCallback || a.PickedUser == "" {
		return b.reply(ctx, a, note("The form named nobody, so nothing was asked for. %s", typeInstead))
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
	var target found
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { asker, err = b.people.who(look, a.UserID); return err })
	if !w.whom.Me {
		g.Go(func() (err error) { target, err = b.people.target(look, w.whom); return err })
	}
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
		target = found{user: asker.accounts[0], slackID: a.UserID}
	}
	if target.problem != "" {
		return b.refuse(ctx, a, withReason(e, target.problem), targetRefusal(target.problem, unborn, w.whom))
	}
	// The search uses an index that may lag behind; the card shall not.
	if u, err := b.people.account(ctx, target.user.ID); err == nil {
		target.user = u
	} else if graph.IsNotFound(err) {
		e.TargetID = target.user.ID
		return b.refuse(ctx, a, withReason(e, authz.NoAccount), targetRefusal(authz.NoAccount, unborn, w.whom))
	}
	if target.slackID == "" {
		target.slackID = b.people.slackIDOf(ctx, target.user)
	}
	return b.enter(ctx, a, w, asker.actor, target)
}

// enter joins the pending request for the same target and lane, or makes one.
func (b *Bot) enter(ctx context.Context, a Arrival, w wish, asker authz.Actor, target found) error {
	lane := authz.LaneOf(asker.EntraID, target.user.ID)
	entry := Entry{Actor: a.UserID, ActorEntraID: asker.EntraID, TargetID: target.user.ID, Origin: a.origin(), Drill: w.drill}
	for range 5 {
		r, pending, err := b.store.PendingFor(ctx, target.user.ID, lane, w.drill)
		if err != nil {
			return err
		}
		if pending && !b.now().Before(r.ExpiresAt) {
			// Nobody joins what nobody can decide any more.
			if err := b.expire(ctx, r); err != nil && !errors.Is(err, ErrConflict) {
				return err
			}
			continue
		}
		if pending {
			err = b.join(ctx, a, w, asker, r, entry)
		} else {
			if r, err = b.newRequest(ctx, a, w, asker, target, lane); err != nil {
				return err
			}
			err = b.create(ctx, a, r, entry)
		}
		if !errors.Is(err, ErrTaken) && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("make a request: %w", ErrConflict)
}

func (b *Bot) newRequest(ctx context.Context, a Arrival, w wish, asker authz.Actor, target found, lane authz.Lane) (Request, error) {
	before, err := b.store.LastAccepted(ctx, target.user.ID)
	if err != nil {
		return Request{}, err
	}
	now := b.now().UTC()
	r := Request{
		ID: newID(), State: Pending, Lane: lane, Drill: w.drill, Operation: b.cfg.Operation,
		Askers: []authz.Asker{{SlackID: a.UserID, EntraID: asker.EntraID}},
		Target: target.user, TargetSlackID: target.slackID, RevokedBefore: before,
		CreatedAt: now, ExpiresAt: now.Add(b.cfg.Timing.Expiry),
		Words: Words{
			Reason: w.reason, DisplayName: Clean(target.user.DisplayName, maxName),
			UPN: Clean(target.user.UPN, maxAddress),
		},
	}
	r.Target.DisplayName, r.Target.UPN, r.Target.Mail = "", "", "" // names stand in Words alone
	r.DueAt = r.ExpiresAt
	return r, nil
}

func (b *Bot) create(ctx context.Context, a Arrival, r Request, e Entry) error {
	e.Action, e.Request, e.Operation = "requested", r.ID, string(r.Operation)
	r, err := b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Settles: a.ID})
	if err != nil {
		return err
	}
	b.answer(ctx, a, Received(&r, b.view("")))
	return nil
}

// join adds somebody who asks for what was asked already, or what they add to
// it. Either way the card is looked after: somebody may have deleted it.
func (b *Bot) join(ctx context.Context, a Arrival, w wish, asker authz.Actor, r Request, e Entry) error {
	known := slices.ContainsFunc(r.Askers, func(other authz.Asker) bool { return other.SlackID == a.UserID })
	if !known {
		r.Askers = append(slices.Clone(r.Askers), authz.Asker{SlackID: a.UserID, EntraID: asker.EntraID})
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
	e.Action, e.Request = "joined", r.ID
	r, err := b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Settles: a.ID})
	if err != nil {
		return err
	}
	b.answer(ctx, a, Joined(&r, b.view(b.cardLink(ctx, r.ID)), a.UserID, !known))
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
	b.log.Log(ctx, level, "look up", "user", a.UserID, "error", err, "remedy", lookup.Remedy)
	e.Reason = string(LookupFailed)
	v := b.view("")
	v.Where, v.Remedy = lookup.Where, lookup.Remedy
	return b.refuse(ctx, a, e, Refusal(LookupFailed, r, v))
}

// stampText is a stamp in an audit row.
func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
