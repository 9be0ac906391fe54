package lifecycle

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/work"
)

// Runner takes stored requests on: it reminds, expires, calls Microsoft, verifies and
// ends them. It tells nobody; Stored does.
type Runner struct {
	cfg       bot.Config
	store     bot.Store
	directory bot.Entra
	people    *lookup.People
	approvers *lookup.Rosters
	pool      *work.Pool
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
	actor     string // in the audit rows of what it does by itself

	// Stored is called with the stored request after each change; nil for nobody.
	Stored func(*bot.Request)
	// Stalled is called with the ID of a request that cannot go on, so that people
	// are told.
	Stalled func(ctx context.Context, id string)

	rules      bot.Rules   // from the start of this process
	otherRules atomic.Bool // whether HasOtherRules last read that others are in force
	failures   failures
	checks     recentChecks
	unsaved    sync.Map // the IDs of requests whose result waits for the database
}

// NewRunner makes a Runner whose audit rows name the actor.
func NewRunner(
	cfg bot.Config, store bot.Store, directory bot.Entra, people *lookup.People, approvers *lookup.Rosters, pool *work.Pool, actor string,
) *Runner {
	return &Runner{
		cfg: cfg, store: store, directory: directory, people: people, approvers: approvers, pool: pool, actor: actor,
		meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
		rules: bot.Rules{Policy: cfg.Policy.Digest, Operation: cfg.Operation, Fallback: cfg.Fallback, Channel: cfg.Channel},
	}
}
