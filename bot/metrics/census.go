package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"revoke-sessions/bot"
)

// Rows counts the rows of a store; *store.Store implements it.
type Rows interface {
	Census(ctx context.Context) (bot.Census, error)
}

// censusDeadline bounds the count, and with it the readiness check of the database.
const censusDeadline = 2 * time.Second

var (
	readableDesc = prometheus.NewDesc(prefix+"store_readable", "1 if the database could be read for these numbers within 2 s; else they are not there.", nil, nil)
	pendingDesc  = prometheus.NewDesc(prefix+"requests_pending", "Requests that wait for a decision, by age; drills not counted.", []string{"age"}, nil)
	owingDesc    = prometheus.NewDesc(prefix+"requests_open", "Requests that want attention, or whose people have not read of their last change, by state.", []string{"state"}, nil)
	overdueDesc  = prometheus.NewDesc(prefix+"rows_overdue", "Rows that were due more than a minute ago and are not done, whoever is at them.", []string{"kind"}, nil)
	stalledDesc  = prometheus.NewDesc(prefix+"requests_stalled", "Requests that the bot cannot go on with: a step fails again and again, or the row cannot be read.", nil, nil)
	headDesc     = prometheus.NewDesc(prefix+"audit_head", "Number of the last row of the audit chain.", nil, nil)
	frozenDesc   = prometheus.NewDesc(prefix+"frozen", "1 while a freeze holds every revoke back.", nil, nil)
)

// ages name the age groups of a bot.Census.
var ages = [len(bot.PendingAges) + 1]string{"under_1m", "1m_to_10m", "10m_to_1h", "over_1h"}

// census is a collector that counts the store's rows at each scrape.
type census struct{ metrics *Metrics }

// Describe implements prometheus.Collector.
func (c *census) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readableDesc, pendingDesc, owingDesc, overdueDesc, stalledDesc, headDesc, frozenDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *census) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counted, err := c.metrics.census()
	if err != nil {
		gauge(readableDesc, 0)
		return
	}
	gauge(readableDesc, 1)
	for i, age := range ages {
		gauge(pendingDesc, float64(counted.Pending[i]), age)
	}
	for _, state := range bot.States {
		gauge(owingDesc, float64(counted.Owing[state]), string(state))
	}
	for kind, n := range map[string]int{
		"arrivals": counted.Overdue.Arrivals, "requests": counted.Overdue.Requests,
		"telling": counted.Overdue.Telling, "notices": counted.Overdue.Notices,
	} {
		gauge(overdueDesc, float64(n), kind)
	}
	gauge(stalledDesc, float64(counted.Stalled))
	gauge(headDesc, float64(counted.Head))
	frozen := 0.0
	if counted.Frozen {
		frozen = 1
	}
	gauge(frozenDesc, frozen)
}

func (m *Metrics) census() (bot.Census, error) {
	rows := m.rows.Load()
	if rows == nil {
		return bot.Census{}, errNotOpen
	}
	// Concurrent callers share one query.
	counted, err, _ := m.counting.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), censusDeadline)
		defer cancel()
		return (*rows).Census(ctx)
	})
	if err != nil {
		return bot.Census{}, err
	}
	return counted.(bot.Census), nil
}
