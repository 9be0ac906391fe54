package slacktest_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// attempt posts to C1 and returns the bare HTTP answer.
func attempt(t *testing.T, s *slacktest.Server, ctx context.Context) (*http.Response, error) {
	t.Helper()
	form := url.Values{"token": {s.BotToken()}, "channel": {"C1"}, "text": {"x"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.APIURL()+"chat.postMessage", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

func TestFaultAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		fault  slacktest.Fault
		status int
		header string
		code   string
		done   bool
	}{
		"none":               {slacktest.Fault{Method: "chat.update", Error: "x"}, 200, "", "", true},
		"error":              {slacktest.Fault{Error: "edit_window_closed"}, 200, "", "edit_window_closed", false},
		"after":              {slacktest.Fault{Error: "internal_error", After: true}, 200, "", "internal_error", true},
		"429 and header":     {slacktest.Fault{RetryAfter: 3 * time.Second}, 429, "3", "ratelimited", false},
		"429 without header": {slacktest.Fault{Status: 429}, 429, "", "ratelimited", false},
		"200 ratelimited":    {slacktest.Fault{Error: "ratelimited"}, 200, "", "ratelimited", false},
		"empty object":       {slacktest.Fault{Body: "{}"}, 200, "", "", false},
		"only a delay":       {slacktest.Fault{Delay: time.Millisecond}, 200, "", "", true},
		"no match":           {slacktest.Fault{Error: "x", Match: func(p map[string]string) bool { return p["channel"] == "C2" }}, 200, "", "", true},
		"match":              {slacktest.Fault{Error: "x", Match: func(p map[string]string) bool { return p["channel"] == "C1" && p["token"] == "" }}, 200, "", "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, slacktest.Config{})
			s.Inject(test.fault)
			resp, err := attempt(t, s, timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			if r := decode(t, resp); resp.StatusCode != test.status || resp.Header.Get("Retry-After") != test.header || r.Error != test.code {
				t.Errorf("%d %q %q", resp.StatusCode, resp.Header.Get("Retry-After"), r.Error)
			}
			if done := len(s.Messages("C1")) == 1; done != test.done {
				t.Errorf("carried out: %v", done)
			}
			if c := s.Calls(); len(c) != 1 || c[0].Status != test.status || c[0].Error != test.code {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestFaultTimesAndClear(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	s.Inject(slacktest.Fault{Method: "chat.postMessage", Times: 2, Error: "first"})
	s.Inject(slacktest.Fault{Error: "second"})
	for _, want := range []string{"first", "first", "second", "second"} {
		wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x"), want)
	}
	s.Inject(slacktest.Fault{Method: "chat.update", Error: "third"})
	s.ClearFaults("chat.update", "")
	wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x"), "")
	s.Inject(slacktest.Fault{Method: "chat.postMessage", Error: "fourth"})
	s.ClearFaults("chat.update")
	wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x"), "fourth")
	s.ClearFaults()
	wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x"), "")
}

func TestServerErrorIsHTML(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	s.Inject(slacktest.Fault{Status: http.StatusBadGateway})
	if resp, err := attempt(t, s, timeout(t)); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Fatalf("%v %v", resp, err)
	}
	if c := s.Calls(); c[0].Status != http.StatusBadGateway || c[0].Answer != nil {
		t.Fatalf("%+v", c)
	}
}

func TestResetAndHang(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	s.Inject(slacktest.Fault{Times: 1, Reset: true, After: true})
	if _, err := attempt(t, s, timeout(t)); err == nil {
		t.Fatal("answered")
	}
	if len(s.Messages("C1")) != 1 || s.Calls()[0].Status != 0 {
		t.Fatal("the call was to be carried out before the reset")
	}
	s.Inject(slacktest.Fault{Times: 1, Hang: true})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := attempt(t, s, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("answered: %v", err)
	}
	if len(s.Messages("C1")) != 1 {
		t.Fatal("carried out")
	}
}

func TestFaultOnResponseURL(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	k := connect(t, s)
	s.As("U2").Command("C1", "help")
	answers := k.acked(t, "")["response_url"]
	s.Inject(slacktest.Fault{Method: "response_url", Times: 1, Status: http.StatusInternalServerError, Body: `{"ok":false,"error":"x"}`})
	wantError(t, respond(t, answers, `{"text":"x"}`), "x")
	wantError(t, respond(t, answers, `{"text":"x"}`), "")
}

func TestRateLimits(t *testing.T) {
	now := &clock{}
	s := workspace(t, slacktest.Config{Now: now.now})
	limited := func(method string, pairs ...string) (calls int) {
		for ; calls < 1000; calls++ {
			if r := call(t, s, method, pairs...); r.Error == "ratelimited" {
				return calls
			}
		}
		return calls
	}
	if n := limited("usergroups.users.list", "usergroup", "S1"); n != 20 {
		t.Errorf("tier 2 gave %d calls", n)
	}
	if n := limited("users.info", "user", "U1"); n != 100 {
		t.Errorf("tier 4 gave %d calls", n)
	}
	ts := call(t, s, "chat.postMessage", "channel", "C1", "text", "x").TS
	if n := limited("chat.update", "channel", "C1", "ts", ts, "text", "y"); n != 50 {
		t.Errorf("tier 3 gave %d calls", n)
	}
	if n := limited("chat.postMessage", "channel", "C1", "text", "x"); n != 4 {
		t.Errorf("chat.postMessage gave %d more calls in one channel", n)
	}
	wantError(t, call(t, s, "chat.postMessage", "channel", "C3", "text", "x"), "")
	resp, err := attempt(t, s, timeout(t))
	if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" {
		t.Fatalf("%v %v", resp, err)
	}
	now.advance(time.Second)
	wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x"), "")
	off := workspace(t, slacktest.Config{Now: now.now, NoRateLimits: "this is what it does"})
	for range 30 {
		wantError(t, call(t, off, "usergroups.users.list", "usergroup", "S1"), "")
	}
}
