package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
)

// However a card is shortened, an approver reads what must be known before they
// press a button, or has no button.
func TestPlainCardHasEverythingOrNoButtons(t *testing.T) {
	slackTakes := connected(t, postedAll(t))
	withButtons, without := 0, 0
	long := func(s *scene) {
		s.r.Words.DisplayName, s.r.Words.Reason = strings.Repeat("Carol ", 40), strings.Repeat("stolen ", 400)
	}
	var many sceneOption = func(s *scene) {
		s.r.Reopened = nil
		for range 40 {
			s.r.Approvals = append(s.r.Approvals, Verdict{Kind: authz.Confirm, SlackID: alice + strings.Repeat("X", 60), EntraID: "a"})
		}
		s.r.Need = 50
	}
	all := append(scenes(), newScene("long", Pending, long, guest, synced, holdsRole, restricted), newScene("many", Pending, many, long))
	for _, s := range all {
		full := Card(&s.r, s.v)
		m, why := full.instead("invalid_blocks")
		if why == "" || !m.bare {
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
			if s.r.Drill && !strings.HasPrefix(says, "DRILL: ") {
				t.Errorf("%s: the %s do not begin with DRILL: %s", s.name, where, says)
			}
		}
		if _, _, err := slackTakes.Post(deadline(t), cards, "", m); err != nil {
			t.Errorf("%s: %v", s.name, explain(err))
		}
		pressed := func(m Message) (ids []string) {
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
		must := []string{s.r.name(), s.r.ID, s.r.Words.UPN}
		if s.r.State == Pending {
			must = append(must, s.r.Target.ID, laneWords[s.r.Lane], approvals(&s.r, &line{}).plain())
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

// Whatever takes the place of a message is nothing that Slack would refuse for the
// same reason, and there is an end to it.
func TestWhatTakesTheirPlaceComesToAnEnd(t *testing.T) {
	sayings := allSayings()
	for _, code := range []string{"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_attachments", "no_text", noMention} {
		for _, s := range sayings {
			m, tries := s.m, 0
			for {
				other, why := m.instead(code)
				if why == "" {
					break
				}
				m = other
				if tries++; tries > 1 {
					t.Fatalf("%s: %s is answered with a third message", s, code)
				}
				if code == noMention && (strings.Contains(everything(t, m), "subteam") || strings.Contains(everything(t, m), "usergroup_id")) {
					t.Errorf("%s still mentions a group: %s", s, everything(t, m))
				}
				if code != noMention && strings.Contains(shownBlocks(t, m), "rich_text") {
					t.Errorf("%s still has its blocks after %s", s, code)
				}
			}
			if tries == 0 && code != noMention {
				t.Errorf("%s: nothing takes its place after %s", s, code)
			}
		}
	}
}

// submitting is a bot that does nothing but send, and the clock that it goes by.
func submitting(t *testing.T) (b *Bot, move func(time.Duration)) {
	at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	return &Bot{log: slog.New(slog.NewTextHandler(t.Output(), nil)), now: func() time.Time { return at }}, func(d time.Duration) { at = at.Add(d) }
}

func TestSubmitSendsNothingThatWasRefusedAgain(t *testing.T) {
	rings := Message{Text: "<!subteam^S0SECURITY>, please look."}
	for _, row := range []struct {
		name, code   string
		m            Message
		accepts      func(Message) bool // the channel does
		first, later int                // messages sent at first, and in ten more tries
		afterwards   int                // an hour later
		delivered    bool
	}{
		{name: "taken", m: note("x"), accepts: func(Message) bool { return true }, first: 1, later: 10, afterwards: 1, delivered: true},
		{name: "invalid, and its words are taken", code: "invalid_blocks", m: note("x"), accepts: func(m Message) bool { return len(m.Blocks) == 0 },
			first: 2, later: 10, afterwards: 2, delivered: true},
		{name: "invalid in any form", code: "msg_too_long", m: note("x"), accepts: func(Message) bool { return false }, first: 2, later: 0, afterwards: 2},
		{name: "no mention of a group", code: noMention, m: rings, accepts: func(m Message) bool { return !strings.Contains(m.Text, "subteam") },
			first: 2, later: 20, afterwards: 2, delivered: true},
		{name: "nobody may post", code: noMention, m: rings, accepts: func(Message) bool { return false }, first: 2, later: 20, afterwards: 2},
		{name: "another code", code: "ekm_access_denied", m: note("x"), accepts: func(Message) bool { return false }, first: 1, later: 10, afterwards: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, move := submitting(t)
			sent := 0
			once := func() error {
				return b.submit("C1", row.m, func(m Message) error {
					if sent++; row.accepts(m) {
						return nil
					}
					return &SlackError{Method: "chat.postMessage", Code: row.code}
				})
			}
			check := func(when string, want int, times int) {
				t.Helper()
				sent = 0
				for range times {
					err := once()
					if e, refused := errors.AsType[*SlackError](err); row.delivered != (err == nil) || refused && e.Code != row.code {
						t.Errorf("%s: %v", when, err)
					}
				}
				if sent != want {
					t.Errorf("%s: %d messages were sent, want %d", when, sent, want)
				}
			}
			check("at first", row.first, 1)
			check("later", row.later, 10)
			move(refusedFor + time.Second)
			check("after an hour", row.afterwards, 1)
		})
	}
}

func groupNote() Message {
	p := &page{}
	p.add((&line{}).people([]string{"S0SECURITY", alice}).say(", please look."))
	p.list((&line{}).people([]string{"S0SECURITY"}), (&line{}).say("x"))
	m := p.message()
	m.able = []string{alice, dave}
	return m
}

func TestGroupsAreNamedWhereTheyCannotBeMentioned(t *testing.T) {
	before := groupNote()
	m, why := before.instead(noMention)
	text, shown := read(t, m)
	for where, says := range map[string]string{"text": text, "blocks": shown} {
		if why == "" || !strings.Contains(says, "user group S0SECURITY") || !strings.Contains(says, "does not let me mention S0SECURITY here (restricted_action)") {
			t.Errorf("the %s say %q", where, says)
		}
	}
	s := workspace(t)
	a := connected(t, s)
	_, ts, err := a.Post(deadline(t), cards, "", m)
	if err != nil {
		t.Fatal(explain(err))
	}
	for _, stands := range s.Messages(cards) {
		if got := s.Mentions(stands); stands.TS == ts && !slices.Equal(slices.Sorted(slices.Values(got)), []string{alice, dave}) {
			t.Errorf("it rings %q", got)
		}
	}
	if !strings.Contains(before.Text, "<!subteam^S0SECURITY>") || !strings.Contains(shownBlocks(t, before), "usergroup_id") {
		t.Error("the message itself was changed")
	}
	if _, why := note("typed &lt;!subteam^S0SECURITY&gt;").instead(noMention); why != "" {
		t.Error("a message without a mention is sent without it")
	}
}

// Slack's own limits, as the double has them, have the bot send a plain message.
func TestSubmitToASlackThatFindsItTooLong(t *testing.T) {
	s := workspace(t)
	a := connected(t, s)
	b, _ := submitting(t)
	var blocks []string
	for range 60 { // a list that nothing shortens
		blocks = append(blocks, `{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "`+strings.Repeat("word ", 50)+`"}]}]}`)
	}
	m := Message{Text: strings.Repeat("word ", 60*50), Blocks: json.RawMessage("[" + strings.Join(blocks, ",") + "]")}
	if err := b.submit(cards, m, func(m Message) error {
		_, _, err := a.Post(context.WithoutCancel(t.Context()), cards, "", m)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if all := s.Messages(cards); len(all) != 1 || !strings.Contains(all[0].Text, "Slack did not take the whole of this message") {
		t.Errorf("%d messages stand", len(all))
	}
}

// Where Slack takes neither the blocks nor the mention of a group, the people who
// could decide are still mentioned.
func TestWhoCouldDecideIsMentionedInTheLeastCard(t *testing.T) {
	s := newScene("x", Pending)
	s.v.Approvers, s.v.Deciders = []string{"S0SECURITY"}, []string{"S0SECURITY"}
	for _, codes := range [][]string{{"invalid_blocks", noMention}, {noMention, "invalid_blocks", noMention}} {
		m := Card(&s.r, s.v)
		m.able = []string{alice, dave}
		for _, code := range codes {
			var why string
			if m, why = m.instead(code); why == "" {
				t.Fatalf("%q: nothing takes its place after %s", codes, code)
			}
		}
		for _, id := range []string{alice, dave} {
			if !strings.Contains(m.Text, "<@"+id+">") || strings.Contains(m.Text, "subteam") {
				t.Errorf("%q: %s is not mentioned, or a group is: %s", codes, id, m.Text)
			}
		}
	}
}
