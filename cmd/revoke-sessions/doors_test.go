package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slacktest"
)

// The doors of the product's own manifest: the Home tab and the shortcuts.

// installs gives the workspace the app's manifest. Without a file, the app is one that was
// installed before it had a Home tab or shortcuts.
func (th *theatre) installs(file string) {
	th.t.Helper()
	var m slacktest.Manifest
	if file != "" {
		text, err := os.ReadFile(file)
		if err == nil {
			err = yaml.Unmarshal(text, &m)
		}
		if err != nil {
			th.t.Fatal(err)
		}
	}
	if err := th.slack.SetManifest(m); err != nil {
		th.t.Fatal(err)
	}
}

const manifestFile = "../../manifest.yml"

func (th *theatre) manifest(_ bool, a []string) {
	if a[0] == "old" {
		th.installs("")
	} else {
		th.installs(manifestFile)
	}
}

// home opens a Home tab, and waits until the bot has noted that: it notes it after the ack.
func (th *theatre) home(_ bool, a []string) {
	before, d := th.clock.now(), th.slack.As(cast(a[0])).OpenHome()
	th.acked(d)
	if d.EnvelopeID == "" {
		return // Slack does not tell the bot
	}
	db := th.sql()
	th.poll("the bot knows that the Home tab is open", func() bool {
		var opened int64
		err := db.QueryRow(`SELECT coalesce(max(opened_at), 0) FROM homes WHERE slack_id = $1`, cast(a[0])).Scan(&opened)
		return err == nil && opened >= before.UnixMicro()
	})
}

// order checks that all the words stand in one message, in this order.
func (th *theatre) order(_ bool, a []string) {
	for _, m := range th.stands(a[0]) {
		rest, ok := plain(m), true
		for _, words := range mentioned(a[1:]) {
			if ok {
				_, rest, ok = strings.Cut(rest, words)
			}
		}
		if ok {
			return
		}
	}
	th.t.Fatalf("nothing at %s says %q in this order", a[0], a[1:])
}

// door checks where the newest row of an action came from.
func (th *theatre) door(_ bool, a []string) {
	th.poll("there is a row of "+a[0], func() bool { return th.count(a[0]) > 0 })
	var got string
	for _, e := range th.audit() {
		if e.Action == a[0] {
			got = e.Origin
		}
	}
	if want := strings.Join(a[1:], " "); got != want {
		th.t.Fatalf("the row of %s says that it came from %q, not %q", a[0], got, want)
	}
}

func (th *theatre) tabs(_ bool, a []string) {
	want, err := strconv.Atoi(a[1])
	if err != nil {
		th.t.Fatal(err)
	}
	tried := func() (n int) {
		for _, c := range th.slack.CallsOf("views.publish") {
			if c.Params["user_id"] == cast(a[0]) {
				n++
			}
		}
		return n
	}
	th.poll("a Home tab is published", func() bool { return tried() >= want })
	th.quiet()
	th.tabsAtRest()
	if n := tried(); n != want {
		th.t.Fatalf("%d calls of views.publish for %s, not %d", n, a[0], want)
	}
}

// tabsAtRest waits until no Home tab is due that may be published now.
func (th *theatre) tabsAtRest() {
	th.t.Helper()
	db := th.sql()
	th.poll("no Home tab is due", func() bool {
		var busy int
		now := th.clock.now()
		err := db.QueryRow(`SELECT count(*) FROM homes WHERE opened_at > $2 AND (claimed_until > $1 OR due_at <= $1 AND published_at <= $3
			AND NOT EXISTS (SELECT 1 FROM home_tab WHERE code <> '' AND at > $4))`, now.UnixMicro(), now.Add(-bot.HomeLife).UnixMicro(),
			now.Add(-bot.HomePause).UnixMicro(), now.Add(-bot.HomeRefusedFor).UnixMicro()).Scan(&busy)
		if err != nil {
			th.t.Fatal(err)
		}
		return busy == 0
	})
}

// spoil publishes a Home tab as a leaked bot token could.
func (th *theatre) spoil(_ bool, a []string) {
	api := listen.NewAPI(bot.Secret(th.slack.BotToken()), "", th.slack.APIURL())
	note := slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, "Call 555-0666 now.", false, false), nil, nil)
	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{note}}}
	if _, err := api.PublishViewContext(context.Background(), slack.PublishViewContextRequest{UserID: cast(a[0]), View: view}); err != nil {
		th.t.Fatal(err)
	}
}

func (th *theatre) pressHome(_ bool, a []string) {
	who, action := cast(a[0]), "home."+a[1]
	var value string
	if len(a) > 2 {
		value = th.requestID()
	}
	th.until("the Home tab has that button", func() bool {
		home, _ := th.slack.Home(who)
		return slices.ContainsFunc(home.Buttons(), func(b slacktest.Button) bool {
			return b.ActionID == action && (value == "" || b.Value == value)
		})
	})
	if value == "" {
		th.last = th.slack.As(who).PressHome(action)
	} else {
		th.last = th.slack.As(who).PressHome(action, value)
	}
	th.acked(th.last)
}

func (th *theatre) shortcut(_ bool, a []string) {
	th.last = th.slack.As(cast(a[0])).Shortcut(bot.LostShortcut)
	th.acked(th.last)
}

func (th *theatre) shortcutOn(_ bool, a []string) {
	channel := general
	if a[1] == "card" {
		channel = approvals
	}
	messages := th.slack.Messages(channel)
	if a[1] == "thread" {
		messages = th.replies(messages)
	}
	at := slices.IndexFunc(messages, func(m slacktest.Message) bool { return containsAll(plain(m), mentioned(a[2:])) })
	if at < 0 {
		th.t.Fatalf("no message in %s says %q", channel, a[2:])
	}
	th.last = th.slack.As(cast(a[0])).MessageShortcut(bot.MessageShortcut, channel, messages[at].TS)
	th.acked(th.last)
}

func (th *theatre) say(_ bool, a []string) {
	th.slack.As(cast(a[0])).Say(general, "", liveMentions(a[1:]))
}

// reply says something in the thread of the first message in #general.
func (th *theatre) reply(_ bool, a []string) {
	first := th.slack.Messages(general)[0]
	th.slack.As(cast(a[0])).Say(general, first.TS, liveMentions(a[1:]))
}

func (th *theatre) alert(_ bool, a []string) {
	th.slack.Put(slacktest.Message{Channel: general, BotID: "B0ALERTS", AppID: "A0ALERTS", BotName: "alerts", Text: liveMentions(a)})
}

// liveMentions is what is typed, with @bob as the mention that Slack makes of it.
func liveMentions(words []string) string {
	return castMentions.ReplaceAllStringFunc(strings.Join(words, " "), func(m string) string { return "<@" + cast(m[1:]) + ">" })
}
