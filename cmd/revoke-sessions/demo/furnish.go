package demo

import (
	"fmt"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// The groups of the demo, both of Alice, Amir and Nina, for policy files that name groups.
const (
	SlackGroup = "S0SECURITY"
	EntraGroup = "00000000-0000-4000-8000-0000000000a0"
)

// workspace is a workspace that has installed the app by its manifest.
func workspace(now func() time.Time) slacktest.Config {
	return slacktest.Config{
		Now: now, HomeTab: true, MessagesTabReadOnly: true, Events: []string{"app_home_opened"},
		Shortcuts: []slacktest.Shortcut{
			{Name: "Report a lost device", Type: slacktest.GlobalShortcut, CallbackID: bot.LostShortcut},
			{Name: "Revoke sessions of…", Type: slacktest.MessageShortcut, CallbackID: bot.MessageShortcut},
		},
	}
}

// Nina is a third approver, whom nobody plays: with two approvals, a request about one of
// the approvers still needs two others.
const Nina = "U0NINA"

// furnish adds what people find in the demo: one more approver, groups, and messages to
// report somebody from.
func (s *Stage) furnish() {
	s.AddPerson(Nina, "nina", "Nina Approver", ninaAccount)
	for _, channel := range []string{General, Approvals} {
		s.Slack.UpdateChannel(channel, func(c *slacktest.Channel) { c.Members = append(c.Members, Nina) })
	}
	s.Slack.AddUserGroup(slacktest.UserGroup{ID: SlackGroup, Handle: "security", Name: "Security", Members: []string{Alice, Amir, Nina}})
	s.Entra.AddGroup(graphtest.Group{ID: EntraGroup, DisplayName: "Security", Members: []string{ObjectID(2), ObjectID(3), ninaAccount}})
	const defender = "U0DEFENDER"
	s.Slack.AddUser(slacktest.User{ID: defender, Name: "defender", RealName: "Defender", Bot: true})
	now := s.Entra.Config().Now()
	s.Slack.Put(slacktest.Message{Channel: General, User: Carol, TS: stamp(now.Add(-12 * time.Minute)), Markdown: true,
		Text: "My laptop was stolen on the train. Who can help?"})
	s.Slack.Put(slacktest.Message{Channel: Approvals, User: defender, AppID: "A0DEFENDER", BotID: "B0DEFENDER", BotName: "Defender",
		TS: stamp(now.Add(-4 * time.Minute)), Markdown: true,
		Text: "Unusual sign-in of " + slacktest.Mention(Carol) + " from a new country. Is it hers?"})
}

var ninaAccount = ObjectID(len(cast) + 1)

// stamp is a message's ts.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

// invite lets the bot into the approvers' channel, or takes it out.
func (s *Stage) invite(in bool) {
	s.Slack.UpdateChannel(Approvals, func(c *slacktest.Channel) { c.BotIsMember = in })
}
