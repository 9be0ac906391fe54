package listen

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
)

const (
	commandJSON = `{"token":"x","team_id":"T1","team_domain":"acme","channel_id":"C1","channel_name":"general","user_id":"U1",` +
		`"user_name":"bob","command":"/revoke-sessions","text":"me lost my phone","api_app_id":"A1","is_enterprise_install":"false",` +
		`"response_url":"https://hooks.example/r","trigger_id":"1.2.abc"}`
	clickJSON = `{"type":"block_actions","user":{"id":"U2","username":"alice","team_id":"T1"},"api_app_id":"A1","token":"x",` +
		`"container":{"type":"message","message_ts":"1700.1","channel_id":"C9","is_ephemeral":false},"trigger_id":"2.2.abc",` +
		`"team":{"id":"T1","domain":"acme"},"enterprise":null,"channel":{"id":"C9","name":"approvals"},` +
		`"message":{"ts":"1700.1","bot_id":"B1","app_id":"A1","blocks":[{"type":"whatever","accessory":7}]},` +
		`"state":{"values":{}},"response_url":"https://hooks.example/c",` +
		`"actions":[{"type":"button","action_id":"request.confirm","block_id":"b","text":{"type":"plain_text","text":"Revoke sessions"},"value":"REQ-7F3K2M","action_ts":"1700.5"}]}`
	formJSON = `{"type":"view_submission","team":{"id":"T1"},"user":{"id":"U1","team_id":"T1"},"api_app_id":"A1","trigger_id":"3.2.abc",` +
		`"view":{"id":"V1","callback_id":"request.form","private_metadata":"17","hash":"h","state":{"values":{` +
		`"target":{"user":{"type":"users_select","selected_user":"U7"}},"reason":{"text":{"type":"plain_text_input","value":"stolen laptop"}}}}},` +
		`"response_urls":[]}`
	pressJSON = `{"type":"block_actions","user":{"id":"U2","team_id":"T1"},"api_app_id":"A1","container":{"type":"view","view_id":"V5"},` +
		`"trigger_id":"4.2.abc","team":{"id":"T1"},"view":{"id":"V5","type":"home","callback_id":"","private_metadata":"","hash":"h"},` +
		`"actions":[{"type":"button","action_id":"home.cancel","block_id":"b","value":"REQ-7F3K2M","action_ts":"1700.6"}]}`
	shortcutJSON = `{"type":"shortcut","token":"x","action_ts":"1700.7","team":{"id":"T1"},"user":{"id":"U1","team_id":"T1"},` +
		`"callback_id":"report.lost","trigger_id":"5.2.abc","enterprise":null,"is_enterprise_install":false}`
	messageJSON = `{"type":"message_action","token":"x","action_ts":"1700.8","team":{"id":"T1"},"user":{"id":"U1","team_id":"T1"},` +
		`"callback_id":"report.message","trigger_id":"6.2.abc","response_url":"https://hooks.example/m",` +
		`"channel":{"id":"C3","name":"alerts"},"message_ts":"1699.2",` +
		`"message":{"type":"message","user":"U7","ts":"1699.2","team":"T1","thread_ts":"1699.1","text":"who stole <@U9>'s phone?"}}`
)

func TestDecode_Arrivals(t *testing.T) {
	now := time.Unix(1700, 0)
	tests := []struct {
		name, envelope, payload string
		want                    bot.Arrival
	}{
		{"command", "slash_commands", commandJSON, bot.Arrival{
			Kind: bot.CommandArrival, Envelope: "E1", Key: bot.ActKey(bot.CommandArrival, "1.2.abc"),
			AppID: "A1", TeamID: "T1", UserID: "U1", ChannelID: "C1", Text: "me lost my phone",
			TriggerID: "1.2.abc", ResponseURL: "https://hooks.example/r", ReceivedAt: now,
		}},
		{"command without a trigger", "slash_commands", `{"user_id":"U1","text":"a\u0000\u202eb\n"}`, bot.Arrival{
			Kind: bot.CommandArrival, Envelope: "E1", Key: bot.ActKey(bot.CommandArrival, "envelope E1"),
			UserID: "U1", Text: "a\x00\u202eb\n", ReceivedAt: now,
		}},
		{"click", "interactive", clickJSON, bot.Arrival{
			Kind: bot.ClickArrival, Envelope: "E1", Key: bot.ActKey(bot.ClickArrival, "C9", "1700.1", "U2", "1700.5"),
			AppID: "A1", TeamID: "T1", UserID: "U2", UserTeamID: "T1", ChannelID: "C9",
			MessageTS: "1700.1", MessageAppID: "A1", ActionID: "request.confirm", Value: "REQ-7F3K2M",
			TriggerID: "2.2.abc", ResponseURL: "https://hooks.example/c", ReceivedAt: now,
		}},
		{"click with team null and no message, by a stranger", "interactive",
			`{"type":"block_actions","user":{"id":"U8","team_id":"T2"},"api_app_id":"A1","team":null,` +
				`"container":{"type":"message"},"channel":{"id":"C9"},"message":{"ts":"1.1"},` +
				`"actions":[{"type":"button","action_id":"request.deny","action_ts":"2.2"}]}`,
			bot.Arrival{
				Kind: bot.ClickArrival, Envelope: "E1", Key: bot.ActKey(bot.ClickArrival, "C9", "1.1", "U8", "2.2"),
				AppID: "A1", UserID: "U8", UserTeamID: "T2", ChannelID: "C9", MessageTS: "1.1",
				ActionID: "request.deny", ReceivedAt: now,
			}},
		{"form", "interactive", formJSON, bot.Arrival{
			Kind: bot.FormArrival, Envelope: "E1", Key: bot.ActKey(bot.FormArrival, "V1", "17", "U7", "", "stolen laptop"),
			AppID: "A1", TeamID: "T1", UserID: "U1", UserTeamID: "T1", ViewID: "V1", CallbackID: "request.form", Metadata: "17",
			PickedUser: "U7", Reason: "stolen laptop", TriggerID: "3.2.abc", ReceivedAt: now,
		}},
		{"form with an account", "interactive",
			`{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1","callback_id":"request.form","state":{"values":{` +
				`"account":{"text":{"value":"bob@contoso.example"}},"reason":{"text":{"value":null}}}}}}`,
			bot.Arrival{
				Kind: bot.FormArrival, Envelope: "E1", Key: bot.ActKey(bot.FormArrival, "V1", "", "", "bob@contoso.example", ""),
				UserID: "U1", ViewID: "V1", CallbackID: "request.form", Account: "bob@contoso.example", ReceivedAt: now,
			}},
		{"form left empty", "interactive",
			`{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1","callback_id":"request.form","state":{"values":{` +
				`"target":{"user":{"selected_user":null}},"reason":{"text":{"value":null}}}}}}`,
			bot.Arrival{
				Kind: bot.FormArrival, Envelope: "E1", Key: bot.ActKey(bot.FormArrival, "V1", "", "", "", ""),
				UserID: "U1", ViewID: "V1", CallbackID: "request.form", ReceivedAt: now,
			}},
		{"form without fields", "interactive",
			`{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1","callback_id":"request.unfreeze",` +
				`"private_metadata":"17 1.2 End the freeze","state":{"values":{}}}}`,
			bot.Arrival{
				Kind: bot.FormArrival, Envelope: "E1", Key: bot.ActKey(bot.FormArrival, "V1", "17 1.2 End the freeze", "", "", ""),
				UserID: "U1", ViewID: "V1", CallbackID: bot.UnfreezeCallback, Metadata: "17 1.2 End the freeze", ReceivedAt: now,
			}},
		{"press in the Home tab", "interactive", pressJSON, bot.Arrival{
			Kind: bot.ClickArrival, Envelope: "E1", Key: bot.ActKey(bot.ClickArrival, "home", "V5", "U2", "1700.6"),
			AppID: "A1", TeamID: "T1", UserID: "U2", UserTeamID: "T1", ActionID: "home.cancel", Value: "REQ-7F3K2M",
			TriggerID: "4.2.abc", ReceivedAt: now,
		}},
		{"shortcut", "interactive", shortcutJSON, bot.Arrival{
			Kind: bot.ShortcutArrival, Envelope: "E1", Key: bot.ActKey(bot.ShortcutArrival, "report.lost", "", "", "U1", "1700.7", "5.2.abc"),
			TeamID: "T1", UserID: "U1", UserTeamID: "T1", CallbackID: "report.lost", TriggerID: "5.2.abc", ReceivedAt: now,
		}},
		{"shortcut on a message", "interactive", messageJSON, bot.Arrival{
			Kind: bot.ShortcutArrival, Envelope: "E1", Key: bot.ActKey(bot.ShortcutArrival, "report.message", "C3", "1699.2", "U1", "1700.8", "6.2.abc"),
			TeamID: "T1", UserID: "U1", UserTeamID: "T1", ChannelID: "C3", MessageTS: "1699.2", ThreadTS: "1699.1",
			CallbackID: "report.message", PickedUser: "U7", TriggerID: "6.2.abc", ResponseURL: "https://hooks.example/m", ReceivedAt: now,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decode(tt.envelope, "E1", json.RawMessage(tt.payload), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecode_Errors(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	with := func(payload, old, new string) string {
		t.Helper()
		if !strings.Contains(payload, old) {
			t.Fatalf("payload has no %s", old)
		}
		return strings.Replace(payload, old, new, 1)
	}
	tests := []struct {
		name, envelope, payload string
		want                    error
	}{
		{"unheard-of type", "telepathy", `{}`, errIgnored},
		{"closed form", "interactive", `{"type":"view_closed","user":{"id":"U1"},"view":{"id":"V1"}}`, errIgnored},
		{"suggestion", "interactive", `{"type":"block_suggestion","user":{"id":"U1"},"action_id":"x"}`, errIgnored},
		{"link button", "interactive", with(clickJSON, `"request.confirm"`, `"`+bot.ActionOpenSettings+`"`), errIgnored},

		{"button of another version", "interactive", with(clickJSON, `"request.confirm"`, `"request.tomorrow"`), errUnknown},
		{"menu with a button's name", "interactive", with(clickJSON, `"type":"button"`, `"type":"static_select"`), errUnknown},
		{"button of a message in a Home tab", "interactive", with(pressJSON, `"home.cancel","block_id":"b"`, `"request.confirm","block_id":"b"`), errUnknown},
		{"button of a message in the Home tab", "interactive", with(pressJSON, `"home.cancel"`, `"request.confirm"`), errUnknown},
		{"button of the Home tab on a message", "interactive", with(clickJSON, `"request.confirm"`, `"home.own"`), errUnknown},
		{"button of the Home tab in a modal", "interactive", with(pressJSON, `"type":"home"`, `"type":"modal"`), errUnknown},
		{"button of the Home tab without a view", "interactive", with(pressJSON, `"view":{"id":"V5","type":"home"`, `"other":{"id":"V5","type":"home"`), errMalformed},
		{"form of another version", "interactive", with(formJSON, `"request.form"`, `"request.tomorrow"`), errUnknown},
		{"shortcut of another version", "interactive", with(shortcutJSON, `"report.lost"`, `"report.tomorrow"`), errUnknown},
		{"shortcut on a message of another version", "interactive", with(messageJSON, `"report.message"`, `"report.lost"`), errUnknown},

		{"no payload", "slash_commands", ``, errMalformed},
		{"null payload", "slash_commands", `null`, errMalformed},
		{"array", "slash_commands", `[]`, errMalformed},
		{"command without a user", "slash_commands", with(commandJSON, `"user_id":"U1"`, `"user_id":""`), errMalformed},
		{"user of the wrong type", "slash_commands", with(commandJSON, `"user_id":"U1"`, `"user_id":7`), errMalformed},
		{"endless user", "slash_commands", with(commandJSON, `"user_id":"U1"`, `"user_id":"`+long+`"`), errMalformed},
		{"endless response_url", "slash_commands", with(commandJSON, `hooks.example/r`, long), errMalformed},
		{"interaction no object", "interactive", `"block_actions"`, errMalformed},
		{"click without a user", "interactive", with(clickJSON, `"id":"U2"`, `"id":""`), errMalformed},
		{"click without actions", "interactive", `{"type":"block_actions","user":{"id":"U1"},"container":{"type":"message"}}`, errMalformed},
		{"two actions", "interactive", with(clickJSON, `"actions":[`, `"actions":[{"type":"button","action_id":"request.deny"},`), errMalformed},
		{"click without its time", "interactive", with(clickJSON, `"action_ts":"1700.5"`, `"action_ts":""`), errMalformed},
		{"click without a channel", "interactive", strings.ReplaceAll(clickJSON, `C9`, ``), errMalformed},
		{"click without a message", "interactive", strings.ReplaceAll(clickJSON, `1700.1`, ``), errMalformed},
		{"endless value", "interactive", with(clickJSON, `REQ-7F3K2M`, long), errMalformed},
		{"press without the ID of the view", "interactive", with(pressJSON, `"view":{"id":"V5"`, `"view":{"id":""`), errMalformed},
		{"press without its time", "interactive", with(pressJSON, `"1700.6"`, `""`), errMalformed},
		{"shortcut without a user", "interactive", with(shortcutJSON, `"id":"U1"`, `"id":""`), errMalformed},
		{"shortcut on a message without a channel", "interactive", with(messageJSON, `"id":"C3"`, `"id":""`), errMalformed},
		{"shortcut on no message", "interactive", strings.ReplaceAll(messageJSON, `1699.2`, ``), errMalformed},
		{"form without an ID", "interactive", with(formJSON, `"V1"`, `""`), errMalformed},
		{"form with an endless ID", "interactive", with(formJSON, `"V1"`, `"`+long+`"`), errMalformed},
		{"form with endless metadata", "interactive", with(formJSON, `"17"`, `"`+long+`"`), errMalformed},
		{"form with an endless pick", "interactive", with(formJSON, `"U7"`, `"`+long+`"`), errMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decode(tt.envelope, "E1", json.RawMessage(tt.payload), time.Now())
			if !errors.Is(err, tt.want) {
				t.Fatalf("decode = %v, %v; want %v", got, err, tt.want)
			}
			if tt.want == errUnknown { // the caller needs to know whose it is
				got.Kind, got.AppID, got.UserID = "", "", ""
			}
			if diff := cmp.Diff(bot.Arrival{}, got); diff != "" {
				t.Errorf("an error came with an arrival:\n%s", diff)
			}
			if strings.Contains(err.Error(), "xxx") || strings.Contains(err.Error(), "REQ-") {
				t.Errorf("the error quotes the payload: %v", err)
			}
		})
	}
	if _, err := decode("slash_commands", "", json.RawMessage(commandJSON), time.Now()); !errors.Is(err, errMalformed) {
		t.Errorf("envelope without an ID: %v", err)
	}
}

func TestDecode_CutsTypedTextByRunes(t *testing.T) {
	typed := strings.Repeat("é", maxTyped+5)
	payload, err := json.Marshal(map[string]string{"user_id": "U1", "trigger_id": "1", "text": typed})
	if err != nil {
		t.Fatal(err)
	}
	a, err := decode("slash_commands", "E1", payload, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("é", maxTyped); a.Text != want {
		t.Errorf("text has %d bytes, want %d", len(a.Text), len(want))
	}
}

// After an error Slack submits the same view again: only what was entered tells acts apart.
func TestDecode_FormKeys(t *testing.T) {
	form := func(oldnew ...string) bot.Arrival {
		a, err := decode("interactive", "E"+strings.Join(oldnew, ""), json.RawMessage(strings.NewReplacer(oldnew...).Replace(formJSON)), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := form()
	for name, same := range map[string]bot.Arrival{
		"in another envelope": form("3.2.abc", "4.2.abc"), "with another hash": form(`"hash":"h"`, `"hash":"i"`),
	} {
		if same.Key != first.Key {
			t.Errorf("the same submission %s has another key", name)
		}
	}
	keys := map[string]string{first.Key: "the first", first.ViewKey(): "its view"}
	for name, other := range map[string]bot.Arrival{
		"another reason": form("stolen laptop", "stolen laptop, INC-7"), "another person": form("U7", "U8"), "another view": form("V1", "V2"),
		"the same after an error": form(`"private_metadata":"17"`, `"private_metadata":"17 18"`),
		"an account":              form(`"target":{"user":{"type":"users_select","selected_user":"U7"}}`, `"account":{"text":{"value":"U7"}}`),
	} {
		if known := keys[other.Key]; known != "" {
			t.Errorf("%s has the key of %s", name, known)
		}
		keys[other.Key] = name
		if (other.ViewKey() == first.ViewKey()) != (name != "another view") {
			t.Errorf("%s: view key %s", name, other.ViewKey())
		}
	}
	// Earlier versions stored this key for every form.
	if first.ViewKey() != bot.ActKey(bot.FormArrival, "V1") {
		t.Errorf("view key %s", first.ViewKey())
	}
}

func FuzzDecode(f *testing.F) {
	for _, payload := range []string{commandJSON, clickJSON, formJSON, pressJSON, shortcutJSON, messageJSON, `{}`, `null`, `[]`, `"x"`, ``} {
		for _, envelope := range []string{"slash_commands", "interactive", "events_api"} {
			f.Add(envelope, "E1", []byte(payload))
		}
	}
	f.Fuzz(func(t *testing.T, envelopeType, envelope string, payload []byte) {
		a, err := decode(envelopeType, envelope, payload, time.Now())
		if err != nil {
			if !errors.Is(err, errIgnored) && !errors.Is(err, errMalformed) && !errors.Is(err, errUnknown) {
				t.Errorf("unknown error %v", err)
			}
			return
		}
		if a.UserID == "" || a.Key == "" || a.Envelope != envelope || envelope == "" {
			t.Errorf("decoded without user, key or envelope: %+v", a)
		}
		switch a.Kind {
		case bot.CommandArrival:
		case bot.FormArrival:
			if _, ours := bot.FormErrorBlocks[a.CallbackID]; a.ViewID == "" || !ours {
				t.Errorf("form without a view, or not of ours: %+v", a)
			}
		case bot.ClickArrival:
			onMessage := bot.MessageButtons[a.ActionID] && a.ChannelID != "" && a.MessageTS != ""
			if inHome := bot.HomeButtons[a.ActionID] && a.ChannelID == "" && a.MessageTS == ""; onMessage == inHome {
				t.Errorf("click that is nowhere or presses nothing: %+v", a)
			}
		case bot.ShortcutArrival:
			if onMessage := a.ChannelID != "" && a.MessageTS != ""; onMessage != (a.CallbackID == bot.MessageShortcut) || a.Text != "" {
				t.Errorf("shortcut on no message, or with its text: %+v", a)
			}
			if a.PickedUser != "" && !bot.SlackUser.MatchString(a.PickedUser) {
				t.Errorf("shortcut about nobody: %+v", a)
			}
		default:
			t.Errorf("unknown kind %q", a.Kind)
		}
	})
}
