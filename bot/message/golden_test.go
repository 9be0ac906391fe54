package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
		"form":              FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{PickedUser: bottest.Bob}, new(authz.New(bottest.Alice)), nil),
		"forms":             formViews("stolen laptop"),
		"freeze":            freezeMessages(),
		"home":              homeViews("stolen laptop"),
		"freeze_forms":      unfreezeForms(),
		"moved":             movedMessages(),
		"refusals":          refusalMessages(),
		"answers":           answerMessages(),
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
	for _, s := range []scene{
		newScene("details_pending", bot.Pending, ofBob),
		newScene("details_pending_frozen", bot.Pending, frozen),
		newScene("details_from_message", bot.Pending, fromMessage),
		newScene("details_from_private", bot.Pending, fromPrivate),
		newScene("details_pending_one_of_two", bot.Pending, needs(2, bottest.Alice), privileged(graph.Yes)),
		newScene("details_verified", bot.Verified),
		newScene("details_failed", bot.Failed),
		newScene("details_drill", bot.Drilled, drill),
	} {
		files[s.name] = map[string]Modal{"approver": Details(&s.r, s.v, true), "asker": Details(&s.r, s.v, false)}
	}
	files["details_loading"] = LoadingDetails()
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

// refusalMessages are all refusals, each after the act that can meet it.
func refusalMessages() (all []golden) {
	add := func(name string, m bot.Message) { all = append(all, asGolden(name, m)) }
	limit := func(kind string) *bot.LimitError {
		return &bot.LimitError{Use: bot.Use{Kind: kind, Limit: authz.Limit{N: 5, Within: 24 * time.Hour}}, Free: bottest.Today}
	}
	wanted := map[authz.Reason]authz.Action{
		authz.MayNotRequest: authz.Ask, authz.ReasonRequired: authz.Ask, authz.TicketRequired: authz.Ask, bot.TooFast: authz.Ask,
		bot.TargetIsApp: authz.Ask, authz.TargetMayNotEnd: authz.Deny, authz.NotRequester: authz.Cancel, authz.OthersAskedToo: authz.Cancel,
		authz.CancelNeedsApprover: authz.Cancel, authz.AlreadyFrozen: authz.Freeze, authz.FrozeLately: authz.Freeze,
		authz.NotFrozen: authz.Unfreeze, authz.AlreadyVoted: authz.Unfreeze, bot.NotRetryable: authz.Retry, bot.TargetChanged: authz.Retry,
		bot.UnknownRequest: authz.See, bot.GaveUp: "",
	}
	for _, reason := range bot.Reasons {
		s := newScene("", bot.Pending)
		if reason == authz.TargetMayNotEnd {
			s = newScene("", bot.Pending, ofBob)
		}
		v := s.v
		v.Where, v.Freeze, v.Changed = "Slack", &bot.Freeze{By: authz.Asker{SlackID: bottest.Dave}, Until: bottest.Today}, []bot.Difference{bot.Renamed}
		v.Limit, v.Wanted = limit(bot.PerRequester), authz.Confirm
		if action, ok := wanted[reason]; ok {
			v.Wanted = action
		}
		r := &s.r
		if v.Wanted == authz.Freeze || v.Wanted == authz.Unfreeze || reason == bot.UnknownRequest || reason == bot.GaveUp {
			r = nil
		}
		add(string(reason), Refusal(reason, r, v))
	}
	for _, state := range []bot.State{
		bot.Approved, bot.Executing, bot.Unknown, bot.Verified, bot.Failed, bot.Denied, bot.Cancelled, bot.Expired, bot.Lost,
	} {
		s := newScene("", state)
		s.v.Wanted = authz.Confirm
		add("already_decided "+string(state), Refusal(bot.AlreadyDecided, &s.r, s.v))
	}
	for _, kind := range []string{bot.PerApprover, bot.PerTarget, bot.Total} {
		s := newScene("", bot.Pending)
		s.v.Limit, s.v.Wanted = limit(kind), authz.Confirm
		add("over_limit "+kind, Refusal(bot.OverLimit, &s.r, s.v))
	}
	for name, change := range map[string]func(*View){
		"refused": func(v *View) { v.Remedy = "Slack answered missing_scope." }, "too often": func(v *View) { v.TooOften, v.Wait = true, time.Minute },
		"spent": func(v *View) { v.Spent, v.Wait = true, time.Minute },
	} {
		s := newScene("", bot.Pending)
		s.v.Where, s.v.Wanted = "Slack", authz.Confirm
		change(&s.v)
		add("lookup_failed "+name, Refusal(bot.LookupFailed, &s.r, s.v))
		add("membership_unknown "+name, Refusal(authz.MembershipUnknown, &s.r, s.v))
	}
	for _, reason := range bot.TargetReasons {
		add("target "+string(reason), TargetRefusal(reason, &bot.Request{}, bot.Whom{SlackID: bottest.Carol}))
	}
	slices.SortStableFunc(all, func(a, b golden) int { return strings.Compare(a.Message, b.Message) })
	return all
}

// answerMessages are the answers whose words depend on where the reader finds the
// request, or on no request at all.
func answerMessages() (all []golden) {
	const own = "https://contoso.slack.com/archives/D0BOB/p1772620879000200"
	add := func(name string, m bot.Message) { all = append(all, asGolden(name, m)) }
	for _, reader := range []struct {
		name  string
		asked bool
		link  string
	}{{"asked", true, own}, {"asked, not posted", true, ""}, {"not a member", false, ""}} {
		s := newScene("", bot.Pending)
		s.v.CanOpen, s.v.Asked, s.v.OwnLink = false, reader.asked, reader.link
		for _, name := range slices.Sorted(maps.Keys(leading(s))) {
			add(name+", "+reader.name, leading(s)[name])
		}
	}
	pending := newScene("", bot.Pending)
	broken := OpenRequest{Request: &bot.Request{ID: "REQ-BR0KEN"}}
	add("list", StatusOfAll(OpenList{All: []OpenRequest{{&pending.r, pending.v}, broken}, More: true, Unsure: true}))
	add("list, empty", StatusOfAll(OpenList{}))
	add("list, empty, own", StatusOfAll(OpenList{Own: true}))
	add("busy", Busy(bottest.Emergency))
	for _, unsure := range []bool{true, false} {
		add(fmt.Sprintf("form not opened, unsure %t", unsure), NotOpened(&pending.r, true, unsure))
		add(fmt.Sprintf("form for a request not opened, unsure %t", unsure), FormNotOpened(unsure, false, unsure, 42))
	}
	add("form for a request not opened, too often", FormNotOpened(false, true, true, 42))
	add("form of the Home tab not opened", CancelNotOpened(false))
	add("form to cancel is too old", CancelFormTooOld())
	add("of another version", OtherVersions())
	for _, text := range []string{"drill", "cancel", "cancel REQ-7F3K4M please", "<@U0CAROL> <@U0BOB>"} {
		_, err := bot.ParseCommand(text)
		usage, _ := errors.AsType[*bot.UsageError](err)
		add("usage of "+text, Usage(usage))
	}
	return all
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
	if _, err := a.OpenForm(bottest.Deadline(t), bot.Secret(trigger), FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{PickedUser: bottest.Bob}, new(authz.New(bottest.Alice)), nil)); err != nil {
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
