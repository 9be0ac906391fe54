package lookup

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

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Roster lists the approvers: for mentions, and to count whether enough of them
// could decide. It may be minutes old, so it never authorizes anybody: a click is
// looked up when it arrives.
type Roster struct {
	People []Approver
	// Troubles are the errors of Slack or Entra: somebody may be missing. Trouble is
	// the first of them.
	Trouble  error
	Troubles []error
	// Crowd means that the list is too long to look everybody up. This is no trouble:
	// trying again soon would not help.
	Crowd bool
	// named are the Slack users on the list.
	named []string
	// Size is how many people are on the list at least, Looked how many were looked up.
	Size, Looked int
	// list is a digest of the list.
	list [sha256.Size]byte
	// At is when the roster was drawn.
	At time.Time
}

// Whole reports whether nobody is missing.
func (s Roster) Whole() bool { return s.Trouble == nil && !s.Crowd }

// Approver is one person on the roster.
type Approver struct {
	Actor authz.Actor
	// By are the names in the policy's list that include this person.
	By []string
}

const (
	// rosterFresh is how old a roster may be before a new request draws it again.
	rosterFresh = time.Minute
	// RosterWait is how long that request waits.
	RosterWait = waitMost
	// maxApprovers bounds how many are looked up: users.info takes about 100 calls a
	// minute.
	maxApprovers = 50
)

// Rosters keeps the last roster.
type Rosters struct {
	People *People
	Names  authz.Circle
	Now    func() time.Time

	mu   sync.Mutex
	last Roster
}

// Latest returns the last roster without asking anybody.
func (s *Rosters) Latest() Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Fresh returns a roster not older than rosterFresh. For a crowd it reads only the
// list again: while that is the same, the people looked up stay until the next
// preflight.
func (s *Rosters) Fresh(ctx context.Context) Roster {
	last := s.Latest()
	if !last.At.IsZero() && !bot.Elapsed(last.At, s.Now(), rosterFresh) {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, RosterWait)
	defer cancel()
	return s.keep(s.draw(ctx, last))
}

// Refresh draws a new roster.
func (s *Rosters) Refresh(ctx context.Context) Roster { return s.keep(s.draw(ctx, Roster{})) }

// keep remembers a roster. If it had trouble and has fewer people, it keeps the
// previous people for mentions, and the trouble.
func (s *Rosters) keep(drawn Roster) Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	if drawn.Trouble != nil && len(drawn.People) < len(s.last.People) {
		drawn.People = s.last.People
	}
	s.last = drawn
	return drawn
}

// draw lists the approvers and looks up the first maxApprovers. If the last roster
// was of the same crowd, it returns that one.
func (s *Rosters) draw(ctx context.Context, last Roster) Roster {
	// Not For: all cards use the roster, and it is drawn once a minute at most.
	ctx = context.WithValue(ctx, purposeKey{}, ForDecision)
	r := Roster{At: s.Now()}
	var lists []nameList
	for _, name := range s.Names {
		l, err := s.readList(ctx, name)
		r.fails(err)
		lists = append(lists, l)
	}
	r.noteLists(lists)
	if r.Trouble == nil && last.Trouble == nil && last.Crowd && last.list == r.list {
		last.At = r.At
		return last
	}
	var ids []string
	by := map[string][]string{}
	for _, l := range lists {
		found, err := s.inSlack(ctx, l, r.Crowd, maxApprovers-len(ids))
		r.fails(err)
		for _, id := range found {
			if by[id] == nil {
				ids = append(ids, id)
			}
			by[id] = append(by[id], l.Name)
		}
	}
	if len(ids) > maxApprovers {
		r.Crowd, r.Size, ids = true, max(r.Size, len(ids)), ids[:maxApprovers]
	}
	r.Looked = len(ids)
	found, errs := each(ids, func(id string) (Approver, error) {
		who, err := s.People.Who(ctx, id)
		return Approver{who.Actor, by[id]}, cmp.Or(err, who.Trouble)
	})
	for i, err := range errs {
		if err != nil {
			r.fails(err)
			continue
		}
		r.People = append(r.People, found[i])
	}
	return r
}

// fails notes why somebody may be missing, if err is not nil.
func (s *Roster) fails(err error) {
	if err != nil {
		s.Trouble, s.Troubles = cmp.Or(s.Trouble, err), append(s.Troubles, err)
	}
}

// nameList is what one name of a Circle stands for, before anybody is looked up:
// Slack users, or the accounts of an Entra group.
type nameList struct {
	Name     string
	SlackIDs []string
	Members  []graph.User
	more     bool // accounts than Members
}

// errBrokenOff means that Microsoft returned only a part of the list.
var errBrokenOff = errors.New("the list of a group's members broke off")

// readList reads what one name stands for.
func (s *Rosters) readList(ctx context.Context, name string) (l nameList, err error) {
	l.Name = name
	switch {
	case strings.HasPrefix(name, authz.EntraGroup):
		group, _, err := s.People.entraGroup.Get(ctx, strings.TrimPrefix(name, authz.EntraGroup))
		if err == nil && group.More && len(group.Members) < graph.ManyMembers {
			err = &bot.LookupError{Where: bot.AtEntra, Err: errBrokenOff}
		}
		l.more = group.More
		for _, u := range group.Members {
			l.Members = append(l.Members, graph.User{ID: u.ID, UPN: u.UPN, Mail: u.Mail, Disabled: u.Disabled})
		}
		slices.SortFunc(l.Members, func(a, b graph.User) int { return strings.Compare(a.ID, b.ID) })
		return l, err
	case strings.HasPrefix(name, "S"):
		l.SlackIDs, _, err = s.People.slackGroup.Get(ctx, name)
		return l, err
	}
	l.SlackIDs = []string{name}
	return l, nil
}

// noteLists notes who is on the lists. Their order makes no difference.
func (s *Roster) noteLists(lists []nameList) {
	accounts, more, same := map[string]bool{}, false, slices.Clone(lists)
	for i, l := range lists {
		s.named = append(s.named, l.SlackIDs...)
		for _, u := range l.Members {
			accounts[u.ID] = true
		}
		more = more || l.more
		same[i].SlackIDs = slices.Sorted(slices.Values(l.SlackIDs))
	}
	slices.Sort(s.named)
	s.named = slices.Compact(s.named)
	s.Crowd = more || len(s.named) > maxApprovers || len(accounts) > maxApprovers
	s.Size = max(len(s.named), len(accounts))
	text, _ := json.Marshal(same) // strings all
	s.list = sha256.Sum256(text)
}

// inSlack finds the Slack users of a list; for a crowd, as many as there is room
// for. An account without a Slack user cannot decide, so it is not missing.
func (s *Rosters) inSlack(ctx context.Context, l nameList, crowd bool, room int) ([]string, error) {
	ids, members := l.SlackIDs, l.Members
	if crowd {
		// Sorted, so that each time picks the same ones.
		ids = slices.Sorted(slices.Values(ids))
		ids, members = ids[:min(len(ids), room)], members[:min(len(members), room)]
	}
	found, errs := each(members, func(u graph.User) ([]string, error) {
		// Two addresses are enough here: a roster authorizes nobody.
		return s.People.SlackAccounts(ctx, u, nil)
	})
	return append(slices.Clone(ids), slices.Concat(found...)...), errors.Join(errs...)
}

// Acting returns who may act as an approver now: who could freeze. unable are the
// others, and why.
func (s Roster) Acting(check bot.Checker) (able []Approver, unable []bot.Unable) {
	for _, a := range s.People {
		if d := check(authz.Freeze, a.Actor, authz.Matter{}); d.Allowed {
			able = append(able, a)
		} else {
			unable = append(unable, bot.Unable{SlackID: a.Actor.SlackID, Reason: d.Reason})
		}
	}
	slices.SortFunc(unable, func(a, b bot.Unable) int { return cmp.Compare(a.SlackID, b.SlackID) })
	return able, unable
}

// Count returns how many different people may act as approvers now.
func (s Roster) Count(check bot.Checker) int {
	able, _ := s.Acting(check)
	return Headcount(able)
}

// Others mentions everybody who may act as an approver now, except one.
func (s Roster) Others(names authz.Circle, but string, check bot.Checker) []string {
	able, _ := s.Acting(check)
	able = slices.DeleteFunc(able, func(a Approver) bool { return a.Actor.SlackID == but })
	return slices.DeleteFunc(s.Mentions(names, able), func(name string) bool { return name == but })
}

// Headcount counts people: several Slack users with one Entra account are one.
func Headcount(all []Approver) int {
	seen := map[string]bool{}
	for _, a := range all {
		seen[a.Actor.EntraID] = true
	}
	return len(seen)
}

// Able returns the approvers who could confirm the request now and have not, by the
// rules of their clicks.
func (s Roster) Able(r *bot.Request, check bot.Checker) []Approver {
	return slices.DeleteFunc(slices.Clone(s.People), func(a Approver) bool {
		return !CanConfirm(r, a.Actor, check)
	})
}

// Has reports whether a Slack user is on the list, or in one of its groups.
func (s Roster) Has(slackID string) bool {
	return slices.Contains(s.named, slackID) || slices.ContainsFunc(s.People, func(a Approver) bool { return a.Actor.SlackID == slackID })
}

// Mentions returns the IDs to mention for names: a group if all its members are
// able, and otherwise its able members one by one. A name about which nothing is
// known is mentioned itself.
func (s Roster) Mentions(names authz.Circle, able []Approver) []string {
	var all []string
	add := func(name string) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	through := func(name string) func(Approver) bool {
		return func(a Approver) bool { return slices.Contains(a.By, name) }
	}
	for _, name := range names {
		if !slices.ContainsFunc(s.People, through(name)) || strings.HasPrefix(name, "S") && s.allAble(name, able) {
			add(name)
			continue
		}
		for _, a := range able {
			if through(name)(a) {
				add(a.Actor.SlackID)
			}
		}
	}
	return all
}

// Direct returns the Slack users who can get a direct message: the able ones and
// the users among names. A group cannot get one.
func Direct(names []string, able []Approver) (ids []string) {
	for _, a := range able {
		ids = append(ids, a.Actor.SlackID)
	}
	for _, name := range names {
		if bot.SlackUser.MatchString(name) {
			ids = append(ids, name)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Readers returns the Slack users who may read how a request goes on.
func (s Roster) Readers(r *bot.Request, names authz.Circle, check bot.Checker) []string {
	able, _ := s.Acting(check)
	target := r.TargetSlackIDs()
	for _, a := range s.People {
		if a.Actor.EntraID == r.Target.ID {
			target = append(slices.Clone(target), a.Actor.SlackID)
		}
	}
	return slices.DeleteFunc(Direct(s.Mentions(names, able), able), func(id string) bool {
		return r.Lane == authz.ThirdParty && slices.Contains(target, id)
	})
}

// allAble reports whether everybody known in a group is able.
func (s Roster) allAble(name string, able []Approver) bool {
	in := func(list []Approver) (n int) {
		for _, a := range list {
			if slices.Contains(a.By, name) {
				n++
			}
		}
		return n
	}
	return in(s.People) == in(able)
}

// CanConfirm reports whether a person could confirm the request now and has not, by the
// rules of their click.
func CanConfirm(r *bot.Request, a authz.Actor, check bot.Checker) bool {
	return check(authz.Confirm, a, r.Matter()).Allowed && !approvedBy(r, a)
}

// approvedBy reports whether somebody's approval of the decision that is being
// made is stored.
func approvedBy(r *bot.Request, a authz.Actor) bool {
	return slices.ContainsFunc(r.Approvals, func(v bot.Verdict) bool { return v.SlackID == a.SlackID || v.EntraID == a.EntraID })
}
