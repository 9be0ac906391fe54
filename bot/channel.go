package bot

import (
	"fmt"
	"strings"
)

// Workspace is where the app is installed, and the app's ID.
type Workspace struct {
	TeamID string
	// URL is the workspace's own address, https://name.slack.com/.
	URL   string
	AppID string
}

// Link is the address of a message; empty if it has no timestamp.
func (w Workspace) Link(channel, ts string) string {
	if ts == "" {
		return ""
	}
	return fmt.Sprintf("%sarchives/%s/p%s", w.URL, channel, strings.ReplaceAll(ts, ".", ""))
}

// SourceLink is the address of a message in which a request began; empty for none. A reply
// in a thread is addressed by its thread, too.
func (w Workspace) SourceLink(s Source) string {
	link := w.Link(s.Channel, s.TS)
	if link == "" || s.Thread == "" || s.Thread == s.TS {
		return link
	}
	return fmt.Sprintf("%s?thread_ts=%s&cid=%s", link, s.Thread, s.Channel)
}

// AccountSettings is the workspace's page where each member can sign out of all other
// sessions; empty if the workspace's address is not known.
func (w Workspace) AccountSettings() string {
	if w.URL == "" {
		return ""
	}
	return strings.TrimSuffix(w.URL, "/") + "/account/settings"
}

// ChannelProblem is why a channel cannot be the approvers' channel.
type ChannelProblem string

// The problems; the zero value means none.
const (
	ChannelMissing  ChannelProblem = "missing"
	ChannelArchived ChannelProblem = "archived"
	ChannelWithout  ChannelProblem = "bot_not_in_it"
	ChannelShared   ChannelProblem = "shared"
	// ChannelClosed shows only when the bot posts.
	ChannelClosed ChannelProblem = "closed"
)

// ContentRefused reports whether Slack's error code refuses the content of a message.
// https://docs.slack.dev/reference/methods/chat.postMessage
func ContentRefused(code string) bool {
	for _, family := range []string{"invalid_blocks", "invalid_attachments", "invalid_metadata"} {
		if strings.HasPrefix(code, family) {
			return true
		}
	}
	return strings.HasSuffix(code, "_too_long") || code == "no_text" || code == "too_many_attachments"
}

// ShownCode is Slack's error code, or words in its place, for use in a sentence.
func ShownCode(code string) string {
	if code = SlackCode(code); code == "" {
		return "with a code that I do not show"
	}
	return code
}

// SlackCode is Slack's error code if it looks like one and so is safe to show, else
// empty.
func SlackCode(code string) string {
	if len(code) > 60 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return ""
	}
	return code
}

// OfContent reports whether Slack refuses the message rather than the channel.
func (p ChannelProblem) OfContent() bool {
	code, ok := p.Code()
	return ok && ContentRefused(code)
}

// ChannelRefuses is the problem for an error code of Slack without a ChannelProblem of
// its own.
func ChannelRefuses(code string) ChannelProblem {
	return channelRefuses + ChannelProblem(ShownCode(code))
}

const channelRefuses ChannelProblem = "refuses:"

// Code is Slack's error code in a problem that ChannelRefuses made.
func (p ChannelProblem) Code() (string, bool) {
	return strings.CutPrefix(string(p), string(channelRefuses))
}

// NoTab is Slack's error code if the app's Messages tab is off, so that it cannot send
// anybody a direct message.
const NoTab = "messages_tab_disabled"
