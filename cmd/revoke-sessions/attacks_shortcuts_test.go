package main

import (
	"fmt"
	"net/http"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// bobsFallback has Bob run a shortcut whose form does not open, and leaves him with the two
// buttons in place of the form.
func bobsFallback(r *raid) { r.fallback(bobID) }

// presses one of the two buttons with a value, as if it stood in the channel.
func pressesTwo(who, action string, value func(r *raid) string) func(*raid) {
	return func(r *raid) {
		m, text := r.twoButtons(), value(r)
		r.last = r.slack.As(who).ClickRaw(func(c *slacktest.Click) {
			c.ChannelID, c.MessageTS, c.ActionID, c.Value, c.Ephemeral = general, m.TS, action, text, true
		})
		r.acked(r.last)
	}
}

// twoButtons is the newest message with both buttons that only Bob sees.
func (r *raid) twoButtons() slacktest.Message {
	r.t.Helper()
	all := r.slack.Ephemerals(bobID)
	m := all[len(all)-1]
	if !hasButton(m, bot.ActionFormOwn) || !hasButton(m, bot.ActionFormOther) {
		r.t.Fatalf("no buttons to the form: %s", plain(m))
	}
	return m
}

func bobsTwo(r *raid) string { return r.twoButtons().Buttons()[0].Value }

// sendsForm fills in and submits the form that somebody has open.
func (r *raid) sendsForm(who, about, reason string) {
	r.t.Helper()
	values := because(reason)
	values[bot.FormTargetBlock] = map[string]string{bot.FormTargetAction: about}
	r.last = r.submits(who, r.form(who, bot.FormCallback), values, nil)
}

// ownTwiceAttacks are on the two buttons in place of a form: their value names a stored
// command and gives nobody a right to it.
var ownTwiceAttacks = fallbackAttacks()

func fallbackAttacks() (list []attack) {
	for _, action := range []string{bot.ActionFormOwn, bot.ActionFormOther} {
		refusal := func(name, who string, value func(*raid) string) attack {
			return attack{
				name: action + ": " + name, scene: bobsFallback, attack: pressesTwo(who, action, value),
				reads: []string{"only:" + strings.ToLower(strings.TrimPrefix(who, "U0")), notYours},
				rows:  []row{{"refused", "wrong_place", who}}, then: noForms(),
			}
		}
		list = append(list,
			refusal("somebody presses another's", olgaID, bobsTwo),
			refusal("an approver presses another's", aliceID, bobsTwo),
			refusal("no number", bobID, as("' OR 1=1 --")),
			refusal("a number below all", bobID, as("-1")),
			refusal("a number beyond all", bobID, as("99999999999999999999999")),
			refusal("nothing", bobID, as("")),
			attack{
				name: action + ": a click", scene: func(r *raid) {
					bobsFallback(r)
					pressesTwo(bobID, action, bobsTwo)(r)
					r.form(bobID, bot.FormCallback)
				},
				attack: func(r *raid) {
					value := bobsTwo(r)
					pressesTwo(bobID, action, func(*raid) string { return next(value) })(r)
				},
				reads: []string{"only:bob", notYours}, rows: []row{{"refused", "wrong_place", bobID}},
			},
			attack{
				name: action + ": what never arrived", scene: bobsFallback, attack: pressesTwo(olgaID, action, as("999999")),
				unrecorded: true,
				then: func(r *raid) {
					r.sees(false, []string{"form:olga", "What you typed was erased after 30 minutes. Please fill in the form."})
				},
			},
			attack{
				name: action + ": after 30 minutes", scene: func(r *raid) { bobsFallback(r); r.passes("31m") },
				attack: pressesTwo(bobID, action, bobsTwo), unrecorded: true,
				then: func(r *raid) {
					r.sees(false, []string{"form:bob", "What you typed was erased after 30 minutes. Please fill in the form."})
				},
			},
		)
	}
	return append(list,
		attack{
			name: "both of the two buttons are pressed, and both forms are sent", scene: bobsFallback,
			attack: func(r *raid) {
				pressesTwo(bobID, bot.ActionFormOwn, bobsTwo)(r)
				r.sendsForm(bobID, bobID, "my phone is gone")
				r.sees(false, []string{"form:bob", "Got it."})
				pressesTwo(bobID, bot.ActionFormOther, bobsTwo)(r)
				r.sendsForm(bobID, carolID, "hers, too")
			},
			// Each is an ordinary ask about the person who was chosen.
			reads: []string{"form:bob", "Got it."},
			rows:  []row{{"requested", "", bobID}, {"requested", "", bobID}}, state: bot.Pending, then: bothStand,
		},
		attack{
			name: "one of the two buttons is pressed twice, and both forms are sent", scene: bobsFallback,
			attack: func(r *raid) {
				pressesTwo(bobID, bot.ActionFormOther, bobsTwo)(r)
				r.sendsForm(bobID, carolID, "stolen laptop")
				r.sees(false, []string{"form:bob", "Got it."})
				pressesTwo(bobID, bot.ActionFormOther, bobsTwo)(r)
				r.sendsForm(bobID, carolID, "stolen laptop, I said")
			},
			reads: []string{"thread", "stolen laptop, I said"},
			rows:  []row{{"requested", "", bobID}, {"joined", "", bobID}}, state: bot.Pending, then: oneCard,
		},
		attack{
			name: "a form behind the two buttons is sent twice, with another person", scene: func(r *raid) {
				bobsFallback(r)
				pressesTwo(bobID, bot.ActionFormOther, bobsTwo)(r)
				r.sendsForm(bobID, carolID, "stolen laptop")
				r.sees(false, []string{"form:bob", "Got it."})
			},
			attack: func(r *raid) { r.forges(bobID, r.slack.Views(bobID)[0].ID, olgaID, "another") },
			reads:  []string{"form:bob", "You sent this form before: it led to REQ-"}, unrecorded: true, state: bot.Pending, then: oneCard,
		},
		attack{
			name: "a click on one of the two buttons comes again", scene: func(r *raid) {
				bobsFallback(r)
				pressesTwo(bobID, bot.ActionFormOwn, bobsTwo)(r)
				r.slack.As(bobID).Close(r.form(bobID, bot.FormCallback).ID)
			},
			attack: func(r *raid) {
				r.acked(r.last.Replay())
				r.acked(r.last.Redeliver())
			},
			unrecorded: true, then: noForms(),
		},
		attack{
			name: "stolen token: the two buttons under false labels in an approver's messages", scene: bobsFallback,
			attack: func(r *raid) {
				value := bobsTwo(r)
				r.ask(bobID, "<@"+carolID+"> stolen laptop")
				channel, ts := r.postsWith(aliceID, content(r.card, r.request, value, bot.ActionConfirm, bot.ActionFormOther))
				r.acked(r.slack.As(aliceID).Click(channel, ts, bot.ActionFormOther))
			},
			reads: []string{"only:alice", notYours},
			rows:  []row{{"requested", "", bobID}, {"refused", "wrong_place", aliceID}}, state: bot.Pending, then: every((*raid).alive, noForms()),
		},
	)
}

func oneCard(r *raid) {
	if n := len(r.cards()); n != 1 {
		r.t.Errorf("%d cards:\n%s", n, r.board())
	}
}

// next is the number of the arrival after that one.
func next(arrival string) string {
	var n int
	if _, err := fmt.Sscan(arrival, &n); err != nil {
		panic(err) // it is what the bot wrote there
	}
	return fmt.Sprint(n + 1)
}

// on runs the shortcut on a message that somebody has put into #general.
func on(who string, m slacktest.Message, forge func(payload map[string]any)) func(*raid) {
	return func(r *raid) {
		m.Channel = general
		ts := r.slack.Put(m)
		r.last = r.slack.As(who).MessageShortcutRaw(bot.MessageShortcut, general, ts, forge)
		r.acked(r.last)
	}
}

func by(user, text string) slacktest.Message { return slacktest.Message{User: user, Text: text} }

// chose waits until the form in front of somebody has that person chosen, "" for nobody.
func chose(who, picked string) func(*raid) {
	return func(r *raid) {
		r.t.Helper()
		text := r.form(who, bot.FormCallback).Plain()
		nobody := "I can't tell who this message is about. Please choose the person."
		switch {
		case picked == "" && (strings.Contains(text, "target: ") || !strings.Contains(text, nobody)):
			r.t.Errorf("somebody is chosen, or it does not say that nobody is: %s", text)
		case picked != "" && (!strings.Contains(text, "target: "+picked) || strings.Contains(text, nobody)):
			r.t.Errorf("not %s is chosen: %s", picked, text)
		}
	}
}

// edit changes a payload, and inMessage its message.
func edit(key string, value any) func(map[string]any) {
	return func(p map[string]any) {
		if value == nil {
			delete(p, key)
			return
		}
		p[key] = value
	}
}

func inMessage(key string, value any) func(map[string]any) {
	return func(p map[string]any) { edit(key, value)(p["message"].(map[string]any)) }
}

const stranger = "U0STRANGER"

func addStranger(r *raid) {
	r.slack.AddUser(slacktest.User{ID: stranger, TeamID: "T0OTHER", Name: "stranger", Email: "stranger@elsewhere.example"})
}

// shortcutForms are shortcuts by which a form opens, and nothing else happens.
func shortcutForms() (list []attack) {
	const hostile = "C0><!channel> <https://evil.example|Entra"
	for _, o := range []struct {
		name           string
		before, attack func(*raid)
		picked         string
	}{
		{"another app's message that mentions nobody", nil, on(bobID, slacktest.Message{BotID: "B0X", AppID: "A0X", Text: "alert"}, nil), ""},
		{"another app's message that mentions one", nil, on(bobID, slacktest.Message{BotID: "B0X", AppID: "A0X", Text: "alert <@U0CAROL>"}, nil), carolID},
		{"another app's message that mentions two", nil, on(bobID, slacktest.Message{BotID: "B0X", AppID: "A0X", Text: "<@U0CAROL> <@U0OLGA>"}, nil), ""},
		{"a webhook's message without an app", nil,
			on(bobID, slacktest.Message{BotID: "B0X", Subtype: "bot_message", Text: "x", Attachments: []byte(`[{"text":"<@U0CAROL>"},{"text":"<@U0OLGA>"}]`)}, nil), ""},
		{"a message of a Slack Connect stranger", addStranger, on(bobID, by(stranger, "hi <@U0CAROL>"), nil), ""},
		{"a message of a stranger that says our team", addStranger, on(bobID, by(stranger, "hi"), inMessage("user_team", "T0OTHER")), ""},
		{"a deactivated person's message", func(r *raid) { r.slackUser(carolID, func(u *slacktest.User) { u.Deleted = true }) }, on(bobID, by(carolID, "hi"), nil), carolID},
		{"a message of one's own", nil, on(bobID, by(bobID, "I lost my phone, <@U0CAROL>"), nil), bobID},
		{"a message that mentions others", nil, on(bobID, by(carolID, "<@U0OLGA> <@U0AMIR> lost"), nil), carolID},
		{"a message of Slack", nil, on(bobID, by("USLACKBOT", "hi <@U0CAROL>"), nil), ""},
		{"a message about a topic", nil, on(bobID, slacktest.Message{User: carolID, Subtype: "channel_topic", Text: "<@U0OLGA>"}, nil), ""},
		{"a deleted message", nil, on(bobID, by(carolID, "hi"), edit("message", map[string]any{"subtype": "tombstone", "user": "USLACKBOT", "ts": "1.2"})), ""},
		{"without the message", nil, on(bobID, by(carolID, "hi"), edit("message", nil)), ""},
		{"a message that is no object", nil, on(bobID, by(carolID, "hi"), edit("message", map[string]any{"user": map[string]any{}, "blocks": 7})), ""},
		{"another ts in the message", nil, on(bobID, by(carolID, "hi"), inMessage("ts", "1111111111.000001")), carolID},
		{"an author who is live text", nil, on(bobID, by(carolID, "hi"), inMessage("user", "U0X><!channel>")), ""},
		{"an author of forty thousand characters", nil, on(bobID, by(carolID, "hi"), inMessage("user", "U"+long)), ""},
		{"without a team", nil, on(bobID, by(carolID, "hi"), edit("team", nil)), ""},
		{"in a channel with a hostile ID", nil, on(bobID, by(carolID, "hi"), edit("channel", map[string]any{"id": hostile})), carolID},
		{"on a ts that is live text", nil, on(bobID, by(carolID, "hi"), edit("message_ts", "1> <!channel> <https://evil.example|x")), carolID},
		{"in a thread that is live text", nil, on(bobID, by(carolID, "hi"), inMessage("thread_ts", "1> <!channel> <https://evil.example|x")), carolID},
	} {
		list = append(list, attack{
			name: "message shortcut: " + o.name, scene: o.before, attack: o.attack, unrecorded: true,
			then: every(chose(bobID, o.picked), harmless(bobID), noForms(bobID), noneAsked, notLookedUp(carolID, stranger)),
		})
	}
	return list
}

// noneAsked demands that no request was made.
func noneAsked(r *raid) {
	r.t.Helper()
	if n := r.count(bot.ActRequested); n != 0 {
		r.t.Errorf("%d requests", n)
	}
}

// notLookedUp demands that nobody of these was looked up at Slack.
func notLookedUp(who ...string) func(*raid) {
	return func(r *raid) {
		for _, c := range r.slack.CallsOf("users.info") {
			for _, id := range who {
				if c.Params["user"] == id {
					r.t.Errorf("%s was looked up", id)
				}
			}
		}
	}
}

// shortcutSent runs the shortcut on Carol's message and sends the form.
func shortcutSent(who string) func(*raid) {
	return func(r *raid) {
		on(who, by(carolID, "hi"), nil)(r)
		r.sendsForm(who, carolID, "stolen laptop")
	}
}

func olgaIs(change func(*slacktest.User)) func(*raid) {
	return func(r *raid) { r.slackUser(olgaID, change) }
}

// Shortcuts: what they open, and what is refused once that is sent.
var shortcutAttacks = append(shortcutForms(), []attack{
	{
		name: "message shortcut: on the bot's own card", scene: carolsLaptop,
		attack: func(r *raid) {
			r.acked(r.slack.As(olgaID).MessageShortcut(bot.MessageShortcut, approvals, r.card.TS))
		},
		unrecorded: true, state: bot.Pending, then: every(chose(olgaID, ""), (*raid).alive),
	},
	{
		name: "message shortcut: with another app's ID", attack: on(bobID, by(carolID, "hi"), edit("api_app_id", "A0OTHER")),
		unrecorded: true, log: "meant for another app", then: noForms(),
	},
	{
		name: "message shortcut: without a channel", attack: on(bobID, by(carolID, "hi"), edit("channel", nil)),
		unrecorded: true, log: "envelope could not be read", then: noForms(),
	},
	{
		name: "message shortcut: without a timestamp anywhere",
		attack: on(bobID, by(carolID, "hi"), func(p map[string]any) {
			edit("message_ts", nil)(p)
			inMessage("ts", nil)(p)
		}),
		unrecorded: true, log: "envelope could not be read", then: noForms(),
	},
	{
		name: "shortcuts without a user, or with values longer than Slack has",
		attack: func(r *raid) {
			for _, change := range []func(map[string]any){edit("user", nil), edit("user", map[string]any{"id": long}), edit("trigger_id", long),
				edit("team", map[string]any{"id": long})} {
				r.acked(r.slack.As(bobID).ShortcutRaw(bot.LostShortcut, change))
			}
			on(bobID, by(carolID, "hi"), edit("channel", map[string]any{"id": long}))(r)
			on(bobID, by(carolID, "hi"), inMessage("thread_ts", long))(r)
		},
		unrecorded: true, log: "envelope could not be read", then: noForms(),
	},
	{
		name: "shortcuts with an expired trigger",
		attack: func(r *raid) {
			on(bobID, by(carolID, "hi"), edit("trigger_id", "1.2.3"))(r)
			r.acked(r.slack.As(olgaID).ShortcutRaw(bot.LostShortcut, edit("trigger_id", "1.2.3")))
		},
		unrecorded: true,
		then: every(noForms(), noneAsked, func(r *raid) {
			r.sees(false, []string{"only:bob", "The form did not open. Nothing was sent."})
			r.sees(false, []string{"dm:olga", "The form did not open. Nothing was sent."})
		}),
	},
	{
		name: "a shortcut of the manifest that this version does not know",
		attack: func(r *raid) {
			r.ignored(r.slack.As(bobID).ShortcutRaw(bot.LostShortcut, edit("callback_id", bot.MessageShortcut)))
			r.ignored(r.slack.As(bobID).ShortcutRaw(bot.LostShortcut, edit("callback_id", "report.everything")))
		},
		unrecorded: true, log: otherVersion, then: noForms(),
	},
	{
		name: "a shortcut comes again",
		attack: func(r *raid) {
			on(bobID, by(carolID, "hi"), nil)(r)
			r.acked(r.slack.As(bobID).Close(r.form(bobID, bot.FormCallback).ID))
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, then: noForms(),
	},
	{
		name: "the form of a shortcut is sent, and comes again", attack: func(r *raid) {
			shortcutSent(bobID)(r)
			r.sees(false, []string{"form:bob", "Got it."})
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		reads: []string{"card", "Carol Target", "stolen laptop"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: oneCard,
	},
	{
		name: "the form of a shortcut is sent by somebody else's hand", attack: func(r *raid) {
			on(bobID, by(carolID, "hi"), nil)(r)
			r.submits(bobID, r.form(bobID, bot.FormCallback), because("stolen laptop"), byHand(olgaID))
		},
		reads: []string{"dm:olga", "Got it."},
		rows:  []row{{"requested", "", olgaID}}, state: bot.Pending,
		// What Bob ran is no door of Olga's, and his message is none that she asked about.
		then: every(oneCard, originIs(olgaID, "form"), func(r *raid) {
			if strings.Contains(plain(r.theatre.card()), "a message") {
				r.t.Errorf("the card leads to Bob's message: %s", plain(r.theatre.card()))
			}
		}),
	},
	{
		name: "a guest runs a shortcut", scene: olgaIs(func(u *slacktest.User) { u.Guest = true }), attack: shortcutSent(olgaID),
		reads: []string{"form:olga", "Guests can't ask for a revoke or decide one"},
		rows:  []row{{"refused", "guest", olgaID}}, then: notLookedUp(carolID),
	},
	{
		name: "a single-channel guest runs a shortcut", scene: olgaIs(func(u *slacktest.User) { u.SingleChannelGuest = true }), attack: shortcutSent(olgaID),
		reads: []string{"form:olga", "Guests can't ask for a revoke or decide one"},
		rows:  []row{{"refused", "guest", olgaID}}, then: notLookedUp(carolID),
	},
	{
		name: "somebody of another workspace runs a shortcut", attack: func(r *raid) {
			on(olgaID, by(carolID, "hi"), edit("user", map[string]any{"id": olgaID, "team_id": "T0OTHER"}))(r)
			r.slackUser(olgaID, func(u *slacktest.User) { u.TeamID = "T0OTHER" })
			r.sendsForm(olgaID, carolID, "stolen laptop")
		},
		reads: []string{"form:olga", "Your Slack account belongs to another workspace"},
		rows:  []row{{"refused", "outside_workspace", olgaID}}, then: notLookedUp(carolID),
	},
	{
		name: "somebody is deactivated while the form of a shortcut is open", attack: func(r *raid) {
			on(olgaID, by(carolID, "hi"), nil)(r)
			view := r.form(olgaID, bot.FormCallback)
			r.slackUser(bobID, func(u *slacktest.User) { u.Deleted = true })
			r.submits(olgaID, view, because("stolen laptop"), byHand(bobID))
		},
		reads: []string{"form:olga", "Checking"}, // it is no answer to her
		rows:  []row{{"refused", "not_a_member", bobID}}, then: notLookedUp(carolID),
	},
	{
		name: "a shortcut on a deactivated person's message revokes nobody else", scene: func(r *raid) {
			r.slackUser(carolID, func(u *slacktest.User) { u.Deleted = true })
		},
		attack: shortcutSent(bobID),
		reads:  []string{"card", "Carol Target"},
		rows:   []row{{"requested", "", bobID}}, state: bot.Pending, then: oneCard,
	},
	{
		name:   "a shortcut on a message of somebody whom the policy protects",
		policy: `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {users: [` + objectID(5) + `]}, block: true}]}`,
		attack: shortcutSent(bobID),
		reads:  []string{"form:bob", "The policy lets nobody revoke this account from Slack"},
		rows:   []row{{"refused", "target_protected", bobID}},
	},
	{
		name: "a shortcut in a private channel that the bot is not in", before: func(r *raid) {
			r.slack.AddChannel(slacktest.Channel{ID: "C0SECRET", Name: "merger", Private: true, Members: []string{bobID, carolID}})
		},
		attack: func(r *raid) {
			ts := r.slack.As(carolID).Say("C0SECRET", "", "I lost my laptop before the merger")
			r.acked(r.slack.As(bobID).MessageShortcut(bot.MessageShortcut, "C0SECRET", ts))
			r.sendsForm(bobID, carolID, "stolen laptop")
		},
		reads: []string{"card", "Carol Target", "stolen laptop"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending,
		then: func(r *raid) {
			oneCard(r)
			if text := r.board(); strings.Contains(text, "merger") {
				r.t.Errorf("somebody reads of the channel, or what was said there:\n%s", text)
			}
		},
	},
	{
		name: "a shortcut in a thread", attack: func(r *raid) {
			first := r.slack.As(olgaID).Say(general, "", "who has seen this?")
			ts := r.slack.As(carolID).Say(general, first, "my laptop is gone")
			r.acked(r.slack.As(bobID).MessageShortcut(bot.MessageShortcut, general, ts))
			chose(bobID, carolID)(r)
			r.sendsForm(bobID, carolID, "stolen laptop")
		},
		reads: []string{"card", "Carol Target", "stolen laptop", "From: a message"},
		rows:  []row{{"requested", "", bobID}}, state: bot.Pending, then: every(oneCard, harmless(bobID, aliceID, amirID)),
	},
	{
		name: "the link of a message is neither a reason nor a ticket", policy: ticket, attack: func(r *raid) {
			ts := r.slack.As(carolID).Say(general, "", "INC-7 my laptop is gone")
			r.acked(r.slack.As(bobID).MessageShortcut(bot.MessageShortcut, general, ts))
			r.sendsForm(bobID, carolID, "stolen laptop")
		},
		reads: []string{"form:bob", "Please name a ticket (it must match INC-[0-9]+)"},
		rows:  []row{{"refused", "ticket_required", bobID}}, then: noneAsked,
	},
	{
		name: "Entra is silent while the form of a shortcut is sent", attack: func(r *raid) {
			r.entra.Inject(graphtest.Fault{Method: http.MethodGet, Status: 503})
			shortcutSent(bobID)(r)
		},
		reads: []string{"form:bob", "Microsoft"},
		rows:  []row{{"refused", "lookup_failed", bobID}}, then: noneAsked,
	},
}...)

// originIs demands that somebody's request came from there.
func originIs(who, origin string) func(*raid) {
	return func(r *raid) {
		if _, e := r.asked(); e.Actor != who || !strings.HasPrefix(e.Origin, origin) {
			r.t.Errorf("%s asked from %q, not %s from %q", e.Actor, e.Origin, who, origin)
		}
	}
}
