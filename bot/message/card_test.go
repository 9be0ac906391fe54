package message

import (
	"regexp"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// words counts the words that a reader reads.
func words(shown string) int {
	return len(regexp.MustCompile(`[\p{L}\p{N}@#][^\s·]*`).FindAllString(shown, -1))
}

// TestCard_IsShort: on a phone, the card of an ordinary account fits one screen with its
// warnings and buttons. It has at most 60 words above the buttons and 85 in all.
func TestCard_IsShort(t *testing.T) {
	for name, options := range map[string][]sceneOption{
		"self": {ofBob}, "third party": nil, "drill": {drill}, "first of two": {needs(2)}, "self drill": {ofBob, drill},
	} {
		s := newScene(name, bot.Pending, options...)
		_, shown := read(t, card(&s.r, s.v))
		above, below, found := strings.Cut(shown, "Deny")
		above = regexp.MustCompile(`\[[^\[]*$`).ReplaceAllString(above, "")
		if !found {
			t.Fatalf("%s: no button Deny:\n%s", name, shown)
		}
		if n, all := words(above), words(shown); n > 60 || all > 85 {
			t.Errorf("%s: %d words above the buttons and %d in all:\n%s\nbelow: %s", name, n, all, shown, below)
		}
	}
}

// TestCard_ShowsOnlyWhatDeviates: an ordinary account is one quiet phrase, and each
// deviation is a warning instead.
func TestCard_ShowsOnlyWhatDeviates(t *testing.T) {
	for name, row := range map[string]struct {
		options []sceneOption
		quiet   string
	}{
		"ordinary":             {nil, "Ordinary account, no special rights · "},
		"synced":               {[]sceneOption{func(s *scene) { s.r.Target.Synced = graph.Yes }}, "Ordinary account, no special rights, synced from on-premises · "},
		"a role":               {[]sceneOption{holdsRole}, ""},
		"a guest":              {[]sceneOption{func(s *scene) { s.r.Target.Guest = graph.Yes }}, ""},
		"blocked":              {[]sceneOption{func(s *scene) { s.r.Target.Disabled = graph.Yes }}, ""},
		"restricted":           {[]sceneOption{func(s *scene) { s.r.Target.Restricted = graph.Yes }}, ""},
		"role unknown":         {[]sceneOption{func(s *scene) { s.r.Privileged = graph.Unknown }}, ""},
		"source unknown":       {[]sceneOption{func(s *scene) { s.r.Target.Synced = graph.Unknown }}, ""},
		"sign-ins not read":    {[]sceneOption{func(s *scene) { s.r.SignInsRead = false }}, "Ordinary account"},
		"no sign-in on record": {[]sceneOption{func(s *scene) { s.r.SignInsRead, s.r.SignedIn = true, bot.Request{}.SignedIn }}, "Ordinary account"},
	} {
		s := newScene(name, bot.Pending, row.options...)
		text := card(&s.r, s.v).Text
		if row.quiet == "" {
			if strings.Contains(text, "Ordinary") || !strings.Contains(text, "⚠") {
				t.Errorf("%s: it is no ordinary account:\n%s", name, text)
			}
			continue
		}
		if !strings.Contains(text, row.quiet) || strings.Contains(text, "⚠") || strings.Contains(text, "sign-in on record") {
			t.Errorf("%s: want %q and no warning:\n%s", name, row.quiet, text)
		}
	}
}

// TestDetails_TellEachReaderTheirs: an approver reads every fact, also those that could not
// be read. Somebody who asked reads how it is decided.
func TestDetails_TellEachReaderTheirs(t *testing.T) {
	s := newScene("", bot.Pending, needs(2, bottest.Alice))
	s.r.Privileged, s.r.Fallback = graph.Unknown, graph.RevokeSignInSessions
	s.v.Policy.ThirdParty.Ticket, s.v.Policy.ThirdParty.TicketExample = regexp.MustCompile("INC-[0-9]+"), "INC-1234"
	approver, asker := modalText(t, Details(&s.r, s.v, true)), modalText(t, Details(&s.r, s.v, false))
	both := []string{
		s.r.ID, "Policy: requests about somebody else: 2 approvals; an approver who asked may give one; the reason must name a ticket, for example INC-1234.",
		"Approved by: @" + bottest.Alice, "Can decide now: @" + bottest.Dave, "Approvers: @" + bottest.Alice + ", @" + bottest.Dave,
	}
	facts := []string{
		"Asked by: @" + bottest.Bob,
		"Object ID: " + s.r.Target.ID, "unknown whether it holds a privileged role", "member of this tenant", "Sessions valid since: ",
		"Graph call: invalidateAllRefreshTokens, or revokeSignInSessions where that is gone or not permitted", "last sign-in on record",
	}
	for _, want := range append(both, facts...) {
		if !strings.Contains(approver, want) {
			t.Errorf("an approver does not read %q:\n%s", want, approver)
		}
	}
	for _, want := range append(both, "Only approvers can see facts about the account.") {
		if !strings.Contains(asker, want) {
			t.Errorf("somebody who asked does not read %q:\n%s", want, asker)
		}
	}
	for _, not := range facts {
		if strings.Contains(asker, not) {
			t.Errorf("somebody who asked reads %q", not)
		}
	}
}

// TestDetails_Fit opens the details of the longest request in the double, which enforces
// the limits of a modal.
func TestDetails_Fit(t *testing.T) {
	slack := bottest.PostedAll(t)
	a := connected(t, slack)
	s := newScene("", bot.Verified, needs(60, many(59, "U0APPROVER%04d")...))
	for _, id := range many(1000, "U0COLLEAGUE%04d") {
		s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: id, EntraID: id})
	}
	s.r.Words.DisplayName, s.r.Words.UPN = strings.Repeat("N", bot.MaxName), strings.Repeat("u", bot.MaxAddress)
	s.v.Approvers = many(500, "U0APPROVER%04d")
	for _, approver := range []bool{true, false} {
		trigger, _ := bottest.Typed(t, slack, bottest.Bob, "")
		id, err := a.OpenForm(bottest.Deadline(t), bot.Secret(trigger), LoadingDetails())
		if err == nil {
			err = a.UpdateForm(bottest.Deadline(t), id, Details(&s.r, s.v, approver))
		}
		if err != nil {
			t.Fatalf("approver %v: %v", approver, explain(err))
		}
	}
	if views := slack.Views(bottest.Bob); !strings.Contains(slacktest.Message{Blocks: views[len(views)-1].Blocks}.Plain(), s.r.ID) {
		t.Error("the modal was not filled")
	}
}
