package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// Some people cannot be written to: the app has no messages tab, or their Slack
// account is gone. What they would have to know reaches them where they acted last,
// while Slack still takes an answer there. Else the card's thread says that they
// could not be told, so that somebody phones them.

const (
	// untoldKey is followed by the key of the direct message.
	untoldKey = "untold:"
	// privately is the channel of a message that was an answer to an act. It cannot
	// be edited.
	privately = "response_url"
	// ResponseURLLife is how long Slack takes answers to an act.
	// https://docs.slack.dev/interactivity/handling-user-interaction
	ResponseURLLife = 30 * time.Minute
	// triedAnswers is how many acts of one person are answered in turn until Slack
	// takes it.
	triedAnswers = 3
)

// noTab is Slack's code where nobody can be written to.
const noTab = "messages_tab_disabled"

// gonePerson reports whether there is nobody at this account to write to.
func gonePerson(e *SlackError) bool {
	return slices.Contains([]string{"user_not_found", "cannot_dm_bot", "user_disabled", "is_inactive", "channel_not_found"}, e.Code)
}

// undeliverable reports that a person cannot be written to at all.
// https://docs.slack.dev/reference/methods/chat.postMessage
func undeliverable(e *SlackError) bool { return gonePerson(e) || e.Code == noTab }

// undeliveredRemedy says what somebody can do about a direct message that Slack
// refused; empty where that is not known.
func undeliveredRemedy(code string) string {
	switch code {
	case noTab:
		return "In the Slack app's settings, App Home, the Messages Tab must be on, as it is in manifest.yml."
	case "user_disabled", "is_inactive":
		return "Their Slack account is deactivated."
	case "cannot_dm_bot":
		return "That Slack account is a bot's."
	case "user_not_found", "channel_not_found":
		return "Slack shows the bot no such account."
	}
	return ""
}

// tellRemedy says what somebody can do about a message that Slack refused, as far
// as that is known.
func tellRemedy(p post, e *SlackError) string {
	if !p.inChannel() {
		return undeliveredRemedy(e.Code)
	}
	return shut(e).Mend()
}

// directRemedy is undeliveredRemedy of an error.
func directRemedy(err error) string {
	e, ok := errors.AsType[*SlackError](err)
	if !ok {
		return ""
	}
	return undeliveredRemedy(e.Code)
}

// rings reports whether a direct message is news to its reader that they would wait
// for in vain. A receipt repeats what the answer to the command said, unless it has
// the only button.
func (p post) rings(r *Request) bool {
	switch kind(p.key) + ":" {
	case ofReceipts:
		return r.onlySelf() && r.State == Pending
	case unreachedKey, cancelUnreachedKey:
		return false
	}
	return true
}

// tellOtherwise does what can be done where Slack refuses a direct message. closed
// is as in place.
func (b *Bot) tellOtherwise(ctx context.Context, r *Request, places map[string]Place, p post, m Message, e *SlackError, tries int) (until pause, closed ChannelProblem) {
	log := b.log.With("request", r.ID, "key", p.key, "user", p.to)
	if !undeliverable(e) {
		until = pause{doubled(tellRetry, tries), true}
	}
	leaver := kind(p.key) == "target" && gonePerson(e) // who waits for nothing
	if !p.rings(r) || leaver {
		return until, ""
	}
	if kind(p.key)+":" != ofReceipts && b.answerLate(ctx, p.to, m) {
		at := Place{Key: p.key, Channel: privately, TS: "0", Shown: m.digest()}
		places[p.key] = at
		if b.insist(b.work, log, "note what was told as an answer", func(ctx context.Context) error { return b.store.SetPlace(ctx, r.ID, at) }) != nil {
			return pause{tellRetrySoon, true}, ""
		}
		return pause{}, ""
	}
	note := post{key: untoldKey + p.key, thread: true, once: true, show: func() Message { return UntoldNote(r, p.to, e.Code) }}
	_, said := places[note.key]
	if !said {
		log.Error("somebody could not be told, neither by direct message nor as an answer", "error", e, "remedy", undeliveredRemedy(e.Code))
	}
	if places[cardKey].TS == "" {
		return until, "" // the card is owed, and this with it
	}
	its, closed := b.place(ctx, r, places, note, tries)
	if _, says := places[note.key]; says && !said && kind(p.key)+":" == ofReceipts {
		b.answerLate(ctx, p.to, NoButton(r, e.Code, b.cfg.Emergency))
	}
	return until.and(its), closed
}

// answerLate answers the last act of a person that Slack still takes an answer to.
func (b *Bot) answerLate(ctx context.Context, slackID string, m Message) bool {
	urls, err := b.store.ResponseURLs(ctx, slackID, triedAnswers)
	if err != nil {
		b.log.Error("read where somebody may still be answered", "user", slackID, "error", err)
	}
	for _, to := range urls {
		if err := b.respond(ctx, to, m); err == nil {
			return true
		}
	}
	return false
}

// toldSince are the notes in the thread about people who were told after all, or
// answered at least.
func toldSince(r *Request, places map[string]Place) (all []post) {
	for key := range places {
		direct, ok := strings.CutPrefix(key, untoldKey)
		if at, told := places[direct]; ok && told {
			id := direct[strings.LastIndex(direct, ":")+1:]
			if direct == "target" {
				id = r.TargetSlackID
			}
			all = append(all, post{key: key, thread: true, editOnly: true, urgency: ofAside, show: func() Message { return ToldSince(r, id, at.Channel == privately) }})
		}
	}
	slices.SortFunc(all, func(a, b post) int { return strings.Compare(a.key, b.key) })
	return all
}

// UntoldNote tells the thread that somebody could not be told.
func UntoldNote(r *Request, slackID, code string) Message {
	p := &page{}
	l := r.begin().bold("I could not write to ").join(r.reader(slackID)).bold(" (%s).", named(code))
	if r.onlySelf() && r.State == Pending {
		l.say(" They have no button to confirm this: please phone them, or decide here.")
	} else {
		l.say(" They do not know what stands here: please phone them.")
	}
	if remedy := undeliveredRemedy(code); remedy != "" {
		l.say(" %s", remedy)
	}
	p.add(l)
	return p.message()
}

// NoButton tells whoever waits for the direct message with their button that it does
// not come.
func NoButton(r *Request, code, emergency string) Message {
	p := &page{}
	l := r.begin().bold("I could not send you the direct message with the button").say(" (%s, %s). The approvers can read that, and one of them can decide. Nothing has been done yet.", r.ID, named(code))
	if emergency != "" {
		l.say(" Nobody answers? ").typed(emergency)
	}
	p.add(l)
	return p.message()
}

// ToldSince is what becomes of it once they were told. Slack does not promise that an
// answer arrives, and does not keep it, so that nobody knows whether it was read.
// https://docs.slack.dev/reference/methods/chat.postEphemeral
func ToldSince(r *Request, slackID string, answered bool) Message {
	p := &page{}
	l := r.begin().say("I could not write to ").join(r.reader(slackID)).say(" at first.")
	if answered {
		l.say(" An answer was sent where they last acted. I do not know whether they read it: if it matters, phone them.")
	} else {
		l.say(" They have been told since.")
	}
	p.add(l)
	return p.message()
}

// reader names somebody who reads of a request. Whom somebody else asked about is
// not mentioned.
func (r *Request) reader(slackID string) *line {
	if r.Lane == authz.ThirdParty && slackID == r.TargetSlackID {
		return (&line{}).typed(r.name())
	}
	return (&line{}).person(slackID)
}
