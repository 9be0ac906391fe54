package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// registerWork registers the metrics of the clock and of the work that it finds.
func (m *Metrics) registerWork() {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "clock_age_seconds", Help: "How long ago the clock last finished a round. It looks every second for what is due.",
		}, func() float64 { return m.sinceTick().Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "clock_jumps_total", Help: "How often the clock was found to be set back or forward, by two seconds or more.",
		}, func() float64 { jumps, _ := m.clock(); return float64(jumps) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "clock_apart_seconds", Help: "How far the database's clock, by which everything waits, is ahead of this machine's.",
		}, func() float64 { _, apart := m.clock(); return apart.Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "replicas", Help: "Bots that work on the same database, as far as this one knows.",
		}, func() float64 { return float64(m.replicas()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "work_under_way", Help: "Pieces of work that are being carried out.",
		}, func() float64 { running, _, _ := m.load(); return float64(running) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "work_waiting", Help: "Pieces of work that wait in memory until another one ends. More may wait in the database.",
		}, func() float64 { _, waiting, _ := m.load(); return float64(waiting) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "work_places", Help: "Pieces of work that may be carried out at once.",
		}, func() float64 { _, _, places := m.load(); return float64(places) }),
	)
}

// registerRules registers whether the rules in force are this bot's.
func (m *Metrics) registerRules() {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: prefix + "other_rules_in_force", Help: "1 if another replica was started later with other rules: then this one approves and revokes nothing.",
	}, func() float64 {
		if b := m.bot.Load(); b != nil && (*b).OtherRulesInForce() {
			return 1
		}
		return 0
	}))
}

func (m *Metrics) sinceTick() time.Duration {
	if b := m.bot.Load(); b != nil {
		return (*b).SinceTick()
	}
	return time.Since(m.began)
}

func (m *Metrics) replicas() int {
	if b := m.bot.Load(); b != nil {
		return (*b).Replicas()
	}
	return 0
}

func (m *Metrics) clock() (jumps int64, apart time.Duration) {
	if b := m.bot.Load(); b != nil {
		return (*b).ClockJumps(), (*b).ClockApart()
	}
	return 0, 0
}

func (m *Metrics) load() (running, waiting, places int) {
	if b := m.bot.Load(); b != nil {
		return (*b).Load()
	}
	return 0, 0, 0
}
