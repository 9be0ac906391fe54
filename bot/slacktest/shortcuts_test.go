package slacktest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"revoke-sessions/bot/slacktest"
)

var shortcutConfig = slacktest.Config{Shortcuts: []slacktest.Shortcut{
	{Name: "Report a lost device", Type: slacktest.GlobalShortcut, CallbackID: "report.lost"},
	{Name: "Revoke sessions of…", Type: slacktest.MessageShortcut, CallbackID: "report.message"},
}}

func TestManifest(t *testing.T) {
	const text = `
display_information: {name: x}
features:
  app_home: {home_tab_enabled: true, messages_tab_enabled: true}
  shortcuts:
    - {name: Report a lost device, type: global, callback_id: report.lost, description: x}
    - {name: Revoke sessions of…, type: message, callback_id: report.message, description: x}
settings:
  event_subscriptions:
    bot_events: [app_home_opened]
`
	var m slacktest.Manifest
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	cfg := m.Into(slacktest.Config{TeamID: "T7"})
	if cfg.TeamID != "T7" || !cfg.HomeTab || !slices.Equal(cfg.Events, []string{"app_home_opened"}) || !slices.Equal(cfg.Shortcuts, shortcutConfig.Shortcuts) {
		t.Fatalf("%+v", cfg)
	}
	if cfg := (slacktest.Manifest{}).Into(cfg); cfg.HomeTab || cfg.Events != nil || cfg.Shortcuts != nil {
		t.Errorf("an old manifest: %+v", cfg)
	}

	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	wantError(t, call(t, s, "views.publish", "user_id", "U1", "view", home("")), "not_enabled")
	if err := s.SetManifest(m); err != nil {
		t.Fatal(err)
	}
	wantError(t, call(t, s, "views.publish", "user_id", "U1", "view", home("")), "")
	s.As("U1").OpenHome()
	if p := c.acked(t, ""); p["type"] != "event_callback" {
		t.Errorf("%v", p)
	}
	s.As("U1").Shortcut("report.lost")
	if p := c.acked(t, ""); p["type"] != "shortcut" {
		t.Errorf("%v", p)
	}
}

// The product's own manifest is one that Slack takes.
func TestManifestOfTheProduct(t *testing.T) {
	text, err := os.ReadFile("../../manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	var m slacktest.Manifest
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if err := workspace(t, slacktest.Config{}).SetManifest(m); err != nil {
		t.Fatal(err)
	}
}

func TestManifestIsRefused(t *testing.T) {
	ok := shortcutConfig.Shortcuts[0]
	with := func(change func(*slacktest.Shortcut)) []slacktest.Shortcut {
		c := ok
		change(&c)
		return []slacktest.Shortcut{c}
	}
	for name, list := range map[string][]slacktest.Shortcut{
		"type":             with(func(c *slacktest.Shortcut) { c.Type = "slash" }),
		"no name":          with(func(c *slacktest.Shortcut) { c.Name = "" }),
		"a long name":      with(func(c *slacktest.Shortcut) { c.Name = long(25) }),
		"no callback_id":   with(func(c *slacktest.Shortcut) { c.CallbackID = "" }),
		"long callback_id": with(func(c *slacktest.Shortcut) { c.CallbackID = long(256) }),
		"twice":            {ok, ok},
		"eleven":           make([]slacktest.Shortcut, 11),
	} {
		if s, err := slacktest.Start(slacktest.Config{Shortcuts: list}); err == nil {
			s.Close()
			t.Errorf("%s: taken", name)
		}
		m := slacktest.Manifest{}
		m.Features.Shortcuts = list
		if workspace(t, slacktest.Config{}).SetManifest(m) == nil {
			t.Errorf("%s: taken by SetManifest", name)
		}
	}
}

func keys(m map[string]any) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }

func TestShortcut(t *testing.T) {
	s := workspace(t, shortcutConfig)
	c := connect(t, s)
	d := s.As("U3").Shortcut("report.lost") // a guest may
	frame := c.next(t)
	p := frame["payload"].(map[string]any)
	if got := keys(p); got != "action_ts callback_id enterprise is_enterprise_install team token trigger_id type user" {
		t.Errorf("the payload has %s", got)
	}
	if frame["type"] != "interactive" || p["type"] != "shortcut" || p["callback_id"] != "report.lost" || p["action_ts"] == "" || p["enterprise"] != nil ||
		p["is_enterprise_install"] != false || p["team"].(map[string]any)["id"] != s.TeamID() {
		t.Errorf("%v", p)
	}
	if u := p["user"].(map[string]any); len(u) != 3 || u["id"] != "U3" || u["username"] != "guest" || u["team_id"] != s.TeamID() {
		t.Errorf("%v", u)
	}
	wantError(t, call(t, s, "views.open", "trigger_id", p["trigger_id"].(string), "view", modal("")), "")
	c.ack(t, frame["envelope_id"], "")
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil || len(s.Views("U3")) != 1 {
		t.Errorf("saw %q, %v, %d views", saw, err, len(s.Views("U3")))
	}
	s.As("U1").ShortcutRaw("report.lost", func(p map[string]any) { delete(p, "team") })
	if p := c.acked(t, ""); p["team"] != nil {
		t.Errorf("%v", p)
	}
}

func TestShortcutIsImpossible(t *testing.T) {
	s := workspace(t, shortcutConfig)
	connect(t, s)
	s.AddUser(slacktest.User{ID: "UFAR", TeamID: "T9"})
	s.AddUser(slacktest.User{ID: "USTRANGE", Stranger: true})
	s.AddUser(slacktest.User{ID: "UGONE", Deleted: true})
	s.UpdateChannel("C1", func(c *slacktest.Channel) { c.Members = append(c.Members, "UFAR") })
	ts := s.As("U2").Say("C1", "", "help")
	secret := s.As("U1").Say("C3", "", "help")
	gone := post(t, s, "text", "x")
	wantError(t, call(t, s, "chat.delete", "channel", "C1", "ts", gone), "")
	private := call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U1", "text", "x")
	const message = "report.message"
	for name, d := range map[string]*slacktest.Delivery{
		"another workspace":   s.As("UFAR").Shortcut("report.lost"),
		"on a message":        s.As("UFAR").MessageShortcut(message, "C1", ts),
		"a stranger":          s.As("USTRANGE").Shortcut("report.lost"),
		"deactivated":         s.As("UGONE").Shortcut("report.lost"),
		"the bot":             s.As(s.BotUserID()).Shortcut("report.lost"),
		"nobody":              s.As("U0").Shortcut("report.lost"),
		"unknown":             s.As("U1").Shortcut("report.found"),
		"of the other type":   s.As("U1").Shortcut(message),
		"global on a message": s.As("U1").MessageShortcut("report.lost", "C1", ts),
		"no message":          s.As("U1").MessageShortcut(message, "C1", "1.2"),
		"a deleted message":   s.As("U1").MessageShortcut(message, "C1", gone),
		"for one person only": s.As("U1").MessageShortcut(message, "C1", private.MessTS),
		"cannot see it":       s.As("U2").MessageShortcut(message, "C3", secret),
		"no channel":          s.As("U2").MessageShortcut(message, "C0", ts),
	} {
		if d.Err() == nil || d.EnvelopeID != "" {
			t.Errorf("%s: ran", name)
		}
	}
	old := workspace(t, slacktest.Config{})
	connect(t, old)
	if old.As("U1").Shortcut("report.lost").Err() == nil {
		t.Error("an old manifest has a shortcut")
	}
}

// ranOn runs the message shortcut as alice, and returns the payload.
func ranOn(t *testing.T, s *slacktest.Server, c *client, channel, ts string) map[string]any {
	t.Helper()
	d := s.As("U1").MessageShortcut("report.message", channel, ts)
	p := c.acked(t, "")
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil {
		t.Fatalf("saw %q, %v", saw, err)
	}
	return p
}

func TestMessageShortcut(t *testing.T) {
	s := workspace(t, shortcutConfig)
	c := connect(t, s)
	ts := s.As("U2").Say("C3", "", "lost my <phone>")
	p := ranOn(t, s, c, "C3", ts)
	if got := keys(p); got != "action_ts callback_id channel enterprise is_enterprise_install message message_ts response_url team token trigger_id type user" {
		t.Errorf("the payload has %s", got)
	}
	if p["type"] != "message_action" || p["callback_id"] != "report.message" || p["message_ts"] != ts || p["action_ts"] == ts {
		t.Errorf("%v", p)
	}
	if u := p["user"].(map[string]any); u["id"] != "U1" || u["name"] != "alice" || u["username"] != "alice" || u["team_id"] != s.TeamID() {
		t.Errorf("%v", u)
	}
	if ch := p["channel"].(map[string]any); ch["id"] != "C3" || ch["name"] != "privategroup" {
		t.Errorf("%v", ch)
	}
	m := p["message"].(map[string]any)
	if keys(m) != "team text ts type user" || m["type"] != "message" || m["user"] != "U2" || m["ts"] != ts || m["text"] != "lost my <phone>" || m["team"] != s.TeamID() {
		t.Errorf("%v", m)
	}
	wantError(t, call(t, s, "views.open", "trigger_id", p["trigger_id"].(string), "view", modal("")), "")
	s.As("U1").MessageShortcutRaw("report.message", "C3", ts, func(p map[string]any) { p["message_ts"] = "1.2" })
	if p := c.acked(t, ""); p["message_ts"] != "1.2" {
		t.Errorf("%v", p)
	}
}

func TestMessageShortcutInAThread(t *testing.T) {
	s := workspace(t, shortcutConfig)
	c := connect(t, s)
	first := s.As("U2").Say("C1", "", "alert")
	if m := ranOn(t, s, c, "C1", first)["message"].(map[string]any); m["thread_ts"] != nil {
		t.Errorf("%v", m)
	}
	reply := s.As("U1").Say("C1", first, "it is bob")
	if m := ranOn(t, s, c, "C1", reply)["message"].(map[string]any); m["thread_ts"] != first || m["parent_user_id"] != "U2" || m["user"] != "U1" {
		t.Errorf("%v", m)
	}
	if m := ranOn(t, s, c, "C1", first)["message"].(map[string]any); m["thread_ts"] != first || m["ts"] != first {
		t.Errorf("the first message of a thread: %v", m)
	}
}

func TestMessageShortcutOnOthers(t *testing.T) {
	s := workspace(t, shortcutConfig)
	c := connect(t, s)
	s.AddUser(slacktest.User{ID: "UFAR", Name: "eve", TeamID: "T9"})
	message := func(ts string) map[string]any {
		return ranOn(t, s, c, "C1", ts)["message"].(map[string]any)
	}
	// An alert of another app, with blocks and attachments of kinds that the double does not know.
	m := message(s.Put(slacktest.Message{Channel: "C1", User: "U0ALERT", BotID: "B0ALERT", AppID: "A0ALERT", BotName: "alerts", Text: "<@U2> signed in twice",
		Blocks: json.RawMessage(`[{"type":"hologram"}]`), Attachments: json.RawMessage(`[{"text":"see <@U2>"}]`)}))
	if m["bot_id"] != "B0ALERT" || m["app_id"] != "A0ALERT" || m["user"] != "U0ALERT" || m["text"] != "<@U2> signed in twice" || m["subtype"] != nil ||
		m["blocks"].([]any)[0].(map[string]any)["type"] != "hologram" || m["attachments"].([]any)[0].(map[string]any)["text"] != "see <@U2>" ||
		m["bot_profile"].(map[string]any)["name"] != "alerts" {
		t.Errorf("%v", m)
	}
	// An incoming webhook is nobody.
	m = message(s.Put(slacktest.Message{Channel: "C1", BotID: "B0HOOK", Subtype: "bot_message", Text: "x"}))
	if _, there := m["user"]; there || m["subtype"] != "bot_message" || m["bot_id"] != "B0HOOK" || m["app_id"] != nil {
		t.Errorf("%v", m)
	}
	// The bot's own.
	m = message(post(t, s, "text", "x", "blocks", card))
	if m["user"] != s.BotUserID() || m["app_id"] != s.AppID() || m["bot_id"] != s.BotID() || len(m["blocks"].([]any)) != 2 {
		t.Errorf("%v", m)
	}
	// Somebody of another workspace.
	m = message(s.As("UFAR").Say("C1", "", "hello"))
	if m["user"] != "UFAR" || m["team"] != "T9" || m["user_team"] != "T9" || m["source_team"] != "T9" {
		t.Errorf("%v", m)
	}
}

func TestMessageShortcutResponseURL(t *testing.T) {
	now := &clock{}
	cfg := shortcutConfig
	cfg.Now = now.now
	s := workspace(t, cfg)
	c := connect(t, s)
	ts := s.As("U2").Say("C1", "", "alert")
	answer := func(url, body string) int {
		t.Helper()
		resp, err := http.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	url := ranOn(t, s, c, "C1", ts)["response_url"].(string)
	for n := range 6 {
		if status := answer(url, `{"text":"for you","replace_original":true}`); (status == http.StatusOK) != (n < 5) {
			t.Errorf("answer %d: %d", n+1, status)
		}
	}
	if private := s.Ephemerals("U1"); len(private) != 5 || private[0].Channel != "C1" || private[0].Via != "response_url" {
		t.Errorf("%+v", private)
	}
	if m := s.Messages("C1"); len(m) != 1 || m[0].Text != "alert" {
		t.Errorf("the message was replaced: %+v", m)
	}
	url = ranOn(t, s, c, "C1", ts)["response_url"].(string)
	now.advance(slacktest.ResponseURLLifetime + time.Second)
	if status := answer(url, `{"text":"late"}`); status == http.StatusOK {
		t.Error("taken after 30 minutes")
	}
}
