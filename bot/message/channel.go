package message

import (
	"fmt"

	"revoke-sessions/bot"
)

// ChannelSays describes a channel's problem, as part of a sentence.
func ChannelSays(p bot.ChannelProblem) string {
	switch p {
	case bot.ChannelMissing:
		return "the channel does not exist, or it is private and the bot is not in it"
	case bot.ChannelArchived:
		return "the channel is archived"
	case bot.ChannelWithout:
		return "the bot is not in the channel"
	case bot.ChannelShared:
		return "the channel is shared with another organisation, and its members can read every card"
	case bot.ChannelClosed:
		return "the bot may not post in the channel"
	}
	if code, ok := p.Code(); ok {
		return "Slack refuses what the bot posts there (" + code + ")"
	}
	return ""
}

// ChannelMend says who must do what, so that the bot can post in the channel again.
func ChannelMend(p bot.ChannelProblem) string {
	switch p {
	case "":
		return ""
	case bot.ChannelArchived:
		return "Please unarchive it and /invite the bot again. Or ask the bot's owner to name another channel."
	case bot.ChannelClosed:
		return "Please ask an administrator to let the bot post there, or the bot's owner to name another channel."
	}
	if code, ok := p.Code(); ok {
		return refusedMend(code)
	}
	return "Please /invite the bot. If the channel is gone for good, the bot's owner must name another."
}

// refusedRemedies say what to do about Slack's codes.
// https://docs.slack.dev/reference/methods/chat.postMessage
var refusedRemedies = map[string]string{
	"ekm_access_denied": "Please ask the people who hold your organisation's encryption keys (Slack's Enterprise Key Management) " +
		"to allow messages again.",
	"team_access_not_granted": "Please ask an administrator to allow and install the bot's app in the workspace of that channel.",
	"access_denied":           "Please ask an administrator to let the bot's app into that channel.",
	"no_permission":           "Please ask the bot's owner to install its app again, in the workspace of that channel.",
	"message_limit_exceeded":  "Please ask an administrator to check the workspace's message limit.",
}

// refusedMend says what to do about a code with which Slack refuses posts.
func refusedMend(code string) string {
	if remedy := refusedRemedies[code]; remedy != "" {
		return remedy
	}
	if bot.ContentRefused(code) {
		return "Please ask the bot's owner to look at its log and report this: Slack refused even a plain card."
	}
	return fmt.Sprintf("Please ask the bot's owner to look up %s in Slack's documentation of chat.postMessage, "+
		"or to name another channel.", code)
}
