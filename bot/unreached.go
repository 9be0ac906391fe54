package bot

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// What people are owed while the approvers' channel cannot be posted to goes
// by direct message: the approvers learn of a request that waits, whoever
// decided learns the outcome. Neither message decides anything; only the card
// does, and it follows as soon as the channel can be reached.

// shutRetry is the longest pause before a channel that could not be posted to
// is tried again: whoever has invited the bot waits for the card.
const shutRetry = time.Minute

const (
	unreachedKey = "unreached:" // and the approver's Slack ID
	elsewhereKey = "elsewhere:" // and the key in the thread, and who decided
)

// shut says what is wrong with the channel where Slack's answer is about the
// channel and not about the message; empty where it is not.
// https://docs.slack.dev/reference/methods/chat.postMessage
func shut(err error) ChannelProblem {
	e, ok := errors.AsType[*SlackError](err)
	switch {
	case !ok:
		return ""
	case e.Code == "channel_not_found":
		return ChannelMissing
	case e.Code == "is_archived", e.Code == "is_inactive":
		return ChannelArchived
	case e.Code == "not_in_channel":
		return ChannelWithout
	case strings.HasPrefix(e.Code, "restricted_action"):
		return ChannelClosed
	}
	return ""
}

// toldOf lists the approvers who have been told of a request that waits.
func toldOf(places map[string]Place) (told []string) {
	for key := range places {
		if id, ok := strings.CutPrefix(key, unreachedKey); ok {
			told = append(told, id)
		}
	}
	slices.Sort(told)
	return told
}

// inform lists the Slack IDs of those who decided and read of the outcome
// nowhere else: whoever asked has a message of their own.
func (r *Request) inform() (ids []string) {
	v := r.verdict()
	if v == nil {
		return nil
	}
	asked := map[string]bool{"": true} // nobody decided: the time was up
	for _, a := range r.Askers {
		asked[a.SlackID] = true
	}
	for _, id := range append(slackIDs(v.Others), v.SlackID) {
		if !asked[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func slackIDs(verdicts []Verdict) (ids []string) {
	for _, v := range verdicts {
		ids = append(ids, v.SlackID)
	}
	return ids
}

// UnreachedNote tells an approver by direct message that a request waits whose
// card cannot be posted or changed. It has no buttons.
func UnreachedNote(r *Request, v View) Message {
	p := &page{}
	p.add(r.begin().bold("A request about ").boldTyped(r.name()).bold(" waits for a decision, and I cannot reach the approvers' channel").bold(" (%s).", r.ID))
	p.add((&line{}).say("Asked by ").person(r.requester().SlackID).say(". ").join(reasonLine(r.Words.Reason)))
	p.add((&line{}).say("What is in the way: %s. %s", v.Shut.Says(), v.Shut.Mend()))
	l := (&line{}).bold("Nothing has been done yet.")
	if v.CardLink != "" {
		l.say(" If you can open ").link(v.CardLink, "the card").say(", you can still decide there.")
	} else {
		l.say(" It can be decided only on the card. I try again every minute, and the card will mention you when it stands.")
	}
	if !r.Drill {
		l.say(" If it cannot wait, act in the Entra portal.")
	}
	p.add(ahead(r, l.say(" "), v))
	return p.message()
}

// Elsewhere is an outcome for somebody who decided, by direct message, because
// it could not be posted in the card's thread.
func Elsewhere(outcome Message, r *Request) Message {
	p := &page{blocks: slices.Clone(outcome.Blocks)}
	p.paragraph(outcome.Text)
	p.add((&line{}).say("About ").typed(r.name()).say(" (%s). You read this here because I could not reach the approvers' channel; card and thread follow once I can.", r.ID))
	return p.message()
}
