package slacktest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"revoke-sessions/bot/slacktest"
)

func text(kind, s string) string {
	out, err := json.Marshal(map[string]string{"type": kind, "text": s})
	if err != nil {
		panic(err)
	}
	return string(out)
}

func plain(s string) string { return text("plain_text", s) }

func actions(elements string) string { return `[{"type":"actions","elements":[` + elements + `]}]` }

func button(extra string) string {
	return `{"type":"button","text":` + plain("Go") + extra + `}`
}

func repeat(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}

func confirm(title, body, yes, no int) string {
	return fmt.Sprintf(`,"confirm":{"title":%s,"text":%s,"confirm":%s,"deny":%s}`, plain(long(title)), plain(long(body)), plain(long(yes)), plain(long(no)))
}

func rich(inner string) string {
	return `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` + inner + `]}]}]`
}

// TestBlocks lists what fits and, beside it, what does not by one.
func TestBlocks(t *testing.T) {
	s := workspace(t, slacktest.Config{NoRateLimits: "all kinds of blocks are posted in a row"})
	section := `{"type":"section","text":` + plain("x") + `}`
	numbered := func(n int, kind string) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{"type":%q,"action_id":"a%d","text":%s}`, kind, i, plain("x")))
		}
		return strings.Join(out, ",")
	}
	for name, test := range map[string]struct{ good, bad string }{
		"count":            {"[" + repeat(50, section) + "]", "[" + repeat(51, section) + "]"},
		"type":             {"[" + section + "]", `[{"type":"alert","text":` + plain("x") + `}]`},
		"a block":          {"[" + section + "]", `["x"]`},
		"unknown field":    {"[" + section + "]", `[{"type":"section","text":` + plain("x") + `,"colour":"red"}]`},
		"section":          {`[{"type":"section","text":` + text("mrkdwn", long(3000)) + `}]`, `[{"type":"section","text":` + text("mrkdwn", long(3001)) + `}]`},
		"section, empty":   {"[" + section + "]", `[{"type":"section","text":` + plain("") + `}]`},
		"section, nothing": {"[" + section + "]", `[{"type":"section"}]`},
		"fields":           {`[{"type":"section","fields":[` + repeat(10, plain("x")) + `]}]`, `[{"type":"section","fields":[` + repeat(11, plain("x")) + `]}]`},
		"field":            {`[{"type":"section","fields":[` + plain(long(2000)) + `]}]`, `[{"type":"section","fields":[` + plain(long(2001)) + `]}]`},
		"accessory":        {`[{"type":"section","text":` + plain("x") + `,"accessory":` + button("") + `}]`, `[{"type":"section","text":` + plain("x") + `,"accessory":{"type":"plain_text_input"}}]`},
		"block_id":         {`[{"type":"divider","block_id":"` + long(255) + `"}]`, `[{"type":"divider","block_id":"` + long(256) + `"}]`},
		"same block_id":    {`[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"b"}]`, `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`},
		"header":           {`[{"type":"header","text":` + plain(long(150)) + `}]`, `[{"type":"header","text":` + plain(long(151)) + `}]`},
		"header, kind":     {`[{"type":"header","text":` + plain("x") + `}]`, `[{"type":"header","text":` + text("mrkdwn", "x") + `}]`},
		"header, level":    {`[{"type":"header","level":4,"text":` + plain("x") + `}]`, `[{"type":"header","level":5,"text":` + plain("x") + `}]`},
		"context":          {`[{"type":"context","elements":[` + repeat(10, plain("x")) + `]}]`, `[{"type":"context","elements":[` + repeat(11, plain("x")) + `]}]`},
		"context, button":  {`[{"type":"context","elements":[{"type":"image","image_url":"https://a.example","alt_text":"x"}]}]`, `[{"type":"context","elements":[` + button("") + `]}]`},
		"actions":          {actions(numbered(25, "button")), actions(numbered(26, "button"))},
		"actions, empty":   {actions(button("")), actions("")},
		"same action_id":   {actions(button(`,"action_id":"a"`) + "," + button(`,"action_id":"b"`)), actions(button(`,"action_id":"a"`) + "," + button(`,"action_id":"a"`))},
		"action_id":        {actions(button(`,"action_id":"` + long(255) + `"`)), actions(button(`,"action_id":"` + long(256) + `"`))},
		"button text":      {actions(`{"type":"button","text":` + plain(long(75)) + `}`), actions(`{"type":"button","text":` + plain(long(76)) + `}`)},
		"button kind":      {actions(button("")), actions(`{"type":"button","text":` + text("mrkdwn", "x") + `}`)},
		"button value":     {actions(button(`,"value":"` + long(2000) + `"`)), actions(button(`,"value":"` + long(2001) + `"`))},
		"button url":       {actions(button(`,"url":"` + long(3000) + `"`)), actions(button(`,"url":"` + long(3001) + `"`))},
		"button style":     {actions(button(`,"style":"danger"`)), actions(button(`,"style":"red"`))},
		"button field":     {actions(button(`,"accessibility_label":"x"`)), actions(button(`,"emoji":"x"`))},
		"label":            {actions(button(`,"accessibility_label":"` + long(75) + `"`)), actions(button(`,"accessibility_label":"` + long(76) + `"`))},
		"confirm, title":   {actions(button(confirm(100, 300, 30, 30))), actions(button(confirm(101, 300, 30, 30)))},
		"confirm, text":    {actions(button(confirm(1, 300, 1, 1))), actions(button(confirm(1, 301, 1, 1)))},
		"confirm, yes":     {actions(button(confirm(1, 1, 30, 1))), actions(button(confirm(1, 1, 31, 1)))},
		"confirm, no":      {actions(button(confirm(1, 1, 1, 30))), actions(button(confirm(1, 1, 1, 31)))},
		"confirm, missing": {actions(button(confirm(1, 1, 1, 1))), actions(button(`,"confirm":{"title":` + plain("x") + `}`))},
		"verbatim":         {`[{"type":"section","text":{"type":"mrkdwn","text":"x","verbatim":true}}]`, `[{"type":"section","text":{"type":"plain_text","text":"x","verbatim":true}}]`},
		"emoji":            {`[{"type":"section","text":{"type":"plain_text","text":"x","emoji":true}}]`, `[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`},
		"boolean":          {`[{"type":"section","text":{"type":"plain_text","text":"x","emoji":true}}]`, `[{"type":"section","text":{"type":"plain_text","text":"x","emoji":"yes"}}]`},
		"element":          {actions(`{"type":"users_select","placeholder":` + plain(long(150)) + `}`), actions(`{"type":"users_select","placeholder":` + plain(long(151)) + `}`)},
		"unmodelled":       {actions(`{"type":"users_select"}`), actions(`{"type":"datepicker"}`)},
		"initial_user":     {actions(`{"type":"users_select","initial_user":"U1"}`), actions(`{"type":"users_select","initial_user":"U0"}`)},
		"rich text":        {rich(`{"type":"text","text":"x","style":{"bold":true}}`), rich(`{"type":"text","text":"x","style":{"loud":true}}`)},
		"rich kind":        {rich(`{"type":"user","user_id":"U1"},{"type":"broadcast","range":"here"},{"type":"date","timestamp":1,"format":"{date}"}`), rich(`{"type":"video","url":"x"}`)},
		"rich range":       {rich(`{"type":"broadcast","range":"here"}`), rich(`{"type":"broadcast","range":"all"}`)},
		"rich required":    {rich(`{"type":"link","url":"https://a.example"}`), rich(`{"type":"link","text":"x"}`)},
		"rich list": {`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[]}]}]}]`,
			`[{"type":"rich_text","elements":[{"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[]}]}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			if r := call(t, s, "chat.postMessage", "channel", "C1", "text", "x", "blocks", test.good); !r.OK {
				t.Errorf("refused: %v", r.Metadata.Messages)
			}
			r := call(t, s, "chat.postMessage", "channel", "C1", "text", "x", "blocks", test.bad)
			wantError(t, r, "invalid_blocks")
			if len(r.Metadata.Messages) == 0 || !strings.Contains(r.Metadata.Messages[0], "[json-pointer:/blocks") {
				t.Errorf("messages %q", r.Metadata.Messages)
			}
		})
	}
}

func TestMissingIDsAreFilledIn(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	post(t, s, "text", "x", "blocks", `[{"type":"divider","block_id":"auto1"},`+actions(button("") + "," + button(""))[1:])
	b := s.Messages("C1")[0].Buttons()
	if len(b) != 2 || b[0].ActionID == "" || b[0].ActionID == b[1].ActionID || b[0].BlockID == "" || b[0].BlockID == "auto1" {
		t.Fatalf("%+v", b)
	}
}
