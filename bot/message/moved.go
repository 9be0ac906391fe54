package message

import (
	"revoke-sessions/bot"
)

// movedCard replaces a card in a channel that is no longer the approvers'.
func movedCard(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).about(r).bold("this request has moved to another channel.").say(" Nobody can decide it here. ").
		join(whereNow(v)).say(" (%s)", r.ID))
	return p.message()
}

// movedOutcome replaces an outcome in the thread of such a card.
func movedOutcome(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).typed(r.Name()).say(": this request has moved to another channel. Read the news there. ").
		join(whereNow(v)))
	return p.message()
}

// whereNow names the new channel. It is no link to the card: not everybody who reads the
// old channel may read the new one, and Slack shows the name to its members only.
func whereNow(v View) *line {
	if v.CardLink == "" {
		return &line{}
	}
	return (&line{}).say("The live card is in ").channel(v.CardChannel).say(".")
}
