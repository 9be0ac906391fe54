package bot

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// What is approved may have to wait: for Microsoft, its turn, the end of a freeze
// or a process that is started again. Meanwhile an approver may be taken off the
// list, or the target be protected. So the first call of a decision that is older
// than a look-up may be does what the last click did.

const (
	// examineWithin bounds the look-ups before a call.
	examineWithin = 5 * time.Second
	// examineAgain is the pause where somebody did not answer.
	examineAgain = 10 * time.Second
)

// ProtectionUnknown: whether a protection of the policy applies cannot be read.
const ProtectionUnknown authz.Reason = "protection_unknown"

// PolicyChanged: the policy does not carry out by itself what nobody decides.
const PolicyChanged authz.Reason = "policy_changed"

// examined is what a look at a decision that has waited has shown.
type examined struct {
	target aim
	gone   bool
	age    time.Duration // of the oldest answer
	// why the decision does not hold any more; empty if it does.
	why     authz.Reason
	changed []Difference
	// kept are the approvals that count, lapsed those that do not any more.
	kept, lapsed []Verdict
}

// checked notes that everything that the decision goes by was looked up then.
func (b *Bot) checked(r *Request, at time.Time) {
	r.CheckedAt, r.CheckedBy, r.Unasked = at, b.cfg.Policy.Digest, ""
	b.lookedUp.note(r.ID)
}

// standing has a decision looked at that is about to be carried out: ready says
// that it holds, and the request is then as it shall be stored with the call. If
// not, what follows from that is stored. It answers ErrFrozen while a freeze is on.
func (b *Bot) standing(ctx context.Context, r Request) (ready bool, _ Request, err error) {
	rec, missing, err := b.onRecord(ctx, &r)
	if err == nil && missing == "" {
		missing = rec.decision(&r)
	}
	var over authz.Reason // why nobody's decision is not carried out over somebody's
	var until time.Time
	if err == nil && missing == "" && r.verdict().Kind == authz.TimeOut {
		over, until, err = b.leftToApprovers(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case missing != "" && r.AtConsole():
		b.reportUnrecorded(&r, missing)
		r, err = b.stopAtConsole(ctx, r, examined{why: NotOnRecord})
		return false, r, err
	case missing != "":
		r, err = b.stopUnrecorded(ctx, r, missing, Change{}, r.entry(Void, b.actor))
		return false, r, err
	case b.outlived(&r, rec.decidedAt()):
		r, err = b.tooOld(ctx, r)
		return false, r, err
	case !until.IsZero():
		r.DueAt = until
		r, err = b.commit(ctx, Change{Request: r})
		return false, r, err
	case over == "" && b.justChecked(&r):
		return true, r, nil
	}
	if _, frozen, err := b.store.Frozen(ctx); err != nil || frozen && !r.passesOver(authz.Frozen) {
		return false, r, cmp.Or(err, ErrFrozen)
	}
	x, err := b.examine(ctx, &r)
	if lookup, ok := errors.AsType[*LookupError](err); ok {
		r, err = b.unasked(ctx, r, lookup)
		return false, r, err
	}
	if x.why == "" {
		x.why = over
	}
	switch {
	case err != nil:
	case x.why != "" && r.AtConsole():
		r, err = b.stopAtConsole(ctx, r, x)
	case x.why == TargetChanged && r.verdict().Kind != authz.Retry:
		r, err = b.voidApproved(ctx, r, x)
	case x.why != "":
		r, err = b.reopen(ctx, r, x)
	default:
		b.holds(&r, x)
		return true, r, nil
	}
	return false, r, err
}

// justChecked reports whether the decision needs no look: what it goes by was just
// looked up, by the policy in force, and the same would be called.
func (b *Bot) justChecked(r *Request) bool {
	old, known := age(r.CheckedAt, b.now())
	return known && old <= lookupFresh && b.lookedUp.lately(r.ID) && r.CheckedBy == b.cfg.Policy.Digest && b.sameOperation(r)
}

// lookedUp remembers which decisions this process has looked at lately, by a clock
// that nobody can set back: the one by which everything else goes may be.
type lookedUp struct {
	mu sync.Mutex
	at map[string]time.Time
}

// note remembers a request, and forgets those of long ago.
func (l *lookedUp) note(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.at = map[string]time.Time{}
	}
	maps.DeleteFunc(l.at, func(_ string, at time.Time) bool { return time.Since(at) > lookupFresh })
	l.at[id] = time.Now()
}

// forget has everything looked at again: nobody knows how long ago it was.
func (l *lookedUp) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.at)
}

func (l *lookedUp) lately(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.at[id]
	return ok && time.Since(at) <= lookupFresh
}

// sameOperation reports whether this bot would call what the decision names.
func (b *Bot) sameOperation(r *Request) bool {
	return r.Operation == b.cfg.Operation && r.Fallback == b.cfg.Fallback
}

// holds takes over what was looked up.
func (b *Bot) holds(r *Request, x examined) {
	r.updateFacts(x.target)
	b.checked(r, b.now().UTC().Add(-x.age))
	if n, _ := r.unresolved(); n == 0 && x.target.user.Stamps.Known() {
		r.Before = x.target.user.Stamps
	}
}

// examine looks up, at once, everybody who approved and the account, and asks
// authz by the policy in force. What cannot be told is a *LookupError.
func (b *Bot) examine(ctx context.Context, r *Request) (examined, error) {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	var x examined
	givers := r.givers()
	who := make([]person, len(givers))
	g, look := errgroup.WithContext(ctx)
	for i, giver := range givers {
		g.Go(func() (err error) { who[i], err = b.people.again(look, giver.SlackID, giver.EntraID); return err })
	}
	g.Go(func() (err error) { x.target, x.gone, x.age, err = b.targetAtClick(look, r); return err })
	if err := g.Wait(); err != nil {
		return x, err
	}
	x.age = max(x.age, x.target.age)
	m := r.matterOf(x.target)
	if changed := b.differences(r, x.target, x.gone, m); len(changed) > 0 {
		if x.changed = b.passed(r, changed); len(x.changed) > 0 {
			if sure := b.differences(r, x.target, x.gone, r.knownNow(x.target)); len(b.passed(r, sure)) == 0 {
				return x, x.target.unread() // different only by what cannot be read just now
			}
			x.why, x.lapsed = TargetChanged, lapsedBy(givers, TargetChanged)
			return x, nil
		}
	}
	switch {
	case r.AtConsole():
		if !r.passesOver(authz.TargetProtected) && b.cfg.Policy.Require(m).Protected {
			if !b.cfg.Policy.Require(r.knownNow(x.target)).Protected {
				return x, x.target.unread()
			}
			x.why = authz.TargetProtected
		}
		return x, nil
	case r.verdict().Kind == authz.TimeOut:
		why := b.mayNotExecute(m, x.target)
		if why == ProtectionUnknown {
			return x, x.target.unread()
		}
		err := b.count(r, givers, who, m, &x)
		x.why = why
		return x, err
	}
	err := b.count(r, givers, who, m, &x)
	return x, err
}

// givers are the approvals that the decision in force took in Slack, oldest first.
func (r *Request) givers() []Verdict {
	v := r.verdict()
	switch {
	case r.AtConsole():
		return nil
	case v.Kind == authz.TimeOut:
		return slices.Clone(v.Others) // too few
	}
	last := *v
	last.Others = nil
	return append(slices.Clone(v.Others), last)
}

// lapsedBy are the approvals, all of which lapse for one reason.
func lapsedBy(givers []Verdict, why authz.Reason) []Verdict {
	for i := range givers {
		givers[i].Why = why
	}
	return givers
}

// count sorts the approvals that the decision took by whether they still count.
func (b *Bot) count(r *Request, givers []Verdict, who []person, m authz.Matter, x *examined) error {
	for i, giver := range givers {
		x.age = max(x.age, who[i].age)
		d := b.check(authz.Confirm, who[i].actor, m)
		switch {
		case d.Reason == authz.MembershipUnknown:
			lookup, ok := errors.AsType[*LookupError](who[i].trouble)
			if !ok {
				lookup = &LookupError{Where: atSlack, Err: errUnclear}
			}
			return lookup
		case d.Allowed && len(d.Lapsed) == 0:
			m.Approvals = append(slices.Clone(m.Approvals), who[i].actor)
			x.kept = append(x.kept, giver)
		default:
			giver.Why = cmp.Or(d.Reason, authz.AlreadyApproved)
			x.lapsed = append(x.lapsed, giver)
		}
	}
	if need := max(b.cfg.Policy.Require(m).Approvals, r.Need, 1); len(x.kept) < need {
		x.why = NoLongerHolds
	}
	return nil
}

// passed leaves out of the differences what does not bind somebody at a command
// line: the approvals that are needed in Slack, and what they have passed over.
func (b *Bot) passed(r *Request, changed []Difference) []Difference {
	if !r.AtConsole() {
		return changed
	}
	return slices.DeleteFunc(changed, func(d Difference) bool {
		return d == MoreApprovals || d == NowBlocked && r.passesOver(authz.TargetProtected)
	})
}

// mayNotExecute says why the policy in force does not carry a report out that
// nobody decided, or "".
func (b *Bot) mayNotExecute(m authz.Matter, t aim) authz.Reason {
	if b.cfg.Policy.MayExecute(m) {
		return ""
	}
	sure := m
	sure.Target.MemberOf, sure.Target.Unsure, sure.Target.Privileged = t.in, nil, t.privileged == graph.Yes
	switch {
	case !b.cfg.Policy.Rule(m.Lane).Execute:
		return PolicyChanged
	case b.cfg.Policy.MayExecute(sure):
		return ProtectionUnknown
	}
	return authz.TargetProtected
}

// unasked holds a decision back because somebody did not answer, and no longer
// than it counts.
func (b *Bot) unasked(ctx context.Context, r Request, lookup *LookupError) (Request, error) {
	b.log.Warn("look again at a decision that has waited", "request", r.ID, "error", lookup, "remedy", lookup.Remedy)
	c := Change{}
	if r.Unasked == "" {
		e := r.entry(Approved, b.actor)
		e.Action, e.Reason = "unasked", string(LookupFailed)
		c.Audit = []Entry{e}
	}
	r.OtherRules = false
	r.Unasked, r.DueAt = lookup.Where, b.now().UTC().Add(examineAgain)
	if end := b.shelf(&r).Add(time.Millisecond); end.Before(r.DueAt) {
		r.DueAt = end
	}
	c.Request = r
	return b.commit(ctx, c)
}

// tooOld takes back a decision that has waited for too long.
func (b *Bot) tooOld(ctx context.Context, r Request) (Request, error) {
	x := examined{why: TooOld, lapsed: lapsedBy(r.givers(), TooOld)}
	if r.AtConsole() {
		return b.stopAtConsole(ctx, r, x)
	}
	return b.reopen(ctx, r, x)
}

// voidApproved ends a decision about what is not as the card showed it any more,
// with a fresh preview of the same ask.
func (b *Bot) voidApproved(ctx context.Context, r Request, x examined) (Request, error) {
	void, err := b.void(ctx, r, x.target, x.changed, Change{Fenced: true}, r.entry(Void, b.actor))
	if errors.Is(err, ErrTaken) {
		return b.merge(ctx, r, x.changed)
	}
	return void, err
}

// stopAtConsole ends what somebody at a command line has confirmed.
func (b *Bot) stopAtConsole(ctx context.Context, r Request, x examined) (Request, error) {
	at := b.now().UTC()
	r.to(Denied)
	r.DueAt, r.EndedAt, r.Line, r.Changed = time.Time{}, at, nil, x.changed
	r.Decisions = append(slices.Clone(r.Decisions), Verdict{Kind: authz.Deny, SlackID: consoleActor, At: at, Why: x.why})
	e := r.entry(Denied, b.actor)
	e.Reason, e.Changed, e.Origin = string(x.why), joinDifferences(x.changed), consoleOrigin
	// Where the record does not bear the request out, nor do its calls.
	return b.commit(ctx, Change{Request: r, Audit: []Entry{e}, GivesBack: x.why != NotOnRecord && r.nothingDone()})
}

// mayCallAgain asks the same before a second call after one of unknown effect.
// Where the decision does not hold any more, only reading goes on; why stays with
// the request.
func (b *Bot) mayCallAgain(ctx context.Context, r *Request) bool {
	if r.Withheld != "" {
		return false
	}
	rec, missing, err := b.onRecord(ctx, r)
	if err == nil && missing == "" {
		missing = rec.decision(r)
	}
	switch {
	case err != nil:
		b.log.Error("look again before a second call", "request", r.ID, "error", err)
		return false
	case missing != "":
		b.reportUnrecorded(r, missing)
		r.Withheld = NotOnRecord
		return false
	case b.justChecked(r):
		return true
	}
	x, err := b.examine(ctx, r)
	if err != nil {
		b.log.Warn("look again before a second call", "request", r.ID, "error", err)
		return false // the next look asks again
	}
	if x.why != "" {
		r.Withheld = x.why
		return false
	}
	b.holds(r, x)
	return true
}
