package main

import (
	"strings"
	"testing"

	"revoke-sessions/bot"
)

// TestTwoReplicasTwoLists takes an approver off the list and restarts one of two
// replicas. Until the other one is restarted, too, it confirms nothing, whoever
// clicks; what it has confirmed before and what waits goes on at the newer one.
// Going back to the older list is a start like any other.
func TestTwoReplicasTwoLists(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t)
	e.set("REVOKE_APPROVERS", aliceID+","+amirID)
	older := e.join()
	e.set("REVOKE_APPROVERS", aliceID)
	newer := e.join()
	crowd := e.crowd(3)
	refuses := func(at *replica, who string, p person) {
		t.Helper()
		e.to(at)
		before := len(e.refusals(who))
		e.acked(e.press(who, e.liveCard(p), bot.ActionConfirm))
		e.await(longer, who+" is refused", func() bool { return len(e.refusals(who)) > before })
	}
	revokes := func(at *replica, who string, p person) {
		t.Helper()
		e.to(at)
		e.acked(e.press(who, e.liveCard(p), bot.ActionConfirm))
		e.await(longer, "the sessions are revoked", func() bool { return e.told(p) })
	}
	e.to(older)
	for _, p := range crowd {
		e.asks(p)
		e.liveCard(p)
	}
	refuses(older, amirID, crowd[0])
	refuses(older, aliceID, crowd[0])
	refuses(newer, amirID, crowd[0])
	if posts := e.postsTo(); len(posts) > 0 {
		t.Fatalf("somebody was revoked: %v", posts)
	}
	e.await(longer, "the older one says so in its log", func() bool { return strings.Contains(older.log.String(), "older rules than another one") })
	if strings.Contains(newer.log.String(), "older rules than another one") {
		t.Error("the newer one takes itself for older")
	}
	revokes(newer, aliceID, crowd[0])

	e.set("REVOKE_APPROVERS", aliceID+","+amirID)
	e.join()
	revokes(older, amirID, crowd[1])
	refuses(newer, aliceID, crowd[2])
	e.exactlyOnce(crowd[:2])
}

// refusals are what somebody alone read of another copy's rules, or of not being an approver.
func (e *ensemble) refusals(who string) (all []string) {
	for _, m := range e.slack.Ephemerals(who) {
		if text := plain(m); strings.Contains(text, otherCopy) || strings.Contains(text, "You are not an approver") {
			all = append(all, text)
		}
	}
	return all
}
