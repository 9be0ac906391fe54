package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// found is the account that a command names, or the problem with it.
type found struct {
	user    graph.User
	slackID string
	// left: the Slack account is deactivated.
	left    bool
	problem authz.Reason
}

// target finds the account that is meant. Whoever is meant need not be a full
// member, but their e-mail address must be one that this workspace vouches for.
func (p *people) target(ctx context.Context, whom Whom) (found, error) {
	switch {
	case whom.SlackID != "":
		who, err := p.who(ctx, whom.SlackID)
		f := found{slackID: whom.SlackID, problem: who.actor.Unmapped}
		switch {
		case err != nil:
			return f, err
		case who.actor.Standing == authz.BotUser || who.actor.Standing == authz.WorkflowUser:
			f.problem = TargetIsApp
		case who.actor.Standing == authz.StrangerUser || who.actor.Standing == authz.OtherWorkspace:
			f.problem = authz.OutsideWorkspace
		case who.actor.Standing == authz.Deleted:
			f.left = true
			f.user, f.problem, err = p.former(ctx, whom.SlackID)
			return f, err
		case f.problem == "":
			f.user = who.account
		}
		return f, nil
	case whom.ObjectID != "":
		u, err := p.account(ctx, whom.ObjectID)
		if graph.IsNotFound(err) {
			return found{problem: authz.NoAccount}, nil
		}
		if err != nil {
			return found{}, failedLookup(aboutAccounts, err)
		}
		return found{user: u}, nil
	}
	accounts, err := p.typedAddress(ctx, whom.Address)
	switch {
	case err != nil:
		return found{}, err
	case len(accounts) == 0:
		return found{problem: authz.NoAccount}, nil
	case len(accounts) > 1:
		return found{problem: authz.SeveralAccounts}, nil
	}
	return found{user: accounts[0]}, nil
}

// aim is the target as it is now, in everything that a card shows or a rule
// goes by.
type aim struct {
	user graph.User
	// slackIDs are the Slack accounts that lead to the account, the one that
	// is told first; found says that they were looked for, and that these are all.
	slackIDs []string
	found    bool
	// in are those of the policy's groups, and of the Slack users that its
	// protections name, that the account is in or is; unsure those of which
	// nobody could say.
	in, unsure []string
	// privileged is what was answered to whether it holds a privileged role,
	// and rolesAsked that somebody asked.
	privileged graph.Fact
	rolesAsked bool
	// complete: what only a card shows was asked for, too. signedIn is when the
	// account last signed in; zero where signInsRead means that no sign-in is
	// known since April 2020.
	complete    bool
	signedIn    time.Time
	signInsRead bool
	// trouble is why something is not known, or nil; age is of the oldest answer.
	trouble error
	age     time.Duration
}

// targetNow reads all of it. known are Slack accounts that are the target's
// already; find has the others looked for. The error is that of reading the
// account; what else could not be read is in the aim as unknown.
func (p *people) targetNow(ctx context.Context, objectID string, known []string, find bool) (aim, error) {
	a := aim{slackIDs: known}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() {
		if a.user, err = p.account(ctx, objectID); err == nil && (find || len(p.shields) > 0) {
			if a.slackIDs, a.trouble = p.slackAccounts(ctx, a.user, known); a.trouble != nil {
				a.unsure = p.shields
			}
			// Of more addresses than are looked up nobody will ever know more.
			a.found = a.trouble == nil || onlyTooMany(a.trouble)
		} else if err != nil {
			a.unsure, a.trouble = p.shields, err
		}
		in := p.memberships(ctx, a.slackIDs, objectID)
		a.in, a.unsure, a.age = in.of, slices.Concat(a.unsure, in.unsure), in.age
		a.trouble = cmp.Or(a.trouble, in.trouble)
	})
	var unclear error
	if p.roles {
		asked.Go(func() { a.privileged, unclear = p.privileged(ctx, objectID) })
		a.rolesAsked = true
	}
	asked.Wait()
	if p.roles && a.privileged == graph.Unknown {
		// Answered, and not what was asked: the bot's app may not read all of it.
		unread := failedLookup(subject{where: atEntra}, unclear)
		if unclear == nil {
			unread.Err, unread.Remedy = errUnclear, graph.RemedyForPrivileged
		}
		a.trouble = cmp.Or[error](a.trouble, unread)
	}
	return a, err
}

// preview is targetNow for a card that is being made: it also reads what no
// rule goes by and a card shows all the same. That runs beside the rest, no
// longer than it, and where it fails the card says "unknown" and nobody else
// hears of it.
func (p *people) preview(ctx context.Context, objectID string, known []string, find bool) (aim, error) {
	shown := aim{user: graph.User{ID: objectID}, rolesAsked: p.roles}
	var beside sync.WaitGroup
	beside.Go(func() { p.completeFacts(ctx, &shown) })
	a, err := p.targetNow(ctx, objectID, known, find)
	beside.Wait()
	if !p.roles {
		a.privileged, a.rolesAsked = shown.privileged, true
	}
	a.complete, a.signedIn, a.signInsRead = true, shown.signedIn, shown.signInsRead
	return a, err
}

// completeFacts reads what a card shows of the account and is not in the aim:
// its roles, unless they were asked for, and its last sign-in.
func (p *people) completeFacts(ctx context.Context, a *aim) {
	if a.complete {
		return
	}
	var asked sync.WaitGroup
	if !a.rolesAsked {
		asked.Go(func() { a.privileged, _ = p.privileged(ctx, a.user.ID) })
		a.rolesAsked = true
	}
	asked.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, lookupWait)
		defer cancel()
		at, err := p.signIns.LastSignIn(ctx, a.user.ID)
		a.signedIn, a.signInsRead = at, err == nil
	})
	asked.Wait()
	a.complete = true
}

// privileged is Unknown with every error.
func (p *people) privileged(ctx context.Context, objectID string) (graph.Fact, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	f, err := p.groups.Privileged(ctx, objectID)
	if err != nil {
		return graph.Unknown, err
	}
	return f, nil
}

// errUnclear: Entra answered, but not what was asked.
var errUnclear = errors.New("the target's roles could not be read")

// unread is the trouble as a *LookupError.
func (a aim) unread() error {
	if lookup, ok := errors.AsType[*LookupError](a.trouble); ok {
		return lookup
	}
	if graph.AsError(a.trouble) != nil {
		return failedLookup(aboutAccounts, a.trouble)
	}
	return failedLookup(aboutPeople, cmp.Or(a.trouble, errUnclear))
}

// aimAt puts the target into a request. What nobody asked for this time stays
// as it was.
func (r *Request) aimAt(a aim) {
	r.Words.DisplayName, r.Words.UPN = Clean(a.user.DisplayName, maxName), Clean(a.user.UPN, maxAddress)
	r.Target = a.user
	if a.rolesAsked {
		r.Privileged = a.privileged
	}
	if a.signInsRead {
		r.SignedIn, r.SignInsRead = a.signedIn, true
	}
	r.TargetIn = slices.Sorted(slices.Values(slices.Concat(a.in, a.unsure)))
	r.TargetIn = slices.Compact(r.TargetIn)
	r.TargetSlackID, r.TargetAlso, r.TargetFound = "", nil, a.found
	for _, id := range a.slackIDs {
		if r.TargetSlackID == "" && id != r.TargetLeft {
			r.TargetSlackID = id
		} else {
			r.TargetAlso = append(r.TargetAlso, id)
		}
	}
	// Names stand in Words alone.
	r.Target.DisplayName, r.Target.UPN, r.Target.Mail, r.Target.Addresses = "", "", "", nil
}

// manyAddresses is how many addresses of one account are looked up in Slack.
const manyAddresses = 50

// errManyAddresses: nobody can say which Slack accounts an account has.
var errManyAddresses = errors.New("the account has more addresses than are looked up")

// onlyTooMany reports whether there was an answer for each address that was
// looked up, and there are more addresses.
func onlyTooMany(err error) bool {
	all, ok := err.(interface{ Unwrap() []error })
	return ok && !slices.ContainsFunc(all.Unwrap(), func(e error) bool { return !errors.Is(e, errManyAddresses) })
}

// slackAccounts adds to the known ones every Slack account that leads to an
// Entra account: those that the map names, and those that have one of its
// addresses and map back to it. The error says that there may be more.
func (p *people) slackAccounts(ctx context.Context, u graph.User, known []string) (ids []string, err error) {
	ids = slices.Clone(known)
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range p.mappedTo(u.ID) {
		add(id)
	}
	if !p.identity.ByEmail {
		return ids, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	// An address of Slack's is one active account's, so that those of the accounts that
	// were looked up a moment ago lead to nobody else.
	var theirs, addresses []string
	for _, id := range ids {
		if m, ok := p.members.recall(id); ok && p.members.age(m) < lookupFresh && m.value.Email != "" && m.value.Standing != authz.Deleted {
			theirs = append(theirs, strings.ToLower(m.value.Email))
		}
	}
	for _, address := range slices.Concat([]string{u.Mail, u.UPN}, u.Addresses) {
		if address = strings.ToLower(address); address != "" && !slices.Contains(addresses, address) && !slices.Contains(theirs, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) > manyAddresses {
		addresses, err = addresses[:manyAddresses], errManyAddresses
	}
	found, errs := each(addresses, func(address string) (string, error) {
		id, _, err := p.byAddress.get(ctx, address)
		if err != nil || id == "" {
			return "", err
		}
		who, err := p.who(ctx, id)
		if err != nil || who.actor.EntraID != u.ID {
			return "", err
		}
		return id, nil
	})
	for _, id := range found {
		add(id)
	}
	return ids, errors.Join(append(errs, err)...)
}
