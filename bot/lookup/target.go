package lookup

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// MayMean reports whether somebody named may be the account: an address of its
// own, though another account may have it, too.
func (p *People) MayMean(whom bot.Whom, u graph.User) bool {
	switch {
	case whom.SlackID != "":
		return slices.Contains(p.mappedTo(u.ID), whom.SlackID)
	case whom.ObjectID != "":
		return strings.EqualFold(whom.ObjectID, u.ID)
	}
	return slices.ContainsFunc(append([]string{u.UPN, u.Mail}, u.Addresses...), func(address string) bool {
		return strings.EqualFold(address, whom.Address)
	})
}

// Match is the account that a command names, or the problem with it.
type Match struct {
	User    graph.User
	SlackID string
	// Left: the Slack account is deactivated.
	Left    bool
	Problem authz.Reason
}

// Target finds the account that is meant. Whoever is meant need not be a full
// member, but their e-mail address must be one that this workspace vouches for.
func (p *People) Target(ctx context.Context, whom bot.Whom) (Match, error) {
	switch {
	case whom.SlackID != "":
		who, err := p.Who(ctx, whom.SlackID)
		f := Match{SlackID: whom.SlackID, Problem: who.Actor.Unmapped}
		switch {
		case err != nil:
			return f, err
		case who.Actor.Standing == authz.BotUser || who.Actor.Standing == authz.WorkflowUser:
			f.Problem = bot.TargetIsApp
		case who.Actor.Standing == authz.StrangerUser || who.Actor.Standing == authz.OtherWorkspace:
			f.Problem = authz.OutsideWorkspace
		case who.Actor.Standing == authz.Deleted:
			f.Left = true
			f.User, f.Problem, err = p.former(ctx, whom.SlackID)
			return f, err
		case f.Problem == "":
			f.User = who.Account
		}
		return f, nil
	case whom.ObjectID != "":
		u, err := p.Account(ctx, whom.ObjectID)
		if graph.IsNotFound(err) {
			return Match{Problem: authz.NoAccount}, nil
		}
		if err != nil {
			return Match{}, FailedLookup(bot.AboutAccounts, err)
		}
		return Match{User: u}, nil
	}
	accounts, err := p.typedAddress(ctx, whom.Address)
	switch {
	case err != nil:
		return Match{}, err
	case len(accounts) == 0:
		return Match{Problem: authz.NoAccount}, nil
	case len(accounts) > 1:
		return Match{Problem: authz.SeveralAccounts}, nil
	}
	return Match{User: accounts[0]}, nil
}

// TargetNow reads all of it. known are Slack accounts that are the target's
// already; find has the others looked for. The error is that of reading the
// account; what else could not be read is in the aim as unknown.
func (p *People) TargetNow(ctx context.Context, objectID string, known []string, find bool) (bot.TargetFacts, error) {
	a := bot.TargetFacts{SlackIDs: known}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() {
		if a.User, err = p.Account(ctx, objectID); err == nil && (find || len(p.shields) > 0) {
			if a.SlackIDs, a.Trouble = p.SlackAccounts(ctx, a.User, known); a.Trouble != nil {
				a.Unsure = p.shields
			}
			// Of more addresses than are looked up nobody will ever know more.
			a.Found = a.Trouble == nil || OnlyTooMany(a.Trouble)
		} else if err != nil {
			a.Unsure, a.Trouble = p.shields, err
		}
		in := p.memberships(ctx, a.SlackIDs, objectID)
		a.In, a.Unsure, a.Age = in.of, slices.Concat(a.Unsure, in.unsure), in.age
		a.Trouble = cmp.Or(a.Trouble, in.trouble)
	})
	var unclear error
	if p.roles {
		asked.Go(func() { a.Privileged, unclear = p.privileged(ctx, objectID) })
		a.RolesAsked = true
	}
	asked.Wait()
	if p.roles && a.Privileged == graph.Unknown {
		// Answered, and not what was asked: the bot's app may not read all of it.
		unread := FailedLookup(bot.Subject{Where: bot.AtEntra}, unclear)
		if unclear == nil {
			unread.Err, unread.Remedy = bot.ErrRolesUnread, graph.RemedyForPrivileged
		}
		a.Trouble = cmp.Or[error](a.Trouble, unread)
	}
	return a, err
}

// Preview is targetNow for a card that is being made: it also reads what no
// rule goes by and a card shows all the same. That runs beside the rest, no
// longer than it, and where it fails the card says "unknown" and nobody else
// hears of it.
func (p *People) Preview(ctx context.Context, objectID string, known []string, find bool) (bot.TargetFacts, error) {
	shown := bot.TargetFacts{User: graph.User{ID: objectID}, RolesAsked: p.roles}
	var beside sync.WaitGroup
	beside.Go(func() { p.CompleteFacts(ctx, &shown) })
	a, err := p.TargetNow(ctx, objectID, known, find)
	beside.Wait()
	if !p.roles {
		a.Privileged, a.RolesAsked = shown.Privileged, true
	}
	a.Complete, a.SignedIn, a.SignInsRead = true, shown.SignedIn, shown.SignInsRead
	return a, err
}

// CompleteFacts reads what a card shows of the account and is not in the aim:
// its roles, unless they were asked for, and its last sign-in.
func (p *People) CompleteFacts(ctx context.Context, a *bot.TargetFacts) {
	if a.Complete {
		return
	}
	var asked sync.WaitGroup
	if !a.RolesAsked {
		asked.Go(func() { a.Privileged, _ = p.privileged(ctx, a.User.ID) })
		a.RolesAsked = true
	}
	asked.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, lookupWait)
		defer cancel()
		at, err := p.signIns.LastSignIn(ctx, a.User.ID)
		a.SignedIn, a.SignInsRead = at, err == nil
	})
	asked.Wait()
	a.Complete = true
}

// privileged is Unknown with every error.
func (p *People) privileged(ctx context.Context, objectID string) (graph.Fact, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	f, err := p.groups.Privileged(ctx, objectID)
	if err != nil {
		return graph.Unknown, err
	}
	return f, nil
}

// Unread is the trouble as a *LookupError.
func Unread(a bot.TargetFacts) error {
	if lookup, ok := errors.AsType[*bot.LookupError](a.Trouble); ok {
		return lookup
	}
	if graph.AsError(a.Trouble) != nil {
		return FailedLookup(bot.AboutAccounts, a.Trouble)
	}
	return FailedLookup(bot.AboutPeople, cmp.Or(a.Trouble, bot.ErrRolesUnread))
}
