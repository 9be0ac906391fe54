package notify

import (
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// shutRetry is the longest pause before the bot tries again to post in a channel that
// refused it: the people who then invite the bot wait for the card.
const shutRetry = time.Minute

// shutAt is why and when the approvers' channel refused a message for a reason other
// than its content.
type shutAt struct {
	problem bot.ChannelProblem
	at      time.Time
}

// shutNow returns what is known to keep the bot from posting in the approvers' channel.
// Within shutRetry a refused message is tried again, perhaps by another replica. So a
// problem that this one has not seen for longer may be over.
func (tl *Teller) shutNow() bot.ChannelProblem {
	if problem := tl.watched(); problem != "" {
		return problem
	}
	if last := tl.lastShut.Load(); last != nil && !bot.Elapsed(last.at, tl.now(), 3*shutRetry) {
		return last.problem
	}
	return ""
}

// ShutTo returns what is known to keep the bot from posting the card of a request: a
// problem of the channel or, if the card is missing, the refusal of its content.
func (tl *Teller) ShutTo(r *bot.Request, v message.View) bot.ChannelProblem {
	if problem := tl.shutNow(); problem != "" || v.CardLink != "" {
		return problem
	}
	if e := tl.unposted.Known(r.ID, tl.now()); e != nil {
		return slackapi.Shut(e)
	}
	return ""
}

// noteShut remembers what kept a message of a request from being posted or edited in the
// approvers' channel. If Slack refused its content, other requests need not wait.
func (tl *Teller) noteShut(request string, p message.Post, problem bot.ChannelProblem) {
	code, _ := problem.Code()
	switch {
	case !problem.OfContent():
		tl.lastShut.Store(&shutAt{problem, tl.now()})
	case p.Key == bot.CardKey:
		tl.unposted.Add(request, &slackapi.Error{Method: "chat.postMessage", Code: code}, tl.now())
	}
}
