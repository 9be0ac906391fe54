package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/work"
	"revoke-sessions/graph"
)

// Console revokes for somebody at a command line, who decides alone and without
// Slack. Its requests are those of the Bot, with the same states and audit
// rows, in the same database, also beside a Bot that runs on it; what this
// process does not live to see the end of, that Bot looks after. Nobody reads
// of them in Slack, unless the policy is passed over: that Bot tells the
// approvers' channel.
//
// Whoever can run it holds the credential, and could call Graph without it. So
// the policy is a guard rail here and no authority: a protected account, a
// freeze and the limits refuse, unless they are passed over for a reason, which
// is on record.
type Console struct {
	cfg      bot.Config
	store    bot.Store // nil for one that only looks
	people   *lookup.People
	run      *lifecycle.Runner
	operator string
	override string
	beside   bool
	look     func(ctx context.Context, objectID string, known []string, find bool) (bot.TargetFacts, error)
	say      func(string)
	said     string
	policy   []bot.Entry // the row that says which policy it is, until it was stored
}

// Operator says who uses a Console.
type Operator struct {
	// Name is what the operating system calls them: name@host.
	Name string
	// Override is why they pass over what the policy says; empty if they do not.
	Override string
	// Reads says that they read each Preview, so that it also holds what no rule
	// goes by; that costs a look-up more.
	Reads bool
	// Say is told what is being waited for, a sentence at a time; nil for nobody.
	Say func(string)
	// Beside says that a Bot uses the database: it tells the approvers' channel
	// when the policy is passed over.
	Beside bool
}

// New makes a Console. Of the Config, Policy, Operation, Fallback,
// Timing, Log and Now are used. Without a store (nil) it can only Look.
func New(cfg bot.Config, store bot.Store, entra bot.Entra, who Operator) *Console {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Meter == nil {
		cfg.Meter = bot.Unmetered{}
	}
	alone := func() int { return 1 }
	budget := lookup.NewBudget(cfg.Now, alone, true)
	people := lookup.NewPeople(slackapi.Nowhere(), entra, &cfg.Policy, cfg.Now, budget)
	approvers := &lookup.Rosters{People: people, Names: cfg.Policy.Approvers, Now: cfg.Now}
	pool := work.NewPool(cfg.Log, cfg.Now, 1, func(context.Context, []bot.Arrival) error { return nil }) // nothing arrives
	c := &Console{
		cfg: cfg, store: store, people: people, run: lifecycle.NewRunner(cfg, store, entra, people, approvers, pool, bot.ConsoleActor),
		operator: bot.OperatorPrefix + bot.Clean(who.Name, bot.MaxName), override: bot.Clean(who.Override, bot.MaxReason), beside: who.Beside,
	}
	if c.look = people.TargetNow; who.Reads {
		c.look = people.Preview
	}
	c.say = func(sentence string) {
		if who.Say != nil && sentence != c.said {
			who.Say(sentence)
		}
		c.said = sentence
	}
	c.policy = []bot.Entry{{
		Action: "policy_loaded", Actor: c.operator, Digest: cfg.Policy.Digest, Operation: string(cfg.Operation), Origin: bot.ConsoleOrigin,
	}}
	return c
}

// RefusedError says why an account is not revoked: because nobody can tell which
// is meant, or because the policy is against it. Its text is for the operator;
// Microsoft was asked to change nothing.
type RefusedError struct {
	Reason authz.Reason
	Says   string
}

func (e *RefusedError) Error() string { return e.Says }

// notOne says that a name leads to no account, or to several.
func notOne(problem authz.Reason, whom bot.Whom) error {
	named := whom.ObjectID
	if named == "" {
		named = bot.Clean(whom.Address, bot.MaxAddress)
	}
	if problem == authz.SeveralAccounts {
		return &RefusedError{problem, "There is more than one account for " + named + ". Use the user principal name or the object ID."}
	}
	return &RefusedError{problem, "There is no account for " + named + ". Check it: a user principal name, an e-mail address or an object ID is needed."}
}

// Look finds an account and says what a revoke of it would do. It writes
// nothing. Where Microsoft asks to wait, it waits, until ctx ends. The error is
// a *RefusedError, a *LookupError or the store's.
func (c *Console) Look(ctx context.Context, whom bot.Whom, drill bool) (message.Preview, error) {
	id := whom.ObjectID
	if id == "" {
		var meant lookup.Match
		err := c.patiently(ctx, func() (err error) { meant, err = c.people.Target(ctx, whom); return err })
		if err != nil {
			return message.Preview{}, err
		}
		if meant.Problem != "" {
			return message.Preview{}, notOne(meant.Problem, whom)
		}
		id = meant.User.ID
	}
	var t bot.TargetFacts
	err := c.patiently(ctx, func() (err error) { t, err = c.look(ctx, id, nil, false); return err })
	switch {
	case graph.IsNotFound(err):
		return message.Preview{}, notOne(authz.NoAccount, whom)
	case err != nil:
		return message.Preview{}, lookup.Failed(bot.AboutAccounts, err)
	}
	r := bot.Request{Lane: authz.ThirdParty, Drill: drill, Askers: []authz.Asker{{SlackID: c.operator}}}
	r.AimAt(t)
	var freeze bot.Freeze
	var frozen, others bool
	if c.store != nil {
		if others, err = c.otherPolicy(ctx); err != nil {
			return message.Preview{}, err
		}
		if freeze, frozen, err = c.store.Frozen(ctx); err != nil {
			return message.Preview{}, err
		}
		if r.RevokedBefore, err = c.store.LastAccepted(ctx, r.Target.ID); err != nil {
			return message.Preview{}, err
		}
	}
	now := c.cfg.Now().UTC()
	r.ID, r.State, r.Operation, r.Fallback, r.CreatedAt, r.ExpiresAt = bot.NewID(), bot.Pending, c.cfg.Operation, c.cfg.Fallback, now, now
	matter, sure := r.Matter(), r.Matter()
	sure.Target.MemberOf, sure.Target.Privileged = t.In, t.Privileged == graph.Yes
	r.Need = 1
	r.Digest = bot.CardDigest(r.Target, r.Words.UPN, r.Operation, r.Fallback, r.Need)
	p := message.Preview{Request: r}
	switch {
	case c.run.OwnAccount(r.Target.ID):
		p.Refused, p.Why, p.Held = bot.OwnAccount, graph.Remedy(0, graph.CodeOwnAccount), true
		return p, nil
	case c.cfg.Policy.Require(sure).Protected:
		p.Refused, p.Why = authz.TargetProtected, "The policy protects this account: in Slack it takes more than one person's word."
	case c.cfg.Policy.Require(matter).Protected:
		p.Refused, p.Why = authz.TargetProtected, mayBeProtected(t)
	case frozen:
		p.Refused, p.Why = authz.Frozen, message.FrozenText(&freeze)
	case others:
		p.Refused, p.Why = bot.OtherRules, "The policy here is not the one that the bot of this database was started with last. Use that one; or start the bot with this one."
	}
	if p.Refused != "" && c.override == "" {
		p.Held = true
		p.Why += allTheSame
	}
	return p, nil
}

// otherPolicy reports whether the operator's policy is not the one that the Bot of
// the database goes by: an older one is no guard rail. Whoever gives none wants none but the freeze.
func (c *Console) otherPolicy(ctx context.Context) (bool, error) {
	mine := c.cfg.Policy.Digest
	if mine == "" {
		return false, nil
	}
	in, err := c.store.RulesInForce(ctx)
	if err != nil {
		return false, err
	}
	return in.Policy != "" && in.Policy != mine, nil
}

// allTheSame follows what the policy is against.
const allTheSame = " To revoke all the same, give a reason with --override-policy, which goes on record."

// mayBeProtected says what could not be told of an account.
func mayBeProtected(t bot.TargetFacts) string {
	if len(t.Unsure) > 0 {
		return "The policy may protect this account: it names Slack users or groups, or groups that cannot be read, and the command line cannot tell whether the account is one of them."
	}
	return "The policy protects privileged accounts, and whether this one holds a privileged role could not be read, which counts as if it did."
}

// patiently asks again while Microsoft asks to wait.
func (c *Console) patiently(ctx context.Context, ask func() error) error {
	for tries := 1; ; tries++ {
		err := ask()
		no := graph.AsError(err)
		if no == nil || !no.Retryable || no.RetryAfter <= 0 || tries >= bot.MaxTries || no.RetryAfter > c.cfg.Timing.Patience {
			return err
		}
		c.say(fmt.Sprintf("Microsoft asked the bot to wait %s before the account can be read.", message.Spell(no.RetryAfter)))
		if !work.Sleep(ctx, no.RetryAfter) {
			return err
		}
	}
}

// Revoke carries out what the preview shows, and answers the request as it
// stands then: accepted, failed, drilled, of unknown outcome, or denied if ctx
// ended while it waited for Microsoft. The end of ctx stops waits and no call.
//
// The error is a *RefusedError where the policy or a freeze is against it:
// before Microsoft was asked, and then the request has no State, or while it
// waited for Microsoft, and then it is denied. Joined to it may be why that is
// not on record. Any other error is the store's: with a request that has a
// State, it says what Microsoft had answered, which is not on record.
func (c *Console) Revoke(ctx context.Context, p message.Preview, reason string) (bot.Request, error) {
	unbroken := context.WithoutCancel(ctx)
	r := p.Request
	r.Words.Reason = bot.Clean(reason, bot.MaxReason)
	refused := p.Refused
	for range 8 {
		if refused != "" {
			if p.Held || c.override == "" {
				return bot.Request{}, c.refuse(unbroken, r, refused, p.Why)
			}
			r.PassedOver, r.Words.Override = append(r.PassedOver, refused), c.override
		}
		decided, change := c.decide(r)
		held, done, err := c.run.Call(unbroken, decided, change)
		limit, full := errors.AsType[*bot.LimitError](err)
		switch {
		case err == nil:
			c.policy = nil
			return c.drive(ctx, done, held)
		case errors.Is(err, bot.ErrTaken):
			r.ID, refused = bot.NewID(), ""
		case errors.Is(err, bot.ErrFrozen):
			refused, p.Why = authz.Frozen, "Every revoke has just been frozen."+allTheSame
		case full:
			refused, p.Why = bot.OverLimit, limitHere(limit)
		default:
			return done, err
		}
	}
	return bot.Request{}, fmt.Errorf("make a request: %w", bot.ErrTaken)
}

// decide is the request once its operator has confirmed it, and what is stored
// with that.
func (c *Console) decide(r bot.Request) (bot.Request, bot.Change) {
	at := c.cfg.Now().UTC()
	r.Approve(bot.Verdict{Kind: authz.Confirm, SlackID: c.operator, At: at}, r.Target.Stamps)
	approved := r.Entry(bot.Approved, c.operator)
	approved.Origin = bot.ConsoleOrigin
	asked, passed := approved, approved
	asked.Action, asked.Operation, asked.Digest = "requested", string(r.Operation), r.Digest
	approved.Digest, approved.Have, approved.Need = r.Digest, 1, 1
	rows := append(slices.Clone(c.policy), asked)
	for _, rule := range r.PassedOver {
		passed.Action, passed.Reason = "policy_overridden", string(rule)
		rows = append(rows, passed)
	}
	change := bot.Change{Audit: append(rows, approved), Fenced: !r.PassesOver(authz.Frozen)}
	if len(r.PassedOver) > 0 && c.beside {
		change.Notice = &bot.Notice{Key: "policy_overridden#" + r.ID, Message: message.PassedOverNotice(&r)}
	}
	if !r.Drill {
		own := bot.Use{Kind: bot.PerApprover, Who: c.operator, Limit: c.cfg.Policy.Limits.PerApprover, PassedOver: r.PassesOver(bot.OverLimit)}
		change.Uses = append([]bot.Use{own}, c.cfg.Uses(&r)...)
	}
	return r, change
}

// refuse records that the policy was against it.
func (c *Console) refuse(ctx context.Context, r bot.Request, reason authz.Reason, why string) error {
	e := bot.Entry{
		Action: "refused", Actor: c.operator, Wanted: string(authz.Confirm), Reason: string(reason),
		TargetID: r.Target.ID, Drill: r.Drill, Origin: bot.ConsoleOrigin,
	}
	if err := c.store.Record(ctx, 0, append(slices.Clone(c.policy), e)...); err != nil {
		return errors.Join(&RefusedError{reason, why}, fmt.Errorf("record the refusal: %w", err))
	}
	c.policy = nil
	return &RefusedError{reason, why}
}

func limitHere(e *bot.LimitError) string {
	return message.LimitText(e) + allTheSame
}

// claimAgain is the pause before a request is looked at again that a Bot on the
// same database is at work on.
const claimAgain = 200 * time.Millisecond

// drive waits for what a confirmed request waits for, and takes it on, until no
// more is to be learned within about a minute. held says that it is claimed
// already.
func (c *Console) drive(ctx context.Context, r bot.Request, held bool) (bot.Request, error) {
	unbroken := context.WithoutCancel(ctx)
	for {
		freeze, frozen, err := c.heldBack(unbroken, &r)
		now := c.cfg.Now()
		switch {
		case err != nil:
			return r, err
		case frozen:
			return c.stopFrozen(ctx, r, &freeze)
		case r.State == bot.Approved && ctx.Err() != nil && r.Stoppable():
			return c.stop(ctx, r, c.operator, bot.Interrupted)
		case r.State == bot.Approved && ctx.Err() != nil,
			r.State == bot.Unknown && (ctx.Err() != nil || r.Stuck(now)),
			r.State == bot.Revoked && r.Reads > 0,
			r.State != bot.Approved && r.State != bot.Executing && r.State != bot.Unknown && r.State != bot.Revoked:
			return r, nil
		}
		if wait := r.DueAt.Sub(now); wait > 0 && r.State != bot.Revoked {
			if r.State == bot.Approved {
				c.say(c.waitsFor(&r))
			} else {
				c.say("It is not known yet whether " + r.Name() + "'s sessions were revoked. Checking the account.")
			}
			if !c.idle(ctx, &r, wait) {
				continue
			}
		}
		if !held {
			var claimed bot.Request
			if claimed, held, err = c.store.Claim(unbroken, r.ID); err != nil {
				return r, err
			}
			if held {
				r = claimed
			}
		}
		if held {
			c.run.Advance(unbroken, r)
		} else {
			work.Sleep(unbroken, claimAgain)
		}
		held = false
		fresh, err := c.store.Request(unbroken, r.ID)
		if err != nil {
			return r, err
		}
		r = fresh
	}
}

// waitsFor says what an approved request waits for.
func (c *Console) waitsFor(r *bot.Request) string {
	if r.Unasked != "" {
		return "It has waited, so the account must be read again, and " + r.Unasked + " does not answer."
	}
	return message.WaitingText(r)
}

// heldBack finds the freeze that ends a request that waits: at a command line
// it is not waited for.
func (c *Console) heldBack(ctx context.Context, r *bot.Request) (f bot.Freeze, frozen bool, err error) {
	if !r.Stoppable() || r.PassesOver(authz.Frozen) {
		return bot.Freeze{}, false, nil
	}
	return c.store.Frozen(ctx)
}

// freezeAgain is the pause before a request that waits is looked at again for a
// freeze.
const freezeAgain = time.Second

// idle waits, and reports whether nothing came up before the time was over: the
// end of ctx, or a freeze.
func (c *Console) idle(ctx context.Context, r *bot.Request, d time.Duration) bool {
	end := time.Now().Add(d)
	for left := d; left > 0; left = time.Until(end) {
		if !work.Sleep(ctx, min(left, freezeAgain)) {
			return false
		}
		if _, frozen, err := c.heldBack(ctx, r); frozen || err != nil {
			return false
		}
	}
	return true
}

// stopFrozen gives up a request that waits because of a freeze that came up.
func (c *Console) stopFrozen(ctx context.Context, r bot.Request, f *bot.Freeze) (bot.Request, error) {
	stopped, err := c.stop(ctx, r, bot.ConsoleActor, authz.Frozen)
	if err == nil && stopped.State == bot.Denied {
		return stopped, &RefusedError{authz.Frozen, message.FrozenText(f) + allTheSame}
	}
	return stopped, err
}

// stop ends a request that waits with nothing done, and records by whom and
// why.
func (c *Console) stop(ctx context.Context, r bot.Request, actor string, why authz.Reason) (bot.Request, error) {
	unbroken, at := context.WithoutCancel(ctx), c.cfg.Now().UTC()
	denied := r
	denied.To(bot.Denied)
	denied.DueAt, denied.EndedAt = time.Time{}, at
	denied.Decisions = append(slices.Clone(r.Decisions), bot.Verdict{Kind: authz.Deny, SlackID: actor, At: at})
	e := denied.Entry(bot.Denied, actor)
	e.Reason, e.Origin = string(why), bot.ConsoleOrigin
	stopped, err := c.run.Commit(unbroken, bot.Change{Request: denied, Audit: []bot.Entry{e}})
	if errors.Is(err, bot.ErrConflict) {
		// A Bot has just gone on with it.
		if r, err = c.store.Request(unbroken, r.ID); err != nil {
			return r, err
		}
		return c.drive(ctx, r, false)
	}
	return stopped, err
}
