package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// aboutCarol asks about Carol with a reason that names nobody else: of several people, none
// would be asked about.
func aboutCarol(reason string) string {
	return "<@" + carolID + "> " + strings.NewReplacer("<@"+olgaID+">", "<@"+carolID+">", "<mailto:x@evil.example|Alice>", "<https://mail.evil.example|Alice>").Replace(reason)
}

// bait is all that text can try at once: mentions, links with another's name,
// formatting, text that runs backwards, characters that show nothing and
// controls.
const bait = "<!channel> <!here|here> <@U0OLGA> <!subteam^S0SECURITY> @everyone *bold* _it_ ~no~ `code` " +
	"<https://evil.example/INC-7|Entra portal> https://evil.example <mailto:x@evil.example|Alice> " +
	"\u202egpj.exe \u2066hidden\u2069 \u200bI\u2060 \ufeff\U000e0041 \a\x1b[31m\r\n:bomb: &lt;!channel&gt;"

// long is more than any message can hold.
var long = strings.Repeat("A", 40_000)

// commandAs sends a command whose text nobody could have typed.
func commandAs(who, text string) func(*raid) {
	return func(r *raid) {
		r.acked(r.slack.As(who).CommandRaw(general, "", func(payload map[string]any) { payload["text"] = text }))
	}
}

// submits submits an open form as forged.
func (r *raid) submits(who string, view slacktest.View, values slacktest.Values, forge func(payload, view map[string]any)) *slacktest.Delivery {
	r.t.Helper()
	d := r.slack.As(who).SubmitRaw(view.ID, values, func(payload map[string]any) {
		if forge != nil {
			forge(payload, payload["view"].(map[string]any))
		}
	})
	r.acked(d)
	return d
}

// fill puts a value into a submission that the form's limits would not let
// anybody type.
func fill(view map[string]any, block, action, key, value string) {
	values := view["state"].(map[string]any)["values"].(map[string]any)
	values[block] = map[string]any{action: map[string]any{"type": "plain_text_input", key: value}}
}

// opensDeny has somebody press Deny, so that the form stands open.
func opensDeny(who string) func(*raid) {
	return func(r *raid) {
		carolsLaptop(r)
		r.click(who, bot.ActionDeny)
		r.form(who, bot.DenyCallback)
	}
}

// opensForm has somebody open the form for a request.
func (r *raid) opensForm(who string) slacktest.View {
	r.t.Helper()
	r.typed(who, "")
	return r.form(who, bot.FormCallback)
}

// carol is the form filled in with her.
var carol = slacktest.Values{
	bot.FormTargetBlock: {bot.FormTargetAction: carolID},
	bot.FormReasonBlock: {bot.FormReasonAction: "stolen laptop"},
}

// Submissions that are not of whoever the form was opened for, or not of our
// forms at all: what a form carries is no authority.
var formAttacks = []attack{
	{
		name: "the form for a denial's reason is submitted by an outsider", scene: opensDeny(amirID),
		attack: func(r *raid) {
			r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), func(payload, _ map[string]any) {
				payload["user"] = map[string]any{"id": olgaID, "team_id": "T0SLACKTEST"}
			})
		},
		reads: []string{"dm:olga", "nothing was denied"},
		rows:  []row{{"refused", "wrong_place", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver's form for a denial's reason says that another one pressed Deny",
		scene: func(r *raid) {
			opensDeny(amirID)(r)
			r.click(aliceID, bot.ActionDeny)
			r.form(aliceID, bot.DenyCallback)
		},
		attack: func(r *raid) {
			pressed := r.form(aliceID, bot.DenyCallback).PrivateMetadata
			r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), func(_, view map[string]any) { view["private_metadata"] = pressed })
		},
		reads: []string{"dm:amir", "nothing was denied"},
		rows:  []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an outsider turns the form for a request into a denial, with her own refused click",
		scene: func(r *raid) {
			carolsLaptop(r)
			r.click(olgaID, bot.ActionDeny)
			r.sees(false, []string{"only:olga", "You are not an approver"})
			r.passes("2m") // or her next refusal is only counted
			r.opensForm(olgaID)
		},
		attack: func(r *raid) {
			view := r.form(olgaID, bot.FormCallback)
			// Arrivals are numbered: the click came just before the command.
			click := before(view.PrivateMetadata)
			r.submits(olgaID, view, carol, func(_, view map[string]any) {
				view["callback_id"], view["private_metadata"] = bot.DenyCallback, click
			})
		},
		reads: []string{"only:olga", "You are not an approver", "This was recorded"},
		rows:  []row{{"refused", "not_approver", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "the reason for a denial comes with the number of a click on Confirm", policy: two,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.approves(amirID, "@amir approved (1 of 2)")
			r.click(amirID, bot.ActionDeny)
			r.form(amirID, bot.DenyCallback)
		},
		attack: func(r *raid) {
			view := r.form(amirID, bot.DenyCallback)
			r.submits(amirID, view, because("no"), func(_, forged map[string]any) { forged["private_metadata"] = before(view.PrivateMetadata) })
		},
		reads: []string{"form:amir", "nothing was denied"},
		rows:  []row{{"refused", "wrong_place", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "whoever opened the form for a denial is no approver any more", policy: bySlackGroup,
		scene: func(r *raid) {
			opensDeny(amirID)(r)
			r.members(aliceID)
			r.passes("2m")
		},
		attack: func(r *raid) { r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), nil) },
		reads:  []string{"form:amir", "You are not an approver"},
		rows:   []row{{"refused", "not_approver", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "a denial's reason is submitted twice",
		scene: func(r *raid) {
			opensDeny(amirID)(r)
			r.last = r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), nil)
			r.cardSays("denied by @amir")
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, state: bot.Denied,
	},
	{
		name: "a form is submitted with the number of somebody else's command",
		scene: func(r *raid) {
			r.opensForm(bobID)
			r.opensForm(olgaID)
		},
		attack: func(r *raid) {
			bobs := r.form(bobID, bot.FormCallback).PrivateMetadata
			r.submits(olgaID, r.form(olgaID, bot.FormCallback), carol, func(_, view map[string]any) { view["private_metadata"] = bobs })
		},
		// It is Olga's request, and the answer goes to her, not to where Bob typed.
		reads: []string{"dm:olga", "Got it."},
		rows:  []row{{"requested", "", olgaID}}, state: bot.Pending,
		then: func(r *raid) {
			if got := r.slack.Ephemerals(bobID); len(got) > 0 {
				r.t.Errorf("Bob reads what Olga asked for: %s", plain(got[0]))
			}
		},
	},
	{
		name: "a form that nobody opened is submitted by somebody else's hand", scene: func(r *raid) { r.opensForm(bobID) },
		attack: func(r *raid) {
			r.submits(bobID, r.form(bobID, bot.FormCallback), carol, func(payload, _ map[string]any) {
				payload["user"] = map[string]any{"id": olgaID, "team_id": "T0SLACKTEST"}
			})
		},
		reads: []string{"dm:olga", "Got it."},
		rows:  []row{{"requested", "", olgaID}}, state: bot.Pending,
		then: func(r *raid) {
			r.cardSays("Asked by: @olga")
			if got := r.slack.Ephemerals(bobID); len(got) > 0 {
				r.t.Errorf("Bob reads what Olga asked for: %s", plain(got[0]))
			}
		},
	},
	{
		name: "a form is submitted twice",
		scene: func(r *raid) {
			view := r.opensForm(bobID)
			r.last = r.submits(bobID, view, carol, nil)
			r.card = r.theatre.card()
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, state: bot.Pending,
		then: func(r *raid) {
			if n := len(r.cards()); n != 1 {
				r.t.Errorf("%d cards stand", n)
			}
		},
	},
	{
		name: "other words make a second request of one form",
		scene: func(r *raid) {
			r.submits(bobID, r.opensForm(bobID), carol, nil)
			r.card = r.theatre.card()
		},
		// Slack shows no button in the receipt, so somebody forges the submission.
		attack: func(r *raid) {
			view := r.slack.Views(bobID)[0]
			r.forges(bobID, view.ID, olgaID, "another phone")
			r.forges(bobID, view.ID, olgaID, "a third phone")
		},
		reads:      []string{"form:bob", "You sent this form before: it led to REQ-"},
		unrecorded: true, state: bot.Pending,
		then: func(r *raid) {
			if n := len(r.cards()); n != 1 {
				r.t.Errorf("%d cards", n)
			}
		},
	},
	{
		name: "one form is submitted twice at the same time, in other words", scene: func(r *raid) { r.opensForm(bobID) },
		attack: func(r *raid) {
			view := r.form(bobID, bot.FormCallback)
			// Both are looked up before either is stored as a request.
			r.entra.Inject(graphtest.Fault{Method: http.MethodGet, Delay: 200 * time.Millisecond})
			first := r.slack.As(bobID).SubmitRaw(view.ID, carol, nil)
			second := r.slack.As(bobID).SubmitRaw(view.ID, carol, func(payload map[string]any) {
				fill(payload["view"].(map[string]any), bot.FormTargetBlock, bot.FormTargetAction, "selected_user", olgaID)
			})
			r.acked(first)
			r.acked(second)
		},
		reads: []string{"form:bob", "REQ-"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending,
		then: func(r *raid) {
			if n := len(r.cards()); n != 1 || r.count("requested") != 1 {
				r.t.Errorf("%d cards, %d requests", n, r.count("requested"))
			}
		},
	},
	{
		name: "a form with a callback that is nobody's", scene: func(r *raid) { r.opensForm(bobID) },
		attack: func(r *raid) {
			view := r.form(bobID, bot.FormCallback)
			r.ignored(r.slack.As(bobID).SubmitRaw(view.ID, carol, func(payload map[string]any) {
				payload["view"].(map[string]any)["callback_id"] = "request.everything"
			}))
		},
		// Without an ack, Slack shows an error, and the form stays.
		unrecorded: true, log: otherVersion, then: func(r *raid) { r.form(bobID, bot.FormCallback) },
	},
	{
		name: "a form names a person who is live text", scene: func(r *raid) { r.opensForm(bobID) },
		attack: func(r *raid) {
			r.submits(bobID, r.form(bobID, bot.FormCallback), carol, func(_, view map[string]any) {
				fill(view, bot.FormTargetBlock, bot.FormTargetAction, "selected_user", "U0X><!channel> <https://evil.example|Entra")
			})
		},
		reads: []string{"form:bob", "target! Please choose a person."},
		rows:  []row{{"refused", "outside_workspace", bobID}}, then: harmless(bobID),
	},
}

// forges submits a form that cannot be submitted, by the payload of the last submission.
func (r *raid) forges(who, viewID, picked, reason string) {
	r.t.Helper()
	r.acked(r.slack.As(who).SubmitRaw(r.opensForm(who).ID, carol, func(payload map[string]any) {
		view := payload["view"].(map[string]any)
		view["id"] = viewID
		fill(view, bot.FormTargetBlock, bot.FormTargetAction, "selected_user", picked)
		fill(view, bot.FormReasonBlock, bot.FormReasonAction, "value", reason)
	}))
}

// before is the number of the arrival before that one.
func before(arrival string) string {
	n, err := strconv.Atoi(arrival)
	if err != nil {
		panic(err) // it is what the bot wrote there
	}
	return strconv.Itoa(n - 1)
}

const ticket = `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {third_party: {reason: required, ticket: 'INC-[0-9]+'}}}`

// What people type can do nothing, wherever it stands.
var wordAttacks = []attack{
	{
		name: "a reason full of mentions, links, formatting and hidden characters", attack: commandAs(bobID, aboutCarol(bait)),
		reads: []string{"card", "Carol Target", "@channel", "Entra portal (https://evil.example/INC-7)"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID),
	},
	{
		name: "a reason of forty thousand characters", attack: commandAs(bobID, "<@"+carolID+"> "+long),
		reads: []string{"card", "Carol Target", "Approvers: @alice, @amir", "AAAA…", "[Revoke sessions]"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID),
	},
	{
		name: "what somebody adds to a request is bait, and long", scene: carolsLaptop,
		attack: commandAs(olgaID, aboutCarol(bait+long)),
		reads:  []string{"thread", "Also asked by @olga", "@channel"},
		rows:   []row{{"joined", "", olgaID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID, olgaID),
	},
	{
		name: "the account is called what would be live",
		before: func(r *raid) {
			r.entraUser(5, func(u *graphtest.User) { u.DisplayName = bait })
		},
		attack: carolsLaptop,
		reads:  []string{"card", "Revoke all sessions of", "carol@contoso.example"},
		rows:   []row{{"requested", "", bobID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID),
	},
	{
		name: "the ticket is written in letters that only look right", policy: ticket,
		attack: commandAs(bobID, "<@"+carolID+"> ІNC-7 ＩＮＣ-７ INC‐7 stolen"),
		reads:  []string{"only:bob", "Please name a ticket in the reason (it must match INC-[0-9]+)"},
		rows:   []row{{"refused", "ticket_required", bobID}}, then: harmless(bobID),
	},
	{
		name: "the ticket stands behind what is cut off", policy: ticket,
		attack: commandAs(bobID, "<@"+carolID+"> "+long+" INC-7"),
		reads:  []string{"only:bob", "Please name a ticket in the reason"},
		rows:   []row{{"refused", "ticket_required", bobID}}, then: harmless(bobID),
	},
	{
		name: "the ticket stands among bait", policy: ticket,
		attack: commandAs(bobID, aboutCarol("INC-7 "+bait)),
		reads:  []string{"card", "Reason: INC-7 @channel"},
		rows:   []row{{"requested", "", bobID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID),
	},
	{
		name: "a reason of nothing that shows, where one is required", policy: ticket,
		attack: commandAs(bobID, "<@"+carolID+"> \u200b\u2060\ufeff\u3164\a"),
		reads:  []string{"only:bob", "Please give a reason"},
		rows:   []row{{"refused", "reason_required", bobID}}, then: harmless(bobID),
	},
	{
		name: "a denial's reason is longer than the form lets anybody type", scene: opensDeny(amirID),
		attack: func(r *raid) {
			r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), func(_, view map[string]any) {
				fill(view, bot.FormReasonBlock, bot.FormReasonAction, "value", bait+long)
			})
		},
		unrecorded: true, state: bot.Pending,
		then: func(r *raid) {
			r.alive()
			r.sees(false, []string{"form:amir", "reason! At most 500 characters, please."})
			harmless(bobID, aliceID, amirID)(r)
		},
	},
	{
		name: "a denial's reason is bait", scene: opensDeny(amirID),
		attack: func(r *raid) {
			r.submits(amirID, r.form(amirID, bot.DenyCallback), because("no"), func(_, view map[string]any) {
				fill(view, bot.FormReasonBlock, bot.FormReasonAction, "value", bait)
			})
		},
		reads: []string{"dm:bob", "denied by @amir", "<!channel>"},
		rows:  []row{{"denied", "", amirID}}, state: bot.Denied, then: harmless(bobID, aliceID, amirID),
	},
	{
		name: "a freeze's reason is bait, and long", scene: carolsLaptop, attack: commandAs(aliceID, "freeze "+bait+long),
		reads: []string{"card", "@alice froze all revokes", "Reason: @channel"},
		rows:  []row{{"frozen", "", aliceID}}, state: bot.Pending, then: harmless(bobID, aliceID, amirID),
	},
}

// People who would read or end what is not theirs.
var readerAttacks = []attack{
	{
		name: "a stranger to the request cancels it by typing its ID", scene: carolsLaptop, attack: types(olgaID, "cancel REQ-THIS"),
		reads: []string{"only:olga", "find that request among yours"},
		rows:  []row{{"refused", "not_requester", olgaID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "somebody cancels an ID that was never drawn", scene: carolsLaptop, attack: types(olgaID, "cancel REQ-AAAAAA"),
		// The same words as for one that exists: nobody learns which do.
		reads: []string{"only:olga", "find that request among yours"},
		rows:  []row{{"refused", "unknown_request", olgaID}}, state: bot.Pending,
	},
	{
		name: "somebody asks how another's request stands", scene: carolsLaptop, attack: types(olgaID, "status REQ-THIS"),
		reads: []string{"only:olga", "find that request among yours"},
		rows:  []row{{"refused", "unknown_request", olgaID}}, state: bot.Pending,
		then: func(r *raid) {
			for _, m := range r.slack.Ephemerals(olgaID) {
				if strings.Contains(plain(m), "Carol") || strings.Contains(plain(m), "Waiting for an approver") {
					r.t.Errorf("Olga learns of it: %s", plain(m))
				}
			}
		},
	},
	{
		name: "a demoted approver asks how a request stands", policy: bySlackGroup,
		scene: func(r *raid) {
			carolsLaptop(r)
			r.members(amirID)
			r.passes("2m")
		},
		attack: types(aliceID, "status REQ-THIS"),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending,
	},
	{
		name: "a blocked approver's Slack asks how a request stands", scene: func(r *raid) { carolsLaptop(r); r.blocked(2) },
		attack: types(aliceID, "status REQ-THIS"),
		reads:  []string{"only:alice", "find that request among yours"},
		rows:   []row{{"refused", "unknown_request", aliceID}}, state: bot.Pending,
	},
	{
		name: "a requester outside the channel tries everything that could show the card's address", before: addLure, scene: carolsLaptop,
		attack: func(r *raid) {
			for _, text := range []string{"status", "status REQ-THIS", "<@" + carolID + "> as I said"} {
				types(bobID, text)(r)
			}
			r.sees(false, []string{"only:bob", "you asked for this already", "Open my message to you"})
			r.slack.UpdateChannel(lure, func(c *slacktest.Channel) { c.Members = append(c.Members, bobID) })
			channel, ts := r.postsWith(lure, content(r.card))
			r.acked(r.slack.As(bobID).Click(channel, ts, bot.ActionConfirm))
		},
		reads: []string{"only:bob", "This is not the live card", "Open my message to you"},
		rows:  []row{{"joined", "", bobID}, {"refused", "wrong_place", bobID}}, state: bot.Pending, then: unlinked(bobID),
	},
	{
		name: "an approver outside the channel tries everything that could show the card's address", before: addLure,
		scene: func(r *raid) {
			r.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.Members = []string{aliceID, olgaID} })
			carolsLaptop(r)
		},
		attack: func(r *raid) {
			r.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.Archived = true })
			types(bobID, "<@"+carolID+"> as I said")(r) // the card cannot be changed, so approvers get a direct message
			r.sees(false, []string{"dm:amir", "Carol Target: a request waits", "If you can open the card"})
			for _, text := range []string{"status", "status REQ-THIS"} {
				types(amirID, text)(r)
			}
			r.slack.UpdateChannel(lure, func(c *slacktest.Channel) { c.Members = append(c.Members, amirID) })
			channel, ts := r.postsWith(lure, content(r.card))
			r.acked(r.slack.As(amirID).Click(channel, ts, bot.ActionConfirm))
		},
		reads: []string{"only:amir", "This is not the live card", "Only members of its channel can open its card"},
		rows:  []row{{"joined", "", bobID}, {"refused", "wrong_place", amirID}}, state: bot.Pending, then: unlinked(amirID),
	},
	{
		name: "somebody of another workspace, in a shared channel, presses a copy of the card", before: addLure,
		scene: func(r *raid) {
			r.slack.UpdateChannel(approvals, func(c *slacktest.Channel) { c.ExtShared = true })
			r.slack.UpdateUser(olgaID, func(u *slacktest.User) { u.Stranger, u.TeamID = true, "T0OTHER" })
			carolsLaptop(r)
		},
		attack: func(r *raid) {
			channel, ts := r.postsWith(lure, content(r.card))
			r.acked(r.slack.As(olgaID).Click(channel, ts, bot.ActionConfirm))
		},
		reads: []string{"only:olga", "This is not the live card", "Only members of its channel can open its card"},
		rows:  []row{{"refused", "wrong_place", olgaID}}, state: bot.Pending, then: unlinked(olgaID),
	},
}

// unlinked: no message that somebody reads holds the address of the approvers' channel,
// in blocks or in the text, in any version.
func unlinked(who string) func(*raid) {
	return func(r *raid) {
		all := append(r.slack.Ephemerals(who), r.slack.DMs(who)...)
		for _, m := range all {
			for _, version := range append(r.slack.History(m.Channel, m.TS), m) {
				if raw := version.Text + string(version.Blocks); strings.Contains(raw, "archives/"+approvals) {
					r.t.Errorf("%s reads the card's address: %s", who, raw)
				}
			}
		}
		if len(all) == 0 {
			r.t.Errorf("%s reads nothing", who)
		}
	}
}
