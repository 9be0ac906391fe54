package bot

import (
	"context"

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
			return found{}, &LookupError{Where: "Microsoft Entra", Err: err}
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

// slackIDOf finds the target's Slack account, to tell them afterwards; empty
// where there is none that maps back to the same Entra account.
func (p *people) slackIDOf(ctx context.Context, u graph.User) string {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	for _, address := range []string{u.Mail, u.UPN} {
		if address == "" {
			continue
		}
		m, err := p.slack.MemberByEmail(ctx, address)
		if err != nil {
			continue
		}
		if who, err := p.who(ctx, m.ID); err == nil && who.actor.EntraID == u.ID {
			return m.ID
		}
	}
	return ""
}
