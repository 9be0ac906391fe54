package engine

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/turns"
	"revoke-sessions/bot/witness"
	"revoke-sessions/graph"
)

func (b *Bot) handling(a bot.Arrival) piece {
	return piece{do: func(ctx context.Context) { b.handle(ctx, a) }, arrival: &a, by: a.UserID, later: !a.Decides()}
}

// apologize tells whoever clicked that it waits: the ack of a click carries no
// words. It never holds anything up, and where many wait, not all are told.
func (b *Bot) apologize(a bot.Arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped || a.ResponseURL == "" {
		return
	}
	select {
	case b.courtesy <- struct{}{}:
	default:
		return
	}
	b.running.Go(func() {
		defer func() { <-b.courtesy }()
		ctx, cancel := context.WithTimeout(b.work, courtesyWait)
		defer cancel()
		if err := b.respond(ctx, a.ResponseURL, message.Busy(b.cfg.Emergency)); err != nil {
			b.log.Info("somebody whose click waits could not be told", "arrival", a.ID, "request", a.Names(), "user", a.UserID, "error", err)
		}
	})
}

// Config is what a Bot is told once.
type Config struct {
	Home bot.Workspace
	// Channel is the ID of the channel that gets the cards.
	Channel string
	// Policy is who may do what to whom.
	Policy authz.Policy
	// Emergency is what to do when nobody answers; it may be empty.
	Emergency string
	// Operation is what a confirmation has Microsoft do, and Fallback what is
	// done where that is gone or not permitted; empty for nothing else.
	Operation, Fallback graph.Operation
	Timing              bot.Timing
	Log                 *slog.Logger
	// Meter counts what is done; nil for nobody.
	Meter bot.Meter
	// Now is the clock; nil for the real one.
	Now func() time.Time
	// Steady is what has passed on a clock that nobody sets, to compare Now with;
	// nil where Now is a test's.
	Steady func() time.Duration
	// Witness is for tests; nil for none.
	Witness bot.Witness
}

const (
	// workers bounds what is being carried out at once; what finds no place
	// waits: see backlog.go.
	workers = 256
)

// Bot carries out what arrives and what is due. All its methods may be called
// at once; several bots may share one store.
type Bot struct {
	cfg       Config
	store     bot.Store
	slack     *slackapi.Client
	directory bot.Entra
	people    *lookup.People
	approvers *lookup.Rosters
	budget    *lookup.Budget
	allowance *lookup.Allowance
	channel   *lookup.Cache[bot.ChannelProblem]
	actor     string // in the audit rows of what it does by itself
	// lastPreflight is when the last began, in nanoseconds since 1970, and earlier
	// where the next must not wait so long.
	lastPreflight atomic.Int64
	// lastReach is what was last known of whether administrators can be revoked.
	lastReach  atomic.Pointer[graph.Fact]
	drawnUnder atomic.Pointer[[sha256.Size]byte]  // the outlook when open requests were last told again
	seenShut   atomic.Pointer[bot.ChannelProblem] // what the last look at the approvers' channel found
	lastShut   atomic.Pointer[shutAt]             // and what kept the last message from being posted there
	refused    slackapi.Refusals
	unposted   slackapi.Refusals         // cards whose content was refused, by request
	replicas   atomic.Int64              // that live
	rules      bot.Rules                 // that this process was started with
	otherRules atomic.Bool               // others are in force, when it last looked
	looked     time.Time                 // when the clock last looked for what is due
	ticked     atomic.Pointer[time.Time] // when the clock last finished a round
	health     health
	stumbles   stumbles
	lookedUp   lookedUp
	clock      clockWatch
	meter      bot.Meter
	log        *slog.Logger
	now        func() time.Time

	work    context.Context // of everything under way
	abandon context.CancelFunc
	slots   chan struct{} // a token for each piece of work under way
	// wake has the clock look at once: it is its turn.
	wake     chan struct{}
	courtesy chan struct{} // a token for each who is being told that it waits
	running  sync.WaitGroup
	answers  sync.Map // of Microsoft's that wait for the database, by request
	mu       sync.Mutex
	waiting  turns.Queue[*piece]
	left     []bot.Arrival // claimed, and not begun; for the clock to hand back
	stopped  bool
}

// New makes a Bot. Run must be called for it to see what is due.
func New(cfg Config, store bot.Store, slack *slackapi.Client, entra bot.Entra) *Bot {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Witness != nil {
		store, entra = witness.Store(store, cfg.Witness), witness.Entra(entra, cfg.Witness)
	}
	if cfg.Meter == nil {
		cfg.Meter = unmetered{}
	}
	var b *Bot
	entra = heardEntra{entra, func(err error) { b.hearCall(err) }}
	b = &Bot{
		cfg: cfg, store: store, slack: slack, directory: entra,
		allowance: lookup.NewAllowance(cfg.Timing.AskEvery), meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
		clock: clockWatch{steady: cfg.Steady}, actor: bot.BotActor, slots: make(chan struct{}, workers),
		wake: make(chan struct{}, 1), courtesy: make(chan struct{}, courtesies),
	}
	b.rules = bot.Rules{Policy: cfg.Policy.Digest, Operation: cfg.Operation, Fallback: cfg.Fallback, Channel: cfg.Channel}
	b.budget = lookup.NewBudget(cfg.Now, b.Replicas, cfg.Timing.AskEvery <= 0)
	b.people = lookup.NewPeople(slack, entra, &cfg.Policy, cfg.Now, b.budget)
	// With a memory of its own: counting the approvers must not make what was
	// known of them then count at their click.
	b.approvers = &lookup.Rosters{People: lookup.NewPeople(slack, entra, &cfg.Policy, cfg.Now, b.budget), Names: cfg.Policy.Approvers, Now: cfg.Now}
	b.channel = lookup.NewCache(cfg.Now, bot.Subject{Where: bot.AtSlack}, slack.ChannelProblem)
	// Whoever has invited the bot reads at once that it is there.
	b.channel.Keeps = func(problem bot.ChannelProblem) bool { return problem == "" }
	b.work, b.abandon = context.WithCancel(context.Background())
	slack.Hear(b.hearSlack)
	b.tick()
	return b
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
	b.log.Info("arrived", "arrival", stored.ID, "envelope", stored.Envelope, "kind", stored.Kind, "user", stored.UserID, "request", stored.Names())
	busy := b.busy()
	if busy && a.Kind == bot.CommandArrival {
		reply = message.Privately(message.Busy(b.cfg.Emergency))
	}
	return reply, func() {
		if busy && a.Kind == bot.ClickArrival {
			b.apologize(stored)
		}
		b.admit(b.handling(stored))
	}, nil
}

// unmetered is a Meter that counts nothing.
type unmetered struct{}

func (unmetered) Changed(*bot.Request, []bot.Entry, time.Time) {}

func (unmetered) Refused(*bot.Entry) {}
