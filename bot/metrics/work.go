package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// registerWork watches the clock and the work that it finds.
func (m *Metrics) registerWork() {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "clock_age_seconds", Help: "How long ago the clock last finished a round. It looks every second for what is due.",
		}, func() float64 { return m.sinceTick().Seconds() }),
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

func (m *Metrics) load() (running, waiting, places int) {
	if b := m.bot.Load(); b != nil {
		return (*b).Load()
	}
	return 0, 0, 0
}
