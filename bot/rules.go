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

// Rules are what a process decides and revokes by. Replicas with different rules would
// let people choose: somebody taken off the list could click until the replica with the
// older list gets the click. So the rules of the process that started last are in
// force. A process with other rules confirms nothing and calls nothing. The last start
// counts, not the newest file, so that going back to an older policy works.
type Rules struct {
	// Policy is the digest of the policy, approvers included.
	Policy string
	// Operation, Fallback and Channel are as in Config.
	Operation, Fallback graph.Operation
	Channel             string
}

// Digest is one hexadecimal string for all of them.
func (r Rules) Digest() string {
	h := sha256.New()
	for _, part := range []string{r.Policy, string(r.Operation), string(r.Fallback), r.Channel} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// RulesInForce are the rules of the Bot that started last.
type RulesInForce struct {
	// Digest is that of the Rules, Policy that of the policy alone. Both are empty if
	// no rules were entered, or only by a version that did not record them.
	Digest, Policy string
	Since          time.Time
	// Live is how many processes work on the store, and Others how many of them have
	// other rules, as of their last Beat.
	Live, Others int
}

// Rulebook stores which rules are in force.
type Rulebook interface {
	// EnterRules puts rules in force and writes their audit row. From then on, Beat
	// notes that this process has them.
	EnterRules(ctx context.Context, rules Rules, row Entry) error
	// RulesInForce reads them.
	RulesInForce(ctx context.Context) (RulesInForce, error)
}

// ErrOtherRules: the rules in force are not those that the change was decided by.
// Nothing was stored.
var ErrOtherRules = errors.New("other rules are in force")
