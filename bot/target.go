package bot

import (
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// TargetFacts is what is known about the target now, of all that a card shows or a rule
// uses.
type TargetFacts struct {
	User graph.User
	// SlackIDs are the Slack accounts that lead to the account, first the one that gets
	// messages. Found says that all of them were found.
	SlackIDs []string
	Found    bool
	// In are the groups of the policy that the account is in, and the Slack users named
	// in its protections that it is. Unsure are those for which that is not known.
	In, Unsure []string
	// Privileged is whether it holds a privileged role, and RolesAsked that somebody
	// asked.
	Privileged graph.Fact
	RolesAsked bool
	// Complete: facts that only a card shows were asked for, too. SignedIn is the last
	// sign-in; zero with SignInsRead means no sign-in on record since April 2020.
	Complete    bool
	SignedIn    time.Time
	SignInsRead bool
	// Trouble is why something is not known, or nil. Age is the age of the oldest
	// answer.
	Trouble error
	Age     time.Duration
}

// AimAt puts the target's facts into a request. Facts that nobody asked for this time
// stay.
func (r *Request) AimAt(a TargetFacts) {
	r.Words.DisplayName, r.Words.UPN = Clean(a.User.DisplayName, MaxName), Clean(a.User.UPN, MaxAddress)
	r.Target = a.User
	if a.RolesAsked {
		r.Privileged = a.Privileged
	}
	if a.SignInsRead {
		r.SignedIn, r.SignInsRead = a.SignedIn, true
	}
	r.TargetIn = slices.Sorted(slices.Values(slices.Concat(a.In, a.Unsure)))
	r.TargetIn = slices.Compact(r.TargetIn)
	r.TargetSlackID, r.TargetAlso, r.TargetFound = "", nil, a.Found
	for _, id := range a.SlackIDs {
		if r.TargetSlackID == "" && id != r.TargetLeft {
			r.TargetSlackID = id
		} else {
			r.TargetAlso = append(r.TargetAlso, id)
		}
	}
	// Names are kept in Words only.
	r.Target.DisplayName, r.Target.UPN, r.Target.Mail, r.Target.Addresses = "", "", "", nil
}

// MaxName is how many runes of a name from the directory are shown.
const MaxName = 120

// AlsoKnows adds the Slack accounts that other has found for the askers and the target,
// so that what is known about them is not lost.
func (r *Request) AlsoKnows(other *Request) {
	r.AskersAlso = Union(r.AskersAlso, other.AskersAlso)
	r.TargetAlso = Union(r.TargetAlso, slices.DeleteFunc(other.TargetSlackIDs(), func(id string) bool { return id == r.TargetSlackID }))
	r.TargetFound = r.TargetFound || other.TargetFound
}

// ErrRolesUnread: Entra answered, but not the question about roles.
var ErrRolesUnread = errors.New("the target's roles could not be read")

// MatterOf is the request as authz sees it, with the target as known now.
func (r *Request) MatterOf(t TargetFacts) authz.Matter {
	m := r.Matter()
	m.Target.MemberOf, m.Target.Unsure, m.Target.Privileged = t.In, t.Unsure, t.Privileged != graph.No
	if len(t.SlackIDs) > 0 {
		m.Target.SlackIDs = Union(m.Target.SlackIDs, t.SlackIDs)
	}
	return m
}

// Sure is m without what nobody could say of the account: which groups it may be in, and
// whether it may hold a privileged role.
func (t TargetFacts) Sure(m authz.Matter) authz.Matter {
	m.Target.MemberOf, m.Target.Unsure, m.Target.Privileged = t.In, nil, t.Privileged == graph.Yes
	return m
}

// KnownNow is MatterOf, with the facts of the card for those that cannot be read now.
func (r *Request) KnownNow(t TargetFacts) authz.Matter {
	if t.Privileged == graph.Unknown {
		t.Privileged = r.Privileged
	}
	t.Unsure = slices.DeleteFunc(slices.Clone(t.Unsure), func(name string) bool { return !slices.Contains(r.TargetIn, name) })
	return r.MatterOf(t)
}

// UpdateFacts takes over what may change without voiding the request. A colleague may
// have blocked sign-in since, which is good practice.
func (r *Request) UpdateFacts(t TargetFacts) {
	name, known, found, stamps := r.Words.DisplayName, r.TargetSlackIDs(), r.TargetFound, r.Target.Stamps
	t.SlackIDs = Union(known, t.SlackIDs)
	r.AimAt(t)
	// The name is fixed once a request is decided, accounts that were found stay found,
	// and later reads are compared with the stamps on the card.
	r.Words.DisplayName, r.TargetFound, r.Target.Stamps = name, r.TargetFound || found, stamps
}

// Union is a, followed by what only b has.
func Union(a, b []string) []string {
	all := slices.Clone(a)
	for _, one := range b {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}
