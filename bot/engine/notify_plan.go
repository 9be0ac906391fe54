package engine

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// letterOf is a post as it waits to be sent.
func letterOf(r *bot.Request, p message.Post) slackapi.Letter {
	return slackapi.Letter{Key: r.ID + " " + p.Key, Urgency: p.Urgency, Self: r.Lane == authz.Self, By: r.Requester().SlackID, Since: r.CreatedAt}
}
