package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// directory is Entra in memory: accounts, and their proxy addresses by object ID.
type directory struct {
	mu      sync.Mutex
	users   []graph.User
	proxies map[string][]string
	err     error // of every call
	hang    bool  // until the caller gives up
	finds   int

	groups map[string][]string   // the groups of an account, by object ID
	roles  map[string]graph.Fact // whether privileged, by object ID

	signIns  map[string]time.Time // last ones, by object ID
	factsErr error                // of questions about roles and sign-ins
	factHang bool                 // of those, until the caller gives up
	asked    map[string]int       // how often each of those was asked
}

func (d *directory) LastSignIn(ctx context.Context, id string) (time.Time, error) {
	if err := d.factTrouble(ctx, "sign-in"); err != nil {
		return time.Time{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.signIns[id], nil
}

// factTrouble is trouble, or the error of this kind of question.
func (d *directory) factTrouble(ctx context.Context, kind string) error {
	d.mu.Lock()
	if d.asked == nil {
		d.asked = map[string]int{}
	}
	d.asked[kind]++
	err, hang := d.factsErr, d.factHang
	d.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return cmp.Or(d.trouble(ctx), err)
}

func (d *directory) MemberOf(ctx context.Context, id string, groups []string) ([]string, error) {
	if err := d.trouble(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.groups[id]), func(g string) bool { return !slices.Contains(groups, g) }), nil
}

func (d *directory) Members(ctx context.Context, group string) (graph.Group, error) {
	if err := d.trouble(ctx); err != nil {
		return graph.Group{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := graph.Group{ID: group}
	for _, u := range d.users {
		if slices.Contains(d.groups[u.ID], group) {
			g.Members = append(g.Members, u)
		}
	}
	return g, nil
}

func (d *directory) Privileged(ctx context.Context, id string) (graph.Fact, error) {
	if err := d.factTrouble(ctx, "roles"); err != nil {
		return graph.Unknown, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.roles[id], nil
}

// SignedInAs: as an application.
func (d *directory) SignedInAs() string { return "" }

func (d *directory) ReachesAdministrators(ctx context.Context) (graph.Fact, error) {
	return graph.Yes, d.trouble(ctx)
}

func (d *directory) trouble(ctx context.Context) error {
	d.mu.Lock()
	err, hang := d.err, d.hang
	d.mu.Unlock()
	if hang {
		<-ctx.Done()
		return &graph.Error{Op: "find the account", Code: graph.CodeTimeout, Outcome: graph.NotDone, Remedy: "x", Err: ctx.Err()}
	}
	return err
}

func (d *directory) set(err error, hang bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.hang = err, hang
}

func (d *directory) User(ctx context.Context, id string) (graph.User, error) {
	if err := d.trouble(ctx); err != nil {
		return graph.User{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.users {
		if u.ID == id {
			return u, nil
		}
	}
	return graph.User{}, &graph.Error{Op: "read the account", Status: 404, Code: "Request_ResourceNotFound", Outcome: graph.NotDone, Remedy: "x"}
}

func (d *directory) Find(ctx context.Context, by graph.Key, value string) ([]graph.User, error) {
	if err := d.trouble(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finds++
	var found []graph.User
	for _, u := range d.users {
		hit := map[graph.Key]bool{
			graph.ByUPN: strings.EqualFold(u.UPN, value), graph.ByMail: strings.EqualFold(u.Mail, value),
			graph.ByProxy: slices.ContainsFunc(d.proxies[u.ID], func(p string) bool { return strings.EqualFold(p, "smtp:"+value) }),
		}
		if hit[by] {
			found = append(found, u)
		}
	}
	return found, nil
}

func (d *directory) Revoke(context.Context, string) (graph.Revocation, error) {
	return graph.Revocation{}, errors.New("nobody revokes in these tests")
}

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// crowd is people over the Slack double and a directory in which everybody of
// the workspace has an account.
func crowd(t *testing.T) (*People, *slacktest.Server, *directory, *clock) {
	t.Helper()
	s := bottest.Workspace(t)
	d := &directory{proxies: map[string][]string{}}
	for _, name := range []string{"alice", "dave", "bob", "erin", "carol"} {
		d.users = append(d.users, graph.User{ID: name + "-id", UPN: name + "@contoso.example", Mail: name + "@contoso.example"})
	}
	c := &clock{at: bottest.AskedAt}
	policy := authz.New(bottest.Alice, bottest.Dave)
	return NewPeople(connected(t, s), d, &policy, c.now, NewBudget(c.now, OneReplica, false)), s, d, c
}

func TestWho_Standing(t *testing.T) {
	for name, row := range map[string]struct {
		user slacktest.User
		want authz.Standing
		id   string // of the Entra account
		why  authz.Reason
	}{
		"full member":          {slacktest.User{}, authz.FullMember, "bob-id", ""},
		"admin":                {slacktest.User{Admin: true}, authz.FullMember, "bob-id", ""},
		"deleted":              {slacktest.User{Deleted: true}, authz.Deleted, "", ""},
		"deleted bot":          {slacktest.User{Deleted: true, Bot: true}, authz.BotUser, "", ""},
		"deleted elsewhere":    {slacktest.User{Deleted: true, TeamID: "T0OTHER"}, authz.OtherWorkspace, "", ""},
		"bot":                  {slacktest.User{Bot: true}, authz.BotUser, "", ""},
		"workflow":             {slacktest.User{Bot: true, WorkflowBot: true}, authz.WorkflowUser, "", ""},
		"connector":            {slacktest.User{ConnectorBot: true}, authz.WorkflowUser, "", ""},
		"guest":                {slacktest.User{Guest: true}, authz.GuestUser, "bob-id", ""},
		"single-channel guest": {slacktest.User{SingleChannelGuest: true}, authz.GuestUser, "bob-id", ""},
		"stranger":             {slacktest.User{Stranger: true}, authz.StrangerUser, "", ""},
		"stranger of a team":   {slacktest.User{Stranger: true, TeamID: "T0OTHER"}, authz.StrangerUser, "", ""},
		"other team":           {slacktest.User{TeamID: "T0OTHER"}, authz.OtherWorkspace, "", ""},
		"other team's guest":   {slacktest.User{TeamID: "T0OTHER", Guest: true}, authz.OtherWorkspace, "", ""},
		"other organisation":   {slacktest.User{TeamID: "T0OTHER", EnterpriseID: "E0OTHER"}, authz.OtherWorkspace, "", ""},
		"own organisation":     {slacktest.User{EnterpriseID: "E0OURS"}, authz.FullMember, "bob-id", ""},
		"not shown to us":      {slacktest.User{Hidden: true}, authz.StrangerUser, "", ""},
		"unconfirmed address":  {slacktest.User{EmailUnconfirmed: true}, authz.FullMember, "", authz.EmailUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, _, _ := crowd(t)
			row.user.ID, row.user.Name, row.user.Email = bottest.Bob, "bob", "bob@contoso.example"
			s.AddUser(row.user)
			got, err := p.Who(bottest.Deadline(t), bottest.Bob)
			if err != nil {
				t.Fatal(err)
			}
			if want := (authz.Actor{SlackID: bottest.Bob, Standing: row.want, EntraID: row.id, Unmapped: row.why}); !reflect.DeepEqual(got.Actor, want) {
				t.Errorf("%+v, want %+v", got.Actor, want)
			}
		})
	}
	// Every standing occurs above.
	t.Run("nobody", func(t *testing.T) {
		p, _, _, _ := crowd(t)
		got, err := p.Who(bottest.Deadline(t), "U0NOBODY")
		if err != nil || got.Actor.Standing != authz.StrangerUser || got.Actor.EntraID != "" {
			t.Errorf("%+v, %v", got.Actor, err)
		}
	})
}

func TestWho_SlackbotIsBot(t *testing.T) {
	p, s, _, _ := crowd(t)
	s.AddUser(slacktest.User{ID: "USLACKBOT", Email: "bob@contoso.example"}) // Slack says is_bot: false
	if got, err := p.Who(bottest.Deadline(t), "USLACKBOT"); err != nil || got.Actor.Standing != authz.BotUser {
		t.Errorf("%+v, %v", got.Actor, err)
	}
}

func TestWho_AccountByAddress(t *testing.T) {
	for name, row := range map[string]struct {
		email string
		setup func(*directory)
		id    string
		why   authz.Reason
	}{
		"by name":          {"bob@contoso.example", nil, "bob-id", ""},
		"in other letters": {"BOB@contoso.example", nil, "bob-id", ""},
		"none":             {"", nil, "", authz.EmailMissing},
		"no account":       {"bob@elsewhere.example", nil, "", authz.NoAccount},
		"by mail alone": {"b.borrower@contoso.example", func(d *directory) {
			d.users = append(d.users, graph.User{ID: "x-id", UPN: "x@contoso.example", Mail: "b.borrower@contoso.example"})
		}, "x-id", ""},
		"by proxy address alone": {"old.name@contoso.example", func(d *directory) {
			d.proxies["bob-id"] = []string{"smtp:old.name@contoso.example"}
		}, "bob-id", ""},
		"the same one by all three": {"bob@contoso.example", func(d *directory) {
			d.proxies["bob-id"] = []string{"SMTP:bob@contoso.example"}
		}, "bob-id", ""},
		"one's name is another's mail": {"bob@contoso.example", func(d *directory) {
			d.users = append(d.users, graph.User{ID: "x-id", UPN: "x@contoso.example", Mail: "bob@contoso.example"})
		}, "", authz.SeveralAccounts},
		"one's name is another's proxy address": {"bob@contoso.example", func(d *directory) {
			d.proxies["carol-id"] = []string{"smtp:bob@contoso.example"}
		}, "", authz.SeveralAccounts},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, d, _ := crowd(t)
			s.AddUser(slacktest.User{ID: bottest.Bob, Name: "bob", Email: row.email})
			if row.setup != nil {
				row.setup(d)
			}
			got, err := p.Who(bottest.Deadline(t), bottest.Bob)
			if err != nil {
				t.Fatal(err)
			}
			if want := (authz.Actor{SlackID: bottest.Bob, Standing: authz.FullMember, EntraID: row.id, Unmapped: row.why}); !reflect.DeepEqual(got.Actor, want) {
				t.Errorf("%+v, want %+v", got.Actor, want)
			}
		})
	}
}

func TestWho_SlackFailureKeepsOlderAnswer(t *testing.T) {
	faults := bottest.RateLimits("users.info")
	for name, f := range map[string]slacktest.Fault{
		"empty":          {Body: `{}`},
		"not ok":         {Body: `{"ok":false}`},
		"somebody else":  {Body: `{"ok":true,"user":{"id":"U0ALICE","team_id":"T0SLACKTEST","is_email_confirmed":true,"profile":{"email":"alice@contoso.example"}}}`},
		"no user":        {Body: `{"ok":true}`},
		"half an answer": {Body: `{"ok":true,"user":{"id":"U0`},
		"a proxy's page": {Body: `<html>`},
		"500":            {Status: 500},
		"503":            {Status: 503},
		"internal_error": {Error: "internal_error"},
		"fatal_error":    {Error: "fatal_error"},
		"reset":          {Reset: true},
	} {
		f.Method = "users.info"
		faults[name] = f
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			p, s, _, c := crowd(t)
			s.Inject(f)
			got, err := p.Who(bottest.Deadline(t), bottest.Bob)
			lookup, ok := errors.AsType[*bot.LookupError](err)
			if !ok || lookup.Where != "Slack" {
				t.Fatalf("%+v, %v; want a LookupError of Slack's", got.Actor, err)
			}
			if _, err := p.Target(bottest.Deadline(t), bot.Whom{SlackID: bottest.Bob}); err == nil {
				t.Fatal("a target was found")
			}
			// The failure is not remembered, and an older answer still counts.
			s.ClearFaults()
			if got, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil || got.Actor.EntraID != "bob-id" {
				t.Fatalf("afterwards: %+v, %v", got.Actor, err)
			}
			s.Inject(f)
			c.move(Fresh)
			if got, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil || got.Actor.EntraID != "bob-id" || got.Age != Fresh {
				t.Fatalf("with an older answer: %+v, %s old, %v", got.Actor, got.Age, err)
			}
			c.move(Stale)
			if got, err := p.Who(bottest.Deadline(t), bottest.Bob); err == nil {
				t.Fatalf("with one too old: %+v", got.Actor)
			}
		})
	}
}

// A refusal of the bot itself says nothing about the person. It lasts until somebody
// mends the set-up, so an older answer does not count.
func TestWho_SlackRefusalDropsOlderAnswer(t *testing.T) {
	for code, f := range map[string]slacktest.Fault{
		"token_revoked": {Error: "token_revoked"}, "invalid_auth": {Error: "invalid_auth"}, "missing_scope": {Error: "missing_scope"},
		"account_inactive": {Error: "account_inactive"}, "403": {Status: 403}, "404": {Status: 404},
	} {
		p, s, _, c := crowd(t)
		if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil {
			t.Fatal(err)
		}
		f.Method = "users.info"
		s.Inject(f)
		c.move(Fresh)
		for range 2 {
			got, err := p.Who(bottest.Deadline(t), bottest.Bob)
			if e, ok := errors.AsType[*bot.LookupError](err); !ok || e.Where != "Slack" || !strings.Contains(e.Remedy, code) {
				t.Errorf("%s: %+v, %v; want a LookupError with a remedy", code, got.Actor, err)
			}
		}
		s.ClearFaults()
		if got, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil || got.Actor.EntraID != "bob-id" {
			t.Errorf("after %s: %+v, %v", code, got.Actor, err)
		}
	}
}

func TestWho_SlackHangs(t *testing.T) {
	t.Parallel()
	p, s, _, c := crowd(t)
	if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil {
		t.Fatal(err)
	}
	s.Inject(slacktest.Fault{Method: "users.info", Hang: true})
	c.move(4 * time.Minute)
	began := time.Now()
	if got, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil || got.Actor.EntraID != "bob-id" || got.Age != 4*time.Minute {
		t.Errorf("%+v, %s old, %v", got.Actor, got.Age, err)
	}
	if _, err := p.Who(bottest.Deadline(t), bottest.Carol); err == nil {
		t.Error("somebody was found without an answer")
	}
	if took := time.Since(began); took < 2*waitMost-time.Second || took > 2*waitMost+5*time.Second {
		t.Errorf("waited %s for two look-ups", took)
	}
}

func TestPeople_EntraHangsOrFails(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		hang bool
		no   bool // Entra refused: an older answer no longer counts
	}{
		"hangs":             {nil, true, false},
		"asks to wait":      {&graph.Error{Op: "find", Status: 429, Outcome: graph.NotDone, Retryable: true, Remedy: "x"}, false, false},
		"refuses to search": {&graph.Error{Op: "find", Status: 403, Code: "Authorization_RequestDenied", Outcome: graph.NotDone, Remedy: "x"}, false, true},
		"cannot sign in":    {&graph.Error{Op: "find", Code: "AADSTS7000222", Outcome: graph.NotDone, Remedy: "x"}, false, true},
		"nobody signed in":  {&graph.Error{Op: "find", Code: graph.CodeNotSignedIn, Outcome: graph.NotDone, Remedy: "x"}, false, true},
		"no way to sign in": {&graph.Error{Op: "find", Code: graph.CodeNoCredential, Outcome: graph.NotDone, Remedy: "x"}, false, true},
		"no token":          {&graph.Error{Op: "find", Code: graph.CodeSignInFailed, Outcome: graph.NotDone, Remedy: "x"}, false, true},
		"Entra unreachable": {&graph.Error{Op: "find", Code: graph.CodeSignInUnreachable, Outcome: graph.NotDone, Retryable: true, Remedy: "x"}, false, false},
		"says something":    {errors.New("something"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, d, c := crowd(t)
			d.set(row.err, row.hang)
			_, err := p.Who(bottest.Deadline(t), bottest.Bob)
			if e, ok := errors.AsType[*bot.LookupError](err); !ok || e.Where != "Microsoft Entra" {
				t.Fatalf("%v; want a LookupError of Entra's", err)
			}
			var all sync.WaitGroup
			for _, whom := range []bot.Whom{{ObjectID: "carol-id"}, {Address: "carol@contoso.example"}, {SlackID: bottest.Carol}} {
				all.Go(func() {
					f, err := p.Target(bottest.Deadline(t), whom)
					if e, ok := errors.AsType[*bot.LookupError](err); !ok || e.Where != "Microsoft Entra" || f.User.ID != "" || (e.Remedy != "") != row.no {
						t.Errorf("%+v: %+v, %v; want a LookupError of Entra's", whom, f, err)
					}
				})
			}
			all.Wait()
			d.set(nil, false)
			if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil {
				t.Fatal(err)
			}
			d.set(row.err, row.hang)
			c.move(2 * time.Minute)
			got, err := p.Who(bottest.Deadline(t), bottest.Bob)
			if row.no {
				if e, ok := errors.AsType[*bot.LookupError](err); !ok || e.Remedy != "x" || got.Actor.EntraID != "" {
					t.Errorf("with an older answer: %+v, %v; want Entra's no", got.Actor, err)
				}
				return
			}
			if err != nil || got.Actor.EntraID != "bob-id" || got.Age != 2*time.Minute {
				t.Errorf("with an older answer: %+v, %s old, %v", got.Actor, got.Age, err)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	twins := func(_ *slacktest.Server, d *directory) {
		d.users = append(d.users, graph.User{ID: "twin-id", UPN: "twin@contoso.example", Mail: "carol@contoso.example"})
	}
	shared := func(_ *slacktest.Server, d *directory) {
		d.users[0].Mail, d.users[1].Mail = "team@contoso.example", "team@contoso.example"
	}
	is := func(u slacktest.User) func(*slacktest.Server, *directory) {
		return func(s *slacktest.Server, _ *directory) {
			u.ID, u.Name = bottest.Carol, "carol"
			if u.Email == "" {
				u.Email = "carol@contoso.example"
			}
			s.AddUser(u)
		}
	}
	for name, row := range map[string]struct {
		whom    bot.Whom
		setup   func(*slacktest.Server, *directory)
		id      string
		problem authz.Reason
	}{
		"mention":                 {bot.Whom{SlackID: bottest.Carol}, nil, "carol-id", ""},
		"mention of a guest":      {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Guest: true}), "carol-id", ""},
		"mention of a bot":        {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Bot: true}), "", bot.TargetIsApp},
		"mention of a workflow":   {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{WorkflowBot: true}), "", bot.TargetIsApp},
		"mention of ourselves":    {bot.Whom{SlackID: "U0BOT"}, nil, "", bot.TargetIsApp},
		"mention of a stranger":   {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Stranger: true}), "", authz.OutsideWorkspace},
		"mention of another team": {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{TeamID: "T0OTHER"}), "", authz.OutsideWorkspace},
		"mention of nobody":       {bot.Whom{SlackID: "U0NOBODY"}, nil, "", authz.OutsideWorkspace},
		"mention of one who left": {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Deleted: true}), "carol-id", ""},
		"one who left, without an address": {bot.Whom{SlackID: bottest.Carol}, func(s *slacktest.Server, _ *directory) {
			s.AddUser(slacktest.User{ID: bottest.Carol, Deleted: true})
		}, "", authz.EmailMissing},
		"one who left, whom Entra does not know": {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Deleted: true, Email: "c@x.example"}), "", authz.NoAccount},
		"one who left another workspace":         {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Deleted: true, TeamID: "T0OTHER"}), "", authz.OutsideWorkspace},
		"a bot that is gone":                     {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Deleted: true, Bot: true}), "", bot.TargetIsApp},
		"mention, unconfirmed":                   {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{EmailUnconfirmed: true}), "", authz.EmailUnconfirmed},
		"mention, no account":                    {bot.Whom{SlackID: bottest.Carol}, is(slacktest.User{Email: "x@elsewhere.example"}), "", authz.NoAccount},
		"mention, two accounts":                  {bot.Whom{SlackID: bottest.Carol}, twins, "", authz.SeveralAccounts},
		"object ID":                              {bot.Whom{ObjectID: "carol-id"}, nil, "carol-id", ""},
		"object ID of nobody":                    {bot.Whom{ObjectID: "nobody-id"}, nil, "", authz.NoAccount},
		"address":                                {bot.Whom{Address: "carol@contoso.example"}, nil, "carol-id", ""},
		"address in other letters":               {bot.Whom{Address: "CAROL@contoso.example"}, nil, "carol-id", ""},
		"address of nobody":                      {bot.Whom{Address: "nobody@contoso.example"}, nil, "", authz.NoAccount},
		"a name wins over another's mail":        {bot.Whom{Address: "carol@contoso.example"}, twins, "carol-id", ""},
		"two accounts with one mail":             {bot.Whom{Address: "team@contoso.example"}, shared, "", authz.SeveralAccounts},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, d, _ := crowd(t)
			if row.setup != nil {
				row.setup(s, d)
			}
			got, err := p.Target(bottest.Deadline(t), row.whom)
			if err != nil || got.User.ID != row.id || got.Problem != row.problem || got.SlackID != row.whom.SlackID {
				t.Errorf("%+v, %v; want %q %q", got, err, row.id, row.problem)
			}
			if got.Problem != "" && !slices.Contains(bot.TargetReasons, got.Problem) {
				t.Errorf("%s is not among the reasons that have a sentence", got.Problem)
			}
		})
	}
	t.Run("no address", func(t *testing.T) {
		p, s, _, _ := crowd(t)
		s.AddUser(slacktest.User{ID: bottest.Carol, Name: "carol"})
		if got, err := p.Target(bottest.Deadline(t), bot.Whom{SlackID: bottest.Carol}); err != nil || got.Problem != authz.EmailMissing {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A Slack user is the target's only if one of the addresses leads back to the same
// account.
func TestSlackAccounts(t *testing.T) {
	p, s, d, c := crowd(t)
	ctx := bottest.Deadline(t)
	u, _ := d.User(ctx, "carol-id")
	s.AddUser(slacktest.User{ID: "U0MOVED", Email: "moved@contoso.example"})
	s.AddUser(slacktest.User{ID: "U0LATE", Email: "late@contoso.example", EmailUnconfirmed: true})
	s.AddUser(slacktest.User{ID: "U0ALIAS", Email: "c.target@contoso.example"})
	d.users = append(d.users,
		graph.User{ID: "moved-id", UPN: "moved@contoso.example", Mail: "unknown@contoso.example"},
		graph.User{ID: "late-id", UPN: "late@contoso.example"})
	d.proxies["carol-id"] = []string{"smtp:c.target@contoso.example"}
	alias := u
	alias.Addresses = []string{"carol@contoso.example", "C.Target@contoso.example"}
	for _, row := range []struct {
		what  string
		user  graph.User
		known []string
		want  []string
	}{
		{"Carol", u, nil, []string{bottest.Carol}},
		{"Carol, known already", u, []string{bottest.Carol}, []string{bottest.Carol}},
		{"Carol with an alias", alias, nil, []string{bottest.Carol, "U0ALIAS"}},
		{"another account with Carol's mail", graph.User{ID: "x-id", Mail: "carol@contoso.example"}, nil, nil},
		{"somebody without a Slack account", graph.User{ID: "y-id", UPN: "y@contoso.example"}, nil, nil},
		{"somebody without addresses", graph.User{ID: "z-id"}, nil, nil},
		{"somebody known by name alone", d.users[len(d.users)-2], nil, []string{"U0MOVED"}},
		{"an unconfirmed address", d.users[len(d.users)-1], nil, nil},
	} {
		if got, err := p.SlackAccounts(ctx, row.user, row.known); err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, %v, want %q", row.what, got, err, row.want)
		}
	}
	many := graph.User{ID: "many-id"}
	for i := range maxAddresses + 1 {
		many.Addresses = append(many.Addresses, fmt.Sprintf("a%d@contoso.example", i))
	}
	if _, err := p.SlackAccounts(ctx, many, nil); !errors.Is(err, errTooManyAddresses) {
		t.Errorf("more addresses than are looked up: %v", err)
	}
	c.move(Stale)
	s.Inject(slacktest.Fault{Method: "users.lookupByEmail", Error: "internal_error"})
	if _, err := p.SlackAccounts(ctx, u, nil); err == nil {
		t.Error("Slack did not answer, and nobody says that there may be more")
	}
}

// One click looks each person up once, with any number of search keys.
func TestWho_AnswerIsRemembered(t *testing.T) {
	p, s, d, c := crowd(t)
	for range 3 {
		if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.CallsOf("users.info")); n != 1 || d.finds != 3 {
		t.Errorf("%d calls of Slack and %d of Entra, want 1 and 3", n, d.finds)
	}
	c.move(Fresh)
	if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil {
		t.Fatal(err)
	}
	if n := len(s.CallsOf("users.info")); n != 2 || d.finds != 6 {
		t.Errorf("a minute later %d and %d, want 2 and 6", n, d.finds)
	}
}

// A mended account counts at once. Only Slack's "no such address" is kept for a
// minute, because Slack allows few of these calls.
func TestPeople_RefusalIsNotRemembered(t *testing.T) {
	byAddress := func(p *People, ctx context.Context) (authz.Reason, error) {
		f, err := p.Target(ctx, bot.Whom{Address: "late@contoso.example"})
		return f.Problem, err
	}
	byMention := func(p *People, ctx context.Context) (authz.Reason, error) {
		who, err := p.Who(ctx, bottest.Bob)
		if who.Actor.Blocked {
			return authz.AccountBlocked, err
		}
		return who.Actor.Unmapped, err
	}
	late := graph.User{ID: "late-id", UPN: "l@contoso.example", Mail: "late@contoso.example"}
	for name, row := range map[string]struct {
		ask       func(*People, context.Context) (authz.Reason, error)
		spoil     func(*directory)
		mend      func(*directory)
		meanwhile authz.Reason
	}{
		"a typed address of nobody": {byAddress, func(*directory) {}, func(d *directory) { d.users = append(d.users, late) }, authz.NoAccount},
		"a typed address of two": {byAddress, func(d *directory) {
			d.users = append(d.users, late, graph.User{ID: "twin-id", UPN: "t@contoso.example", Mail: late.Mail})
		}, func(d *directory) { d.users = d.users[:len(d.users)-1] }, authz.SeveralAccounts},
		"somebody without an account": {byMention, func(d *directory) { d.users[2].UPN, d.users[2].Mail = "x@contoso.example", "" },
			func(d *directory) { d.users[2].Mail = "bob@contoso.example" }, authz.NoAccount},
		"somebody whose account is blocked": {byMention, func(d *directory) { d.users[2].Disabled = graph.Yes },
			func(d *directory) { d.users[2].Disabled = graph.No }, authz.AccountBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, d, c := crowd(t)
			row.spoil(d)
			if reason, err := row.ask(p, bottest.Deadline(t)); err != nil || reason != row.meanwhile {
				t.Fatalf("%q, %v; want %s", reason, err, row.meanwhile)
			}
			row.mend(d)
			if reason, err := row.ask(p, bottest.Deadline(t)); err != nil || reason != "" {
				t.Fatalf("once it is mended: %q, %v", reason, err)
			}
			// Nor does an older yes outlast a no.
			row.spoil(d)
			c.move(Fresh)
			if reason, err := row.ask(p, bottest.Deadline(t)); name != "a typed address of nobody" && (err != nil || reason != row.meanwhile) {
				t.Errorf("spoilt again: %q, %v", reason, err)
			}
			d.set(errors.New("no answer"), false)
			if reason, err := row.ask(p, bottest.Deadline(t)); name != "a typed address of nobody" && err == nil {
				t.Errorf("where nobody answers: %q, %v", reason, err)
			}
		})
	}
	p, s, d, _ := crowd(t)
	for range 2 {
		if _, err := p.SlackAccounts(bottest.Deadline(t), graph.User{ID: "y-id", UPN: "y@contoso.example"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.CallsOf("users.lookupByEmail")); n != 1 || d.finds != 0 {
		t.Errorf("Slack was asked %d times for one address that is nobody's", n)
	}
}

// The clock of the process that reads an account may be wrong by an hour. The age
// of the account goes by the clock that all share.
func TestAccount_DatedBySharedClock(t *testing.T) {
	p, _, d, c := crowd(t)
	for i := range d.users {
		d.users[i].Stamps = graph.Stamps{Sessions: bottest.JanuaryV, ReadAt: c.now().Add(time.Hour)}
	}
	read, err := p.Account(t.Context(), "carol-id")
	if err != nil || !read.Stamps.ReadAt.Equal(c.now()) {
		t.Errorf("read at %s, %v; want %s", read.Stamps.ReadAt, err, c.now())
	}
	for _, address := range []string{"carol@contoso.example", bottest.CarolID} {
		d.users[4].ID = bottest.CarolID
		found, err := p.find(t.Context(), address)
		if err != nil || len(found) != 1 || !found[0].Stamps.ReadAt.Equal(c.now()) {
			t.Errorf("%s: found %+v, %v", address, found, err)
		}
	}
	d.users[4].Stamps = graph.Stamps{}
	if read, err := p.Account(t.Context(), bottest.CarolID); err != nil || read.Stamps.Known() {
		t.Errorf("stamps that were not read are dated %s, %v", read.Stamps.ReadAt, err)
	}
}
