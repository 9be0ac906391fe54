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
