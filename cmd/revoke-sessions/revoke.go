package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/cmd/revoke-sessions/accounts"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// revokeCommand is Invoke-MgBetaInvalidateAllUserRefreshToken without
// PowerShell and without Slack. Its flags are the cmdlet's parameters.
type revokeCommand struct {
	UserID      []string `name:"user-id" sep:"none" placeholder:"ID|UPN" help:"Whose sessions: an object ID, a user principal name or an e-mail address. May be repeated."`
	InputObject []string `sep:"none" placeholder:"JSON|FILE|-" help:"The accounts as JSON, one {\"userId\": …} or many: as an argument, in a file, or on standard input (-)."`

	WhatIf         bool   `aliases:"wi" help:"Or --wi. Only show what would happen. It reads the account, changes nothing and stores nothing."`
	Confirm        bool   `aliases:"cf" default:"true" help:"Or --cf. Ask before each account (the default). --confirm=false does not ask."`
	Reason         string `placeholder:"TEXT" help:"The reason. It goes on record."`
	Drill          bool   `help:"Rehearse: read each account instead of revoking its sessions."`
	OverridePolicy string `placeholder:"REASON" help:"Revoke even if the account is protected, a freeze is on or a limit is reached. The reason goes on record."`
	ErrorAction    string `enum:"stop,continue" default:"continue" help:"After a failed account: stop or continue (default: ${default})."`

	Header                  []string `sep:"none" placeholder:"KEY=VALUE" help:"A header to send with each call. May be repeated."`
	ResponseHeadersVariable string   `aliases:"rhv" placeholder:"FILE" help:"Or --rhv. Write the headers of Microsoft's answers to this file, as JSON."`
	Progress                string   `enum:"auto,plain,none" default:"auto" help:"How to show progress: auto (a bar on a terminal), plain (lines) or none (default: ${default})."`
	Output                  string   `enum:"text,json,bool" default:"text" help:"What to print for each account: text (a line), json (an object) or bool (true or false). Default: ${default}."`
	Verbose                 bool     `help:"Say each step on standard error."`
	Debug                   bool     `help:"Show the requests and answers on standard error, without secrets."`

	Operation string   `setting:"REVOKE_OPERATION" placeholder:"NAME" help:"The Graph call that revokes: invalidateAllRefreshTokens (the default) or revokeSignInSessions ($REVOKE_OPERATION)."`
	Fallback  string   `setting:"REVOKE_FALLBACK" placeholder:"NAME" help:"The Graph call to use if the first is gone or not permitted: revokeSignInSessions ($REVOKE_FALLBACK)."`
	Policy    string   `setting:"REVOKE_POLICY" placeholder:"FILE" help:"The policy file. Here it can refuse, but asks for no approvals ($REVOKE_POLICY)."`
	Approvers []string `setting:"REVOKE_APPROVERS" hidden:""`
	Database  string   `setting:"REVOKE_DATABASE_URL" default:"sqlite:revoke-sessions.db" placeholder:"URL" help:"The database with the requests and the audit chain, best the bot's own: ${default} ($REVOKE_DATABASE_URL)."`
}

// Help says what the exit codes mean.
func (*revokeCommand) Help() string {
	return `Exit codes:

  0  all accounts were revoked (or shown with --what-if, or read with --drill)
  1  some failed, were refused or could not be recorded
  2  the command line or a setting is wrong; nothing was done
  3  some were declined or not started
  4  the outcome of some is not known

If several apply, 4 comes before 1, and 1 before 3.`
}

// Exit codes beside 0, 1 and 2, which every subcommand has.
const (
	exitDeclined = 3
	exitUnknown  = 4
)

// exitWith ends the program with a code, of which everything has been said.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Run revokes for one account after the other. The end of ctx, Ctrl-C, stops
// it between two.
func (c *revokeCommand) Run(ctx context.Context, s *surroundings) error {
	plan, err := c.plan(s)
	if err != nil {
		return err
	}
	defer plan.close()
	return plan.run(ctx)
}

// targets reads which accounts are meant.
func (c *revokeCommand) targets(s *surroundings) ([]string, error) {
	if slices.Contains(c.InputObject, "-") && isTerminal(s.stdin) {
		fmt.Fprintln(s.stderr, "Type the accounts as JSON. To end, press Ctrl-D on an empty line.")
	}
	return accounts.Read(c.UserID, c.InputObject, s.stdin)
}

// plan reads and checks everything that can be wrong before anything is asked
// of Microsoft. Its errors are usage errors: nothing was done.
func (c *revokeCommand) plan(s *surroundings) (*revoking, error) {
	targets, err := c.targets(s)
	if err != nil {
		return nil, usageError(err.Error())
	}
	var wrong []string
	complain := func(err error) {
		if err != nil {
			wrong = append(wrong, strings.ReplaceAll(err.Error(), "\n", "\n    "))
		}
	}
	headers, err := parseHeaders(c.Header)
	complain(err)
	policy, err := c.readPolicy()
	complain(err)
	for _, problem := range slices.Concat(checkOperations(c.Operation, c.Fallback), unknownSettings(s)) {
		complain(errors.New(problem.says))
	}
	cloud, _ := msgraph.CloudByName(s.getenv("AZURE_CLOUD")) // Credential complains of another
	complain(store.CheckURL(c.Database))
	if bot.Clean(c.OverridePolicy, 1) == "" && c.OverridePolicy != "" {
		complain(errors.New("--override-policy needs a reason"))
	}
	p := &revoking{command: c, targets: targets, out: s.stdout, err: s.stderr, debug: &listing{out: s.stderr}, given: headers}
	if c.Confirm && !c.WhatIf {
		complain(p.openQuestions(s))
		if p.ask != nil && c.Drill {
			p.ask.yes = "rehearse with"
		}
	}
	credential, kind, err := msgraph.Credential(s.getenv, p.entraOptions(s))
	complain(err)
	if len(wrong) > 0 {
		p.close()
		return nil, usageError("nothing was done:\n  - " + strings.Join(wrong, "\n  - "))
	}
	p.client, err = msgraph.New(msgraph.Config{
		Credential: credential, Cloud: cloud, GraphURL: s.at.graphURL, Transport: p.transport(s, true),
		Operation: operationOf(c.Operation), Fallback: graph.Operation(c.Fallback),
	})
	if err == nil && c.ResponseHeadersVariable != "" && !c.WhatIf { // which writes nothing
		p.headers, err = newHeaderFile(c.ResponseHeadersVariable)
	}
	if err != nil {
		p.close()
		return nil, usageError("nothing was done: " + err.Error())
	}
	p.entra = &calling{Client: p.client, headers: headers}
	p.settings = bot.Config{
		Policy: policy, Operation: operationOf(c.Operation), Fallback: graph.Operation(c.Fallback),
		Timing: s.timing(), Log: slog.New(slog.DiscardHandler), Now: s.at.now,
	}
	p.verbosely("credential: %s, cloud: %s, operation: %s", kind, cloud, p.settings.Operation)
	if p.now = s.at.now; p.now == nil {
		p.now = time.Now
	}
	return p, nil
}

// readPolicy reads the policy file. Without one there are no rules but the
// freeze, which is in the database.
func (c *revokeCommand) readPolicy() (authz.Policy, error) {
	if c.Policy == "" {
		return authz.New(), nil
	}
	return readPolicy(c.Policy, c.Approvers)
}

// transport is nil where the default will do.
func (p *revoking) transport(s *surroundings, headers bool) http.RoundTripper {
	next := s.at.transport()
	if !p.command.Debug {
		return next
	}
	if next == nil {
		next = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &exchanges{next: next, listing: p.debug, headers: headers, given: p.given}
}

// entraOptions leave out the headers of the exchanges with Entra, and what is
// in its addresses.
func (p *revoking) entraOptions(s *surroundings) msgraph.CredentialOptions {
	options := s.at.credential()
	options.Transport = p.transport(s, false)
	return options
}

// openStore opens the database to write beside a bot, or to read for --what-if,
// which makes do without one.
func (p *revoking) openStore(ctx context.Context) error {
	var err error
	if p.command.WhatIf {
		p.store, err = store.OpenReadOnly(ctx, p.command.Database)
		if errors.Is(err, store.ErrNoDatabase) {
			fmt.Fprintln(p.err, "database: none yet, so the preview knows of no freeze and no earlier revoke")
			return nil
		}
	} else {
		p.store, err = store.Open(ctx, p.command.Database, store.Options{Beside: true, Now: p.now})
	}
	if err != nil {
		return err
	}
	if p.beside, err = p.store.UsedByBot(ctx); err != nil {
		return errors.Join(err, p.store.Close())
	}
	if !p.beside {
		fmt.Fprintf(p.err, "database: %s (no bot has used it, so it does not know of a freeze in Slack)\n", p.store.Path())
		return nil
	}
	fmt.Fprintln(p.err, "database:", p.store.Path())
	return nil
}

func (p *revoking) verbosely(format string, args ...any) {
	if p.command.Verbose {
		fmt.Fprintf(p.err, "VERBOSE: "+format+"\n", args...)
	}
}
