package message

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// golden is one message in a golden file.
type golden struct {
	Message string        `json:"message,omitempty"`
	Text    string        `json:"text"`
	Blocks  []slack.Block `json:"blocks"`
}

// Each file holds all messages of one scene, in the order in which they are
// sent. After an intended change, run go test ./bot/message -run Golden -update
// and read the difference.
func TestGolden(t *testing.T) {
	help := Help(View{Approvers: []string{bottest.Alice, bottest.Dave}, Emergency: bottest.Emergency})
	files := map[string]any{
		"help":              []golden{asGolden("", help)},
		"help_no_emergency": []golden{asGolden("", Help(View{Approvers: []string{bottest.Alice}}))},
		"form":              Form(bottest.Bob, 42, new(authz.New(bottest.Alice))),
		"forms":             formViews("stolen laptop"),
		"freeze":            freezeMessages(),
		"moved":             movedMessages(),
	}
	for _, s := range []scene{
		newScene("refused_pending", bot.Pending),
		newScene("refused_pending_self_drill", bot.Pending, ofBob, drill),
		newScene("refused_pending_self_alone", bot.Pending, ofBob, alone),
		newScene("refused_pending_privileged_one_of_two", bot.Pending, needs(2, bottest.Alice), privileged(graph.Yes)),
		newScene("refused_cancel_asked", bot.Pending, ofBob, cancelWish),
		newScene("refused_denied", bot.Denied, channelShut(bot.ChannelRefuses("ekm_access_denied"))),
		newScene("refused_verified", bot.Verified),
		newScene("refused_failed", bot.Failed),
	} {
		var all []golden
		for _, m := range detours(s) {
			all = append(all, golden{m.key, m.m.Text, blocksOf(m.m)})
		}
		files[s.name] = all
	}
	without, _ := Instead(groupNote(), NoMention)
	files["refused_mention"] = []golden{asGolden("without the mention", without)}
	files["reach"] = []golden{asGolden("no role", ReachNotice())}
	for _, s := range scenes() {
		var all []golden
		for _, m := range sayings(s) {
			all = append(all, golden{m.key, m.m.Text, blocksOf(m.m)})
		}
		files[s.name] = all
	}
	for name, content := range files {
		t.Run(name, func(t *testing.T) { compareGolden(t, name, content) })
	}
	old, err := filepath.Glob("testdata/golden/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if files[strings.TrimSuffix(filepath.Base(path), ".json")] == nil {
			t.Errorf("%s belongs to no scene", path)
		}
	}
}

func compareGolden(t *testing.T, name string, content any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(content); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s says something else (-file +now):\n%s", name, diff)
	}
}

// The double enforces Slack's limits and refuses unknown fields.
func TestMessage_SlackAcceptsEach(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	for _, m := range everySaying() {
		postAndEdit(t, a, m)
	}
	for _, m := range []bot.Message{Help(View{Approvers: []string{bottest.Alice}, Emergency: bottest.Emergency}), Note("`a` %s", "b")} {
		postAndEdit(t, a, saying{key: "answer", m: m})
	}
	for _, reason := range bot.Reasons {
		for _, s := range scenes() {
			postAndEdit(t, a, saying{s, "refusal:" + string(reason), Refusal(reason, &s.r, s.v)})
			break
		}
	}
	if unknown := s.Unknown(); len(unknown) > 0 {
		t.Errorf("calls that Slack does not know: %v", unknown)
	}
}

// postAndEdit posts a message, edits it to the same content and returns its place.
func postAndEdit(t testing.TB, a *slackapi.Client, m saying) (channel, ts string) {
	t.Helper()
	channel, ts, err := a.Post(bottest.Deadline(t), bottest.Cards, "", m.m)
	if err != nil {
		t.Fatalf("post %s: %v\n%s", m, explain(err), m.m.Text)
	}
	if err := a.Update(bottest.Deadline(t), channel, ts, m.m); err != nil {
		t.Fatalf("update %s: %v", m, explain(err))
	}
	return channel, ts
}

// explain unwraps what the double said about the blocks.
func explain(err error) error {
	if e, ok := err.(*slackapi.Error); ok && e.Err != nil {
		return e.Err
	}
	return err
}

func TestForm_SlackOpensIt(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	trigger, _ := bottest.Typed(t, s, bottest.Bob, "")
	if _, err := a.OpenForm(bottest.Deadline(t), bot.Secret(trigger), Form(bottest.Bob, 42, new(authz.New(bottest.Alice)))); err != nil {
		t.Fatal(explain(err))
	}
	views := s.Views(bottest.Bob)
	if len(views) != 1 || views[0].CallbackID != bot.FormCallback || views[0].PrivateMetadata != "42" {
		t.Fatalf("the open form is %+v", views)
	}
	if !strings.Contains(string(views[0].Blocks), `"initial_user":"`+bottest.Bob+`"`) {
		t.Error("the form does not preselect its user")
	}
	if strings.Contains(string(views[0].Blocks), "!") {
		t.Error("the form shouts")
	}
}
