// Package engine puts the packages of the bot together and runs its clock: arrivals go
// to intake, due work to lifecycle and notify.
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

// apologize tells the person that their click waits, because the ack of a click carries
// no words. It delays nothing; if many clicks wait, not everybody is told.
func (b *Bot) apologize(a bot.Arrival) {
	if a.ResponseURL == "" {
		return
	}
	b.pool.Courtesy(func(ctx context.Context) {
		if err := b.teller.Respond(ctx, a.ResponseURL, message.Busy(b.cfg.Emergency)); err != nil {
			b.log.Info("the person whose click waits could not be told", "arrival", a.ID, "request", a.Names(), "user", a.UserID, "error", err)
		}
	})
}

// workers limits how much work runs at once; the rest waits: see work.Pool.
const workers = 256

// Bot carries out what arrives and what is due. Its methods may be called concurrently,
// and several bots may share one store.
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
	*homes
	// lastPreflight is the start of the last preflight (Unix ns), backdated to make the
	// next one early.
	lastPreflight atomic.Int64
	// lastReach is the last known answer whether administrators can be revoked.
	lastReach atomic.Pointer[graph.Fact]
	replicas  atomic.Int64              // living processes
	looked    time.Time                 // when the clock last looked for due work
	ticked    atomic.Pointer[time.Time] // when the clock last finished a round
	health    health
	clock     clockWatch
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
}

// New makes a Bot. It picks up due work only while Run runs.
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
	// Uses its own cache: listing the approvers must not refresh the entries that
	// authorize a click.
	b.approvers = &lookup.Rosters{People: lookup.NewPeople(slack, b.directory, &cfg.Policy, cfg.Now, budget), Names: cfg.Policy.Approvers,
		Now: cfg.Now}
	b.pool = work.NewPool(cfg.Log, cfg.Now, workers, store.HandBack)
	b.run = lifecycle.NewRunner(cfg, store, b.directory, people, b.approvers, b.pool, bot.BotActor)
	b.teller = notify.NewTeller(cfg, store, slack, b.approvers, b.pool)
	b.teller.OtherRules, b.teller.Meanwhile = b.run.HasOtherRules, b.run.Meanwhile
	b.run.Stored = func(r *bot.Request) { b.pool.Admit(b.telling(r)) }
	b.run.Stalled = b.teller.Stall
	b.handler = intake.NewHandler(cfg, store, people, b.approvers, budget, b.run, b.teller)
	b.homes = &homes{store: store, pool: b.pool, handler: b.handler, log: cfg.Log}
	slack.Hear(b.hearSlack)
	b.tick()
	return b
}

// telling is the work of telling people about a request that was just stored.
func (b *Bot) telling(r *bot.Request) work.Piece {
	tell := func(ctx context.Context) { b.teller.Tell(ctx, r.ID) }
	return work.Piece{Do: b.homes.after(tell), By: r.Requester().SlackID, Later: r.State == bot.Pending}
}

// Receive stores what came through the socket. The caller must call next after the ack
// to carry it out; next is nil if it had arrived before. reply, if any, says that a
// command has to wait, or what is wrong with a form. With an error nothing was stored, except perhaps with
// ErrUnclear; the clock then finds it. Receive implements listen.Inbox.
func (b *Bot) Receive(ctx context.Context, a bot.Arrival) (reply any, next func(), err error) {
	stored, fresh, err := b.store.Receive(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	reply = b.handler.FormAck(a)
	if !fresh {
		return reply, nil, nil
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

// Load returns how many pieces of work run, how many wait for them in memory, and how
// many may run at once. More may wait in the database.
func (b *Bot) Load() (running, waiting, places int) { return b.pool.Load() }

// RecordPolicy records the rules of this process and puts them in force. Call it before
// anything is received.
func (b *Bot) RecordPolicy(ctx context.Context) error { return b.run.RecordPolicy(ctx) }

// OtherRulesInForce reports whether this process, when it last looked, must not confirm
// because another one was started later with other rules.
func (b *Bot) OtherRulesInForce() bool { return b.run.OtherRulesInForce() }
