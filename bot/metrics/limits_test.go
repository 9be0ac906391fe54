package metrics

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"revoke-sessions/graph"
)

func TestLimitLabels_AreBounded(t *testing.T) {
	m := New("v1", "abc")
	before := testutil.CollectAndCount(m.limits.throttled)
	for n := range 1000 {
		m.Limits()(graph.Limit{Status: http.StatusTooManyRequests, Scope: fmt.Sprintf("Tenant%d/Read", n), Reason: fmt.Sprintf("Reason%d", n)})
	}
	m.Limits()(graph.Limit{Status: http.StatusTooManyRequests, Scope: "Tenant_Application/Write", Reason: "WriteLimitExceeded"})
	m.Limits()(graph.Limit{Status: http.StatusTooManyRequests, Scope: "Tenant_Application/Write", Reason: "MoonPhase"})
	m.Limits()(graph.Limit{Status: http.StatusOK, Scope: "Tenant_Application/Write", Reason: "WriteLimitExceeded"})
	if after := testutil.CollectAndCount(m.limits.throttled); after != before+1 {
		t.Errorf("%d rows, and %d before", after, before)
	}
	for _, row := range []struct {
		scope, reason string
		want          float64
	}{{"other", "other", 1000}, {"Tenant_Application/Write", "WriteLimitExceeded", 1}, {"Tenant_Application/Write", "other", 1}} {
		if got := testutil.ToFloat64(m.limits.throttled.WithLabelValues(row.scope, row.reason)); got != row.want {
			t.Errorf("%s %s: %v, want %v", row.scope, row.reason, got, row.want)
		}
	}
}

// TestLimitUsed_LastAnswerCounts: reads and writes have separate limits. An answer below
// 0.8 sets the share to 0, and so does time.
func TestLimitUsed_LastAnswerCounts(t *testing.T) {
	m := New("v1", "abc")
	now := time.Now()
	m.limits.now = func() time.Time { return now }
	wants := func(what string, read, write float64) {
		t.Helper()
		if got := []float64{m.limits.share(false), m.limits.share(true)}; got[0] != read || got[1] != write {
			t.Errorf("%s: %v, want %v and %v", what, got, read, write)
		}
	}
	wants("at the start", 0, 0)
	m.Limits()(graph.Limit{Status: 200, Writes: true, Used: 1.2})
	wants("a write", 0, 1.2)
	m.Limits()(graph.Limit{Status: 200, Used: 0.9})
	wants("a read", 0.9, 1.2)
	m.Limits()(graph.Limit{Status: 503, Writes: true})
	m.Limits()(graph.Limit{Status: 429})
	wants("failures that say nothing", 0.9, 1.2)
	m.Limits()(graph.Limit{Status: 429, Writes: true, Used: 1.5})
	wants("turned away", 0.9, 1.5)
	m.Limits()(graph.Limit{Status: 204, Writes: true})
	wants("a write that says nothing", 0.9, 0)
	now = now.Add(limitCounts)
	wants("later", 0, 0)
}

func TestLimits_AreServed(t *testing.T) {
	m := New("v1", "abc")
	m.Limits()(graph.Limit{Status: 200, Writes: true, Used: 1.2})
	want := `
# HELP revoke_sessions_graph_limit_used_ratio The share of Microsoft Graph's limit that is used up, as its last answer says: above 1, calls are turned away. Graph tells it from 0.8 on; until then it is 0.
# TYPE revoke_sessions_graph_limit_used_ratio gauge
revoke_sessions_graph_limit_used_ratio{access="read"} 0
revoke_sessions_graph_limit_used_ratio{access="write"} 1.2
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "revoke_sessions_graph_limit_used_ratio"); err != nil {
		t.Error(err)
	}
	var none *Metrics
	none.Limits()(graph.Limit{Status: 429})
}
