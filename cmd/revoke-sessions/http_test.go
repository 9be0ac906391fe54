package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// served has the bot serve its health and numbers on a free port.
func (th *theatre) served() {
	if th.more == nil {
		th.more = map[string]string{}
	}
	th.more["REVOKE_HTTP_ADDR"] = "127.0.0.1:0"
}

// httpAddress is where it serves them, by its own log.
func (th *theatre) httpAddress() string {
	th.t.Helper()
	for line := range strings.Lines(th.log.String()) {
		var said struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving health and metrics" {
			return said.Address
		}
	}
	th.t.Fatal("the bot does not say where it serves its health and numbers")
	return ""
}

// request asks over a connection of its own.
func (th *theatre) request(method, path string) (status int, body string) {
	th.t.Helper()
	request, err := http.NewRequest(method, "http://"+th.httpAddress()+path, nil)
	if err != nil {
		th.t.Fatal(err)
	}
	request.Close = true
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		th.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		th.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// samples are the bot's numbers, by name and labels as Prometheus reads them.
func (th *theatre) samples() map[string]string {
	th.t.Helper()
	status, body := th.request(http.MethodGet, "/metrics")
	if status != http.StatusOK {
		th.t.Fatalf("/metrics answers %d: %s", status, body)
	}
	all := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		line := lines.Text()
		if at := strings.LastIndexByte(line, ' '); at > 0 && !strings.HasPrefix(line, "#") {
			all[line[:at]] = line[at+1:]
		}
	}
	return all
}

// TestHealth asks a bot for its health as it starts, works and loses Slack.
func TestHealth(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	if status, body := th.request(http.MethodGet, "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	ready := func() bool { status, _ := th.request(http.MethodGet, "/readyz"); return status == http.StatusOK }
	th.poll("it is ready", ready)
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars", "/metrics/more", "/healthzz"} {
		if status, _ := th.request(http.MethodGet, path); status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, _ := th.request(http.MethodPost, path); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, status)
		}
	}

	// The clock's age falls with each round.
	began := time.Now()
	th.poll("the clock goes", func() bool {
		age, err := strconv.ParseFloat(th.samples()["revoke_sessions_clock_age_seconds"], 64)
		return err == nil && 4*age < time.Since(began).Seconds()
	})

	// Slack is gone: the process lives and says what it cannot do.
	th.slack.Close()
	th.poll("it is not ready", func() bool { return !ready() })
	if _, body := th.request(http.MethodGet, "/readyz"); body != "no socket to Slack is open: nothing that people do arrives\n" {
		t.Errorf("/readyz without Slack: %q", body)
	}
	if status, _ := th.request(http.MethodGet, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz without Slack: %d", status)
	}
	if open := th.samples()["revoke_sessions_sockets_open"]; open != "0" {
		t.Errorf("%s sockets are open", open)
	}
}

// TestNumbers plays the main story and reads it off the numbers.
func TestNumbers(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.click(olgaID, bot.ActionConfirm)
	th.poll("Olga is refused", func() bool { return th.count("refused") == 1 })
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Verified")
	th.quiet()
	all := th.samples()
	for sample, want := range map[string]string{
		`revoke_sessions_request_events_total{drill="false",event="requested",lane="self"}`:       "1",
		`revoke_sessions_request_events_total{drill="false",event="verified",lane="self"}`:        "1",
		`revoke_sessions_request_events_total{drill="false",event="verified",lane="third_party"}`: "0",
		`revoke_sessions_report_to_approval_seconds_count{lane="self"}`:                           "1",
		`revoke_sessions_report_to_revoke_seconds_count{lane="self"}`:                             "1",
		`revoke_sessions_report_to_verified_seconds_count{lane="self"}`:                           "1",
		`revoke_sessions_refusals_total{reason="not_approver",wanted="confirm"}`:                  "1",
		`revoke_sessions_revoke_attempts_total{attempt="first"}`:                                  "1",
		`revoke_sessions_graph_calls_total{operation="revoke",result="ok"}`:                       "1",
		`revoke_sessions_graph_calls_total{operation="token",result="ok"}`:                        "1",
		`revoke_sessions_envelopes_total{result="stored"}`:                                        "3",
		`revoke_sessions_envelope_to_ack_seconds_count`:                                           "3",
		`revoke_sessions_store_readable`:                                                          "1",
		`revoke_sessions_store_transactions_total{operation="receive",result="ok"}`:               "3",
		`revoke_sessions_requests_pending{age="under_1m"}`:                                        "0",
		`revoke_sessions_frozen`:                       "0",
		`revoke_sessions_rows_overdue{kind="telling"}`: "0",
	} {
		if all[sample] != want {
			t.Errorf("%s is %q, want %q", sample, all[sample], want)
		}
	}
	for _, sample := range []string{
		`revoke_sessions_slack_calls_total{method="chat.postMessage",result="ok"}`, `revoke_sessions_audit_head`,
		`revoke_sessions_sockets_open`, `go_goroutines`, `process_resident_memory_bytes`, `revoke_sessions_clock_age_seconds`,
	} {
		if all[sample] == "" || all[sample] == "0" {
			t.Errorf("%s is %q", sample, all[sample])
		}
	}
	// What may be in a label is written in the code: nobody's name, no request.
	for sample := range all {
		for _, who := range []string{bobID, aliceID, olgaID, approvals, "REQ-", "contoso", objectID(1)} {
			if strings.Contains(sample, who) {
				t.Errorf("%s names %s", sample, who)
			}
		}
	}
	if len(all) > 1500 {
		t.Errorf("%d samples", len(all))
	}
}

// TestAddressInUse: the bot does not start, and says why.
func TestAddressInUse(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	second := newTheatre(t)
	second.more = map[string]string{"REVOKE_HTTP_ADDR": th.httpAddress()}
	if stop, err := second.start(t.Context(), second.log); err == nil {
		t.Error("it starts", stop())
	}
	said := second.log.String()
	for _, words := range []string{"REVOKE_HTTP_ADDR is " + th.httpAddress(), "address already in use", "Choose another address"} {
		if !strings.Contains(said, words) {
			t.Errorf("it does not say %q:\n%s", words, said)
		}
	}
}

// TestStopWhileRead: somebody who reads slowly does not hold up the stop.
func TestStopWhileRead(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://" + th.httpAddress() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	began := time.Now()
	th.end()
	if took := time.Since(began); took > httpStop+5*time.Second {
		t.Errorf("the stop took %s", took)
	}
	lines := strings.Split(strings.TrimSpace(th.log.String()), "\n")
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, `"msg":"stopped"`) }) {
		t.Error("it did not stop in order")
	}
}
