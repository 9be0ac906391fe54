package lookup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// FindQuorum counts the approvers by the rules of their clicks.
func TestFindQuorum(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	d := &directory{users: []graph.User{{ID: bottest.CarolID, UPN: "alice@contoso.example", Disabled: graph.No}}}
	q := FindQuorum(bottest.Deadline(t), a, d, authz.New(bottest.Alice, bottest.Bob, "U0NOBODY"), time.Now)
	want := []bot.Unable{{SlackID: bottest.Bob, Reason: authz.NoAccount}, {SlackID: "U0NOBODY", Reason: authz.OutsideWorkspace}}
	slices.SortFunc(want, func(a, b bot.Unable) int { return strings.Compare(a.SlackID, b.SlackID) })
	if diff := cmp.Diff(want, q.Unable); diff != "" || q.Able != 1 || !q.Whole || q.Trouble != nil {
		t.Errorf("%+v\n%s", q, diff)
	}
	d.users = append(d.users, graph.User{ID: bottest.BobID, UPN: "bob@contoso.example", Disabled: graph.No})
	if q := FindQuorum(bottest.Deadline(t), a, d, authz.New(bottest.Alice, bottest.Bob), time.Now); q.Able != 2 || len(q.Unable) != 0 {
		t.Errorf("%+v", q)
	}
	d.set(&graph.Error{Op: "look", Status: 403, Outcome: graph.NotDone, Remedy: "Grant it."}, false)
	if q := FindQuorum(bottest.Deadline(t), a, d, authz.New(bottest.Alice, bottest.Bob), time.Now); q.Able != 0 || q.Whole || q.Remedy != "Grant it." || q.Trouble == nil {
		t.Errorf("%+v", q)
	}
}
