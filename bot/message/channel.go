package message

import (
	"fmt"

	"revoke-sessions/bot"
)

// ChannelSays describes a channel's problem, as part of a sentence.
func ChannelSays(p bot.ChannelProblem) string {
	switch p {
	case bot.ChannelMissing:
		return "there is no such channel, or it is private and the bot has to be invited"
	case bot.ChannelArchived:
		return "the channel is archived"
	case bot.ChannelWithout:
		return "the bot is not in the channel and has to be invited"
	case bot.ChannelShared:
		return "the channel is shared with another organisation, whose members read every card"
	case bot.ChannelClosed:
		return "the bot may not post in the channel"
	}
	if code, ok := p.Code(); ok {
		return "Slack refuses what I post there (" + code + ")"
	}
	return ""
}

// ChannelMend says who must do what, so that the bot can post in the channel again.
func ChannelMend(p bot.ChannelProblem) string {
	switch p {
	case "":
		return ""
	case bot.ChannelArchived:
		return "Please have it unarchived and the bot invited again, or have whoever runs the bot name another channel."
	case bot.ChannelClosed:
		return "Please have an administrator let the bot post there, or whoever runs the bot name another channel."
	}
	if code, ok := p.Code(); ok {
		return refusedMend(code)
	}
	return "Please /invite it. If the channel is gone for good, whoever runs the bot must name another."
}

// refusedRemedies say what to do about Slack's codes.
// https://docs.slack.dev/reference/methods/chat.postMessage
var refusedRemedies = map[string]string{
	"ekm_access_denied": "Please have whoever holds your organisation's encryption keys (Slack's Enterprise Key Management) " +
		"allow messages again.",
	"team_access_not_granted": "Please have an administrator allow and install the bot's app in the workspace of that channel.",
	"access_denied":           "Please have an administrator let the bot's app into that channel.",
	"no_permission":           "Please have whoever runs the bot install its app again, in the workspace of that channel.",
	"message_limit_exceeded":  "Please have an administrator look at the workspace's message limit.",
}

// refusedMend says what to do about a code with which Slack refuses posts.
func refusedMend(code string) string {
	if remedy := refusedRemedies[code]; remedy != "" {
		return remedy
	}
	if bot.ContentRefused(code) {
		return "Please have whoever runs the bot look at its log, and report it: even a plain card was refused."
	}
	return fmt.Sprintf("Please have whoever runs the bot look %s up in Slack's documentation of chat.postMessage, "+
		"or name another channel.", code)
}
