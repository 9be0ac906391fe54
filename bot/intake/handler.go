package intake

import (
	"log/slog"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lifecycle"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/notify"
)

// Handler carries out what people do: commands, clicks and forms.
type Handler struct {
	cfg       bot.Config
	store     bot.Store
	people    *lookup.People
	approvers *lookup.Rosters
	budget    *lookup.Budget
	allowance *lookup.Allowance
	run       *lifecycle.Runner
	teller    *notify.Teller
	meter     bot.Meter
	log       *slog.Logger
	now       func() time.Time
}

// NewHandler makes a Handler.
func NewHandler(cfg bot.Config, store bot.Store, people *lookup.People, approvers *lookup.Rosters, budget *lookup.Budget, run *lifecycle.Runner, teller *notify.Teller) *Handler {
	return &Handler{
		cfg: cfg, store: store, people: people, approvers: approvers, budget: budget, allowance: lookup.NewAllowance(cfg.Timing.AskEvery),
		run: run, teller: teller, meter: cfg.Meter, log: cfg.Log, now: cfg.Now,
	}
}
