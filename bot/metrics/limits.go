package metrics

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"revoke-sessions/graph"
)

// limitCounts is how long Graph's last report on a limit counts. Graph's own windows are
// shorter.
const limitCounts = 5 * time.Minute

// The scopes and reasons of limits that Graph names.
// Source: learn.microsoft.com/graph/throttling-limits.
var (
	limitScopes = set(
		"Tenant_Application/Read", "Tenant_Application/Write", "Tenant_Application/ReadWrite",
		"Tenant/Read", "Tenant/Write", "Tenant/ReadWrite",
		"Application/Read", "Application/Write", "Application/ReadWrite")
	limitReasons = set("CPULimitExceeded", "WriteLimitExceeded", "ResourceUnitLimitExceeded")
)

// limits holds what Graph's answers say about its limits.
type limits struct {
	throttled *prometheus.CounterVec

	mu   sync.Mutex
	used map[bool]limitUsed // true: the limit of writes; false: of reads
	now  func() time.Time
}

type limitUsed struct {
	share float64
	at    time.Time
}

func (l *limits) register(registry *prometheus.Registry) {
	l.used, l.now = map[bool]limitUsed{}, time.Now
	l.throttled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prefix + "graph_throttled_total",
		Help: "Calls that Microsoft Graph turned away because a limit was reached, by whose limit and which.",
	}, []string{"scope", "reason"})
	for scope := range limitScopes {
		for reason := range limitReasons {
			l.throttled.WithLabelValues(scope, reason)
		}
	}
	l.throttled.WithLabelValues(other, other)
	registry.MustRegister(l.throttled)
	for access, writes := range map[string]bool{"read": false, "write": true} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        prefix + "graph_limit_used_ratio",
			Help:        "The share of Microsoft Graph's limit that is used up, as its last answer says: above 1, calls are turned away. Graph tells it from 0.8 on; until then it is 0.",
			ConstLabels: prometheus.Labels{"access": access},
		}, func() float64 { return l.share(writes) }))
	}
}

// share returns the share that Graph last reported; 0 if that is too old.
func (l *limits) share(writes bool) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.used[writes]; l.now().Sub(known.at) < limitCounts {
		return known.share
	}
	return 0
}

func (l *limits) note(limit graph.Limit) {
	if limit.Status == http.StatusTooManyRequests {
		l.throttled.WithLabelValues(among(limitScopes, limit.Scope), among(limitReasons, limit.Reason)).Inc()
	}
	// A failed answer without a share does not report on the limit.
	if limit.Used == 0 && limit.Status >= http.StatusBadRequest {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used[limit.Writes] = limitUsed{share: limit.Used, at: l.now()}
}

// Limits returns the function that gets what Graph says about its limits.
func (m *Metrics) Limits() func(graph.Limit) {
	if m == nil {
		return func(graph.Limit) {}
	}
	return m.limits.note
}
