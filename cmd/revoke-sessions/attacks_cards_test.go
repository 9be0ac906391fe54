package main

import (
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// twoRequests are one about Carol and then, live in the raid, Bob's own.
func twoRequests(r *raid) {
	carolsLaptop(r)
	bobsPhone(r)
}

// bothStand demands that neither card was removed as a stray, or changed.
func bothStand(r *raid) {
	cards := r.cards()
	if len(cards) != 2 || len(cards[0].Buttons()) != 3 || len(cards[1].Buttons()) != 3 {
		r.t.Errorf("a card has suffered:\n%s", r.board())
	}
}

// Buttons that stand nowhere, or elsewhere: nothing on a message is authority.
var cardAttacks = []attack{
	{
		name: "an approver's click on one card carries another request's ID", scene: twoRequests,
		attack: func(r *raid) {
			first := r.cards()[0]
			r.press(aliceID, func(c *slacktest.Click) { c.MessageTS = first.TS })
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: bothStand,
	},
	{
		name: "an ended request's card carries the live one's ID, to deny it",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.denies(amirID, "was a test")
			carolsLaptop(r)
		},
		attack: func(r *raid) {
			first := r.cards()[0]
			r.press(aliceID, func(c *slacktest.Click) { c.MessageTS, c.ActionID = first.TS, bot.ActionDeny })
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: func(r *raid) {
			r.alive()
			if open := r.slack.Views(aliceID); len(open) > 0 {
				r.t.Errorf("a form stands open: %q", open[0].Title)
			}
		},
	},
	{
		name: "the value is an ID that was never drawn", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.Value = "REQ-AAAAAA" }),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the value is no ID but SQL", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.Value = "' OR 1=1 --" }),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the value names an account in place of a request", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.Value = `{"user":"` + objectID(1) + `"}` }),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the value is empty", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.Value = "" }),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the value is the ID in another spelling, which names no card", scene: carolsLaptop,
		attack: func(r *raid) {
			r.press(aliceID, func(c *slacktest.Click) { c.Value = strings.ToLower(r.request) })
		},
		reads: []string{"only:alice", "find that request among yours"},
		rows:  []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a button that is not on the card: Try again on an undecided request", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.ActionID = bot.ActionRetry }),
		reads:  []string{"only:alice", "There is nothing to try again"},
		rows:   []row{{"refused", "not_retryable", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's click comes again in its envelope", scene: revokedByAlice,
		attack:     func(r *raid) { r.acked(r.last.Replay()) },
		unrecorded: true, posts: 1, state: bot.Verified,
	},
	{
		name: "an approver's click comes again in another envelope", scene: revokedByAlice,
		attack:     func(r *raid) { r.acked(r.last.Redeliver()) },
		unrecorded: true, posts: 1, state: bot.Verified,
	},
	{
		name: "an approver's click comes again to a bot that has forgotten the envelope",
		scene: func(r *raid) {
			revokedByAlice(r)
			r.quiet()
			r.end()
			r.until("the old socket is gone", func() bool { return r.slack.Sockets() == 0 })
			r.begin()
			r.poll("the bot has started", func() bool { return r.count("policy_loaded") == 2 })
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, posts: 1, state: bot.Verified,
	},
	{
		name:   "the first of two approvals comes again and is no second",
		policy: two,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.press(aliceID, nil)
			r.cardSays("approved (1 of 2)")
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, state: bot.Pending,
	},
	{
		name: "the right value in another channel", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.ChannelID, c.Message = general, []byte(`{"app_id":"A0SLACKTEST"}`) }),
		reads:  []string{"only:alice", "This is not the live card"},
		rows:   []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the right value at the right time, but in a direct message", scene: carolsLaptop,
		attack: func(r *raid) {
			direct := r.slack.DirectChannel(aliceID)
			r.press(aliceID, func(c *slacktest.Click) { c.ChannelID = direct })
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name:  "an approver who asked confirms on her own receipt, where no such button stands",
		scene: func(r *raid) { r.ask(aliceID, "<@"+carolID+"> stolen laptop") },
		attack: func(r *raid) {
			receipt := r.receipt(aliceID)
			r.press(aliceID, func(c *slacktest.Click) { c.ChannelID, c.MessageTS = receipt.Channel, receipt.TS })
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); r.receipt(aliceID) },
	},
	{
		name: "the button stands on a message that only one person sees", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.Ephemeral = true }),
		reads:  []string{"only:alice", "This is not the live card"},
		rows:   []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the message is another app's", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) { c.MessageAppID = "A0OTHER" }),
		reads:  []string{"only:alice", "This is not the live card"},
		rows:   []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the click is meant for another app", scene: carolsLaptop,
		attack:     presses(aliceID, func(c *slacktest.Click) { c.AppID = "A0OTHER" }),
		unrecorded: true, log: "dropped: meant for another app", state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "two buttons in one click", scene: carolsLaptop,
		attack: presses(aliceID, func(c *slacktest.Click) {
			c.Edit = func(payload map[string]any) {
				actions := payload["actions"].([]any)
				payload["actions"] = append(actions, actions[0])
			}
		}),
		unrecorded: true, log: "2 actions in one click", state: bot.Pending, then: (*raid).alive,
	},
}

// revokedByAlice is a request that she has confirmed, by a click that can come
// again.
func revokedByAlice(r *raid) {
	carolsLaptop(r)
	r.press(aliceID, nil)
	r.cardSays("sessions are revoked", "Verified")
}

const lure = "C0LURE" // a channel of somebody who has the bot token

func addLure(r *raid) {
	r.slack.AddChannel(slacktest.Channel{ID: lure, Name: "lunch", Members: []string{aliceID, olgaID}, BotIsMember: true})
}

// Whoever has the bot token posts, edits and deletes as the bot.
var tokenAttacks = []attack{
	{
		name: "stolen token: the card's copy in another channel, pressed by an approver", before: addLure, scene: carolsLaptop,
		attack: func(r *raid) {
			channel, ts := r.postsWith(lure, content(r.card))
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionConfirm))
			r.gone(channel, ts)
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "stolen token: the card's copy in the same channel, with the same words", scene: carolsLaptop,
		attack: func(r *raid) {
			channel, ts := r.postsWith(approvals, content(r.card))
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionConfirm))
			r.gone(channel, ts)
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "stolen token: the card's copy in an approver's direct messages", scene: carolsLaptop,
		attack: func(r *raid) {
			channel, ts := r.postsWith(aliceID, content(r.card))
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionConfirm))
			r.gone(channel, ts)
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "stolen token: the copy as a reply in the card's own thread", scene: carolsLaptop,
		attack: func(r *raid) {
			channel, ts := r.postsWith(approvals, append(content(r.card), threadOf(r.card)))
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionConfirm))
			r.gone(channel, ts)
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "stolen token: the card's buttons now carry another request's ID", scene: twoRequests,
		attack: func(r *raid) {
			first := r.cards()[0]
			if _, _, _, err := r.stolen().UpdateMessage(approvals, first.TS, content(first, r.requestOf(first), r.request)...); err != nil {
				r.t.Fatal(err)
			}
			r.acked(r.slack.As(aliceID).Click(approvals, first.TS, bot.ActionConfirm))
		},
		reads: []string{"only:alice", "This is not the live card", "Open the card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: bothStand,
	},
	{
		name: "stolen token: the card reads as if it were about somebody else", scene: carolsLaptop,
		attack: func(r *raid) {
			forged := content(r.card, "Carol Target", "Bob Reporter", "carol@contoso.example", "bob@contoso.example")
			if _, _, _, err := r.stolen().UpdateMessage(approvals, r.card.TS, forged...); err != nil {
				r.t.Fatal(err)
			}
			r.cardSays("Revoke all sessions of Bob Reporter?")
			r.click(aliceID, bot.ActionConfirm)
		},
		// What was confirmed is what is stored, and the card says so again.
		reads: []string{"card", "Carol Target's sessions are revoked", "carol@contoso.example"},
		rows:  []row{{"approved", "", aliceID}}, posts: 1, state: bot.Verified, then: onlyOne(5),
	},
	{
		name: "stolen token: the card is deleted and its place taken", scene: carolsLaptop,
		attack: func(r *raid) {
			r.erase(false, nil)
			channel, ts := r.postsWith(approvals, content(r.card, "Carol Target", "Bob Reporter"))
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionConfirm))
			r.gone(channel, ts)
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
	},
}
