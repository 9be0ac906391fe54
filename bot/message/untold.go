package message

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// UndeliveredRemedy says what to do about a direct message that Slack refused; empty if
// that is not known.
func UndeliveredRemedy(code string) string {
	switch code {
	case bot.NoTab:
		return "In the Slack app's settings, App Home, the Messages Tab must be on, as it is in manifest.yml."
	case "user_disabled", "is_inactive":
		return "Their Slack account is deactivated."
	case "cannot_dm_bot":
		return "That Slack account is a bot's."
	case "user_not_found", "channel_not_found":
		return "The bot cannot see that account in Slack."
	}
	return ""
}

// UntoldNote tells the thread that the bot could not write to somebody.
func UntoldNote(r *bot.Request, slackID, code string) bot.Message {
	p := &page{}
	l := begin(r).bold("I could not write to ").join(reader(r, slackID)).bold(" (%s).", bot.ShownCode(code))
	if r.OnlySelf() && r.State == bot.Pending {
		l.say(" They did not get the button to revoke. Please phone them, or decide here.")
	} else {
		l.say(" They have not heard from me about this. Please phone them.")
	}
	if remedy := UndeliveredRemedy(code); remedy != "" {
		l.say(" %s", remedy)
	}
	p.add(l)
	return p.message()
}

// NoButton tells a requester that the direct message with their button does not come.
func NoButton(r *bot.Request, code, emergency string) bot.Message {
	p := &page{}
	l := begin(r).bold("I could not send you the direct message with the button").
		say(" (%s, %s). The approvers can read that, and one of them can decide. Nothing is done yet.", r.ID, bot.ShownCode(code))
	if emergency != "" && !r.Drill {
		l.say(" Nobody answers? ").typed(emergency)
	}
	p.add(l)
	return p.message()
}

// toldSince replaces an UntoldNote once the bot reached them. answered means only by a
// private answer, which Slack may lose: nobody knows whether it was read.
// https://docs.slack.dev/reference/methods/chat.postEphemeral
func toldSince(r *bot.Request, slackID string, answered bool) bot.Message {
	p := &page{}
	l := begin(r).say("I could not write to ").join(reader(r, slackID)).say(" at first.")
	if answered {
		l.say(" I answered where they last acted. I do not know whether they read it. If it matters, phone them.")
	} else {
		l.say(" They have my message now.")
	}
	p.add(l)
	return p.message()
}

// reader names a reader of a request. It does not mention the target of somebody else's
// request.
func reader(r *bot.Request, slackID string) *line {
	if r.Lane == authz.ThirdParty && slackID == r.TargetSlackID {
		return (&line{}).typed(r.Name())
	}
	return (&line{}).person(slackID)
}
