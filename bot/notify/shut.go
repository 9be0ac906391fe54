package notify

import (
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// shutRetry is the longest pause before a channel that could not be posted to
// is tried again: whoever has invited the bot waits for the card.
const shutRetry = time.Minute

// shutAt is what kept a message from being posted in the approvers' channel, other
// than what it held, and when.
type shutAt struct {
	problem bot.ChannelProblem
	at      time.Time
}

// shutNow is what is known to keep the bot from posting in the approvers' channel.
// What was refused is tried again within shutRetry, perhaps by another replica: what
// this one has not seen again for longer may be over.
func (tl *Teller) shutNow() bot.ChannelProblem {
	if problem := tl.watched(); problem != "" {
		return problem
	}
	if last := tl.lastShut.Load(); last != nil && !bot.Elapsed(last.at, tl.now(), 3*shutRetry) {
		return last.problem
	}
	return ""
}

// ShutTo is what keeps the bot from posting the card of a request, as far as it is
// known: what is the matter with the channel, or else with a card that is missing.
func (tl *Teller) ShutTo(r *bot.Request, v message.View) bot.ChannelProblem {
	if problem := tl.shutNow(); problem != "" || v.CardLink != "" {
		return problem
	}
	if e := tl.unposted.Known(r.ID, tl.now()); e != nil {
		return slackapi.Shut(e)
	}
	return ""
}

// noteShut notes what kept a message of a request from being posted or edited in the
// approvers' channel. What Slack does not take of one message is nothing that the
// others wait for.
func (tl *Teller) noteShut(request string, p message.Post, problem bot.ChannelProblem) {
	code, _ := problem.Code()
	switch {
	case !problem.OfContent():
		tl.lastShut.Store(&shutAt{problem, tl.now()})
	case p.Key == bot.CardKey:
		tl.unposted.Add(request, &slackapi.Error{Method: "chat.postMessage", Code: code}, tl.now())
	}
}
