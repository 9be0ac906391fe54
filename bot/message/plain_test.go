package message

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// A plain card either says everything that an approver must know, or has no buttons.
func TestPlainCard_SaysEverythingOrHasNoButtons(t *testing.T) {
	slackTakes := connected(t, bottest.PostedAll(t))
	withButtons, without := 0, 0
	long := func(s *scene) {
		s.r.Words.DisplayName, s.r.Words.Reason = strings.Repeat("Carol ", 40), strings.Repeat("stolen ", 400)
	}
	var many sceneOption = func(s *scene) {
		s.r.Reopened = nil
		for range 40 {
			name := bottest.Alice + strings.Repeat("X", 60)
			s.r.Approvals = append(s.r.Approvals, bot.Verdict{Kind: authz.Confirm, SlackID: name, EntraID: "a"})
		}
		s.r.Need = 50
	}
	all := append(scenes(),
		newScene("long", bot.Pending, long, guest, synced, holdsRole, restricted), newScene("many", bot.Pending, many, long))
	for _, s := range all {
		full := card(&s.r, s.v)
		m, why := Instead(full, "invalid_blocks")
		if why == "" || !m.Bare {
			t.Fatalf("%s: nothing takes its place", s.name)
		}
		text, shown := read(t, m)
		if strings.Contains(shownBlocks(t, m), "rich_text") || blockChars(blocksOf(m)) > maxBlockChars/2 {
			t.Errorf("%s: the plain card is none: %s", s.name, shownBlocks(t, m))
		}
		for where, says := range map[string]string{"text": text, "blocks": shown} {
			if !strings.Contains(says, "Slack refused the full card (invalid_blocks)") {
				t.Errorf("%s: the %s do not say that it is a plain card: %s", s.name, where, says)
			}
			if s.r.Drill && !strings.HasPrefix(says, "🧪 DRILL: ") {
				t.Errorf("%s: the %s do not begin with DRILL: %s", s.name, where, says)
			}
		}
		if _, _, err := slackTakes.Post(bottest.Deadline(t), bottest.Cards, "", m); err != nil {
			t.Errorf("%s: %v", s.name, explain(err))
		}
		pressed := func(m bot.Message) (ids []string) {
			for _, b := range buttonsOf(t, m) {
				ids = append(ids, b.ActionID)
			}
			return ids
		}
		if len(pressed(m)) == 0 {
			if len(pressed(full)) > 0 {
				if without++; !strings.Contains(shown, "no buttons") {
					t.Errorf("%s: it does not say why it has no buttons", s.name)
				}
			}
			continue
		}
		if withButtons++; !slices.Equal(pressed(m), pressed(full)) {
			t.Errorf("%s: its buttons are %q, and those of the card %q", s.name, pressed(m), pressed(full))
		}
		must := []string{s.r.Name(), s.r.ID, s.r.Words.UPN}
		if s.r.State == bot.Pending {
			must = append(must, laneWords[s.r.Lane], approvals(&s.r, s.v).plain())
			for _, w := range warnings(&s.r, s.v) {
				must = append(must, w.plain())
			}
			if s.v.Freeze != nil {
				must = append(must, frozenLine(s.v.Freeze).plain())
			}
		}
		for _, words := range must {
			if !strings.Contains(shownBlocks(t, m), strings.Trim(jsonText(words), `"`)) {
				t.Errorf("%s: it has buttons and does not say %q:\n%s", s.name, words, shown)
			}
		}
	}
	if withButtons < 80 || without == 0 {
		t.Errorf("%d plain cards have buttons, and %d have lost them: that shows too little", withButtons, without)
	}
}

func jsonText(s string) string {
	return strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// Slack cannot refuse a replacement for the same reason, and no replacement has another
// one.
func TestInstead_ComesToAnEnd(t *testing.T) {
	sayings := allSayings()
	for _, code := range []string{
		"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_attachments", "no_text", NoMention,
	} {
		for _, s := range sayings {
			m, tries := s.m, 0
			for {
				other, why := Instead(m, code)
				if why == "" {
					break
				}
				m = other
				if tries++; tries > 1 {
					t.Fatalf("%s: %s is answered with a third message", s, code)
				}
				if code == NoMention && (strings.Contains(everything(t, m), "subteam") || strings.Contains(everything(t, m), "usergroup_id")) {
					t.Errorf("%s still mentions a group: %s", s, everything(t, m))
				}
				if code != NoMention && strings.Contains(shownBlocks(t, m), "rich_text") {
					t.Errorf("%s still has its blocks after %s", s, code)
				}
			}
			if tries == 0 && code != NoMention {
				t.Errorf("%s: nothing takes its place after %s", s, code)
			}
		}
	}
}

func groupNote() bot.Message {
	p := &page{}
	p.add((&line{}).people([]string{"S0SECURITY", bottest.Alice}).say(", please look."))
	p.list((&line{}).people([]string{"S0SECURITY"}), (&line{}).say("x"))
	m := p.message()
	m.Able = []string{bottest.Alice, bottest.Dave}
	return m
}

func TestInstead_NamesGroupsItCannotMention(t *testing.T) {
	before := groupNote()
	m, why := Instead(before, NoMention)
	text, shown := read(t, m)
	for where, says := range map[string]string{"text": text, "blocks": shown} {
		if why == "" || !strings.Contains(says, "user group S0SECURITY") ||
			!strings.Contains(says, "does not let me mention user groups here (restricted_action)") {
			t.Errorf("the %s say %q", where, says)
		}
	}
	s := bottest.Workspace(t)
	a := connected(t, s)
	_, ts, err := a.Post(bottest.Deadline(t), bottest.Cards, "", m)
	if err != nil {
		t.Fatal(explain(err))
	}
	for _, stands := range s.Messages(bottest.Cards) {
		if got := s.Mentions(stands); stands.TS == ts && !slices.Equal(slices.Sorted(slices.Values(got)), []string{bottest.Alice, bottest.Dave}) {
			t.Errorf("it rings %q", got)
		}
	}
	if !strings.Contains(before.Text, "<!subteam^S0SECURITY>") || !strings.Contains(shownBlocks(t, before), "usergroup_id") {
		t.Error("the message itself was changed")
	}
	if _, why := Instead(Note("typed &lt;!subteam^S0SECURITY&gt;"), NoMention); why != "" {
		t.Error("a message without a mention is sent without it")
	}
}

// If Slack refuses both the blocks and the mention of a group, the message still
// mentions the people who can decide.
func TestInstead_LeastCardMentionsDeciders(t *testing.T) {
	s := newScene("x", bot.Pending)
	s.v.Approvers, s.v.Deciders = []string{"S0SECURITY"}, []string{"S0SECURITY"}
	for _, codes := range [][]string{{"invalid_blocks", NoMention}, {NoMention, "invalid_blocks", NoMention}} {
		m := card(&s.r, s.v)
		m.Able = []string{bottest.Alice, bottest.Dave}
		for _, code := range codes {
			var why string
			if m, why = Instead(m, code); why == "" {
				t.Fatalf("%q: nothing takes its place after %s", codes, code)
			}
		}
		for _, id := range []string{bottest.Alice, bottest.Dave} {
			if !strings.Contains(m.Text, "<@"+id+">") || strings.Contains(m.Text, "subteam") {
				t.Errorf("%q: %s is not mentioned, or a group is: %s", codes, id, m.Text)
			}
		}
	}
}
