package demo

import (
	"fmt"
	"path/filepath"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// The cast, and where they meet.
const (
	Bob   = "U0BOB"   // has lost his phone
	Alice = "U0ALICE" // approver
	Amir  = "U0AMIR"  // approver
	Olga  = "U0OLGA"  // in the channel, but no approver
	Carol = "U0CAROL" // whose laptop was stolen

	Approvals = "C0APPROVALS"
	General   = "C0GENERAL"

	Emergency = "Call 555-0100."
)

// cast are the people, in the order of their object IDs.
var cast = []struct{ id, name, full string }{
	{Bob, "bob", "Bob Reporter"},
	{Alice, "alice", "Alice Approver"},
	{Amir, "amir", "Amir Approver"},
	{Olga, "olga", "Olga Outsider"},
	{Carol, "carol", "Carol Target"},
}

// Stage is a Slack workspace and an Entra tenant on loopback, with the same people in
// both.
type Stage struct {
	Slack *slacktest.Server
	Entra *graphtest.Server
}

// NewStage starts both. The clock of Entra is that of the Slack's Config.
func NewStage(config slacktest.Config) (*Stage, error) {
	config.BotName = "revoke-sessions"
	config.Escape = &slacktest.Escape{Names: true, Mailto: true}
	slack, err := slacktest.Start(config)
	if err != nil {
		return nil, err
	}
	entra, err := graphtest.Start(graphtest.Config{
		Now: config.Now,
		// Azure's client takes the real clock, so that a stage whose clock is
		// moved on must not let its tokens expire.
		TokenLifetime: 1000 * time.Hour,
	})
	if err != nil {
		slack.Close()
		return nil, err
	}
	s := &Stage{Slack: slack, Entra: entra}
	var everyone []string
	for i, p := range cast {
		s.AddPerson(p.id, p.name, p.full, ObjectID(i+1))
		everyone = append(everyone, p.id)
	}
	slack.AddChannel(slacktest.Channel{ID: Approvals, Name: "security-approvals", Private: true, BotIsMember: true,
		Members: []string{Alice, Amir, Olga}})
	slack.AddChannel(slacktest.Channel{ID: General, Name: "general", Members: everyone})
	return s, nil
}

// ObjectID is the Entra object ID of the nth of the cast, for policy files.
func ObjectID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// AddPerson puts a full member into Slack and their account into Entra.
func (s *Stage) AddPerson(id, name, full, entraID string) {
	address := name + "@contoso.example"
	s.Slack.AddUser(slacktest.User{ID: id, Name: name, RealName: full, Email: address})
	s.Entra.AddUser(graphtest.User{ID: entraID, DisplayName: full, UserPrincipalName: address, Mail: address})
}

// Close ends both.
func (s *Stage) Close() {
	s.Slack.Close()
	s.Entra.Close()
}

// Environment is the settings of a bot that plays here, with its database in folder.
// policy is the path of its policy file; without one Alice and Amir are the approvers.
func (s *Stage) Environment(folder, policy string) map[string]string {
	tenant := s.Entra.Config()
	approvers := Alice + "," + Amir
	if policy != "" {
		approvers = ""
	}
	return map[string]string{
		"SLACK_BOT_TOKEN":     s.Slack.BotToken(),
		"SLACK_APP_TOKEN":     s.Slack.AppToken(),
		"AZURE_TENANT_ID":     tenant.TenantID,
		"AZURE_CLIENT_ID":     tenant.ClientID,
		"AZURE_CLIENT_SECRET": tenant.ClientSecret,
		"REVOKE_CHANNEL":      Approvals,
		"REVOKE_APPROVERS":    approvers,
		"REVOKE_POLICY":       policy,
		"REVOKE_EMERGENCY":    Emergency,
		"REVOKE_DATABASE_URL": "sqlite:" + filepath.Join(folder, "revoke-sessions.db"),
		"SLACK_API_URL":       s.Slack.APIURL(),
	}
}
