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

// MayMean reports whether a name may mean the account. Another account may have the
// same address.
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

// Match is the account that a command names, or why there is none.
type Match struct {
	User    graph.User
	SlackID string
	// Left means that the Slack user is deactivated.
	Left    bool
	Problem authz.Reason
}

// Target finds the account that a command means. Its person may be a guest in
// Slack, but the workspace must vouch for the e-mail address.
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
			return Match{}, Failed(bot.AboutAccounts, err)
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

// TargetNow reads everything that the rules need about the target. known are Slack
// users already known to be the target's; find looks for the others. The error is
// about the account alone; anything else that could not be read is marked unknown.
func (p *People) TargetNow(ctx context.Context, objectID string, known []string, find bool) (bot.TargetFacts, error) {
	a := bot.TargetFacts{SlackIDs: known}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() {
		if a.User, err = p.Account(ctx, objectID); err == nil && (find || len(p.shields) > 0) {
			if a.SlackIDs, a.Trouble = p.SlackAccounts(ctx, a.User, known); a.Trouble != nil {
				a.Unsure = p.shields
			}
			// Too many addresses stay too many: searching again would not help.
			a.Found = a.Trouble == nil || OnlyTooManyAddresses(a.Trouble)
		} else if err != nil {
			a.Unsure, a.Trouble = p.shields, err
		}
		in := p.groupsHolding(ctx, a.SlackIDs, objectID)
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
		// Graph answered without the roles: the bot's app may not read all of them.
		unread := Failed(bot.Subject{Where: bot.AtEntra}, unclear)
		if unclear == nil {
			unread.Err, unread.Remedy = bot.ErrRolesUnread, graph.RemedyForPrivileged
		}
		a.Trouble = cmp.Or[error](a.Trouble, unread)
	}
	return a, err
}

// Preview is TargetNow for a new card: it also reads what only the card shows. That
// runs at the same time, and if it fails the card says "unknown".
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

// CompleteFacts reads what only the card shows: the roles, unless they were read,
// and the last sign-in.
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
		ctx, cancel := context.WithTimeout(ctx, waitMost)
		defer cancel()
		at, err := p.signIns.LastSignIn(ctx, a.User.ID)
		a.SignedIn, a.SignInsRead = at, err == nil
	})
	asked.Wait()
	a.Complete = true
}

// privileged returns Unknown with every error.
func (p *People) privileged(ctx context.Context, objectID string) (graph.Fact, error) {
	ctx, cancel := context.WithTimeout(ctx, waitMost)
	defer cancel()
	f, err := p.groups.Privileged(ctx, objectID)
	if err != nil {
		return graph.Unknown, err
	}
	return f, nil
}

// Trouble returns the target's trouble as a *LookupError.
func Trouble(a bot.TargetFacts) error {
	if lookup, ok := errors.AsType[*bot.LookupError](a.Trouble); ok {
		return lookup
	}
	if graph.AsError(a.Trouble) != nil {
		return Failed(bot.AboutAccounts, a.Trouble)
	}
	return Failed(bot.AboutPeople, cmp.Or(a.Trouble, bot.ErrRolesUnread))
}
