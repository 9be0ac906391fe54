package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// cancel carries out /revoke-sessions cancel REQ-….
func (b *Bot) cancel(ctx context.Context, a Arrival, id string) error {
	r, err := b.store.Request(ctx, id)
	if errors.Is(err, ErrNoRequest) {
		return b.refuse(ctx, a, Entry{Wanted: string(authz.Cancel), Reason: string(UnknownRequest)}, Refusal(UnknownRequest, nil, b.view(ctx, nil, "")))
	}
	if err != nil {
		return err
	}
	// Typed, not clicked: to those who may not see the request it does not
	// exist, pending or over.
	e := Entry{Wanted: string(authz.Cancel), Request: r.ID}
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, e, err, nil)
	}
	if d := b.check(authz.See, who.actor, r.matter()); !d.Allowed {
		return b.refuse(ctx, a, withReason(e, d.Reason), Refusal(UnknownRequest, nil, b.view(ctx, nil, "")))
	}
	return b.decide(ctx, a, r, authz.Cancel)
}

// decide looks up whoever acts, asks authz, and makes the one transition. Any
// number of people may do this at once, on any number of processes: the
// store lets one of them through.
func (b *Bot) decide(ctx context.Context, a Arrival, r Request, action authz.Action) error {
	e := Entry{Wanted: string(action), Request: r.ID, TargetID: r.Target.ID, Drill: r.Drill}
	for {
		reason, err := b.closed(ctx, &r, action)
		if err != nil {
			return err
		}
		if reason != "" {
			return b.refuseFor(ctx, a, e, reason, &r)
		}
		if !b.likely(a.UserID) {
			// Who may not do this causes no look-up of anybody else.
			who, err := b.people.who(ctx, a.UserID)
			if err != nil {
				return b.refuseLookup(ctx, a, e, err, &r)
			}
			if d := b.check(action, who.actor, r.matter()); personal(d.Reason) {
				e.ActorEntraID, e.LookedUpMS = who.actor.EntraID, who.age.Milliseconds()
				return b.refuseUnsure(ctx, a, e, d.Reason, &r, who)
			}
		}
		now, err := b.lookUp(ctx, a, &r, action)
		if err != nil {
			return b.refuseLookup(ctx, a, e, err, &r)
		}
		e.ActorEntraID, e.LookedUpMS = now.who.actor.EntraID, now.age.Milliseconds()
		d := authz.Check(authz.Question{
			Action: action, Actor: now.who.actor, Matter: now.matter, Policy: b.cfg.Policy, Brake: authz.Brake{Frozen: now.frozen},
		})
		if now.confirms && now.otherRules {
			return b.refuseFor(ctx, a, e, OtherRules, &r)
		}
		if d.Allowed && now.confirms && b.ownAccount(r.Target.ID) {
			// Somebody else may have signed the bot in since it was asked for.
			return b.refuseFor(ctx, a, e, OwnAccount, &r)
		}
		if d.Allowed && now.missing != "" {
			return b.refuseUnrecorded(ctx, a, r, now.missing, e)
		}
		if d.Allowed || d.Reason == authz.TargetProtected {
			changed := b.differences(&r, now.target, now.gone, now.matter)
			if now.confirms && len(changed) > 0 && len(b.differences(&r, now.target, now.gone, r.knownNow(now.target))) == 0 {
				// Different only by what cannot be read just now.
				return b.refuseLookup(ctx, a, e, now.target.unread(), &r)
			}
			if now.unsaid != nil && d.Allowed {
				changed = append(changed, RevokedMeanwhile)
			}
			switch {
			case now.confirms && len(changed) > 0:
				err = b.decideVoid(ctx, a, r, now, changed, e)
				d.Allowed = true
			case d.Allowed:
				err = b.apply(ctx, a, r, action, d, e, now)
			}
		}
		if limit, ok := errors.AsType[*LimitError](err); ok {
			return b.refuseLimit(ctx, a, e, action, limit, &r)
		}
		switch {
		case !d.Allowed:
			return b.refuseUnsure(ctx, a, e, d.Reason, &r, now.who)
		case errors.Is(err, ErrFrozen):
			return b.refuseFor(ctx, a, e, authz.Frozen, &r)
		case errors.Is(err, ErrOtherRules):
			return b.refuseFor(ctx, a, e, OtherRules, &r)
		case !errors.Is(err, ErrConflict):
			return err
		}
		// Somebody else was first: everything is looked at again.
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return err
		}
	}
}

// personal reports reasons that are about whoever acts alone: nothing that could
// be looked up of anybody else would change them.
func personal(r authz.Reason) bool {
	return mapping(r) || slices.Contains([]authz.Reason{authz.NotAMember, authz.Guest, authz.OutsideWorkspace, authz.NotApprover, authz.AccountBlocked, authz.NotRequester}, r)
}

// closed says why the action is not open in the request's state, or "".
func (b *Bot) closed(ctx context.Context, r *Request, action authz.Action) (authz.Reason, error) {
	switch {
	case action == authz.Retry:
		if r.retryable(b.now()) {
			return "", nil
		}
		return NotRetryable, nil
	case action == authz.Deny && r.stoppable():
		return "", nil
	case r.State == Void:
		return IsVoid, nil
	case r.State != Pending:
		return AlreadyDecided, nil
	case b.now().Before(r.deadline()) || r.Executes:
		return "", nil
	}
	// Past its deadline, unless a freeze has stopped its clock.
	_, frozen, err := b.store.Frozen(ctx)
	if frozen || err != nil {
		return "", err
	}
	return TooLate, nil
}

// stoppable reports whether an approved request waits with no call under way,
// and none in the past that may have been carried out, so that a deny still
// prevents everything.
func (r *Request) stoppable() bool {
	return r.State == Approved && r.nothingDone()
}

// nothingDone reports whether no call of the request can have taken effect, so that
// a decision which is taken back, voided or denied gives back what it has used up:
// else a limit would say of what was never revoked that it was. What is decided
// again counts again. A plain failure keeps what it used: its decision stands, and
// "Try again" is another one.
func (r *Request) nothingDone() bool {
	return !slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Outcome != graph.NotDone })
}

// evidence is all that a decision goes by, looked up when somebody clicks.
type evidence struct {
	who    person
	matter authz.Matter
	age    time.Duration // of the oldest answer
	frozen bool
	// otherRules: others are in force than this process's.
	otherRules bool
	// confirms: the action leads to a revoke, so that the account was read,
	// too, and is as in target unless gone.
	confirms bool
	target   aim
	gone     bool
	// missing is what the audit record does not show of the request, or "".
	missing string
	// unsaid is another request by which the account was revoked, which the card on
	// which somebody clicks did not say; nil for none.
	unsaid *Request
}

// lookUp looks up who clicks and, for what leads to a revoke, the account as it
// is now and everybody who has approved before. The error is a *LookupError,
// or the store's.
func (b *Bot) lookUp(ctx context.Context, a Arrival, r *Request, action authz.Action) (evidence, error) {
	now := evidence{matter: r.matter(), confirms: action == authz.Confirm || action == authz.Retry}
	g, look := errgroup.WithContext(ctx)
	g.Go(func() (err error) { now.who, err = b.people.who(look, a.UserID); return err })
	earlier := make([]person, len(r.Approvals))
	var readAge time.Duration
	if now.confirms {
		for i, v := range r.Approvals {
			g.Go(func() (err error) { earlier[i], err = b.people.again(look, v.SlackID, v.EntraID); return err })
		}
		g.Go(func() (err error) { now.target, now.gone, readAge, err = b.targetAtClick(look, r); return err })
		g.Go(func() error { return b.readStored(look, a, r, &now) })
	} else if action == authz.Deny && !r.TargetFound {
		g.Go(func() (err error) { now.target, now.gone, _, err = b.targetAtClick(look, r); return err })
	}
	if err := g.Wait(); err != nil {
		return now, err
	}
	if (now.confirms || action == authz.Deny) && !r.TargetFound && !now.target.found && !now.gone {
		// Whoever clicks may be the target, under another account.
		return now, now.target.unread()
	}
	now.matter.Target.SlackIDs = union(now.matter.Target.SlackIDs, now.target.slackIDs)
	now.age = max(now.who.age, readAge, now.target.age)
	if now.confirms {
		now.matter = r.matterOf(now.target)
		for _, p := range earlier {
			now.matter.Approvals = append(now.matter.Approvals, p.actor)
			now.age = max(now.age, p.age)
		}
	}
	return now, nil
}

// readStored reads what the store knows of a decision that leads to a revoke. That is
// done in turn, on one connection, and sooner than Slack and Microsoft answer.
func (b *Bot) readStored(ctx context.Context, a Arrival, r *Request, now *evidence) (err error) {
	if _, now.frozen, err = b.store.Frozen(ctx); err != nil {
		return err
	}
	if now.otherRules, err = b.hasOtherRules(ctx); err != nil {
		return err
	}
	if _, now.missing, err = b.onRecord(ctx, r); err != nil {
		return err
	}
	now.unsaid, err = b.unsaid(ctx, a, r)
	return err
}

// targetAtClick reads the account anew, for the click counts only if it is
// still what the card shows. Where Microsoft does not answer, what the card was
// made from counts for as long as any other look-up.
func (b *Bot) targetAtClick(ctx context.Context, r *Request) (t aim, gone bool, since time.Duration, err error) {
	t, err = b.people.targetNow(ctx, r.Target.ID, r.targetSlackIDs(), !r.TargetFound)
	switch {
	case err == nil:
		return t, false, 0, nil
	case graph.IsNotFound(err):
		return t, true, 0, nil
	}
	old, known := age(r.Target.Stamps.ReadAt, b.now())
	if failed := failedLookup(aboutAccounts, err); failed.Remedy != "" || !known || old >= lookupStale {
		return t, false, 0, failed
	}
	t.user = r.Target
	t.user.UPN, t.user.DisplayName, t.user.Stamps = r.Words.UPN, r.Words.DisplayName, graph.Stamps{}
	return t, false, max(0, old), nil
}

// decideVoid ends a pending request whose card was no longer true; of a request
// that was decided before, it refuses to try again.
func (b *Bot) decideVoid(ctx context.Context, a Arrival, r Request, now evidence, changed []Difference, e Entry) error {
	if r.State != Pending {
		e.Changed = joinDifferences(changed)
		v := b.viewFor(ctx, a, &r)
		v.Changed = changed
		return b.refuse(ctx, a, withReason(e, TargetChanged), Refusal(TargetChanged, &r, v))
	}
	stored, err := b.void(ctx, r, now.target, changed, Change{Settles: a.ID}, a.row(e))
	if err != nil {
		return err
	}
	b.answer(ctx, a, VoidNow(&stored))
	return nil
}

// apply makes the transition that an allowed action asks for.
func (b *Bot) apply(ctx context.Context, a Arrival, r Request, action authz.Action, d authz.Decision, e Entry, now evidence) error {
	at := b.now().UTC()
	e = a.row(e)
	e.Reason = string(d.Reason)
	c := Change{Settles: a.ID}
	verdict := Verdict{Kind: action, SlackID: a.UserID, EntraID: e.ActorEntraID, At: at}
	end := func(s State) {
		r.to(s)
		r.DueAt, r.EndedAt = time.Time{}, at
		r.Decisions = append(slices.Clone(r.Decisions), verdict)
		e.Action = string(s)
	}
	switch {
	case action == authz.Cancel && d.Reason == authz.CancelNeedsApprover:
		if !r.CancelAskedAt.IsZero() {
			e.Action = "cancel_asked_again"
			if err := b.store.Record(ctx, a.ID, e); err != nil {
				return err
			}
			b.answer(ctx, a, CancelAsked(&r, b.view(ctx, &r, "")))
			return nil
		}
		r.CancelAskedAt = at
		e.Action = "cancel_asked"
	case now.confirms:
		c.Fenced, c.Under = true, b.rules.Digest()
		e.Have, e.Need, e.Digest = d.Have, max(d.Need, r.Need), r.Digest
		r.updateFacts(now.target)
		r.lapse(d.Lapsed)
		if !r.Drill && !(r.onlySelf() && e.ActorEntraID == r.requester().EntraID) {
			c.Uses = perPerson(PerApprover, authz.Asker{SlackID: a.UserID, EntraID: e.ActorEntraID}, b.cfg.Policy.Limits.PerApprover)
		}
		if e.Have < e.Need {
			r.Approvals = append(slices.Clone(r.Approvals), verdict)
			e.Action = "approval"
			break
		}
		r.approve(verdict, now.target.user.Stamps)
		b.checked(&r, at.Add(-now.age))
		c.Keep, c.Uses = true, append(c.Uses, b.uses(&r)...)
		e.Action = string(Approved)
	case action == authz.Deny:
		c.GivesBack = r.stoppable() // of one that waits for people, approvals count once given
		r.Words.Denied = Clean(a.Reason, maxReason)
		end(Denied)
	default:
		end(Cancelled)
	}
	c.Request, c.Audit = r, append(lapses(&r, d.Lapsed), e)
	if e.Action == string(Approved) {
		return b.confirm(ctx, c)
	}
	changed, err := b.commit(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case e.Action == "cancel_asked":
		b.answer(ctx, a, CancelAsked(&changed, b.view(ctx, &changed, "")))
	case a.Kind == CommandArrival:
		b.answer(ctx, a, Status(&changed, b.statusView(ctx, &changed)))
	}
	return nil
}

// lapse takes away the approvals that count no more.
func (r *Request) lapse(slackIDs []string) {
	gone := func(v Verdict) bool { return slices.Contains(slackIDs, v.SlackID) }
	for _, v := range r.Approvals {
		if gone(v) {
			r.Lapsed = append(slices.Clone(r.Lapsed), v)
		}
	}
	r.Approvals = slices.DeleteFunc(slices.Clone(r.Approvals), gone)
}

// lapsedOrigin comes before whose approval a row takes away.
const lapsedOrigin = "approval of "

// lapses are the rows that say so.
func lapses(r *Request, slackIDs []string) []Entry {
	var rows []Entry
	for _, id := range slackIDs {
		e := r.entry(r.State, "bot")
		e.Origin = lapsedOrigin + id
		e.Action = "approval_lapsed"
		rows = append(rows, e)
	}
	return rows
}
