// Package bot is the product: the request and its state machine, commands,
// decisions, the revoke and what is said about it. It knows Slack's Web API
// and messages, asks authz who may, and speaks of Entra in graph's words. It
// never imports its adapters: the socket (bot/listen), the database
// (bot/store) and the Graph SDK (graph/msgraph) are handed to it.
//
// Everything follows one order: persist, then ack, then act, then tell.
package bot

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Config is what a Bot is told once.
type Config struct {
	Home Workspace
	// Channel is the ID of the channel that gets the cards.
	Channel string
	// Policy is who may do what to whom.
	Policy authz.Policy
	// Emergency is what to do when nobody answers; it may be empty.
	Emergency string
	// Operation is what a confirmation has Microsoft do, and Fallback what is
	// done where that is gone or not permitted; empty for nothing else.
	Operation, Fallback graph.Operation
	Timing              Timing
	Log                 *slog.Logger
	// Meter counts what is done; nil for nobody.
	Meter Meter
	// Now is the clock; nil for the real one.
	Now func() time.Time
	// Steady is what has passed on a clock that nobody sets, to compare Now with;
	// nil where Now is a test's.
	Steady func() time.Duration
	// Witness is for tests; nil for none.
	Witness Witness
}

// Timing holds every duration that a person may notice. Tests shorten it.
type Timing struct {
	Tick    time.Duration // of the clock that picks up what is due
	Attempt time.Duration // one call to Graph; shorter than ClaimFor
	// SecondPost is how long after a POST of unknown effect the next may follow.
	SecondPost time.Duration
	// Settle are the pauses between reads while the outcome is unknown, and
	// Verify those after a yes; the last of Settle repeats.
	Settle, Verify []time.Duration
	// Recheck are the later reads of what was not visible at first.
	Recheck []time.Duration
	// Patience is how long an approved request waits for Microsoft in all.
	Patience time.Duration
	// Heartbeat is how often Slack is asked whether it still knows the bot;
	// Microsoft is asked half as often. 0 for never.
	Heartbeat time.Duration
	// AskEvery is how often one person may ask, once they have asked a few times
	// in a row. With 0 nobody counts what asks have looked up.
	AskEvery time.Duration
}

// DefaultTiming is what production uses.
func DefaultTiming() Timing {
	return Timing{
		Tick:       time.Second,
		Attempt:    8 * time.Second,
		SecondPost: 15 * time.Second,
		Settle:     []time.Duration{2 * time.Second, 5 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute},
		Verify:     []time.Duration{500 * time.Millisecond, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second},
		Recheck:    []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour},
		Patience:   30 * time.Minute,
		Heartbeat:  time.Minute,
		AskEvery:   6 * time.Second,
	}
}

const (
	// workers bounds what is being carried out at once; what finds no place
	// waits: see backlog.go.
	workers = 256
	// maxHandled is how often one arrival is tried before somebody is told
	// that it does not work.
	maxHandled = 6
)

// Bot carries out what arrives and what is due. All its methods may be called
// at once; several bots may share one store.
type Bot struct {
	cfg       Config
	store     Store
	slack     *Slack
	directory Entra
	people    *people
	approvers *rosters
	budget    *budget
	allowance *allowance
	channel   *memory[ChannelProblem]
	actor     string // in the audit rows of what it does by itself
	// lastPreflight is when the last began, in nanoseconds since 1970, and earlier
	// where the next must not wait so long.
	lastPreflight atomic.Int64
	// lastReach is what was last known of whether administrators can be revoked.
	lastReach  atomic.Pointer[graph.Fact]
	drawnUnder atomic.Pointer[[sha256.Size]byte] // the outlook when open requests were last told again
	seenShut   atomic.Pointer[ChannelProblem]    // what the last look at the approvers' channel found
	lastShut   atomic.Pointer[shutAt]            // and what kept the last message from being posted there
	refused    refusals
	unposted   refusals                  // cards whose content was refused, by request
	replicas   atomic.Int64              // that live
	rules      Rules                     // that this process was started with
	otherRules atomic.Bool               // others are in force, when it last looked
	looked     time.Time                 // when the clock last looked for what is due
	ticked     atomic.Pointer[time.Time] // when the clock last finished a round
	health     health
	stumbles   stumbles
	lookedUp   lookedUp
	clock      clockWatch
	meter      Meter
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
	waiting  turns[*piece]
	left     []Arrival // claimed, and not begun; for the clock to hand back
	stopped  bool
}

// New makes a Bot. Run must be called for it to see what is due.
func New(cfg Config, store Store, slack *Slack, entra Entra) *Bot {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Witness != nil {
		store, entra = seenStore{store, cfg.Witness}, seenEntra{entra, cfg.Witness}
	}
	if cfg.Meter == nil {
		cfg.Meter = unmetered{}
	}
	var b *Bot
	entra = heardEntra{entra, func(err error) { b.hearCall(err) }}
	b = &Bot{
		cfg: cfg, store: store, slack: slack, directory: entra,
		allowance: newAllowance(cfg.Timing.AskEvery), meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
		clock: clockWatch{steady: cfg.Steady}, actor: botActor, slots: make(chan struct{}, workers),
		wake: make(chan struct{}, 1), courtesy: make(chan struct{}, courtesies),
	}
	b.rules = Rules{Policy: cfg.Policy.Digest, Operation: cfg.Operation, Fallback: cfg.Fallback, Channel: cfg.Channel}
	b.budget = newBudget(cfg.Now, b.Replicas, cfg.Timing.AskEvery <= 0)
	b.people = newPeople(slack, entra, &cfg.Policy, cfg.Now, b.budget)
	// With a memory of its own: counting the approvers must not make what was
	// known of them then count at their click.
	b.approvers = &rosters{people: newPeople(slack, entra, &cfg.Policy, cfg.Now, b.budget), names: cfg.Policy.Approvers, now: cfg.Now}
	b.channel = newMemory(cfg.Now, subject{where: atSlack}, slack.ChannelProblem)
	// Whoever has invited the bot reads at once that it is there.
	b.channel.keeps = func(problem ChannelProblem) bool { return problem == "" }
	b.work, b.abandon = context.WithCancel(context.Background())
	slack.hear(b.hearSlack)
	b.tick()
	return b
}

// Receive stores what came through the socket. next carries it out and must
// be called after the ack; it is nil for what had arrived before. reply says
// that a command has to wait, where it has. With an error nothing was stored, but
// for ErrUnclear, which may have been and is then found by the clock. It implements
// listen.Inbox.
func (b *Bot) Receive(ctx context.Context, a Arrival) (reply any, next func(), err error) {
	stored, fresh, err := b.store.Receive(ctx, a)
	if err != nil || !fresh {
		return nil, nil, err
	}
	b.log.Info("arrived", "arrival", stored.ID, "envelope", stored.Envelope, "kind", stored.Kind, "user", stored.UserID, "request", stored.names())
	busy := b.busy()
	if busy && a.Kind == CommandArrival {
		reply = Busy(b.cfg.Emergency).privately()
	}
	return reply, func() {
		if busy && a.Kind == ClickArrival {
			b.apologize(stored)
		}
		b.admit(b.handling(stored))
	}, nil
}

// handle carries out one arrival, which is claimed.
func (b *Bot) handle(ctx context.Context, a Arrival) {
	deadline := stepDeadline
	if a.Tries == 1 {
		deadline -= max(0, b.now().Sub(a.ReceivedAt)) // claimed when it was received
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ctx = lookingUp(ctx, b.purpose(a))
	log := b.log.With("arrival", a.ID, "envelope", a.Envelope, "kind", a.Kind, "user", a.UserID, "request", a.names())
	var err error
	switch {
	case a.Tries > maxHandled:
		// It was settled by none of them, so it changed nothing.
		err = b.refuse(ctx, a, Entry{Wanted: string(a.Kind), Reason: string(GaveUp)}, Refusal(GaveUp, nil, b.view(ctx, nil, "")))
	case a.Kind == CommandArrival:
		err = b.command(ctx, a)
	case a.Kind == ClickArrival:
		err = b.click(ctx, a)
	case a.Kind == FormArrival:
		err = b.form(ctx, a)
	default:
		err = b.store.Record(ctx, a.ID)
	}
	if err != nil {
		// Nothing was settled: the claim lapses and it is tried again.
		log.Error("carry out what arrived", "error", err)
	}
}

// view is what messages need to know beside the request, which may be nil.
func (b *Bot) view(ctx context.Context, r *Request, link string) View {
	names, known := b.cfg.Policy.Approvers, b.approvers.latest()
	v := View{Now: b.now(), Approvers: known.mentions(names, known.people), Emergency: b.cfg.Emergency, CardLink: link, Policy: &b.cfg.Policy, Patience: b.cfg.Timing.Patience}
	about := ""
	if r != nil {
		about = r.ID
		v.Deciders = slices.DeleteFunc(known.mentions(names, known.able(r, b.check)), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.targetSlackIDs(), name)
		})
		v.Able = direct(v.Deciders, known.able(r, b.check))
		v.Readers, v.Guessed = known.readers(r, names, b.check), known.trouble != nil || known.at.IsZero()
	} else {
		v.Able = b.ableToFreeze(known)
	}
	// Where it cannot be read, nothing is said of a freeze.
	f, on, err := b.store.Frozen(ctx)
	if err != nil {
		b.log.Error("read whether a freeze is on", "request", about, "error", err)
	}
	if on {
		v.Freeze = &f
	}
	return v
}

// check asks authz by the policy in force, leaving any freeze aside.
func (b *Bot) check(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
	return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: b.cfg.Policy})
}

// commit stores a change and has it told. It answers ErrConflict or ErrTaken
// as the store does.
func (b *Bot) commit(ctx context.Context, c Change) (Request, error) {
	r, err := b.store.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	b.meter.Changed(&r, c.Audit, b.now())
	for _, e := range c.Audit {
		b.log.Info("request", "request", e.Request, "arrival", c.Settles, "action", e.Action, "actor", e.Actor, "state", r.State, "reason", e.Reason,
			"outcome", e.Outcome, "status", e.Status, "code", e.Code, "graph_request_id", e.RequestID, "client_request_id", e.ClientRequestID)
	}
	if r.AtConsole() {
		return r, nil // nobody reads of it in Slack
	}
	b.admit(b.telling(&r))
	if c.Successor != nil {
		b.admit(b.telling(c.Successor))
	}
	return r, nil
}

// refuse records that somebody was not allowed something, settles the arrival
// and tells them why, privately.
func (b *Bot) refuse(ctx context.Context, a Arrival, e Entry, m Message) error {
	e.Action, e.Actor, e.Origin = "refused", a.UserID, a.origin()
	if err := b.store.Record(ctx, a.ID, e); err != nil {
		return err
	}
	b.meter.Refused(&e)
	b.log.Info("refused", "request", e.Request, "arrival", a.ID, "wanted", e.Wanted, "reason", e.Reason, "user", a.UserID)
	b.answer(ctx, a, m)
	return nil
}

// refuseFor is refuse with the reason's own sentence; r may be nil.
func (b *Bot) refuseFor(ctx context.Context, a Arrival, e Entry, reason authz.Reason, r *Request) error {
	return b.refuse(ctx, a, withReason(e, reason), Refusal(reason, r, b.viewFor(ctx, a, r)))
}

// viewFor is the view of one reader, to whom something is refused: its Approvers are
// those who could act instead, as far as is known.
func (b *Bot) viewFor(ctx context.Context, a Arrival, r *Request) View {
	v := b.view(ctx, r, "")
	known := b.approvers.latest()
	if known.at.IsZero() {
		known = b.approvers.fresh(ctx) // the bot has just started
	}
	v.Reader, v.Approvers = a.UserID, known.others(b.cfg.Policy.Approvers, a.UserID, b.check)
	return v
}

// answer says m only to whoever acted: at the place where they acted, or else
// by direct message.
func (b *Bot) answer(ctx context.Context, a Arrival, m Message) {
	err := errors.New("no response_url")
	if a.ResponseURL != "" {
		err = b.respond(ctx, a.ResponseURL, m)
	}
	if err == nil {
		return
	}
	if _, _, direct := b.post(ctx, "answer", a.UserID, "", m); direct != nil {
		b.log.Warn("a private answer reached nobody", "arrival", a.ID, "request", a.names(), "user", a.UserID, "response_url_error", err, "direct_error", direct, "remedy", directRemedy(direct))
	}
}

// names is the ID of the request that a button names, which is not yet known to
// exist; empty for everything else.
func (a Arrival) names() string {
	if a.Kind == ClickArrival && requestID.MatchString(a.Value) {
		return a.Value
	}
	return ""
}

// origin names the place of an act for the audit chain.
func (a Arrival) origin() string {
	switch a.Kind {
	case ClickArrival:
		return "click " + a.ChannelID + "/" + a.MessageTS
	case FormArrival:
		if a.MessageTS != "" {
			return "form on " + a.ChannelID + "/" + a.MessageTS
		}
		return "form"
	}
	return "command " + a.ChannelID
}
