// Package metrics shows a running bot from outside: whether it is ready, and what it has
// done, as metrics for Prometheus. Package bot does not know Prometheus. The numbers come
// in three ways, which cmd's run.go connects:
//
//   - Store, Entra, Inbox and SignIn wrap what the bot talks to, and count the calls that
//     they pass on.
//   - The bot tells Meter what it did, and Slack what Slack answered. Graph's client tells
//     Limits what Graph says about its limits.
//   - WatchListener, WatchBot and WatchStore set what is read at each scrape.
//
// The package makes no decisions. Nothing in it may name a person or a request, or quote
// anybody. A label takes one of a few values that are fixed in the code; every other
// value becomes "other".
package metrics

import (
	"revoke-sessions/bot"

	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/singleflight"

	"revoke-sessions/bot/listen"
)

// prefix begins every metric name except those of the Go runtime and the process.
const prefix = "revoke_sessions_"

// other replaces every label value that the code does not list.
const other = "other"

// Metrics are the metrics of one bot. A nil Metrics counts nothing and returns what it is
// given, for a bot without a metrics endpoint.
type Metrics struct {
	registry *prometheus.Registry
	began    time.Time

	requests requests
	entra    calls
	limits   limits
	slack    calls
	store    calls
	ack      prometheus.Histogram

	// Read at each scrape; nil until set.
	listener atomic.Pointer[Listener]
	bot      atomic.Pointer[Bot]
	rows     atomic.Pointer[Rows]
	counting singleflight.Group // of rows
}

// Listener reports on its sockets; *listen.Listener implements it.
type Listener interface {
	// Connected is how many sockets are open.
	Connected() int
	Counts() listen.Counts
	// SinceHeard is how long ago the last envelope came or, before the first one, how
	// long the listener has run.
	SinceHeard() time.Duration
	// Strangers is how many open sockets of the app are not ours.
	Strangers() int
}

// Bot reports on its clock and its work; *engine.Bot implements it.
type Bot interface {
	// SinceTick is how long ago the clock last finished a round.
	SinceTick() time.Duration
	// Load is how many pieces of work are running, how many wait in memory, and how many
	// may run at once.
	Load() (running, waiting, places int)
	// Replicas is how many bots work on the same database, this one included.
	Replicas() int
	// Vitals are the services that the bot cannot work without, and their last state.
	Vitals() []bot.Vital
	// OtherRulesInForce reports whether another replica was started later with other
	// rules, so that this one confirms nothing.
	OtherRulesInForce() bool
	// ClockJumps is how often the clock was found to be set. ClockApart is how far the
	// database's clock is ahead of this machine's.
	ClockJumps() int64
	ClockApart() time.Duration
}

// New makes the metrics of a bot of this version and revision.
func New(version, revision string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), began: time.Now()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "build_info", Help: "Always 1; the labels say what runs.",
			ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": runtime.Version()},
		}, func() float64 { return 1 }),
	)
	m.requests.register(m.registry)
	m.registerEntra()
	m.limits.register(m.registry)
	m.registerSlack()
	m.registerStore()
	m.registerSockets()
	m.registerWork()
	m.registerRules()
	m.registry.MustRegister(&census{metrics: m}, &vitals{metrics: m})
	return m
}

// WatchListener sets the listener to read. Until then no socket is counted.
func (m *Metrics) WatchListener(l Listener) {
	if m != nil {
		m.listener.Store(&l)
	}
}

// WatchBot sets the bot to read. Until then its clock counts as stopped since New.
func (m *Metrics) WatchBot(b Bot) {
	if m != nil {
		m.bot.Store(&b)
	}
}

// WatchStore sets the store to count. Until then the database counts as unreadable.
func (m *Metrics) WatchStore(r Rows) {
	if m != nil {
		m.rows.Store(&r)
	}
}

// calls counts the calls to one service by result, and measures how long they take.
type calls struct {
	total *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// newCalls makes the metrics of the calls to who. by is the label that names the call.
// Each of names gets a row for each of results at once: a counter that begins with its
// first error hides that error from increase().
func (m *Metrics) newCalls(who, help, by string, names, results []string, buckets []float64) calls {
	c := calls{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + who + "_total", Help: help + ", by what came of them.",
		}, []string{by, "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + who + "_seconds", Help: help + ": how long they took.", Buckets: buckets,
		}, []string{by}),
	}
	for _, name := range names {
		for _, result := range results {
			c.total.WithLabelValues(name, result)
		}
	}
	m.registry.MustRegister(c.total, c.took)
	return c
}

func (c calls) count(name, result string, took time.Duration) {
	c.total.WithLabelValues(name, result).Inc()
	c.took.WithLabelValues(name).Observe(took.Seconds())
}

// among returns value if known has it, and otherwise other.
func among(known map[string]bool, value string) string {
	if known[value] {
		return value
	}
	return other
}

func set[T ~string](values ...T) map[string]bool {
	all := make(map[string]bool, len(values))
	for _, v := range values {
		all[string(v)] = true
	}
	return all
}

// SignIn wraps the transport to Entra's sign-in.
func (m *Metrics) SignIn() func(http.RoundTripper) http.RoundTripper {
	if m == nil {
		return nil
	}
	return func(next http.RoundTripper) http.RoundTripper { return &signIn{next: next, calls: m.entra} }
}
