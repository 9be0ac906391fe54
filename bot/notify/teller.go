// Package notify brings the bot's messages in Slack up to what is stored: cards, threads,
// direct messages and notices. It is the only package that writes to Slack.
package notify

import (
	"context"
	"crypto/sha256"
	"sync/atomic"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/work"
)

// Store is what a Teller asks of the store; bot.Store says what each method does.
type Store interface {
	bot.Billboard
	bot.Announcements

	Request(ctx context.Context, id string) (bot.Request, error)
	Open(ctx context.Context, slackID string, limit int) ([]bot.Request, error)
	Frozen(ctx context.Context) (bot.Freeze, bool, error)
	Freeze(ctx context.Context, id int64) (bot.Freeze, error)
	ResponseURLs(ctx context.Context, slackID string, limit int) ([]bot.Secret, error)
	Stall(ctx context.Context, id string) (fresh bool, err error)
	OweHomes(ctx context.Context, request string) error
}

// Teller brings the bot's messages in Slack up to what is stored.
type Teller struct {
	*sender
	cfg       bot.Config
	store     Store
	approvers *lookup.Rosters
	pool      *work.Pool
	channel   *lookup.Cache[bot.ChannelProblem]

	// OtherRules reports whether rules other than this process's are in force.
	// Meanwhile returns the other request that revoked the account since, or nil.
	OtherRules func(context.Context) (bool, error)
	Meanwhile  func(context.Context, *bot.Request) (*bot.Request, error)

	drawnUnder atomic.Pointer[[sha256.Size]byte]  // the outlook at the last Redraw
	seenShut   atomic.Pointer[bot.ChannelProblem] // what the last Watch found in the approvers' channel
	lastShut   atomic.Pointer[shutAt]             // why the last message was not posted there
	unposted   slackapi.Refusals                  // cards whose content Slack refused, by request ID
}

// NewTeller makes a Teller. OtherRules and Meanwhile must be set before it is used.
func NewTeller(cfg bot.Config, store Store, slack *slackapi.Client, approvers *lookup.Rosters, pool *work.Pool) *Teller {
	tl := &Teller{
		sender: &sender{slack: slack, witness: cfg.Witness, log: cfg.Log, now: cfg.Now},
		cfg:    cfg, store: store, approvers: approvers, pool: pool,
	}
	tl.channel = lookup.NewCache(cfg.Now, bot.Subject{Where: bot.AtSlack}, slack.ChannelProblem)
	// No problem is cached: people who invite the bot must see at once that it helped.
	tl.channel.Keeps = func(problem bot.ChannelProblem) bool { return problem == "" }
	return tl
}
