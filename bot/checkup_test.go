package bot

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// What Slack said before it refused is kept.
func TestInstallation(t *testing.T) {
	s := workspace(t)
	a := connected(t, s)
	s.SetClockSkew(time.Hour)
	s.SetScopes("commands", "chat:write")
	i, err := a.Installation(deadline(t))
	if ahead := time.Until(i.At); ahead < 50*time.Minute || ahead > 70*time.Minute {
		t.Errorf("Slack's clock is %v ahead", ahead)
	}
	if e, ok := err.(*SlackError); !ok || e.Code != "missing_scope" || e.Needed != "users:read" || i.AppID != "" {
		t.Errorf("%+v, %#v", i, err)
	}
	if want := []string{"commands", "chat:write"}; !slices.Equal(i.Scopes, want) || i.Team != "slacktest" || i.TeamID != s.TeamID() {
		t.Errorf("%+v", i)
	}
	s.SetScopes(slacktest.DefaultScopes...)
	if i, err := a.Installation(deadline(t)); err != nil || i.AppID != s.AppID() || i.Bot == "" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestChannel(t *testing.T) {
	s := workspace(t)
	a := connected(t, s)
	s.AddChannel(slacktest.Channel{ID: "C0OPEN", Name: "open", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OLD", Name: "old", Private: true, BotIsMember: true, Archived: true})
	for id, want := range map[string]Channel{
		"C0OPEN":    {Name: "open"},
		"C0OLD":     {Name: "old", Private: true, Problem: ChannelArchived},
		"C0NOWHERE": {Problem: ChannelMissing},
	} {
		if got, err := a.Channel(deadline(t), id); err != nil || got != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

// The approvers are counted by the rules of their clicks.
func TestQuorum(t *testing.T) {
	s := workspace(t)
	a := connected(t, s)
	d := &directory{users: []graph.User{{ID: carolID, UPN: "alice@contoso.example", Disabled: graph.No}}}
	q := FindQuorum(deadline(t), a, d, authz.New(alice, bob, "U0NOBODY"), time.Now)
	want := []Unable{{bob, authz.NoAccount}, {"U0NOBODY", authz.OutsideWorkspace}}
	slices.SortFunc(want, func(a, b Unable) int { return strings.Compare(a.SlackID, b.SlackID) })
	if diff := cmp.Diff(want, q.Unable); diff != "" || q.Able != 1 || !q.Whole || q.Trouble != nil {
		t.Errorf("%+v\n%s", q, diff)
	}
	d.users = append(d.users, graph.User{ID: bobID, UPN: "bob@contoso.example", Disabled: graph.No})
	if q := FindQuorum(deadline(t), a, d, authz.New(alice, bob), time.Now); q.Able != 2 || len(q.Unable) != 0 {
		t.Errorf("%+v", q)
	}
	d.set(&graph.Error{Op: "look", Status: 403, Outcome: graph.NotDone, Remedy: "Grant it."}, false)
	if q := FindQuorum(deadline(t), a, d, authz.New(alice, bob), time.Now); q.Able != 0 || q.Whole || q.Remedy != "Grant it." || q.Trouble == nil {
		t.Errorf("%+v", q)
	}
}
