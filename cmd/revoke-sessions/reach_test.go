package main

import (
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
)

// TestReachIsSaidBeforehand: that Microsoft may refuse an administrator is said
// when the bot starts, in the log and once in the channel; what is not known is
// said to be unknown, and troubles nobody but whoever reads the log.
func TestReachIsSaidBeforehand(t *testing.T) {
	const refuses, unknown = "Microsoft may refuse to revoke", "it is not known whether Microsoft lets the bot revoke administrators"
	for name, tt := range map[string]struct {
		make func(*theatre)
		log  string
		said bool
	}{
		"a role":              {func(*theatre) {}, "the bot holds a role by which Microsoft lets it revoke administrators", false},
		"no role":             {appWithoutRole, refuses, true},
		"roles not for it":    {withdraw("RoleManagement.Read.Directory"), unknown, false},
		"roles do not answer": {entraFault(graphtest.Fault{PathSuffix: "/transitiveRoleAssignments", Status: 503}), unknown, false},
		"pages without end":   {func(th *theatre) { th.entra.SetEmptyPages(1000) }, unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			th := clinic(t)
			tt.make(th)
			th.begin()
			th.poll("the log says it", func() bool { return strings.Contains(th.log.String(), tt.log) })
			if tt.said {
				th.poll("the channel reads it", func() bool { return th.reads(refuses) == 1 })
			}
			th.end()
			th.begin() // and does not say it again
			th.poll("the log says it again", func() bool { return strings.Count(th.log.String(), tt.log) >= 2 })
			th.end()
			if n := th.reads(refuses); (n == 1) != tt.said || n > 1 {
				t.Errorf("the channel reads it %d times", n)
			}
		})
	}
}

// TestReachOfASealedToken: what a token does not tell is not made up.
func TestReachOfASealedToken(t *testing.T) {
	th := newTheatre(t)
	appWithoutRole(th)
	th.begin()
	th.poll("the log says it", func() bool { return strings.Contains(th.log.String(), "the token does not tell whose it is") })
	th.end()
	if n := th.reads("Microsoft may refuse"); n != 0 {
		t.Errorf("the channel reads it %d times", n)
	}
}

// reads counts the messages in the approvers' channel that say so.
func (th *theatre) reads(words string) (n int) {
	for _, m := range th.slack.Messages(approvals) {
		if strings.Contains(plain(m), words) {
			n++
		}
	}
	return n
}
