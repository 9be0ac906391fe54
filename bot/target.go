package bot

import (
	"errors"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// TargetFacts is the target as it is now, in everything that a card shows or a rule
// goes by.
type TargetFacts struct {
	User graph.User
	// SlackIDs are the Slack accounts that lead to the account, the one that
	// is told first; found says that they were looked for, and that these are all.
	SlackIDs []string
	Found    bool
	// In are those of the policy's groups, and of the Slack users that its
	// protections name, that the account is in or is; unsure those of which
	// nobody could say.
	In, Unsure []string
	// Privileged is what was answered to whether it holds a privileged role,
	// and rolesAsked that somebody asked.
	Privileged graph.Fact
	RolesAsked bool
	// Complete: what only a card shows was asked for, too. SignedIn is when the
	// account last signed in; zero where signInsRead means that no sign-in is
	// known since April 2020.
	Complete    bool
	SignedIn    time.Time
	SignInsRead bool
	// Trouble is why something is not known, or nil; age is of the oldest answer.
	Trouble error
	Age     time.Duration
}

// AimAt puts the target into a request. What nobody asked for this time stays
// as it was.
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
	// Names stand in Words alone.
	r.Target.DisplayName, r.Target.UPN, r.Target.Mail, r.Target.Addresses = "", "", "", nil
}

// MaxName is how many runes of a directory's name are shown.
const MaxName = 120

// AlsoKnows takes over which Slack accounts lead to the same people: who is known
// to be the same person as somebody stays so.
func (r *Request) AlsoKnows(other *Request) {
	r.AskersAlso = Union(r.AskersAlso, other.AskersAlso)
	r.TargetAlso = Union(r.TargetAlso, slices.DeleteFunc(other.TargetSlackIDs(), func(id string) bool { return id == r.TargetSlackID }))
	r.TargetFound = r.TargetFound || other.TargetFound
}

// ErrRolesUnread: Entra answered, but not what was asked.
var ErrRolesUnread = errors.New("the target's roles could not be read")

// MatterOf is the request as authz sees it, by what is known of the target now.
func (r *Request) MatterOf(t TargetFacts) authz.Matter {
	m := r.Matter()
	m.Target.MemberOf, m.Target.Unsure, m.Target.Privileged = t.In, t.Unsure, t.Privileged != graph.No
	if len(t.SlackIDs) > 0 {
		m.Target.SlackIDs = Union(m.Target.SlackIDs, t.SlackIDs)
	}
	return m
}

// KnownNow is matterOf with what cannot be read at the moment taken for what
// the card had.
func (r *Request) KnownNow(t TargetFacts) authz.Matter {
	if t.Privileged == graph.Unknown {
		t.Privileged = r.Privileged
	}
	t.Unsure = slices.DeleteFunc(slices.Clone(t.Unsure), func(name string) bool { return !slices.Contains(r.TargetIn, name) })
	return r.MatterOf(t)
}

// UpdateFacts takes over what may change without making the request void: a
// colleague may have blocked sign-in meanwhile, which is good practice.
func (r *Request) UpdateFacts(t TargetFacts) {
	name, known, found, stamps := r.Words.DisplayName, r.TargetSlackIDs(), r.TargetFound, r.Target.Stamps
	t.SlackIDs = Union(known, t.SlackIDs)
	r.AimAt(t)
	// The words are settled once a request is decided, who was the target
	// stays so, and the stamps on the card are what later reads are compared with.
	r.Words.DisplayName, r.TargetFound, r.Target.Stamps = name, r.TargetFound || found, stamps
}

// Union keeps the order and takes nothing twice.
func Union(a, b []string) []string {
	all := slices.Clone(a)
	for _, one := range b {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}
