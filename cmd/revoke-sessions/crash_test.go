package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// The bot is killed where it can hurt; the next one must end each request
// truthfully: one decision, one recorded outcome, one live card.

// TestKilledAfterPersist kills the bot when a click is stored and acked, and
// nothing else has happened: Slack hangs while the bot asks who clicked.
func TestKilledAfterPersist(t *testing.T) {
	th := newTheatre(t)
	th.spawn()
	th.asked()
	th.slack.Inject(slacktest.Fault{Method: "users.info", Hang: true})
	th.click(aliceID, bot.ActionConfirm) // returns after the ack, so it is stored
	th.kill()
	th.slack.ClearFaults()
	if n := len(th.entra.Posts()); n != 0 {
		t.Fatalf("%d POSTs before anybody's look-up", n)
	}
	th.spawn()
	th.cardSays("sessions are revoked", "Verified")
	th.once(t, 1)
}

// TestKilledAfterDecision kills it when the approval is stored and the call
// has not left: reading the stamps hangs.
func TestKilledAfterDecision(t *testing.T) {
	th := newTheatre(t)
	th.spawn()
	th.asked()
	target := th.entraID("bob")
	hang := th.entra.Inject(graphtest.Fault{Method: http.MethodGet, PathSuffix: target, Hang: true})
	th.click(aliceID, bot.ActionConfirm)
	th.poll("the approval is stored", func() bool { return th.count("approved") == 1 })
	th.kill()
	hang()
	if n := len(th.entra.Posts()); n != 0 {
		t.Fatalf("%d POSTs although reading hung", n)
	}
	th.spawn()
	th.cardSays("sessions are revoked", "Verified")
	th.once(t, 1)
}

// TestKilledAfterPost kills it when Microsoft has carried the call out and
// the bot does not know: the moved stamp tells the next one.
func TestKilledAfterPost(t *testing.T) {
	th := newTheatre(t)
	th.at.timing.Attempt = 8 * time.Second
	th.spawn()
	th.asked()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Hang: true, Times: 1})
	th.click(aliceID, bot.ActionConfirm)
	th.poll("the POST arrives", func() bool { return len(th.entra.Posts()) == 1 })
	th.kill()
	th.spawn()
	th.cardSays("sessions are revoked", "I saw the change on the account", "Verified")
	th.once(t, 1)
}

// TestKilledBeforePostWasDone is the same with a call that Microsoft never
// carried out: one second POST, and no word of success before it.
func TestKilledBeforePostWasDone(t *testing.T) {
	th := newTheatre(t)
	th.at.timing.Attempt = 8 * time.Second
	th.spawn()
	th.asked()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Hang: true, Times: 1})
	th.click(aliceID, bot.ActionConfirm)
	th.poll("the POST arrives", func() bool { return len(th.entra.Posts()) == 1 })
	th.kill()
	th.spawn()
	th.cardSays("sessions are revoked", "Entra accepted", "Verified")
	th.once(t, 2)
}

// TestKilledBetweenCardAndNote kills it when Slack has posted the card and the
// bot has not noted where. A second card comes; a click on the stray does
// nothing but remove it.
func TestKilledBetweenCardAndNote(t *testing.T) {
	th := newTheatre(t)
	th.spawn()
	th.slack.Inject(slacktest.Fault{Method: "chat.postMessage", After: true, Hang: true, Times: 1,
		Match: func(p map[string]string) bool { return p["channel"] == approvals }})
	th.typed(bobID, "me lost my phone")
	stray := th.card()
	th.kill()
	th.spawn()
	th.until("the live card stands", func() bool { return len(th.slack.Messages(approvals)) == 2 })
	// The live one is the one that was noted: wait for the receipt, which
	// comes after it.
	th.until("the receipt stands", func() bool { return len(th.slack.DMs(bobID)) == 1 })
	th.acked(th.slack.As(aliceID).Click(approvals, stray.TS, bot.ActionConfirm))
	th.until("Alice is told and the stray is gone", func() bool {
		cards := th.slack.Messages(approvals)
		live := 0
		for _, c := range cards {
			if !c.Deleted {
				live++
			}
		}
		answers := th.slack.Ephemerals(aliceID)
		return live == 1 && len(answers) == 1 && containsAll(plain(answers[0]), []string{"not the live card"})
	})
	if n := len(th.entra.Posts()); n != 0 {
		t.Fatalf("a click on a stray card caused %d POSTs", n)
	}
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("sessions are revoked", "Verified")
	th.once(t, 1)
}

// asked has Bob ask, and waits until the bot is at rest: one that is killed
// before it has noted where a card stands posts another, and a click on the
// first does nothing.
func (th *theatre) asked() {
	th.t.Helper()
	th.typed(bobID, "me lost my phone")
	th.cardSays("Nothing is revoked yet")
	th.quiet()
}

// once checks what must hold after every crash.
func (th *theatre) once(t *testing.T, posts int) {
	t.Helper()
	for action, want := range map[string]int{"requested": 1, "approved": 1, "revoked": 1, "verified": 1, "failed": 0} {
		if n := th.count(action); n != want {
			t.Errorf("%d audit rows say %s, want %d", n, action, want)
		}
	}
	if got := th.entra.Posts(); len(got) != posts {
		t.Errorf("%d POSTs, want %d", len(got), posts)
	}
	count := func() (live, results int) {
		for _, c := range th.slack.Messages(approvals) {
			if c.Deleted {
				continue
			}
			live++
			for _, m := range th.slack.Thread(approvals, c.TS) {
				if m.TS != c.TS && containsAll(plain(m), []string{"sessions are revoked"}) {
					results++
				}
			}
		}
		return live, results
	}
	th.until("the result stands", func() bool { _, results := count(); return results > 0 })
	th.until("Bob is told", func() bool {
		return slices.ContainsFunc(th.slack.DMs(bobID), func(m slacktest.Message) bool {
			return containsAll(plain(m), []string{"Done: your sessions are revoked"})
		})
	})
	if live, results := count(); live != 1 || results != 1 {
		t.Errorf("%d live cards and %d results in their threads, want one of each\n%s", live, results, th.board())
	}
}

// entraID is the object ID of an account of the cast.
func (th *theatre) entraID(name string) string {
	th.t.Helper()
	u, ok := th.entra.User(name + "@contoso.example")
	if !ok {
		th.t.Fatalf("no account of %s", name)
	}
	return u.ID
}
