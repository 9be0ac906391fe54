package slackapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// Scope is a scope of the bot token and its purpose.
type Scope struct{ Name, For string }

// Scopes are the scopes in the app's manifest.
var Scopes = []Scope{
	{"commands", "the slash command"},
	{"chat:write", "cards, threads and direct messages"},
	{"users:read", "who clicks"},
	{"users:read.email", "which Entra account is whose"},
	{"usergroups:read", "user groups that the policy names"},
	{"channels:read", "the approvers' channel and who is in it, where it is public"},
	{"groups:read", "the approvers' channel and who is in it, where it is private"},
}

// Installation is what Slack says about the bot token's app.
type Installation struct {
	bot.Workspace
	// Team and Bot are the names of the workspace and of the bot.
	Team, Bot string
	// Scopes are the token's; nil if Slack did not say.
	// https://docs.slack.dev/authentication/tokens
	Scopes []string
	// At is Slack's clock, in whole seconds; zero if Slack did not say.
	At time.Time
}

// Installation asks Slack which app, bot and workspace the token belongs to. With an
// error it returns what Slack said until then, without AppID.
func (s *Client) Installation(ctx context.Context) (Installation, error) {
	i, botID, err := s.AuthTest(ctx)
	if err != nil {
		return i, err
	}
	if i.AppID, err = s.appID(ctx, botID); err != nil {
		return i, err
	}
	s.home = i.Workspace
	return i, nil
}

// AuthTest reads all of an Installation except AppID, which Slack lists under the bot.
func (s *Client) AuthTest(ctx context.Context) (i Installation, botID string, err error) {
	defer s.called("auth.test", time.Now(), &err)
	me, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return i, "", asError("auth.test", err)
	}
	i = Installation{Workspace: bot.Workspace{TeamID: me.TeamID, URL: me.URL}, Team: me.Team, Bot: me.User}
	i.At, _ = http.ParseTime(me.Header.Get("Date")) // zero if unreadable
	if scopes := me.Header.Get("X-OAuth-Scopes"); scopes != "" {
		i.Scopes = strings.FieldsFunc(scopes, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if me.TeamID == "" || me.UserID == "" || me.BotID == "" {
		return i, "", &Error{Method: "auth.test", Code: Incomplete}
	}
	return i, me.BotID, nil
}

func (s *Client) appID(ctx context.Context, botID string) (id string, err error) {
	defer s.called("bots.info", time.Now(), &err)
	b, err := s.api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: botID})
	if err != nil {
		return "", asError("bots.info", err)
	}
	if b.AppID == "" {
		return "", &Error{Method: "bots.info", Code: Incomplete}
	}
	return b.AppID, nil
}

// Connect asks Slack for the bot's workspace. It must be the first call.
func (s *Client) Connect(ctx context.Context) (bot.Workspace, error) {
	i, err := s.Installation(ctx)
	return i.Workspace, err
}
