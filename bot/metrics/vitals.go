package metrics

import (
	"revoke-sessions/bot"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	upDesc     = prometheus.NewDesc(prefix+"dependency_up", "1 if the bot can work with it: its last answer was no refusal, and is not too old. Asked also when nobody does anything.", []string{"dependency"}, nil)
	workedDesc = prometheus.NewDesc(prefix+"dependency_last_success_timestamp_seconds", "When it last did what the bot asked of it; 0 for never.", []string{"dependency"}, nil)
)

// vitals is a collector of what the bot knows about the database, Slack and Microsoft.
// While the bot starts, it knows nothing about them.
type vitals struct{ metrics *Metrics }

// Describe implements prometheus.Collector.
func (*vitals) Describe(to chan<- *prometheus.Desc) { to <- upDesc; to <- workedDesc }

// Collect implements prometheus.Collector.
func (c *vitals) Collect(to chan<- prometheus.Metric) {
	for _, v := range c.metrics.vitals() {
		up, worked := 0.0, 0.0
		if v.Up {
			up = 1
		}
		if !v.Worked.IsZero() {
			worked = float64(v.Worked.UnixMilli()) / 1000
		}
		to <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up, v.Name)
		to <- prometheus.MustNewConstMetric(workedDesc, prometheus.GaugeValue, worked, v.Name)
	}
}

func (m *Metrics) vitals() []bot.Vital {
	if b := m.bot.Load(); b != nil {
		return (*b).Vitals()
	}
	return nil
}
