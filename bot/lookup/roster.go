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

// Count counts those who are able to decide.
func Count(c *bot.Coverage, able []Approver) { c.Able = Headcount(able) }

// Roster is who the approvers are by name: for mentions, and to count whether
// enough of them could decide. It is never authority, for it may be minutes
// old; whoever clicks is looked up when they click.
type Roster struct {
	People []Approver
	// Troubles say why somebody may be missing: Slack or Entra could not be asked.
	// Trouble is the first of them.
	Trouble  error
	Troubles []error
	// Crowd: the list is too long to look everybody up. That is known and no trouble,
	// so that nothing is gained by trying again soon.
	Crowd bool
	// named are the Slack users on the list, size is how many people are on it at
	// least, and looked how many of them were looked up.
	named        []string
	Size, Looked int
	// list is a digest of it.
	list [sha256.Size]byte
	At   time.Time
}

// Whole reports whether nobody is missing.
func (s Roster) Whole() bool { return s.Trouble == nil && !s.Crowd }

// Approver is one of them.
type Approver struct {
	Actor authz.Actor
	// By are the names in the policy's list through which they are one.
	By []string
}

const (
	// rosterFresh is how old a roster may be before a new request has it
	// drawn up again, and rosterWait how long the request waits for that.
	rosterFresh = time.Minute
	RosterWait  = lookupWait
	// manyApprovers is how many are looked up. More is no roster but a crowd,
	// and users.info takes about 100 calls a minute.
	manyApprovers = 50
)

// Rosters keeps the last roster.
type Rosters struct {
	People *People
	Names  authz.Circle
	Now    func() time.Time

	mu   sync.Mutex
	last Roster
}

// Latest answers the last roster without asking anybody.
func (s *Rosters) Latest() Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Fresh answers a roster that is not older than rosterFresh. Of a crowd only the
// list is read again: while that is the same, so are those who were looked up, until
// the preflight looks.
func (s *Rosters) Fresh(ctx context.Context) Roster {
	last := s.Latest()
	if !last.At.IsZero() && !bot.Elapsed(last.At, s.Now(), rosterFresh) {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, RosterWait)
	defer cancel()
	return s.keep(s.draw(ctx, last))
}

// Refresh draws the roster up anew.
func (s *Rosters) Refresh(ctx context.Context) Roster { return s.keep(s.draw(ctx, Roster{})) }

// keep remembers a roster. Of one with trouble the names are not believed, which
// are for mentions, but that it misses somebody is.
func (s *Rosters) keep(drawn Roster) Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	if drawn.Trouble != nil && len(drawn.People) < len(s.last.People) {
		drawn.People = s.last.People
	}
	s.last = drawn
	return drawn
}

// draw lists the approvers and looks up each of them, or the first manyApprovers;
// or goes by the last roster, if that was of the same crowd.
func (s *Rosters) draw(ctx context.Context, last Roster) Roster {
	// Whoever has it drawn up: it is for everybody's card, and once a minute at most.
	ctx = context.WithValue(ctx, purposeKey{}, ForDecision)
	r := Roster{At: s.Now()}
	var lists []listed
	for _, name := range s.Names {
		l, err := s.listed(ctx, name)
		r.fails(err)
		lists = append(lists, l)
	}
	r.sumUp(lists)
	if r.Trouble == nil && last.Trouble == nil && last.Crowd && last.list == r.list {
		last.At = r.At
		return last
	}
	var ids []string
	by := map[string][]string{}
	for _, l := range lists {
		found, err := s.inSlack(ctx, l, r.Crowd, manyApprovers-len(ids))
		r.fails(err)
		for _, id := range found {
			if by[id] == nil {
				ids = append(ids, id)
			}
			by[id] = append(by[id], l.Name)
		}
	}
	if len(ids) > manyApprovers {
		r.Crowd, r.Size, ids = true, max(r.Size, len(ids)), ids[:manyApprovers]
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
func (r *Roster) fails(err error) {
	if err != nil {
		r.Trouble, r.Troubles = cmp.Or(r.Trouble, err), append(r.Troubles, err)
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
func (s *Rosters) listed(ctx context.Context, name string) (l listed, err error) {
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

// sumUp notes whom the lists name. In which order they do makes no difference.
func (r *Roster) sumUp(lists []listed) {
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
	r.Crowd = more || len(r.named) > manyApprovers || len(accounts) > manyApprovers
	r.Size = max(len(r.named), len(accounts))
	text, _ := json.Marshal(same) // strings all
	r.list = sha256.Sum256(text)
}

// inSlack finds the Slack users of a list, of a crowd as many as there is room
// for. Whoever has none cannot decide, so that they are not missing.
func (s *Rosters) inSlack(ctx context.Context, l listed, crowd bool, room int) ([]string, error) {
	ids, members := l.SlackIDs, l.Members
	if crowd {
		// Sorted, or it would be others each time.
		ids = slices.Sorted(slices.Values(ids))
		ids, members = ids[:min(len(ids), room)], members[:min(len(members), room)]
	}
	found, errs := each(members, func(u graph.User) ([]string, error) {
		// By the two addresses that most people have: this is no authority.
		return s.People.SlackAccounts(ctx, u, nil)
	})
	return append(slices.Clone(ids), slices.Concat(found...)...), errors.Join(errs...)
}

// Acting are those who may act as approvers now, who could pull the brake; unable
// are the others who are named, and why.
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

// Count is how many different people may act as approvers now.
func (s Roster) Count(check bot.Checker) int {
	able, _ := s.Acting(check)
	return Headcount(able)
}

// Others mentions those who may act as approvers now, but for one, whoever they are.
func (s Roster) Others(names authz.Circle, but string, check bot.Checker) []string {
	able, _ := s.Acting(check)
	able = slices.DeleteFunc(able, func(a Approver) bool { return a.Actor.SlackID == but })
	return slices.DeleteFunc(s.Mentions(names, able), func(name string) bool { return name == but })
}

// Headcount counts people, whatever number of Slack accounts they have.
func Headcount(all []Approver) int {
	seen := map[string]bool{}
	for _, a := range all {
		seen[a.Actor.EntraID] = true
	}
	return len(seen)
}

// Able are the approvers who could confirm a request now and have not, by the
// same rules as their click.
func (s Roster) Able(r *bot.Request, check bot.Checker) []Approver {
	return slices.DeleteFunc(slices.Clone(s.People), func(a Approver) bool {
		return !check(authz.Confirm, a.Actor, r.Matter()).Allowed || r.ApprovedBy(a.Actor)
	})
}

// Has reports whether a Slack user is on the list, or was found behind it.
func (s Roster) Has(slackID string) bool {
	return slices.Contains(s.named, slackID) || slices.ContainsFunc(s.People, func(a Approver) bool { return a.Actor.SlackID == slackID })
}

// Mentions names the able ones of the people behind names: a group where
// everybody in it is able, and otherwise its able members one by one. A name of
// which nothing is known stands for itself.
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

// Direct lists the Slack users among the able ones and those named: a group
// cannot be written to, and of a user of whom nothing is known yet the name is
// what there is.
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

// Readers are the Slack users who may read how a request goes on: see View.
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
