package bot

import (
	"fmt"
	"strings"
)

// Workspace is where the app is installed and who the bot is in it.
type Workspace struct {
	TeamID string
	// URL is the workspace's own address, https://name.slack.com/.
	URL   string
	AppID string
}

// Link leads to a message.
func (w Workspace) Link(channel, ts string) string {
	if ts == "" {
		return ""
	}
	return fmt.Sprintf("%sarchives/%s/p%s", w.URL, channel, strings.ReplaceAll(ts, ".", ""))
}

// ChannelProblem is what keeps a channel from being the approvers'.
type ChannelProblem string

// The problems; the zero ChannelProblem is none.
const (
	ChannelMissing  ChannelProblem = "missing"
	ChannelArchived ChannelProblem = "archived"
	ChannelWithout  ChannelProblem = "bot_not_in_it"
	ChannelShared   ChannelProblem = "shared"
	// ChannelClosed is learned by posting alone.
	ChannelClosed ChannelProblem = "closed"
)

// ContentRefused reports whether it is that, by Slack's code.
// https://docs.slack.dev/reference/methods/chat.postMessage
func ContentRefused(code string) bool {
	for _, family := range []string{"invalid_blocks", "invalid_attachments", "invalid_metadata"} {
		if strings.HasPrefix(code, family) {
			return true
		}
	}
	return strings.HasSuffix(code, "_too_long") || code == "no_text" || code == "too_many_attachments"
}

// ShownCode is a code of Slack's for a sentence.
func ShownCode(code string) string {
	if code = SlackCode(code); code == "" {
		return "with a code that I do not show"
	}
	return code
}

// SlackCode is a code of Slack's as it may be shown; empty for what does not look
// like one.
func SlackCode(code string) string {
	if len(code) > 60 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return ""
	}
	return code
}

// OfContent reports whether it is a message that Slack does not take, and not
// anything at its place.
func (p ChannelProblem) OfContent() bool {
	code, ok := p.Code()
	return ok && ContentRefused(code)
}

// ChannelRefuses is the problem that Slack names with a code that says no more.
func ChannelRefuses(code string) ChannelProblem {
	return channelRefuses + ChannelProblem(ShownCode(code))
}

const channelRefuses ChannelProblem = "refuses:"

// Code is what Slack answered, of a ChannelRefuses.
func (p ChannelProblem) Code() (string, bool) {
	return strings.CutPrefix(string(p), string(channelRefuses))
}

// NoTab is Slack's code where nobody can be written to.
const NoTab = "messages_tab_disabled"
