package message

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

func many(n int, format string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

// fits fails the test if Slack would refuse a message as too long.
func fits(t *testing.T, what string, m bot.Message) {
	t.Helper()
	blocks := blocksOf(m)
	if n := len(blocks); n > maxBlocks {
		t.Errorf("%s has %d blocks", what, n)
	}
	if n := blockChars(blocks); n > maxBlockChars {
		t.Errorf("%s has %d characters of blocks", what, n)
	}
	if n := utf8.RuneCountInString(m.Text); n > maxText {
		t.Errorf("%s has %d characters of text", what, n)
	}
}

func labelsOf(m bot.Message) (labels []string) {
	for _, b := range blocksOf(m) {
		if actions, ok := b.(*slack.ActionBlock); ok {
			for _, e := range actions.Elements.ElementSet {
				labels = append(labels, e.(*slack.ButtonBlockElement).Text.Text)
			}
		}
	}
	return labels
}

// With everything grown, in every state, Slack accepts each message, and no warning or
// button is cut.
func TestFit_EverythingGrown(t *testing.T) {
	grown := func(s *scene) {
		s.r.Askers, s.r.Words.Also = s.r.Askers[:1], map[string]string{}
		long := strings.Repeat("<wor&d> ", bot.MaxReason/8)
		for _, id := range many(1000, "U0COLLEAGUE%04d") {
			s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: id, EntraID: id})
			s.r.Words.Also[id] = long
		}
		s.r.Words.Also[bottest.Bob] = long
		s.r.Words.Reason, s.r.Words.Denied = long, long
		s.r.Words.DisplayName, s.r.Words.UPN = strings.Repeat("N", bot.MaxName), strings.Repeat("u", bot.MaxAddress)
		s.r.Target.Guest, s.r.Target.Disabled, s.r.Target.Synced, s.r.Target.Restricted = graph.Yes, graph.Yes, graph.Yes, graph.Yes
		s.r.Coverage = bot.Coverage{Known: true, Blind: true, Able: 0, Channel: bot.ChannelShared}
		s.v.Approvers, s.v.Deciders = many(500, "U0APPROVER%04d"), many(500, "U0APPROVER%04d")
		s.v.Emergency = strings.Repeat("e", 300)
	}
	for _, state := range bot.States {
		for name, options := range map[string][]sceneOption{
			"plain": {grown}, "joined": {joined, grown}, "frozen": {frozen, grown}, "cancel": {cancelWish, grown},
			"protected": {needs(3, bottest.Alice), byGroup, holdsRole, grown}, "self": {ofBob, grown},
		} {
			s := newScene(fmt.Sprintf("%s %s", state, name), state, options...)
			bare := newScene("", state, options[:len(options)-1]...)
			want := labelsOf(card(&bare.r, bare.v))
			if got := labelsOf(card(&s.r, s.v)); !slices.Equal(got, want) && !(len(bare.r.Askers) == 1 && s.r.Lane == authz.ThirdParty) {
				t.Errorf("%s: the buttons are %v, want %v", s.name, got, want)
			}
			drawn := map[string]int{} // a thousand askers get the same, with another name
			for _, p := range Plan(&s.r, s.v, "C0", nil) {
				if drawn[bot.KeyKind(p.Key)]++; drawn[bot.KeyKind(p.Key)] <= 50 {
					fits(t, s.name+" "+p.Key, p.Draw(&s.r, s.v))
				}
			}
			fits(t, s.name+" status", Status(&s.r, s.v))
			if card := card(&s.r, s.v).Text; state == bot.Pending && len(warnings(&s.r, s.v)) > 0 {
				for _, w := range warnings(&s.r, s.v) {
					if !strings.Contains(card, w.text()) {
						t.Errorf("%s: the card does not say %q", s.name, w.text())
					}
				}
			}
		}
	}
	v := newScene("", bot.Pending).v
	v.Approvers = many(500, "U0APPROVER%04d")
	frozen := newScene("", bot.Pending, frozen).v.Freeze
	for _, id := range many(500, "U0APPROVER%04d") {
		frozen.Votes = append(frozen.Votes, authz.Asker{SlackID: id})
	}
	frozen.Reason, v.Emergency = strings.Repeat("<", bot.MaxReason), strings.Repeat("e", 300)
	show := func(to string) bot.Message {
		return (&Bulletin{Home: "C0CARDS", Freeze: frozen, V: v, Places: map[string]bot.NoticePlace{}}).Says(to)
	}
	fits(t, "the notice of a freeze by direct message", show(bottest.Alice))
	fits(t, "the news of a freeze", freezeNews(frozen, v))
	notice := show("C0CARDS")
	fits(t, "the notice of a freeze", notice)
	if labels := labelsOf(notice); !slices.Equal(labels, []string{"End the freeze"}) {
		t.Errorf("the buttons are %v", labels)
	}
	if !strings.Contains(notice.Text, "more, please look. The freeze ends by itself") {
		t.Errorf("it says %s", notice.Text)
	}
	problems := many(500, "Nobody is found for the approver U0APPROVER%04d, whom the policy names")
	coverage := CoverageNotice(problems, 0, "", nil, bot.ChannelShared, v)
	fits(t, "the notice of a shortfall", coverage)
	var out []bot.Unable
	for _, id := range many(500, "U0APPROVER%04d") {
		out = append(out, bot.Unable{SlackID: id, Reason: authz.EmailUnconfirmed})
	}
	crowd := CoverageNotice([]string{"a request about somebody else needs one approval"}, 0, "", out, bot.ChannelShared, v)
	fits(t, "the notice of a shortfall, with a reason for each", crowd)
	for _, want := range []string{
		"Too few approvers", "does not show the e-mail address as confirmed", "more; the bot's log has them all", "SSO", "identity.map",
	} {
		if !strings.Contains(crowd.Text, want) {
			t.Errorf("%s does not say %q", crowd.Text, want)
		}
	}
	for _, want := range []string{
		"Too few approvers", "more like these; the bot's log has them all", "Named approvers", "About the approvers' channel",
	} {
		if !strings.Contains(coverage.Text, want) {
			t.Errorf("%s does not say %q", coverage.Text, want)
		}
	}
	fits(t, "help", Help(v))
}

// A list that does not fit loses its end and says how many entries are missing; a list
// that fits stays whole.
func TestFit_CountsWhatIsMissing(t *testing.T) {
	p := &page{}
	p.add((&line{}).say("⚠ ").bold("Stays."))
	p.add((&line{}).say("Please look: ").everyone(many(300, "U0PERSON%03d")).say("."))
	p.some(bullets, func(n int) *line { return (&line{}).say("%d more", n) }, lines(many(100, "item number %d of a list"))...)
	p.buttons(button("a", "Press", "REQ-1", slack.StyleDefault))
	m := p.message()
	fits(t, "the page", m)
	shown := strings.Count(m.Text, "<@U0PERSON")
	if want := fmt.Sprintf("> and %d more.", 300-shown); shown < 20 || !strings.Contains(m.Text, want) {
		t.Errorf("%d people are named, and it does not say %q: %s", shown, want, m.Text)
	}
	if items := strings.Count(m.Text, "item number"); !strings.Contains(m.Text, fmt.Sprintf("• %d more", 100-items)) && items < 100 {
		t.Errorf("%d items, and not how many are missing: %s", items, m.Text)
	}
	if !strings.HasPrefix(m.Text, "⚠ Stays.") || len(labelsOf(m)) != 1 {
		t.Errorf("lost: %s", m.Text)
	}
	var again bot.Message
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil {
		t.Fatal(err)
	}
	short := &page{}
	short.add((&line{}).everyone(many(30, "U0PERSON%03d")))
	if m := short.message(); strings.Contains(m.Text, "more") {
		t.Errorf("what fits was shortened: %s", m.Text)
	}
}

func lines(texts []string) (all []*line) {
	for _, text := range texts {
		all = append(all, (&line{}).say("%s", text))
	}
	return all
}
