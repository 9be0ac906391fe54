package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// roster is who the approvers are by name: for mentions, and to count whether
// enough of them could decide. It is never authority, for it may be minutes
// old; whoever clicks is looked up when they click.
type roster struct {
	people []approver
	// whole is false where somebody may be missing; trouble says why, if that
	// is because Slack or Entra could not be asked.
	whole   bool
	trouble error
	at      time.Time
}

// approver is one of them.
type approver struct {
	actor authz.Actor
	// by are the names in the policy's list through which they are one.
	by []string
}

const (
	// rosterFresh is how old a roster may be before a new request has it
	// drawn up again, and rosterWait how long the request waits for that.
	rosterFresh = time.Minute
	rosterWait  = lookupWait
	// manyApprovers is how many are looked up. More is no roster but a crowd,
	// and users.info takes about 100 calls a minute.
	manyApprovers = 50
)

// rosters keeps the last roster.
type rosters struct {
	people *people
	names  authz.Circle
	now    func() time.Time

	mu   sync.Mutex
	last roster
}

// latest answers the last roster without asking anybody.
func (s *rosters) latest() roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// fresh answers a roster that is not older than rosterFresh.
func (s *rosters) fresh(ctx context.Context) roster {
	last := s.latest()
	if !last.at.IsZero() && s.now().Sub(last.at) < rosterFresh {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, rosterWait)
	defer cancel()
	return s.refresh(ctx)
}

// refresh draws the roster up anew. Of one that misses somebody the names are
// not believed, which are for mentions, but that it misses somebody is.
func (s *rosters) refresh(ctx context.Context) roster {
	drawn := s.draw(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !drawn.whole && len(drawn.people) < len(s.last.people) {
		drawn.people = s.last.people
	}
	s.last = drawn
	return drawn
}

// draw lists the approvers and looks each of them up.
func (s *rosters) draw(ctx context.Context) roster {
	r := roster{whole: true, at: s.now()}
	var ids []string
	by := map[string][]string{}
	for _, name := range s.names {
		listed, whole, err := s.list(ctx, name)
		r.whole, r.trouble = r.whole && whole && err == nil, cmp.Or(r.trouble, err)
		for _, id := range listed {
			if by[id] == nil {
				ids = append(ids, id)
			}
			by[id] = append(by[id], name)
		}
	}
	if len(ids) > manyApprovers {
		ids, r.whole = ids[:manyApprovers], false
	}
	found, errs := each(ids, func(id string) (approver, error) {
		who, err := s.people.who(ctx, id)
		return approver{who.actor, by[id]}, cmp.Or(err, who.trouble)
	})
	for i, err := range errs {
		if err != nil {
			r.whole, r.trouble = false, cmp.Or(r.trouble, err)
			continue
		}
		r.people = append(r.people, found[i])
	}
	return r
}

// list answers the Slack users behind one name of a Circle, and whether these
// are all.
func (s *rosters) list(ctx context.Context, name string) (ids []string, whole bool, err error) {
	switch {
	case strings.HasPrefix(name, authz.EntraGroup):
		g, _, err := s.people.entraGroup.get(ctx, strings.TrimPrefix(name, authz.EntraGroup))
		if err != nil {
			return nil, false, err
		}
		return s.inSlack(ctx, g)
	case strings.HasPrefix(name, "S"):
		ids, _, err := s.people.slackGroup.get(ctx, name)
		return ids, true, err
	}
	return []string{name}, true, nil
}

// inSlack finds the Slack users of an Entra group. Whoever has none cannot
// decide, so that they are not missing.
func (s *rosters) inSlack(ctx context.Context, group graph.Group) (ids []string, whole bool, err error) {
	members := group.Members
	if whole = !group.More; len(members) > manyApprovers {
		members, whole = members[:manyApprovers], false
	}
	found, errs := each(members, func(u graph.User) ([]string, error) {
		u.Addresses = nil // the two that most people have: this is no authority
		return s.people.slackAccounts(ctx, u, nil)
	})
	return slices.Concat(found...), whole, errors.Join(errs...)
}

// each asks about several at once, a few at a time.
func each[T, V any](all []T, ask func(T) (V, error)) ([]V, []error) {
	found, errs := make([]V, len(all)), make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(8)
	for i, one := range all {
		g.Go(func() error {
			found[i], errs[i] = ask(one)
			return nil
		})
	}
	_ = g.Wait() // none of them answers one
	return found, errs
}

// count is how many different people may act as approvers now: those who could
// pull the brake.
func (s roster) count(check checker) int {
	return headcount(slices.DeleteFunc(slices.Clone(s.people), func(a approver) bool {
		return !check(authz.Freeze, a.actor, authz.Matter{}).Allowed
	}))
}

// headcount counts people, whatever number of Slack accounts they have.
func headcount(all []approver) int {
	seen := map[string]bool{}
	for _, a := range all {
		seen[a.actor.EntraID] = true
	}
	return len(seen)
}

// checker is Bot.check.
type checker func(authz.Action, authz.Actor, authz.Matter) authz.Decision

// able are the approvers who could confirm a request now and have not, by the
// same rules as their click.
func (s roster) able(r *Request, check checker) []approver {
	return slices.DeleteFunc(slices.Clone(s.people), func(a approver) bool {
		return !check(authz.Confirm, a.actor, r.matter()).Allowed || r.approvedBy(a.actor)
	})
}

// approvedBy reports whether somebody's approval of the decision that is being
// made is stored.
func (r *Request) approvedBy(a authz.Actor) bool {
	return slices.ContainsFunc(r.Approvals, func(v Verdict) bool { return v.SlackID == a.SlackID || v.EntraID == a.EntraID })
}

// mentions names the able ones of the people behind names: a group where
// everybody in it is able, and otherwise its able members one by one. A name of
// which nothing is known stands for itself.
func (s roster) mentions(names authz.Circle, able []approver) []string {
	var all []string
	add := func(name string) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	through := func(name string) func(approver) bool {
		return func(a approver) bool { return slices.Contains(a.by, name) }
	}
	for _, name := range names {
		if !slices.ContainsFunc(s.people, through(name)) || strings.HasPrefix(name, "S") && s.allAble(name, able) {
			add(name)
			continue
		}
		for _, a := range able {
			if through(name)(a) {
				add(a.actor.SlackID)
			}
		}
	}
	return all
}

// direct lists the Slack users among the able ones and those named: a group
// cannot be written to, and of a user of whom nothing is known yet the name is
// what there is.
func direct(names []string, able []approver) (ids []string) {
	for _, a := range able {
		ids = append(ids, a.actor.SlackID)
	}
	for _, name := range names {
		if slackUser.MatchString(name) {
			ids = append(ids, name)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s roster) allAble(name string, able []approver) bool {
	in := func(list []approver) (n int) {
		for _, a := range list {
			if slices.Contains(a.by, name) {
				n++
			}
		}
		return n
	}
	return in(s.people) == in(able)
}
