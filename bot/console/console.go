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
)

// Store is what a Console asks of the store; bot.Store says what Claim does.
type Store interface {
	lifecycle.Store

	Claim(ctx context.Context, id string) (bot.Request, bool, error)
}

// Console revokes for an operator at the command line, who decides alone and without
// Slack. Its requests have the same states and audit rows as the Bot's and are in the
// same database. If a Bot runs on it, that Bot finishes what this process leaves
// unfinished. Slack shows nothing of these requests, except when the operator overrides
// the policy: then the Bot tells the approvers' channel.
//
// The operator holds the credential and could call Graph directly. So the policy is only
// a guard rail here: a protected account, a freeze and the limits refuse, unless the
// operator overrides them for a reason, which is recorded.
type Console struct {
	cfg      bot.Config
	store    Store // nil for one that only looks
	people   *lookup.People
	run      *lifecycle.Runner
	operator string
	override string
	beside   bool
	look     func(ctx context.Context, objectID string, known []string, find bool) (bot.TargetFacts, error)
	say      func(string)
	said     string
	policy   []bot.Entry // the row that names the policy, until it is stored
}

// Operator is the person who uses a Console.
type Operator struct {
	// Name is what the operating system calls them: name@host.
	Name string
	// Override is why they override the policy; empty if they do not.
	Override string
	// Reads means that they read each Preview, so that it also shows facts that no rule
	// needs. That costs one more look-up.
	Reads bool
	// Say gets each sentence about what the Console waits for; nil for nobody.
	Say func(string)
	// Beside means that a Bot uses the database: it tells the approvers' channel when
	// the operator overrides the policy.
	Beside bool
}

// New makes a Console. It uses Policy, Operation, Fallback, Timing, Log and Now of the
// Config. Without a store (nil) it can only Look.
func New(cfg bot.Config, store Store, entra bot.Entra, who Operator) *Console {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Meter == nil {
		cfg.Meter = bot.Unmetered{}
	}
	budget := lookup.NewBudget(cfg.Now, lookup.OneReplica, true)
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
		Action: bot.ActPolicyLoaded, Actor: c.operator, Digest: cfg.Policy.Digest, Operation: string(cfg.Operation), Origin: bot.ConsoleOrigin,
	}}
	return c
}

// RefusedError says why an account is not revoked: the name leads to no single account,
// or the policy is against it. Its text is for the operator. Nothing was changed at
// Microsoft.
type RefusedError struct {
	Reason authz.Reason
	Says   string
}

// Error returns the text for the operator.
func (e *RefusedError) Error() string { return e.Says }

// Revoke does what the preview shows and returns the request: accepted, failed, drilled,
// of unknown outcome, or denied if ctx ended while it waited for Microsoft. The end of
// ctx stops waits, but no call.
//
// If the policy or a freeze is against it, the error is a *RefusedError: the request then
// has no State, or is denied if it was already waiting for Microsoft. Joined to it may be
// why the refusal is not recorded. Any other error is the store's; if the request has a
// State, that is Microsoft's answer, which is not recorded.
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
			refused, p.Why = authz.Frozen, "A freeze has just begun, so no revoke starts."+overrideHint
		case full:
			refused, p.Why = bot.OverLimit, limitHere(limit)
		default:
			return done, err
		}
	}
	return bot.Request{}, fmt.Errorf("make a request: %w", bot.ErrTaken)
}

// decide returns the request as its operator has confirmed it, and the change to store.
func (c *Console) decide(r bot.Request) (bot.Request, bot.Change) {
	at := c.cfg.Now().UTC()
	r.Approve(bot.Verdict{Kind: authz.Confirm, SlackID: c.operator, At: at}, r.Target.Stamps)
	approved := r.Entry(bot.Approved, c.operator)
	approved.Origin = bot.ConsoleOrigin
	asked, passed := approved, approved
	asked.Action, asked.Operation, asked.Digest = bot.ActRequested, string(r.Operation), r.Digest
	approved.Digest, approved.Have, approved.Need = r.Digest, 1, 1
	rows := append(slices.Clone(c.policy), asked)
	for _, rule := range r.PassedOver {
		passed.Action, passed.Reason = bot.ActPolicyOverridden, string(rule)
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

// refuse records a refusal and returns it.
func (c *Console) refuse(ctx context.Context, r bot.Request, reason authz.Reason, why string) error {
	e := bot.Entry{
		Action: bot.ActRefused, Actor: c.operator, Wanted: string(authz.Confirm), Reason: string(reason),
		TargetID: r.Target.ID, Drill: r.Drill, Origin: bot.ConsoleOrigin,
	}
	if err := c.store.Record(ctx, 0, append(slices.Clone(c.policy), e)...); err != nil {
		return errors.Join(&RefusedError{reason, why}, fmt.Errorf("record the refusal: %w", err))
	}
	c.policy = nil
	return &RefusedError{reason, why}
}

// overrideHint ends each refusal that the operator can override.
const overrideHint = " To revoke anyway, give a reason with --override-policy. The reason goes on record."

// limitHere is the text of a full limit.
func limitHere(e *bot.LimitError) string {
	return message.TerminalLimit(e) + overrideHint
}
