package slackapi

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
)

// Installation keeps what Slack said before it refused.
func TestInstallation(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	s.SetClockSkew(time.Hour)
	s.SetScopes("commands", "chat:write")
	i, err := a.Installation(bottest.Deadline(t))
	if ahead := time.Until(i.At); ahead < 50*time.Minute || ahead > 70*time.Minute {
		t.Errorf("Slack's clock is %v ahead", ahead)
	}
	if e, ok := err.(*Error); !ok || e.Code != "missing_scope" || e.Needed != "users:read" || i.AppID != "" {
		t.Errorf("%+v, %#v", i, err)
	}
	if want := []string{"commands", "chat:write"}; !slices.Equal(i.Scopes, want) || i.Team != "slacktest" || i.TeamID != s.TeamID() {
		t.Errorf("%+v", i)
	}
	s.SetScopes(slacktest.DefaultScopes...)
	if i, err := a.Installation(bottest.Deadline(t)); err != nil || i.AppID != s.AppID() || i.Bot == "" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestChannel(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	s.AddChannel(slacktest.Channel{ID: "C0OPEN", Name: "open", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OLD", Name: "old", Private: true, BotIsMember: true, Archived: true})
	for id, want := range map[string]Channel{
		"C0OPEN":    {Name: "open"},
		"C0OLD":     {Name: "old", Private: true, Problem: bot.ChannelArchived},
		"C0NOWHERE": {Problem: bot.ChannelMissing},
	} {
		if got, err := a.Channel(bottest.Deadline(t), id); err != nil || got != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}
