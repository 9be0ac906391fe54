package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// door is one way to ask besides the command: it opens the form.
type door struct {
	name string
	// opens has somebody open the form, in which somebody else is to be chosen or, with an
	// empty about, themselves.
	opens func(r *raid, who, about string)
	// origin is what the record says of a request from there.
	origin string
}

// doors are all of them.
var doors = []door{
	{"the command's form", func(r *raid, who, _ string) { r.typed(who, "") }, "form, opened by command " + general},
	{"the Home tab", func(r *raid, who, about string) {
		r.opensHome(who, "[I lost a device]")
		action := bot.ActionHomeOwn
		if about != "" {
			action = bot.ActionHomeOther
		}
		r.pressesHome(who, action, "")
	}, "form, opened by home"},
	{"the global shortcut", func(r *raid, who, _ string) { r.acked(r.slack.As(who).Shortcut(bot.LostShortcut)) }, "form, opened by shortcut"},
	{"the message shortcut", func(r *raid, who, about string) {
		author := about
		if about == "" {
			author = who
		}
		ts := r.slack.As(author).Say(general, "", "look at this")
		r.acked(r.slack.As(who).MessageShortcut(bot.MessageShortcut, general, ts))
	}, "form, opened by shortcut on a message"},
	{"a fallback button", func(r *raid, who, about string) {
		m := r.fallback(who)
		action := bot.ActionFormOwn
		if about != "" {
			action = bot.ActionFormOther
		}
		r.acked(r.slack.As(who).Click(general, m.TS, action))
	}, "form, opened by shortcut on a message"},
}

var askText = regexp.MustCompile(`^(?:<@(U0[A-Z]+)>|me) (.*)$`)

// asks asks through the raid's door, if it has one that can ask this.
func (r *raid) asks(who, text string) {
	r.t.Helper()
	m := askText.FindStringSubmatch(text)
	if r.door == nil || m == nil {
		r.typed(who, text)
		return
	}
	about := m[1]
	if about == who {
		about = ""
	}
	for _, v := range r.slack.Views(who) {
		r.acked(r.slack.As(who).Close(v.ID))
	}
	r.door.opens(r, who, about)
	values := because(m[2])
	values[bot.FormTargetBlock] = map[string]string{bot.FormTargetAction: about}
	if about == "" {
		values[bot.FormTargetBlock][bot.FormTargetAction] = who
	}
	r.last = r.slack.As(who).Submit(r.form(who, bot.FormCallback).ID, values)
	r.acked(r.last)
}

// fallback has somebody run the shortcut on a message of Olga's, whose form Slack does not
// open, and waits for the two buttons.
func (r *raid) fallback(who string) (m slacktest.Message) {
	r.t.Helper()
	known := len(r.slack.Ephemerals(who))
	r.slack.Inject(slacktest.Fault{Method: "views.open", Error: "internal_error", Times: 1})
	r.acked(r.slack.As(who).MessageShortcut(bot.MessageShortcut, general, r.slack.As(olgaID).Say(general, "", "look at this")))
	r.until("the form's two buttons are there", func() bool {
		all := r.slack.Ephemerals(who)
		if len(all) <= known {
			return false
		}
		m = all[len(all)-1]
		return hasButton(m, bot.ActionFormOwn) && hasButton(m, bot.ActionFormOther)
	})
	return m
}

// opensHome opens somebody's Home tab, and waits until it says the words.
func (r *raid) opensHome(who string, words ...string) {
	r.t.Helper()
	r.acked(r.slack.As(who).OpenHome())
	r.homeSays(who, words...)
}

// homeSays waits until somebody's Home tab says all the words; @bob there is Bob mentioned.
func (r *raid) homeSays(who string, words ...string) {
	r.t.Helper()
	words = mentioned(words)
	r.until(fmt.Sprintf("the Home tab of %s says %q", who, words), func() bool {
		v, ok := r.slack.Home(who)
		return ok && containsAll(v.Plain(), words)
	})
}

// homeNever demands that somebody's Home tab says none of the words.
func (r *raid) homeNever(who string, words ...string) {
	r.t.Helper()
	v, ok := r.slack.Home(who)
	if !ok {
		r.t.Errorf("%s has no Home tab", who)
	}
	for _, w := range mentioned(words) {
		if strings.Contains(v.Plain(), w) {
			r.t.Errorf("the Home tab of %s says %q:\n%s", who, w, v.Plain())
		}
	}
}

// pressesHome presses a button that is in somebody's Home tab.
func (r *raid) pressesHome(who, action, value string) {
	r.t.Helper()
	var values []string
	if value != "" {
		values = []string{value}
	}
	r.until("the Home tab has "+action, func() bool {
		v, _ := r.slack.Home(who)
		return slices.ContainsFunc(v.Buttons(), func(b slacktest.Button) bool {
			return b.ActionID == action && (value == "" || b.Value == value)
		})
	})
	r.last = r.slack.As(who).PressHome(action, values...)
	r.acked(r.last)
}

// lures publishes our button under another label into somebody's Home tab, with the
// stolen token.
func (r *raid) lures(who, action, value string) {
	r.t.Helper()
	button := slack.NewButtonBlockElement(action, value, slack.NewTextBlockObject(slack.PlainTextType, "Show the weather", false, false))
	_, err := r.stolen().PublishViewContext(context.Background(), slack.PublishViewContextRequest{UserID: who, View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewActionBlock("weather", button)}},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// lured has somebody press the button that lures has published.
func (r *raid) lured(who, action, value string) {
	r.t.Helper()
	r.lures(who, action, value)
	r.pressesHome(who, action, value)
}

// ignored waits until the bot has seen a press to which it sends no ack.
func (r *raid) ignored(d *slacktest.Delivery) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if saw, err := d.Outcome(ctx); err != nil || saw != slacktest.OperationTimeout {
		r.t.Errorf("the press shows %q, not an error (%v)", saw, err)
	}
}

// noForms demands that no form is open in front of anybody but these.
func noForms(but ...string) func(*raid) {
	return func(r *raid) {
		for _, who := range []string{bobID, aliceID, amirID, olgaID, carolID} {
			if !slices.Contains(but, who) {
				noForm(who)(r)
			}
		}
	}
}

// asked is how many requests the chain tells of, with the last one's entry.
func (r *raid) asked() (n int, last bot.Entry) {
	r.t.Helper()
	for _, e := range r.audit() {
		if e.Action == bot.ActRequested {
			n, last = n+1, e
		}
	}
	return n, last
}

// aMoment is a moment in which a bot would do what it must not.
const aMoment = 200 * time.Millisecond
