package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// runCommand is the bot's settings. Values come from the environment; secrets
// have no flag, because a command line is visible to every user of a machine.
type runCommand struct {
	Channel   string     `env:"REVOKE_CHANNEL" placeholder:"C…" help:"ID of the channel that gets the cards."`
	Approvers []string   `env:"REVOKE_APPROVERS" placeholder:"U…" help:"Who may confirm: Slack user IDs, separated by commas."`
	Emergency string     `env:"REVOKE_EMERGENCY" placeholder:"TEXT" help:"What to do when nobody answers, for example: Call 555-0100."`
	Database  string     `env:"REVOKE_DATABASE_URL" default:"sqlite:revoke-sessions.db" placeholder:"URL" help:"Where requests and the audit chain are kept (${default})."`
	Log       slog.Level `env:"REVOKE_LOG" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (${default})."`
	SlackAPI  string     `name:"slack-api-url" env:"SLACK_API_URL" placeholder:"URL" help:"Slack's Web API, for tests and proxies."`
}

// endpoints stand in for Microsoft's in tests and in the demo; the zero value
// is Microsoft's own.
type endpoints struct {
	graphURL, authority string
	roots               *x509.CertPool
	now                 func() time.Time
	timing              *bot.Timing
}

// transport trusts the endpoints' certificate.
func (e endpoints) transport() http.RoundTripper {
	if e.roots == nil {
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: e.roots, MinVersion: tls.VersionTLS12}
	return t
}

// operation is the only one so far.
const operation = graph.InvalidateAllRefreshTokens

var (
	slackUser    = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
	slackChannel = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)
)

// Run checks the settings, then runs the bot until ctx ends or Slack refuses
// it for good.
func (c *runCommand) Run(ctx context.Context, s *surroundings) error {
	botToken, appToken, err := c.check(s.getenv)
	if err != nil {
		return err
	}
	credential, kind, err := msgraph.Credential(s.getenv, msgraph.CredentialOptions{
		AuthorityHost: s.at.authority, Transport: s.at.transport(), DisableInstanceDiscovery: s.at.authority != "",
	})
	if err != nil {
		return &usageError{2, err.Error()}
	}
	directory, err := msgraph.New(msgraph.Config{
		Credential: credential, GraphURL: s.at.graphURL, Transport: s.at.transport(), Operation: operation,
	})
	if err != nil {
		return err
	}
	defer directory.Close()
	log := s.logger(c.Log)
	log.Info("starting", "credential", kind, "operation", operation, "channel", c.Channel, "approvers", len(c.Approvers))

	db, err := store.Open(ctx, c.Database, store.Options{Exclusive: true, Now: s.at.now})
	if err != nil {
		return err
	}
	defer func() {
		if err := db.Close(); err != nil {
			log.Error("close the database", "error", err)
		}
	}()
	api := listen.NewAPI(botToken, appToken, c.SlackAPI)
	slack := bot.NewSlack(api, c.SlackAPI, &http.Client{Timeout: 5 * time.Second})
	home, err := connect(ctx, slack, log)
	if err != nil {
		return err
	}
	timing := bot.DefaultTiming()
	if s.at.timing != nil {
		timing = *s.at.timing
	}
	b := bot.New(bot.Config{
		Home: home, Channel: c.Channel, Approvers: c.Approvers, Emergency: bot.Clean(c.Emergency, 200),
		Operation: operation, Timing: timing, Log: log, Now: s.at.now,
	}, db, slack, directory)
	l := listen.New(listen.Config{
		API: api, AppID: home.AppID, TeamID: home.TeamID, Inbox: b, Log: log,
		OnConnected: func() { log.Info("connected to Slack", "team", home.TeamID, "app", home.AppID, "database", db.Path()) },
	})

	// The clock outlives the socket: what the last envelopes asked for is
	// still carried out.
	clock, stopClock := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { b.Run(clock); close(done) }()
	err = l.Run(ctx)
	stopClock()
	<-done
	log.Info("stopped")
	return err
}

// check reads the two tokens and refuses settings that cannot work, all at once.
func (c *runCommand) check(getenv func(string) string) (botToken, appToken bot.Secret, err error) {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	token := func(name, prefix, where string) bot.Secret {
		t, err := secret(getenv, name)
		switch {
		case err != nil:
			complain("%v", err)
		case t == "":
			complain("%s is not set: %s", name, where)
		case !strings.HasPrefix(string(t), prefix):
			complain("%s does not begin with %s: %s", name, prefix, where)
		}
		return t
	}
	botToken = token("SLACK_BOT_TOKEN", "xoxb-", "take the Bot User OAuth Token from OAuth & Permissions in the Slack app's settings")
	appToken = token("SLACK_APP_TOKEN", "xapp-", "make an app-level token with connections:write under Basic Information in the Slack app's settings")
	if !slackChannel.MatchString(c.Channel) {
		complain("REVOKE_CHANNEL must be a channel's ID like C0123456789: open the channel's details in Slack, it stands at the end")
	}
	c.Approvers = slices.DeleteFunc(c.Approvers, func(s string) bool { return strings.TrimSpace(s) == "" })
	for i, a := range c.Approvers {
		a = strings.TrimSpace(a)
		if !slackUser.MatchString(a) {
			complain("REVOKE_APPROVERS: %q is no Slack user ID like U0123456789: open the person's profile in Slack, menu, Copy member ID", bot.Clean(a, 40))
		}
		c.Approvers[i] = a
	}
	if len(c.Approvers) == 0 {
		complain("REVOKE_APPROVERS names nobody, so nobody could confirm: give Slack user IDs, separated by commas")
	}
	if len(wrong) == 0 {
		return botToken, appToken, nil
	}
	return "", "", &usageError{2, "cannot start:\n  - " + strings.Join(wrong, "\n  - ")}
}

// secret reads NAME, or the file that NAME_FILE names.
func secret(getenv func(string) string, name string) (bot.Secret, error) {
	value, file := strings.TrimSpace(getenv(name)), getenv(name+"_FILE")
	switch {
	case file == "":
		return bot.Secret(value), nil
	case value != "":
		return "", fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return bot.Secret(strings.TrimSpace(string(text))), nil
}

// connect asks Slack who we are, for as long as Slack does not answer.
func connect(ctx context.Context, slack *bot.Slack, log *slog.Logger) (bot.Workspace, error) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		home, err := slack.Connect(ctx)
		if err == nil {
			return home, nil
		}
		if e, ok := errors.AsType[*bot.SlackError](err); ok && !e.NoAnswer() {
			return home, fmt.Errorf("%w. Check SLACK_BOT_TOKEN and that the app is installed: OAuth & Permissions in the Slack app's settings", err)
		}
		log.Warn("Slack does not answer yet", "error", err, "again_in", wait.String())
		select {
		case <-ctx.Done():
			return bot.Workspace{}, ctx.Err()
		case <-time.After(wait):
		}
	}
}
