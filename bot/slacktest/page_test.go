package slacktest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot/slacktest"
)

// visitor is a browser with the page open.
type visitor struct{ url string }

func visit(t *testing.T, s *slacktest.Server, p slacktest.Page) visitor {
	t.Helper()
	web := httptest.NewServer(s.Page(p))
	t.Cleanup(web.Close)
	return visitor{web.URL}
}

// ask sends a request with headers ("Host" among them) and returns the answer
// with its body.
func (v visitor) ask(t *testing.T, method, path, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(timeout(t), method, v.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

type seenMessage struct {
	TS        string        `json:"ts"`
	Name      string        `json:"name"`
	Text      string        `json:"text"`
	Blocks    []any         `json:"blocks"`
	App       bool          `json:"app"`
	Edited    bool          `json:"edited"`
	Ephemeral bool          `json:"ephemeral"`
	Mine      bool          `json:"mine"`
	Replies   []seenMessage `json:"replies"`
}

// seen is what one person sees.
type seen struct {
	Me      string   `json:"me"`
	Title   string   `json:"title"`
	Steps   []string `json:"steps"`
	Hints   []string `json:"hints"`
	Started bool     `json:"started"`
	People  []struct {
		ID   string `json:"id"`
		Role string `json:"role"`
	} `json:"people"`
	Members []struct {
		ID string `json:"id"`
	} `json:"members"`
	Names struct {
		Channels map[string]string `json:"channels"`
		Groups   map[string]string `json:"groups"`
	} `json:"names"`
	Channels []struct {
		ID       string        `json:"id"`
		Name     string        `json:"name"`
		Direct   bool          `json:"direct"`
		ReadOnly bool          `json:"readOnly"`
		Messages []seenMessage `json:"messages"`
	} `json:"channels"`
	Home *struct {
		Blocks []any `json:"blocks"`
	} `json:"home"`
	Shortcuts []seenChoice `json:"shortcuts"`
	OnMessage []seenChoice `json:"onMessage"`
	Now       int64        `json:"now"`
	Instance  string       `json:"instance"`
	Panel     *seenPanel   `json:"panel"`
	Views     []struct {
		ID     string            `json:"id"`
		Title  string            `json:"title"`
		Errors map[string]string `json:"errors"`
	} `json:"views"`
	Side *struct {
		Title   string `json:"title"`
		Entries []struct {
			At                  int64
			Title, Detail, Kind string
			Result              string
		} `json:"entries"`
	} `json:"side"`
}

func (v visitor) sees(t *testing.T, as string) seen {
	t.Helper()
	resp, body := v.ask(t, http.MethodGet, "/state?as="+as, "", nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	var state seen
	if err := json.Unmarshal([]byte(body), &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// channels are the IDs of the conversations, in their order.
func (s seen) channels() (ids []string) {
	for _, c := range s.Channels {
		ids = append(ids, c.ID)
	}
	return ids
}

func (s seen) messages(channel string) []seenMessage {
	for _, c := range s.Channels {
		if c.ID == channel {
			return c.Messages
		}
	}
	return nil
}

// does lets a person act. fields are JSON pairs beside "as".
func (v visitor) does(t *testing.T, path, as, fields string) (status int, answer map[string]string) {
	t.Helper()
	resp, body := v.ask(t, http.MethodPost, path, `{"as":"`+as+`"`+fields+`}`, map[string]string{"X-Page": "1", "Content-Type": "application/json"})
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, answer
}

func (v visitor) wants(t *testing.T, path, as, fields string, status int, answer map[string]string) {
	t.Helper()
	gotStatus, got := v.does(t, path, as, fields)
	if diff := cmp.Diff(answer, got); gotStatus != status || diff != "" {
		t.Fatalf("%s %s: status %d, want %d; answer (-want +got):\n%s", path, fields, gotStatus, status, diff)
	}
}

func TestPageShowsEachPersonWhatTheySee(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	v := visit(t, s, slacktest.Page{})
	if state := v.sees(t, "U1"); state.Started || state.Title == "" || state.Steps == nil || state.Hints == nil || state.Side != nil {
		t.Errorf("an empty page is %+v", state)
	}

	ts := post(t, s, "text", "Revoke? <@U1>", "blocks", card)
	wantError(t, call(t, s, "chat.postMessage", "channel", "C1", "thread_ts", ts, "text", "in the thread"), "")
	wantError(t, call(t, s, "chat.postEphemeral", "channel", "C1", "user", "U1", "text", "for Alice alone"), "")
	plain := post(t, s, "text", "first words")
	wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", plain, "text", "second words"), "")
	wantError(t, call(t, s, "chat.update", "channel", "C1", "ts", ts, "text", "Revoked. <@U1>", "blocks", `[{"type":"divider"}]`), "")
	gone := post(t, s, "text", "taken back")
	wantError(t, call(t, s, "chat.delete", "channel", "C1", "ts", gone), "")
	wantError(t, call(t, s, "chat.postMessage", "channel", "U1", "text", "a direct message"), "")

	alice, bob := v.sees(t, "U1"), v.sees(t, "U2")
	aliceDM, bobDM := s.DirectChannel("U1"), s.DirectChannel("U2")
	if diff := cmp.Diff([]string{"C2", "C4", "C1", "C3", aliceDM}, alice.channels()); diff != "" {
		t.Errorf("Alice's conversations, by name (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"C2", "C1", bobDM}, bob.channels()); diff != "" {
		t.Errorf("Bob's conversations (-want +got):\n%s", diff)
	}
	if _, known := bob.Names.Channels["C3"]; known || bob.Names.Groups["S1"] != "security" {
		t.Errorf("Bob knows the names %+v", bob.Names)
	}
	want := []seenMessage{
		{TS: ts, Name: "bot", App: true, Text: "Revoked. <@U1>", Mine: true, Blocks: alice.messages("C1")[0].Blocks,
			Replies: []seenMessage{{Name: "bot", App: true, Text: "in the thread"}}},
		{Name: "bot", App: true, Text: "for Alice alone", Ephemeral: true},
		{TS: plain, Name: "bot", App: true, Text: "second words", Edited: true},
	}
	ignoreNewTS := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".TS" },
		cmp.Comparer(func(a, b string) bool { return a == "" || b == "" || a == b }))
	if diff := cmp.Diff(want, alice.messages("C1"), ignoreNewTS); diff != "" {
		t.Errorf("Alice reads in C1 (-want +got):\n%s", diff)
	}
	if len(want[0].Blocks) != 1 {
		t.Errorf("the card's blocks are %v, want the updated ones", want[0].Blocks)
	}
	want[0].Mine = false
	if diff := cmp.Diff([]seenMessage{want[0], want[2]}, bob.messages("C1"), ignoreNewTS); diff != "" {
		t.Errorf("Bob reads in C1 (-want +got):\n%s", diff)
	}
	if got := alice.messages(aliceDM); len(got) != 1 || got[0].Text != "a direct message" || len(bob.messages(bobDM)) != 0 {
		t.Errorf("direct messages: Alice %+v, Bob %+v", got, bob.messages(bobDM))
	}
	if !bob.Started {
		t.Error("the page still calls itself empty")
	}
}

func TestPageSwitchesBetweenPeople(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	for name, u := range map[string]slacktest.User{
		"bot": {Bot: true}, "deleted": {Deleted: true}, "stranger": {Stranger: true}, "other": {TeamID: "T0OTHER"},
		"invited": {Invited: true}, "workflow": {WorkflowBot: true}, "single": {SingleChannelGuest: true},
	} {
		u.ID, u.Name = "U9"+strings.ToUpper(name), name
		s.AddUser(u)
	}
	ids := func(state seen) (ids []string) {
		for _, p := range state.People {
			ids = append(ids, p.ID)
		}
		return ids
	}
	all := visit(t, s, slacktest.Page{})
	if diff := cmp.Diff([]string{"U1", "U2"}, ids(all.sees(t, ""))); diff != "" {
		t.Errorf("without People, one can be (-want +got):\n%s", diff)
	}
	for _, m := range all.sees(t, "").Members {
		if m.ID == "U9DELETED" || m.ID == "U9BOT" || m.ID == s.BotUserID() {
			t.Errorf("%s can be picked in a form", m.ID)
		}
	}
	some := visit(t, s, slacktest.Page{People: []string{"U3", "U1"}, Roles: map[string]string{"U3": "a guest"}})
	state := some.sees(t, "")
	if diff := cmp.Diff([]string{"U3", "U1"}, ids(state)); diff != "" || state.Me != "U3" || state.People[0].Role != "a guest" {
		t.Errorf("one is %s, role %q, and can be (-want +got):\n%s", state.Me, state.People[0].Role, diff)
	}
	if resp, _ := some.ask(t, http.MethodGet, "/state?as=U2", "", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("Bob, who is not on this page, is shown with status %d", resp.StatusCode)
	}
	some.wants(t, "/say", "U2", `,"channel":"C1","text":"x"`, http.StatusNotFound, nil)
}

func TestPageActs(t *testing.T) {
	s := workspace(t, slacktest.Config{Escape: &slacktest.Escape{}})
	c := connect(t, s)
	v := visit(t, s, slacktest.Page{})
	fine := map[string]string{"saw": ""}
	// acks answers the next envelope while the page waits for its act.
	acks := func(payload string, act func()) map[string]any {
		t.Helper()
		var done sync.WaitGroup
		done.Go(act)
		got := c.acked(t, payload)
		done.Wait()
		return got
	}

	got := acks(`{"text":"Stored."}`, func() {
		v.wants(t, "/command", "U2", `,"channel":"C1","text":"/revoke-sessions  @alice lost <b>"`, http.StatusOK, fine)
	})
	if got["text"] != "<@U1> lost &lt;b&gt;" || got["user_id"] != "U2" || got["channel_id"] != "C1" {
		t.Errorf("the command arrived as %v", got)
	}
	if m := v.sees(t, "U2").messages("C1"); len(m) != 1 || !m[0].Ephemeral || m[0].Text != "Stored." {
		t.Errorf("Bob reads %+v", m)
	}

	ts := post(t, s, "text", "Revoke?", "blocks", card)
	got = acks("", func() {
		v.wants(t, "/click", "U1", `,"channel":"C1","ts":"`+ts+`","action":"request.confirm"`, http.StatusOK, fine)
	})
	if action := got["actions"].([]any)[0].(map[string]any); action["action_id"] != "request.confirm" || action["value"] != "REQ-1" {
		t.Errorf("the click arrived as %v", action)
	}

	open := func() string {
		got := acks("", func() { v.wants(t, "/command", "U2", `,"channel":"C1","text":"/revoke-sessions"`, http.StatusOK, fine) })
		const form = `{"type":"modal","title":{"type":"plain_text","text":"Form"},"submit":{"type":"plain_text","text":"Ask"},"notify_on_close":true,"blocks":[
			{"type":"input","block_id":"why","label":{"type":"plain_text","text":"Why?"},"element":{"type":"plain_text_input","action_id":"text"}}]}`
		r := call(t, s, "views.open", "trigger_id", got["trigger_id"].(string), "view", form)
		wantError(t, r, "")
		return r.View.ID
	}
	view := open()
	if views := v.sees(t, "U2").Views; len(views) != 1 || views[0].ID != view || views[0].Title != "Form" || len(v.sees(t, "U1").Views) != 0 {
		t.Errorf("Bob sees the forms %+v", views)
	}
	submit := `,"view":"` + view + `","values":{"why":{"text":"the train"}}`
	acks(`{"response_action":"errors","errors":{"why":"Say more."}}`, func() { v.wants(t, "/submit", "U2", submit, http.StatusOK, fine) })
	if views := v.sees(t, "U2").Views; len(views) != 1 || views[0].Errors["why"] != "Say more." {
		t.Errorf("the refused form is %+v", views)
	}
	acks("", func() { v.wants(t, "/submit", "U2", submit, http.StatusOK, fine) })
	if views := v.sees(t, "U2").Views; len(views) != 0 {
		t.Errorf("after the submission there stands %+v", views)
	}
	view = open()
	if got := acks("", func() { v.wants(t, "/close", "U2", `,"view":"`+view+`"`, http.StatusOK, fine) }); got["type"] != "view_closed" {
		t.Errorf("the app heard %v", got["type"])
	}

	v.wants(t, "/say", "U2", `,"channel":"C1","text":" hello @alice, <!here> & @nobody "`, http.StatusOK, fine)
	v.wants(t, "/say", "U2", `,"channel":"C1","thread":"`+ts+`","text":"a reply"`, http.StatusOK, fine)
	messages := s.Messages("C1")
	last := messages[len(messages)-1]
	if want := "hello <@U1>, &lt;!here&gt; &amp; @nobody"; last.Text != want || last.User != "U2" {
		t.Errorf("%s said %q, want %q", last.User, last.Text, want)
	}
	if mentions := s.Mentions(last); !slices.Equal(mentions, []string{"U1"}) {
		t.Errorf("typed text mentions %v", mentions)
	}
	if thread := s.Thread("C1", ts); len(thread) != 2 || thread[1].Text != "a reply" {
		t.Errorf("the thread is %+v", thread)
	}
}

func TestPageShowsWhatSlackShowsWhenTheAppFails(t *testing.T) {
	s := workspace(t, slacktest.Config{AckDeadline: 50 * time.Millisecond})
	v := visit(t, s, slacktest.Page{})
	ts := post(t, s, "text", "Revoke?", "blocks", card)
	command := `,"channel":"C1","text":"/revoke-sessions me"`
	click := `,"channel":"C1","ts":"` + ts + `","action":"request.deny"`
	v.wants(t, "/command", "U2", command, http.StatusOK, map[string]string{"saw": slacktest.DispatchFailed})
	v.wants(t, "/click", "U2", click, http.StatusOK, map[string]string{"saw": slacktest.DispatchFailed})
	connect(t, s) // and never acks
	v.wants(t, "/command", "U2", command, http.StatusOK, map[string]string{"saw": slacktest.OperationTimeout})
	v.wants(t, "/click", "U2", click, http.StatusOK, map[string]string{"saw": slacktest.OperationTimeout})
}

func TestPageSaysWhyAnActIsImpossible(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	v := visit(t, s, slacktest.Page{})
	ts := post(t, s, "text", "no button here")
	for name, test := range map[string]struct{ path, fields, problem string }{
		"another command":       {"/command", `,"channel":"C1","text":"/nope x"`, "/nope is not a valid command"},
		"command from outside":  {"/command", `,"channel":"C3","text":"/revoke-sessions"`, "cannot type there"},
		"say from outside":      {"/say", `,"channel":"C3","text":"x"`, "cannot type there"},
		"say nowhere":           {"/say", `,"channel":"C9","text":"x"`, "cannot type there"},
		"say nothing":           {"/say", `,"channel":"C1","text":"  "`, "nothing to post"},
		"say in no thread":      {"/say", `,"channel":"C1","thread":"1.000001","text":"x"`, "gone"},
		"no such button":        {"/click", `,"channel":"C1","ts":"` + ts + `","action":"request.deny"`, "no button"},
		"button of the unseen":  {"/click", `,"channel":"C3","ts":"` + ts + `","action":"request.deny"`, "cannot see"},
		"submit what is closed": {"/submit", `,"view":"V1"`, "no view"},
		"close what is closed":  {"/close", `,"view":"V1"`, "no view"},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := v.does(t, test.path, "U2", test.fields)
			if status != http.StatusConflict || !strings.Contains(answer["problem"], test.problem) {
				t.Errorf("status %d, %v; want a problem with %q", status, answer, test.problem)
			}
		})
	}
	for _, body := range []string{"", "[]", `{"as":"U2","channel":"C1","text":"x","extra":1}`, `{"as":"U2","text":"` + strings.Repeat("x", 300<<10) + `"}`} {
		if resp, _ := v.ask(t, http.MethodPost, "/say", body, map[string]string{"X-Page": "1"}); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d for %.40q", resp.StatusCode, body)
		}
	}
	select {
	case frame := <-c.frames:
		t.Errorf("the app heard %v of what nobody could do", frame)
	default:
	}
	if n := len(s.Messages("C1")); n != 1 {
		t.Errorf("%d messages stand in C1, want the one from before", n)
	}
}

func TestPageServesItselfOnly(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	v := visit(t, s, slacktest.Page{})
	own := v.url // http://127.0.0.1:port
	port := own[strings.LastIndex(own, ":"):]
	const say = `{"as":"U2","channel":"C1","text":"x"}`
	for name, test := range map[string]struct {
		method, path string
		headers      map[string]string
		status       int
	}{
		"page":                    {"GET", "/", nil, 200},
		"page, localhost":         {"GET", "/", map[string]string{"Host": "localhost" + port}, 200},
		"page, IPv6":              {"GET", "/", map[string]string{"Host": "[::1]" + port}, 200},
		"page, no port":           {"GET", "/", map[string]string{"Host": "[::1]"}, 200},
		"page, rebound name":      {"GET", "/", map[string]string{"Host": "evil.example" + port}, 403},
		"page, likely name":       {"GET", "/", map[string]string{"Host": "localhost.evil.example" + port}, 403},
		"page, address in name":   {"GET", "/", map[string]string{"Host": "127.0.0.1.evil.example" + port}, 403},
		"page, other address":     {"GET", "/", map[string]string{"Host": "192.0.2.1" + port}, 403},
		"page, linked from afar":  {"GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"state":                   {"GET", "/state", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		"state, rebound name":     {"GET", "/state", map[string]string{"Host": "evil.example" + port}, 403},
		"state, foreign page":     {"GET", "/state", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"events, foreign page":    {"GET", "/events", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"script":                  {"GET", "/page/main.js", nil, 200},
		"script, foreign page":    {"GET", "/page/main.js", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"say":                     {"POST", "/say", map[string]string{"X-Page": "1", "Origin": own, "Sec-Fetch-Site": "same-origin"}, 200},
		"say, rebound name":       {"POST", "/say", map[string]string{"X-Page": "1", "Host": "evil.example" + port, "Origin": "http://evil.example" + port}, 403},
		"say, no header":          {"POST", "/say", map[string]string{"Origin": own}, 403},
		"say, foreign origin":     {"POST", "/say", map[string]string{"X-Page": "1", "Origin": "https://evil.example"}, 403},
		"say, other port":         {"POST", "/say", map[string]string{"X-Page": "1", "Origin": "http://127.0.0.1:1"}, 403},
		"say, sandboxed frame":    {"POST", "/say", map[string]string{"X-Page": "1", "Origin": "null"}, 403},
		"say, foreign page":       {"POST", "/say", map[string]string{"X-Page": "1", "Sec-Fetch-Site": "same-site"}, 403},
		"say by GET":              {"GET", "/say", map[string]string{"X-Page": "1"}, 405},
		"something else":          {"GET", "/api/auth.test", nil, 404},
		"a file that is not ours": {"GET", "/page/page.go", nil, 404},
		"a file from above":       {"GET", "/page/..%2fpage.go", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.Messages("C1"))
			body := ""
			if test.method == "POST" {
				body = say
			}
			resp, text := v.ask(t, test.method, test.path, body, test.headers)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d: %.200s", resp.StatusCode, test.status, text)
			}
			if acted := len(s.Messages("C1")) > before; acted != (test.method == "POST" && test.status == 200) {
				t.Errorf("acted: %v", acted)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
				"X-Content-Type-Options":  "nosniff",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if allowed := resp.Header.Get("Access-Control-Allow-Origin"); allowed != "" {
				t.Errorf("%q may read this", allowed)
			}
		})
	}
}

// TestPageTextStaysText guards the two halves of it: the state is never
// markup, and the script has no way to make markup from text.
func TestPageTextStaysText(t *testing.T) {
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>`
	s := workspace(t, slacktest.Config{BotName: evil})
	s.AddUser(slacktest.User{ID: "U1", Name: "alice", RealName: evil})
	v := visit(t, s, slacktest.Page{Title: evil, Intro: evil, Steps: []string{evil}, Hints: []string{evil}, SideTitle: evil,
		Side: func() []slacktest.SideEntry { return []slacktest.SideEntry{{Title: evil, Detail: evil, Kind: evil}} }})
	post(t, s, "text", evil, "blocks", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"`+evil+`"}]}]}]`)
	resp, body := v.ask(t, http.MethodGet, "/state?as=U1", "", nil)
	if kind := resp.Header.Get("Content-Type"); kind != "application/json" || strings.ContainsAny(body, "<>") {
		t.Errorf("the state is %s and has markup in it: %s", kind, body)
	}
	state := v.sees(t, "U1")
	if m := state.messages("C1"); len(m) != 1 || m[0].Text != evil || state.Title != evil || state.Side.Entries[0].Title != evil {
		t.Errorf("the text was changed: %+v", state)
	}
	_, page := v.ask(t, http.MethodGet, "/", "", nil)
	if strings.Contains(page, evil) {
		t.Error("the page has the title in its markup")
	}

	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function|\bimport\(`)
	elsewhere := regexp.MustCompile(`(?:src|href|url|import|from)\s*[=(]?\s*["']?(?:https?:)?//[^"')\s]*`)
	inline := regexp.MustCompile(`<script(?:>| [^>]*>[^<])|<style|\sstyle=|\son\w+=`)
	for name, source := range pageSources(t) {
		if found := markup.FindAllString(source, -1); strings.HasSuffix(name, ".js") && found != nil {
			t.Errorf("%s makes markup or code of text: %q", name, found)
		}
		if found := inline.FindAllString(source, -1); strings.HasSuffix(name, ".html") && found != nil {
			t.Errorf("%s has what its own policy forbids: %q", name, found)
		}
		for _, found := range elsewhere.FindAllString(source, -1) {
			t.Errorf("%s loads from elsewhere: %s", name, found)
		}
	}
}

// pageSources are the page's files, by name.
func pageSources(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join("page", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sources[e.Name()] = string(text)
	}
	if sources["index.html"] == "" || sources["main.js"] == "" || sources["page.css"] == "" {
		t.Fatalf("the page lacks a file: it has %q", slices.Sorted(maps.Keys(sources)))
	}
	return sources
}

// TestPageNamesMatch guards against a script that looks for what the page
// does not have.
func TestPageNamesMatch(t *testing.T) {
	sources := pageSources(t)
	html := sources["index.html"]
	ids := map[string]int{}
	for _, match := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		ids[match[1]]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("index.html has the id %q %d times", id, n)
		}
	}
	served := visit(t, workspace(t, slacktest.Config{}), slacktest.Page{})
	used := 0
	for name, source := range sources {
		for _, match := range regexp.MustCompile(`\$\("([^"]+)"\)`).FindAllStringSubmatch(source, -1) {
			used++
			if ids[match[1]] == 0 && strings.HasSuffix(name, ".js") {
				t.Errorf("%s looks for %q, which index.html does not have", name, match[1])
			}
		}
		// What a file names is there, and served as what it is.
		for _, match := range regexp.MustCompile(`(?:from "\./|(?:src|href)="page/)([^"]+)"`).FindAllStringSubmatch(source, -1) {
			resp, text := served.ask(t, http.MethodGet, "/page/"+match[1], "", nil)
			kind := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}[filepath.Ext(match[1])]
			if resp.StatusCode != http.StatusOK || text != sources[match[1]] || resp.Header.Get("Content-Type") != kind {
				t.Errorf("%s names %q, which is answered with %d, %s", name, match[1], resp.StatusCode, resp.Header.Get("Content-Type"))
			}
		}
	}
	if used == 0 {
		t.Error("the scripts use nothing of the page: has $ been renamed?")
	}
	for _, match := range regexp.MustCompile(`(?:for|aria-labelledby|aria-describedby|aria-controls)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		for _, id := range strings.Fields(match[1]) {
			if ids[id] == 0 {
				t.Errorf("index.html points to %q, which it does not have; it has %q", id, slices.Sorted(maps.Keys(ids)))
			}
		}
	}
}

func TestPageTellsOfChanges(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	var mu sync.Mutex
	var side []slacktest.SideEntry
	v := visit(t, s, slacktest.Page{SideTitle: "Beside", Side: func() []slacktest.SideEntry {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(side)
	}})
	ctx, cancel := context.WithCancel(timeout(t))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the events are %s", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	event := func() bool {
		for lines.Scan() {
			if lines.Text() == "data: changed" {
				return true
			}
		}
		return false
	}
	if !event() {
		t.Fatal("no event to begin with")
	}
	s.As("U1").Say("C1", "", "hello")
	if !event() {
		t.Fatal("no event after a message")
	}
	at := time.Unix(1700000000, 5e6)
	mu.Lock()
	side = append(side, slacktest.SideEntry{At: at, Title: "GET /users", Detail: "200", Kind: "read"})
	mu.Unlock()
	if !event() {
		t.Fatal("no event after a new entry beside")
	}
	if got := v.sees(t, "U1").Side; got.Title != "Beside" || len(got.Entries) != 1 || got.Entries[0].At != at.UnixMilli() || got.Entries[0].Kind != "read" {
		t.Errorf("beside stands %+v", got)
	}
	s.Close()
	for event() { // what was on its way
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end with Close: %v", err)
	}
}
