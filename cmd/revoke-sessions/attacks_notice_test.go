package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// noNotice is read after a click that is not on the stored notice.
const noNotice = "This is not the notice of the current freeze, so your click changed nothing"

// pressesNotice presses End the freeze on the live notice, or whatever forge makes of
// that, whether or not the person could see it.
func (r *raid) pressesNotice(who string, forge func(*slacktest.Click)) {
	r.t.Helper()
	notice := r.notice("")
	r.last = r.slack.As(who).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = notice.Channel, notice.TS, bot.ActionUnfreeze, notice.Buttons()[0].Value
		if forge != nil {
			forge(c)
		}
	})
	r.acked(r.last)
}

func onNotice(who string, forge func(*slacktest.Click)) func(*raid) {
	return func(r *raid) { r.pressesNotice(who, forge) }
}

// opensEnd opens the form that ends the freeze.
func (r *raid) opensEnd(who string) slacktest.View {
	r.t.Helper()
	known := len(r.slack.Views(who))
	r.pressesNotice(who, nil)
	r.until("the form opens", func() bool { return len(r.slack.Views(who)) > known })
	return r.form(who, bot.UnfreezeCallback)
}

// agreesTo submits a form that ends the freeze.
func (r *raid) agreesTo(who string, form slacktest.View) {
	r.t.Helper()
	r.last = r.slack.As(who).Submit(form.ID, nil)
	r.acked(r.last)
}

// opensForms is a frozen scene in which these people have the form open.
func opensForms(who ...string) func(*raid) {
	return func(r *raid) {
		frozenByAlice(r)
		for _, id := range who {
			r.opensEnd(id)
		}
	}
}

// submitsEnd submits the open form.
func submitsEnd(who string) func(*raid) {
	return func(r *raid) { r.agreesTo(who, r.form(who, bot.UnfreezeCallback)) }
}

// forgesEnd submits the open form with another metadata.
func forgesEnd(who string, metadata func(number string) string) func(*raid) {
	return func(r *raid) {
		form := r.form(who, bot.UnfreezeCallback)
		number, _, _ := strings.Cut(form.PrivateMetadata, " ")
		r.submits(who, form, nil, func(_, view map[string]any) { view["private_metadata"] = metadata(number) })
	}
}

// askedByAmir is a freeze that Amir has asked to end by the button.
func askedByAmir(r *raid) {
	opensForms(amirID)(r)
	submitsEnd(amirID)(r)
	r.cardSays("@amir asked to end the freeze (1 of 2)")
}

// twoFreezes are one that is over, whose notice is first, and one that is on.
func twoFreezes(r *raid) {
	frozenByAlice(r)
	r.passes("61m")
	r.cardSays("Its time was up")
	r.typed(amirID, "freeze again")
	r.cardSays("@amir froze all revokes")
}

// stillAsks demands that the freeze is on and that nobody's wish to end it was counted.
func stillAsks(votes int) func(*raid) {
	return func(r *raid) {
		if f, on, err := r.reader().Frozen(r.t.Context()); err != nil || !on || len(f.Votes) != votes {
			r.t.Errorf("a freeze is on: %v, %d people asked to end it (%v)", on, len(f.Votes), err)
		}
		if !hasButton(r.notice(""), bot.ActionUnfreeze) {
			r.t.Error("the notice has lost its button")
		}
	}
}

// offNotice is a click that counts as no click on the notice.
func offNotice(name string, forge func(*slacktest.Click)) attack {
	return attack{
		name: "the notice of a freeze: " + name, scene: frozenByAlice, attack: onNotice(amirID, forge),
		reads: []string{"only:amir", noNotice, "Press End the freeze on the notice in the approvers' channel"},
		rows:  []row{{"refused", "wrong_place", amirID}}, state: bot.Pending,
		then: func(r *raid) { stillAsks(0)(r); r.noForm(amirID) },
	}
}

func (r *raid) noForm(who string) {
	if open := r.slack.Views(who); len(open) > 0 {
		r.t.Errorf("%s has a form open: %q", who, open[0].Title)
	}
}

// copied is a copy of the notice that somebody with the bot's token posted.
func copied(where, to string, options ...func(*raid) slacktest.Message) attack {
	return attack{
		name: "stolen token: a copy of a freeze's notice " + where, before: addLure, scene: frozenByAlice,
		attack: func(r *raid) {
			post := content(r.notice(""))
			for _, thread := range options {
				post = append(post, threadOf(thread(r)))
			}
			channel, ts := r.postsWith(to, post)
			r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionUnfreeze))
		},
		reads: []string{"only:alice", noNotice},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending,
		then: func(r *raid) {
			r.noForm(aliceID)
			if _, on, err := r.reader().Frozen(r.t.Context()); err != nil || !on {
				r.t.Errorf("no freeze is on (%v)", err)
			}
		},
	}
}

// The button of a freeze's notice, and its form.
var noticeAttacks = slices.Concat([]attack{
	offNotice("the value is the number of no freeze", func(c *slacktest.Click) { c.Value = "999" }),
	offNotice("the value is empty", func(c *slacktest.Click) { c.Value = "" }),
	offNotice("the value is no number but SQL", func(c *slacktest.Click) { c.Value = "1 OR 1=1" }),
	offNotice("the value is a request's ID", func(c *slacktest.Click) { c.Value = "REQ-AAAAAA" }),
	offNotice("the right value in another channel", func(c *slacktest.Click) {
		c.ChannelID, c.Message = general, []byte(`{"app_id":"A0SLACKTEST"}`)
	}),
	offNotice("the right value on another message", func(c *slacktest.Click) { c.MessageTS = "1700000000.000001" }),
	offNotice("the message is another app's", func(c *slacktest.Click) { c.MessageAppID = "A0OTHER" }),
	copied("in another channel", lure),
	copied("in the same channel", approvals),
	copied("in an approver's direct messages", aliceID),
	copied("as a reply in its own thread", approvals, func(r *raid) slacktest.Message { return r.notice("") }),
}, []attack{
	{
		name: "the button of a freeze's notice is pressed on a card", scene: frozenByAlice,
		attack: func(r *raid) { r.pressesNotice(amirID, func(c *slacktest.Click) { c.MessageTS = r.card.TS }) },
		reads:  []string{"only:amir", noNotice},
		rows:   []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "a card's button is pressed on the notice of a freeze", scene: frozenByAlice,
		attack: func(r *raid) {
			r.pressesNotice(amirID, func(c *slacktest.Click) { c.ActionID, c.Value = bot.ActionDeny, r.request })
		},
		reads: []string{"only:amir", "This is not the live card"},
		rows:  []row{{"refused", "wrong_place", amirID}}, state: bot.Pending,
	},
	{
		name: "the notice of an earlier freeze ends the freeze that is on", scene: twoFreezes,
		attack: func(r *raid) {
			first := r.stands("card")[1]
			r.pressesNotice(aliceID, func(c *slacktest.Click) { c.MessageTS, c.Value = first.TS, "1" })
		},
		reads: []string{"only:alice", noNotice},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the notice of an earlier freeze carries the number of the freeze that is on", scene: twoFreezes,
		attack: func(r *raid) {
			first := r.stands("card")[1]
			r.pressesNotice(aliceID, func(c *slacktest.Click) { c.MessageTS = first.TS })
		},
		reads: []string{"only:alice", noNotice},
		rows:  []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the notice of a freeze carries the number of an earlier one", scene: twoFreezes,
		attack: onNotice(aliceID, func(c *slacktest.Click) { c.Value = "1" }),
		reads:  []string{"only:alice", noNotice},
		rows:   []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the form of an earlier freeze is submitted while another one is on",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.opensEnd(aliceID)
			r.typed(aliceID, "unfreeze")
			r.typed(amirID, "unfreeze")
			r.cardSays("The freeze is over")
			r.typed(amirID, "freeze again")
			r.cardSays("@amir froze all revokes")
		},
		attack: submitsEnd(aliceID), reads: []string{"form:alice", noNotice},
		rows: []row{{"refused", "wrong_place", aliceID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "an outsider presses End the freeze", scene: frozenByAlice, attack: onNotice(olgaID, nil),
		reads: []string{"only:olga", "You are not an approver"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending,
		then: func(r *raid) { stillAsks(0)(r); r.noForm(olgaID) },
	},
	{
		name: "an outsider submits an approver's form that ends the freeze", scene: opensForms(amirID),
		attack: func(r *raid) {
			r.submits(amirID, r.form(amirID, bot.UnfreezeCallback), nil, func(payload, _ map[string]any) {
				payload["user"] = map[string]any{"id": olgaID, "team_id": "T0SLACKTEST"}
			})
		},
		reads: []string{"dm:olga", "This form is too old, so it did nothing"},
		rows:  []row{{"refused", "wrong_place", olgaID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "an outsider turns the form for a request into the end of a freeze, with her own refused click",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.pressesNotice(olgaID, nil)
			r.sees(false, []string{"only:olga", "You are not an approver"})
			r.passes("2m") // or her next refusal is only counted
			r.opensForm(olgaID)
		},
		attack: func(r *raid) {
			view := r.form(olgaID, bot.FormCallback)
			r.submits(olgaID, view, carol, func(_, forged map[string]any) {
				forged["callback_id"], forged["private_metadata"] = bot.UnfreezeCallback, before(view.PrivateMetadata)+" 1.1 End the freeze"
			})
		},
		reads: []string{"only:olga", "You are not an approver", "This was recorded"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the form for a denial's reason is submitted as the end of the freeze",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.click(amirID, bot.ActionDeny)
			r.form(amirID, bot.DenyCallback)
		},
		attack: func(r *raid) {
			view := r.form(amirID, bot.DenyCallback)
			r.submits(amirID, view, because("no"), func(_, forged map[string]any) {
				forged["callback_id"], forged["private_metadata"] = bot.UnfreezeCallback, view.PrivateMetadata+" 1.1 Ask to end the freeze"
			})
		},
		reads: []string{"form:amir", "This form is too old, so it did nothing"},
		rows:  []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the form that only asks carries a promise to end the freeze", scene: opensForms(amirID),
		attack: forgesEnd(amirID, func(number string) string { return number + " 1.1 End the freeze" }),
		reads:  []string{"form:amir", "The freeze changed while your form was open"},
		rows:   []row{{"refused", "freeze_changed", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "the form that ends a freeze carries no promise", scene: opensForms(amirID),
		attack: forgesEnd(amirID, func(number string) string { return number }),
		reads:  []string{"form:amir", "This form is too old, so it did nothing"},
		rows:   []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "one approver alone ends the freeze by its notice", scene: opensForms(amirID), attack: submitsEnd(amirID),
		reads: []string{"form:amir", "You asked to end the freeze (1 of 2)"},
		rows:  []row{{"unfreeze_asked", "", amirID}}, state: bot.Pending, then: stillAsks(1),
	},
	{
		name: "one approver presses End the freeze twice", scene: askedByAmir, attack: onNotice(amirID, nil),
		reads: []string{"only:amir", "You asked to end the freeze already, and each person counts once"},
		rows:  []row{{"refused", "already_voted", amirID}}, state: bot.Pending, then: stillAsks(1),
	},
	{
		name: "one approver asks by command while the form is open, and then submits it",
		scene: func(r *raid) {
			opensForms(amirID)(r)
			r.typed(amirID, "unfreeze")
			r.cardSays("@amir asked to end the freeze (1 of 2)")
		},
		attack: submitsEnd(amirID),
		reads:  []string{"form:amir", "You asked to end the freeze already, and each person counts once"},
		rows:   []row{{"refused", "already_voted", amirID}}, state: bot.Pending, then: stillAsks(1),
	},
	{
		name: "one person presses End the freeze under two Slack accounts", policy: twoOfThree,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.freezes(olgaID, "an odd card")
			r.agreesTo(aliceID, r.opensEnd(aliceID))
			r.cardSays("@alice asked to end the freeze (1 of 2)")
		},
		attack: onNotice(amirID, nil),
		reads:  []string{"only:amir", "You asked to end the freeze already, and each person counts once"},
		rows:   []row{{"refused", "already_voted", amirID}}, state: bot.Pending,
	},
	{
		name: "a press of End the freeze comes again", scene: func(r *raid) {
			opensForms(amirID)(r)
			r.slack.As(amirID).Close(r.form(amirID, bot.UnfreezeCallback).ID)
		},
		attack:     func(r *raid) { r.acked(r.last.Replay()); r.acked(r.last.Redeliver()) },
		unrecorded: true, state: bot.Pending,
		then: func(r *raid) { stillAsks(0)(r); r.noForm(amirID) },
	},
	{
		name: "the submission that asks to end the freeze comes again", scene: askedByAmir,
		attack:     func(r *raid) { r.acked(r.last.Replay()); r.acked(r.last.Redeliver()) },
		unrecorded: true, state: bot.Pending, then: stillAsks(1),
	},
	{
		name: "an approver is demoted while the form that ends the freeze is open", policy: bySlackGroup,
		scene: func(r *raid) {
			opensForms(amirID)(r)
			r.members(aliceID, olgaID)
			r.passes("2m")
		},
		attack: submitsEnd(amirID), reads: []string{"form:amir", "You are not an approver"},
		rows: []row{{"refused", "not_approver", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "whose vote made a form the last one is demoted", policy: bySlackGroup,
		scene: func(r *raid) {
			askedByAmir(r)
			r.opensEnd(aliceID)
			r.members(aliceID, olgaID)
			r.passes("2m")
		},
		attack: submitsEnd(aliceID), reads: []string{"form:alice", "the form no longer said what your click does"},
		rows: []row{{"refused", "freeze_changed", aliceID}}, state: bot.Pending, then: stillAsks(1),
	},
	{
		name: "the button is pressed after the freeze is over",
		scene: func(r *raid) {
			frozenByAlice(r)
			r.passes("61m")
			r.cardSays("Its time was up")
		},
		attack: func(r *raid) {
			notice := r.stands("card")[1]
			r.acked(r.slack.As(amirID).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, notice.TS, bot.ActionUnfreeze, "1"
			}))
		},
		reads: []string{"only:amir", "No freeze is on"},
		rows:  []row{{"refused", "not_frozen", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form is submitted after the freeze is over", policy: `{version: 1, approvers: [U0ALICE, U0AMIR], freeze: {max: 10m}}`,
		scene: func(r *raid) {
			opensForms(amirID)(r)
			r.passes("11m")
			r.cardSays("Its time was up")
		},
		attack: submitsEnd(amirID), reads: []string{"form:amir", "No freeze is on"},
		rows: []row{{"refused", "not_frozen", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form is submitted when its click is not stored any more", policy: `{version: 1, approvers: [U0ALICE, U0AMIR], freeze: {max: 24h}}`,
		scene: func(r *raid) {
			opensForms(amirID)(r)
			r.passes("61m")
			r.poll("the click is erased", func() bool {
				var kept int
				err := r.sql().QueryRow(`SELECT count(*) FROM arrivals WHERE body <> ''`).Scan(&kept)
				return err == nil && kept == 0
			})
		},
		attack: submitsEnd(amirID), reads: []string{"form:amir", "This form is too old, so it did nothing"},
		rows: []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: stillAsks(0),
	},
	{
		name: "an approver of an older list presses End the freeze", scene: thenOutdated(frozenByAlice), attack: onNotice(amirID, nil),
		reads: []string{"only:amir", otherCopy},
		rows:  []row{{"refused", "other_rules", amirID}}, state: bot.Pending,
		then: func(r *raid) { stillFrozen(r); r.noForm(amirID) },
	},
	{
		name: "an approver of an older list submits the form that ends the freeze", scene: thenOutdated(opensForms(amirID)),
		attack: submitsEnd(amirID), reads: []string{"form:amir", otherCopy},
		rows: []row{{"refused", "other_rules", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		name: "a freeze's reason is bait on the form", scene: func(r *raid) {
			carolsLaptop(r)
			r.freezes(aliceID, "<!channel> <https://evil.example|the card> *Revoked*")
		},
		attack:     func(r *raid) { r.opensEnd(amirID) },
		unrecorded: true, state: bot.Pending,
		then: func(r *raid) {
			var blocks []map[string]any
			if err := json.Unmarshal(r.form(amirID, bot.UnfreezeCallback).Blocks, &blocks); err != nil {
				r.t.Fatal(err)
			}
			for _, b := range blocks {
				if text := fmt.Sprint(b); b["type"] != "rich_text" || strings.Contains(text, "type:broadcast") || strings.Contains(text, "type:link") {
					r.t.Errorf("the form holds %s", text)
				}
			}
		},
	},
})
