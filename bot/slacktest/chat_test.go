package slacktest_test

import (
	"strings"
	"testing"

	"revoke-sessions/bot/slacktest"
)

func TestPostMessageRefusals(t *testing.T) {
	s := workspace(t, slacktest.Config{NoRateLimits: "all that can be wrong is posted in a row"})
	s.AddChannel(slacktest.Channel{ID: "C5", Archived: true, BotIsMember: true})
	s.AddUser(slacktest.User{ID: "U8", Deleted: true})
	for name, test := range map[string]struct {
		want  string
		pairs []string
	}{
		"fine":                   {"", []string{"channel", "C1", "text", "x"}},
		"longest text":           {"", []string{"channel", "C1", "text", long(slacktest.MaxPostText)}},
		"too long":               {"msg_too_long", []string{"channel", "C1", "text", long(slacktest.MaxPostText + 1)}},
		"nothing":                {"no_text", []string{"channel", "C1"}},
		"blank":                  {"no_text", []string{"channel", "C1", "text", " \n"}},
		"no blocks":              {"no_text", []string{"channel", "C1", "blocks", "[]"}},
		"unknown channel":        {"channel_not_found", []string{"channel", "C0", "text", "x"}},
		"public, not a member":   {"not_in_channel", []string{"channel", "C2", "text", "x"}},
		"private, not a member":  {"channel_not_found", []string{"channel", "C4", "text", "x"}},
		"private":                {"", []string{"channel", "C3", "text", "x"}},
		"archived":               {"is_archived", []string{"channel", "C5", "text", "x"}},
		"direct message":         {"", []string{"channel", "U2", "text", "x"}},
		"to a deactivated user":  {"channel_not_found", []string{"channel", "U8", "text", "x"}},
		"to itself":              {"cannot_dm_bot", []string{"channel", s.BotUserID(), "text", "x"}},
		"no channel":             {"invalid_arguments", []string{"text", "x"}},
		"empty channel":          {"channel_not_found", []string{"channel", "", "text", "x"}},
		"by name":                {"", []string{"channel", "#security", "text", "x"}},
		"by name without #":      {"", []string{"channel", "security", "text", "x"}},
		"private, by name":       {"", []string{"channel", "#vault", "text", "x"}},
		"hidden, by name":        {"channel_not_found", []string{"channel", "#secret", "text", "x"}},
		"no such name":           {"channel_not_found", []string{"channel", "#nowhere", "text", "x"}},
		"an ID is no name":       {"channel_not_found", []string{"channel", "#C1", "text", "x"}},
		"a sign is no name":      {"channel_not_found", []string{"channel", "#", "text", "x"}},
		"array":                  {"invalid_array_arg", []string{"channel", "C1", "text", "x", "users[0]", "U1"}},
		"no name of a parameter": {"invalid_arg_name", []string{"channel", "C1", "text", "x", "a b", "c"}},
		"workspace":              {"", []string{"channel", "C1", "text", "x", "team_id", s.TeamID()}},
		"no attachments":         {"", []string{"channel", "C1", "text", "x", "attachments", "[]"}},
		"attachments":            {"invalid_arguments", []string{"channel", "C1", "text", "x", "attachments", `[{"text":"x"}]`}},
		"attachments, not JSON":  {"invalid_arguments", []string{"channel", "C1", "text", "x", "attachments", "["}},
		"unknown parameter":      {"invalid_arguments", []string{"channel", "C1", "text", "x", "colour", "red"}},
		"bad boolean":            {"invalid_arguments", []string{"channel", "C1", "text", "x", "link_names", "maybe"}},
		"bad parse":              {"invalid_arguments", []string{"channel", "C1", "text", "x", "parse", "client"}},
		"orphan":                 {"thread_not_found", []string{"channel", "C1", "text", "x", "thread_ts", "1.000001"}},
		"blocks, not JSON":       {"invalid_blocks_format", []string{"channel", "C1", "blocks", "{"}},
		"metadata":               {"", []string{"channel", "C1", "text", "x", "metadata", `{"event_type":"e","event_payload":{"id":1}}`}},
		"metadata, no type":      {"invalid_metadata_schema", []string{"channel", "C1", "text", "x", "metadata", `{"event_payload":{"id":1}}`}},
		"metadata, not JSON":     {"invalid_metadata_format", []string{"channel", "C1", "text", "x", "metadata", `{`}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(t, s, "chat.postMessage", test.pairs...), test.want) })
	}
}

// What Slack takes of all blocks of a message together, whatever each may hold.
func TestBlocksTooLongTogether(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	blocks := func(n int, text string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = `{"type":"section","text":{"type":"plain_text","text":"` + text + `"}}`
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	ts := call(t, s, "chat.postMessage", "channel", "C1", "text", "x").TS
	for name, test := range map[string]struct{ blocks, want string }{
		"four that fit":               {blocks(4, long(3000)), ""},
		"five that do not":            {blocks(5, long(2700)), "msg_blocks_too_long"},
		"many short ones":             {blocks(50, long(250)), "msg_blocks_too_long"},
		"signs that are sent escaped": {blocks(4, strings.Repeat(`\u003c`, 3000)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "text", "x", "blocks", test.blocks), test.want)
			wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", ts, "text", "x", "blocks", test.blocks), test.want)
		})
	}
}

func TestDirectMessages(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	r := call(t, s, "chat.postMessage", "channel", "U2", "text", "one")
	wantError(t, r, "")
	id := strings.Trim(string(r.Channel), `"`)
	if !strings.HasPrefix(id, "D") || id != s.DirectChannel("U2") {
		t.Fatalf("channel %s", id)
	}
	wantError(t, call(t, s, "chat.update", "channel", "U2", "ts", r.TS, "text", "two"), "channel_not_found")
	wantError(t, call(t, s, "chat.update", "channel", id, "ts", r.TS, "text", "two"), "")
	wantError(t, call(t, s, "chat.postMessage", "channel", id, "text", "reply", "thread_ts", r.TS), "")
	if m := s.DMs("U2"); len(m) != 1 || m[0].Text != "two" || len(s.DMs("U1")) != 0 || len(s.Thread(id, r.TS)) != 2 {
		t.Fatalf("%+v", m)
	}
	off := workspace(t, slacktest.Config{MessagesTabOff: true})
	wantError(t, call(t, off, "chat.postMessage", "channel", "U2", "text", "x"), "messages_tab_disabled")
}

func TestThreads(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	ts := post(t, s, "text", "top")
	reply := post(t, s, "text", "reply", "thread_ts", ts)
	post(t, s, "text", "second reply", "thread_ts", ts)
	refused := call(t, s, "chat.postMessage", "channel", "C1", "text", "reply to the reply", "thread_ts", reply)
	wantError(t, refused, "invalid_arguments")
	if m := refused.Metadata.Messages; len(m) != 1 || !strings.Contains(m[0], ts) {
		t.Errorf("%q does not name the thread's first message %s", m, ts)
	}
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U2", "text", "x", "thread_ts", reply), "invalid_arguments")
	post(t, s, "text", "shown twice", "thread_ts", ts, "reply_broadcast", "true")
	s.As("U2").Say("C1", ts, "thanks")
	thread := s.Thread("C1", ts)
	if len(thread) != 5 || thread[0].Text != "top" || thread[2].ThreadTS != ts || thread[4].User != "U2" || thread[4].AppID != "" {
		t.Fatalf("%+v", thread)
	}
	if top := s.Messages("C1"); len(top) != 2 || top[1].Text != "shown twice" {
		t.Fatalf("%+v", top)
	}
	for i := 1; i < len(thread); i++ {
		if thread[i].TS <= thread[i-1].TS || thread[i].Time().Before(thread[i-1].Time()) {
			t.Fatal("timestamps do not rise")
		}
	}
}

func TestUpdate(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	s.AddChannel(slacktest.Channel{ID: "C5", BotIsMember: true})
	ts := post(t, s, "text", "Revoke?", "blocks", card)
	theirs := s.As("U2").Say("C1", "", "mine")
	gone := post(t, s, "text", "x")
	wantError(t, call(t, s, "chat.delete", "channel", "C1", "ts", gone), "")
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U2", "text", "x"), "")
	archived := call(t, s, "chat.postMessage", "channel", "C5", "text", "x").TS
	s.UpdateChannel("C5", func(c *slacktest.Channel) { c.Archived = true })
	for name, test := range map[string]struct {
		want  string
		pairs []string
	}{
		"longest text":    {"", []string{"channel", "C1", "ts", ts, "text", long(slacktest.MaxUpdateText)}},
		"too long":        {"msg_too_long", []string{"channel", "C1", "ts", ts, "text", long(slacktest.MaxUpdateText + 1)}},
		"nothing":         {"no_text", []string{"channel", "C1", "ts", ts}},
		"by name":         {"channel_not_found", []string{"channel", "#security", "ts", ts, "text", "x"}},
		"a person's":      {"cant_update_message", []string{"channel", "C1", "ts", theirs, "text", "x"}},
		"deleted":         {"message_not_found", []string{"channel", "C1", "ts", gone, "text", "x"}},
		"ephemeral":       {"message_not_found", []string{"channel", "C1", "ts", s.Ephemerals("U2")[0].TS, "text", "x"}},
		"archived":        {"is_inactive", []string{"channel", "C5", "ts", archived, "text", "x"}},
		"unknown channel": {"channel_not_found", []string{"channel", "C0", "ts", ts, "text", "x"}},
		"hidden channel":  {"channel_not_found", []string{"channel", "C4", "ts", ts, "text", "x"}},
		"thread_ts":       {"invalid_arguments", []string{"channel", "C1", "ts", ts, "text", "x", "thread_ts", ts}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(t, s, "chat.update", test.pairs...), test.want) })
	}
	wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", ts, "text", "Asking.", "blocks", card), "")
	wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", ts, "text", "Revoked.", "attachments", "[]"), "")
	history := s.History("C1", ts)
	if len(history) != 4 || len(history[0].Buttons()) != 2 || len(history[2].Buttons()) != 2 || history[3].Blocks != nil || history[3].Text != "Revoked." || history[3].EditedAt.IsZero() {
		t.Fatalf("%+v", history)
	}
	if h := s.History("C1", gone); len(h) != 2 || !h[1].Deleted {
		t.Fatalf("%+v", h)
	}
	wantError(t, call(t, s, "chat.delete", "channel", "C1", "ts", theirs), "cant_delete_message")
}

func TestPostEphemeral(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	r := call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U2", "text", "x")
	wantError(t, r, "")
	if m := s.Ephemerals("U2"); len(m) != 1 || m[0].TS != r.MessTS || m[0].Via != "chat.postEphemeral" || len(s.Messages("C1")) != 0 {
		t.Fatalf("%+v", m)
	}
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "#security", "user", "U2", "text", "by name", "attachments", "[]"), "")
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U3", "text", "x"), "user_not_in_channel")
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C2", "user", "U3", "text", "x"), "not_in_channel")
}

func TestPermalink(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	ts := post(t, s, "text", "x")
	reply := post(t, s, "text", "y", "thread_ts", ts)
	bare := strings.ReplaceAll(ts, ".", "")
	if got := call(t, s, "chat.getPermalink", "channel", "C1", "message_ts", ts).raw["permalink"]; got != "https://slacktest.slack.com/archives/C1/p"+bare {
		t.Error(got)
	}
	if got := call(t, s, "chat.getPermalink", "channel", "C1", "message_ts", reply).raw["permalink"]; !strings.HasSuffix(got.(string), "?thread_ts="+ts+"&cid=C1") {
		t.Error(got)
	}
	wantError(t, call(t, s, "chat.getPermalink", "channel", "C1", "message_ts", "1.000001"), "message_not_found")
}
