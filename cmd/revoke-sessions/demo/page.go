package demo

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// show is the world as people see it: the Slack workspace, and beside it what
// Microsoft's side got to see and the panel.
func (d *Demo) show(w *world) http.Handler {
	return w.Slack.Page(slacktest.Page{
		People: []string{Bob, Alice, Amir, Olga, Carol},
		Roles: map[string]string{
			Bob: "lost his phone", Alice: "approver", Amir: "approver", Olga: "sees the card, is not an approver", Carol: "laptop stolen",
		},
		Channel: General,
		Title:   "revoke-sessions demo",
		Intro:   "The bot is the real one. Slack and Microsoft are doubles on this machine; nothing leaves it.",
		Steps: []string{
			"You are Bob, and your phone is gone. Type: /revoke-sessions me lost my phone",
			"Switch to Olga, open #security-approvals and press Revoke sessions: she is not an approver.",
			"Switch to Alice and press it too. Read the card, its thread, and Bob's direct messages.",
		},
		Hints: []string{
			"/revoke-sessions me lost my phone", "/revoke-sessions @carol stolen laptop", "/revoke-sessions",
			"/revoke-sessions drill @carol", "/revoke-sessions status", "/revoke-sessions help",
		},
		Instance: w.instance,
		Controls: d.controls(w), ControlsTitle: "What if…", Status: w.status,
		Side: w.seenByMicrosoft, SideTitle: "What Entra saw",
	})
}

// seenByMicrosoft lists the sign-ins and the Graph calls, oldest first.
func (s *Stage) seenByMicrosoft() []slacktest.SideEntry {
	var all []slacktest.SideEntry
	add := func(requests []graphtest.Request, kind func(graphtest.Request) string) {
		for _, r := range requests {
			path := r.Path
			if filter := r.Query.Get("$filter"); filter != "" {
				path += "?$filter=" + filter
			}
			status := "no answer"
			if r.Status != 0 {
				status = fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))
			}
			all = append(all, slacktest.SideEntry{
				At: r.At, Title: r.Method + " " + path, Result: status, Detail: "request-id " + r.RequestID, Kind: kind(r),
			})
		}
	}
	add(s.Entra.SignIns(), func(graphtest.Request) string { return "sign-in" })
	add(s.Entra.Requests(), func(r graphtest.Request) string {
		switch {
		case r.Status >= 400 || r.Status == 0:
			return "error"
		case r.Method == http.MethodPost && strings.Contains(r.Path, "/users/"):
			return "write"
		}
		return "read"
	})
	slices.SortStableFunc(all, func(a, b slacktest.SideEntry) int { return a.At.Compare(b.At) })
	return all
}
