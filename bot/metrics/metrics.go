// Package metrics is how a running bot is seen from outside: whether it is
// ready, and what it has done, in numbers for Prometheus. Package bot knows
// nothing of Prometheus; the numbers come by three ways, all laid in cmd's run.go:
//
//   - Store, Entra, Inbox and SignIn stand between the bot and what it talks to,
//     and count the calls that they pass on.
//   - Meter and Slack are told by the bot what it did, and what Slack answered;
//     Limits is told by Graph's client what Graph says of its limits.
//   - WatchListener, WatchBot and WatchStore name who is asked whenever somebody
//     asks for the numbers.
//
// What must never enter it: decisions, and whatever names a person or a
// request, or quotes anybody. A label takes one of a few values that are fixed
// in the code; what is not among them is "other".
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

// prefix begins every name but those of the Go runtime and the process.
const prefix = "revoke_sessions_"

// other stands for whatever the code does not know by name.
const other = "other"

// Metrics are one bot's numbers. A nil Metrics counts nothing and hands back
// what it is given, for a bot whose numbers nobody reads.
type Metrics struct {
	registry *prometheus.Registry
	began    time.Time

	requests requests
	entra    calls
	limits   limits
	slack    calls
	store    calls
	ack      prometheus.Histogram

	// What is asked whenever somebody asks for the numbers; nil until it exists.
	listener atomic.Pointer[Listener]
	bot      atomic.Pointer[Bot]
	rows     atomic.Pointer[Rows]
	counting singleflight.Group // of rows
}

// Listener tells of its sockets; *listen.Listener is one.
type Listener interface {
	// Connected is how many sockets are open.
	Connected() int
	Counts() listen.Counts
	// SinceHeard is how long ago the last envelope came; before the first, how
	// long it has listened.
	SinceHeard() time.Duration
	// Strangers is how many open sockets are none of ours.
	Strangers() int
}

// Bot tells of its clock and its work; *engine.Bot is one.
type Bot interface {
	// SinceTick is how long ago the clock finished a round.
	SinceTick() time.Duration
	// Load is how many pieces of work are being carried out, how many wait for
	// that in memory, and how many may be carried out at once.
	Load() (running, waiting, places int)
	// Replicas is how many bots work on the same database, this one included.
	Replicas() int
	// Vitals are those without whom it cannot work, and what it last heard of each.
	Vitals() []bot.Vital
	// OtherRulesInForce reports whether another one was started later with other
	// rules, so that this one confirms nothing.
	OtherRulesInForce() bool
	// ClockJumps is how often the clock was found to be set, and ClockApart how far
	// the database's is ahead of this machine's.
	ClockJumps() int64
	ClockApart() time.Duration
}

// New makes the numbers of a bot of this version and revision.
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

// WatchListener says whose sockets are counted. Until then there are none.
func (m *Metrics) WatchListener(l Listener) {
	if m != nil {
		m.listener.Store(&l)
	}
}

// WatchBot says whose clock and work are watched. Until then the clock stands
// still.
func (m *Metrics) WatchBot(b Bot) {
	if m != nil {
		m.bot.Store(&b)
	}
}

// WatchStore says whose rows are counted. Until then the database counts as one
// that cannot be read.
func (m *Metrics) WatchStore(r Rows) {
	if m != nil {
		m.rows.Store(&r)
	}
}

// calls are calls to somebody: how many by what came of them, and how long
// they took.
type calls struct {
	total *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// newCalls makes the numbers of calls to who. by is the label that says which
// call, and each of names gets a row for each of results at once: a counter
// that begins with its first error hides that error from whoever asks for its
// increase.
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

// among is value if it is one of known, and otherwise other.
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

// SignIn wraps what carries the requests to Entra's sign-in.
func (m *Metrics) SignIn() func(http.RoundTripper) http.RoundTripper {
	if m == nil {
		return nil
	}
	return func(next http.RoundTripper) http.RoundTripper { return &signIn{next: next, calls: m.entra} }
}
