package console

import (
	"context"
	"fmt"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

// notOne is the refusal of a name that leads to no account, or to several.
func notOne(problem authz.Reason, whom bot.Whom) error {
	named := whom.ObjectID
	if named == "" {
		named = bot.Clean(whom.Address, bot.MaxAddress)
	}
	if problem == authz.SeveralAccounts {
		return &RefusedError{problem, "There is more than one account for " + named + ". Use the user principal name or the object ID."}
	}
	return &RefusedError{problem, "There is no account for " + named +
		". Check the name. It can be a user principal name, an e-mail address or an object ID."}
}

// findTarget finds an account and reads its facts. While Microsoft asks to wait, it waits.
func (c *Console) findTarget(ctx context.Context, whom bot.Whom) (t bot.TargetFacts, err error) {
	id := whom.ObjectID
	if id == "" {
		var meant lookup.Match
		err := c.patiently(ctx, func() (err error) { meant, err = c.people.Target(ctx, whom); return err })
		if err != nil {
			return t, err
		}
		if meant.Problem != "" {
			return t, notOne(meant.Problem, whom)
		}
		id = meant.User.ID
	}
	err = c.patiently(ctx, func() (err error) { t, err = c.look(ctx, id, nil, false); return err })
	switch {
	case graph.IsNotFound(err):
		return t, notOne(authz.NoAccount, whom)
	case err != nil:
		return t, lookup.Failed(bot.AboutAccounts, err)
	}
	return t, nil
}

// Look finds an account and says what a revoke of it would do. It writes nothing. While
// Microsoft asks to wait, it waits, until ctx ends. The error is a *RefusedError, a
// *LookupError or the store's.
func (c *Console) Look(ctx context.Context, whom bot.Whom, drill bool) (message.Preview, error) {
	t, err := c.findTarget(ctx, whom)
	if err != nil {
		return message.Preview{}, err
	}
	r := bot.Request{Lane: authz.ThirdParty, Drill: drill, Askers: []authz.Asker{{SlackID: c.operator}}}
	r.AimAt(t)
	var freeze bot.Freeze
	var frozen, others bool
	if c.store != nil {
		if others, err = c.otherPolicy(ctx); err != nil {
			return message.Preview{}, err
		}
		if freeze, frozen, err = c.store.Frozen(ctx); err != nil {
			return message.Preview{}, err
		}
		if r.RevokedBefore, err = c.store.LastAccepted(ctx, r.Target.ID); err != nil {
			return message.Preview{}, err
		}
	}
	now := c.cfg.Now().UTC()
	r.ID, r.State, r.CreatedAt, r.ExpiresAt = bot.NewID(), bot.Pending, now, now
	r.Operation, r.Fallback = c.cfg.Operation, c.cfg.Fallback
	matter := r.Matter()
	r.Need = 1
	r.Digest = bot.CardDigest(r.Target, r.Words.UPN, r.Operation, r.Fallback, r.Need)
	p := message.Preview{Request: r}
	switch {
	case c.run.OwnAccount(r.Target.ID):
		p.Refused, p.Why, p.Held = bot.OwnAccount, graph.Remedy(0, graph.CodeOwnAccount), true
		return p, nil
	case c.cfg.Policy.Require(t.Sure(matter)).Protected:
		p.Refused, p.Why = authz.TargetProtected, isProtected(c.cfg.Policy.Require(t.Sure(matter)))
	case c.cfg.Policy.Require(matter).Protected:
		p.Refused, p.Why = authz.TargetProtected, mayBeProtected(t)
	case frozen:
		p.Refused, p.Why = authz.Frozen, message.TerminalFreeze(&freeze)
	case others:
		p.Refused = bot.OtherRules
		p.Why = "This is not the policy that the bot on this database last started with. " +
			"Use the bot's policy file, or start the bot with this one."
	}
	if p.Refused != "" && c.override == "" {
		p.Held = true
		p.Why += overrideHint
	}
	return p, nil
}

// otherPolicy reports whether the operator's policy differs from that of the database's
// Bot. An older policy is no guard rail. No policy is fine: only a freeze refuses then.
func (c *Console) otherPolicy(ctx context.Context) (bool, error) {
	mine := c.cfg.Policy.Digest
	if mine == "" {
		return false, nil
	}
	in, err := c.store.RulesInForce(ctx)
	if err != nil {
		return false, err
	}
	return in.Policy != "" && in.Policy != mine, nil
}

// isProtected says what the policy asks for in Slack.
func isProtected(need authz.Requirement) string {
	const says = "The policy protects this account. "
	switch {
	case need.Blocked:
		return says + "In Slack nobody may revoke it."
	case need.Approvals == 1:
		return says + "In Slack this takes one approval."
	}
	return says + fmt.Sprintf("In Slack this takes %d approvals from different people.", need.Approvals)
}

// mayBeProtected says what is not known about an account.
func mayBeProtected(t bot.TargetFacts) string {
	if len(t.Unsure) > 0 {
		return "The policy may protect this account. It protects Slack users or groups, or groups that cannot be read, " +
			"and the command line cannot tell whether this account is one of them."
	}
	return "The policy protects privileged accounts. Whether this account holds a privileged role could not be read, " +
		"so it counts as privileged."
}

// patiently repeats ask while Microsoft asks to wait.
func (c *Console) patiently(ctx context.Context, ask func() error) error {
	for tries := 1; ; tries++ {
		err := ask()
		no := graph.AsError(err)
		if no == nil || !no.Retryable || no.RetryAfter <= 0 || tries >= bot.MaxTries || no.RetryAfter > c.cfg.Timing.Patience {
			return err
		}
		c.say(fmt.Sprintf("Microsoft asked the bot to wait %s. Then the account is read again.", message.Spell(no.RetryAfter)))
		if !work.Sleep(ctx, no.RetryAfter) {
			return err
		}
	}
}
