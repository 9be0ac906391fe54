package message

import (
	"fmt"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// The card names a few requesters and counts the others; the thread has one note about
// them, with the last reasons.
func TestAskers_FewNamedRestCounted(t *testing.T) {
	asked := func(n int, wrote ...int) sceneOption {
		return func(s *scene) {
			s.r.Askers, s.r.Words.Also = s.r.Askers[:1], map[string]string{}
			for i := range n {
				s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: fmt.Sprintf("U%d", i), EntraID: fmt.Sprint(i)})
			}
			for _, i := range wrote {
				s.r.Words.Also[fmt.Sprintf("U%d", i)] = fmt.Sprintf("mail %d", i)
			}
		}
	}
	adds := func(s *scene) { s.r.Words.Also[bottest.Bob] = "it was stolen" }
	const alone = " Now only an approver can end it, with Deny."
	for name, test := range map[string]struct {
		options []sceneOption
		card    string
		note    string
	}{
		"one": {[]sceneOption{asked(1)}, "Asked by: <@U0BOB> and <@U0> · Expires", "Also asked by <@U0>." + alone},
		"one with a reason, and the first adds to it": {[]sceneOption{asked(1, 0), adds}, "Asked by: <@U0BOB> and <@U0> · Expires",
			"<@U0BOB> adds: it was stolen\nAlso asked by <@U0>: mail 0." + alone},
		"the first adds to it": {[]sceneOption{asked(0), adds}, "Asked by: <@U0BOB> · Expires", "<@U0BOB> adds: it was stolen"},
		"two": {[]sceneOption{asked(2, 1)}, "Asked by: <@U0BOB>, <@U0> and <@U1> · Expires",
			"Also asked by <@U0>, <@U1>." + alone + "\n• <@U1>: mail 1"},
		"three, of a device": {[]sceneOption{ofBob, asked(3)}, "Asked by: <@U0BOB>, <@U0>, <@U1> and 1 more · Expires",
			"Also asked by <@U0>, <@U1>, <@U2>."},
		"150, in a drill": {[]sceneOption{drill, asked(149, 1, 3, 5, 7, 9, 11)}, "Asked by: <@U0BOB>, <@U0>, <@U1> and 147 more · Expires",
			"🧪 DRILL: Also asked by <@U0>, <@U1>, <@U2>, <@U3>, <@U4>, <@U5>, <@U6>, <@U7>, <@U8>, <@U9> and 139 more." + alone +
				"\n• <@U3>: mail 3\n• <@U5>: mail 5\n• <@U7>: mail 7\n• <@U9>: mail 9\n• <@U11>: mail 11" +
				"\n1 other person gave a reason before them: `revoke-sessions audit show REQ-7F3K4M`."},
	} {
		s := newScene(name, bot.Pending, test.options...)
		if card := card(&s.r, s.v).Text; !strings.Contains(card, test.card) {
			t.Errorf("%s: the card says %s", name, card)
		}
		notes := 0
		for _, p := range Plan(&s.r, s.v, "C0", nil) {
			if strings.HasPrefix(p.Key, "joined") {
				notes++
				if got := p.Draw(&s.r, s.v).Text; got != test.note {
					t.Errorf("%s: the thread says\n%s\nwant\n%s", name, got, test.note)
				}
			}
		}
		if notes != 1 {
			t.Errorf("%s: %d notes", name, notes)
		}
	}
}
