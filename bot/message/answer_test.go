package message

import (
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

func TestBusy_SaysRequestIsSafe(t *testing.T) {
	m := Busy(bottest.Emergency)
	for _, want := range []string{"I'm busy, but nothing is lost.", "stored", "don't do it again", bottest.Emergency} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q does not say %q", m.Text, want)
		}
	}
	if got := Privately(m).(map[string]any); got["response_type"] != "ephemeral" || got["text"] != m.Text || got["blocks"] == nil {
		t.Errorf("the ack carries %v", got)
	}
}

// leading are the answers that lead their reader on.
func leading(s scene) map[string]bot.Message {
	return map[string]bot.Message{
		"status":      Status(&s.r, s.v),
		"list":        StatusOfAll(OpenList{All: []OpenRequest{{&s.r, s.v}}}),
		"joined":      Joined(&s.r, s.v, bottest.Bob, true),
		"wrong place": Refusal(bot.WrongPlace, &s.r, s.v),
	}
}

// A link to the card goes to a reader who can open it. Somebody who asked is led to their
// own message instead.
func TestAnswers_LeadTheReaderOn(t *testing.T) {
	const own = "https://contoso.slack.com/archives/D0BOB/p1772620879000200"
	for _, row := range []struct {
		name             string
		canOpen, asked   bool
		ownLink          string
		says             string
		linked, ownShown bool
	}{
		{"a member who asked", true, true, own, "Open the card", true, false},
		{"a member", true, false, "", "Open the card", true, false},
		{"somebody who asked", false, true, own, "Open my message to you", false, true},
		{"somebody whose message is not posted", false, true, "", "See my direct message to you.", false, false},
		{"somebody else", false, false, "", "Only members of its channel can open its card.", false, false},
	} {
		s := newScene("", bot.Pending)
		s.v.CanOpen, s.v.Asked, s.v.OwnLink = row.canOpen, row.asked, row.ownLink
		for answer, m := range leading(s) {
			all := everything(t, m)
			if !strings.Contains(all, row.says) || strings.Contains(all, bottest.LiveCard) != row.linked || strings.Contains(all, own) != row.ownShown {
				t.Errorf("%s, %s: %s", answer, row.name, all)
			}
		}
	}
}

// No message of any kind holds the card's address for somebody who cannot open it.
func TestCardLink_OnlyForWhoCanOpenIt(t *testing.T) {
	shown := 0
	for _, canOpen := range []bool{true, false} {
		for _, s := range scenes() {
			s.v.CanOpen = canOpen
			all := append(sayings(s), detours(s)...)
			for answer, m := range leading(s) {
				all = append(all, saying{s, answer, m})
			}
			for _, m := range all {
				linked := strings.Contains(everything(t, m.m), bottest.LiveCard)
				if linked && !canOpen {
					t.Errorf("%s links to the card:\n%s", m, everything(t, m.m))
				}
				if linked {
					shown++
				}
			}
		}
	}
	if shown == 0 {
		t.Error("nobody gets a link")
	}
}

func TestHelp_IsShort(t *testing.T) {
	for emergency, says := range map[string]string{
		"": "An approver decides.", bottest.Emergency: "An approver decides. Nobody answers? " + bottest.Emergency,
	} {
		text, _, _ := strings.Cut(Help(View{Emergency: emergency}).Text, "\nMore commands:")
		if lines := strings.Split(text, "\n"); len(lines) != 6 || lines[5] != says {
			t.Errorf("before the rarely used commands help says:\n%s", text)
		}
		if emergency == "" && strings.Contains(text, "Nobody answers") {
			t.Errorf("help promises a way that is not set:\n%s", text)
		}
	}
}

func TestReceived_SaysWhatHappensNow(t *testing.T) {
	for _, row := range []struct {
		option sceneOption
		says   string
	}{
		{ofBob, "Got it. I'm asking the approvers now and will message you. Nothing is revoked yet. (REQ-7F3K4M)"},
		{drill, "🧪 DRILL: Got it. I'm asking the approvers now and will message you. Nothing is changed in a drill. (REQ-7F3K4M)"},
		{alone, "Got it. Press the button in the direct message that I'm sending you. Nothing is revoked yet. (REQ-7F3K4M)"},
	} {
		s := newScene("", bot.Pending, row.option)
		s.r.Lane = authz.Self
		if text := Received(&s.r, s.v).Text; !strings.HasPrefix(text, row.says) {
			t.Errorf("%s, want %s", text, row.says)
		}
	}
}
