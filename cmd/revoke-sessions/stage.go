package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// The cast of the demo and of the tests.
const (
	bobID   = "U0BOB"   // has lost his phone
	aliceID = "U0ALICE" // approver
	amirID  = "U0AMIR"  // approver
	olgaID  = "U0OLGA"  // in the channel, but no approver
	carolID = "U0CAROL" // whose laptop was stolen

	approvals = "C0APPROVALS"
	general   = "C0GENERAL"

	emergency = "Call 555-0100."
)

// stage is a Slack workspace and an Entra tenant on loopback, with the same
// people in both, and room for the bot's database. The bot that plays on it is
// the production bot, told other addresses.
type stage struct {
	slack *slacktest.Server
	entra *graphtest.Server
	// folder holds the database.
	folder string
	// at is where the bot finds Microsoft.
	at endpoints
	// policy is the path of a policy file, which then names the approvers.
	policy string
	// more are further settings.
	more map[string]string
}

func newStage(folder string, slackConfig slacktest.Config) (*stage, error) {
	slackConfig.BotName = "revoke-sessions"
	slackConfig.Escape = &slacktest.Escape{Names: true, Mailto: true}
	slack, err := slacktest.Start(slackConfig)
	if err != nil {
		return nil, err
	}
	entra, err := graphtest.Start(graphtest.Config{
		Now: slackConfig.Now,
		// Azure's client takes the real clock, so that a stage whose clock is
		// moved on must not let its tokens expire.
		TokenLifetime: 1000 * time.Hour,
	})
	if err != nil {
		slack.Close()
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(entra.Certificate())
	s := &stage{slack: slack, entra: entra, folder: folder, at: endpoints{
		graphURL: entra.GraphURL(), authority: entra.AuthorityURL(), roots: roots, now: slackConfig.Now,
	}}
	var everyone []string
	for i, p := range []struct{ id, name, full string }{
		{bobID, "bob", "Bob Reporter"},
		{aliceID, "alice", "Alice Approver"},
		{amirID, "amir", "Amir Approver"},
		{olgaID, "olga", "Olga Outsider"},
		{carolID, "carol", "Carol Target"},
	} {
		s.addPerson(p.id, p.name, p.full, objectID(i+1))
		everyone = append(everyone, p.id)
	}
	slack.AddChannel(slacktest.Channel{ID: approvals, Name: "security-approvals", Private: true, BotIsMember: true,
		Members: []string{aliceID, amirID, olgaID}})
	slack.AddChannel(slacktest.Channel{ID: general, Name: "general", Members: everyone})
	return s, nil
}

// objectID is the Entra object ID of the nth of the cast, for policy files.
func objectID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// addPerson puts a full member into Slack and their account into Entra.
func (s *stage) addPerson(id, name, full, entraID string) {
	address := name + "@contoso.example"
	s.slack.AddUser(slacktest.User{ID: id, Name: name, RealName: full, Email: address})
	s.entra.AddUser(graphtest.User{ID: entraID, DisplayName: full, UserPrincipalName: address, Mail: address})
}

func (s *stage) close() {
	s.slack.Close()
	s.entra.Close()
}

// getenv holds the bot's settings.
func (s *stage) getenv(name string) string { return s.environment()[name] }

func (s *stage) environment() map[string]string {
	tenant := s.entra.Config()
	approvers := aliceID + "," + amirID
	if s.policy != "" {
		approvers = ""
	}
	all := map[string]string{
		"SLACK_BOT_TOKEN":     s.slack.BotToken(),
		"SLACK_APP_TOKEN":     s.slack.AppToken(),
		"AZURE_TENANT_ID":     tenant.TenantID,
		"AZURE_CLIENT_ID":     tenant.ClientID,
		"AZURE_CLIENT_SECRET": tenant.ClientSecret,
		"REVOKE_CHANNEL":      approvals,
		"REVOKE_APPROVERS":    approvers,
		"REVOKE_POLICY":       s.policy,
		"REVOKE_EMERGENCY":    emergency,
		"REVOKE_DATABASE_URL": "sqlite:" + filepath.Join(s.folder, "revoke-sessions.db"),
		"SLACK_API_URL":       s.slack.APIURL(),
	}
	maps.Copy(all, s.more)
	return all
}

// start runs the bot until stop is called, which returns its error. It
// returns once the bot is connected.
func (s *stage) start(ctx context.Context, log io.Writer) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	// The socket of a bot that has just stopped may still count as open.
	before := s.slack.SocketNumbers()
	go func() {
		if code := run(ctx, []string{"run"}, s.getenv, strings.NewReader(""), io.Discard, log, s.at); code != 0 {
			ended <- fmt.Errorf("the bot ended with exit code %d", code)
		}
		close(ended)
	}()
	stop = func() error {
		cancel()
		return <-ended
	}
	waiting, cancelWait := context.WithTimeout(ctx, 30*time.Second)
	defer cancelWait()
	connected := make(chan error, 1)
	go func() {
		connected <- s.slack.Until(waiting, func() bool {
			return slices.ContainsFunc(s.slack.SocketNumbers(), func(n int) bool { return !slices.Contains(before, n) })
		})
	}()
	select {
	case err = <-connected:
	case err = <-ended:
		if err == nil {
			err = errors.New("the bot ended at once")
		}
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// quickly is bot.DefaultTiming with shorter waits between reads, for people
// who watch.
func quickly() *bot.Timing {
	t := bot.DefaultTiming()
	t.Verify = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}
	return &t
}

// plain is a message as a reader sees it, on one line.
func plain(m slacktest.Message) string { return strings.Join(strings.Fields(m.Plain()), " ") }
