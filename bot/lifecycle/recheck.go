package lifecycle

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
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// outlived reports whether the decision in force is too old for a first call. It
// goes by the request and by the row that recorded the decision.
func (rn *Runner) outlived(r *bot.Request, recorded time.Time) bool {
	at := r.Verdict().At
	if !recorded.IsZero() && recorded.Before(at) {
		at = recorded
	}
	return rn.now().After(at.Add(rn.cfg.Timing.Patience))
}

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

// examined is what a look at a decision that has waited has shown.
type examined struct {
	target bot.TargetFacts
	gone   bool
	age    time.Duration // of the oldest answer
	// why the decision does not hold any more; empty if it does.
	why     authz.Reason
	changed []bot.Difference
	// kept are the approvals that count, lapsed those that do not any more.
	kept, lapsed []bot.Verdict
}

// ForgetLooks has every decision looked at again before it is carried out.
func (rn *Runner) ForgetLooks() { rn.lookedUp.forget() }

// Checked notes that everything that the decision goes by was looked up then.
func (rn *Runner) Checked(r *bot.Request, at time.Time) {
	r.CheckedAt, r.CheckedBy, r.Unasked = at, rn.cfg.Policy.Digest, ""
	rn.lookedUp.note(r.ID)
}

// standing has a decision looked at that is about to be carried out: ready says
// that it holds, and the request is then as it shall be stored with the call. If
// not, what follows from that is stored. It answers ErrFrozen while a freeze is on.
func (rn *Runner) standing(ctx context.Context, r bot.Request) (ready bool, _ bot.Request, err error) {
	rec, missing, err := rn.OnRecord(ctx, &r)
	if err == nil && missing == "" {
		missing = rec.Decision(&r)
	}
	var over authz.Reason // why nobody's decision is not carried out over somebody's
	var until time.Time
	if err == nil && missing == "" && r.Verdict().Kind == authz.TimeOut {
		over, until, err = rn.leftToApprovers(ctx, &r, rec)
	}
	switch {
	case err != nil:
		return false, r, err
	case missing != "" && r.AtConsole():
		rn.ReportUnrecorded(&r, missing)
		r, err = rn.stopAtConsole(ctx, r, examined{why: bot.NotOnRecord})
		return false, r, err
	case missing != "":
		r, err = rn.StopUnrecorded(ctx, r, missing, bot.Change{}, r.Entry(bot.Void, rn.actor))
		return false, r, err
	case rn.outlived(&r, rec.DecidedAt()):
		r, err = rn.tooOld(ctx, r)
		return false, r, err
	case !until.IsZero():
		r.DueAt = until
		r, err = rn.Commit(ctx, bot.Change{Request: r})
		return false, r, err
	case over == "" && rn.justChecked(&r):
		return true, r, nil
	}
	if _, frozen, err := rn.store.Frozen(ctx); err != nil || frozen && !r.PassesOver(authz.Frozen) {
		return false, r, cmp.Or(err, bot.ErrFrozen)
	}
	x, err := rn.examine(ctx, &r)
	if lookup, ok := errors.AsType[*bot.LookupError](err); ok {
		r, err = rn.unasked(ctx, r, lookup)
		return false, r, err
	}
	if x.why == "" {
		x.why = over
	}
	switch {
	case err != nil:
	case x.why != "" && r.AtConsole():
		r, err = rn.stopAtConsole(ctx, r, x)
	case x.why == bot.TargetChanged && r.Verdict().Kind != authz.Retry:
		r, err = rn.voidApproved(ctx, r, x)
	case x.why != "":
		r, err = rn.reopen(ctx, r, x)
	default:
		rn.holds(&r, x)
		return true, r, nil
	}
	return false, r, err
}

// justChecked reports whether the decision needs no look: what it goes by was just
// looked up, by the policy in force, and the same would be called.
func (rn *Runner) justChecked(r *bot.Request) bool {
	old, known := bot.Age(r.CheckedAt, rn.now())
	return known && old <= lookup.Fresh && rn.lookedUp.lately(r.ID) && r.CheckedBy == rn.cfg.Policy.Digest && rn.cfg.SameOperation(r)
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
	maps.DeleteFunc(l.at, func(_ string, at time.Time) bool { return time.Since(at) > lookup.Fresh })
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
	return ok && time.Since(at) <= lookup.Fresh
}

// holds takes over what was looked up.
func (rn *Runner) holds(r *bot.Request, x examined) {
	r.UpdateFacts(x.target)
	rn.Checked(r, rn.now().UTC().Add(-x.age))
	if n, _ := r.Unresolved(); n == 0 && x.target.User.Stamps.Known() {
		r.Before = x.target.User.Stamps
	}
}

// examine looks up, at once, everybody who approved and the account, and asks
// authz by the policy in force. What cannot be told is a *LookupError.
func (rn *Runner) examine(ctx context.Context, r *bot.Request) (examined, error) {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	var x examined
	givers := r.Givers()
	who := make([]lookup.Person, len(givers))
	g, look := errgroup.WithContext(ctx)
	for i, giver := range givers {
		g.Go(func() (err error) { who[i], err = rn.people.Again(look, giver.SlackID, giver.EntraID); return err })
	}
	g.Go(func() (err error) { x.target, x.gone, x.age, err = rn.TargetAtClick(look, r); return err })
	if err := g.Wait(); err != nil {
		return x, err
	}
	x.age = max(x.age, x.target.Age)
	m := r.MatterOf(x.target)
	if changed := rn.cfg.Differences(r, x.target, x.gone, m); len(changed) > 0 {
		if x.changed = rn.passed(r, changed); len(x.changed) > 0 {
			if sure := rn.cfg.Differences(r, x.target, x.gone, r.KnownNow(x.target)); len(rn.passed(r, sure)) == 0 {
				return x, lookup.Trouble(x.target) // different only by what cannot be read just now
			}
			x.why, x.lapsed = bot.TargetChanged, bot.LapsedBy(givers, bot.TargetChanged)
			return x, nil
		}
	}
	switch {
	case r.AtConsole():
		if !r.PassesOver(authz.TargetProtected) && rn.cfg.Policy.Require(m).Protected {
			if !rn.cfg.Policy.Require(r.KnownNow(x.target)).Protected {
				return x, lookup.Trouble(x.target)
			}
			x.why = authz.TargetProtected
		}
		return x, nil
	case r.Verdict().Kind == authz.TimeOut:
		why := rn.mayNotExecute(m, x.target)
		if why == bot.ProtectionUnknown {
			return x, lookup.Trouble(x.target)
		}
		err := rn.count(r, givers, who, m, &x)
		x.why = why
		return x, err
	}
	err := rn.count(r, givers, who, m, &x)
	return x, err
}

// count sorts the approvals that the decision took by whether they still count.
func (rn *Runner) count(r *bot.Request, givers []bot.Verdict, who []lookup.Person, m authz.Matter, x *examined) error {
	for i, giver := range givers {
		x.age = max(x.age, who[i].Age)
		d := rn.cfg.Check(authz.Confirm, who[i].Actor, m)
		switch {
		case d.Reason == authz.MembershipUnknown:
			lookup, ok := errors.AsType[*bot.LookupError](who[i].Trouble)
			if !ok {
				lookup = &bot.LookupError{Where: bot.AtSlack, Err: bot.ErrRolesUnread}
			}
			return lookup
		case d.Allowed && len(d.Lapsed) == 0:
			m.Approvals = append(slices.Clone(m.Approvals), who[i].Actor)
			x.kept = append(x.kept, giver)
		default:
			giver.Why = cmp.Or(d.Reason, authz.AlreadyApproved)
			x.lapsed = append(x.lapsed, giver)
		}
	}
	if need := max(rn.cfg.Policy.Require(m).Approvals, r.Need, 1); len(x.kept) < need {
		x.why = bot.NoLongerHolds
	}
	return nil
}

// passed leaves out of the differences what does not bind somebody at a command
// line: the approvals that are needed in Slack, and what they have passed over.
func (rn *Runner) passed(r *bot.Request, changed []bot.Difference) []bot.Difference {
	if !r.AtConsole() {
		return changed
	}
	return slices.DeleteFunc(changed, func(d bot.Difference) bool {
		return d == bot.MoreApprovals || d == bot.NowBlocked && r.PassesOver(authz.TargetProtected)
	})
}

// mayNotExecute says why the policy in force does not carry a report out that
// nobody decided, or "".
func (rn *Runner) mayNotExecute(m authz.Matter, t bot.TargetFacts) authz.Reason {
	if rn.cfg.Policy.MayExecute(m) {
		return ""
	}
	sure := m
	sure.Target.MemberOf, sure.Target.Unsure, sure.Target.Privileged = t.In, nil, t.Privileged == graph.Yes
	switch {
	case !rn.cfg.Policy.Rule(m.Lane).Execute:
		return bot.PolicyChanged
	case rn.cfg.Policy.MayExecute(sure):
		return bot.ProtectionUnknown
	}
	return authz.TargetProtected
}

// unasked holds a decision back because somebody did not answer, and no longer
// than it counts.
func (rn *Runner) unasked(ctx context.Context, r bot.Request, lookup *bot.LookupError) (bot.Request, error) {
	rn.log.Warn("look again at a decision that has waited", "request", r.ID, "error", lookup, "remedy", lookup.Remedy)
	c := bot.Change{}
	if r.Unasked == "" {
		e := r.Entry(bot.Approved, rn.actor)
		e.Action, e.Reason = "unasked", string(bot.LookupFailed)
		c.Audit = []bot.Entry{e}
	}
	r.OtherRules = false
	r.Unasked, r.DueAt = lookup.Where, rn.now().UTC().Add(examineAgain)
	if end := rn.cfg.Shelf(&r).Add(time.Millisecond); end.Before(r.DueAt) {
		r.DueAt = end
	}
	c.Request = r
	return rn.Commit(ctx, c)
}

// tooOld takes back a decision that has waited for too long.
func (rn *Runner) tooOld(ctx context.Context, r bot.Request) (bot.Request, error) {
	x := examined{why: bot.TooOld, lapsed: bot.LapsedBy(r.Givers(), bot.TooOld)}
	if r.AtConsole() {
		return rn.stopAtConsole(ctx, r, x)
	}
	return rn.reopen(ctx, r, x)
}

// voidApproved ends a decision about what is not as the card showed it any more,
// with a fresh preview of the same ask.
func (rn *Runner) voidApproved(ctx context.Context, r bot.Request, x examined) (bot.Request, error) {
	void, err := rn.Void(ctx, r, x.target, x.changed, bot.Change{Fenced: true}, r.Entry(bot.Void, rn.actor))
	if errors.Is(err, bot.ErrTaken) {
		return rn.merge(ctx, r, x.changed)
	}
	return void, err
}

// stopAtConsole ends what somebody at a command line has confirmed.
func (rn *Runner) stopAtConsole(ctx context.Context, r bot.Request, x examined) (bot.Request, error) {
	at := rn.now().UTC()
	r.To(bot.Denied)
	r.DueAt, r.EndedAt, r.Line, r.Changed = time.Time{}, at, nil, x.changed
	r.Decisions = append(slices.Clone(r.Decisions), bot.Verdict{Kind: authz.Deny, SlackID: bot.ConsoleActor, At: at, Why: x.why})
	e := r.Entry(bot.Denied, rn.actor)
	e.Reason, e.Changed, e.Origin = string(x.why), bot.JoinDifferences(x.changed), bot.ConsoleOrigin
	// Where the record does not bear the request out, nor do its calls.
	return rn.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{e}, GivesBack: x.why != bot.NotOnRecord && r.NothingDone()})
}

// mayCallAgain asks the same before a second call after one of unknown effect.
// Where the decision does not hold any more, only reading goes on; why stays with
// the request.
func (rn *Runner) mayCallAgain(ctx context.Context, r *bot.Request) bool {
	if r.Withheld != "" {
		return false
	}
	rec, missing, err := rn.OnRecord(ctx, r)
	if err == nil && missing == "" {
		missing = rec.Decision(r)
	}
	switch {
	case err != nil:
		rn.log.Error("look again before a second call", "request", r.ID, "error", err)
		return false
	case missing != "":
		rn.ReportUnrecorded(r, missing)
		r.Withheld = bot.NotOnRecord
		return false
	case rn.justChecked(r):
		return true
	}
	x, err := rn.examine(ctx, r)
	if err != nil {
		rn.log.Warn("look again before a second call", "request", r.ID, "error", err)
		return false // the next look asks again
	}
	if x.why != "" {
		r.Withheld = x.why
		return false
	}
	rn.holds(r, x)
	return true
}
