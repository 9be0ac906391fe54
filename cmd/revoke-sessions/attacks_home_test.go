package main

import (
	"slices"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// luredTo has somebody press our button under a false label in their Home tab; value may
// be REQ-THIS.
func luredTo(who, action, value string) func(*raid) {
	return func(r *raid) { r.lured(who, action, strings.ReplaceAll(value, "REQ-THIS", r.request)) }
}

// luredInVain has somebody press, in their Home tab, a button that has no meaning there.
// It is pressed as it stands, so Slack shows an error.
func luredInVain(who, action, value string) func(*raid) {
	return func(r *raid) {
		value := strings.ReplaceAll(value, "REQ-THIS", r.request)
		r.lures(who, action, value)
		r.ignored(r.slack.As(who).PressHome(action, value))
	}
}

// formSays demands that the one form in front of somebody says the words.
func formSays(who string, words ...string) func(*raid) {
	return func(r *raid) {
		open := r.slack.Views(who)
		if len(open) != 1 || !containsAll(open[0].Plain(), mentioned(words)) {
			r.t.Errorf("the forms of %s do not say %q: %+v", who, words, open)
		}
	}
}

func every(checks ...func(*raid)) func(*raid) {
	return func(r *raid) {
		for _, check := range checks {
			check(r)
		}
	}
}

const (
	otherVersion = "not acked: a button, form or shortcut that this version of the bot does not know"
	notMine      = "I can't find that request among yours, so nothing was cancelled."
	tooOld       = "This form is too old, so nothing was cancelled."
)

// Whoever has the bot token publishes Home tabs with our buttons under other labels.
var homeAttacks = slices.Concat([]attack{
	{
		name: "stolen token: an approver presses a false label that reports her own device", scene: carolsLaptop,
		attack: luredTo(aliceID, bot.ActionHomeOwn, ""), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) {
			r.sees(false, []string{"form:alice", "Revoke sessions", "target: " + aliceID})
		}, noForms(aliceID)),
	},
	{
		name: "stolen token: the target presses a false label that reports somebody else", scene: carolsLaptop,
		attack: luredTo(carolID, bot.ActionHomeOther, "REQ-THIS"), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) {
			r.sees(false, []string{"form:carol", "Revoke sessions"})
			if text := r.form(carolID, bot.FormCallback).Plain(); strings.Contains(text, "target: ") || strings.Contains(text, "REQ-") {
				r.t.Errorf("the form says %s", text)
			}
		}, noForms(carolID)),
	},
	{
		name: "stolen token: an approver presses a false label that cancels another's request", scene: carolsLaptop,
		attack: luredTo(aliceID, bot.ActionHomeCancel, "REQ-THIS"), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) { r.sees(false, []string{"form:alice", notMine}) }, func(r *raid) {
			if v := r.slack.Views(aliceID)[0]; v.SubmitLabel != "" || strings.Contains(v.Plain(), "Carol") || strings.Contains(v.Plain(), r.request) {
				r.t.Errorf("the form can be sent, or says too much: %s", v.Plain())
			}
		}),
	},
	{
		name: "stolen token: the target presses a false label that cancels the request about them", scene: carolsLaptop,
		attack: luredTo(carolID, bot.ActionHomeCancel, "REQ-THIS"), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) { r.sees(false, []string{"form:carol", notMine}) }),
	},
	{
		name: "stolen token: a false label cancels what does not exist", scene: carolsLaptop,
		attack: luredTo(olgaID, bot.ActionHomeCancel, "REQ-ZZZZZZ"), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) { r.sees(false, []string{"form:olga", notMine}) }),
	},
	{
		name: "stolen token: a false label cancels a request of hostile text", scene: carolsLaptop,
		attack: luredTo(olgaID, bot.ActionHomeCancel, "' OR 1=1 -- <!channel> \u202e"), unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, func(r *raid) { r.sees(false, []string{"form:olga", notMine}) }, harmless(bobID, aliceID, amirID)),
	},
	{
		name: "stolen token: the reporter presses a false label that cancels her own request", scene: carolsLaptop,
		attack: luredTo(bobID, bot.ActionHomeCancel, "REQ-THIS"), unrecorded: true, state: bot.Pending,
		// The form says what it does, and to whom. Nothing happens until it is sent.
		then: every((*raid).alive, func(r *raid) {
			r.sees(false, []string{"form:bob", "This ends your request about Carol Target. Nothing is revoked.", "[Cancel request]", "[Go back]"})
		}),
	},
	{
		name: "stolen token: the reporter reads what a false label does, and goes back", scene: carolsLaptop,
		attack: func(r *raid) {
			luredTo(bobID, bot.ActionHomeCancel, "REQ-THIS")(r)
			r.acked(r.slack.As(bobID).Close(r.form(bobID, bot.CancelCallback).ID))
		},
		unrecorded: true, state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "stolen token: home buttons in a message", scene: carolsLaptop,
		attack: func(r *raid) {
			for _, action := range []string{bot.ActionHomeOwn, bot.ActionHomeOther, bot.ActionHomeCancel} {
				channel, ts := r.postsWith(approvals, content(r.card, bot.ActionConfirm, action))
				r.ignored(r.slack.As(aliceID).Click(channel, ts, action))
			}
		},
		unrecorded: true, log: otherVersion, state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "stolen token: home buttons in a modal, and on no view at all", scene: carolsLaptop,
		attack: func(r *raid) {
			for _, kind := range []any{"modal", "workflow_step", "", nil} {
				for _, action := range []string{bot.ActionHomeCancel, bot.ActionConfirm} {
					r.ignored(r.slack.As(bobID).PressHomeRaw(inView(r, action, kind)))
				}
			}
		},
		unrecorded: true, log: otherVersion, state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "a press in a Home tab without a view, and in one without an ID", scene: carolsLaptop,
		attack: func(r *raid) {
			request := r.request
			// Nobody can have pressed that, so it is acked and not stored.
			r.acked(r.slack.As(bobID).PressHomeRaw(func(c *slacktest.Click) {
				c.ActionID, c.Value = bot.ActionHomeCancel, request
				c.Edit = func(p map[string]any) { delete(p, "view") }
			}))
			r.acked(r.slack.As(bobID).PressHomeRaw(func(c *slacktest.Click) {
				c.ActionID, c.Value = bot.ActionHomeCancel, request
				c.Edit = func(p map[string]any) { p["view"] = map[string]any{"type": "home"} }
			}))
		},
		unrecorded: true, log: "envelope could not be read", state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "a press in the Home tab of another app", scene: carolsLaptop,
		attack: func(r *raid) {
			request := r.request
			r.acked(r.slack.As(bobID).PressHomeRaw(func(c *slacktest.Click) {
				c.ActionID, c.Value, c.AppID = bot.ActionHomeCancel, request, "A0OTHER"
			}))
		},
		unrecorded: true, log: "meant for another app", state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "a press in the Home tab comes again", scene: bobsPhone,
		attack: func(r *raid) {
			r.opensHome(bobID, r.request)
			r.pressesHome(bobID, bot.ActionHomeCancel, r.request)
			r.acked(r.slack.As(bobID).Close(r.form(bobID, bot.CancelCallback).ID))
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, state: bot.Pending, then: every((*raid).alive, noForms()),
	},
	{
		name: "the Home tab's form is opened by a trigger that Slack does not know", scene: bobsPhone,
		attack: func(r *raid) {
			request := r.request
			r.acked(r.slack.As(bobID).PressHomeRaw(func(c *slacktest.Click) {
				c.ActionID, c.Value = bot.ActionHomeCancel, request
				c.Edit = func(p map[string]any) { p["trigger_id"] = "1.2.3" }
			}))
		},
		unrecorded: true, state: bot.Pending,
		then: every((*raid).alive, noForms(), func(r *raid) {
			r.sees(false, []string{"dm:bob", "The form did not open. Nothing was cancelled. Press the button again"})
		}),
	},
}, inVain(bot.ActionConfirm, bot.ActionApprove, bot.ActionDeny, bot.ActionRetry, bot.ActionApproveRetry, bot.ActionCancel, bot.ActionDetails,
	bot.ActionUnfreeze, bot.ActionForm, bot.ActionFormOwn, bot.ActionFormOther))

// inVain are the buttons of messages under false labels in an approver's Home tab.
func inVain(actions ...string) (list []attack) {
	for _, action := range actions {
		value := "REQ-THIS"
		if action == bot.ActionUnfreeze || strings.HasPrefix(action, bot.ActionForm) {
			value = "1" // the first freeze, or arrival
		}
		list = append(list, attack{
			name: "stolen token: an approver presses " + action + " under a false label in the Home tab", scene: frozenByAlice,
			attack:     func(r *raid) { luredInVain(amirID, action, value)(r) },
			unrecorded: true, log: otherVersion, state: bot.Pending, then: every(stillFrozen, noForms()),
		})
	}
	return list
}

// inView is a press of a button in a view of another kind.
func inView(r *raid, action string, kind any) func(*slacktest.Click) {
	request := r.request
	return func(c *slacktest.Click) {
		c.ActionID, c.Value = action, request
		c.Edit = func(p map[string]any) {
			p["view"].(map[string]any)["type"] = kind
		}
	}
}

// pressesCancel has somebody press Cancel in their Home tab, so that the form is open.
func pressesCancel(who string) func(*raid) {
	return func(r *raid) {
		r.opensHome(who, r.request)
		r.pressesHome(who, bot.ActionHomeCancel, r.request)
		r.form(who, bot.CancelCallback)
	}
}

// sendsCancel submits the form that cancels, forged.
func (r *raid) sendsCancel(who string, forge func(payload, view map[string]any)) {
	r.t.Helper()
	r.last = r.submits(who, r.form(who, bot.CancelCallback), nil, forge)
}

// metadata is a forged private_metadata.
func metadata(text string) func(payload, view map[string]any) {
	return func(_, view map[string]any) { view["private_metadata"] = text }
}

// byHand is a submission in somebody else's name.
func byHand(who string) func(payload, view map[string]any) {
	return func(payload, _ map[string]any) { payload["user"] = map[string]any{"id": who, "team_id": "T0SLACKTEST"} }
}

// cancelling is a scene, followed by somebody's press of Cancel in the Home tab.
func cancelling(scene func(*raid), who string) func(*raid) {
	return func(r *raid) { scene(r); pressesCancel(who)(r) }
}

// refusedCancel is the row of a form that cancels nothing.
func refusedCancel(who string) []row { return []row{{"refused", "wrong_place", who}} }

// The form that cancels: what it carries is no authority.
var homeFormAttacks = []attack{
	{
		name: "the form that cancels is sent by somebody else's hand", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, byHand(olgaID)) },
		reads:  []string{"dm:olga", tooOld},
		rows:   refusedCancel(olgaID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels is sent by the target's hand", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, byHand(carolID)) },
		reads:  []string{"dm:carol", tooOld},
		rows:   refusedCancel(carolID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels names another person's press",
		scene: func(r *raid) {
			carolsLaptop(r)
			pressesCancel(bobID)(r)
			bobs := r.request
			r.ask(olgaID, "<@"+amirID+"> lost it")
			pressesCancel(olgaID)(r)
			r.request = bobs
			r.card = r.cards()[0]
		},
		attack: func(r *raid) { r.sendsCancel(olgaID, metadata(r.form(bobID, bot.CancelCallback).PrivateMetadata)) },
		reads:  []string{"dm:olga", tooOld},
		rows:   refusedCancel(olgaID), state: bot.Pending,
		then: func(r *raid) {
			bothStand(r)
			r.alive()
		},
	},
	{
		name: "the form that cancels names a press of another button",
		scene: func(r *raid) {
			carolsLaptop(r)
			pressesCancel(bobID)(r)
			r.acked(r.slack.As(bobID).Close(r.form(bobID, bot.CancelCallback).ID))
			r.pressesHome(bobID, bot.ActionHomeOwn, "")
			own := r.form(bobID, bot.FormCallback).PrivateMetadata
			r.pressesHome(bobID, bot.ActionHomeCancel, r.request)
			r.form(bobID, bot.CancelCallback)
			if before(r.form(bobID, bot.CancelCallback).PrivateMetadata) != own {
				r.t.Fatal("the presses are not one after the other")
			}
		},
		attack: func(r *raid) {
			r.sendsCancel(bobID, metadata(before(r.form(bobID, bot.CancelCallback).PrivateMetadata)))
		},
		reads: []string{"form:bob", tooOld},
		rows:  refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels names the command that asked", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, metadata("1")) },
		reads:  []string{"form:bob", tooOld},
		rows:   refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels names what never arrived", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, metadata("999999")) },
		reads:  []string{"form:bob", tooOld},
		rows:   refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels carries the request itself", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, metadata(r.request)) },
		reads:  []string{"form:bob", tooOld},
		rows:   refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels carries numbers of all kinds", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, metadata("-3 99999999999999999999999999 '")) },
		reads:  []string{"form:bob", tooOld},
		rows:   refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels names a press of hers on another's request",
		scene: func(r *raid) {
			r.ask(olgaID, "<@"+amirID+"> lost it")
			olgas := r.request
			carolsLaptop(r)
			r.lured(olgaID, bot.ActionHomeCancel, r.request) // a form that cannot be sent opens
			r.sees(false, []string{"form:olga", notMine})
			carols, card := r.request, r.card
			r.request = olgas
			pressesCancel(olgaID)(r)
			r.request, r.card = carols, card
		},
		attack: func(r *raid) {
			r.sendsCancel(olgaID, metadata(before(r.form(olgaID, bot.CancelCallback).PrivateMetadata)))
		},
		reads: []string{"form:olga", "find that request among yours"},
		rows:  []row{{"refused", "not_requester", olgaID}}, state: bot.Pending, then: every((*raid).alive, bothStand),
	},
	{
		name: "the form for a request names a press of Cancel", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) {
			pressed := r.form(bobID, bot.CancelCallback).PrivateMetadata
			r.submits(bobID, r.opensForm(bobID), slacktest.Values{
				bot.FormTargetBlock: {bot.FormTargetAction: bobID}, bot.FormReasonBlock: {bot.FormReasonAction: "my own"},
			}, metadata(pressed))
		},
		// It is an ask like any other, and cancels nothing.
		reads: []string{"form:bob", "REQ-", "I'm asking the approvers now"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: every((*raid).alive, bothStand),
	},
	{
		name:  "a form for a request turns into one that cancels, with the press of a command",
		scene: func(r *raid) { carolsLaptop(r); r.opensForm(bobID) },
		attack: func(r *raid) {
			r.submits(bobID, r.form(bobID, bot.FormCallback), carol, func(_, view map[string]any) { view["callback_id"] = bot.CancelCallback })
		},
		reads: []string{"form:bob", tooOld},
		rows:  refusedCancel(bobID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form for a denial turns into one that cancels", scene: opensDeny(amirID),
		attack: func(r *raid) {
			r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), func(_, view map[string]any) { view["callback_id"] = bot.CancelCallback })
		},
		reads: []string{"form:amir", tooOld},
		rows:  refusedCancel(amirID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the form that cancels turns into a denial", scene: cancelling(alicesPhone, aliceID),
		attack: func(r *raid) {
			r.sendsCancel(aliceID, func(_, view map[string]any) { view["callback_id"] = bot.DenyCallback })
		},
		reads: []string{"form:alice", "nothing was denied"},
		rows:  refusedCancel(aliceID), state: bot.Pending, then: (*raid).alive,
	},
	{
		name:  "the form that cancels turns into the end of a freeze",
		scene: func(r *raid) { frozenByAlice(r); pressesCancel(bobID)(r) },
		attack: func(r *raid) {
			r.sendsCancel(bobID, func(_, view map[string]any) { view["callback_id"] = bot.UnfreezeCallback })
		},
		reads: []string{"form:bob", "This form is too old"},
		rows:  refusedCancel(bobID), state: bot.Pending, then: stillFrozen,
	},
	{
		name: "the form that cancels is sent twice, and comes again", scene: cancelling(carolsLaptop, bobID),
		attack: func(r *raid) {
			r.sendsCancel(bobID, nil)
			r.sees(false, []string{"form:bob", "You cancelled REQ-"})
			r.acked(r.last.Redeliver())
			r.acked(r.last.Replay())
		},
		reads: []string{"dm:bob", "Carol Target: you cancelled this request"},
		rows:  []row{{"cancelled", "", bobID}}, state: bot.Cancelled,
	},
	{
		name: "the form that cancels is sent after an approver confirmed",
		scene: func(r *raid) {
			cancelling(carolsLaptop, bobID)(r)
			r.approves(aliceID, "sessions are revoked", "Verified")
		},
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "Carol Target"},
		rows:   []row{{"refused", "already_decided", bobID}}, posts: 1, state: bot.Verified,
	},
	{
		name: "the form that cancels is sent after an approver denied",
		scene: func(r *raid) {
			cancelling(carolsLaptop, bobID)(r)
			r.denies(aliceID, "no")
		},
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "Carol Target"},
		rows:   []row{{"refused", "already_decided", bobID}}, state: bot.Denied,
	},
	{
		name: "the form that cancels is sent after somebody else asked for the same",
		scene: func(r *raid) {
			cancelling(carolsLaptop, bobID)(r)
			r.typed(olgaID, "<@"+carolID+"> I saw it, too")
			r.sees(false, []string{"thread", "Also asked by @olga"})
		},
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "asked"},
		rows:   []row{{"refused", "others_asked_too", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "who asked has left before the form that cancels is sent",
		scene: func(r *raid) {
			cancelling(carolsLaptop, bobID)(r)
			r.slackUser(bobID, func(u *slacktest.User) { u.Guest = true })
			r.passes("2m")
		},
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "find that request among yours"},
		rows:   []row{{"refused", "guest", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the finder cancels in the Home tab", scene: cancelling(bobsPhone, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "It stays open until an approver denies it", "An approver should phone you first: @alice, @amir"},
		rows:   []row{{"cancel_asked", "cancel_needs_approver", bobID}}, state: bot.Pending,
		then: func(r *raid) {
			r.sees(false, []string{"thread", "asks to cancel. Phone them first; then press Deny"})
			r.alive()
		},
	},
	{
		name: "the finder of an approver's phone cancels in the Home tab", scene: cancelling(alicesPhone, aliceID),
		attack: func(r *raid) { r.sendsCancel(aliceID, nil) },
		reads:  []string{"form:alice", "It stays open until an approver denies it", "@amir"},
		rows:   []row{{"cancel_asked", "cancel_needs_approver", aliceID}}, state: bot.Pending,
		then: func(r *raid) {
			r.sees(false, []string{"thread", "asks to cancel. Phone them first; then press Deny"})
			r.alive()
		},
	},
	{
		name: "the finder of a phone whose owner confirms alone cancels in the Home tab", policy: ownConfirm, scene: cancelling(bobsPhone, bobID),
		attack: func(r *raid) { r.sendsCancel(bobID, nil) },
		reads:  []string{"form:bob", "It stays open until an approver denies it"},
		rows:   []row{{"cancel_asked", "cancel_needs_approver", bobID}}, state: bot.Pending, then: (*raid).alive,
	},
}
