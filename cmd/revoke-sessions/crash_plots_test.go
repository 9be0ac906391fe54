package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// plot is what people do and what comes of it, however often the bot dies.
type plot struct {
	// policy is a policy file, empty for none.
	policy string
	// acts is all that people do, and ends when they have read the end.
	acts func(m *mortal)
	// rows are how often an action may be on record; of others nothing is said.
	rows map[string]span
	// posts are what Graph may have got.
	posts span
}

// notKnown is read where the bot may have died in a call.
const notKnown = "not known yet whether"

const twoApprovals = `version: 1
approvers: [U0ALICE, U0AMIR, U0OLGA]
lanes:
  third_party: {approvals: 2}
`

// calls are the POSTs of the bot to Graph that fail in some way.
func (m *mortal) calls(f graphtest.Fault) {
	f.Method, f.PathSuffix = http.MethodPost, "invalidateAllRefreshTokens"
	m.entra.Inject(f)
}

var plots = map[string]plot{
	"own device": {
		acts: func(m *mortal) {
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Verified")
			m.reads("thread", "Still open, and until when")
			m.reads("dm:bob", "Done: your sessions are revoked")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "verified": once, "failed": never},
		posts: span{1, 1},
	},
	"somebody else": {
		acts: func(m *mortal) {
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(olgaID, bot.ActionConfirm) // who may not
			m.asks(amirID, "<@"+carolID+"> seen in a bar")
			m.reads("thread", "Also asked by", "seen in a bar")
			m.asks(amirID, "<@"+carolID+"> and it is open")
			m.reads("thread", "and it is open")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Verified")
			m.reads("dm:carol", "Your security team ended your sessions")
			m.reads("dm:bob", "sessions are revoked")
			m.reads("dm:amir", "sessions are revoked")
		},
		rows:  map[string]span{"requested": once, "joined": {2, 4}, "refused": {1, 9}, "approved": once, "revoked": once, "verified": once},
		posts: span{1, 1},
	},
	"denied": {
		acts: func(m *mortal) {
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.denies(aliceID, "wrong person")
			m.reads("card", "denied by")
			m.reads("dm:bob", "denied by")
		},
		rows:  map[string]span{"requested": once, "denied": once, "approved": never},
		posts: never,
	},
	"through the Home tab": {
		acts: func(m *mortal) {
			m.readsHome(bobID, "[I lost a device]")
			m.fills(bobID, bot.ActionHomeOwn, slacktest.Values{bot.FormReasonBlock: {bot.FormReasonAction: "lost my phone"}})
			m.readsHome(bobID, "Your open requests", "your own device")
			m.readsHome(aliceID, "Waiting for you", "Bob Reporter", "lost my phone")
			m.inForm(bobID, bot.CancelCallback, func() bool { return m.count("cancel_asked") > 0 }, func() { m.pressesHome(bobID, bot.ActionHomeCancel) }, nil)
			m.reads("card", "asks to cancel")
			m.denies(aliceID, "found in a taxi")
			m.reads("card", "denied by")
			m.readsHome(aliceID, "Nothing waits for you.")
			m.readsHome(bobID, "[I lost a device]")
			m.noHomeSays(bobID, "Your open requests")
		},
		rows:  map[string]span{"requested": once, "cancel_asked": once, "denied": once, "approved": never},
		posts: never,
	},
	"by a shortcut on a message": {
		acts: func(m *mortal) {
			ts := m.slack.As(carolID).Say(general, "", "my laptop is gone")
			m.inForm(olgaID, bot.FormCallback, func() bool { return m.count("requested") > 0 }, func() {
				m.does(func() *slacktest.Delivery {
					return m.slack.As(olgaID).MessageShortcut(bot.MessageShortcut, general, ts)
				})
			}, slacktest.Values{bot.FormReasonBlock: {bot.FormReasonAction: "she wrote so"}})
			m.reads("card", "Carol Target", "she wrote so", "From: a message")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "verified": once},
		posts: span{1, 1},
	},
	"denied without a form": {
		policy: "version: 1\napprovers: [U0ALICE, U0AMIR]\nlanes:\n  self: {on_timeout: execute}\n",
		acts: func(m *mortal) {
			m.slack.Inject(slacktest.Fault{Method: "views.open", Error: "expired_trigger_id"})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionDeny)
			// A press that the dead bot may have stored is pressed again.
			m.readsAny("card", "Nothing is denied yet", "denied by")
			m.later(16 * time.Minute)
			if !m.denied() {
				m.presses(aliceID, bot.ActionDeny)
			}
			m.reads("card", "denied by")
			m.reads("dm:bob", "denied by")
		},
		rows:  map[string]span{"requested": once, "deny_asked": {1, 9}, "denied": once, "approved": never},
		posts: never,
	},
	"cancelled": {
		acts: func(m *mortal) {
			m.asks(bobID, "") // which opens a form
			m.submits(bobID, carolID, "stolen laptop")
			m.pressesReceipt(bobID, bot.ActionCancel)
			m.reads("card", "cancelled the request")
		},
		rows:  map[string]span{"requested": once, "cancelled": once, "approved": never},
		posts: never,
	},
	"wish to cancel, then carried out by the clock": {
		policy: "version: 1\napprovers: [U0ALICE, U0AMIR]\nlanes:\n  self: {on_timeout: execute}\n",
		acts: func(m *mortal) {
			m.asks(bobID, "me lost my phone")
			m.pressesReceipt(bobID, bot.ActionCancel)
			m.reads("thread", "Phone them first")
			m.asks(bobID, "cancel "+m.newest())
			m.later(16 * time.Minute)
			m.reads("card", "sessions are revoked", "Verified")
			m.reads("dm:bob", "automatic: nobody decided in time")
		},
		rows: map[string]span{"requested": once, "cancel_asked": once, "cancel_asked_again": {1, 4}, "approved": once, "revoked": once,
			"verified": once, "cancelled": never},
		posts: span{1, 1},
	},
	"the clock may not": {
		policy: "version: 1\napprovers: [U0ALICE, U0AMIR]\nlanes:\n  self: {on_timeout: execute}\n",
		acts: func(m *mortal) {
			m.asks(carolID, "me gone")
			m.liveCard(bot.ActionConfirm)
			m.role(false, []string{"carol", "global"})
			m.later(16 * time.Minute)
			m.reads("thread", "It was not carried out automatically")
			m.reads("dm:carol", "It was not carried out automatically")
		},
		rows:  map[string]span{"requested": once, "not_executed": once, "approved": never},
		posts: never,
	},
	"nobody decides": {
		policy: "version: 1\napprovers: [U0ALICE, U0AMIR]\nreminders:\n  after: 10m\n  factor: 2\n  max: 2\n  escalate: {after: 31m, to: [U0OLGA]}\n",
		acts: func(m *mortal) {
			m.asks(bobID, "<@"+amirID+"> stolen laptop")
			m.liveCard(bot.ActionConfirm)
			m.later(11 * time.Minute)
			m.reads("thread", "nobody has decided this yet")
			m.later(21 * time.Minute)
			m.reads("thread", "please get one of the approvers")
			m.later(8 * time.Hour)
			m.reads("card", "nobody decided in 8 hours")
			m.reads("dm:bob", "nobody decided in 8 hours")
		},
		rows:  map[string]span{"requested": once, "reminded": twice, "escalated": once, "expired": once, "approved": never},
		posts: never,
	},
	"two approvals, one of which lapses": {
		policy: twoApprovals,
		acts: func(m *mortal) {
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(aliceID, bot.ActionApprove)
			m.reads("card", "@"+aliceID+" approved (1 of 2)")
			m.presses(amirID, bot.ActionDetails)
			m.slackAccount(false, []string{"alice", "deleted"})
			m.later(6 * time.Minute)
			m.presses(amirID, bot.ActionConfirm)
			m.reads("card", "@"+amirID+" approved (1 of 2)")
			m.reads("thread", "no longer counts")
			m.presses(olgaID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Approved by @"+amirID+" and @"+olgaID, "Verified")
		},
		rows:  map[string]span{"requested": once, "approval": twice, "approval_lapsed": once, "approved": once, "revoked": once, "verified": once},
		posts: span{1, 1},
	},
	"void": {
		acts: func(m *mortal) {
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.liveCard(bot.ActionConfirm)
			carol := m.entraID("carol")
			m.entra.Update(carol, func(u *graphtest.User) { u.UserPrincipalName = "carola@contoso.example" })
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "Changed since the card was made")
			m.reads("card", "Revoke all sessions of Carol Target?", "This replaces REQ-")
			m.entra.Remove(carol)
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "the account no longer exists")
			m.reads("dm:bob", "the account no longer exists")
		},
		rows:  map[string]span{"requested": once, "void": twice, "previewed_again": once, "approved": never},
		posts: never,
	},
	"Microsoft refuses, then tried again": {
		acts: func(m *mortal) {
			m.refusedOnce()
			m.presses(amirID, bot.ActionRetry)
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": twice, "failed": maybe, "revoked": once, "verified": once},
		posts: span{2, 3},
	},
	"Microsoft refuses, and nobody tries again": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 403})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Microsoft has refused all that it was asked", m.refusedByMicrosoft)
			m.readsAny("dm:bob", "Microsoft refused", notKnown)
			m.later(25 * time.Hour)
			m.poll("the time to try again is over", func() bool { return m.count("retry_closed")+m.count("stopped_looking") == 1 })
		},
		rows:  map[string]span{"requested": once, "approved": once, "failed": maybe, "revoked": never},
		posts: span{1, 2},
	},
	"no clear answer, then a second call": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 504, Times: 1})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			// Dead before the first call, the second gets no clear answer, and there is
			// no third by itself.
			m.poll("it is done, or known that it is not", func() bool {
				unclear := slices.ContainsFunc(m.stands("card"), func(s slacktest.Message) bool {
					return strings.Contains(plain(s), "The account does not show a change.")
				})
				return m.count("revoked") == 1 || m.count("executing") == 2 && m.count("unknown") == 2 && unclear
			})
			if m.count("revoked") == 0 {
				m.presses(amirID, bot.ActionRetry)
			}
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": {1, 2}, "unknown": {1, 2}, "executing": {2, 3}, "revoked": once, "verified": once, "failed": never},
		posts: span{2, 2},
	},
	"no clear answer, ever": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 502})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "The account does not show a change.", "I look again")
			m.reads("dm:bob", notKnown)
			m.later(25 * time.Hour)
			m.poll("it has stopped looking", func() bool { return m.count("stopped_looking") == 1 })
		},
		rows:  map[string]span{"requested": once, "approved": once, "executing": twice, "revoked": never, "failed": never, "stopped_looking": once},
		posts: span{1, 2},
	},
	"Microsoft asks to wait": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 429, RetryAfter: "60"})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Microsoft has asked to wait", m.askedToWait)
			m.asks(carolID, "me lost mine too")
			m.poll("that is stored", func() bool { return m.count("requested") == 2 })
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Carol's waits in line", func() bool { return m.count("queued") == 1 })
			m.settle()
			m.entra.ClearFaults()
			m.later(61 * time.Second)
			m.reads("dm:bob", "Done: your sessions are revoked")
			m.later(61 * time.Second)
			m.reads("dm:carol", "Done: your sessions are revoked")
			m.poll("both are verified", func() bool { return m.count("verified") == 2 })
		},
		rows:  map[string]span{"requested": twice, "queued": once, "revoked": twice, "verified": twice, "failed": never},
		posts: span{3, 4},
	},
	"Microsoft asks to wait, and the clock is set back": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 429, RetryAfter: "60"})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Microsoft has asked to wait", m.askedToWait)
			m.settle()
			m.entra.ClearFaults()
			m.later(-3 * time.Hour)
			m.poll("it is on record", func() bool { return m.count("clock_set_back") > 0 })
			m.later(61 * time.Second)
			m.reads("dm:bob", "Done: your sessions are revoked")
			m.poll("it is verified", func() bool { return m.count("verified") == 1 })
		},
		rows:  map[string]span{"requested": once, "clock_set_back": {1, 9}, "revoked": once, "verified": once, "failed": never},
		posts: span{2, 3},
	},
	"frozen and thawed": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 429, RetryAfter: "60"})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Microsoft has asked to wait", m.askedToWait)
			m.asks(aliceID, "freeze I am not sure")
			m.reads("card", "froze all revokes")
			m.settle()
			m.entra.ClearFaults()
			m.later(61 * time.Second)
			m.poll("it is held back, or looked at again and again", func() bool { return m.count("held")+m.count("unknown") > 0 })
			m.asks(aliceID, "unfreeze")
			m.reads("card", "asked to end the freeze (1 of 2)")
			m.asks(amirID, "unfreeze")
			m.reads("card", "The freeze is over.")
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows: map[string]span{"requested": once, "held": maybe, "frozen": once, "unfreeze_asked": once, "unfrozen": once,
			"revoked": once, "verified": once},
		posts: span{2, 3},
	},
	"frozen and thawed by the button of the notice": {
		acts: func(m *mortal) {
			m.asks(aliceID, "freeze I am not sure")
			m.reads("card", "froze all revokes")
			m.agrees(amirID, 1)
			m.reads("card", "asked to end the freeze (1 of 2)")
			m.agrees(aliceID, 2)
			m.reads("card", "The freeze is over.", "ended it; @U0AMIR asked before")
		},
		rows:  map[string]span{"frozen": once, "unfreeze_asked": once, "unfrozen": once},
		posts: never,
	},
	"an approver is taken off the list while it waits": {
		policy: bySlackGroup,
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 429, RetryAfter: "600"})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("Microsoft has asked to wait", m.askedToWait)
			m.settle()
			m.entra.ClearFaults()
			m.slack.UpdateUserGroup("S0SECURITY", func(g *slacktest.UserGroup) { g.Members = []string{amirID} })
			m.slack.Inject(slacktest.Fault{Method: "users.info", Error: "internal_error"})
			m.later(601 * time.Second)
			// Dead in the call, its outcome is not known, and there is no second one.
			m.readsAny("card", "approved, but not carried out yet. Slack does not answer.", notKnown)
			m.slack.ClearFaults()
			m.later(5 * time.Minute)
			m.readsAny("card", "Please decide again.", "I make no second call")
			if m.count("reopened") == 1 {
				m.reads("dm:bob", "your request waits for a decision again")
				m.presses(amirID, bot.ActionConfirm)
			} else {
				m.presses(amirID, bot.ActionRetry)
			}
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows: map[string]span{"requested": once, "unasked": maybe, "approval_lapsed": maybe, "reopened": maybe, "withheld": maybe,
			"approved": {2, 4}, "revoked": once, "verified": once},
		posts: span{2, 3},
	},
	"an approver is taken off the list before a second call": {
		policy: bySlackGroup,
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 502, Times: 1})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.liveCard(bot.ActionConfirm)
			m.graphFault(false, []string{"unreadable-after-post"})
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("the outcome is unknown", func() bool { return m.count("unknown") == 1 })
			m.settle()
			m.later(90 * time.Second)
			begun := m.count("executing")
			m.slack.UpdateUserGroup("S0SECURITY", func(g *slacktest.UserGroup) { g.Members = []string{amirID} })
			m.entra.ClearFaults()
			m.later(5 * time.Minute)
			// Dead between the row of a call and the call, it has made the second one before
			// the list changed: there is no third to withhold.
			if begun == 1 {
				m.reads("card", "I make no second call")
			}
			m.settle()
			if n := m.count("executing"); n != begun {
				m.t.Errorf("%d calls were begun when the approver was none any more", n-begun)
			}
		},
		rows:  map[string]span{"requested": once, "approved": once, "unknown": {1, 2}, "withheld": maybe, "executing": {1, 2}},
		posts: span{0, 1},
	},
	"the channel is archived when somebody wants to cancel": {
		acts: func(m *mortal) {
			m.asks(bobID, "me lost my phone")
			m.liveCard(bot.ActionConfirm)
			m.poll("the receipt stands", func() bool { return m.places(m.newest())["receipt:"+bobID].TS != "" })
			m.settle()
			m.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.Archived = true })
			m.pressesReceipt(bobID, bot.ActionCancel)
			m.reads("dm:alice", "asks to cancel", "I cannot reach the approvers' channel")
			m.reads("dm:amir", "asks to cancel")
			m.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.Archived = false })
			m.later(61 * time.Second)
			m.reads("thread", "asks to cancel")
			m.reads("dm:amir", "Now you can deny it on the card")
			m.denies(aliceID, "I have phoned him")
			m.reads("card", "denied by @U0ALICE")
		},
		rows:  map[string]span{"requested": once, "denied": once, "executing": never},
		posts: never,
	},
	"a freeze ends by itself": {
		acts: func(m *mortal) {
			m.asks(aliceID, "freeze I am not sure")
			m.reads("card", "froze all revokes")
			m.later(61 * time.Minute)
			m.reads("card", "The freeze is over.", "Its time was up.")
		},
		rows:  map[string]span{"frozen": once, "unfrozen": once},
		posts: never,
	},
	"the account does not show it": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 200, Body: []byte(`{"value":true}`)})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Not visible in the account yet")
			m.later(5 * time.Minute)
			m.reads("thread", "Treat it as not done")
			m.reads("dm:bob", "as not revoked")
			m.reads("dm:carol", "asked Microsoft to end your sessions")
			m.entra.ClearFaults()
			m.account(false, []string{"carol", "stamped"})
			m.later(16 * time.Minute)
			m.reads("card", "sessions are revoked", "Verified")
			m.reads("dm:bob", "are revoked")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "unmoved_told": once, "verified": once},
		posts: span{1, 2},
	},
	"a second try is in doubt": {
		acts: func(m *mortal) {
			m.refusedOnce()
			m.calls(graphtest.Fault{Status: 200, Body: []byte(`{"value":true}`)})
			m.presses(amirID, bot.ActionRetry)
			m.reads("card", "sessions are revoked", "Not visible in the account yet")
			m.reads("dm:bob", "Microsoft accepted the revoke of Carol Target's sessions") // below the refusal, so a message of its own
			m.settle()
			m.later(5 * time.Minute)
			m.reads("dm:bob", "as not revoked")
			m.reads("thread", "Treat it as not done")
		},
		rows:  map[string]span{"requested": once, "approved": twice, "failed": maybe, "revoked": once, "unmoved_told": once},
		posts: span{2, 3},
	},
	"a doubt, too old to edit": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Status: 200, Body: []byte(`{"value":true}`)})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "Not visible in the account yet")
			m.reads("thread", "Still open, and until when")
			m.idles()
			m.slack.Inject(slacktest.Fault{Method: "chat.update", Error: "edit_window_closed"})
			m.moves(5 * time.Minute)
			m.reads("thread", "Still open: everything, as far as the account shows.")
			m.reads("dm:bob", "as not revoked")
			m.idles()
			m.slack.ClearFaults()
			m.reads("card", "Treat it as not done")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "unmoved_told": once},
		posts: span{1, 2},
	},
	"the account cannot be read": {
		acts: func(m *mortal) {
			m.graphFault(false, []string{"unreadable-after-post"})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.presses(aliceID, bot.ActionConfirm)
			m.readsAny("card", "I could not read the account since", "I cannot read the account", "Checking the account")
			m.later(5 * time.Minute)
			m.readsAny("thread", "I cannot verify that", notKnown)
			m.readsAny("dm:bob", "I cannot verify that", notKnown)
			m.settle()
			m.entra.ClearFaults()
			m.later(16 * time.Minute)
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "unread_told": maybe, "verified": once},
		posts: span{1, 1},
	},
	"drill": {
		acts: func(m *mortal) {
			m.asks(bobID, "drill <@"+carolID+">")
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "DRILL: Carol Target: rehearsed")
			m.reads("dm:carol", "rehearsed")
		},
		rows:  map[string]span{"requested": once, "drilled": once, "revoked": never},
		posts: never,
	},
	"a card is deleted": {
		acts: func(m *mortal) {
			m.asks(bobID, "me lost my phone")
			m.liveCard(bot.ActionConfirm)
			m.erase(false, nil)
			m.asks(bobID, "me it was stolen")
			// The new card stands before that is recorded where a bot died in between.
			m.poll("the second ask has joined the first", func() bool { return m.count("joined") > 0 })
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "joined": {1, 3}, "approved": once, "revoked": once, "verified": once},
		posts: span{1, 1},
	},
	"a card that nobody knows of": {
		acts: func(m *mortal) {
			m.slack.Inject(slacktest.Fault{Method: "chat.postMessage", After: true, Reset: true, Times: 1,
				Match: func(p map[string]string) bool { return p["channel"] == approvals }})
			m.asks(bobID, "me lost my phone")
			m.poll("a card stands", func() bool { return len(m.cards()) > 0 })
			m.idles()
			m.moves(6 * time.Second)
			m.presses(aliceID, bot.ActionConfirm)
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "verified": once},
		posts: span{1, 1},
	},
	"the channel is closed to the bot": {
		acts: func(m *mortal) {
			m.channel(false, []string{"without"})
			m.asks(bobID, "<@"+carolID+"> stolen laptop")
			m.reads("dm:alice", "Carol Target: a request waits")
			m.reads("dm:bob", "could not post it to the approvers' channel yet")
			m.idles()
			m.channel(false, []string{"restored"})
			m.moves(61 * time.Second)
			m.clears(aliceID, bot.ActionConfirm)
			m.settle()
			m.channel(false, []string{"archived"})
			m.entra.SetReplicationLag(2 * time.Minute) // so that what is told elsewhere changes, too
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("it is not visible yet", func() bool { return m.count("not_visible_yet") == 1 })
			m.reads("dm:alice", "sessions are revoked", "Not visible in the account yet")
			m.idles()
			m.moves(6 * time.Minute)
			m.poll("it is verified", func() bool { return m.count("verified") == 1 })
			m.reads("dm:bob", "sessions are revoked")
			m.idles()
			m.channel(false, []string{"restored"})
			m.moves(2 * time.Minute)
			m.reads("card", "sessions are revoked", "Verified")
			m.reads("thread", "Still open, and until when")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "not_visible_yet": once, "verified": once},
		posts: span{1, 2}, // a call whose answer died with its bot is made a second time: the stamp has not moved yet
	},
	"too old to edit": {
		acts: func(m *mortal) {
			m.asks(bobID, "me lost my phone")
			m.liveCard(bot.ActionConfirm)
			m.settle()
			m.slack.Inject(slacktest.Fault{Method: "chat.update", Error: "edit_window_closed"})
			m.entra.SetReplicationLag(2 * time.Minute) // so that what is told in the thread changes, too
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("it is not visible yet", func() bool { return m.count("not_visible_yet") == 1 })
			m.reads("card", "Not visible in the account yet")
			m.idles()
			m.moves(6 * time.Minute)
			m.poll("it is verified", func() bool { return m.count("verified") == 1 })
			m.reads("dm:bob", "your sessions are revoked")
			m.idles()
			m.slack.ClearFaults()
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "not_visible_yet": once, "verified": once},
		posts: span{1, 2}, // as above
	},
	"nobody can be written to": {
		acts: func(m *mortal) {
			m.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Error: "messages_tab_disabled",
				Match: func(p map[string]string) bool { return p["channel"] == bobID }})
			m.slack.Inject(slacktest.Fault{Method: "response_url", Status: 404})
			m.asks(bobID, "me lost my phone")
			m.liveCard(bot.ActionConfirm)
			m.settle()
			m.entra.SetReplicationLag(2 * time.Minute) // so that there is more to tell later
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("it is not visible yet", func() bool { return m.count("not_visible_yet") == 1 })
			m.reads("thread", "I could not write to @U0BOB")
			m.idles()
			m.slack.ClearFaults()
			m.moves(6 * time.Minute)
			m.poll("it is verified", func() bool { return m.count("verified") == 1 })
			m.reads("dm:bob", "your sessions are revoked")
			m.reads("thread", "They have my message now")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "not_visible_yet": once, "verified": once},
		posts: span{1, 2},
	},
	"answers by direct message": {
		acts: func(m *mortal) {
			m.slack.Inject(slacktest.Fault{Method: "response_url", Status: 500})
			m.asks(bobID, "help")
			m.asks(olgaID, "freeze")
			m.asks(bobID, "me lost my phone")
			m.liveCard(bot.ActionConfirm)
		},
		rows:  map[string]span{"requested": once, "refused": {1, 3}},
		posts: never,
	},
	"standing still in a call": {
		acts: func(m *mortal) {
			m.calls(graphtest.Fault{Hang: true, Apply: true, Times: 1})
			m.asks(bobID, "me lost my phone")
			m.presses(aliceID, bot.ActionConfirm)
			m.poll("it is asked", func() bool { return len(m.entra.Posts()) == 1 })
			m.tells() // or that would stand still, too, and somebody else say it again
			m.moves(11 * time.Second)
			m.poll("it is verified", func() bool { return m.count("verified") == 1 })
			m.reads("card", "sessions are revoked", "Verified")
		},
		rows:  map[string]span{"requested": once, "approved": once, "revoked": once, "verified": once, "late_answer": maybe},
		posts: span{1, 2},
	},
	"too few approvers": {
		policy: "version: 1\napprovers: [S0ALONE]\nlanes:\n  third_party: {approvals: 2}\n",
		acts:   func(m *mortal) { m.reads("card", "Too few approvers") },
		rows:   map[string]span{"coverage": once},
		posts:  never,
	},
}

// refusedOnce has a request about Carol refused by Microsoft, which takes the next calls.
func (m *mortal) refusedOnce() {
	m.t.Helper()
	m.calls(graphtest.Fault{Status: 403})
	m.asks(bobID, "<@"+carolID+"> stolen laptop")
	m.presses(aliceID, bot.ActionConfirm)
	m.poll("Microsoft has refused all that it was asked", m.refusedByMicrosoft)
	m.readsAny("dm:bob", "Microsoft refused", notKnown)
	m.settle()
	m.entra.ClearFaults()
}

// refusedByMicrosoft reports that the bot calls no more: it knows of a refusal,
// or the second call was one after a first in which it died.
func (m *mortal) refusedByMicrosoft() bool { return m.count("failed") == 1 || m.count("unknown") == 2 }

// askedToWait reports that the bot knows that Microsoft has asked to wait.
func (m *mortal) askedToWait() bool {
	for _, e := range m.rows("") {
		if e.Status == http.StatusTooManyRequests {
			return true
		}
	}
	return false
}
