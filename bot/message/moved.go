package message

import (
	"revoke-sessions/bot"
)

// MovedCard is what a card becomes whose channel is not the approvers' any more.
func MovedCard(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).boldTyped(r.Name()).bold(": this request has moved to another channel.").say(" Nothing can be decided here. ").join(whereNow(v)).say(" (%s)", r.ID))
	return p.message()
}

// MovedOutcome is what an outcome in the thread of such a card becomes.
func MovedOutcome(r *bot.Request, v View) bot.Message {
	p := &page{}
	p.add(begin(r).typed(r.Name()).say(": this request has moved to another channel. What is known now stands there. ").join(whereNow(v)))
	return p.message()
}

func whereNow(v View) *line {
	if v.CardLink == "" {
		return &line{}
	}
	return (&line{}).link(v.CardLink, "The live card is here").say(".")
}
