package bot

import (
	"errors"
	"fmt"
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
	// cancelUnreachedKey goes with the approver's Slack ID, too.
	cancelUnreachedKey = "unreached_cancel:"
)

// shut says what is wrong with the channel where Slack will go on refusing what is
// posted there; empty where it will not.
// https://docs.slack.dev/reference/methods/chat.postMessage
func shut(err error) ChannelProblem {
	e, ok := errors.AsType[*SlackError](err)
	switch {
	case !ok || !e.lasting():
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
	return ChannelRefuses(e.Code)
}

// unreachedOwed are the approvers' direct messages about a channel that cannot be
// posted to: new ones while that is so, and those that stand, for what they say may
// be over. While neither a card nor what is in its way is known, they stay.
func unreachedOwed(r *Request, v *View, places map[string]Place) (all []post) {
	unread := r.State == Pending && v.Shut != ""
	_, asked := places["cancel"]
	for _, of := range []struct {
		key     string
		news    bool
		urgency urgency
		show    func(*Request, View) Message
	}{
		{unreachedKey, unread, ofCard, UnreachedNote},
		{cancelUnreachedKey, unread && !asked && !r.CancelAskedAt.IsZero(), ofOutcome, CancelUnreached},
	} {
		show := func() Message { return of.show(r, *v) }
		told := toldOf(places, of.key)
		for _, id := range v.Able {
			if of.news && !slices.Contains(told, id) && (of.key != cancelUnreachedKey || id != r.TargetSlackID) {
				all = append(all, post{key: of.key + id, to: id, urgency: of.urgency, show: show})
			}
		}
		if r.State == Pending && v.Shut == "" && v.CardLink == "" {
			continue
		}
		for _, id := range told {
			now := show
			if !slices.Contains(v.Readers, id) {
				if r.State == Pending && v.Guessed {
					continue // perhaps one of them
				}
				now = func() Message { return NoConcern(r) }
			}
			all = append(all, post{key: of.key + id, to: id, urgency: ofAside, editOnly: true, show: now})
		}
	}
	return all
}

// toldOf lists the approvers who have a direct message of this kind.
func toldOf(places map[string]Place, kind string) (told []string) {
	for key := range places {
		if id, ok := strings.CutPrefix(key, kind); ok {
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
// card cannot be posted or changed, and becomes what is so once that is over. It has
// no buttons.
func UnreachedNote(r *Request, v View) Message {
	p := &page{}
	if r.State != Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	begin := r.begin().bold("A request about ").boldTyped(r.name())
	asked := (&line{}).say("Asked by ").person(r.requester().SlackID).say(". ").join(reasonLine(r.Words.Reason))
	l := (&line{}).bold("Nothing has been done yet.")
	if v.Shut == "" {
		p.add(begin.bold(" waits for a decision (%s).", r.ID).say(" Decide on ").link(v.CardLink, "the card").
			say(" in the approvers' channel, which I could not reach at first."))
		p.add(asked)
		p.add(ahead(r, l.say(" "), v))
		return p.message()
	}
	p.add(begin.bold(" waits for a decision, and I cannot reach the approvers' channel").bold(" (%s).", r.ID))
	p.add(asked)
	p.add((&line{}).say("What is in the way: %s. %s", v.Shut.Says(), v.Shut.Mend()))
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

// noLongerUnreached is what a direct message about the channel becomes when the
// request does not wait any more.
func noLongerUnreached(r *Request, v View) *line {
	l := r.begin()
	if r.State.Accepted() {
		acceptedLine(r, l) // the stamps stand on the card only
	} else {
		headline(r, l, v)
	}
	if r.State.Undone() || r.State == Lost || r.State == Failed {
		l.say(" It was about ").typed(r.name()).say(".")
	}
	l.say(" (%s)", r.ID)
	if v.CardLink != "" {
		l.say(" ").link(v.CardLink, "The card").say(".")
	}
	return l
}

// CancelUnreached tells an approver by direct message that the target's own
// account wants to cancel, which the card's thread cannot say just now.
func CancelUnreached(r *Request, v View) Message {
	p := &page{}
	if r.State != Pending {
		p.add(noLongerUnreached(r, v))
		return p.message()
	}
	p.ready(cancelAsked(r, v))
	l := &line{}
	if v.Shut == "" {
		p.add(l.say("You can deny it on ").link(v.CardLink, "the card").say(" in the approvers' channel, which I could not reach at first. (%s)", r.ID))
		return p.message()
	}
	l.say("I cannot reach the approvers' channel: %s. (%s)", v.Shut.Says(), r.ID)
	if v.CardLink != "" {
		l.say(" If you can open ").link(v.CardLink, "the card").say(", you can deny it there.")
	}
	p.add(l)
	return p.message()
}

// NoConcern is what a direct message about the channel becomes for somebody who is
// no approver any more, or has turned out to be the target.
func NoConcern(r *Request) Message {
	p := &page{}
	p.add(r.begin().say("What I wrote here no longer concerns you. (%s)", r.ID))
	return p.message()
}

// Elsewhere is an outcome for somebody who decided, by direct message, because
// it could not be posted in the card's thread.
func Elsewhere(outcome Message, r *Request) Message {
	p := &page{}
	p.ready(outcome)
	p.add((&line{}).say("About ").typed(r.name()).say(" (%s). You read this here because I could not reach the approvers' channel; card and thread follow once I can.", r.ID))
	return p.message()
}

// refusedHere says why the card is not posted, or not to be reached, for a line of
// an answer about a request that waits.
func refusedHere(v View) *line {
	l := &line{}
	switch {
	case v.CardLink == "" && v.Shut == "":
		return l.say("Its card is not posted in the approvers' channel yet. ")
	case v.CardLink == "":
		l.bold("Its card is not posted:")
	case v.Shut != "":
		l.bold("I cannot reach the approvers' channel:")
	default:
		return l
	}
	return l.say(" %s. %s ", v.Shut.Says(), v.Shut.Mend())
}

// shutAt is what kept a message from being posted in the approvers' channel, other
// than what it held, and when.
type shutAt struct {
	problem ChannelProblem
	at      time.Time
}

// shutNow is what is known to keep the bot from posting in the approvers' channel.
// What was refused is tried again within shutRetry, perhaps by another replica: what
// this one has not seen again for longer may be over.
func (b *Bot) shutNow() ChannelProblem {
	if problem := b.watched(); problem != "" {
		return problem
	}
	if last := b.lastShut.Load(); last != nil && !elapsed(last.at, b.now(), 3*shutRetry) {
		return last.problem
	}
	return ""
}

// shutTo is what keeps the bot from posting the card of a request, as far as it is
// known: what is the matter with the channel, or else with a card that is missing.
func (b *Bot) shutTo(r *Request, v View) ChannelProblem {
	if problem := b.shutNow(); problem != "" || v.CardLink != "" {
		return problem
	}
	if e := b.unposted.known(r.ID, b.now()); e != nil {
		return shut(e)
	}
	return ""
}

// noteShut notes what kept a message of a request from being posted or edited in the
// approvers' channel. What Slack does not take of one message is nothing that the
// others wait for.
func (b *Bot) noteShut(request string, p post, problem ChannelProblem) {
	code, _ := problem.code()
	switch {
	case !problem.ofContent():
		b.lastShut.Store(&shutAt{problem, b.now()})
	case p.key == cardKey:
		b.unposted.add(request, &SlackError{Method: "chat.postMessage", Code: code}, b.now())
	}
}

// ofContent reports whether it is a message that Slack does not take, and not
// anything at its place.
func (p ChannelProblem) ofContent() bool {
	code, ok := p.code()
	return ok && contentRefused(code)
}

// ChannelRefuses is the problem that Slack names with a code that says no more.
func ChannelRefuses(code string) ChannelProblem { return channelRefuses + ChannelProblem(named(code)) }

const channelRefuses ChannelProblem = "refuses:"

// code is what Slack answered, of a ChannelRefuses.
func (p ChannelProblem) code() (string, bool) {
	return strings.CutPrefix(string(p), string(channelRefuses))
}

// refusedRemedies say what to do about codes of Slack's.
// https://docs.slack.dev/reference/methods/chat.postMessage
var refusedRemedies = map[string]string{
	"ekm_access_denied":       "Please have whoever holds your organisation's encryption keys (Slack's Enterprise Key Management) allow messages again.",
	"team_access_not_granted": "Please have an administrator allow and install the bot's app in the workspace of that channel.",
	"access_denied":           "Please have an administrator let the bot's app into that channel.",
	"no_permission":           "Please have whoever runs the bot install its app again, in the workspace of that channel.",
	"message_limit_exceeded":  "Please have an administrator look at the workspace's message limit.",
}

func refusedMend(code string) string {
	if remedy := refusedRemedies[code]; remedy != "" {
		return remedy
	}
	if contentRefused(code) {
		return "Please have whoever runs the bot look at its log, and report it: even a plain card was refused."
	}
	return fmt.Sprintf("Please have whoever runs the bot look %s up in Slack's documentation of chat.postMessage, or name another channel.", code)
}
