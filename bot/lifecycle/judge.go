package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
)

// evidence is what the look-ups of a recheck returned.
type evidence struct {
	givers []bot.Verdict   // the approvals that the decision took
	who    []lookup.Person // who gave them, in the same order
	target bot.TargetFacts
	gone   bool
	age    time.Duration // of the oldest answer about the target
}

// finding is what a recheck says about a decision.
type finding struct {
	target bot.TargetFacts
	gone   bool
	age    time.Duration // of the oldest answer
	// why says why the decision no longer holds; empty if it holds.
	why     authz.Reason
	changed []bot.Difference
	// kept are the approvals that still count, lapsed those that do not.
	kept, lapsed []bot.Verdict
}

// judgeDecision looks up what the decision depends on and judges it by the policy in force.
// If something cannot be read, the error is a *LookupError.
func (j *judge) judgeDecision(ctx context.Context, r *bot.Request) (finding, error) {
	ev, err := j.gather(ctx, r)
	if err != nil {
		return finding{}, err
	}
	return j.findingFrom(r, ev)
}

// gather looks up everybody who approved, and the account, all at once.
func (j *judge) gather(ctx context.Context, r *bot.Request) (ev evidence, err error) {
	ctx, cancel := context.WithTimeout(ctx, recheckWithin)
	defer cancel()
	ev.givers = r.Givers()
	ev.who = make([]lookup.Person, len(ev.givers))
	g, look := errgroup.WithContext(ctx)
	for i, giver := range ev.givers {
		g.Go(func() (err error) { ev.who[i], err = j.people.Again(look, giver.SlackID, giver.EntraID); return err })
	}
	g.Go(func() (err error) { ev.target, ev.gone, ev.age, err = j.TargetAtClick(look, r); return err })
	if err := g.Wait(); err != nil {
		return ev, err
	}
	ev.age = max(ev.age, ev.target.Age)
	return ev, nil
}

// findingFrom judges a decision by the evidence.
func (j *judge) findingFrom(r *bot.Request, ev evidence) (finding, error) {
	f := finding{target: ev.target, gone: ev.gone, age: ev.age}
	m := r.MatterOf(f.target)
	if f.changed = j.bindingDifferences(r, j.cfg.Differences(r, f.target, f.gone, m)); len(f.changed) > 0 {
		if sure := j.cfg.Differences(r, f.target, f.gone, r.KnownNow(f.target)); len(j.bindingDifferences(r, sure)) == 0 {
			return f, lookup.Trouble(f.target) // only unread facts make it different
		}
		f.why, f.lapsed = bot.TargetChanged, bot.LapsedBy(ev.givers, bot.TargetChanged)
		return f, nil
	}
	switch {
	case r.AtConsole():
		if !r.PassesOver(authz.TargetProtected) && j.cfg.Policy.Require(m).Protected {
			if !j.cfg.Policy.Require(r.KnownNow(f.target)).Protected {
				return f, lookup.Trouble(f.target)
			}
			f.why = authz.TargetProtected
		}
		return f, nil
	case r.Verdict().Kind == authz.TimeOut:
		why := j.whyNotExecute(m, f.target)
		if why == bot.ProtectionUnknown {
			return f, lookup.Trouble(f.target)
		}
		err := j.countApprovals(r, ev, m, &f)
		f.why = why
		return f, err
	}
	err := j.countApprovals(r, ev, m, &f)
	return f, err
}

// countApprovals sorts the approvals into kept and lapsed.
func (j *judge) countApprovals(r *bot.Request, ev evidence, m authz.Matter, f *finding) error {
	for i, giver := range ev.givers {
		who := ev.who[i]
		f.age = max(f.age, who.Age)
		d := j.cfg.Check(authz.Confirm, who.Actor, m)
		switch {
		case d.Reason == authz.MembershipUnknown:
			lookup, ok := errors.AsType[*bot.LookupError](who.Trouble)
			if !ok {
				lookup = &bot.LookupError{Where: bot.AtSlack, Err: bot.ErrRolesUnread}
			}
			return lookup
		case d.Allowed && len(d.Lapsed) == 0:
			m.Approvals = append(slices.Clone(m.Approvals), who.Actor)
			f.kept = append(f.kept, giver)
		default:
			giver.Why = cmp.Or(d.Reason, authz.AlreadyApproved)
			f.lapsed = append(f.lapsed, giver)
		}
	}
	if need := max(j.cfg.Policy.Require(m).Approvals, r.Need, 1); len(f.kept) < need {
		f.why = bot.NoLongerHolds
	}
	return nil
}

// bindingDifferences drops the differences that do not bind an operator at the
// command line: the approvals that Slack needs, and what the operator overrides.
func (j *judge) bindingDifferences(r *bot.Request, changed []bot.Difference) []bot.Difference {
	if !r.AtConsole() {
		return changed
	}
	return slices.DeleteFunc(changed, func(d bot.Difference) bool {
		return d == bot.MoreApprovals || d == bot.NowBlocked && r.PassesOver(authz.TargetProtected)
	})
}

// whyNotExecute says why the policy in force does not execute an undecided report, or
// returns "".
func (j *judge) whyNotExecute(m authz.Matter, t bot.TargetFacts) authz.Reason {
	if j.cfg.Policy.MayExecute(m) {
		return ""
	}
	switch {
	case !j.cfg.Policy.Rule(m.Lane).Execute:
		return bot.PolicyChanged
	case j.cfg.Policy.MayExecute(t.Sure(m)):
		return bot.ProtectionUnknown
	}
	return authz.TargetProtected
}
