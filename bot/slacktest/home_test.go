package slacktest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// homeConfig is an app with a Home tab.
var homeConfig = slacktest.Config{HomeTab: true, Events: []string{"app_home_opened"}}

// home is a Home view with two buttons of the same action_id, one with a dialog, and extra fields.
func home(extra string) string {
	return `{"type":"home","callback_id":"tab","private_metadata":"7","blocks":[
{"type":"header","text":` + plain("Lost a device?") + `},
{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"For <@U1> too"}]}]},
{"type":"actions","block_id":"mine","elements":[
{"type":"button","action_id":"home.lost","text":` + plain("I lost a device") + `,"style":"danger"}]},
{"type":"section","block_id":"first","text":` + plain("REQ-1 waits") + `,"accessory":{"type":"button","action_id":"home.cancel","value":"REQ-1","text":` + plain("Cancel report") + `}},
{"type":"section","block_id":"second","text":` + plain("REQ-2 waits") + `,"accessory":{"type":"button","action_id":"home.cancel","value":"REQ-2","text":{"type":"plain_text","text":"Cancel report","emoji":false},
"confirm":{"title":` + plain("Sure?") + `,"text":` + plain("It ends.") + `,"confirm":` + plain("Cancel it") + `,"deny":` + plain("Keep it") + `}}}]` + extra + `}`
}

// publish publishes a Home for somebody and returns Slack's view object.
func publish(t *testing.T, s *slacktest.Server, user string, pairs ...string) map[string]any {
	t.Helper()
	r := call(t, s, "views.publish", append([]string{"user_id", user, "view", home("")}, pairs...)...)
	wantError(t, r, "")
	return r.raw["view"].(map[string]any)
}

func TestPublish(t *testing.T) {
	s := workspace(t, homeConfig)
	s.SetScopes() // it needs none
	if v, ok := s.Home("U2"); ok {
		t.Fatalf("a Home before anything was published: %+v", v)
	}
	v := publish(t, s, "U2")
	for key, want := range map[string]any{
		"type": "home", "team_id": s.TeamID(), "app_id": s.AppID(), "bot_id": s.BotID(), "callback_id": "tab", "private_metadata": "7",
		"root_view_id": v["id"], "previous_view_id": nil, "external_id": "", "title": nil, "submit": nil,
	} {
		if v[key] != want {
			t.Errorf("%s = %v, want %v", key, v[key], want)
		}
	}
	if state, _ := v["state"].(map[string]any); state["values"] == nil || len(v["blocks"].([]any)) != 5 {
		t.Errorf("%v", v)
	}
	again := publish(t, s, "U2", "hash", v["hash"].(string))
	if again["id"] != v["id"] || again["hash"] == v["hash"] {
		t.Errorf("published again: %v %v, before %v %v", again["id"], again["hash"], v["id"], v["hash"])
	}
	seen, ok := s.Home("U2")
	if !ok || seen.ID != v["id"] || seen.Hash != again["hash"] || seen.Type != "home" || seen.User != "U2" || seen.CallbackID != "tab" || seen.PrivateMetadata != "7" {
		t.Errorf("%+v", seen)
	}
	if want := "Lost a device?\nFor <@U1> too\n[I lost a device]\nREQ-1 waits\n[Cancel report]\nREQ-2 waits\n[Cancel report]"; seen.Plain() != want {
		t.Errorf("%q", seen.Plain())
	}
	if b := seen.Buttons(); len(b) != 3 || b[0].Style != "danger" || b[1].Value != "REQ-1" || b[2].Confirm == nil {
		t.Errorf("%+v", b)
	}
	if _, ok := s.Home("U1"); ok || len(s.Views("U2")) != 0 {
		t.Error("somebody else sees it, or it counts as a modal")
	}
	if other := publish(t, s, "U3"); other["id"] == v["id"] { // a guest is a person of this workspace
		t.Error("two people have one view")
	}
	if n := len(s.CallsOf("views.publish")); n != 3 || len(s.Unknown()) != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestPublishIsRefused(t *testing.T) {
	s := workspace(t, homeConfig)
	s.AddUser(slacktest.User{ID: "UGONE", Deleted: true})
	s.AddUser(slacktest.User{ID: "UBOT", Bot: true})
	s.AddUser(slacktest.User{ID: "UFAR", TeamID: "T9"})
	section := `{"type":"section","text":` + plain("x") + `},`
	blocks := func(n int) string { return strings.TrimSuffix(strings.Repeat(section, n), ",") }
	of := func(blocks, extra string) string { return `{"type":"home","blocks":` + blocks + extra + `}` }
	for name, test := range map[string]struct{ user, view, code string }{
		"100 blocks":            {"U1", of("["+blocks(100)+"]", ""), ""},
		"an input":              {"U1", of(`[{"type":"input","label":`+plain("x")+`,"element":{"type":"plain_text_input","action_id":"a"}}]`, ""), ""},
		"101 blocks":            {"U1", of("["+blocks(101)+"]", ""), "invalid_arguments"},
		"no blocks":             {"U1", of("[]", ""), "invalid_arguments"},
		"null":                  {"U1", of("null", ""), "invalid_arguments"},
		"too large":             {"U1", of("["+blocks(1)+"]", strings.Repeat(" ", slacktest.MaxViewBytes)), "view_too_large"},
		"a modal":               {"U1", modal(""), "invalid_arguments"},
		"a title":               {"U1", home(`,"title":` + plain("x")), "invalid_arguments"},
		"submit":                {"U1", home(`,"submit":` + plain("x")), "invalid_arguments"},
		"close":                 {"U1", home(`,"close":` + plain("x")), "invalid_arguments"},
		"notify_on_close":       {"U1", home(`,"notify_on_close":true`), "invalid_arguments"},
		"long private_metadata": {"U1", of("["+blocks(1)+"]", `,"private_metadata":"`+long(3001)+`"`), "invalid_arguments"},
		"nobody":                {"", home(""), "invalid_arguments"},
		"unknown":               {"U0", home(""), "invalid_arguments"},
		"deactivated":           {"UGONE", home(""), "invalid_arguments"},
		"a bot":                 {"UBOT", home(""), "invalid_arguments"},
		"the bot itself":        {s.BotUserID(), home(""), "invalid_arguments"},
		"another workspace":     {"UFAR", home(""), "invalid_arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, call(t, s, "views.publish", "user_id", test.user, "view", test.view), test.code)
		})
	}
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home(`,"external_id":"x"`)), "")
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home(`,"external_id":"x"`)), "")
	wantError(t, call(t, s, "views.publish", "user_id", "U3", "view", home(`,"external_id":"x"`)), "duplicate_external_id")
	wantError(t, call(t, workspace(t, slacktest.Config{}), "views.publish", "user_id", "U1", "view", home("")), "not_enabled")
}

func TestPublishWithAHash(t *testing.T) {
	s := workspace(t, homeConfig)
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home(""), "hash", "1.2"), "hash_conflict")
	if _, ok := s.Home("U2"); ok {
		t.Fatal("published in spite of the conflict")
	}
	first := publish(t, s, "U2", "hash", "")["hash"].(string)
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home(""), "hash", ""), "hash_conflict")
	second := publish(t, s, "U2", "hash", first)["hash"].(string)
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home(""), "hash", first), "hash_conflict")
	if v, _ := s.Home("U2"); v.Hash != second {
		t.Fatalf("%s, want %s", v.Hash, second)
	}
	publish(t, s, "U2") // without a hash the last one wins
}

func TestPublishHasARateLimit(t *testing.T) {
	c := &clock{}
	cfg := homeConfig
	cfg.Now = c.now
	s := workspace(t, cfg)
	for range 100 {
		publish(t, s, "U2")
	}
	wantError(t, call(t, s, "views.publish", "user_id", "U2", "view", home("")), "ratelimited")
	c.advance(time.Second)
	publish(t, s, "U2")
}

func TestOpenHome(t *testing.T) {
	s := workspace(t, homeConfig)
	c := connect(t, s)
	d := s.As("U2").OpenHome()
	frame := c.next(t)
	if frame["type"] != "events_api" || frame["accepts_response_payload"] != false || frame["retry_attempt"] != 0.0 || frame["retry_reason"] != "" {
		t.Errorf("%v", frame)
	}
	p := frame["payload"].(map[string]any)
	for key, want := range map[string]any{"type": "event_callback", "team_id": s.TeamID(), "api_app_id": s.AppID(), "is_ext_shared_channel": false} {
		if p[key] != want {
			t.Errorf("%s = %v, want %v", key, p[key], want)
		}
	}
	event := p["event"].(map[string]any)
	if event["type"] != "app_home_opened" || event["user"] != "U2" || event["channel"] != s.DirectChannel("U2") || event["tab"] != "home" || event["event_ts"] == "" || event["view"] != nil {
		t.Errorf("%v", event)
	}
	if by := p["authorizations"].([]any)[0].(map[string]any); by["team_id"] != s.TeamID() || by["user_id"] != s.BotUserID() || by["is_bot"] != true {
		t.Errorf("%v", by)
	}
	c.ack(t, frame["envelope_id"], "")
	if ack, err := d.Wait(timeout(t)); err != nil || ack.Late || ack.Rejected != "" {
		t.Errorf("%+v %v", ack, err)
	}

	published := publish(t, s, "U2")
	s.As("U2").OpenHome()
	event = c.acked(t, "")["event"].(map[string]any)
	if view, _ := event["view"].(map[string]any); view["id"] != published["id"] || view["hash"] != published["hash"] || view["type"] != "home" || view["state"] != nil {
		t.Errorf("%v", event)
	}
	s.As("U1").OpenHome() // who has none gets none
	if event := c.acked(t, "")["event"].(map[string]any); event["view"] != nil {
		t.Errorf("%v", event)
	}
	s.As("U2").OpenMessagesTab()
	if event := c.acked(t, "")["event"].(map[string]any); event["tab"] != "messages" || event["view"] != nil {
		t.Errorf("%v", event)
	}
	s.As("U2").OpenHomeRaw(func(p map[string]any) { p["team_id"] = "T9" })
	if p := c.acked(t, ""); p["team_id"] != "T9" {
		t.Errorf("%v", p)
	}
}

// An event that nobody acks shows no error, and comes again.
func TestOpenHomeIsRepeated(t *testing.T) {
	cfg := homeConfig
	cfg.AckDeadline = 30 * time.Millisecond
	s := workspace(t, cfg)
	if d := s.As("U2").OpenHome(); d.Err() == nil || d.Saw() != "" {
		t.Errorf("without a socket: %v, saw %q", d.Err(), d.Saw())
	}
	c := connect(t, s)
	d := s.As("U2").OpenHome()
	first := c.next(t)
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil {
		t.Errorf("saw %q, %v", saw, err)
	}
	for attempt := range 3 {
		d = d.Redeliver()
		again := c.next(t)
		if again["retry_attempt"] != float64(attempt+1) || again["retry_reason"] != "timeout" || again["envelope_id"] == first["envelope_id"] {
			t.Errorf("%v", again)
		}
		if now, then := again["payload"].(map[string]any), first["payload"].(map[string]any); now["event_id"] != then["event_id"] || now["event_id"] == "" {
			t.Errorf("%v, first %v", now, then)
		}
	}
}

func TestOpenHomeSendsNothing(t *testing.T) {
	for name, cfg := range map[string]slacktest.Config{
		"an old manifest": {}, "no event": {HomeTab: true}, "no tab": {Events: []string{"app_home_opened"}},
	} {
		s := workspace(t, cfg)
		c := connect(t, s)
		d := s.As("U2").OpenHome()
		if _, err := d.Wait(timeout(t)); err != nil || d.EnvelopeID != "" || d.Saw() != "" {
			t.Errorf("%s: %v, %q", name, err, d.EnvelopeID)
		}
		s.As("U2").Command("C1", "x")
		if frame := c.next(t); frame["type"] != "slash_commands" {
			t.Errorf("%s: %v", name, frame)
		}
	}
	s := workspace(t, homeConfig)
	connect(t, s)
	s.AddUser(slacktest.User{ID: "UFAR", TeamID: "T9"})
	s.AddUser(slacktest.User{ID: "UGONE", Deleted: true})
	for _, id := range []string{"UFAR", "UGONE", "U0", s.BotUserID()} {
		if d := s.As(id).OpenHome(); d.Err() == nil {
			t.Errorf("%s opened the Home tab", id)
		}
	}
}

func TestPressHome(t *testing.T) {
	s := workspace(t, homeConfig)
	c := connect(t, s)
	published := publish(t, s, "U2")
	d := s.As("U2").PressHome("home.cancel", "REQ-2")
	frame := c.next(t)
	p := frame["payload"].(map[string]any)
	if want := []string{"actions", "api_app_id", "container", "enterprise", "is_enterprise_install", "team", "token", "trigger_id", "type", "user", "view"}; !slices.Equal(slices.Sorted(maps.Keys(p)), want) {
		t.Errorf("%v", slices.Sorted(maps.Keys(p)))
	}
	user := p["user"].(map[string]any)
	if frame["type"] != "interactive" || p["type"] != "block_actions" || p["api_app_id"] != s.AppID() || user["id"] != "U2" || user["team_id"] != s.TeamID() {
		t.Errorf("%v", p)
	}
	if box := p["container"].(map[string]any); len(box) != 2 || box["type"] != "view" || box["view_id"] != published["id"] {
		t.Errorf("%v", box)
	}
	view := p["view"].(map[string]any)
	for key := range published {
		if _, there := view[key]; !there {
			t.Errorf("the press's view has no %s", key)
		}
	}
	if view["id"] != published["id"] || view["hash"] != published["hash"] || view["type"] != "home" || view["private_metadata"] != "7" || view["root_view_id"] != view["id"] {
		t.Errorf("%v", view)
	}
	action := p["actions"].([]any)[0].(map[string]any)
	text := action["text"].(map[string]any)
	if action["action_id"] != "home.cancel" || action["value"] != "REQ-2" || action["block_id"] != "second" || action["confirm"] == nil || text["emoji"] != false || action["action_ts"] == "" {
		t.Errorf("%v", action)
	}
	c.ack(t, frame["envelope_id"], "")
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil {
		t.Errorf("saw %q, %v", saw, err)
	}

	s.As("U2").PressHome("home.cancel") // the first one
	if a := c.acked(t, "")["actions"].([]any)[0].(map[string]any); a["value"] != "REQ-1" || a["confirm"] != nil {
		t.Errorf("%v", a)
	}
	s.As("U2").PressHome("home.lost")
	if _, there := c.acked(t, "")["actions"].([]any)[0].(map[string]any)["value"]; there {
		t.Error("a button without a value sent one")
	}
	for name, d := range map[string]*slacktest.Delivery{
		"no such button": s.As("U2").PressHome("home.freeze"), "no such value": s.As("U2").PressHome("home.cancel", "REQ-3"),
		"no Home": s.As("U1").PressHome("home.lost"), "nobody": s.As("U0").PressHome("home.lost"),
	} {
		if d.Err() == nil {
			t.Errorf("%s: pressed", name)
		}
	}
	if err := s.SetManifest(slacktest.Manifest{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Home("U2"); ok || s.As("U2").PressHome("home.lost").Err() == nil {
		t.Error("there is a Home tab without the manifest's leave")
	}
}

func TestPressHomeForged(t *testing.T) {
	s := workspace(t, homeConfig)
	c := connect(t, s)
	s.As("U1").PressHomeRaw(func(k *slacktest.Click) { k.ActionID, k.Value = "request.confirm", "REQ-9" })
	p := c.acked(t, "")
	if a := p["actions"].([]any)[0].(map[string]any); a["action_id"] != "request.confirm" || a["value"] != "REQ-9" {
		t.Errorf("%v", a)
	}
	view := p["view"].(map[string]any)
	if view["type"] != "home" || view["id"] != p["container"].(map[string]any)["view_id"] || p["channel"] != nil || p["message"] != nil || p["response_url"] != nil {
		t.Errorf("%v", p)
	}
	published := publish(t, s, "U2")
	s.As("U1").PressHomeRaw(func(k *slacktest.Click) {
		k.ActionID, k.ViewID, k.TeamID, k.AppID = "home.lost", published["id"].(string), "T9", "A9"
		k.Edit = func(p map[string]any) { p["extra"] = true }
	})
	p = c.acked(t, "")
	if p["view"].(map[string]any)["hash"] != published["hash"] || p["team"].(map[string]any)["id"] != "T9" || p["api_app_id"] != "A9" || p["extra"] != true {
		t.Errorf("%v", p)
	}
	s.As("U1").PressHomeRaw(func(k *slacktest.Click) { k.View = []byte(`{"type":"modal"}`) })
	if p := c.acked(t, ""); p["view"].(map[string]any)["type"] != "modal" {
		t.Errorf("%v", p)
	}
	if s.As("U0").PressHomeRaw(func(*slacktest.Click) {}).Err() == nil {
		t.Error("nobody pressed")
	}
}

// A press in a Home tab opens a form, which is answered like any other.
func TestPressHomeOpensAForm(t *testing.T) {
	s := workspace(t, homeConfig)
	c := connect(t, s)
	publish(t, s, "U2")
	s.As("U2").PressHome("home.lost")
	trigger := c.acked(t, "")["trigger_id"].(string)
	wantError(t, call(t, s, "views.open", "trigger_id", trigger, "view", modal("")), "")
	open := s.Views("U2")
	if len(open) != 1 || open[0].Type != "modal" {
		t.Fatalf("%+v", open)
	}
	d := s.As("U2").Submit(open[0].ID, slacktest.Values{"target": {"user": "U2"}})
	if p := c.acked(t, `{"response_action":"errors","errors":{"target":"Who?"}}`); p["type"] != "view_submission" {
		t.Fatalf("%v", p)
	}
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil || s.Views("U2")[0].Errors["target"] != "Who?" {
		t.Fatalf("saw %q, %v", saw, err)
	}
	if v, ok := s.Home("U2"); !ok || v.Plain() == "" {
		t.Error("the form took the place of the Home tab")
	}
}

// Without an ack, whatever somebody did, they see an error.
func TestNoAckIsSeenEverywhere(t *testing.T) {
	cfg := homeConfig
	cfg.AckDeadline = 30 * time.Millisecond
	cfg.Shortcuts = []slacktest.Shortcut{{Name: "Report", Type: "global", CallbackID: "report"}, {Name: "Revoke", Type: "message", CallbackID: "revoke"}}
	s := workspace(t, cfg)
	c := connect(t, s)
	publish(t, s, "U2")
	ts := post(t, s, "text", "x", "blocks", card)
	s.As("U2").PressHome("home.lost")
	trigger := c.next(t)["payload"].(map[string]any)["trigger_id"].(string)
	wantError(t, call(t, s, "views.open", "trigger_id", trigger, "view", modal("")), "")
	view := s.Views("U2")[0]
	for name, d := range map[string]*slacktest.Delivery{
		"a click":            s.As("U1").Click("C1", ts, "request.deny"),
		"a press in Home":    s.As("U2").PressHome("home.lost"),
		"a form":             s.As("U2").Submit(view.ID, slacktest.Values{"target": {"user": "U2"}}),
		"a shortcut":         s.As("U2").Shortcut("report"),
		"a message shortcut": s.As("U2").MessageShortcut("revoke", "C1", ts),
	} {
		if saw, err := d.Outcome(timeout(t)); saw != slacktest.OperationTimeout || err != nil || d.Err() != nil {
			t.Errorf("%s: saw %q, %v, %v", name, saw, err, d.Err())
		}
	}
	if len(s.Views("U2")) != 1 {
		t.Error("the form closed without an ack")
	}
}
