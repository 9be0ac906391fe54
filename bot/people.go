package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

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

// Groups is what Entra says of groups and roles; graph/msgraph implements it.
type Groups interface {
	// MemberOf answers which of the groups hold the account, directly or
	// through other groups.
	MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error)
	// Members lists the accounts in a group, direct or nested.
	Members(ctx context.Context, groupID string) (graph.Group, error)
	// Privileged reports whether the account holds a privileged role. What
	// could not be read is graph.Unknown; an error with it says why.
	Privileged(ctx context.Context, objectID string) (graph.Fact, error)
}

// SignIns is what Entra says of an account's use, where the licence allows it;
// graph/msgraph implements it.
type SignIns interface {
	// LastSignIn is when the account last signed in. Zero without an error
	// means that no sign-in is known since April 2020.
	LastSignIn(ctx context.Context, objectID string) (time.Time, error)
}

// Entra is all of them.
type Entra interface {
	Directory
	Groups
	SignIns
	// SignedInAs is the object ID of the person in whose name the bot asked
	// last, and empty where it asked as an application or that cannot be told. It
	// asks nobody.
	SignedInAs() (objectID string)
	// ReachesAdministrators reports whether whoever the bot signs in as holds a
	// role by which Microsoft lets it revoke administrators.
	ReachesAdministrators(ctx context.Context) (graph.Fact, error)
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
	// about is what was to be read.
	about subject
	// Remedy is empty where nobody answered, so that trying again may help,
	// and otherwise says what is wrong with the bot's own set-up.
	Remedy string
	// TooOften: it answered that it is asked too often. Spent: the bot has not
	// asked, to leave room for decisions. Of both, Wait is how long to wait.
	TooOften, Spent bool
	Wait            time.Duration
	Err             error
}

// subject is what a look-up is about, and who is asked.
type subject struct {
	where string
	// unread says what follows while the bot's set-up keeps it from being read.
	unread string
}

var (
	aboutPeople      = subject{atSlack, "I cannot look people up in Slack. Whoever I cannot look up can do nothing here until this is fixed."}
	aboutAccounts    = subject{atEntra, "I cannot read accounts in Microsoft Entra. Whoever I cannot look up there can do nothing here until this is fixed."}
	aboutSlackGroups = subject{atSlack, "I cannot read a Slack group that the policy names. Nobody has a right by that group until this is fixed."}
	aboutEntraGroups = subject{atEntra, "I cannot read an Entra group that the policy names. Nobody has a right by that group until this is fixed."}
)

// unable says what the bot cannot read until its set-up is mended, and whom that
// stops; empty where the set-up is not why.
func (e *LookupError) unable() string {
	switch {
	case e.Remedy == "":
		return ""
	case signInRefused(e.Err):
		return "I cannot sign in to Microsoft Entra. Nobody can ask for a revoke or decide one until this is fixed."
	}
	return e.about.unread
}

// failedLookup is the *LookupError of a look-up that ended in err.
func failedLookup(about subject, err error) *LookupError {
	e := &LookupError{Where: about.where, about: about, Remedy: refusal(err), Err: err}
	e.Wait, e.TooOften = tooOften(err)
	if _, ok := errors.AsType[*spentError](err); ok {
		e.Spent = !e.TooOften
	}
	return e
}

func (e *LookupError) Error() string { return e.Where + " did not look somebody up: " + e.Err.Error() }
func (e *LookupError) Unwrap() error { return e.Err }

// person is somebody who acts, or somebody named by a mention, as looked up now.
type person struct {
	actor   authz.Actor
	account graph.User // what the Slack account leads to; zero without actor.EntraID
	age     time.Duration
	// trouble is why some of the policy's groups could not be asked, or nil.
	trouble error
}

// people looks people up, with a short memory.
type people struct {
	slack     *Slack
	directory Directory
	groups    Groups
	signIns   SignIns
	identity  authz.Identity
	circle    authz.Circle // every group that the policy names
	roles     bool         // whether a rule goes by the target's roles
	shields   []string     // Slack users and groups that protections name
	now       func() time.Time

	members    *memory[Member]
	accounts   *memory[[]graph.User]
	slackGroup *memory[[]string] // user IDs by group
	entraIn    *memory[[]string] // groups by object ID
	entraGroup *memory[graph.Group]
	byAddress  *memory[string] // Slack user IDs; "" for nobody's address
}

func newPeople(s *Slack, e Entra, policy *authz.Policy, now func() time.Time, budget *budget) *people {
	e = countedEntra{e, budget}
	p := &people{slack: s, directory: e, groups: e, signIns: e, identity: policy.Identity, circle: policy.Groups(), roles: policy.AsksForRoles(), shields: policy.SlackShields(), now: now}
	p.members = newMemory(now, aboutPeople, counted(budget, "users.info", s.Member))
	p.accounts = newMemory(now, aboutAccounts, p.find)
	// An account that was not found may be new, and one that was blocked, or had to
	// share its address, may be mended: whoever tries again is told what is so now.
	p.accounts.keeps = func(found []graph.User) bool { return len(found) == 1 && found[0].Disabled != graph.Yes }
	p.slackGroup = newMemory(now, aboutSlackGroups, counted(budget, "usergroups.users.list", s.GroupMembers))
	p.entraIn = newMemory(now, aboutEntraGroups, p.memberOf)
	p.entraGroup = newMemory(now, aboutEntraGroups, e.Members)
	p.byAddress = newMemory(now, aboutPeople, counted(budget, "users.lookupByEmail", func(ctx context.Context, address string) (string, error) {
		m, err := s.MemberByEmail(ctx, address)
		if e, ok := errors.AsType[*SlackError](err); ok && e.Code == "users_not_found" {
			return "", nil
		}
		return m.ID, err
	}))
	return p
}

// Who can fail to answer a look-up.
const (
	atSlack = "Slack"
	atEntra = "Microsoft Entra"
)

// who looks up a Slack user, the one Entra account behind it, and which of the
// policy's groups hold it. The error is a *LookupError; what is wrong with the
// person stands in actor.
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
	if m.Standing != authz.FullMember && m.Standing != authz.GuestUser {
		return who, nil // whose address proves nothing here
	}
	account, unmapped, age, err := p.behind(ctx, slackID, m)
	if err != nil {
		return who, err
	}
	who.age = max(who.age, age)
	if who.actor.Unmapped = unmapped; unmapped != "" {
		return who, nil
	}
	who.account = account
	who.actor.EntraID, who.actor.Blocked = account.ID, account.Disabled == graph.Yes
	in := p.memberships(ctx, []string{slackID}, who.actor.EntraID)
	who.actor.MemberOf, who.actor.Unsure, who.trouble = in.of, in.unsure, in.trouble
	who.age = max(who.age, in.age)
	return who, nil
}

// behind finds the one Entra account that a Slack account leads to, or why there is
// none.
func (p *people) behind(ctx context.Context, slackID string, m Member) (u graph.User, unmapped authz.Reason, age time.Duration, err error) {
	key, unmapped := p.leadsTo(slackID, m)
	if key == "" {
		return u, unmapped, 0, nil
	}
	accounts, age, err := p.accounts.get(ctx, key)
	switch {
	case err != nil:
		return u, "", age, err
	case len(accounts) == 0:
		return u, authz.NoAccount, age, nil
	case len(accounts) > 1:
		return u, authz.SeveralAccounts, age, nil
	case key != accounts[0].ID && p.mappedTo(accounts[0].ID) != nil:
		// The address leads to an account that the map gives to somebody else.
		return u, authz.AccountOfSomebody, age, nil
	}
	return accounts[0], "", age, nil
}

// former finds the account of somebody who is deactivated in Slack, as a target
// alone. Slack does not say any more whether the address is confirmed, so that it
// proves nothing: those who decide see whose account it leads to. To nobody else it
// leads: see who.
func (p *people) former(ctx context.Context, slackID string) (graph.User, authz.Reason, error) {
	m, _, err := p.members.get(ctx, slackID)
	if err != nil {
		return graph.User{}, "", err
	}
	m.EmailConfirmed = true
	u, problem, _, err := p.behind(ctx, slackID, m)
	return u, problem, err
}

// again looks up somebody who has said a word that still counts. A Slack account
// that leads to somebody else by now lends them no word of the one before, whose
// own word, from another account, would otherwise count twice.
func (p *people) again(ctx context.Context, slackID, entraID string) (person, error) {
	who, err := p.who(ctx, slackID)
	if err == nil && who.actor.EntraID != "" && who.actor.EntraID != entraID {
		who.actor.EntraID, who.actor.Unmapped = "", authz.AccountOfSomebody
	}
	return who, err
}

// leadsTo answers what a Slack account is looked up by in Entra: the object ID
// that the policy's map gives it, or else its address; or why by nothing.
func (p *people) leadsTo(slackID string, m Member) (key string, unmapped authz.Reason) {
	if id := p.identity.Map[slackID]; p.identity.ByMap && id != "" {
		return id, ""
	}
	_, domain, _ := strings.Cut(m.Email, "@")
	switch {
	case !p.identity.ByEmail:
		return "", authz.NotMapped
	case m.Email == "":
		return "", authz.EmailMissing
	case !m.EmailConfirmed:
		return "", authz.EmailUnconfirmed
	case p.identity.EmailDomains != nil && !slices.Contains(p.identity.EmailDomains, strings.ToLower(domain)):
		return "", authz.EmailDomain
	}
	return m.Email, ""
}

// mappedTo are the Slack users that the policy's map gives the account to.
func (p *people) mappedTo(objectID string) (slackIDs []string) {
	if !p.identity.ByMap {
		return nil
	}
	for _, slackID := range slices.Sorted(maps.Keys(p.identity.Map)) {
		if p.identity.Map[slackID] == objectID {
			slackIDs = append(slackIDs, slackID)
		}
	}
	return slackIDs
}

// find gathers every account that the address may mean: by user principal
// name, mail and proxy address. An address that is one account's name and
// another's mail is ambiguous, whichever is looked at first. An object ID
// means that account alone.
func (p *people) find(ctx context.Context, address string) ([]graph.User, error) {
	if objectID.MatchString(address) {
		u, err := p.read(ctx, address)
		if graph.IsNotFound(err) {
			return nil, nil
		}
		return []graph.User{u}, err
	}
	keys := []graph.Key{graph.ByUPN, graph.ByMail, graph.ByProxy}
	found := make([][]graph.User, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	for i, key := range keys {
		g.Go(func() (err error) {
			found[i], err = p.directory.Find(ctx, key, address)
			for n := range found[i] {
				p.date(&found[i][n])
			}
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
	return p.read(ctx, objectID)
}

func (p *people) read(ctx context.Context, objectID string) (graph.User, error) {
	u, err := p.directory.User(ctx, objectID)
	p.date(&u)
	return u, err
}

// date has an account read now, by the clock that all replicas share: how old
// it is may be asked on another one, whose own clock differs.
func (p *people) date(u *graph.User) {
	if u.Stamps.Known() {
		u.Stamps.ReadAt = p.now().UTC()
	}
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
