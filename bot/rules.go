package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/graph"
)

// Rules are what a process decides and revokes by. Replicas that were started with
// different ones would let people choose between them: whoever was taken off the
// list would click until the replica with the older list got it. So the rules of
// the process that started last are in force, and whoever has others confirms
// and calls nothing. It is the last start that counts, not a newer file, so that
// going back to an older policy works.
type Rules struct {
	// Policy is the digest of the policy, approvers included.
	Policy string
	// Operation, Fallback and Channel are as in Config.
	Operation, Fallback graph.Operation
	Channel             string
}

// Digest is one string for all of them, in hexadecimal.
func (r Rules) Digest() string {
	h := sha256.New()
	for _, part := range []string{r.Policy, string(r.Operation), string(r.Fallback), r.Channel} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// RulesInForce are those that a Bot was started with last.
type RulesInForce struct {
	// Digest is that of the Rules, Policy that of the policy alone. Both are empty
	// where none were started, or only by a version that did not say so.
	Digest, Policy string
	Since          time.Time
	// Live is how many processes work on the store, and Others how many of them
	// have other rules, as far as was heard of them lately.
	Live, Others int
}

// Rulebook keeps which rules are in force.
type Rulebook interface {
	// EnterRules puts rules in force and writes the row that says so; Beat notes
	// from now on that this process has them.
	EnterRules(ctx context.Context, rules Rules, row Entry) error
	// RulesInForce reads them.
	RulesInForce(ctx context.Context) (RulesInForce, error)
}

// ErrOtherRules: other rules are in force than those that the change was decided
// by. Nothing was stored.
var ErrOtherRules = errors.New("other rules are in force")

// RecordPolicy writes down which rules decide what follows, and puts them in
// force. It must come before anything is received.
func (b *Bot) RecordPolicy(ctx context.Context) error {
	return b.store.EnterRules(ctx, b.rules, Entry{
		Actor: b.actor, Digest: b.cfg.Policy.Digest, Action: "policy_loaded",
		Operation: string(b.cfg.Operation), Origin: "cards in " + b.cfg.Channel,
	})
}

// under are the rules that a call of a stored decision must be within. What somebody
// at a command line has decided is theirs, whatever Bot goes on with it.
func (b *Bot) under(r *Request) string {
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
func (b *Bot) leaveToOthers(ctx context.Context, r Request) (again bool, _ Request, err error) {
	c := Change{}
	if !r.OtherRules {
		e := r.entry(r.State, b.actor)
		e.Action, e.Reason = "held", string(OtherRules)
		c.Audit = []Entry{e}
	}
	r.OtherRules, r.DueAt = true, b.now().UTC().Add(otherRulesPause)
	c.Request = r
	r, err = b.commit(ctx, c)
	return false, r, err
}
