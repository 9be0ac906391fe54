// Package intake handles what people do in Slack: commands, clicks and forms. It looks up
// the person at that moment, asks authz, stores the result and answers.
package intake

import (
	"context"
	"log/slog"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/notify"
)

// Store is what a Handler asks of the store; bot.Store says what each method does.
type Store interface {
	Arrival(ctx context.Context, id int64) (bot.Arrival, error)
	FormLedTo(ctx context.Context, viewKey string) (id string, sent bool, err error)
	Record(ctx context.Context, settles int64, entries ...bot.Entry) error
	Request(ctx context.Context, id string) (bot.Request, error)
	PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (bot.Request, bool, error)
	Open(ctx context.Context, slackID string, limit int) ([]bot.Request, error)
	Places(ctx context.Context, id string) (map[string]bot.Place, error)
	Cards(ctx context.Context, ids []string, slackID string) (map[string]map[string]bot.Place, error)
	Stands(ctx context.Context, channel, ts string) (bool, error)
	Frozen(ctx context.Context) (bot.Freeze, bool, error)
	FreezePlaces(ctx context.Context, freeze int64) ([]bot.NoticePlace, error)
	CommitFreeze(ctx context.Context, c bot.FreezeChange) (bot.Freeze, error)
	LastPulled(ctx context.Context, who authz.Asker) (time.Time, error)
	Published(ctx context.Context, h bot.Home, wide bool, retry bot.Retry) error
	NoteHomeTab(ctx context.Context, code string) error
}

// desk is what every handler needs: look-ups, the store, and a way to answer.
type desk struct {
	cfg       bot.Config
	budget    *lookup.Budget
	store     Store
	people    *lookup.People
	approvers *lookup.Rosters
	run       *lifecycle.Runner
	teller    *notify.Teller
	// forms paces how often one person has a modal opened.
	forms *lookup.Allowance
	meter bot.Meter
	log   *slog.Logger
	now   func() time.Time
}

// asks makes a request from an ask, or adds the ask to an open request.
type asks struct {
	*desk
	allowance *lookup.Allowance
}

// decisions handles clicks on cards and receipts, and the typed cancel.
type decisions struct{ *desk }

// brakes handles freeze and unfreeze, and the button on the notice of a freeze.
type brakes struct{ *desk }

// Handler handles arrivals.
type Handler struct {
	*desk
	asks      *asks
	decisions *decisions
	brakes    *brakes
}

// NewHandler makes a Handler.
func NewHandler(
	cfg bot.Config, store Store, people *lookup.People, approvers *lookup.Rosters, budget *lookup.Budget,
	run *lifecycle.Runner, teller *notify.Teller,
) *Handler {
	d := &desk{
		cfg: cfg, budget: budget, store: store, people: people, approvers: approvers, run: run, teller: teller,
		forms: lookup.NewAllowance(cfg.Timing.AskEvery), meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
	}
	return &Handler{
		desk: d, asks: &asks{desk: d, allowance: lookup.NewAllowance(cfg.Timing.AskEvery)},
		decisions: &decisions{d}, brakes: &brakes{d},
	}
}
