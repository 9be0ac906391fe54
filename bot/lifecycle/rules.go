package lifecycle

import (
	"context"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

// RecordPolicy writes down which rules decide what follows, and puts them in
// force. It must come before anything is received.
func (rn *Runner) RecordPolicy(ctx context.Context) error {
	return rn.store.EnterRules(ctx, rn.rules, bot.Entry{
		Actor: rn.actor, Digest: rn.cfg.Policy.Digest, Action: "policy_loaded",
		Operation: string(rn.cfg.Operation), Origin: "cards in " + rn.cfg.Channel,
	})
}

// under are the rules that a call of a stored decision must be within. What somebody
// at a command line has decided is theirs, whatever Bot goes on with it.
func (rn *Runner) under(r *bot.Request) string {
	if r.AtConsole() {
		return ""
	}
	return rn.rules.Digest()
}

// RulesDigest is the digest of the rules that this process was started with.
func (rn *Runner) RulesDigest() string { return rn.rules.Digest() }

// HasOtherRules reads whether other rules are in force than this process's.
func (rn *Runner) HasOtherRules(ctx context.Context) (bool, error) {
	in, err := rn.store.RulesInForce(ctx)
	if err != nil {
		return false, fmt.Errorf("read which rules are in force: %w", err)
	}
	others := in.Digest != "" && in.Digest != rn.rules.Digest()
	if rn.otherRules.Swap(others) != others {
		if others {
			rn.log.Error("this replica was started with older rules than another one: it confirms and calls nothing until it is restarted", "policy_digest", rn.cfg.Policy.Digest, "problem", "other_rules", "remedy", remedyOtherRules)
		} else {
			rn.log.Info("this replica has the rules that were started last again", "policy_digest", rn.cfg.Policy.Digest)
		}
	}
	return others, nil
}

// remedyOtherRules is for whoever runs the bot.
const remedyOtherRules = "Restart every replica with the same policy, REVOKE_APPROVERS, REVOKE_CHANNEL, REVOKE_OPERATION and REVOKE_FALLBACK; the rules of the last start count."

// OtherRulesInForce reports whether this process was, when it last looked, one that
// must not confirm because another one was started later with other rules.
func (rn *Runner) OtherRulesInForce() bool { return rn.otherRules.Load() }

// OtherRulesPause is how long a row that must not go on here is left to others.
const OtherRulesPause = 5 * time.Second

// leaveToOthers leaves a request alone that only a replica with the rules in force
// may go on with. The card says so, once.
func (rn *Runner) leaveToOthers(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if !r.OtherRules {
		e := r.Entry(r.State, rn.actor)
		e.Action, e.Reason = "held", string(bot.OtherRules)
		c.Audit = []bot.Entry{e}
	}
	r.OtherRules, r.DueAt = true, rn.now().UTC().Add(OtherRulesPause)
	c.Request = r
	r, err = rn.Commit(ctx, c)
	return false, r, err
}
