package main

import (
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// pressesApprove presses the button of an approval that others must follow, or whatever forge
// makes of it.
func pressesApprove(who string, forge func(*slacktest.Click)) func(*raid) {
	return presses(who, func(c *slacktest.Click) {
		c.ActionID = bot.ActionApprove
		if forge != nil {
			forge(c)
		}
	})
}

// readsNoDetails demands that somebody's modal says why it shows nothing, and nothing of
// the account.
func readsNoDetails(who, why string) func(*raid) {
	return func(r *raid) {
		shown := ""
		r.until("the modal is filled", func() bool {
			for _, v := range r.slack.Views(cast(who)) {
				shown = v.Plain()
			}
			return strings.Contains(shown, why)
		})
		for _, fact := range []string{"Carol", "Object ID", "carol@contoso.example", "stolen laptop"} {
			if strings.Contains(shown, fact) {
				r.t.Errorf("%s reads %q:\n%s", who, fact, shown)
			}
		}
	}
}

// The buttons of a card that takes several approvals, and the button that only shows more.
var approvalAttacks = []attack{
	{
		name: "the first of two approvals is given on another request's card", policy: two, scene: twoRequests,
		attack: func(r *raid) {
			first := r.cards()[0].TS
			pressesApprove(aliceID, func(c *slacktest.Click) { c.MessageTS = first })(r)
		},
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: bothStand,
	},
	{
		name: "the first of two approvals is given in a copy of the card", policy: two, scene: carolsLaptop,
		attack: pressesApprove(aliceID, func(c *slacktest.Click) {
			c.ChannelID, c.Message = general, []byte(`{"app_id":"A0SLACKTEST"}`)
		}),
		reads: []string{"only:alice", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the button of a first approval gives the last one", policy: two,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.approves(aliceID, "@alice approved (1 of 2)")
		},
		attack: pressesApprove(amirID, nil),
		reads:  []string{"only:amir", "Your approval would now be the last one, but your button did not say so."},
		rows:   []row{{"refused", "last_approval", amirID}}, state: bot.Pending,
	},
	{
		name: "the button of a first approval is pressed where one is enough", scene: carolsLaptop,
		attack: pressesApprove(aliceID, nil),
		reads:  []string{"only:alice", "Your approval would now be the last one, but your button did not say so."},
		rows:   []row{{"refused", "last_approval", aliceID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an outsider gives the first of two approvals", policy: two, scene: carolsLaptop,
		attack: pressesApprove(olgaID, nil),
		reads:  []string{"only:olga", "You are not an approver", "This was recorded."},
		rows:   []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the button of another first approval tries again after a failure",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.entra.Inject(refusedOnce)
			r.approves(aliceID, "Microsoft refused", "Try again")
		},
		attack: func(r *raid) { r.press(amirID, func(c *slacktest.Click) { c.ActionID = bot.ActionApproveRetry }) },
		reads:  []string{"only:amir", "Your approval would now be the last one, but your button did not say so."},
		rows:   []row{{"refused", "last_approval", amirID}}, posts: 1, state: bot.Failed,
	},
	{
		name: "an outsider presses Details", scene: carolsLaptop,
		attack: func(r *raid) { r.press(olgaID, func(c *slacktest.Click) { c.ActionID = bot.ActionDetails }) },
		reads:  []string{"form:olga", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", olgaID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); readsNoDetails("olga", "find that request among yours")(r) },
	},
	{
		name: "an outsider presses Details on a message of their own with a forged value", scene: carolsLaptop,
		attack: func(r *raid) {
			r.press(olgaID, func(c *slacktest.Click) {
				c.ActionID, c.ChannelID, c.Message = bot.ActionDetails, general, []byte(`{"app_id":"A0SLACKTEST"}`)
			})
		},
		reads: []string{"form:olga", "find that request among yours"},
		rows:  []row{{"refused", "unknown_request", olgaID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); readsNoDetails("olga", "find that request among yours")(r) },
	},
	{
		name: "the target, who did not ask, presses Details", scene: carolsLaptop,
		attack: func(r *raid) { r.press(carolID, func(c *slacktest.Click) { c.ActionID = bot.ActionDetails }) },
		reads:  []string{"form:carol", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", carolID}}, state: bot.Pending,
		then: func(r *raid) { r.alive(); readsNoDetails("carol", "find that request among yours")(r) },
	},
}
