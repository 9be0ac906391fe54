package slacktest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot/slacktest"
)

type seenChoice struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type seenPanel struct {
	Title    string        `json:"title"`
	Status   []string      `json:"status"`
	Controls []seenControl `json:"controls"`
}

type seenControl struct {
	ID      string             `json:"id"`
	Label   string             `json:"label"`
	Hint    string             `json:"hint"`
	Switch  bool               `json:"switch"`
	Value   string             `json:"value"`
	Options []slacktest.Option `json:"options"`
}

var bothShortcuts = []slacktest.Shortcut{
	{Name: "Report", Type: slacktest.GlobalShortcut, CallbackID: "report"},
	{Name: "Report the author", Type: slacktest.MessageShortcut, CallbackID: "author"},
}

func TestPageHome(t *testing.T) {
	s := workspace(t, slacktest.Config{HomeTab: true, Events: []string{"app_home_opened"}})
	c := connect(t, s)
	v := visit(t, s, slacktest.Page{})
	if home := v.sees(t, "U2").Home; home == nil || home.Blocks != nil {
		t.Fatalf("before the app published anything, Bob sees %+v", home)
	}
	fine := map[string]string{"saw": ""}
	acks := func(act func()) map[string]any {
		t.Helper()
		var done sync.WaitGroup
		done.Go(act)
		got := c.acked(t, "")
		done.Wait()
		return got
	}
	got := acks(func() { v.wants(t, "/home", "U2", "", http.StatusOK, fine) })
	if event := got["event"].(map[string]any); event["type"] != "app_home_opened" || event["user"] != "U2" || event["tab"] != "home" {
		t.Errorf("the app heard %v", event)
	}
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", `{"type":"home","blocks":[{"type":"actions","elements":[
		{"type":"button","action_id":"cancel","value":"1","text":{"type":"plain_text","text":"Cancel 1"}}]},{"type":"actions","elements":[
		{"type":"button","action_id":"cancel","value":"2","text":{"type":"plain_text","text":"Cancel 2"}}]}]}`), "")
	if home := v.sees(t, "U2").Home; home == nil || len(home.Blocks) != 2 {
		t.Errorf("Bob sees %+v", home)
	}
	if home := v.sees(t, "U1").Home; home == nil || home.Blocks != nil {
		t.Errorf("Alice sees %+v, which is Bob's", home)
	}
	got = acks(func() { v.wants(t, "/press", "U2", `,"action":"cancel","value":"2"`, http.StatusOK, fine) })
	if action := got["actions"].([]any)[0].(map[string]any); action["action_id"] != "cancel" || action["value"] != "2" {
		t.Errorf("the press arrived as %v", action)
	}
	if status, answer := v.does(t, "/press", "U2", `,"action":"cancel","value":"3"`); status != http.StatusConflict || !strings.Contains(answer["problem"], "no button") {
		t.Errorf("a button that is not there: %d, %v", status, answer)
	}
	if home := visit(t, workspace(t, slacktest.Config{}), slacktest.Page{}).sees(t, "U2").Home; home != nil {
		t.Errorf("without a Home tab in the manifest, Bob sees %+v", home)
	}
}

func TestPageShortcuts(t *testing.T) {
	s := workspace(t, slacktest.Config{Shortcuts: bothShortcuts})
	c := connect(t, s)
	v := visit(t, s, slacktest.Page{})
	state := v.sees(t, "U2")
	if diff := cmp.Diff([]seenChoice{{"report", "Report"}}, state.Shortcuts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]seenChoice{{"author", "Report the author"}}, state.OnMessage); diff != "" {
		t.Error(diff)
	}
	ts := s.As("U1").Say("C1", "", "my laptop is gone")
	for fields, want := range map[string][2]string{
		`,"action":"report"`: {"shortcut", "report"},
		`,"action":"author","channel":"C1","ts":"` + ts + `"`: {"message_action", "author"},
	} {
		var done sync.WaitGroup
		done.Go(func() { v.wants(t, "/shortcut", "U2", fields, http.StatusOK, map[string]string{"saw": ""}) })
		got := c.acked(t, "")
		done.Wait()
		if got["type"] != want[0] || got["callback_id"] != want[1] {
			t.Errorf("%s arrived as %v, %v", fields, got["type"], got["callback_id"])
		}
	}
	if status, answer := v.does(t, "/shortcut", "U2", `,"action":"author","channel":"C3","ts":"`+ts+`"`); status != http.StatusConflict || answer["problem"] == "" {
		t.Errorf("a message that Bob does not see: %d, %v", status, answer)
	}
}

func TestPageReadOnly(t *testing.T) {
	s := workspace(t, slacktest.Config{MessagesTabReadOnly: true})
	v := visit(t, s, slacktest.Page{})
	state := v.sees(t, "U2")
	for _, c := range state.Channels {
		if c.ReadOnly != c.Direct {
			t.Errorf("%s is read-only: %v", c.Name, c.ReadOnly)
		}
	}
	direct := state.Channels[len(state.Channels)-1].ID
	for path, text := range map[string]string{"/say": "hello", "/command": "/revoke-sessions me"} {
		status, answer := v.does(t, path, "U2", `,"channel":"`+direct+`","text":"`+text+`"`)
		if status != http.StatusConflict || !strings.Contains(answer["problem"], "read-only") {
			t.Errorf("%s: %d, %v", path, status, answer)
		}
	}
}

func TestPageControls(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	var mu sync.Mutex
	weather, lamp, rings := "fair", "", 0
	read := func(value *string) func() string {
		return func() string {
			mu.Lock()
			defer mu.Unlock()
			return *value
		}
	}
	set := func(value *string) func(context.Context, string) error {
		return func(_ context.Context, to string) error {
			mu.Lock()
			defer mu.Unlock()
			*value = to
			return nil
		}
	}
	v := visit(t, s, slacktest.Page{
		Instance: "first", ControlsTitle: "Around", Status: func() []string { return []string{"weather: " + read(&weather)()} },
		Controls: []slacktest.Control{
			{ID: "weather", Label: "Weather", Options: []slacktest.Option{{Value: "fair", Label: "Fair"}, {Value: "foul", Label: "Foul"}}, Value: read(&weather), Do: set(&weather)},
			{ID: "lamp", Label: "Lamp", Hint: "Light.", Value: read(&lamp), Do: set(&lamp)},
			{ID: "bell", Label: "Bell", Do: func(context.Context, string) error {
				rings++
				return errors.New("the bell is cracked")
			}},
		},
	})
	uses := func(fields string, headers map[string]string) (int, string) {
		resp, body := v.ask(t, http.MethodPost, "/control", fields, headers)
		return resp.StatusCode, strings.TrimSpace(body)
	}
	own := map[string]string{"X-Page": "1"}
	for _, test := range []struct {
		fields string
		status int
		body   string
	}{
		{`{"control":"weather","value":"foul"}`, http.StatusOK, `{}`},
		{`{"control":"lamp","value":"on"}`, http.StatusOK, `{}`},
		{`{"control":"bell"}`, http.StatusOK, `{"problem":"the bell is cracked"}`},
		{`{"control":"weather","value":"hail"}`, http.StatusNotFound, "there is no such control, or it has no such value"},
		{`{"control":"lamp","value":"broken"}`, http.StatusNotFound, "there is no such control, or it has no such value"},
		{`{"control":"bell","value":"on"}`, http.StatusNotFound, "there is no such control, or it has no such value"},
		{`{"control":"sun"}`, http.StatusNotFound, "there is no such control, or it has no such value"},
		{`{"control":"bell","as":"U1"}`, http.StatusBadRequest, "an act is a JSON object with known fields"},
	} {
		if status, body := uses(test.fields, own); status != test.status || body != test.body {
			t.Errorf("%s: %d %s, want %d %s", test.fields, status, body, test.status, test.body)
		}
	}
	// What the page's guard refuses does nothing.
	for name, headers := range map[string]map[string]string{
		"no header": {}, "foreign origin": {"X-Page": "1", "Origin": "https://evil.example"}, "foreign page": {"X-Page": "1", "Sec-Fetch-Site": "cross-site"},
		"rebound name": {"X-Page": "1", "Host": "evil.example"},
	} {
		if status, _ := uses(`{"control":"bell"}`, headers); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if rings != 1 {
		t.Errorf("the bell rang %d times", rings)
	}
	state := v.sees(t, "U1")
	want := &seenPanel{Title: "Around", Status: []string{"weather: foul"}, Controls: []seenControl{
		{ID: "weather", Label: "Weather", Value: "foul", Options: []slacktest.Option{{Value: "fair", Label: "Fair"}, {Value: "foul", Label: "Foul"}}},
		{ID: "lamp", Label: "Lamp", Hint: "Light.", Switch: true, Value: "on"},
		{ID: "bell", Label: "Bell"},
	}}
	if diff := cmp.Diff(want, state.Panel); diff != "" || state.Instance != "first" {
		t.Errorf("instance %q, panel (-want +got):\n%s", state.Instance, diff)
	}
	if d := time.Since(time.UnixMilli(state.Now)).Abs(); d > time.Minute {
		t.Errorf("the workspace's clock is off by %s", d)
	}
	// A page without controls has none to use.
	bare := visit(t, s, slacktest.Page{})
	if resp, _ := bare.ask(t, http.MethodPost, "/control", `{"control":"bell"}`, own); resp.StatusCode != http.StatusNotFound || bare.sees(t, "U1").Panel != nil {
		t.Errorf("status %d, panel %+v", resp.StatusCode, bare.sees(t, "U1").Panel)
	}
}
