package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
)

// channelPeople is a People of a workspace, with a clock that the test moves.
func channelPeople(t *testing.T, s *slacktest.Server, replicas int) (*People, func(time.Duration)) {
	t.Helper()
	var passed atomic.Int64 // a look-up that hangs reads the clock beside the test
	clock := func() time.Time { return bottest.AskedAt.Add(time.Duration(passed.Load())) }
	budget := NewBudget(clock, func() int { return replicas }, false)
	return NewPeople(connected(t, s), &directory{}, new(authz.New(bottest.Alice)), clock, budget), func(d time.Duration) { passed.Add(int64(d)) }
}

// A card can be opened by its channel's members of this workspace. What Slack does not
// say counts as no.
func TestPeople_CanOpen(t *testing.T) {
	const vault, connect = "C0VAULT", "C0CONNECT"
	for _, row := range []struct {
		name, channel, who string
		change             func(*slacktest.Server)
		want               bool
		code               string // of Slack's refusal
	}{
		{name: "a member", channel: bottest.Cards, who: bottest.Alice, want: true},
		{name: "a member of a private channel", channel: vault, who: bottest.Alice, want: true},
		{name: "no member, though the channel is public", channel: bottest.Cards, who: bottest.Bob},
		{name: "no member of a private channel", channel: vault, who: bottest.Bob},
		{name: "a guest who is a member", channel: bottest.Cards, who: bottest.Alice, want: true,
			change: func(s *slacktest.Server) { s.UpdateUser(bottest.Alice, func(u *slacktest.User) { u.Guest = true }) }},
		{name: "somebody of another workspace in a shared channel", channel: connect, who: bottest.Alice,
			change: func(s *slacktest.Server) {
				s.UpdateUser(bottest.Alice, func(u *slacktest.User) { u.TeamID = "T0OTHER" })
			}},
		{name: "a stranger in a shared channel", channel: connect, who: bottest.Alice,
			change: func(s *slacktest.Server) { s.UpdateUser(bottest.Alice, func(u *slacktest.User) { u.Stranger = true }) }},
		{name: "the bot is not in the private channel", channel: vault, who: bottest.Alice, code: "channel_not_found",
			change: func(s *slacktest.Server) {
				s.UpdateChannel(vault, func(c *slacktest.Channel) { c.BotIsMember = false })
			}},
		{name: "a missing scope", channel: bottest.Cards, who: bottest.Alice, code: "missing_scope",
			change: func(s *slacktest.Server) {
				s.Inject(slacktest.Fault{Method: "conversations.members", Error: "missing_scope"})
			}},
		{name: "an empty answer", channel: bottest.Cards, who: bottest.Alice, code: slackapi.Incomplete,
			change: func(s *slacktest.Server) { s.Inject(slacktest.Fault{Method: "conversations.members", Body: "{}"}) }},
		{name: "a person whom Slack does not look up", channel: bottest.Cards, who: bottest.Alice, code: "fatal_error",
			change: func(s *slacktest.Server) { s.Inject(slacktest.Fault{Method: "users.info", Error: "fatal_error"}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := bottest.Workspace(t)
			for _, id := range []string{vault, connect} {
				s.AddChannel(slacktest.Channel{ID: id, Private: id == vault, ExtShared: id == connect, BotIsMember: true, Members: []string{bottest.Alice}})
			}
			p, _ := channelPeople(t, s, 1)
			if row.change != nil {
				row.change(s)
			}
			can, err := p.CanOpen(bottest.Deadline(t), row.channel, row.who)
			e, _ := errors.AsType[*slackapi.Error](err)
			failed, isLookup := errors.AsType[*bot.LookupError](err)
			if isLookup {
				e, _ = errors.AsType[*slackapi.Error](failed.Err)
			}
			code := ""
			if e != nil {
				code = e.Code
			}
			if can != row.want || code != row.code || (err != nil) != (row.code != "") {
				t.Errorf("can open: %v (%v), want %v (%s)", can, err, row.want, row.code)
			}
		})
	}
}

// Every page is read, and a channel with too many of them counts as unknown.
func TestPeople_CanOpenReadsEachPage(t *testing.T) {
	crowd := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("U9%05d", i))
		}
		return ids
	}
	for _, row := range []struct {
		name           string
		members, calls int
		want, unknown  bool
	}{
		{"one page", 10, 1, true, false},
		{"several pages", 2500, 3, true, false},
		{"too many pages", 6000, maxPages, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := bottest.Workspace(t)
			s.AddChannel(slacktest.Channel{ID: "C0CROWD", BotIsMember: true, Members: append(crowd(row.members), bottest.Alice)})
			p, _ := channelPeople(t, s, 1)
			can, err := p.CanOpen(bottest.Deadline(t), "C0CROWD", bottest.Alice)
			if can != row.want || (err != nil) != row.unknown {
				t.Errorf("the last member can open: %v (%v), want %v", can, err, row.want)
			}
			calls := s.CallsOf("conversations.members")
			if len(calls) != row.calls {
				t.Errorf("%d calls, want %d", len(calls), row.calls)
			}
			for i, c := range calls {
				if (c.Params["cursor"] != "") != (i > 0) {
					t.Errorf("call %d has the cursor %q", i, c.Params["cursor"])
				}
			}
		})
	}
}

// A failure on a later page leaves nothing half known. It is told once, and remembered for
// a minute.
func TestPeople_CanOpenAfterABrokenPage(t *testing.T) {
	s := bottest.Workspace(t)
	members := []string{bottest.Alice}
	for i := range 1500 {
		members = append(members, fmt.Sprintf("U9%05d", i))
	}
	s.AddChannel(slacktest.Channel{ID: "C0CROWD", BotIsMember: true, Members: members})
	p, passes := channelPeople(t, s, 1)
	s.Inject(slacktest.Fault{Method: "conversations.members", Error: "internal_error", Times: 1,
		Match: func(p map[string]string) bool { return p["cursor"] != "" }})
	if can, err := p.CanOpen(bottest.Deadline(t), "C0CROWD", bottest.Alice); can || err == nil {
		t.Errorf("half a list counts: %v, %v", can, err)
	}
	for range 15 {
		if can, err := p.CanOpen(bottest.Deadline(t), "C0CROWD", bottest.Alice); can || err != nil {
			t.Errorf("within a minute: %v, %v", can, err)
		}
	}
	if n := len(s.CallsOf("conversations.members")); n != 2 {
		t.Errorf("%d calls within a minute", n)
	}
	passes(61 * time.Second)
	if can, err := p.CanOpen(bottest.Deadline(t), "C0CROWD", bottest.Alice); !can || err != nil {
		t.Errorf("a minute later: %v, %v", can, err)
	}
}

// An answer counts for a minute, and not longer: not even while Slack is silent.
func TestPeople_CanOpenForAMinute(t *testing.T) {
	s := bottest.Workspace(t)
	p, passes := channelPeople(t, s, 1)
	ask := func(who string) bool {
		t.Helper()
		can, _ := p.CanOpen(bottest.Deadline(t), bottest.Cards, who)
		return can
	}
	if !ask(bottest.Alice) || ask(bottest.Bob) || len(s.CallsOf("conversations.members")) != 1 {
		t.Errorf("two questions within a minute took %d calls", len(s.CallsOf("conversations.members")))
	}
	s.UpdateChannel(bottest.Cards, func(c *slacktest.Channel) { c.Members = []string{bottest.Bob} })
	passes(59 * time.Second)
	if !ask(bottest.Alice) || ask(bottest.Bob) {
		t.Error("the answer is forgotten within a minute")
	}
	passes(2 * time.Second)
	if ask(bottest.Alice) || !ask(bottest.Bob) {
		t.Error("the answer is older than a minute")
	}
	passes(2 * time.Minute)
	s.Inject(slacktest.Fault{Method: "conversations.members", Hang: true, Times: 1})
	if _, err := p.Who(bottest.Deadline(t), bottest.Bob); err != nil { // so that who Bob is needs no call
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if can, _ := p.CanOpen(soon, bottest.Cards, bottest.Bob); can {
		t.Error("an old answer counts for somebody who cannot wait")
	}
	passes(time.Minute)
	s.Inject(slacktest.Fault{Method: "conversations.members", Status: 502})
	if ask(bottest.Bob) {
		t.Error("an old answer counts while Slack is silent")
	}
}

// The pages count, and questions about links leave the calls that strangers may not use.
func TestPeople_CanOpenWithinTheBudget(t *testing.T) {
	s := bottest.Workspace(t)
	p, _ := channelPeople(t, s, 40) // leaves one call a minute
	for _, channel := range []string{bottest.Cards, "C0OTHER"} {
		s.AddChannel(slacktest.Channel{ID: channel, BotIsMember: true, Members: []string{bottest.Alice}})
		can, err := p.CanOpen(bottest.Deadline(t), channel, bottest.Alice)
		failed, ok := errors.AsType[*bot.LookupError](err)
		if first := channel == bottest.Cards; can != first || ok == first || !first && !failed.Spent {
			t.Errorf("%s: %v, %v", channel, can, err)
		}
	}
	if calls := s.CallsOf("conversations.members"); len(calls) != 1 || slices.ContainsFunc(calls, func(c slacktest.Call) bool { return c.Params["limit"] != "999" }) {
		t.Errorf("calls: %v", calls)
	}
}
