package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Directory is Entra as the bot uses it; graph/msgraph implements it.
type Directory interface {
	// User reads one account by its object ID.
	User(ctx context.Context, objectID string) (graph.User, error)
	// Find lists the accounts that have the bare address in the property, at
	// most a few: more than one is already too many.
	Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error)
	// Revoke ends the account's sessions. Anything but a nil error is not a
	// yes; a *graph.Error says what is known.
	Revoke(ctx context.Context, objectID string) (graph.Revocation, error)
}

// How old an answer about a person may be.
const (
	lookupFresh = time.Minute
	// lookupStale counts only where nobody answers within lookupWait.
	lookupStale = 5 * time.Minute
	lookupWait  = 2 * time.Second
)

// LookupError says that somebody could not be looked up because Slack or
// Microsoft Entra did not answer, or would not; it is not a statement about
// the person.
type LookupError struct {
	Where string // "Slack" or "Microsoft Entra"
	// Remedy is empty where nobody answered, so that trying again may help,
	// and otherwise says what is wrong with the bot's own set-up.
	Remedy string
	Err    error
}

func (e *LookupError) Error() string { return e.Where + " did not look somebody up: " + e.Err.Error() }
func (e *LookupError) Unwrap() error { return e.Err }

// person is somebody who acts, or somebody named by a mention, as looked up now.
type person struct {
	actor    authz.Actor
	accounts []graph.User // what the e-mail address leads to
	age      time.Duration
}

// people looks people up, with a short memory.
type people struct {
	slack     *Slack
	directory Directory
	now       func() time.Time
	members   *memory[Member]
	accounts  *memory[[]graph.User]
}

func newPeople(s *Slack, d Directory, now func() time.Time) *people {
	p := &people{slack: s, directory: d, now: now}
	p.members = newMemory(now, "Slack", s.Member)
	p.accounts = newMemory(now, "Microsoft Entra", p.find)
	return p
}

// who looks up a Slack user and the one Entra account behind it. The error is
// a *LookupError; what is wrong with the person stands in actor.
func (p *people) who(ctx context.Context, slackID string) (person, error) {
	who := person{actor: authz.Actor{SlackID: slackID}}
	m, age, err := p.members.get(ctx, slackID)
	if e, ok := errors.AsType[*SlackError](err); ok && (e.Code == "user_not_found" || e.Code == "user_not_visible") {
		who.actor.Standing = authz.StrangerUser
		return who, nil
	}
	if err != nil {
		return who, err
	}
	who.age, who.actor.Standing = age, m.Standing
	switch {
	case m.Standing == authz.StrangerUser || m.Standing == authz.OtherWorkspace || m.Standing == authz.BotUser || m.Standing == authz.WorkflowUser:
		return who, nil // whose address proves nothing here
	case m.Email == "":
		who.actor.Unmapped = authz.EmailMissing
		return who, nil
	case !m.EmailConfirmed:
		who.actor.Unmapped = authz.EmailUnconfirmed
		return who, nil
	}
	accounts, age, err := p.accounts.get(ctx, m.Email)
	if err != nil {
		return who, err
	}
	who.age = max(who.age, age)
	switch len(accounts) {
	case 0:
		who.actor.Unmapped = authz.NoAccount
	case 1:
		who.actor.EntraID, who.actor.Blocked = accounts[0].ID, accounts[0].Disabled == graph.Yes
	default:
		who.actor.Unmapped = authz.SeveralAccounts
	}
	who.accounts = accounts
	return who, nil
}

// find gathers every account that the address may mean: by user principal
// name, mail and proxy address. An address that is one account's name and
// another's mail is ambiguous, whichever is looked at first.
func (p *people) find(ctx context.Context, address string) ([]graph.User, error) {
	keys := []graph.Key{graph.ByUPN, graph.ByMail, graph.ByProxy}
	found := make([][]graph.User, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	for i, key := range keys {
		g.Go(func() (err error) {
			found[i], err = p.directory.Find(ctx, key, address)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []graph.User
	for _, u := range slices.Concat(found...) {
		if !slices.ContainsFunc(all, func(other graph.User) bool { return other.ID == u.ID }) {
			all = append(all, u)
		}
	}
	return all, nil
}

// account reads one account as it is now, or says soon that it cannot.
func (p *people) account(ctx context.Context, objectID string) (graph.User, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	return p.directory.User(ctx, objectID)
}

// typedAddress resolves an address that somebody typed. A user principal name
// is unique, and it is what people are told to type where an address is
// ambiguous, so it alone wins over mail and proxy addresses.
func (p *people) typedAddress(ctx context.Context, address string) ([]graph.User, error) {
	accounts, _, err := p.accounts.get(ctx, address)
	for _, u := range accounts {
		if strings.EqualFold(u.UPN, address) {
			return []graph.User{u}, err
		}
	}
	return accounts, err
}

// memory caches look-ups by key: an answer up to a minute old counts, and one
// up to five minutes old where there is no answer in time. Errors are not kept.
type memory[V any] struct {
	where string
	now   func() time.Time
	fetch func(context.Context, string) (V, error)
	group singleflight.Group

	mu      sync.Mutex
	entries map[string]memo[V]
}

type memo[V any] struct {
	value V
	at    time.Time
}

// manyMemos bounds the memory of look-ups; a workspace with more active
// people than this looks some of them up again.
const manyMemos = 10_000

func newMemory[V any](now func() time.Time, where string, fetch func(context.Context, string) (V, error)) *memory[V] {
	return &memory[V]{where: where, now: now, fetch: fetch, entries: map[string]memo[V]{}}
}

// get answers a value and its age.
func (m *memory[V]) get(ctx context.Context, key string) (V, time.Duration, error) {
	known, ok := m.recall(key)
	if age := m.now().Sub(known.at); ok && age < lookupFresh {
		return known.value, age, nil
	}
	// One look-up serves everybody who waits for it, so it must not end with
	// the first of them.
	answer := m.group.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupWait)
		defer cancel()
		v, err := m.fetch(ctx, key)
		switch {
		case err == nil:
			m.remember(key, v)
		case refusal(err) != "":
			m.forget(key) // what was known before the no counts no more
		}
		return v, err
	})
	var err error
	select {
	case a := <-answer:
		if a.Err == nil {
			return a.Val.(V), 0, nil
		}
		err = a.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	var none V
	remedy := refusal(err)
	if age := m.now().Sub(known.at); ok && age < lookupStale && remedy == "" {
		return known.value, age, nil
	}
	return none, 0, &LookupError{Where: m.where, Remedy: remedy, Err: err}
}

func (m *memory[V]) recall(key string) (memo[V], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	return e, ok
}

func (m *memory[V]) remember(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= manyMemos {
		clear(m.entries)
	}
	m.entries[key] = memo[V]{v, m.now()}
}

func (m *memory[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}

// refusal is the remedy where somebody did answer and the answer was no, which
// an earlier yes must not paper over; empty where nobody answered.
func refusal(err error) string {
	if e, ok := errors.AsType[*SlackError](err); ok && !e.NoAnswer() {
		return "Slack answered " + cmp.Or(e.Code, strconv.Itoa(e.Status)) + ". Whoever runs the bot should check its token and scopes in the Slack app's settings."
	}
	if e := graph.AsError(err); e != nil && !e.Retryable && e.Status != 0 && e.Status < 500 {
		return e.Remedy
	}
	if e := graph.AsError(err); e != nil && strings.HasPrefix(e.Code, "AADSTS") && !e.Retryable {
		return e.Remedy
	}
	return ""
}
