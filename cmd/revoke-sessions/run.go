package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/metrics"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// runCommand is the bot's settings. Values come from the environment; secrets
// have no flag, because a command line is visible to every user of a machine.
type runCommand struct {
	Channel   string     `setting:"REVOKE_CHANNEL" placeholder:"C…" help:"ID of the channel that gets the cards ($REVOKE_CHANNEL)."`
	Approvers []string   `setting:"REVOKE_APPROVERS" placeholder:"U…" help:"The approvers, separated by commas: Slack users U…, Slack user groups S…, Entra groups entra:<object ID> ($REVOKE_APPROVERS)."`
	Policy    string     `setting:"REVOKE_POLICY" placeholder:"FILE" help:"The policy file; see revoke-sessions policy example ($REVOKE_POLICY)."`
	Operation string     `setting:"REVOKE_OPERATION" placeholder:"NAME" help:"The Graph call that revokes: invalidateAllRefreshTokens (the default) or revokeSignInSessions ($REVOKE_OPERATION)."`
	Fallback  string     `setting:"REVOKE_FALLBACK" placeholder:"NAME" help:"The Graph call to use if the first is gone or not permitted: revokeSignInSessions ($REVOKE_FALLBACK)."`
	Emergency string     `setting:"REVOKE_EMERGENCY" placeholder:"TEXT" help:"What people read if nobody answers, for example: Call 555-0100 ($REVOKE_EMERGENCY)."`
	Database  string     `setting:"REVOKE_DATABASE_URL" default:"sqlite:revoke-sessions.db" placeholder:"URL" help:"The database with the requests and the audit chain: ${default} ($REVOKE_DATABASE_URL)."`
	HTTP      string     `name:"http-addr" setting:"REVOKE_HTTP_ADDR" placeholder:"HOST:PORT" help:"Serve /healthz, /readyz and /metrics at this address; off by default ($REVOKE_HTTP_ADDR)."`
	Log       slog.Level `setting:"REVOKE_LOG" default:"info" placeholder:"LEVEL" help:"How much to log: debug, info, warn or error; default: ${default} ($REVOKE_LOG)."`
	SlackAPI  string     `name:"slack-api-url" setting:"SLACK_API_URL" placeholder:"URL" help:"The address of Slack's Web API, for tests and proxies ($SLACK_API_URL)."`

	recordSettings
}

// endpoints stand in for Microsoft's in tests and in the demo; the zero value
// is Microsoft's own.
type endpoints struct {
	graphURL, authority string
	roots               *x509.CertPool
	now                 func() time.Time
	timing              *bot.Timing
	witness             bot.Witness
	// around wraps what carries the requests, for tests that cut wires.
	around func(http.RoundTripper) http.RoundTripper
	// signIn wraps what carries the requests to Entra's sign-in.
	signIn func(http.RoundTripper) http.RoundTripper
	// terminal stands in for the person who is asked.
	terminal io.ReadWriter
	// environ stands in for os.Environ, which lists what getenv knows.
	environ func() []string
}

// credential is how to sign in there.
func (e endpoints) credential() msgraph.CredentialOptions {
	return msgraph.CredentialOptions{
		AuthorityHost: e.authority, GraphURL: e.graphURL, Transport: e.transport(), Around: e.signIn, DisableInstanceDiscovery: e.authority != "",
	}
}

// transport trusts the endpoints' certificate.
func (e endpoints) transport() http.RoundTripper {
	if e.roots == nil {
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: e.roots, MinVersion: tls.VersionTLS12}
	if e.around != nil {
		return e.around(t)
	}
	return t
}

// Run checks the settings, then runs the bot until ctx ends or Slack refuses
// it for good.
func (c *runCommand) Run(ctx context.Context, s *surroundings) error {
	botToken, appToken, policy, err := c.check(s)
	if err != nil {
		return err
	}
	numbers := c.numbers()
	s.at.signIn = numbers.SignIn()
	entra, kind, err := c.entra(s)
	if err != nil {
		return usageError(err.Error())
	}
	log := s.logger(c.Log)
	entra.Limits = limitLog(log, numbers.Limits())
	directory, err := msgraph.New(entra)
	if err != nil {
		return usageError(err.Error())
	}
	defer directory.Close()
	log.Info("starting", "credential", kind, "cloud", entra.Cloud.String(), "operation", entra.Operation, "fallback", entra.Fallback,
		"channel", c.Channel, "approvers", len(policy.Approvers), "policy", cmp.Or(c.Policy,
			"REVOKE_APPROVERS alone"), "policy_digest", policy.Digest)

	stopHTTP, err := serveHTTP(c.HTTP, numbers, log)
	if err != nil {
		return err
	}
	defer stopHTTP()
	db, closeDB, err := c.openStore(ctx, s, log)
	if db == nil || err != nil {
		return err // nil where it was told to stop before the database was open
	}
	defer closeDB()
	numbers.WatchStore(db)
	api := listen.NewAPI(botToken, appToken, c.SlackAPI)
	slack := slackapi.NewClient(api, c.SlackAPI, listen.HTTPClient(5*time.Second))
	slack.Observe(numbers.Slack())
	home, err := connect(ctx, slack, log)
	if ctx.Err() != nil {
		return nil // told to stop before Slack ever answered
	}
	if err != nil {
		return err
	}
	signIn(ctx, directory, policy.AsksForRoles(), log)
	b := engine.New(bot.Config{
		Home: home, Channel: c.Channel, Policy: policy, Emergency: bot.Clean(c.Emergency, 200),
		Operation: entra.Operation, Fallback: entra.Fallback, Timing: s.timing(), Log: log, Now: db.Now, Meter: numbers.Meter(),
		Steady: s.steady(), Witness: s.at.witness,
	}, numbers.Store(db), slack, numbers.Entra(directory))
	numbers.WatchBot(b)
	stopWatch, err := c.record(c.Database).watch(context.WithoutCancel(ctx), db, b, log)
	if err != nil {
		return err
	}
	defer stopWatch()
	return c.serve(ctx, s, b, numbers, listen.Config{
		API: api, AppID: home.AppID, TeamID: home.TeamID, Inbox: numbers.Inbox(b), Replicas: b.Replicas, Log: log, Witness: s.at.witness,
		OnConnected: func() { log.Info("connected to Slack", "team", home.TeamID, "app", home.AppID, "database", db.Path()) },
	})
}

// openStore opens the database. It answers none, and no error, where ctx has ended before.
func (c *runCommand) openStore(ctx context.Context, s *surroundings, log *slog.Logger) (db *store.Store, closeIt func(), err error) {
	db, err = store.Open(ctx, c.Database, store.Options{Exclusive: true, Now: s.at.now})
	if err != nil && ctx.Err() != nil {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range db.Exposed() {
		log.Warn("others have more rights to the database than they need", "error", e.Says, "remedy", e.Remedy)
	}
	lastAnchor := logAnchors(context.WithoutCancel(ctx), db.Head, log, time.Tick(anchorEvery))
	return db, func() {
		lastAnchor() // after the last row
		if err := db.Close(); err != nil {
			log.Error("cannot close the database", "error", err)
		}
	}, nil
}

// serve puts the policy in force and listens until ctx ends.
func (c *runCommand) serve(ctx context.Context, s *surroundings, b *engine.Bot, numbers *metrics.Metrics, config listen.Config) error {
	err := b.RecordPolicy(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before anything could arrive
	}
	if err != nil {
		return fmt.Errorf("record which policy is in force: %w", err)
	}
	config.HomeOpened = b.HomeOpened
	l := listen.New(config)
	numbers.WatchListener(l)

	// The clock outlives the socket: what the last envelopes asked for is
	// still carried out.
	clock, stopClock := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { b.Run(clock); close(done) }()
	err = l.Run(ctx)
	stopClock()
	<-done
	config.Log.Info("stopped")
	return err
}

// entra is how to reach Microsoft, and what kind of credential signs in there.
func (c *runCommand) entra(s *surroundings) (config msgraph.Config, kind string, err error) {
	config = msgraph.Config{
		GraphURL: s.at.graphURL, Transport: s.at.transport(),
		Operation: operationOf(c.Operation), Fallback: graph.Operation(c.Fallback),
	}
	if config.Cloud, err = msgraph.CloudByName(s.getenv("AZURE_CLOUD")); err != nil {
		return config, "", err
	}
	config.Credential, kind, err = msgraph.Credential(s.getenv, s.at.credential())
	return config, kind, err
}

// timing is the bot's, or the one of a test.
func (s *surroundings) timing() bot.Timing {
	if s.at.timing != nil {
		return *s.at.timing
	}
	return bot.DefaultTiming()
}

// steady is what has passed on this machine's clock, even if somebody sets it; nil where a
// test's clock stands in for it.
func (s *surroundings) steady() func() time.Duration {
	if s.at.now != nil {
		return nil
	}
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// signIn looks for an account that does not exist, so that a missing secret or
// consent is in the log now and not first in the answer to a lost phone. Where
// a rule goes by privileged roles, it reads which roles those are, too.
func signIn(ctx context.Context, directory *msgraph.Client, roles bool, log *slog.Logger) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := directory.Find(asking, graph.ByUPN, "nobody@revoke-sessions.invalid")
	if ctx.Err() != nil {
		return // told to stop: what failed says nothing of Microsoft
	}
	if e := graph.AsError(err); e != nil {
		log.Error("Microsoft Graph cannot be used: nobody can be looked up until this is fixed", "error", e, "remedy", e.Remedy)
		return
	}
	log.Info("Microsoft Graph answers")
	if !roles {
		return
	}
	_, err = directory.PrivilegedRoles(asking)
	if e := graph.AsError(err); e != nil && ctx.Err() == nil {
		log.Error("privileged roles cannot be read: every target counts as privileged until this is fixed", "error", e, "remedy", e.Remedy)
	}
}

// connect asks Slack who we are, for as long as Slack does not answer.
func connect(ctx context.Context, slack *slackapi.Client, log *slog.Logger) (bot.Workspace, error) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		home, err := slack.Connect(ctx)
		if err == nil {
			return home, nil
		}
		e, ok := errors.AsType[*slackapi.Error](err)
		if ok && e.Redirected() {
			return home, err
		} else if ok && !e.NoAnswer() {
			return home, fmt.Errorf("%w. Check SLACK_BOT_TOKEN and that the app is installed: OAuth & Permissions in the Slack app's settings", err)
		}
		if ok && e.RetryAfter > 0 {
			wait = max(wait, min(e.RetryAfter, time.Minute))
			log.Warn("Slack asks to wait before the bot connects", "error", err, "pause", wait.String())
		} else {
			log.Warn("Slack does not answer yet", "error", err, "pause", wait.String())
		}
		select {
		case <-ctx.Done():
			return bot.Workspace{}, ctx.Err()
		case <-time.After(wait):
		}
	}
}
