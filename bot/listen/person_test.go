package listen

import (
	"encoding/json"
	"testing"
	"time"

	"revoke-sessions/bot"
)

func TestPersonIn(t *testing.T) {
	for name, row := range map[string]struct{ message, want string }{
		"its author":                        {`{"user":"U7","team":"T1","text":"hi"}`, "U7"},
		"its author, not whom it mentions":  {`{"user":"U7","text":"ask <@U9>"}`, "U7"},
		"its author, with a file":           {`{"user":"W7","subtype":"file_share"}`, "W7"},
		"a reply that is in the channel":    {`{"user":"U7","subtype":"thread_broadcast"}`, "U7"},
		"whom an alert mentions":            {`{"bot_id":"B2","text":"risky sign-in of <@U9|nine>"}`, "U9"},
		"an alert with an app's ID alone":   {`{"app_id":"A2","user":"U7","text":"<@U9>"}`, "U9"},
		"an alert that mentions twice":      {`{"bot_id":"B2","text":"<@U9>: <@U9|nine>"}`, "U9"},
		"an alert in blocks":                {`{"bot_id":"B2","text":"","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"who is <@U9>?"}}]}`, "U9"},
		"an alert in rich text":             {`{"bot_id":"B2","blocks":[{"type":"rich_text","elements":[{"elements":[{"type":"user","user_id":"U9"}]}]}]}`, "U9"},
		"an alert in an attachment":         {`{"bot_id":"B2","attachments":[{"fields":[{"title":"User","value":"<@U9>"}]}]}`, "U9"},
		"an alert with an odd block":        {`{"bot_id":"B2","text":"<@U9>","blocks":[{"type":7,"accessory":[null,{"a":false}]}]}`, "U9"},
		"a value that nobody reads":         {`{"bot_id":"B2","text":"<@U9>","blocks":[{"type":"actions","elements":[{"type":"button","value":"<@U8>","action_id":"<@U8>","text":{"type":"plain_text","text":"<@U8>"}}]}]}`, "U9"},
		"literal text in rich text":         {`{"bot_id":"B2","blocks":[{"type":"rich_text","elements":[{"elements":[{"type":"text","text":"<@U9>"}]}]}]}`, ""},
		"a fallback that nobody reads":      {`{"bot_id":"B2","attachments":[{"fallback":"<@U9>","color":"<@U9>"}]}`, ""},
		"several people":                    {`{"bot_id":"B2","text":"<@U9> and <@U8>"}`, ""},
		"several people in several parts":   {`{"bot_id":"B2","text":"<@U9>","attachments":[{"text":"<@U8>"}]}`, ""},
		"an alert about nobody":             {`{"bot_id":"B2","text":"bob@contoso.example"}`, ""},
		"an element of another kind":        {`{"bot_id":"B2","blocks":[{"type":"usergroup","user_id":"U9"}]}`, ""},
		"Slackbot":                          {`{"user":"USLACKBOT","text":"<@U9>"}`, ""},
		"a deleted message":                 {`{"user":"USLACKBOT","subtype":"tombstone","text":"This message was deleted."}`, ""},
		"a new topic":                       {`{"user":"U7","subtype":"channel_topic"}`, ""},
		"a person of another workspace":     {`{"user":"U7","team":"T2","text":"<@U9>"}`, ""},
		"another workspace, in another key": {`{"user":"U7","user_team":"T2"}`, ""},
		"no author":                         {`{"text":"<@U9>"}`, ""},
		"an author of an odd kind":          {`{"user":7}`, ""},
		"an author that is no ID":           {`{"user":"<!channel>"}`, ""},
		"no message":                        {`null`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			payload := json.RawMessage(`{"type":"message_action","user":{"id":"U1"},"message":` + row.message + `}`)
			if got, _ := personIn(payload, "T1"); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

// The text of the message is not kept, whatever it holds.
func TestDecode_KeepsNoTextOfAMessage(t *testing.T) {
	a, err := decode("interactive", "E1", json.RawMessage(messageJSON), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(a)
	if want := `{"kind":"shortcut","app_id":"","team_id":"T1","user_id":"U1","user_team_id":"T1","channel_id":"C3","message_ts":"1699.2",` +
		`"thread_ts":"1699.1","callback_id":"` + bot.MessageShortcut + `","picked_user":"U7"}`; err != nil || string(kept) != want {
		t.Errorf("%s, %v", kept, err)
	}
}
