package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
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
	// troubles say why somebody may be missing: Slack or Entra could not be asked.
	// trouble is the first of them.
	trouble  error
	troubles []error
	// crowd: the list is too long to look everybody up. That is known and no trouble,
	// so that nothing is gained by trying again soon.
	crowd bool
	// named are the Slack users on the list, size is how many people are on it at
	// least, and looked how many of them were looked up.
	named        []string
	size, looked int
	// list is a digest of it.
	list [sha256.Size]byte
	at   time.Time
}

// whole reports whether nobody is missing.
func (s roster) whole() bool { return s.trouble == nil && !s.crowd }

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

// fresh answers a roster that is not older than rosterFresh. Of a crowd only the
// list is read again: while that is the same, so are those who were looked up, until
// the preflight looks.
func (s *rosters) fresh(ctx context.Context) roster {
	last := s.latest()
	if !last.at.IsZero() && !elapsed(last.at, s.now(), rosterFresh) {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, rosterWait)
	defer cancel()
	return s.keep(s.draw(ctx, last))
}

// refresh draws the roster up anew.
func (s *rosters) refresh(ctx context.Context) roster { return s.keep(s.draw(ctx, roster{})) }

// keep remembers a roster. Of one with trouble the names are not believed, which
// are for mentions, but that it misses somebody is.
func (s *rosters) keep(drawn roster) roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	if drawn.trouble != nil && len(drawn.people) < len(s.last.people) {
		drawn.people = s.last.people
	}
	s.last = drawn
	return drawn
}

// draw lists the approvers and looks up each of them, or the first manyApprovers;
// or goes by the last roster, if that was of the same crowd.
func (s *rosters) draw(ctx context.Context, last roster) roster {
	// Whoever has it drawn up: it is for everybody's card, and once a minute at most.
	ctx = context.WithValue(ctx, purposeKey{}, forDecision)
	r := roster{at: s.now()}
	var lists []listed
	for _, name := range s.names {
		l, err := s.listed(ctx, name)
		r.fails(err)
		lists = append(lists, l)
	}
	r.sumUp(lists)
	if r.trouble == nil && last.trouble == nil && last.crowd && last.list == r.list {
		last.at = r.at
		return last
	}
	var ids []string
	by := map[string][]string{}
	for _, l := range lists {
		found, err := s.inSlack(ctx, l, r.crowd, manyApprovers-len(ids))
		r.fails(err)
		for _, id := range found {
			if by[id] == nil {
				ids = append(ids, id)
			}
			by[id] = append(by[id], l.Name)
		}
	}
	if len(ids) > manyApprovers {
		r.crowd, r.size, ids = true, max(r.size, len(ids)), ids[:manyApprovers]
	}
	r.looked = len(ids)
	found, errs := each(ids, func(id string) (approver, error) {
		who, err := s.people.who(ctx, id)
		return approver{who.actor, by[id]}, cmp.Or(err, who.trouble)
	})
	for i, err := range errs {
		if err != nil {
			r.fails(err)
			continue
		}
		r.people = append(r.people, found[i])
	}
	return r
}

// fails notes why somebody may be missing, if err is not nil.
func (r *roster) fails(err error) {
	if err != nil {
		r.trouble, r.troubles = cmp.Or(r.trouble, err), append(r.troubles, err)
	}
}

// listed is whom one name of a Circle stands for, before anybody is looked up:
// Slack users, or the accounts of an Entra group.
type listed struct {
	Name     string
	SlackIDs []string
	Members  []graph.User
	more     bool // of the accounts
}

// errBrokenOff: Microsoft answered a part of the list.
var errBrokenOff = errors.New("the list of a group's members broke off")

// listed reads one name's list.
func (s *rosters) listed(ctx context.Context, name string) (l listed, err error) {
	l.Name = name
	switch {
	case strings.HasPrefix(name, authz.EntraGroup):
		group, _, err := s.people.entraGroup.get(ctx, strings.TrimPrefix(name, authz.EntraGroup))
		if err == nil && group.More && len(group.Members) < graph.ManyMembers {
			err = &LookupError{Where: atEntra, Err: errBrokenOff}
		}
		l.more = group.More
		for _, u := range group.Members {
			l.Members = append(l.Members, graph.User{ID: u.ID, UPN: u.UPN, Mail: u.Mail, Disabled: u.Disabled})
		}
		slices.SortFunc(l.Members, func(a, b graph.User) int { return strings.Compare(a.ID, b.ID) })
		return l, err
	case strings.HasPrefix(name, "S"):
		l.SlackIDs, _, err = s.people.slackGroup.get(ctx, name)
		return l, err
	}
	l.SlackIDs = []string{name}
	return l, nil
}

// sumUp notes whom the lists name. In which order they do makes no difference.
func (r *roster) sumUp(lists []listed) {
	accounts, more, same := map[string]bool{}, false, slices.Clone(lists)
	for i, l := range lists {
		r.named = append(r.named, l.SlackIDs...)
		for _, u := range l.Members {
			accounts[u.ID] = true
		}
		more = more || l.more
		same[i].SlackIDs = slices.Sorted(slices.Values(l.SlackIDs))
	}
	slices.Sort(r.named)
	r.named = slices.Compact(r.named)
	r.crowd = more || len(r.named) > manyApprovers || len(accounts) > manyApprovers
	r.size = max(len(r.named), len(accounts))
	text, _ := json.Marshal(same) // strings all
	r.list = sha256.Sum256(text)
}

// inSlack finds the Slack users of a list, of a crowd as many as there is room
// for. Whoever has none cannot decide, so that they are not missing.
func (s *rosters) inSlack(ctx context.Context, l listed, crowd bool, room int) ([]string, error) {
	ids, members := l.SlackIDs, l.Members
	if crowd {
		// Sorted, or it would be others each time.
		ids = slices.Sorted(slices.Values(ids))
		ids, members = ids[:min(len(ids), room)], members[:min(len(members), room)]
	}
	found, errs := each(members, func(u graph.User) ([]string, error) {
		// By the two addresses that most people have: this is no authority.
		return s.people.slackAccounts(ctx, u, nil)
	})
	return append(slices.Clone(ids), slices.Concat(found...)...), errors.Join(errs...)
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

// acting are those who may act as approvers now, who could pull the brake; unable
// are the others who are named, and why.
func (s roster) acting(check checker) (able []approver, unable []Unable) {
	for _, a := range s.people {
		if d := check(authz.Freeze, a.actor, authz.Matter{}); d.Allowed {
			able = append(able, a)
		} else {
			unable = append(unable, Unable{a.actor.SlackID, d.Reason})
		}
	}
	slices.SortFunc(unable, func(a, b Unable) int { return cmp.Compare(a.SlackID, b.SlackID) })
	return able, unable
}

// count is how many different people may act as approvers now.
func (s roster) count(check checker) int {
	able, _ := s.acting(check)
	return headcount(able)
}

// others mentions those who may act as approvers now, but for one, whoever they are.
func (s roster) others(names authz.Circle, but string, check checker) []string {
	able, _ := s.acting(check)
	able = slices.DeleteFunc(able, func(a approver) bool { return a.actor.SlackID == but })
	return slices.DeleteFunc(s.mentions(names, able), func(name string) bool { return name == but })
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

// has reports whether a Slack user is on the list, or was found behind it.
func (s roster) has(slackID string) bool {
	return slices.Contains(s.named, slackID) || slices.ContainsFunc(s.people, func(a approver) bool { return a.actor.SlackID == slackID })
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

// readers are the Slack users who may read how a request goes on: see View.
func (s roster) readers(r *Request, names authz.Circle, check checker) []string {
	able, _ := s.acting(check)
	target := r.targetSlackIDs()
	for _, a := range s.people {
		if a.actor.EntraID == r.Target.ID {
			target = append(slices.Clone(target), a.actor.SlackID)
		}
	}
	return slices.DeleteFunc(direct(s.mentions(names, able), able), func(id string) bool {
		return r.Lane == authz.ThirdParty && slices.Contains(target, id)
	})
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
