package lookup

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// memberships says which of the policy's groups somebody is in.
type memberships struct {
	of, unsure []string
	age        time.Duration
	trouble    error // why some are unsure
}

// groupsHolding asks all of the policy's groups at once.
func (p *People) groupsHolding(ctx context.Context, slackIDs []string, entraID string) memberships {
	var inEntra memberships
	inSlack := make([]memberships, len(p.Circle))
	var asked sync.WaitGroup
	for i, name := range p.Circle {
		if strings.HasPrefix(name, authz.EntraGroup) || len(slackIDs) == 0 {
			continue
		}
		asked.Go(func() {
			ids, age, err := p.slackGroup.Get(ctx, name)
			inSlack[i] = memberships{age: age, trouble: err}
			switch {
			case err != nil:
				inSlack[i].unsure = []string{name}
			case slices.ContainsFunc(slackIDs, func(id string) bool { return slices.Contains(ids, id) }):
				inSlack[i].of = []string{name}
			}
		})
	}
	if groups := entraGroups(p.Circle); len(groups) > 0 && entraID != "" {
		of, age, err := p.entraIn.Get(ctx, entraID)
		inEntra = memberships{of: of, age: age, trouble: err}
		if err != nil {
			inEntra.unsure = groups
		}
	}
	asked.Wait()
	all := inEntra
	for _, in := range inSlack {
		// Don't append: these slices belong to the cache.
		all.of, all.unsure = slices.Concat(all.of, in.of), slices.Concat(all.unsure, in.unsure)
		all.age, all.trouble = max(all.age, in.age), cmp.Or(all.trouble, in.trouble)
	}
	return all
}

// memberOf names the policy's Entra groups that an account is in.
func (p *People) memberOf(ctx context.Context, objectID string) ([]string, error) {
	groups := entraGroups(p.Circle)
	for i, name := range groups {
		groups[i] = strings.TrimPrefix(name, authz.EntraGroup)
	}
	in, err := p.groups.MemberOf(ctx, objectID, groups)
	for i, id := range in {
		in[i] = authz.EntraGroup + id
	}
	return in, err
}

func entraGroups(c authz.Circle) []string {
	return slices.DeleteFunc(slices.Clone(c), func(name string) bool { return !strings.HasPrefix(name, authz.EntraGroup) })
}

// Failed makes the *LookupError of a look-up that failed with err.
func Failed(about bot.Subject, err error) *bot.LookupError {
	e := &bot.LookupError{Where: about.Where, About: about, Remedy: RefusalRemedy(err), Err: err}
	e.Wait, e.TooOften = TooOften(err)
	if _, ok := errors.AsType[*spentError](err); ok {
		e.Spent = !e.TooOften
	}
	return e
}

// Person is a Slack user as looked up now: somebody who acts or is mentioned.
type Person struct {
	Actor   authz.Actor
	Account graph.User // of the Slack user; zero without Actor.EntraID
	Age     time.Duration
	// Trouble is why some of the policy's groups could not be read, or nil.
	Trouble error
}

// People looks people up and remembers the answers for a short time.
type People struct {
	slack     *slackapi.Client
	directory bot.Directory
	groups    bot.Groups
	signIns   bot.SignIns
	identity  authz.Identity
	Circle    authz.Circle // every group that the policy names
	roles     bool         // whether a rule depends on the target's roles
	shields   []string     // Slack users and groups that the policy protects
	now       func() time.Time

	members    *Cache[slackapi.Member]
	accounts   *Cache[[]graph.User]
	slackGroup *Cache[[]string] // user IDs by group
	entraIn    *Cache[[]string] // groups by object ID
	entraGroup *Cache[graph.Group]
	byAddress  *Cache[string] // Slack user IDs; "" for nobody's address
	inChannel  *Cache[channelMembers]
	public     *Cache[bool] // channels
}

// NewPeople makes a People that looks up by the policy, within the budget.
func NewPeople(s *slackapi.Client, e bot.Entra, policy *authz.Policy, now func() time.Time, budget *Budget) *People {
	e = countedEntra{e, budget}
	p := &People{
		slack: s, directory: e, groups: e, signIns: e, now: now,
		identity: policy.Identity, Circle: policy.Groups(), roles: policy.AsksForRoles(), shields: policy.SlackShields(),
	}
	p.members = NewCache(now, bot.AboutPeople, counted(budget, "users.info", s.Member))
	p.accounts = NewCache(now, bot.AboutAccounts, p.find)
	// A missing account may be created soon, and a blocked or ambiguous one mended.
	// The next try must see that at once.
	p.accounts.Keeps = func(found []graph.User) bool { return len(found) == 1 && found[0].Disabled != graph.Yes }
	p.slackGroup = NewCache(now, bot.AboutSlackGroups, counted(budget, "usergroups.users.list", s.GroupMembers))
	p.entraIn = NewCache(now, bot.AboutEntraGroups, p.memberOf)
	p.entraGroup = NewCache(now, bot.AboutEntraGroups, e.Members)
	p.byAddress = NewCache(now, bot.AboutPeople, counted(budget, "users.lookupByEmail", p.memberWith))
	p.public = NewCache(now, bot.Subject{Where: bot.AtSlack}, counted(budget, "conversations.info", p.readPublic))
	p.inChannel = NewCache(now, bot.Subject{Where: bot.AtSlack}, p.membersOf(budget))
	return p
}

// memberWith returns the ID of the Slack user who has the address, or "" if nobody has it.
func (p *People) memberWith(ctx context.Context, address string) (string, error) {
	m, err := p.slack.MemberByEmail(ctx, address)
	if e, ok := errors.AsType[*slackapi.Error](err); ok && e.Code == "users_not_found" {
		return "", nil
	}
	return m.ID, err
}

// Who looks up a Slack user, the Entra account behind it, and which of the policy's
// groups it is in. The error is a *LookupError; what is wrong with the person is in
// Actor.
func (p *People) Who(ctx context.Context, slackID string) (Person, error) {
	who := Person{Actor: authz.Actor{SlackID: slackID}}
	m, age, err := p.members.Get(ctx, slackID)
	if e, ok := errors.AsType[*slackapi.Error](err); ok && (e.Code == "user_not_found" || e.Code == "user_not_visible") {
		who.Actor.Standing = authz.StrangerUser
		return who, nil
	}
	if err != nil {
		return who, err
	}
	who.Age, who.Actor.Standing = age, m.Standing
	if m.Standing != authz.FullMember && m.Standing != authz.GuestUser {
		return who, nil // the address of such an account proves nothing
	}
	account, unmapped, age, err := p.accountBehind(ctx, slackID, m)
	if err != nil {
		return who, err
	}
	who.Age = max(who.Age, age)
	if who.Actor.Unmapped = unmapped; unmapped != "" {
		return who, nil
	}
	who.Account = account
	who.Actor.EntraID, who.Actor.Blocked = account.ID, account.Disabled == graph.Yes
	in := p.groupsHolding(ctx, []string{slackID}, who.Actor.EntraID)
	who.Actor.MemberOf, who.Actor.Unsure, who.Trouble = in.of, in.unsure, in.trouble
	who.Age = max(who.Age, in.age)
	return who, nil
}

// accountBehind finds the Entra account of a Slack user, or why there is none.
func (p *People) accountBehind(
	ctx context.Context, slackID string, m slackapi.Member,
) (u graph.User, unmapped authz.Reason, age time.Duration, err error) {
	key, unmapped := p.lookupKey(slackID, m)
	if key == "" {
		return u, unmapped, 0, nil
	}
	accounts, age, err := p.accounts.Get(ctx, key)
	switch {
	case err != nil:
		return u, "", age, err
	case len(accounts) == 0:
		return u, authz.NoAccount, age, nil
	case len(accounts) > 1:
		return u, authz.SeveralAccounts, age, nil
	case key != accounts[0].ID && p.mappedTo(accounts[0].ID) != nil:
		// The policy's map gives the account to somebody else.
		return u, authz.AccountOfSomebody, age, nil
	}
	return accounts[0], "", age, nil
}

// former finds the account of a deactivated Slack user, who can only be a target.
// Slack no longer says whether the address is confirmed, so it proves nothing: the
// approvers see on the card whose account it is. See Who for everybody else.
func (p *People) former(ctx context.Context, slackID string) (graph.User, authz.Reason, error) {
	m, _, err := p.members.Get(ctx, slackID)
	if err != nil {
		return graph.User{}, "", err
	}
	m.EmailConfirmed = true
	u, problem, _, err := p.accountBehind(ctx, slackID, m)
	return u, problem, err
}

// Again looks up somebody whose earlier approval or vote still counts, and who had
// the Entra account entraID. If the Slack account now has another one, the approval
// is not that person's: otherwise one person could count twice.
func (p *People) Again(ctx context.Context, slackID, entraID string) (Person, error) {
	who, err := p.Who(ctx, slackID)
	if err == nil && who.Actor.EntraID != "" && who.Actor.EntraID != entraID {
		who.Actor.EntraID, who.Actor.Unmapped = "", authz.AccountOfSomebody
	}
	return who, err
}

// lookupKey returns what to look for in Entra: the object ID that the policy's map
// gives the Slack user, or else the address. Without either, unmapped says why.
func (p *People) lookupKey(slackID string, m slackapi.Member) (key string, unmapped authz.Reason) {
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

// mappedTo returns the Slack users that the policy's map gives the account to.
func (p *People) mappedTo(objectID string) (slackIDs []string) {
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

// find returns every account that the address may mean: by user principal name,
// mail and proxy address. An address that is one account's name and another's mail
// is ambiguous. An object ID means that account alone.
func (p *People) find(ctx context.Context, address string) ([]graph.User, error) {
	if bot.ObjectID.MatchString(address) {
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

// Account reads one account as it is now, and fails after Wait.
func (p *People) Account(ctx context.Context, objectID string) (graph.User, error) {
	ctx, cancel := context.WithTimeout(ctx, waitMost)
	defer cancel()
	return p.read(ctx, objectID)
}

func (p *People) read(ctx context.Context, objectID string) (graph.User, error) {
	u, err := p.directory.User(ctx, objectID)
	p.date(&u)
	return u, err
}

// date sets when the account was read, by the clock that all replicas share:
// another replica may compute the age.
func (p *People) date(u *graph.User) {
	if u.Stamps.Known() {
		u.Stamps.ReadAt = p.now().UTC()
	}
}

// typedAddress resolves an address that somebody typed. A user principal name wins
// over mail and proxy addresses: it is unique, and people are told to type it if an
// address is ambiguous.
func (p *People) typedAddress(ctx context.Context, address string) ([]graph.User, error) {
	accounts, _, err := p.accounts.Get(ctx, address)
	for _, u := range accounts {
		if strings.EqualFold(u.UPN, address) {
			return []graph.User{u}, err
		}
	}
	return accounts, err
}

// maxAddresses bounds how many addresses of one account are looked up in Slack.
const maxAddresses = 50

// errTooManyAddresses means that the account may have Slack users nobody looked for.
var errTooManyAddresses = errors.New("the account has more addresses than are looked up")

// OnlyTooManyAddresses reports whether every look-up got an answer, and err only says
// that there are more addresses.
func OnlyTooManyAddresses(err error) bool {
	all, ok := err.(interface{ Unwrap() []error })
	return ok && !slices.ContainsFunc(all.Unwrap(), func(e error) bool { return !errors.Is(e, errTooManyAddresses) })
}

// SlackAccounts adds to known every Slack user who has the Entra account: those in
// the policy's map, and those who have one of its addresses and lead back to it. An
// error means that there may be more.
func (p *People) SlackAccounts(ctx context.Context, u graph.User, known []string) (ids []string, err error) {
	ids = slices.Clone(known)
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range p.mappedTo(u.ID) {
		add(id)
	}
	if !p.identity.ByEmail {
		return ids, nil
	}
	ctx, cancel := context.WithTimeout(ctx, waitMost)
	defer cancel()
	// In Slack, only one active user has an address. So the addresses of users we just
	// looked up need no search.
	var theirs, addresses []string
	for _, id := range ids {
		if m, ok := p.members.recall(id); ok && p.members.age(m) < Fresh && m.value.Email != "" && m.value.Standing != authz.Deleted {
			theirs = append(theirs, strings.ToLower(m.value.Email))
		}
	}
	for _, address := range slices.Concat([]string{u.Mail, u.UPN}, u.Addresses) {
		if address = strings.ToLower(address); address != "" && !slices.Contains(addresses, address) && !slices.Contains(theirs, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) > maxAddresses {
		addresses, err = addresses[:maxAddresses], errTooManyAddresses
	}
	found, errs := each(addresses, func(address string) (string, error) {
		id, _, err := p.byAddress.Get(ctx, address)
		if err != nil || id == "" {
			return "", err
		}
		who, err := p.Who(ctx, id)
		if err != nil || who.Actor.EntraID != u.ID {
			return "", err
		}
		return id, nil
	})
	for _, id := range found {
		add(id)
	}
	return ids, errors.Join(append(errs, err)...)
}

// NobodyWaits marks the calls to Microsoft under ctx as background work, which
// Microsoft turns away first if it has too much to do.
func NobodyWaits(ctx context.Context) context.Context {
	return context.WithValue(ctx, graph.NobodyWaits{}, true)
}
