package main

import (
	"net/http"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/graph/graphtest"
)

// TestLimitsOfGraph: whoever runs the bot sees that a limit is close, and which
// one was reached; the revoke is marked as urgent, and the read-back is not.
func TestLimitsOfGraph(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	th.entra.SetLimitUsed(1.25)
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "invalidateAllRefreshTokens", Status: 429, RetryAfter: "1", Times: 1, Header: http.Header{
		"X-Ms-Throttle-Scope":       {"Tenant_Application/Write/9a3d526c-b3c1-4479-ba74-197b5c5751ae/0785ef7c-2d7a-4542-b048-95bcab406e0b"},
		"X-Ms-Throttle-Information": {"WriteLimitExceeded"},
	}})
	th.typed(bobID, "me lost my phone")
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Verified")
	samples := th.samples()
	for sample, want := range map[string]string{
		`revoke_sessions_graph_limit_used_ratio{access="read"}`:                                               "1.25",
		`revoke_sessions_graph_limit_used_ratio{access="write"}`:                                              "1.25",
		`revoke_sessions_graph_throttled_total{reason="WriteLimitExceeded",scope="Tenant_Application/Write"}`: "1",
	} {
		if samples[sample] != want {
			t.Errorf("%s is %q, want %s", sample, samples[sample], want)
		}
	}
	log := th.log.String()
	if !strings.Contains(log, `"scope":"Tenant_Application/Write","reason":"WriteLimitExceeded","used":1.25`) ||
		strings.Count(log, "nearly used up") != 1 || strings.Contains(log, "9a3d526c") {
		t.Error("the log does not say which limit, or says it too often, or whose")
	}
	posted, low := false, false
	for _, r := range th.entra.Requests() {
		switch priority := r.Header.Get("X-Ms-Throttle-Priority"); {
		case strings.HasSuffix(r.Path, "invalidateAllRefreshTokens"):
			posted = true
			if priority != "High" {
				t.Errorf("a revoke went with the priority %q", priority)
			}
		case posted && r.Method == http.MethodGet:
			low = low || priority == "Low"
		case priority == "High":
			t.Errorf("%s %s claims to be urgent", r.Method, r.Path)
		}
	}
	if !low {
		t.Error("no read-back says that nobody waits for it")
	}
}
