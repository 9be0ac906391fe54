package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// shell is a command line that is under way.
type shell struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func (th *theatre) typedInShell(args ...string) *shell {
	th.t.Helper()
	child, err := th.process(args...)
	if err != nil {
		th.t.Fatal(err)
	}
	s := &shell{Cmd: child}
	s.Stdout, s.Stderr = &s.out, &s.err
	if err := s.Start(); err != nil {
		th.t.Fatal(err)
	}
	th.t.Cleanup(func() { _ = s.Process.Kill() }) // it is over already, unless the test failed
	return s
}

func (s *shell) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end and compares.
func (s *shell) ended(t *testing.T, code int, out, err string) {
	t.Helper()
	_ = s.Wait() // the code says it
	if got := s.ProcessState.ExitCode(); got != code || !strings.Contains(s.out.String(), out) || !strings.Contains(s.err.String(), err) {
		t.Errorf("exit code %d, want %d\n%s\nwithout %q, or\n%s\nwithout %q", got, code, s.out.String(), out, s.err.String(), err)
	}
}

// The account under way is finished, and the next is not begun.
func TestCtrlCStopsBetweenTwoAccounts(t *testing.T) {
	th := newTheatre(t)
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Delay: 300 * time.Millisecond})
	s := th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--user-id", "bob@contoso.example", "--user-id", "olga@contoso.example", "--confirm=false")
	th.poll("the first POST is under way", func() bool { return len(th.entra.Posts()) == 1 })
	s.signal(t, os.Interrupt)
	s.ended(t, exitDeclined, "carol@contoso.example: revoked", "Stopped. Done: carol@contoso.example. Not started: bob@contoso.example, olga@contoso.example.")
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
	if th.count("revoked") != 1 || th.count("requested") != 1 {
		t.Error("not one account is on record")
	}
}

// A freeze that begins while an account waits for Microsoft refuses it, as one
// that was on before does, and on record it is the freeze that did, not the
// operator.
func TestFreezeWhileItWaits(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "300"})
	s := th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--confirm=false", "--output", "json")
	th.poll("it waits", func() bool { return th.count("approved") == 2 })
	th.typed(aliceID, "freeze somebody stole an approver")
	s.ended(t, 1, `"says":"Frozen by @`+aliceID+`: no revoke starts.`, "Microsoft asked the bot to wait 5 minutes")
	var r accountResult
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil || r.Outcome != outcomeRefused || r.Code != "frozen" || r.State != bot.Denied || !requestIDs.MatchString(r.Request) ||
		!strings.Contains(r.Says, "--override-policy") || !strings.HasSuffix(r.Says, " The request was waiting for Microsoft. Nothing was revoked.") {
		t.Errorf("%+v, %v", r, err)
	}
	rows := th.audit()
	if last := rows[len(rows)-1]; last.Action != "denied" || last.Reason != "frozen" || last.Actor != "cli" {
		t.Errorf("on record is %+v", last)
	}
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}

// Whoever does not want to wait for Microsoft stops the account that waits, and
// a bot on the same database does not go on with it. What it used of a limit is there
// again.
func TestCtrlCWhileItWaits(t *testing.T) {
	th := newTheatre(t)
	th.policy = filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(th.policy, []byte(limited("per_target: 1/24h")), 0o600); err != nil {
		t.Fatal(err)
	}
	th.begin()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "300"})
	s := th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--confirm=false")
	th.poll("it waits", func() bool { return th.count("approved") == 2 })
	s.signal(t, os.Interrupt)
	s.ended(t, exitDeclined, "carol@contoso.example: declined: Stopped while it waited for Microsoft. Nothing was revoked.", "Microsoft asked the bot to wait 5 minutes")
	rows := th.audit()
	if last := rows[len(rows)-1]; last.Action != "denied" || last.Reason != "interrupted" || !strings.HasPrefix(last.Actor, "os:") {
		t.Errorf("on record is %+v", last)
	}
	th.clock.advance(time.Hour)
	th.quiet()
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
	th.entra.ClearFaults()
	th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--confirm=false").ended(t, 0, "carol@contoso.example: revoked", "")
}

// What a process does not live to see the end of, the bot beside it settles,
// and it tells nobody in Slack.
func TestKilledInTheCallWithABotBeside(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Hang: true})
	s := th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--confirm=false")
	th.poll("the POST is under way", func() bool { return len(th.entra.Posts()) == 1 })
	s.signal(t, os.Kill)
	_ = s.Wait() // killed, as was asked for
	th.clock.advance(11 * time.Second)
	th.poll("it is settled", func() bool { return th.count("verified") == 1 })
	if th.count("unknown") != 1 || th.count("revoked") != 1 || len(th.entra.Posts()) != 1 {
		t.Error(th.board())
	}
	for _, where := range []string{"card", "dm:bob", "dm:alice", "dm:amir", "dm:carol"} {
		if all := th.stands(where); len(all) > 0 {
			t.Errorf("%s says %s", where, plain(all[0]))
		}
	}
}

// A bot that starts takes nothing from a command line that is in its call.
func TestBotThatStartsDuringTheCall(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.end()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Delay: 700 * time.Millisecond})
	s := th.typedInShell("revoke", "--user-id", "carol@contoso.example", "--confirm=false")
	th.poll("the POST is under way", func() bool { return len(th.entra.Posts()) == 1 })
	th.begin()
	s.ended(t, 0, "carol@contoso.example: revoked: Carol Target's sessions are revoked. Entra accepted", "")
	if n := len(th.entra.Posts()); n != 1 || th.count("unknown") != 0 || th.count("executing") != 1 {
		t.Errorf("%d POSTs, and on record is %+v", n, th.audit())
	}
}

// A request of the command line has no card, and whoever has the bot's token
// cannot make it one: the message goes when somebody clicks on it.
func TestForgedCardOfTheCommandLine(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusForbidden, Times: 1})
	_, out, _ := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false")
	stolen := listen.NewAPI(bot.Secret(th.slack.BotToken()), "", th.slack.APIURL())
	for _, action := range []string{bot.ActionConfirm, bot.ActionDeny, bot.ActionRetry, bot.ActionCancel} {
		button := slack.NewButtonBlockElement(action, requestIDs.FindString(out), slack.NewTextBlockObject(slack.PlainTextType, "Try again", false, false))
		channel, ts, err := stolen.PostMessageContext(t.Context(), approvals, slack.MsgOptionBlocks(slack.NewActionBlock("", button)))
		if err != nil {
			t.Fatal(err)
		}
		th.acked(th.slack.As(aliceID).Click(channel, ts, action))
		th.until("the forged card is gone", func() bool {
			return !slices.ContainsFunc(th.slack.Messages(channel), func(m slacktest.Message) bool { return m.TS == ts && !m.Deleted })
		})
	}
	th.sees(false, []string{"only:alice", "That request was made at a terminal and has no card."})
	th.rows([]string{"wrong_place", "4"}, func(e bot.Entry) bool { return e.Reason == "wrong_place" })
	if n := len(th.entra.Posts()); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}
