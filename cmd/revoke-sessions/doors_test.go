package main

import (
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"revoke-sessions/bot"
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

func (th *theatre) home(_ bool, a []string) {
	th.acked(th.slack.As(cast(a[0])).OpenHome())
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
