// Package intake carries out what people do in Slack: commands, clicks and forms. It looks
// up who they are when they do it, asks authz, stores what follows and answers them.
package intake

import (
	"log/slog"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/notify"
)

// desk is what every act needs: who people are, what is stored, and a way to answer.
type desk struct {
	cfg       bot.Config
	store     bot.Store
	people    *lookup.People
	approvers *lookup.Rosters
	run       *lifecycle.Runner
	teller    *notify.Teller
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
}

// asks makes requests of what people ask for.
type asks struct {
	*desk
	budget    *lookup.Budget
	allowance *lookup.Allowance
}

// decisions are the clicks on cards, and what is typed about one request.
type decisions struct{ *desk }

// brakes freezes and unfreezes.
type brakes struct{ *desk }

// Handler carries out what people do.
type Handler struct {
	*desk
	asks      *asks
	decisions *decisions
	brakes    *brakes
}

// NewHandler makes a Handler.
func NewHandler(
	cfg bot.Config, store bot.Store, people *lookup.People, approvers *lookup.Rosters, budget *lookup.Budget,
	run *lifecycle.Runner, teller *notify.Teller,
) *Handler {
	d := &desk{
		cfg: cfg, store: store, people: people, approvers: approvers, run: run, teller: teller, meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
	}
	return &Handler{
		desk: d, asks: &asks{desk: d, budget: budget, allowance: lookup.NewAllowance(cfg.Timing.AskEvery)},
		decisions: &decisions{d}, brakes: &brakes{d},
	}
}
