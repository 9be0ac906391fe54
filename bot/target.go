package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// found is the account that a command names, or the problem with it.
type found struct {
	user    graph.User
	slackID string
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
		case f.problem == "":
			f.user = who.accounts[0]
		}
		return f, nil
	case whom.ObjectID != "":
		u, err := p.account(ctx, whom.ObjectID)
		if graph.IsNotFound(err) {
			return found{problem: authz.NoAccount}, nil
		}
		if err != nil {
			return found{}, &LookupError{Where: atEntra, Err: err}
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
	user    graph.User
	slackID string
	// in are those of the policy's groups that the account is in, or may be.
	in         []string
	privileged graph.Fact
}

// targetNow reads all of it at once. The error is that of reading the account;
// what else could not be read is in the aim as unknown.
func (p *people) targetNow(ctx context.Context, objectID, slackID string) (aim, error) {
	a := aim{slackID: slackID}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() { a.user, err = p.account(ctx, objectID) })
	asked.Go(func() {
		in := p.memberships(ctx, slackID, objectID)
		a.in = slices.Concat(in.of, in.unsure)
		slices.Sort(a.in)
	})
	if p.roles {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookupWait)
			defer cancel()
			var unclear error
			if a.privileged, unclear = p.groups.Privileged(ctx, objectID); unclear != nil {
				a.privileged = graph.Unknown
			}
		})
	}
	asked.Wait()
	return a, err
}

// targetOf is targetNow for a request that exists. Where no Slack account is
// known, nobody can say more about Slack groups than when the card was made.
func (p *people) targetOf(ctx context.Context, r *Request) (aim, error) {
	a, err := p.targetNow(ctx, r.Target.ID, r.TargetSlackID)
	if r.TargetSlackID == "" {
		for _, name := range r.TargetIn {
			if !strings.HasPrefix(name, authz.EntraGroup) {
				a.in = append(a.in, name)
			}
		}
	}
	return a, err
}

// aimAt puts the target into a request.
func (r *Request) aimAt(a aim) {
	r.Words.DisplayName, r.Words.UPN = Clean(a.user.DisplayName, maxName), Clean(a.user.UPN, maxAddress)
	r.Target, r.TargetSlackID, r.TargetIn, r.Privileged = a.user, a.slackID, a.in, a.privileged
	r.Target.DisplayName, r.Target.UPN, r.Target.Mail = "", "", "" // names stand in Words alone
}

// slackIDOf finds the target's Slack account, to tell them afterwards and to
// know them when they click; empty where there is none that maps back to the
// same Entra account. The error says that Slack could not be asked.
func (p *people) slackIDOf(ctx context.Context, u graph.User) (string, error) {
	if id := p.mappedTo(u.ID); id != "" {
		return id, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	var lost error
	for _, address := range []string{u.Mail, u.UPN} {
		if address == "" {
			continue
		}
		m, err := p.slack.MemberByEmail(ctx, address)
		if e, ok := errors.AsType[*SlackError](err); ok && e.Code == "users_not_found" {
			continue
		}
		if err != nil {
			lost = err
			continue
		}
		if who, err := p.who(ctx, m.ID); err != nil {
			lost = err
		} else if who.actor.EntraID == u.ID {
			return m.ID, nil
		}
	}
	return "", lost
}
