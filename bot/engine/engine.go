// Package engine puts the rooms of the bot together and runs its clock: what arrives goes
// to intake, what is due to lifecycle and notify.
package engine

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/intake"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/notify"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/witness"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

func (b *Bot) handling(a bot.Arrival) work.Piece {
	return work.Piece{Do: func(ctx context.Context) { b.handler.Handle(ctx, a) }, Arrival: &a, By: a.UserID, Later: !a.Decides()}
}

// apologize tells whoever clicked that it waits: the ack of a click carries no
// words. It never holds anything up, and where many wait, not all are told.
func (b *Bot) apologize(a bot.Arrival) {
	if a.ResponseURL == "" {
		return
	}
	b.pool.Courtesy(func(ctx context.Context) {
		if err := b.teller.Respond(ctx, a.ResponseURL, message.Busy(b.cfg.Emergency)); err != nil {
			b.log.Info("somebody whose click waits could not be told", "arrival", a.ID, "request", a.Names(), "user", a.UserID, "error", err)
		}
	})
}

// workers bounds what is being carried out at once; what finds no place waits: see
// work.Pool.
const workers = 256

// Bot carries out what arrives and what is due. All its methods may be called
// at once; several bots may share one store.
type Bot struct {
	cfg       bot.Config
	store     bot.Store
	slack     *slackapi.Client
	directory bot.Entra
	approvers *lookup.Rosters
	pool      *work.Pool
	teller    *notify.Teller
	run       *lifecycle.Runner
	handler   *intake.Handler
	// lastPreflight is when the last began, in nanoseconds since 1970, and earlier
	// where the next must not wait so long.
	lastPreflight atomic.Int64
	// lastReach is what was last known of whether administrators can be revoked.
	lastReach atomic.Pointer[graph.Fact]
	replicas  atomic.Int64              // that live
	looked    time.Time                 // when the clock last looked for what is due
	ticked    atomic.Pointer[time.Time] // when the clock last finished a round
	health    health
	clock     clockWatch
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
}

// New makes a Bot. Run must be called for it to see what is due.
func New(cfg bot.Config, store bot.Store, slack *slackapi.Client, entra bot.Entra) *Bot {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Meter == nil {
		cfg.Meter = bot.Unmetered{}
	}
	if cfg.Witness != nil {
		store, entra = witness.Store(store, cfg.Witness), witness.Entra(entra, cfg.Witness)
	}
	b := &Bot{cfg: cfg, store: store, slack: slack, meter: cfg.Meter, log: cfg.Log, now: cfg.Now, clock: clockWatch{steady: cfg.Steady}}
	b.directory = heardEntra{entra, b.hearCall}
	budget := lookup.NewBudget(cfg.Now, b.Replicas, cfg.Timing.AskEvery <= 0)
	people := lookup.NewPeople(slack, b.directory, &cfg.Policy, cfg.Now, budget)
	// With a memory of its own: counting the approvers must not make what was
	// known of them then count at their click.
	b.approvers = &lookup.Rosters{People: lookup.NewPeople(slack, b.directory, &cfg.Policy, cfg.Now, budget), Names: cfg.Policy.Approvers,
		Now: cfg.Now}
	b.pool = work.NewPool(cfg.Log, cfg.Now, workers, store.HandBack)
	b.run = lifecycle.NewRunner(cfg, store, b.directory, people, b.approvers, b.pool, bot.BotActor)
	b.teller = notify.NewTeller(cfg, store, slack, b.approvers, b.pool)
	b.teller.OtherRules, b.teller.Meanwhile = b.run.HasOtherRules, b.run.Meanwhile
	b.run.Stored = func(r *bot.Request) { b.pool.Admit(b.telling(r)) }
	b.run.Stalled = b.teller.Stall
	b.handler = intake.NewHandler(cfg, store, people, b.approvers, budget, b.run, b.teller)
	slack.Hear(b.hearSlack)
	b.tick()
	return b
}

// telling is the telling of a request that was just stored.
func (b *Bot) telling(r *bot.Request) work.Piece {
	return work.Piece{Do: func(ctx context.Context) { b.teller.Tell(ctx, r.ID) }, By: r.Requester().SlackID, Later: r.State == bot.Pending}
}

// Receive stores what came through the socket. next carries it out and must
// be called after the ack; it is nil for what had arrived before. reply says
// that a command has to wait, where it has. With an error nothing was stored, but
// for ErrUnclear, which may have been and is then found by the clock. It implements
// listen.Inbox.
func (b *Bot) Receive(ctx context.Context, a bot.Arrival) (reply any, next func(), err error) {
	stored, fresh, err := b.store.Receive(ctx, a)
	if err != nil || !fresh {
		return nil, nil, err
	}
	b.log.Info("arrived", "arrival", stored.ID, "envelope", stored.Envelope, "kind", stored.Kind, "user", stored.UserID,
		"request", stored.Names())
	busy := b.pool.Busy()
	if busy && a.Kind == bot.CommandArrival {
		reply = message.Privately(message.Busy(b.cfg.Emergency))
	}
	return reply, func() {
		if busy && a.Kind == bot.ClickArrival {
			b.apologize(stored)
		}
		b.pool.Admit(b.handling(stored))
	}, nil
}

// Load returns how many pieces of work are under way, how many wait in memory
// for one of them to end, and how many may be under way at once. More may wait
// in the database.
func (b *Bot) Load() (running, waiting, places int) { return b.pool.Load() }

// RecordPolicy writes down which rules decide what follows, and puts them in
// force. It must come before anything is received.
func (b *Bot) RecordPolicy(ctx context.Context) error { return b.run.RecordPolicy(ctx) }

// OtherRulesInForce reports whether this process was, when it last looked, one that
// must not confirm because another one was started later with other rules.
func (b *Bot) OtherRulesInForce() bool { return b.run.OtherRulesInForce() }
