package slacktest_test

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// modal is a view with a user picker and an optional reason, and extra fields.
func modal(extra string) string {
	return `{"type":"modal","callback_id":"form","private_metadata":"7","title":` + plain("Lost device") + `,"submit":` + plain("Ask") + `,"blocks":[
{"type":"input","block_id":"target","label":` + plain("Whose") + `,"element":{"type":"users_select","action_id":"user"}},
{"type":"input","block_id":"reason","optional":true,"label":` + plain("Why") + `,"element":{"type":"plain_text_input","action_id":"text","max_length":10,"initial_value":"lost"}}]` + extra + `}`
}

// open types a command and opens the view with its trigger.
func open(t *testing.T, s *slacktest.Server, c *client, view string) slacktest.View {
	t.Helper()
	s.As("U2").Command("C1", "")
	trigger := c.acked(t, "")["trigger_id"].(string)
	wantError(t, call(t, s, "views.open", "trigger_id", trigger, "view", view), "")
	v := s.Views("U2")
	if len(v) != 1 {
		t.Fatalf("%d views", len(v))
	}
	return v[0]
}

func TestTriggers(t *testing.T) {
	now := &clock{}
	s := workspace(t, slacktest.Config{Now: now.now})
	c := connect(t, s)
	trigger := func() string {
		s.As("U2").Command("C1", "")
		return c.acked(t, "")["trigger_id"].(string)
	}
	id := trigger()
	wantError(t, call(t, s, "views.open", "trigger_id", id, "view", modal(`,"colour":"red"`)), "invalid_arguments")
	now.advance(slacktest.TriggerLifetime)
	wantError(t, call(t, s, "views.open", "trigger_id", id, "view", modal("")), "")
	wantError(t, call(t, s, "views.open", "trigger_id", id, "view", modal("")), "exchanged_trigger_id")
	wantError(t, call(t, s, "views.open", "trigger_id", "1.2.3", "view", modal("")), "invalid_trigger_id")
	id = trigger()
	now.advance(slacktest.TriggerLifetime + time.Millisecond)
	wantError(t, call(t, s, "views.open", "trigger_id", id, "view", modal("")), "expired_trigger_id")
	if v := s.Views("U2"); len(v) != 1 || v[0].CallbackID != "form" || v[0].PrivateMetadata != "7" || v[0].Title != "Lost device" || v[0].SubmitLabel != "Ask" {
		t.Fatalf("%+v", v)
	}
	if len(s.Views("U1")) != 0 {
		t.Fatal("somebody else sees it")
	}
}

func TestViewLimits(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	section := `{"type":"section","text":` + plain("x") + `}`
	view := func(extra, blocks string) string {
		return `{"type":"modal","blocks":[` + blocks + `]` + extra + `}`
	}
	title := `,"title":` + plain("x")
	for name, test := range map[string]struct{ good, bad string }{
		"title":            {view(`,"title":`+plain(long(24)), section), view(`,"title":`+plain(long(25)), section)},
		"no title":         {view(title, section), view("", section)},
		"submit":           {view(title+`,"submit":`+plain(long(24)), section), view(title+`,"submit":`+plain(long(25)), section)},
		"close":            {view(title+`,"close":`+plain(long(24)), section), view(title+`,"close":`+plain(long(25)), section)},
		"metadata":         {view(title+`,"private_metadata":"`+long(3000)+`"`, section), view(title+`,"private_metadata":"`+long(3001)+`"`, section)},
		"callback_id":      {view(title+`,"callback_id":"`+long(255)+`"`, section), view(title+`,"callback_id":"`+long(256)+`"`, section)},
		"blocks":           {view(title, repeat(100, section)), view(title, repeat(101, section))},
		"no blocks":        {view(title, section), view(title, "")},
		"input and submit": {modal(""), strings.Replace(modal(""), `"submit"`, `"close"`, 1)},
		"type":             {view(title, section), strings.Replace(view(title, section), "modal", "home", 1)},
		"unknown field":    {view(title, section), view(title+`,"colour":"red"`, section)},
		"focus": {view(title+`,"submit":`+plain("x"), `{"type":"input","label":`+plain("x")+`,"element":{"type":"plain_text_input","focus_on_load":true}}`),
			view(title+`,"submit":`+plain("x"), repeat(2, `{"type":"input","label":`+plain("x")+`,"element":{"type":"plain_text_input","focus_on_load":true}}`))},
		"lengths": {strings.Replace(modal(""), `"max_length":10`, `"max_length":10,"min_length":10`, 1), strings.Replace(modal(""), `"max_length":10`, `"max_length":10,"min_length":11`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			// An accepted view gets as far as its trigger.
			if r := call(t, s, "views.open", "trigger_id", "none", "view", test.good); r.Error != "invalid_trigger_id" {
				t.Errorf("refused: %v", r.Metadata.Messages)
			}
			wantError(t, call(t, s, "views.open", "trigger_id", "none", "view", test.bad), "invalid_arguments")
		})
	}
	wantError(t, call(t, s, "views.open", "trigger_id", "none", "view", modal(strings.Repeat(" ", slacktest.MaxViewBytes))), "view_too_large")
}

func TestSubmit(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	v := open(t, s, c, modal(""))
	for name, d := range map[string]*slacktest.Delivery{
		"required field":  s.As("U2").Submit(v.ID, nil),
		"too long":        s.As("U2").Submit(v.ID, slacktest.Values{"target": {"user": "U1"}, "reason": {"text": long(11)}}),
		"nobody":          s.As("U2").Submit(v.ID, slacktest.Values{"target": {"user": "U0"}}),
		"no such block":   s.As("U2").Submit(v.ID, slacktest.Values{"where": {"user": "U1"}}),
		"no such action":  s.As("U2").Submit(v.ID, slacktest.Values{"target": {"who": "U1"}}),
		"somebody else's": s.As("U1").Submit(v.ID, slacktest.Values{"target": {"user": "U1"}}),
	} {
		if d.Err() == nil {
			t.Errorf("%s: submitted", name)
		}
	}
	d := s.As("U2").Submit(v.ID, slacktest.Values{"target": {"user": "U1"}})
	p := c.acked(t, `{"response_action":"errors","errors":{"reason":"Say more."}}`)
	view := p["view"].(map[string]any)
	values := view["state"].(map[string]any)["values"].(map[string]any)
	target := values["target"].(map[string]any)["user"].(map[string]any)
	reason := values["reason"].(map[string]any)["text"].(map[string]any)
	if p["type"] != "view_submission" || p["api_app_id"] != s.AppID() || p["user"].(map[string]any)["id"] != "U2" || view["id"] != v.ID || view["hash"] != v.Hash ||
		view["private_metadata"] != "7" || view["callback_id"] != "form" || target["selected_user"] != "U1" || target["type"] != "users_select" || reason["value"] != "lost" {
		t.Fatalf("%v", p)
	}
	if _, err := d.Wait(timeout(t)); err != nil || s.Views("U2")[0].Errors["reason"] != "Say more." {
		t.Fatalf("%v %+v", err, s.Views("U2"))
	}
	d = s.As("U2").Submit(v.ID, slacktest.Values{"target": {"user": "U1"}, "reason": {"text": ""}})
	p = c.acked(t, "")
	if got := p["view"].(map[string]any)["state"].(map[string]any)["values"].(map[string]any)["reason"].(map[string]any)["text"].(map[string]any)["value"]; got != nil {
		t.Fatalf("an empty field is %v, want null", got)
	}
	if _, err := d.Wait(timeout(t)); err != nil || len(s.Views("U2")) != 0 {
		t.Fatalf("%v %+v", err, s.Views("U2"))
	}
}

func TestSubmissionAcks(t *testing.T) {
	filled := slacktest.Values{"target": {"user": "U1"}}
	for name, test := range map[string]struct {
		ack      string
		rejected bool
		titles   string
	}{
		"empty":             {"", false, ""},
		"empty object":      {"{}", false, ""},
		"clear":             {`{"response_action":"clear"}`, false, ""},
		"update":            {`{"response_action":"update","view":` + strings.Replace(modal(""), "Lost device", "Thanks", 1) + `}`, false, "Thanks"},
		"push":              {`{"response_action":"push","view":` + strings.Replace(modal(""), "Lost device", "Sure?", 1) + `}`, false, "Lost device Sure?"},
		"update, invalid":   {`{"response_action":"update","view":{}}`, true, "Lost device"},
		"errors, no block":  {`{"response_action":"errors","errors":{"where":"x"}}`, true, "Lost device"},
		"errors, none":      {`{"response_action":"errors"}`, true, "Lost device"},
		"unknown":           {`{"response_action":"shout"}`, true, "Lost device"},
		"a message instead": {`{"text":"Thanks"}`, true, "Lost device"},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, slacktest.Config{})
			c := connect(t, s)
			v := open(t, s, c, modal(""))
			d := s.As("U2").Submit(v.ID, filled)
			c.acked(t, test.ack)
			ack, err := d.Wait(timeout(t))
			if err != nil || (ack.Rejected != "") != test.rejected {
				t.Fatalf("%+v %v", ack, err)
			}
			var titles []string
			for _, v := range s.Views("U2") {
				titles = append(titles, v.Title)
			}
			if got := strings.Join(titles, " "); got != test.titles {
				t.Errorf("views %q, want %q", got, test.titles)
			}
		})
	}
}

func TestUpdatePushAndClose(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	v := open(t, s, c, modal(`,"external_id":"mine","notify_on_close":true`))
	wantError(t, call(t, s, "views.update", "view_id", v.ID, "hash", "0.0", "view", modal("")), "hash_conflict")
	wantError(t, call(t, s, "views.update", "view_id", "V0", "view", modal("")), "not_found")
	wantError(t, call(t, s, "views.update", "view", modal("")), "invalid_arguments")
	s.As("U1").Command("C1", "")
	trigger := c.acked(t, "")["trigger_id"].(string)
	wantError(t, call(t, s, "views.open", "trigger_id", trigger, "view", modal(`,"external_id":"mine"`)), "duplicate_external_id")
	wantError(t, call(t, s, "views.update", "external_id", "mine", "view", modal(`,"external_id":"mine","notify_on_close":true`)), "")
	v = s.Views("U2")[0]
	r := call(t, s, "views.update", "external_id", "mine", "hash", v.Hash, "view", modal(`,"notify_on_close":true`))
	wantError(t, r, "")
	if r.View.ID != v.ID || r.View.Hash == v.Hash {
		t.Fatalf("%+v", r.View)
	}
	push := func(want string) {
		t.Helper()
		s.As("U2").Command("C1", "")
		wantError(t, call(t, s, "views.push", "trigger_id", c.acked(t, "")["trigger_id"].(string), "view", modal("")), want)
	}
	push("")
	push("")
	push("push_limit_reached")
	stack := s.Views("U2")
	if len(stack) != 3 || stack[2].PreviousID != stack[1].ID || stack[2].RootID != v.ID {
		t.Fatalf("%+v", stack)
	}
	d := s.As("U2").Close(stack[2].ID)
	if _, err := d.Wait(timeout(t)); err != nil || d.EnvelopeID != "" {
		t.Fatalf("a close without notify_on_close was sent: %v", err)
	}
	d = s.As("U2").Close(v.ID)
	if p := c.acked(t, ""); p["type"] != "view_closed" || p["view"].(map[string]any)["id"] != v.ID || p["is_cleared"] != false {
		t.Fatalf("%v", p)
	}
	if _, err := d.Wait(timeout(t)); err != nil || len(s.Views("U2")) != 1 || s.As("U2").Close(v.ID).Err() == nil {
		t.Fatalf("%v %+v", err, s.Views("U2"))
	}
}

func TestUnansweredSubmissionStaysOpen(t *testing.T) {
	s := workspace(t, slacktest.Config{AckDeadline: 30 * time.Millisecond})
	c := connect(t, s)
	s.As("U2").Command("C1", "")
	trigger := c.next(t)["payload"].(map[string]any)["trigger_id"].(string)
	wantError(t, call(t, s, "views.open", "trigger_id", trigger, "view", modal("")), "")
	v := s.Views("U2")[0]
	d := s.As("U2").Submit(v.ID, slacktest.Values{"target": {"user": "U1"}})
	if saw, err := d.Outcome(timeout(t)); err != nil || saw != slacktest.OperationTimeout {
		t.Fatalf("%q %v", saw, err)
	}
	c.acked(t, "")
	if _, err := d.Wait(timeout(t)); err != nil || len(s.Views("U2")) != 1 {
		t.Fatal("a late ack closed the form")
	}
}

// A field keeps what was typed while its block_id and action_id stay; a view between two
// forms makes Slack forget it.
func TestView_KeepsWhatWasTyped(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	v := open(t, s, c, modal(""))
	submit := func(values slacktest.Values, ack string) (target, reason any) {
		t.Helper()
		d := s.As("U2").Submit(v.ID, values)
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		state := c.acked(t, ack)["view"].(map[string]any)["state"].(map[string]any)["values"].(map[string]any)
		if ack, err := d.Wait(timeout(t)); err != nil || ack.Rejected != "" {
			t.Fatalf("%+v %v", ack, err)
		}
		return state["target"].(map[string]any)["user"].(map[string]any)["selected_user"],
			state["reason"].(map[string]any)["text"].(map[string]any)["value"]
	}
	again := strings.Replace(modal(""), `"initial_value":"lost"`, `"initial_value":"again"`, 1)
	submit(slacktest.Values{"target": {"user": "U1"}, "reason": {"text": "a train"}}, `{"response_action":"errors","errors":{"reason":"Say more."}}`)
	if text := s.Views("U2")[0].Plain(); !strings.Contains(text, "Lost device\nWhose\nWhy") || !strings.Contains(text, "reason! Say more.\n[Ask]") {
		t.Errorf("the view reads %q", text)
	}
	if target, reason := submit(nil, `{"response_action":"update","view":`+again+`}`); target != "U1" || reason != "a train" {
		t.Errorf("after an error the fields hold %v and %v", target, reason)
	}
	if len(s.Views("U2")[0].Errors) > 0 {
		t.Error("a new view shows the errors of the old one")
	}
	checking := `{"type":"modal","title":` + plain("Checking") + `,"blocks":[{"type":"section","text":` + plain("x") + `}]}`
	if target, reason := submit(nil, `{"response_action":"update","view":`+checking+`}`); target != "U1" || reason != "a train" {
		t.Errorf("after an update with the same fields they hold %v and %v", target, reason)
	}
	if s.As("U2").Submit(v.ID, nil).Err() == nil {
		t.Error("a view without a button was submitted")
	}
	wantError(t, call(t, s, "views.update", "view_id", v.ID, "view", again), "")
	if _, reason := submit(slacktest.Values{"target": {"user": "U1"}}, ""); reason != "again" {
		t.Errorf("after a view without the field it holds %v", reason)
	}
	wantError(t, call(t, s, "views.update", "view_id", v.ID, "view", again), "not_found") // the empty ack has closed it
}
