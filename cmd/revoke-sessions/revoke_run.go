package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/console"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph/msgraph"
)

// revoking is one run of revokeCommand.
type revoking struct {
	command  *revokeCommand
	targets  []string
	out, err io.Writer
	now      func() time.Time
	settings bot.Config
	client   *msgraph.Client
	entra    *calling
	store    *store.Store
	beside   bool // a bot has used the database
	console  *console.Console
	headers  *headerFile // nil unless asked for
	progress *progress
	debug    *listing // of --debug
	given    givenHeaders

	ask      *questioner
	terminal io.Closer // that ask reads, if it was opened for it
	all      bool      // the person who was asked said yes to all
	seen     map[string]bool
	came     outcomes
}

func (p *revoking) close() {
	if p.client != nil {
		p.client.Close()
	}
	if p.terminal != nil {
		_ = p.terminal.Close() // read from, not written to
	}
	p.headers.abandon()
}

// outcomes are how many came to what, how many of them are not on record, and
// how many had come to something under another name.
type outcomes struct{ fine, failed, declined, unknown, lost, twice int }

func (t *outcomes) count(r *accountResult) {
	switch {
	case r.fine():
		t.fine++
	case r.Outcome == outcomeUnknown:
		t.unknown++
	case r.Outcome == outcomeDeclined:
		t.declined++
	default:
		t.failed++
	}
	if r.lost != nil {
		t.lost++
	}
}

func (t outcomes) exit() error {
	switch {
	case t.unknown > 0:
		return exitWith(exitUnknown)
	case t.failed > 0, t.lost > 0:
		return exitWith(1)
	case t.declined > 0:
		return exitWith(exitDeclined)
	}
	return nil
}

func (p *revoking) run(ctx context.Context) (err error) {
	if err := p.openStore(ctx); err != nil {
		return usageError("nothing was done: " + err.Error())
	}
	var ledger bot.Store // nil without a database, and not a nil *store.Store
	if p.store != nil {
		ledger = p.store
		defer func() {
			if closed := p.store.Close(); closed != nil && err == nil {
				err = fmt.Errorf("close the database: %w", closed) // else there is worse to tell
			}
		}()
	}
	if p.command.Policy == "" {
		fmt.Fprintln(p.err, "policy: none, so only a freeze can stop this (to apply a policy, name its file in REVOKE_POLICY)")
	}
	p.progress = newProgress(p.command.Progress, p.err, len(p.targets), time.Now)
	defer p.progress.stop()
	p.out, p.err, p.debug.out = p.progress.lines(p.out), p.progress.lines(p.err), p.progress.lines(p.debug.out)
	if p.ask != nil {
		p.ask.out = p.progress.lines(p.ask.out)
	}
	p.console = console.New(p.settings, ledger, p.entra, console.Operator{
		Name: operatorName(), Override: p.command.OverridePolicy, Reads: p.command.WhatIf || p.ask != nil, Say: p.wait, Beside: p.beside,
	})
	return p.each(ctx)
}

// each deals with one account after the other.
func (p *revoking) each(ctx context.Context) error {
	p.seen = map[string]bool{}
	var done []string
	for i, target := range p.targets {
		if ctx.Err() != nil {
			p.stopped("Stopped", done, p.targets[i:])
			break
		}
		p.progress.start(target)
		result, err := p.one(ctx, target)
		if err != nil {
			return p.broken(err, done, p.targets[i:])
		}
		if result == nil {
			p.came.twice++
			p.progress.step(namedTwice)
			continue
		}
		p.progress.step(result.Outcome)
		p.came.count(result)
		if result.fine() {
			done = append(done, result.called())
		}
		rest := p.targets[i+1:]
		if err := p.print(result); err != nil {
			return p.broken(err, done, rest)
		}
		if why := p.stopAfter(result); why != "" {
			p.stopped(why, done, rest)
			break
		}
	}
	if len(p.targets) > 1 {
		fmt.Fprintln(p.err, p.summary())
	}
	if err := p.headers.commit(); err != nil {
		return p.failed(err)
	}
	return p.came.exit()
}

// namedTwice is what an account came to that another name had led to.
const namedTwice = "named twice"

// stopAfter says why no other account starts after this one, or "".
func (p *revoking) stopAfter(r *accountResult) string {
	switch {
	case r.quit:
		return "Stopped, as you asked"
	case r.lost != nil:
		return "Stopped, because the database cannot be written to" // nor would the next be on record
	case p.command.ErrorAction == "stop" && !r.fine() && r.Outcome != outcomeDeclined:
		return "Stopped, because of --error-action stop"
	}
	return ""
}

// broken ends a run that cannot go on. What was done before stays said, and its
// headers are kept.
func (p *revoking) broken(err error, done, rest []string) error {
	p.stopped("Stopped by an error", done, rest)
	return p.failed(errors.Join(err, p.headers.commit()))
}

// failed is the end by err, which does not hide that an outcome is unknown.
func (p *revoking) failed(err error) error {
	if p.came.unknown == 0 {
		return err
	}
	fmt.Fprintln(p.err, "revoke-sessions:", shown(err.Error()))
	return exitWith(exitUnknown)
}

// stopped says which were done and which were not started, and counts those as
// declined.
func (p *revoking) stopped(why string, done, rest []string) {
	p.came.declined += len(rest)
	if len(rest) == 0 && len(p.targets) == 1 {
		return
	}
	fmt.Fprintf(p.err, "%s. Done: %s. Not started: %s.\n", why, listed(done), listed(rest))
}

// manyListed is how many accounts are listed by name in one sentence.
const manyListed = 50

func listed(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), manyListed)] {
		shown = append(shown, bot.Clean(name, 320))
	}
	switch more := len(names) - len(shown); {
	case len(shown) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}

func (p *revoking) summary() string {
	parts := []string{fmt.Sprintf("%d accounts", len(p.targets))}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	fine := "revoked"
	switch {
	case p.command.WhatIf:
		fine = "shown, nothing was changed"
	case p.command.Drill:
		fine = "rehearsed, nothing was changed"
	}
	add(p.came.fine, fine)
	add(p.came.failed, "failed or refused")
	add(p.came.unknown, "with unknown outcome")
	add(p.came.declined, "declined or not started")
	add(p.came.twice, namedTwice)
	return parts[0] + ": " + strings.Join(parts[1:], ", ") + "."
}

// wait says what is being waited for.
func (p *revoking) wait(sentence string) {
	if !p.progress.say(sentence) && p.command.Progress != "none" {
		fmt.Fprintln(p.err, sentence)
	}
}

// previewFor is how long a yes counts for what was read: as long as the bot lets
// a look-up count.
const previewFor = 5 * time.Minute

// one looks an account up, asks, and revokes. The result is nil for an account
// that was dealt with under another name. The error ends the run: standard
// input or the database cannot be read.
func (p *revoking) one(ctx context.Context, target string) (*accountResult, error) {
	r := &accountResult{UserID: target}
	whom, ok := bot.ParseAccount(target)
	if !ok {
		return nil, fmt.Errorf("%s does not name an account", bot.Clean(target, 320)) // accounts.Read lets none through
	}
	p.verbosely("looking up %s", bot.Clean(target, 320))
	preview, err := p.console.Look(ctx, whom, p.command.Drill)
	if err != nil {
		return p.unseen(ctx, r, err)
	}
	account, words := preview.Account()
	if p.seen[account.ID] {
		p.verbosely("%s is the same account as one before it, so it is skipped", bot.Clean(target, 320))
		return nil, nil
	}
	p.seen[account.ID] = true
	r.ObjectID, r.UPN, r.DisplayName = account.ID, words.UPN, words.DisplayName
	if p.command.WhatIf {
		return r.whatIf(&preview), nil
	}
	if p.ask != nil && !p.all && !preview.Held {
		again, done, err := p.asked(ctx, target, &preview, r)
		switch {
		case err != nil:
			return nil, err
		case done:
			return r, nil
		case again:
			p.all, p.seen[account.ID] = false, false
			return p.one(ctx, target)
		}
	}
	if ctx.Err() != nil {
		r.decline(true)
		return r, nil
	}
	return p.revoke(ctx, target, preview, r), nil
}

// asked puts the question about one account. done says that it is not revoked, again that
// what was read may not be so any more, and is to be read and asked once more.
func (p *revoking) asked(ctx context.Context, target string, preview *message.Preview, r *accountResult) (again, done bool, err error) {
	looked := p.now()
	declined, err := p.question(ctx, preview)
	if errors.Is(err, errNoAnswer) {
		fmt.Fprintln(p.err, err)
	}
	switch {
	case errors.Is(err, errNoAnswer), errors.Is(err, errQuit), ctx.Err() != nil:
		r.decline(true)
		return false, true, nil
	case err != nil:
		return false, false, err
	case declined:
		r.decline(false)
		return false, true, nil
	}
	p.progress.start(target) // the time of the question does not count
	if p.now().Sub(looked) > previewFor {
		fmt.Fprintln(p.err, "That took more than five minutes, so the account is looked up again.")
		return true, false, nil
	}
	return false, false, nil
}

// revoke has one account revoked, and fills in what came of it.
func (p *revoking) revoke(ctx context.Context, target string, preview message.Preview, r *accountResult) *accountResult {
	p.verbosely("calling Microsoft Graph for %s", r.ObjectID)
	p.entra.last = nil
	request, err := p.console.Revoke(ctx, preview, p.command.Reason)
	p.headers.add(r, p.entra.last)
	if len(request.PassedOver) > 0 && !p.beside {
		fmt.Fprintf(p.err, "The approvers' channel does not learn that you overrode the policy for %s: no bot has used this database, so nothing can post there.\n", bot.Clean(target, 320))
	}
	if refusal, ok := errors.AsType[*console.RefusedError](err); ok {
		r.refuse(refusal, &request)
		if r.lost = withoutRefusal(err); r.lost != nil {
			r.Says += " This refusal could not be recorded: " + r.lost.Error() + "."
		}
		return r
	}
	r.fill(&request)
	if err != nil {
		r.lose(&request, err)
	}
	return r
}

// unseen is an account that could not be looked up.
func (p *revoking) unseen(ctx context.Context, r *accountResult, err error) (*accountResult, error) {
	if refusal, ok := errors.AsType[*console.RefusedError](err); ok {
		r.refuse(refusal, &bot.Request{})
		return r, nil
	}
	if ctx.Err() != nil {
		r.decline(true)
		return r, nil
	}
	lookup, ok := errors.AsType[*bot.LookupError](err)
	if !ok {
		return nil, fmt.Errorf("read the database: %w", err)
	}
	r.fail(lookup)
	return r, nil
}
