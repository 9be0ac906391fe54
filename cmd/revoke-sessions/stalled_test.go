package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

const nobodyNeeds = "Nobody needs to do anything"

// waiting is a confirmed request that waits because Microsoft has asked to.
func (th *theatre) waiting() {
	th.t.Helper()
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "invalidateAllRefreshTokens", Status: 429, RetryAfter: "600", Times: 1})
	th.typed(bobID, "me lost my phone")
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("waiting to ask Microsoft Entra again", nobodyNeeds)
	th.quiet()
}

// damages changes the database behind the bot's back, whichever it is.
func (th *theatre) damages(statement string) {
	th.t.Helper()
	db := th.openSQL("_pragma=busy_timeout(5000)")
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		th.t.Fatalf("%s: %v", statement, err)
	}
}

// announced are the messages in the approvers' channel, cards apart, that say so.
func (th *theatre) announced(words ...string) (all []slacktest.Message) {
	cards := th.cards()
	for _, m := range th.slack.Messages(approvals) {
		if containsAll(plain(m), words) && !slices.ContainsFunc(cards, func(c slacktest.Message) bool { return c.TS == m.TS }) {
			all = append(all, m)
		}
	}
	return all
}

// noMoreComfort waits until no message tells people any more to wait in peace.
func (th *theatre) noMoreComfort() {
	th.t.Helper()
	th.until("nothing says that nobody needs to do anything", func() bool {
		return !slices.ContainsFunc(slices.Concat(th.stands("card"), th.stands("dm:bob")), func(m slacktest.Message) bool {
			return !m.Deleted && strings.Contains(plain(m), nobodyNeeds)
		})
	})
}

// TestUnreadableRequestIsTold: its row is damaged. Card and receipt say so by what
// is known of the messages alone, approvers read it once, and a number and an
// alert know; once the row is mended it goes on.
func TestUnreadableRequestIsTold(t *testing.T) {
	for name, on := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			on(th)
			th.served()
			th.begin()
			th.waiting()
			id := th.requestID()
			th.damages(`CREATE TABLE kept AS SELECT body FROM requests`)
			th.damages(`UPDATE requests SET body = '{', due_at = 1`)

			th.cardSays("I cannot go on with "+id, "I cannot read what is stored", "Treat it as not done", "revoke in the Entra portal")
			th.sees(false, []string{"dm:bob", "I cannot go on with " + id, emergency})
			th.until("the approvers are told", func() bool { return len(th.announced("I cannot go on with "+id, aliceID)) == 1 })
			th.noMoreComfort()
			if buttons := th.card().Buttons(); len(buttons) > 0 {
				t.Errorf("the card has buttons: %v", buttons)
			}
			th.poll("the log names it", func() bool {
				return strings.Contains(th.log.String(), `"the bot cannot go on with a request, and people are told: revoke by hand if it cannot wait","request":"`+id+`"`)
			})
			if _, found, _ := th.doctor(); found["database"].Result != doubtful || !strings.Contains(found["database"].Says, id) {
				t.Errorf("doctor says %+v", found["database"])
			}
			all := th.samples()
			if n := all["revoke_sessions_requests_stalled"]; n != "1" {
				t.Errorf("%s requests cannot go on", n)
			}
			for range 3 { // however often it is claimed
				if n := th.samples()[`revoke_sessions_rows_overdue{kind="requests"}`]; n != "1" {
					t.Errorf("%s requests are overdue", n)
				}
				time.Sleep(30 * time.Millisecond)
			}
			// It takes nothing away from the others.
			th.typed(bobID, "<@"+carolID+"> stolen laptop")
			th.sees(false, []string{"card", "Revoke all sessions of Carol Target"})
			th.typed(aliceID, "status")
			th.sees(false, []string{"only:alice", id + " · I can't read this request", "Carol Target"})
			th.damages(`UPDATE requests SET body = (SELECT body FROM kept) WHERE state <> 'pending'`)
			th.clock.advance(11 * time.Minute) // SQLite's; the claims of PostgreSQL lapse by themselves
			th.pollWithin(2*patience, "it goes on", func() bool { return th.count("revoked") == 1 })
			th.cardSays("sessions are revoked")
			if n := len(th.announced("I cannot go on with " + id)); n != 1 {
				t.Errorf("the approvers read it %d times", n)
			}
		})
	}
}

// TestUnreadableRequestIsToldLater: what the database did not take the first time is
// announced the next time, and once.
func TestUnreadableRequestIsToldLater(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.waiting()
	id := th.requestID()
	th.damages(`CREATE TRIGGER defect BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'a defect'); END`)
	th.damages(`UPDATE requests SET body = '{', due_at = 1`)
	th.poll("the log says so", func() bool {
		return strings.Contains(th.log.String(), `"cannot store an announcement","request":"`+id+`"`)
	})
	th.damages(`DROP TRIGGER defect`)
	th.clock.advance(11 * time.Minute)
	th.until("the approvers are told", func() bool { return len(th.announced("I cannot go on with "+id, aliceID)) == 1 })
	th.cardSays("I cannot go on with "+id, "Treat it as not done")
}

// TestFailingStepIsTold: the database refuses the next step of a request, again and
// again, and the card had said something that is then not so.
func TestFailingStepIsTold(t *testing.T) {
	refuse := func(state string) string {
		return `CREATE TRIGGER defect BEFORE UPDATE ON requests WHEN NEW.state = '` + state + `' BEGIN SELECT RAISE(ABORT, 'a defect'); END`
	}
	for name, row := range map[string]struct {
		scene func(*theatre)
		says  []string // on the card
		ends  string   // what is on record once it is mended
	}{
		"a revoke that cannot begin": {func(th *theatre) {
			th.waiting()
			th.damages(refuse("executing"))
			th.clock.advance(601 * time.Second)
		}, []string{"Bob Reporter: I cannot go on with the revoke. Nothing was revoked.", "Each try fails", "revoke in the Entra portal"}, "revoked"},
		"a yes that cannot be verified": {func(th *theatre) {
			th.damages(refuse("verified"))
			th.typed(bobID, "me lost my phone")
			th.click(aliceID, bot.ActionConfirm)
			th.cardSays("sessions are revoked")
		}, []string{"sessions are revoked", "It is not verified.", "Each try fails"}, "verified"},
		"a deadline that does not come": {func(th *theatre) {
			th.damages(refuse("expired"))
			th.typed(bobID, "<@"+carolID+"> stolen laptop")
			th.card()
			th.quiet()
			th.clock.advance(9 * time.Hour)
		}, []string{"I cannot go on with this", "Each try fails", "Nothing is revoked yet."}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			th.served()
			th.begin()
			row.scene(th)
			id := th.requestID()
			th.poll("the card says so", func() bool {
				th.clock.advance(5 * time.Second) // the claims lapse
				return slices.ContainsFunc(th.stands("card"), func(m slacktest.Message) bool { return containsAll(plain(m), row.says) })
			})
			th.sees(false, []string{"dm:bob", "Each try fails"})
			th.until("the approvers are told", func() bool { return len(th.announced("I cannot go on with "+id, "Each try fails")) == 1 })
			th.noMoreComfort()
			if n := th.samples()["revoke_sessions_requests_stalled"]; n != "1" {
				t.Errorf("%s requests cannot go on", n)
			}
			th.damages(`DROP TRIGGER defect`)
			th.poll("it goes on", func() bool { th.clock.advance(5 * time.Second); return th.count(row.ends) == 1 })
			th.until("nothing says so any more", func() bool {
				return !slices.ContainsFunc(th.stands("card"), func(m slacktest.Message) bool { return strings.Contains(plain(m), "Each try fails (as of") })
			})
			if n := th.samples()["revoke_sessions_requests_stalled"]; n != "0" {
				t.Errorf("%s requests cannot go on, once it is mended", n)
			}
			if n := len(th.announced("I cannot go on with " + id)); n != 1 {
				t.Errorf("the approvers read it %d times", n)
			}
		})
	}
}

// TestUnreadableActIsAnswered: what somebody typed is stored, acked, and damaged
// before it was carried out. They read that nothing came of it.
func TestUnreadableActIsAnswered(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.damages(`CREATE TRIGGER damage AFTER INSERT ON arrivals BEGIN UPDATE arrivals SET body = '{' WHERE id = NEW.id; END`)
	th.damages(`CREATE TRIGGER defect BEFORE INSERT ON requests BEGIN SELECT RAISE(ABORT, 'a defect'); END`)
	th.typed(bobID, "me lost my phone")
	th.poll("it is given up", func() bool { th.clock.advance(2 * time.Second); return th.count("refused") == 1 })
	th.sees(false, []string{"only:bob", "I tried several times and could not do this", "Please try again"})
	rows := th.audit()
	if last := rows[len(rows)-1]; last.Reason != string(bot.GaveUp) || last.Wanted != "unreadable" {
		t.Errorf("the row is %+v", last)
	}
}
