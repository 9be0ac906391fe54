package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// wellBot is the numbers of one bot with which all is well, in promtool's notation of
// values a minute apart, by series.
var wellBot = map[string]string{
	`revoke_sessions_build_info`:                                                  "1x30",
	`revoke_sessions_sockets_open`:                                                "2x30",
	`revoke_sessions_envelope_age_seconds`:                                        "0+60x30",
	`revoke_sessions_clock_age_seconds`:                                           "1x30",
	`revoke_sessions_rows_overdue{kind="arrivals"}`:                               "0x30",
	`revoke_sessions_rows_overdue{kind="requests"}`:                               "0x30",
	`revoke_sessions_requests_stalled`:                                            "0x30",
	`revoke_sessions_dependency_up{dependency="database"}`:                        "1x30",
	`revoke_sessions_dependency_up{dependency="slack"}`:                           "1x30",
	`revoke_sessions_dependency_up{dependency="entra"}`:                           "1x30",
	`revoke_sessions_requests_pending{age="10m_to_1h"}`:                           "0x30",
	`revoke_sessions_requests_pending{age="over_1h"}`:                             "0x30",
	`revoke_sessions_requests_open{state="unknown"}`:                              "0x30",
	`revoke_sessions_requests_open{state="unreachable"}`:                          "0x30",
	`revoke_sessions_request_events_total{event="failed",drill="false"}`:          "0x30",
	`revoke_sessions_request_events_total{event="off_record",drill="false"}`:      "0x30",
	`revoke_sessions_refusals_total{reason="not_on_record"}`:                      "0x30",
	`revoke_sessions_graph_calls_total{call="user",result="ok"}`:                  "0+9x30",
	`revoke_sessions_graph_calls_total{call="user",result="sign_in_failed"}`:      "0x30",
	`revoke_sessions_graph_calls_total{call="user",result="throttled"}`:           "0x30",
	`revoke_sessions_slack_calls_total{method="chat.update",result="refused"}`:    "0x30",
	`revoke_sessions_graph_limit_used_ratio{access="write"}`:                      "0.2x30",
	`revoke_sessions_envelopes_received_total`:                                    "0+1x30",
	`revoke_sessions_strangers`:                                                   "0x30",
	`revoke_sessions_envelopes_total{result="refused"}`:                           "0x30",
	`revoke_sessions_acks_lost_total`:                                             "0x30",
	`revoke_sessions_store_readable`:                                              "1x30",
	`revoke_sessions_store_transactions_total{operation="commit",result="error"}`: "0x30",
	`revoke_sessions_envelope_to_ack_seconds_bucket{le="1"}`:                      "0+9x30",
	`revoke_sessions_envelope_to_ack_seconds_bucket{le="3"}`:                      "0+9x30",
	`revoke_sessions_envelope_to_ack_seconds_bucket{le="+Inf"}`:                   "0+9x30",
	`revoke_sessions_work_waiting`:                                                "0x30",
	`revoke_sessions_frozen`:                                                      "0x80",
	`revoke_sessions_other_rules_in_force`:                                        "0x30",
	`revoke_sessions_clock_jumps_total`:                                           "0x30",
	`revoke_sessions_clock_apart_seconds`:                                         "0x30",
	`promhttp_metric_handler_errors_total{cause="gathering"}`:                     "0x30",
}

// alarming is, for each alert, one series that makes it fire; without values: all
// that is there is missing.
var alarming = map[string][2]string{
	"RevokeSessionsGone":            {},
	"RevokeSessionsDeaf":            {`revoke_sessions_sockets_open`, "0x30"},
	"RevokeSessionsQuiet":           {`revoke_sessions_envelope_age_seconds`, "700000+60x30"},
	"RevokeSessionsNumbersMissing":  {`promhttp_metric_handler_errors_total{cause="gathering"}`, "0+1x30"},
	"RevokeSessionsClockStopped":    {`revoke_sessions_clock_age_seconds`, "0+60x30"},
	"RevokeSessionsOverdue":         {`revoke_sessions_rows_overdue{kind="requests"}`, "3x30"},
	"RevokeSessionsStalled":         {`revoke_sessions_requests_stalled`, "1x30"},
	"RevokeSessionsCannotStore":     {`revoke_sessions_dependency_up{dependency="database"}`, "0x30"},
	"RevokeSessionsSlackGone":       {`revoke_sessions_dependency_up{dependency="slack"}`, "0x30"},
	"RevokeSessionsEntraGone":       {`revoke_sessions_dependency_up{dependency="entra"}`, "0x30"},
	"RevokeSessionsPending":         {`revoke_sessions_requests_pending{age="10m_to_1h"}`, "2x30"},
	"RevokeSessionsUnknown":         {`revoke_sessions_requests_open{state="unknown"}`, "1x30"},
	"RevokeSessionsRefused":         {`revoke_sessions_request_events_total{event="failed",drill="false"}`, "0+1x30"},
	"RevokeSessionsOffRecord":       {`revoke_sessions_request_events_total{event="off_record",drill="false"}`, "0+1x30"},
	"RevokeSessionsUnverified":      {`revoke_sessions_requests_open{state="unreachable"}`, "1x60"},
	"RevokeSessionsSignInFailing":   {`revoke_sessions_graph_calls_total{call="user",result="sign_in_failed"}`, "0+1x30"},
	"RevokeSessionsGraphFailing":    {`revoke_sessions_graph_calls_total{call="user",result="throttled"}`, "0+9x30"},
	"RevokeSessionsSlackFailing":    {`revoke_sessions_slack_calls_total{method="chat.update",result="refused"}`, "0+2x30"},
	"RevokeSessionsStrangers":       {`revoke_sessions_strangers`, "1x30"},
	"RevokeSessionsNotStored":       {`revoke_sessions_envelopes_total{result="refused"}`, "0+1x30"},
	"RevokeSessionsStoreUnreadable": {`revoke_sessions_store_readable`, "0x30"},
	"RevokeSessionsStoreFailing":    {`revoke_sessions_store_transactions_total{operation="commit",result="error"}`, "0+1x30"},
	"RevokeSessionsSlowAck":         {`revoke_sessions_envelope_to_ack_seconds_bucket{le="1"}`, "0+1x30"},
	"RevokeSessionsBusy":            {`revoke_sessions_work_waiting`, "5x30"},
	"RevokeSessionsOverLimit":       {`revoke_sessions_graph_limit_used_ratio{access="write"}`, "1.2x30"},
	"RevokeSessionsFrozen":          {`revoke_sessions_frozen`, "1x80"},
	"RevokeSessionsOtherRules":      {`revoke_sessions_other_rules_in_force`, "1x30"},
	"RevokeSessionsClockSet":        {`revoke_sessions_clock_apart_seconds`, "9x30"},
}

// alertPlay is one of promtool's tests: what two bots say, and which alerts fire.
type alertPlay struct {
	Interval string          `yaml:"interval"`
	Input    []alertSeries   `yaml:"input_series"`
	Tests    []alertExpected `yaml:"promql_expr_test"`
}

type alertSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertExpected struct {
	Expr    string           `yaml:"expr"`
	At      string           `yaml:"eval_time"`
	Samples []map[string]any `yaml:"exp_samples"`
}

// said is what two bots say, of which the second says one thing otherwise, or does
// not say it.
func said(otherwise func(series, values string) (string, bool)) (all []alertSeries) {
	for _, instance := range []string{"a", "b"} {
		for _, series := range slices.Sorted(maps.Keys(wellBot)) {
			values, there := wellBot[series], true
			if instance == "b" {
				values, there = otherwise(series, values)
			}
			if !there {
				continue
			}
			name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
			if labels != "" {
				labels = "," + labels
			}
			all = append(all, alertSeries{fmt.Sprintf(`%s{instance=%q%s}`, name, instance, labels), values})
		}
	}
	return all
}

// fires expects an alert to fire at a time, or not to, with the label missing or not.
func fires(alert, at, missing string, yes bool) alertExpected {
	e := alertExpected{Expr: fmt.Sprintf(`count(ALERTS{alertname=~%q,alertstate="firing",missing=~%q})`, alert, missing), At: at, Samples: []map[string]any{}}
	if yes {
		e.Expr = `clamp_max(` + e.Expr + `, 1)`
		e.Samples = append(e.Samples, map[string]any{"labels": "{}", "value": 1})
	}
	return e
}

// TestAlertsFire holds each alert to promtool: it fires at what it is for, is silent
// while all is well, and each page fires, too, where one of two bots does not say the
// number.
func TestAlertsFire(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: Debian's package prometheus has it")
	}
	rules, err := filepath.Abs(filepath.Join(deployFolder, "prometheus-rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asItIs := func(_, values string) (string, bool) { return values, true }
	plays := []alertPlay{
		{"1m", said(asItIs), []alertExpected{fires(".*", "14m", ".*", false)}},
		{"1m", nil, []alertExpected{fires("RevokeSessionsGone", "14m", "", true), fires("RevokeSessions[^G].*", "14m", ".*", false)}},
	}
	known := map[string]bool{}
	for _, r := range alertRules(t) {
		known[r.Alert] = true
		if r.Alert == "RevokeSessionsGone" {
			continue
		}
		alarm, ok := alarming[r.Alert]
		if !ok {
			t.Errorf("nothing is known that makes %s fire", r.Alert)
			continue
		}
		at := "14m"
		if r.For == "1h" || r.For == "30m" {
			at = "62m"
		}
		if _, there := wellBot[alarm[0]]; !there {
			t.Fatalf("no healthy bot says %s", alarm[0])
		}
		alarmed := said(func(series, values string) (string, bool) {
			if series == alarm[0] {
				values = alarm[1]
			}
			return values, true
		})
		if r.Alert == "RevokeSessionsQuiet" || r.Alert == "RevokeSessionsDeaf" || r.Alert == "RevokeSessionsClockStopped" || r.Alert == "RevokeSessionsStoreUnreadable" {
			alarmed = slices.DeleteFunc(alarmed, func(s alertSeries) bool { return strings.Contains(s.Series, `instance="a"`) }) // one well bot is enough
		}
		plays = append(plays, alertPlay{"1m", alarmed, []alertExpected{fires(r.Alert, at, "", true), fires(r.Alert, at, "yes", false)}})
		if r.Labels["severity"] != "page" {
			continue
		}
		name, labels, _ := strings.Cut(alarm[0], "{")
		plays = append(plays, alertPlay{"1m", said(func(series, values string) (string, bool) {
			same := strings.HasPrefix(series, name)
			if name == "revoke_sessions_dependency_up" {
				same = same && strings.HasSuffix(series, labels)
			}
			return values, !same
		}), []alertExpected{fires(r.Alert, "14m", "yes", true), fires(r.Alert, "14m", "", false)}})
	}
	for name := range alarming {
		if !known[name] {
			t.Errorf("there is no alert %s", name)
		}
	}
	// What is counted in a database that cannot be read is missing, and that is told once.
	plays = append(plays, alertPlay{"1m", said(func(series, values string) (string, bool) {
		if series == "revoke_sessions_store_readable" {
			values = "0x30"
		}
		counted := strings.HasPrefix(series, "revoke_sessions_requests_") || strings.HasPrefix(series, "revoke_sessions_rows_") || series == "revoke_sessions_frozen"
		return values, !counted
	}), []alertExpected{fires(".*", "14m", "yes", false)}})
	text, err := yaml.Marshal(map[string]any{"rule_files": []string{rules}, "evaluation_interval": "1m", "tests": plays})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "alerts.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(promtool, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, said)
	}
}
