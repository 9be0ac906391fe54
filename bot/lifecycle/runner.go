package lifecycle

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/work"
)

// Store is what a Runner asks of the store; bot.Store says what each method does.
type Store interface {
	bot.Ledger
	bot.Rulebook

	PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (bot.Request, bool, error)
	LastAccepted(ctx context.Context, targetID string) (time.Time, error)
	LastRevoke(ctx context.Context, targetID, but string) (bot.Request, bool, error)
	Frozen(ctx context.Context) (bot.Freeze, bool, error)
}

// base is what every step needs: the store, Entra, the rules, and a way to store a change.
type base struct {
	cfg       bot.Config
	store     Store
	directory bot.Entra
	people    *lookup.People
	approvers *lookup.Rosters
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
	actor     string // in the audit rows of what it does by itself

	// Stored is called with the stored request after each change; nil for nobody.
	Stored func(*bot.Request)

	rules      bot.Rules   // from the start of this process
	otherRules atomic.Bool // whether HasOtherRules last read that others are in force
}

// judge says whether a decision still holds.
type judge struct {
	*base
	checks recentChecks
}

// withdrawer rechecks a decision before its call, and takes back one that does not hold.
type withdrawer struct{ *judge }

// Runner takes stored requests on: it reminds, expires, calls Microsoft, verifies and
// ends them. It tells nobody; Stored does.
//
// It is built in layers, so that each can be read alone. base (commit.go, rules.go,
// record.go, void.go) stores and reads; judge (judge.go) says whether a decision still holds;
// withdrawer (recheck.go, withdraw.go) takes one back that does not; Runner
// (advance.go, call.go, result.go, verify.go, pending.go) goes on with a request.
type Runner struct {
	*withdrawer
	pool *work.Pool
	// Stalled is called with the ID of a request that cannot go on, so that people
	// are told; nil for nobody, as at a command line, which tells its operator itself.
	Stalled  func(ctx context.Context, id string)
	failures failures
	unsaved  sync.Map // the IDs of requests whose result waits for the database
}

// NewRunner makes a Runner whose audit rows name the actor.
func NewRunner(
	cfg bot.Config, store Store, directory bot.Entra, people *lookup.People, approvers *lookup.Rosters, pool *work.Pool, actor string,
) *Runner {
	b := &base{
		cfg: cfg, store: store, directory: directory, people: people, approvers: approvers, actor: actor,
		meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
		rules: bot.Rules{Policy: cfg.Policy.Digest, Operation: cfg.Operation, Fallback: cfg.Fallback, Channel: cfg.Channel},
	}
	return &Runner{withdrawer: &withdrawer{&judge{base: b}}, pool: pool}
}
