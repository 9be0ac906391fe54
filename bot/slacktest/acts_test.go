package slacktest_test

import (
	"strings"
	"testing"

	"revoke-sessions/bot/slacktest"
)

func TestCommandPayload(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	s.As("U2").Command("C1", "me <b> & @alice")
	frame := c.next(t)
	if frame["type"] != "slash_commands" || frame["accepts_response_payload"] != true {
		t.Fatalf("%v", frame)
	}
	p := frame["payload"].(map[string]any)
	for key, want := range map[string]any{
		"team_id": s.TeamID(), "channel_id": "C1", "channel_name": "security", "user_id": "U2", "user_name": "bob",
		"command": "/revoke-sessions", "text": "me <b> & @alice", "api_app_id": s.AppID(), "is_enterprise_install": "false",
	} {
		if p[key] != want {
			t.Errorf("%s = %v, want %v", key, p[key], want)
		}
	}
	if !strings.HasPrefix(p["response_url"].(string), "http://127.0.0.1:") || p["trigger_id"] == "" {
		t.Errorf("%v %v", p["response_url"], p["trigger_id"])
	}
	s.As("U1").Command("C3", "x")
	if p := c.next(t)["payload"].(map[string]any); p["channel_name"] != "privategroup" {
		t.Errorf("private channel is named %v", p["channel_name"])
	}
	s.As("U1").CommandRaw("", "x", func(p map[string]any) { p["team_id"] = "T9" })
	if p := c.next(t)["payload"].(map[string]any); p["channel_name"] != "directmessage" || p["channel_id"] != s.DirectChannel("U1") || p["team_id"] != "T9" {
		t.Errorf("direct message: %v", p)
	}
}

func TestCommandIsImpossible(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	connect(t, s)
	s.AddUser(slacktest.User{ID: "U9", Deleted: true})
	for name, d := range map[string]*slacktest.Delivery{
		"not a member": s.As("U2").Command("C3", "x"),
		"no channel":   s.As("U2").Command("C0", "x"),
		"no user":      s.As("U0").Command("C1", "x"),
		"deactivated":  s.As("U9").Command("C1", "x"),
	} {
		if _, err := d.Wait(timeout(t)); err == nil || d.EnvelopeID != "" || d.Err() == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

func TestEscape(t *testing.T) {
	const text = "@bob. @nobody #security <!here> https://a.example/?x=1&y=2 bob@contoso.example @security & <@U1>"
	for name, test := range map[string]struct {
		escape *slacktest.Escape
		want   string
	}{
		"off": {nil, text},
		"on": {&slacktest.Escape{},
			"<@U2>. @nobody <#C1|security> &lt;!here&gt; <https://a.example/?x=1&amp;y=2> bob@contoso.example <!subteam^S1|@security> &amp; <@U1>"},
		"names and mailto": {&slacktest.Escape{Names: true, Mailto: true},
			"<@U2|bob>. @nobody <#C1|security> &lt;!here&gt; <https://a.example/?x=1&amp;y=2> <mailto:bob@contoso.example|bob@contoso.example> <!subteam^S1|@security> &amp; <@U1|alice>"},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, slacktest.Config{Escape: test.escape})
			c := connect(t, s)
			s.As("U2").Command("C1", text)
			if got := c.next(t)["payload"].(map[string]any)["text"]; got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestClickPayload(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	parent := post(t, s, "text", "parent")
	ts := post(t, s, "text", "Revoke?", "blocks", card, "thread_ts", parent)
	d := s.As("U2").Click("C1", ts, "request.confirm")
	p := c.acked(t, "")
	if ack, err := d.Wait(timeout(t)); err != nil || ack.Rejected != "" {
		t.Fatalf("%+v %v", ack, err)
	}
	at := func(path ...string) any {
		var v any = p
		for _, key := range path {
			v = v.(map[string]any)[key]
		}
		return v
	}
	action := p["actions"].([]any)[0].(map[string]any)
	for name, pair := range map[string][2]any{
		"type": {p["type"], "block_actions"}, "app": {p["api_app_id"], s.AppID()}, "team": {at("team", "id"), s.TeamID()},
		"user": {at("user", "id"), "U2"}, "user team": {at("user", "team_id"), s.TeamID()}, "channel": {at("channel", "id"), "C1"},
		"container ts": {at("container", "message_ts"), ts}, "container channel": {at("container", "channel_id"), "C1"},
		"container thread": {at("container", "thread_ts"), parent}, "container type": {at("container", "type"), "message"},
		"ephemeral": {at("container", "is_ephemeral"), false}, "message ts": {at("message", "ts"), ts}, "message app": {at("message", "app_id"), s.AppID()},
		"message bot": {at("message", "bot_id"), s.BotID()}, "message thread": {at("message", "thread_ts"), parent},
		"action": {action["action_id"], "request.confirm"}, "block": {action["block_id"], "decide"}, "value": {action["value"], "REQ-1"}, "style": {action["style"], "danger"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %v, want %v", name, pair[0], pair[1])
		}
	}
	if action["action_ts"] == "" || p["trigger_id"] == "" || p["response_url"] == "" {
		t.Error("action_ts, trigger_id or response_url is missing")
	}
}

// The payload has what the button has.
func TestClickOnPlainAndLinkButtons(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	ts := post(t, s, "text", "x", "blocks", `[{"type":"actions","elements":[
{"type":"button","action_id":"plain","text":{"type":"plain_text","text":"Plain"}},
{"type":"button","action_id":"link","text":{"type":"plain_text","text":"Open"},"url":"https://a.example/","value":"v"}]},
{"type":"section","text":{"type":"mrkdwn","text":"x"},"accessory":{"type":"button","action_id":"asks","text":{"type":"plain_text","text":":x:","emoji":false},
"confirm":{"title":{"type":"plain_text","text":"t"},"text":{"type":"plain_text","text":"x"},"confirm":{"type":"plain_text","text":"y"},"deny":{"type":"plain_text","text":"n"}}}}]`)
	for id, want := range map[string]map[string]any{
		"plain": {"value": nil, "url": nil, "style": nil, "confirm": nil, "emoji": true},
		"link":  {"value": "v", "url": "https://a.example/", "style": nil, "confirm": nil, "emoji": true},
		"asks":  {"value": nil, "url": nil, "confirm": "y", "emoji": false},
	} {
		s.As("U1").Click("C1", ts, id)
		action := c.acked(t, "")["actions"].([]any)[0].(map[string]any)
		action["emoji"] = action["text"].(map[string]any)["emoji"]
		if dialog, ok := action["confirm"].(map[string]any); ok {
			action["confirm"] = dialog["confirm"].(map[string]any)["text"]
		}
		for key, value := range want {
			if got, there := action[key]; got != value || there != (value != nil) {
				t.Errorf("%s: %s = %v (sent: %t), want %v", id, key, got, there, value)
			}
		}
	}
}

func TestClickIsImpossible(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	connect(t, s)
	ts := post(t, s, "text", "x", "blocks", card)
	vault := call(t, s, "chat.postMessage", "channel", "C3", "text", "x", "blocks", card).TS
	gone := post(t, s, "text", "x", "blocks", card)
	wantError(t, call(t, s, "chat.delete", "channel", "C1", "ts", gone), "")
	done := post(t, s, "text", "x", "blocks", card)
	wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", done, "text", "done"), "")
	other := s.Put(slacktest.Message{Channel: "C1", User: "U0OTHER", BotID: "B9", AppID: "A9", Blocks: []byte(card)})
	s.AddUser(slacktest.User{ID: "U8", TeamID: "T9"})
	for name, d := range map[string]*slacktest.Delivery{
		"no such action":      s.As("U1").Click("C1", ts, "request.retry"),
		"no such message":     s.As("U1").Click("C1", "1.000001", "request.confirm"),
		"hidden channel":      s.As("U2").Click("C3", vault, "request.confirm"),
		"guest, not a member": s.As("U3").Click("C1", ts, "request.confirm"),
		"another workspace":   s.As("U8").Click("C1", ts, "request.confirm"),
		"deleted message":     s.As("U1").Click("C1", gone, "request.confirm"),
		"buttons removed":     s.As("U1").Click("C1", done, "request.confirm"),
		"another app's":       s.As("U1").Click("C1", other, "request.confirm"),
	} {
		if d.Err() == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

func TestClickRaw(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	s.As("U3").ClickRaw(func(k *slacktest.Click) {
		k.ChannelID, k.MessageTS, k.ActionID, k.Value = "C1", "1.000001", "request.confirm", "REQ-9"
		k.AppID, k.MessageAppID, k.TeamID, k.UserTeamID = "A9", "A8", "T9", "T8"
		k.Edit = func(p map[string]any) { p["is_enterprise_install"] = true }
	})
	p := c.acked(t, "")
	message := p["message"].(map[string]any)
	user := p["user"].(map[string]any)
	if p["api_app_id"] != "A9" || message["app_id"] != "A8" || message["ts"] != "1.000001" || user["id"] != "U3" || user["team_id"] != "T8" ||
		p["team"].(map[string]any)["id"] != "T9" || p["is_enterprise_install"] != true || p["channel"].(map[string]any)["name"] != "security" {
		t.Fatalf("%v", p)
	}
}

func TestClickOnAnEphemeralMessage(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U2", "text", "only you", "blocks", card), "")
	ts := s.Ephemerals("U2")[0].TS
	if d := s.As("U1").Click("C1", ts, "request.deny"); d.Err() == nil {
		t.Fatal("somebody else clicked it")
	}
	s.As("U2").Click("C1", ts, "request.deny")
	p := c.acked(t, "")
	if p["message"] != nil || p["container"].(map[string]any)["is_ephemeral"] != true {
		t.Fatalf("%v", p)
	}
	wantError(t, respond(t, p["response_url"], `{"replace_original":true,"text":"noted"}`), "")
	if m := s.Ephemerals("U2"); len(m) != 1 || m[0].Text != "noted" || m[0].Blocks != nil {
		t.Fatalf("%+v", m)
	}
	wantError(t, respond(t, p["response_url"], `{"delete_original":true}`), "")
	if len(s.Ephemerals("U2")) != 0 {
		t.Fatal("still there")
	}
}
