package main

import (
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// understoodNothing has Bob type a list of people, and waits for the button.
func understoodNothing(r *raid) {
	r.typed(bobID, "<@"+carolID+"> and <@"+olgaID+"> secret words")
	r.sees(false, []string{"only:bob", "One person per command", "[Open the form]"})
}

// formButton is the button on the newest message that only Bob sees.
func (r *raid) formButton() slacktest.Message {
	r.t.Helper()
	all := r.slack.Ephemerals(bobID)
	m := all[len(all)-1]
	if len(m.Buttons()) != 1 || m.Buttons()[0].ActionID != bot.ActionForm {
		r.t.Fatalf("no button to the form: %s", plain(m))
	}
	return m
}

// presses the button to the form with a value, as if it stood in the channel.
func pressesForm(who string, value func(r *raid) string) func(*raid) {
	return func(r *raid) {
		m := r.formButton()
		text := value(r)
		r.last = r.slack.As(who).ClickRaw(func(c *slacktest.Click) {
			c.ChannelID, c.MessageTS, c.ActionID, c.Value, c.Ephemeral = general, m.TS, bot.ActionForm, text, true
		})
		r.acked(r.last)
	}
}

// noForm demands that somebody has no form open.
func noForm(who string) func(*raid) {
	return func(r *raid) {
		if open := r.slack.Views(who); len(open) > 0 {
			r.t.Errorf("a form is open: %s", open[0].Plain())
		}
	}
}

func bobsCommand(r *raid) string { return r.formButton().Buttons()[0].Value }

func as(value string) func(*raid) string { return func(*raid) string { return value } }

const notYours = "This button belongs to a command that is not yours, so no form opened."

// The button to the form: its value names a stored command, and gives nobody a right to it.
var formButtonAttacks = []attack{
	{
		name: "somebody opens the form of another's command", scene: understoodNothing, attack: pressesForm(olgaID, bobsCommand),
		reads: []string{"only:olga", notYours}, rows: []row{{"refused", "wrong_place", olgaID}}, then: noForm(olgaID),
	},
	{
		name: "the button to the form carries no number", scene: understoodNothing, attack: pressesForm(bobID, as("' OR 1=1 --")),
		reads: []string{"only:bob", notYours}, rows: []row{{"refused", "wrong_place", bobID}}, then: noForm(bobID),
	},
	{
		name: "the button to the form carries a number below all", scene: understoodNothing, attack: pressesForm(bobID, as("-1")),
		reads: []string{"only:bob", notYours}, rows: []row{{"refused", "wrong_place", bobID}}, then: noForm(bobID),
	},
	{
		name: "the button to the form names a click", scene: func(r *raid) {
			understoodNothing(r)
			pressesForm(bobID, bobsCommand)(r)
			r.form(bobID, bot.FormCallback)
		},
		attack: func(r *raid) {
			click := r.form(bobID, bot.FormCallback).PrivateMetadata
			pressesForm(bobID, as(click))(r)
		},
		reads: []string{"only:bob", notYours}, rows: []row{{"refused", "wrong_place", bobID}},
	},
	{
		name: "the button to the form names a drill", scene: func(r *raid) {
			r.typed(bobID, "drill <@"+carolID+"> and <@"+olgaID+">")
			r.sees(false, []string{"only:bob", "One person per command"})
			understoodNothing(r)
		},
		attack: pressesForm(bobID, func(r *raid) string { return before(bobsCommand(r)) }),
		reads:  []string{"only:bob", notYours}, rows: []row{{"refused", "wrong_place", bobID}}, then: noForm(bobID),
	},
	{
		name: "the button to the form names what never arrived", scene: understoodNothing, attack: pressesForm(olgaID, as("999999")),
		// She gets the form that anybody gets, and nothing of anybody's in it.
		unrecorded: true,
		then: func(r *raid) {
			r.sees(false, []string{"form:olga", "What you typed was erased", "target: " + olgaID})
			if text := r.form(olgaID, bot.FormCallback).Plain(); strings.Contains(text, "secret") {
				r.t.Errorf("the form says %s", text)
			}
		},
	},
	{
		name: "the click on the button to the form comes again", scene: func(r *raid) {
			understoodNothing(r)
			pressesForm(bobID, bobsCommand)(r)
			r.slack.As(bobID).Close(r.form(bobID, bot.FormCallback).ID)
		},
		attack: func(r *raid) {
			r.acked(r.last.Replay())
			r.acked(r.last.Redeliver())
		},
		unrecorded: true, then: noForm(bobID),
	},
	{
		name: "the form behind the button is submitted by somebody else's hand", scene: func(r *raid) {
			understoodNothing(r)
			pressesForm(bobID, bobsCommand)(r)
		},
		attack: func(r *raid) {
			r.submits(bobID, r.form(bobID, bot.FormCallback), carol, func(payload, _ map[string]any) {
				payload["user"] = map[string]any{"id": olgaID, "team_id": "T0SLACKTEST"}
			})
		},
		reads: []string{"dm:olga", "Got it.", "REQ-"},
		rows:  []row{{"requested", "", olgaID}}, state: bot.Pending,
		then: func(r *raid) {
			r.cardSays("Asked by: @olga")
			if text := r.slack.Views(bobID)[0].Plain(); strings.Contains(text, "REQ-") {
				r.t.Errorf("Bob reads what Olga asked for: %s", text)
			}
		},
	},
}
