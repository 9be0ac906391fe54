package engine

import (
	"context"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

// RecordPolicy writes down which rules decide what follows, and puts them in
// force. It must come before anything is received.
func (b *Bot) RecordPolicy(ctx context.Context) error {
	return b.store.EnterRules(ctx, b.rules, bot.Entry{
		Actor: b.actor, Digest: b.cfg.Policy.Digest, Action: "policy_loaded",
		Operation: string(b.cfg.Operation), Origin: "cards in " + b.cfg.Channel,
	})
}

// under are the rules that a call of a stored decision must be within. What somebody
// at a command line has decided is theirs, whatever Bot goes on with it.
func (b *Bot) under(r *bot.Request) string {
	if r.AtConsole() {
		return ""
	}
	return b.rules.Digest()
}

// hasOtherRules reads whether other rules are in force than this process's.
func (b *Bot) hasOtherRules(ctx context.Context) (bool, error) {
	in, err := b.store.RulesInForce(ctx)
	if err != nil {
		return false, fmt.Errorf("read which rules are in force: %w", err)
	}
	others := in.Digest != "" && in.Digest != b.rules.Digest()
	if b.otherRules.Swap(others) != others {
		if others {
			b.log.Error("this replica was started with older rules than another one: it confirms and calls nothing until it is restarted", "policy_digest", b.cfg.Policy.Digest, "problem", "other_rules", "remedy", remedyOtherRules)
		} else {
			b.log.Info("this replica has the rules that were started last again", "policy_digest", b.cfg.Policy.Digest)
		}
	}
	return others, nil
}

// remedyOtherRules is for whoever runs the bot.
const remedyOtherRules = "Restart every replica with the same policy, REVOKE_APPROVERS, REVOKE_CHANNEL, REVOKE_OPERATION and REVOKE_FALLBACK; the rules of the last start count."

// OtherRulesInForce reports whether this process was, when it last looked, one that
// must not confirm because another one was started later with other rules.
func (b *Bot) OtherRulesInForce() bool { return b.otherRules.Load() }

// otherRulesPause is how long a row that must not go on here is left to others.
const otherRulesPause = 5 * time.Second

// leaveToOthers leaves a request alone that only a replica with the rules in force
// may go on with. The card says so, once.
func (b *Bot) leaveToOthers(ctx context.Context, r bot.Request) (again bool, _ bot.Request, err error) {
	c := bot.Change{}
	if !r.OtherRules {
		e := r.Entry(r.State, b.actor)
		e.Action, e.Reason = "held", string(bot.OtherRules)
		c.Audit = []bot.Entry{e}
	}
	r.OtherRules, r.DueAt = true, b.now().UTC().Add(otherRulesPause)
	c.Request = r
	r, err = b.commit(ctx, c)
	return false, r, err
}
