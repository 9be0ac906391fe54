package lifecycle

import (
	"context"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

// RecordPolicy puts this process's rules in force and writes an audit row. Call it
// before anything is received.
func (k *base) RecordPolicy(ctx context.Context) error {
	return k.store.EnterRules(ctx, k.rules, bot.Entry{
		Actor: k.actor, Digest: k.cfg.Policy.Digest, Action: bot.ActPolicyLoaded,
		Operation: string(k.cfg.Operation), Origin: "cards in " + k.cfg.Channel,
	})
}

// rulesFor returns the digest of the rules that must be in force for a call. A decision
// from the command line depends on none.
func (k *base) rulesFor(r *bot.Request) string {
	if r.AtConsole() {
		return ""
	}
	return k.rules.Digest()
}

// RulesDigest returns the digest of the rules that this process started with.
func (k *base) RulesDigest() string { return k.rules.Digest() }

// HasOtherRules reads whether rules other than this process's are in force.
func (k *base) HasOtherRules(ctx context.Context) (bool, error) {
	in, err := k.store.RulesInForce(ctx)
	if err != nil {
		return false, fmt.Errorf("read which rules are in force: %w", err)
	}
	others := in.Digest != "" && in.Digest != k.rules.Digest()
	if k.otherRules.Swap(others) != others {
		if others {
			k.log.Error("this replica was started with older rules than another one: it confirms and calls nothing until it is restarted",
				"policy_digest", k.cfg.Policy.Digest, "problem", "other_rules", "remedy", remedyOtherRules)
		} else {
			k.log.Info("this replica has the rules in force again", "policy_digest", k.cfg.Policy.Digest)
		}
	}
	return others, nil
}

// remedyOtherRules tells the bot's owner what to do.
const remedyOtherRules = "Restart every replica with the same policy, REVOKE_APPROVERS, REVOKE_CHANNEL, " +
	"REVOKE_OPERATION and REVOKE_FALLBACK; the rules of the last start count."

// OtherRulesInForce reports what HasOtherRules last read: this process must not confirm,
// because another one started later with other rules.
func (k *base) OtherRulesInForce() bool { return k.otherRules.Load() }

// OtherRulesPause is how long work is left to a replica with the rules in force.
const OtherRulesPause = 5 * time.Second

// leaveToOtherReplica leaves a request to a replica with the rules in force. It writes
// one audit row for this.
func (k *base) leaveToOtherReplica(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if !r.OtherRules {
		e := r.Entry(r.State, k.actor)
		e.Action, e.Reason = bot.ActHeld, string(bot.OtherRules)
		c.Audit = []bot.Entry{e}
	}
	r.OtherRules, r.DueAt = true, k.now().UTC().Add(OtherRulesPause)
	c.Request = r
	r, err = k.Commit(ctx, c)
	return false, r, err
}
