package slacktest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// said is a section with one mrkdwn text.
func said(text string, verbatim bool) json.RawMessage {
	out, err := json.Marshal([]any{map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text, "verbatim": verbatim}}})
	if err != nil {
		panic(err)
	}
	return out
}

func TestMentions(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, test := range map[string]struct {
		m    slacktest.Message
		want string
	}{
		"all forms":             {slacktest.Message{Text: "<@U1> <@U2|bob> <!subteam^S1> <!subteam^S2|@x> <!here> <!channel|x> <!everyone> <@U1>"}, "U1 U2 S1 S2 here channel everyone"},
		"escaped":               {slacktest.Message{Text: "&lt;@U1&gt; &lt;!here&gt;"}, ""},
		"bare in text":          {slacktest.Message{Text: "@here @bob"}, ""},
		"link_names":            {slacktest.Message{Text: "@here @bob @security", LinkNames: true}, "here U2 S1"},
		"parse full":            {slacktest.Message{Text: "@channel <@U1>", Parse: "full"}, "channel"},
		"date is no mention":    {slacktest.Message{Text: "<!date^1^{date}|x>"}, ""},
		"mrkdwn object":         {slacktest.Message{Blocks: said("<@U1>", true)}, "U1"},
		"bare, not verbatim":    {slacktest.Message{Blocks: said("wake up @here, @everyone! @bob", false)}, "here everyone"},
		"bare, after an escape": {slacktest.Message{Blocks: said("&lt;@Here&gt;", false)}, "here"},
		"bare, verbatim":        {slacktest.Message{Blocks: said("wake up @here", true)}, ""},
		"part of an address":    {slacktest.Message{Blocks: said("bob@here.example", false)}, ""},
		"plain text":            {slacktest.Message{Blocks: []byte(`[{"type":"header","text":` + plain("<@U1> @here <!channel>") + `}]`)}, ""},
		"field and context": {slacktest.Message{Blocks: []byte(`[{"type":"section","fields":[` + text("mrkdwn", "<@U1>") + `]},{"type":"context","elements":[` +
			text("mrkdwn", "<@U2>") + `]}]`)}, "U1 U2"},
		"rich text": {slacktest.Message{Blocks: []byte(rich(`{"type":"user","user_id":"U1"},{"type":"usergroup","usergroup_id":"S1"},{"type":"broadcast","range":"here"},{"type":"text","text":"<@U2> @here"}`))}, "U1 S1 here"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(s.Mentions(test.m), " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, test := range map[string]struct {
		m    slacktest.Message
		want string
	}{
		"written":       {slacktest.Message{Text: "<https://a.example|here> <mailto:b@a.example>", Parse: "none"}, "https://a.example mailto:b@a.example"},
		"escaped":       {slacktest.Message{Text: "&lt;https://a.example&gt;", Parse: "none"}, ""},
		"bare":          {slacktest.Message{Text: "https://a.example b@a.example"}, "https://a.example mailto:b@a.example"},
		"bare, none":    {slacktest.Message{Text: "https://a.example b@a.example", Parse: "none"}, ""},
		"mentions":      {slacktest.Message{Text: "<@U1> <#C1> <!here>"}, ""},
		"date and link": {slacktest.Message{Text: "<!date^1^{date}^https://a.example|x> <!date^1^{date}|y>"}, "https://a.example"},
		"object":        {slacktest.Message{Blocks: said("https://a.example", false)}, "https://a.example"},
		"verbatim":      {slacktest.Message{Blocks: said("https://a.example", true)}, ""},
		"button, rich":  {slacktest.Message{Blocks: []byte(actions(button(`,"url":"https://b.example"`))[:len(actions(button(`,"url":"https://b.example"`)))-1] + "," + rich(`{"type":"link","url":"https://r.example"}`)[1:])}, "https://b.example https://r.example"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(s.Links(test.m), " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlainAndButtons(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	blocks := strings.TrimSuffix(card, "]") + `,{"type":"header","text":` + plain("H <b>") + `},
{"type":"section","text":` + text("mrkdwn", "a &lt;b&gt; <@U1> <@U2|bob> <https://a.example|link> <https://b.example> <!date^1^{date}|5 January> <!subteam^S1|@sec> <!here> <#C1|sec>") + `,"fields":[` + plain("f1") + "," + plain("f2") + `]},
{"type":"context","elements":[` + plain("ctx") + `]},` + rich(`{"type":"text","text":"one "},{"type":"user","user_id":"U1"}`)[1:]
	post(t, s, "text", "Revoke &amp; go?", "blocks", blocks)
	m := s.Messages("C1")[0]
	want := []string{"Revoke & go?", "*Revoke?*", "[Revoke sessions]", "[Deny]", "H <b>",
		"a <b> @U1 @bob link https://b.example 5 January @sec @here #sec", "f1", "f2", "ctx", "one @U1"}
	if got := strings.Split(m.Plain(), "\n"); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	b := m.Buttons()
	if len(b) != 2 || b[0].ActionID != "request.confirm" || b[0].Text != "Revoke sessions" || b[0].Value != "REQ-1" || b[0].Style != "danger" || b[0].BlockID != "decide" ||
		b[0].Confirm == nil || *b[0].Confirm != (slacktest.Confirm{Title: "Sure?", Text: "All sessions end.", Confirm: "Revoke", Deny: "Go back"}) || b[1].Confirm != nil {
		t.Errorf("%+v", b)
	}
}

// TestReads shows names and the reader's own times, in mrkdwn and in rich text.
func TestReads(t *testing.T) {
	now := time.Date(2026, 5, 10, 21, 30, 0, 0, time.UTC)
	zone := time.FixedZone("", 3*60*60) // there it is half past midnight
	s := workspace(t, slacktest.Config{Now: func() time.Time { return now }})
	date := func(at time.Time, format string) string { return fmt.Sprintf("<!date^%d^%s|UTC>", at.Unix(), format) }
	for name, test := range map[string]struct{ text, want string }{
		"people":           {"<@U1> <@U2|b> <@U9> <@U9|x>", "@Alice Approver @Bob Borrower @U9 @x"},
		"user groups":      {"<!subteam^S1> <!subteam^S9> <!subteam^S9|@x>", "@security @S9 @x"},
		"channels":         {"<#C1> <#C2|x> <#C9>", "#security #general #C9"},
		"others":           {"<!here> <https://a.example|link> &lt;@U1&gt;", "@here link <@U1>"},
		"today":            {date(now, "{date_short_pretty}, {time}"), "today, 00:30"},
		"yesterday":        {date(now.Add(-time.Hour), "{date_short_pretty} at {time_secs}"), "yesterday at 23:30:00"},
		"tomorrow":         {date(now.Add(24*time.Hour), "{date_pretty}"), "tomorrow"},
		"another day":      {date(now.AddDate(0, 0, 3), "{date_short_pretty} {date} {date_long}"), "May 14 May 14 Thursday, May 14"},
		"another year":     {date(now.AddDate(-1, 0, 0), "{date_short} {date_num} {date_slash}"), "May 11, 2025 2025-05-11 05/11/2025"},
		"ago":              {date(now.Add(-3*time.Minute), "{ago}") + " " + date(now.Add(-time.Minute), "{ago}") + " " + date(now, "{ago}"), "3 minutes ago 1 minute ago just now"},
		"no form of Slack": {date(now, "{then}"), "{then}"},
		"no date":          {"<!date^x^{time}|noon> <!date^|x>", "noon x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.Reads(slacktest.Message{Text: test.text, Blocks: said(test.text, true)}, zone); got != test.want+"\n"+test.want {
				t.Errorf("got %q, want twice %q", got, test.want)
			}
		})
	}
	parts := fmt.Sprintf(`{"type":"user","user_id":"U1"},{"type":"usergroup","usergroup_id":"S1"},{"type":"channel","channel_id":"C1"},`+
		`{"type":"date","timestamp":%d,"format":"{date_short_pretty}, {time}","fallback":"UTC"},{"type":"text","text":"<@U1>"}`, now.Unix())
	m := slacktest.Message{Blocks: []byte(rich(parts))}
	if got, want := s.Reads(m, zone), "@Alice Approver@security#securitytoday, 00:30<@U1>"; got != want {
		t.Errorf("rich text: got %q, want %q", got, want)
	}
	if got, want := m.Plain(), "@U1@S1#C1UTC<@U1>"; got != want {
		t.Errorf("rich text without names: got %q, want %q", got, want)
	}
}

// FuzzReading feeds what a bot may post to everything that reads messages.
func FuzzReading(f *testing.F) {
	for _, seed := range []string{"<|x>", "<@>", "<!date^>", "<!subteam^|>", "a < b > c", "@here", "<a|b|c>", "&lt;"} {
		f.Add(seed)
	}
	s, err := slacktest.Start(slacktest.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, typed string) {
		for _, m := range []slacktest.Message{{Text: typed}, {Text: typed, Parse: "full", LinkNames: true}, {Blocks: said(typed, false)}, {Blocks: said(typed, true)}, {Blocks: []byte(typed)}} {
			m.Plain()
			s.Reads(m, time.UTC)
			m.Buttons()
			s.Mentions(m)
			s.Links(m)
		}
		dead := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(typed)
		m := slacktest.Message{Text: dead, Parse: "none", Blocks: said(dead, true)}
		if got := append(s.Mentions(m), s.Links(m)...); len(got) != 0 {
			t.Errorf("escaped and verbatim, yet alive: %q", got)
		}
	})
}

// FuzzBlocks posts anything as blocks: refused or accepted, never a crash,
// and what is accepted is accepted again as it was stored.
func FuzzBlocks(f *testing.F) {
	for _, seed := range []string{card, rich(`{"type":"text","text":"x"}`), `[null]`, `[{"type":"input"}]`, `{}`, `[{"block_id":null}]`, actions(`null`), actions(`{"type":"users_select"}`)} {
		f.Add(seed)
	}
	s, err := slacktest.Start(slacktest.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	s.AddChannel(slacktest.Channel{ID: "C1", BotIsMember: true})
	f.Fuzz(func(t *testing.T, blocks string) {
		r := call(t, s, "chat.postMessage", "channel", "C1", "text", "x", "blocks", blocks)
		if !r.OK {
			return
		}
		for _, m := range s.Thread("C1", r.TS) {
			m.Plain()
			if again := call(t, s, "chat.update", "channel", "C1", "ts", r.TS, "text", "x", "blocks", string(m.Blocks)); !again.OK {
				t.Errorf("stored blocks are refused: %v\n%s", again.Metadata.Messages, m.Blocks)
			}
		}
		call(t, s, "chat.delete", "channel", "C1", "ts", r.TS)
	})
}
