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

// Runner drives stored requests on: it reminds, expires, calls Microsoft, finds out,
// verifies and ends. It says nothing to anybody; Stored does.
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

	// Stored is called after each change of a request, with the request as it is
	// stored; nil for nobody. Stalled is called, with its ID, where a request cannot go
	// on and people must be told.
	Stored  func(*bot.Request)
	Stalled func(ctx context.Context, id string)

	rules      bot.Rules   // that this process was started with
	otherRules atomic.Bool // others are in force, when it last looked
	stumbles   stumbles
	lookedUp   lookedUp
	answers    sync.Map // of Microsoft's that wait for the database, by request
}

// NewRunner makes a Runner whose audit rows name the actor.
func NewRunner(cfg bot.Config, store bot.Store, directory bot.Entra, people *lookup.People, approvers *lookup.Rosters, pool *work.Pool, actor string) *Runner {
	return &Runner{
		cfg: cfg, store: store, directory: directory, people: people, approvers: approvers, pool: pool, meter: cfg.Meter, log: cfg.Log, now: cfg.Now, actor: actor,
		rules: bot.Rules{Policy: cfg.Policy.Digest, Operation: cfg.Operation, Fallback: cfg.Fallback, Channel: cfg.Channel},
	}
}
