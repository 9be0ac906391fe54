package demo

import (
	"net/http"

	"revoke-sessions/bot/slacktest"
)

// show is the world as people see it: the Slack workspace, and beside it what
// Microsoft's side got to see and the panel.
func (d *Demo) show(w *world) http.Handler {
	page := slacktest.Page{
		People:  []string{Bob, Alice, Amir, Olga, Carol},
		Roles:   map[string]string{Bob: "lost his phone", Alice: "approver", Amir: "approver", Olga: "not an approver", Carol: "laptop stolen"},
		Channel: General,
		Title:   "revoke-sessions demo",
		Intro:   "Report a lost device, an approver agrees, Entra ends the sessions. The bot is real; Slack and Microsoft are simulated here.",
		Steps: []string{
			"You are Bob, and your phone is gone. Type: /revoke-sessions me lost my phone",
			"Switch to Olga and press Revoke sessions in #security-approvals. She is not an approver: nothing is revoked.",
			"Switch to Alice and press it too. Read the card, its thread, and Bob's direct messages.",
			"Report again while things go wrong: “What if…” has two approvals, a Microsoft that answers too late, and a killed bot.",
			"You need no command: try the app's Home tab, the + beside the message box, and the three dots on a message.",
		},
		Hints: []string{
			"/revoke-sessions me lost my phone", "/revoke-sessions @carol stolen laptop", "/revoke-sessions",
			"/revoke-sessions drill @carol", "/revoke-sessions status", "/revoke-sessions help",
		},
		Instance: w.instance,
		Controls: d.controls(w), ControlsTitle: "What if…", Status: w.status,
		Side: w.seenByMicrosoft, SideTitle: "What Entra saw",
	}
	if w.cfg.Policy != "" {
		// Who may do what is for the policy to say, and the card says it.
		page.Roles = map[string]string{Bob: "lost his phone", Carol: "laptop stolen"}
		page.Steps = []string{
			"You are Bob, and your phone is gone. Type: /revoke-sessions me lost my phone",
			"The card in #security-approvals names the approvers. Switch to one of them, and decide.",
			"Report again while things go wrong: “What if…” has a Microsoft that answers too late, and a killed bot.",
		}
	}
	return w.Slack.Page(page)
}
