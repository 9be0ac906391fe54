package slacktest_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// clock is a clock that a test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func respond(t *testing.T, url any, body string) reply {
	t.Helper()
	resp, err := http.Post(url.(string), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r := decode(t, resp)
	if r.OK != (resp.StatusCode == http.StatusOK) {
		t.Fatalf("status %d with ok %v", resp.StatusCode, r.OK)
	}
	return r
}

func TestResponseURLOfACommand(t *testing.T) {
	c := &clock{}
	s := workspace(t, slacktest.Config{Now: c.now})
	k := connect(t, s)
	s.As("U2").Command("C2", "help") // the bot is not in C2: response URLs get through all the same
	url := k.acked(t, "")["response_url"]
	wantError(t, respond(t, url, `{"text":"private","attachments":[]}`), "")
	wantError(t, respond(t, url, `{"text":"public","response_type":"in_channel"}`), "")
	wantError(t, respond(t, url, `{"text":"x","colour":"red"}`), "invalid_payload")
	wantError(t, respond(t, url, `{"blocks":[{"type":"alert"}]}`), "invalid_blocks")
	if e, m := s.Ephemerals("U2"), s.Messages("C2"); len(e) != 1 || e[0].Text != "private" || e[0].To != "U2" || len(m) != 1 || m[0].Text != "public" {
		t.Fatalf("%+v %+v", e, m)
	}
	wantError(t, respond(t, url, `{"text":"fifth"}`), "")
	wantError(t, respond(t, url, `{"text":"sixth"}`), "used_url")

	s.As("U2").Command("C2", "help")
	url = k.acked(t, "")["response_url"]
	wantError(t, respond(t, url, `{"delete_original":true}`), "message_not_found")
	wantError(t, respond(t, url, `{"text":"x","attachments":[{"text":"y"}]}`), "invalid_arguments")
	c.advance(slacktest.ResponseURLLifetime)
	wantError(t, respond(t, url, `{"text":"just in time"}`), "")
	c.advance(time.Second)
	wantError(t, respond(t, url, `{"text":"too late"}`), "expired_url")
	wantError(t, respond(t, url.(string)+"0", `{"text":"guess"}`), "no_service")
	if calls := s.CallsOf("response_url"); len(calls) != 11 || calls[10].Error != "no_service" || calls[0].Params["text"] != "private" {
		t.Fatalf("%d calls", len(calls))
	}
}

func TestResponseURLOfAClick(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	k := connect(t, s)
	ts := post(t, s, "text", "Revoke?", "blocks", card)
	s.As("U1").Click("C1", ts, "request.confirm")
	url := k.acked(t, "")["response_url"]
	wantError(t, respond(t, url, `{"text":"You may not.","replace_original":false,"metadata":{"event_type":"","event_payload":null},"blocks":null}`), "")
	if e := s.Ephemerals("U1"); len(e) != 1 || len(s.Messages("C1")[0].Buttons()) != 2 {
		t.Fatalf("%+v", e)
	}
	wantError(t, respond(t, url, `{"text":"Reply","response_type":"in_channel","thread_ts":"`+ts+`"}`), "")
	if len(s.Thread("C1", ts)) != 2 {
		t.Fatal("not in the thread")
	}
	wantError(t, respond(t, url, `{"text":"Revoked.","replace_original":true}`), "")
	if m := s.Messages("C1"); len(m) != 1 || m[0].Text != "Revoked." || m[0].Blocks != nil || len(s.History("C1", ts)) != 2 {
		t.Fatalf("%+v", m)
	}
	wantError(t, respond(t, url, `{"delete_original":true}`), "")
	if m := s.Messages("C1"); len(m) != 0 {
		t.Fatalf("%+v", m)
	}
}
