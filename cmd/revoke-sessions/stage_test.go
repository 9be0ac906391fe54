package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/cmd/revoke-sessions/demo"
	"revoke-sessions/graph/graphtest"
)

// The cast, by the names that the tests use.
const (
	bobID   = demo.Bob
	aliceID = demo.Alice
	amirID  = demo.Amir
	olgaID  = demo.Olga
	carolID = demo.Carol

	approvals = demo.Approvals
	general   = demo.General

	emergency = demo.Emergency
)

func objectID(n int) string { return demo.ObjectID(n) }

// stage is the demo's stage with a bot in this process: the production bot, told other
// addresses.
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
	s, err := demo.NewStage(slackConfig)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Entra.Certificate())
	return &stage{slack: s.Slack, entra: s.Entra, folder: folder, at: endpoints{
		graphURL: s.Entra.GraphURL(), authority: s.Entra.AuthorityURL(), roots: roots, now: slackConfig.Now,
	}}, nil
}

// scenery is the stage without the bot.
func (s *stage) scenery() *demo.Stage { return &demo.Stage{Slack: s.slack, Entra: s.entra} }

// addPerson puts a full member into Slack and their account into Entra.
func (s *stage) addPerson(id, name, full, entraID string) {
	s.scenery().AddPerson(id, name, full, entraID)
}

func (s *stage) close() { s.scenery().Close() }

// getenv holds the bot's settings.
func (s *stage) getenv(name string) string { return s.environment()[name] }

func (s *stage) environment() map[string]string {
	all := s.scenery().Environment(s.folder, s.policy)
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

// plain is a message as a reader sees it, on one line.
func plain(m slacktest.Message) string { return strings.Join(strings.Fields(m.Plain()), " ") }

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
