package slacktest_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot/slacktest"
)

func TestUsersInfo(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, test := range map[string]struct {
		user slacktest.User
		key  string
		want any
	}{
		"member":         {slacktest.User{}, "is_restricted", false},
		"own team":       {slacktest.User{}, "team_id", s.TeamID()},
		"other team":     {slacktest.User{TeamID: "T9"}, "team_id", "T9"},
		"confirmed":      {slacktest.User{}, "is_email_confirmed", true},
		"unconfirmed":    {slacktest.User{EmailUnconfirmed: true}, "is_email_confirmed", false},
		"deleted":        {slacktest.User{Deleted: true}, "deleted", true},
		"bot":            {slacktest.User{Bot: true}, "is_bot", true},
		"app":            {slacktest.User{AppUser: true}, "is_app_user", true},
		"workflow":       {slacktest.User{WorkflowBot: true}, "is_workflow_bot", true},
		"connector":      {slacktest.User{ConnectorBot: true}, "is_connector_bot", true},
		"not a workflow": {slacktest.User{}, "is_workflow_bot", nil},
		"guest":          {slacktest.User{Guest: true}, "is_restricted", true},
		"single channel": {slacktest.User{SingleChannelGuest: true}, "is_ultra_restricted", true},
		"implies guest":  {slacktest.User{SingleChannelGuest: true}, "is_restricted", true},
		"stranger":       {slacktest.User{Stranger: true}, "is_stranger", true},
		"invited":        {slacktest.User{Invited: true}, "is_invited_user", true},
		"admin":          {slacktest.User{Admin: true}, "is_admin", true},
		"owner":          {slacktest.User{Owner: true}, "is_owner", true},
	} {
		t.Run(name, func(t *testing.T) {
			test.user.ID = "U7"
			s.AddUser(test.user)
			r := call(t, s, "users.info", "user", "U7")
			wantError(t, r, "")
			if got := r.raw["user"].(map[string]any)[test.key]; got != test.want {
				t.Errorf("%s = %v, want %v", test.key, got, test.want)
			}
		})
	}
	wantError(t, call(t, s, "users.info", "user", "U0"), "user_not_found")
	s.UpdateUser("U7", func(u *slacktest.User) { u.Hidden = true })
	wantError(t, call(t, s, "users.info", "user", "U7"), "user_not_visible")
}

func TestEmailNeedsItsScope(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	email := func() any {
		return call(t, s, "users.info", "user", "U1").raw["user"].(map[string]any)["profile"].(map[string]any)["email"]
	}
	if got := email(); got != "alice@contoso.example" {
		t.Fatalf("email %v", got)
	}
	s.SetScopes("users:read")
	if got := email(); got != nil {
		t.Fatalf("email %v without users:read.email", got)
	}
	r := call(t, s, "users.lookupByEmail", "email", "alice@contoso.example")
	wantError(t, r, "missing_scope")
	if r.Needed != "users:read.email" || r.raw["provided"] != "users:read" {
		t.Fatalf("%+v", r.raw)
	}
}

func TestScopes(t *testing.T) {
	s := workspace(t, slacktest.Config{Scopes: []string{}})
	for method, pairs := range map[string][]string{
		"chat.postMessage":      {"channel", "C1", "text", "x"},
		"users.info":            {"user", "U1"},
		"usergroups.users.list": {"usergroup", "S1"},
		"conversations.info":    {"channel", "C1"},
	} {
		wantError(t, call(t, s, method, pairs...), "missing_scope")
	}
	wantError(t, call(t, s, "auth.test"), "")
	s.SetScopes("chat:write", "chat:write.public", "channels:read")
	wantError(t, call(t, s, "chat.postMessage", "channel", "C2", "text", "x"), "")
	wantError(t, call(t, s, "conversations.info", "channel", "C1"), "")
	wantError(t, call(t, s, "conversations.info", "channel", "C3"), "missing_scope")
}

// What language somebody reads is told to those who ask.
func TestLocale(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	locale := func(kind, method string, pairs ...string) any {
		r := call(t, s, method, pairs...)
		wantError(t, r, "")
		return r.raw[kind].(map[string]any)["locale"]
	}
	for name, got := range map[string][2]any{
		"a user, unasked":    {locale("user", "users.info", "user", "U1"), nil},
		"a user, declined":   {locale("user", "users.info", "user", "U1", "include_locale", "false"), nil},
		"a user":             {locale("user", "users.info", "user", "U1", "include_locale", "true"), "en-US"},
		"by address":         {locale("user", "users.lookupByEmail", "email", "alice@contoso.example"), nil},
		"a channel, unasked": {locale("channel", "conversations.info", "channel", "C1"), nil},
		"a channel":          {locale("channel", "conversations.info", "channel", "C1", "include_locale", "1"), "en-US"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: locale %v, want %v", name, got[0], got[1])
		}
	}
}

// An argument that is missing and one that names nothing are two things.
func TestMissingArguments(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for method, test := range map[string]struct{ key, missing, empty string }{
		"users.info":            {"user", "user_not_found", "user_not_found"},
		"users.lookupByEmail":   {"email", "invalid_arguments", "users_not_found"},
		"usergroups.users.list": {"usergroup", "invalid_arguments", "no_such_subteam"},
		"conversations.info":    {"channel", "invalid_arguments", "channel_not_found"},
		"conversations.members": {"channel", "invalid_arguments", "channel_not_found"},
	} {
		wantError(t, call(t, s, method), test.missing)
		wantError(t, call(t, s, method, test.key, ""), test.empty)
	}
}

func TestMembersPages(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	var everybody []string
	for i := range 250 {
		everybody = append(everybody, fmt.Sprintf("U1%03d", i))
	}
	s.AddChannel(slacktest.Channel{ID: "C9", Name: "all", Members: everybody, BotIsMember: true})
	pages := func(limit ...string) (sizes []int, found []string) {
		for cursor := ""; ; {
			r := call(t, s, "conversations.members", append([]string{"channel", "C9", "cursor", cursor}, limit...)...)
			wantError(t, r, "")
			members := r.raw["members"].([]any)
			for _, id := range members {
				found = append(found, id.(string))
			}
			sizes = append(sizes, len(members))
			if cursor, _ = r.raw["response_metadata"].(map[string]any)["next_cursor"].(string); cursor == "" {
				return sizes, found
			}
		}
	}
	want := append(slices.Clone(everybody), s.BotUserID())
	for name, test := range map[string]struct{ limit, sizes []string }{
		"without limit": {nil, []string{"100", "100", "51"}},
		"a smaller one": {[]string{"limit", "90"}, []string{"90", "90", "71"}},
		"exact":         {[]string{"limit", "251"}, []string{"251"}},
		"the highest":   {[]string{"limit", "999"}, []string{"251"}},
	} {
		sizes, found := pages(test.limit...)
		if got := strings.Fields(strings.Trim(fmt.Sprint(sizes), "[]")); !slices.Equal(got, test.sizes) || !slices.Equal(found, want) {
			t.Errorf("%s: pages of %v, want %v; %d members", name, sizes, test.sizes, len(found))
		}
	}
	for _, limit := range []string{"0", "-1", "1000", "many", "1.5", ""} {
		wantError(t, call(t, s, "conversations.members", "channel", "C9", "limit", limit), "invalid_limit")
	}
	cursor := call(t, s, "conversations.members", "channel", "C9").raw["response_metadata"].(map[string]any)["next_cursor"].(string)
	s.UpdateChannel("C9", func(c *slacktest.Channel) { c.Members = slices.Delete(c.Members, 100, 101) })
	for name, cursor := range map[string]string{"made up": "x", "empty": "", "who left": cursor} {
		want := "invalid_cursor"
		if cursor == "" {
			want = "" // the first page
		}
		if r := call(t, s, "conversations.members", "channel", "C9", "cursor", cursor); r.Error != want {
			t.Errorf("a cursor %s: %q, want %q", name, r.Error, want)
		}
	}
}

func TestLookups(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	wantError(t, call(t, s, "usergroups.users.list", "usergroup", "S0"), "no_such_subteam")
	s.UpdateUserGroup("S1", func(g *slacktest.UserGroup) { g.Disabled = true })
	wantError(t, call(t, s, "usergroups.users.list", "usergroup", "S1"), "no_such_subteam")
	wantError(t, call(t, s, "usergroups.users.list", "usergroup", "S1", "include_disabled", "true"), "")
	wantError(t, call(t, s, "users.lookupByEmail", "email", "nobody@contoso.example"), "users_not_found")
	wantError(t, call(t, s, "bots.info", "bot", "B9"), "bot_not_found")
	wantError(t, call(t, s, "bots.info", "bot", ""), "bot_not_found")
	if r := call(t, s, "bots.info"); !r.OK || r.raw["bot"] != nil {
		t.Errorf("bots.info about nobody: %v", r.raw)
	}
	wantError(t, call(t, s, "conversations.info", "channel", "C4"), "channel_not_found")
	s.UpdateChannel("C1", func(c *slacktest.Channel) { c.ExtShared = true })
	if c := call(t, s, "conversations.info", "channel", "C1", "include_num_members", "true").raw["channel"].(map[string]any); c["is_ext_shared"] != true || c["num_members"] != 3.0 {
		t.Errorf("%v", c)
	}
	if m := call(t, s, "conversations.members", "channel", "C3").raw["members"].([]any); len(m) != 2 {
		t.Errorf("%v", m)
	}
	if len(s.Users()) != 4 || len(s.Channels()) != 4 {
		t.Errorf("%d users, %d channels", len(s.Users()), len(s.Channels()))
	}
}

func TestTokens(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, test := range map[string]struct{ header, kind, body, want string }{
		"field":              {"", "application/x-www-form-urlencoded", "token=" + s.BotToken(), ""},
		"header":             {s.BotToken(), "application/x-www-form-urlencoded", "", ""},
		"header and JSON":    {s.BotToken(), "application/json", "{}", ""},
		"inside JSON":        {"", "application/json", `{"token":"` + s.BotToken() + `"}`, "not_authed"},
		"none":               {"", "application/x-www-form-urlencoded", "", "not_authed"},
		"app token":          {s.AppToken(), "application/x-www-form-urlencoded", "", "not_allowed_token_type"},
		"wrong":              {"xoxb-wrong", "application/x-www-form-urlencoded", "", "invalid_auth"},
		"broken JSON":        {s.BotToken(), "application/json", "{", "invalid_json"},
		"no object":          {s.BotToken(), "application/json", "[]", "json_not_object"},
		"strange media type": {s.BotToken(), "text/html", "x", "invalid_post_type"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, s.APIURL()+"auth.test", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", test.kind)
			if test.header != "" {
				req.Header.Set("Authorization", "Bearer "+test.header)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, decode(t, resp), test.want)
		})
	}
	for _, c := range s.Calls() {
		if c.Params["token"] != "" {
			t.Error("a token was recorded")
		}
	}
}

func TestUnknownMethod(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	wantError(t, call(t, s, "chat.shout", "text", "x"), "unknown_method")
	wantError(t, call(t, s, "auth.test"), "")
	if u := s.Unknown(); len(u) != 1 || u[0].Method != "chat.shout" || u[0].Params["text"] != "x" {
		t.Fatalf("%+v", u)
	}
}

func TestCalls(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	call(t, s, "users.info", "user", "U1")
	call(t, s, "users.info", "user", "U0")
	c := s.CallsOf("users.info")
	if len(c) != 2 || c[0].Error != "" || c[0].Params["user"] != "U1" || c[0].Status != http.StatusOK || c[0].At.IsZero() || !strings.Contains(string(c[0].Answer), "Alice") || c[1].Error != "user_not_found" {
		t.Fatalf("%+v", c)
	}
	if len(s.CallsOf("auth.test")) != 0 {
		t.Fatal("CallsOf does not filter")
	}
}

func TestClosedServer(t *testing.T) {
	s, err := slacktest.Start(slacktest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(slacktest.Fault{Method: "auth.test", Hang: true})
	hung := make(chan error)
	go func() {
		resp, err := http.Post(s.APIURL()+"auth.test", "application/json", nil)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		hung <- err
	}()
	until := make(chan error)
	go func() { until <- s.Until(timeout(t), func() bool { return len(s.Calls()) > 5 }) }()
	s.Close()
	s.Close()
	if err := <-until; err == nil {
		t.Error("Until outlived the server")
	}
	if err := <-hung; err == nil {
		t.Error("a hanging call was answered")
	}
	if _, err := slacktest.Start(slacktest.Config{Addr: "not an address"}); err == nil {
		t.Error("started on a wrong address")
	}
}
