package slacktest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot/slacktest"
)

// send makes one request with the bot token in the header.
func send(t *testing.T, s *slacktest.Server, httpMethod, method, kind, body string) reply {
	t.Helper()
	req, err := http.NewRequest(httpMethod, s.APIURL()+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Authorization", "Bearer "+s.BotToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, resp)
}

const (
	jsonKind = "application/json; charset=utf-8"
	formKind = "application/x-www-form-urlencoded"
)

// Methods whose pages list no JSON do not see what a JSON body says.
func TestJSONBodies(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	ts := post(t, s, "text", "x")
	for method, test := range map[string]struct{ body, want string }{
		"users.info":            {`{"user":"U1"}`, "user_not_found"},
		"users.lookupByEmail":   {`{"email":"alice@contoso.example"}`, "invalid_arguments"},
		"usergroups.users.list": {`{"usergroup":"S1"}`, "invalid_arguments"},
		"conversations.info":    {`{"channel":"C1"}`, "invalid_arguments"},
		"conversations.members": {`{"channel":"C1"}`, "invalid_arguments"},
		"chat.getPermalink":     {`{"channel":"C1","message_ts":"` + ts + `"}`, "invalid_arguments"},
		"bots.info":             {`{"bot":"B9"}`, ""}, // no argument is required, and the wrong one is not seen
		"auth.test":             {`{}`, ""},
		"chat.postMessage":      {`{"channel":"C1","text":"x"}`, ""},
		"chat.postEphemeral":    {`{"channel":"C1","user":"U2","text":"x"}`, ""},
		"chat.update":           {`{"channel":"C1","ts":"` + ts + `","text":"y"}`, ""},
		"views.open":            {`{"trigger_id":"1","view":{}}`, "invalid_arguments"},
		"chat.delete":           {`{"channel":"C1","ts":"1.000001"}`, "message_not_found"},
	} {
		r := send(t, s, http.MethodPost, method, jsonKind, test.body)
		if r.Error != test.want {
			t.Errorf("%s: %q %v, want %q", method, r.Error, r.Metadata.Messages, test.want)
		}
		unseen := len(r.Metadata.Messages) > 0 && strings.Contains(r.Metadata.Messages[0], "missing required field")
		if takes := test.want != "invalid_arguments" || method == "views.open"; takes == unseen && method != "users.info" {
			t.Errorf("%s: %v", method, r.Metadata.Messages)
		}
	}
}

func TestContentTypes(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	const parts = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nU1\r\n--b--\r\n"
	for name, test := range map[string]struct{ kind, body, want, warning string }{
		"form":                   {formKind, "user=U1", "", ""},
		"form with a charset":    {formKind + "; charset=utf-8", "user=U1", "", "superfluous_charset"},
		"broken form":            {formKind, "user=%zz", "invalid_form_data", ""},
		"parts":                  {"multipart/form-data; boundary=b", parts, "", ""},
		"parts with a charset":   {"multipart/form-data; boundary=b; charset=utf-8", parts, "", "superfluous_charset"},
		"parts, no boundary":     {"multipart/form-data", parts, "invalid_form_data", ""},
		"parts, cut off":         {"multipart/form-data; boundary=b", parts[:20], "invalid_form_data", ""},
		"plain text is not read": {"text/plain; charset=utf-8", "user=U1", "user_not_found", ""},
		"plain, no charset":      {"text/plain", "user=U1", "user_not_found", "missing_charset"},
		"JSON, no charset":       {"application/json", `{"user":"U1"}`, "user_not_found", "missing_charset"},
		"strange charset":        {"application/json; charset=utf-16", `{"user":"U1"}`, "invalid_charset", ""},
		"no type":                {"", "user=U1", "missing_post_type", ""},
		"no type, no body":       {"", "", "user_not_found", ""},
		"strange type":           {"application/xml", "<user/>", "invalid_post_type", ""},
		"no type at all":         {"/", "user=U1", "invalid_post_type", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, s, http.MethodPost, "users.info", test.kind, test.body)
			wantError(t, r, test.want)
			warning, _ := r.raw["warning"].(string)
			metadata, _ := r.raw["response_metadata"].(map[string]any)
			list, _ := metadata["warnings"].([]any)
			if warning != test.warning || test.warning != "" && !slices.Equal(list, []any{test.warning}) || test.warning == "" && list != nil {
				t.Errorf("warning %q, list %v; want %q", warning, list, test.warning)
			}
		})
	}
}

func TestLatin1(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	wantError(t, send(t, s, http.MethodPost, "chat.postMessage", "application/json; charset=ISO-8859-1", "{\"channel\":\"C1\",\"text\":\"Gr\xfc\xdfe\"}"), "")
	if m := s.Messages("C1"); m[0].Text != "Grüße" {
		t.Errorf("text %q", m[0].Text)
	}
}

func TestHTTPMethods(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	wantError(t, send(t, s, http.MethodGet, "users.info?user=U1", "", ""), "")
	wantError(t, send(t, s, http.MethodPost, "users.info?user=U1", "", ""), "")
	wantError(t, send(t, s, http.MethodGet, "users.info", formKind, "user=U1"), "invalid_arguments")
	wantError(t, send(t, s, http.MethodGet, "users.info?user=U1", jsonKind, "{}"), "invalid_arguments")
	wantError(t, send(t, s, http.MethodPut, "users.info?user=U1", "", ""), "invalid_arguments")
	wantError(t, send(t, s, http.MethodGet, "apps.connections.open", "", ""), "insecure_request")
	resp, err := http.Get(s.APIURL() + "users.info?user=U1&token=" + s.BotToken())
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, decode(t, resp), "not_authed")
	for _, c := range s.Calls() {
		if c.Params["token"] != "" {
			t.Error("a token was recorded")
		}
	}
}

// Bolt sends the workspace with every call that a listener makes.
func TestTeamIDGoesWithEveryMethod(t *testing.T) {
	s := workspace(t, slacktest.Config{HomeTab: true})
	ts, deleted := post(t, s, "text", "x"), post(t, s, "text", "x")
	const form = `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[{"type":"divider"}]}`
	given := map[string][]string{
		"auth.test": nil, "bots.info": nil,
		"users.info": {"user", "U1"}, "users.lookupByEmail": {"email", "alice@contoso.example"},
		"usergroups.users.list": {"usergroup", "S1"}, "conversations.info": {"channel", "C1"}, "conversations.members": {"channel", "C1"},
		"chat.postMessage": {"channel", "C1", "text", "x"}, "chat.postEphemeral": {"channel", "C1", "user", "U2", "text", "x"},
		"chat.getPermalink": {"channel", "C1", "message_ts", ts}, "chat.update": {"channel", "C1", "ts", ts, "text", "y"},
		"chat.delete":   {"channel", "C1", "ts", deleted},
		"views.publish": {"user_id", "U1", "view", `{"type":"home","blocks":[{"type":"divider"}]}`},
		"views.open":    {"trigger_id", "x", "view", form}, "views.push": {"trigger_id", "x", "view", form}, "views.update": {"view_id", "x", "view", form},
	}
	// These get as far as what is not there.
	missing := map[string]string{"views.open": "invalid_trigger_id", "views.push": "invalid_trigger_id", "views.update": "not_found"}
	for _, method := range slacktest.Methods() {
		if method == "apps.connections.open" {
			continue // its token is the app's and not a workspace's
		}
		for _, team := range []string{"T0ANOTHER", s.TeamID()} { // ignored with a workspace's token
			if team == s.TeamID() && method == "chat.delete" {
				continue // it is deleted by now
			}
			pairs, known := given[method]
			if !known {
				t.Errorf("%s is not tried", method)
			}
			r := call(t, s, method, append([]string{"team_id", team}, pairs...)...)
			if want := missing[method]; r.Error != want {
				t.Errorf("%s, team %s: %q, want %q", method, team, r.Error, want)
			}
		}
	}
}

// A channel has one rate limit, by whatever name.
func TestRateLimitOfAChannelByName(t *testing.T) {
	c := &clock{}
	s := workspace(t, slacktest.Config{Now: c.now})
	for _, names := range [][]string{{"C1", "#security", "security"}, {"U2", s.DirectChannel("U2")}} {
		for i := range 5 {
			if r := call(t, s, "chat.postMessage", "channel", names[i%len(names)], "text", "x"); !r.OK {
				t.Fatalf("message %d, to %s: %s", i+1, names[i%len(names)], r.Error)
			}
		}
		for _, channel := range names {
			wantError(t, call(t, s, "chat.postMessage", "channel", channel, "text", "x"), "ratelimited")
		}
	}
}

// FuzzRequests posts anything in any content type: it is answered in JSON, and what
// is not understood is no other call than the one that was meant.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{{formKind, "user=U1&a[0]=b"}, {jsonKind, `{"user":"U1"}`}, {"text/plain", "user"}, {"multipart/form-data; boundary=b", "--b\r\n\r\n"},
		{"multipart/form-data; boundary=\"", "--"}, {"application/json; charset=iso-8859-1", "\xff"}, {";", "x"}} {
		f.Add(seed[0], seed[1])
	}
	s, err := slacktest.Start(slacktest.Config{NoRateLimits: "anything that a client may send goes in at once"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	s.AddUser(slacktest.User{ID: "U1", Name: "alice"})
	f.Fuzz(func(t *testing.T, kind, body string) {
		if strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // no HTTP client sends it
		}
		r := send(t, s, http.MethodPost, "users.info", kind, body)
		if r.OK && !strings.Contains(body, "U1") && !strings.Contains(body, "%") {
			t.Errorf("found somebody who was not named: %q %q", kind, body)
		}
	})
}
