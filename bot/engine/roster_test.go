package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// looked is how many look-ups Slack got for the roster, without those of the asker and
// the target.
func (s *stage) looked() int {
	some := func(p map[string]string) bool { return p["user"] != "U0H80" && p["user"] != "U0H81" }
	return s.asked("users.info", some) + s.asked("users.lookupByEmail", func(p map[string]string) bool {
		return p["email"] != "h80@contoso.example" && p["email"] != "h81@contoso.example"
	})
}

// rosterOf is a town with another policy and its approvers looked up.
func rosterOf(t *testing.T, people int, policy authz.Policy, join func(s *stage, i int)) *stage {
	t.Helper()
	s := newTown(t, 82, authz.New(theApprover, another))
	s.entra.mu.Lock()
	for _, h := range s.town.humans {
		h.in = map[string]*fact{entraTeam: {}}
	}
	s.entra.mu.Unlock()
	for i := range people {
		join(s, i)
	}
	s.quiet(t, 2)
	before := s.looked()
	if err := s.start(policy); err != nil {
		t.Fatal(err)
	}
	s.quiet(t, before+min(people, 50))
	return s
}

// quiet waits until at least so many look-ups were made and no more follow.
func (s *stage) quiet(t *testing.T, least int) {
	t.Helper()
	last, since := 0, time.Now()
	if !testrun.Seen(patience, func() bool {
		if n := s.looked(); n != last {
			last, since = n, time.Now()
		}
		return last >= least && time.Since(since) > 300*time.Millisecond
	}) {
		t.Fatalf("%d look-ups, not %d", last, least)
	}
}

// asksAgain carries out an ask a minute later, and returns the number of its look-ups,
// without those of the asker and the target.
func (s *stage) asksAgain(t *testing.T) int {
	t.Helper()
	s.clock.move(61 * time.Second)
	before := s.looked()
	s.actsOut(t, s.typed("U0H80", "drill <@U0H81> and again"))
	if err := s.rest(); err != nil {
		t.Fatal(err)
	}
	return s.looked() - before
}

// TestRoster_TooManyApprovers: more approvers than the bot looks up are not a fault
// that passes. So they are not looked up again each minute, unless the list has
// changed.
func TestRoster_TooManyApprovers(t *testing.T) {
	const crowd = 62
	inTeam := func(s *stage, i int) {
		s.slack.UpdateUserGroup(slackTeam, func(g *slacktest.UserGroup) { g.Members = append(g.Members, fmt.Sprintf("U0H%d", i)) })
	}
	inEntra := func(s *stage, i int) {
		s.entra.mu.Lock()
		defer s.entra.mu.Unlock()
		s.town.humans[i].in[entraTeam].set(true, s.clock.now())
	}
	var ids []string
	for i := range crowd {
		ids = append(ids, fmt.Sprintf("U0H%d", i))
	}
	for name, row := range map[string]struct {
		policy authz.Policy
		join   func(s *stage, i int)
	}{
		"named one by one":   {authz.New(ids...), func(*stage, int) {}},
		"a group of Slack's": {authz.New(slackTeam), inTeam},
		"a group of Entra's": {authz.New(entraTeam), inEntra},
	} {
		t.Run(name, func(t *testing.T) {
			s := rosterOf(t, crowd, row.policy, row.join)
			for range 3 {
				if n := s.asksAgain(t); n != 0 {
					t.Errorf("%d look-ups of approvers, a minute after they were looked up", n)
				}
			}
			if name == "named one by one" {
				return
			}
			row.join(s, crowd)
			if n := s.asksAgain(t); n < 50 {
				t.Errorf("%d look-ups after somebody joined them", n)
			}
			if n := s.asksAgain(t); n != 0 {
				t.Errorf("%d look-ups of the approvers who were just looked up", n)
			}
		})
	}
}

// TestRoster_FewAreLookedUpAgain: with few approvers all are looked up again, because
// the right to decide can change while the list stays the same.
func TestRoster_FewAreLookedUpAgain(t *testing.T) {
	s := rosterOf(t, 5, authz.New("U0H0", "U0H1", "U0H2", "U0H3", "U0H4"), func(*stage, int) {})
	if n := s.asksAgain(t); n != 5 {
		t.Errorf("%d look-ups of 5 approvers", n)
	}
}

// TestQuorum_TooManyApprovers: the doctor command reports how many were looked up.
func TestQuorum_TooManyApprovers(t *testing.T) {
	var ids []string
	for i := range 62 {
		ids = append(ids, fmt.Sprintf("U0H%d", i))
	}
	s := newTown(t, 82, authz.New(theApprover, another))
	client, _, err := connect(context.Background(), s.slack, s.http)
	if err != nil {
		t.Fatal(err)
	}
	q := lookup.FindQuorum(t.Context(), client, s.entra, authz.New(ids...), s.clock.now)
	if q.Whole || q.Trouble != nil || q.Named != 62 || q.Looked != 50 || q.Able != 50 {
		t.Errorf("%+v", q)
	}
}
