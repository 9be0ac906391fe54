package message

import (
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// View is what a message needs to know besides the request.
type View struct {
	Now time.Time
	// Approvers are the mentions of all approvers: user IDs, group IDs, names
	// of Entra groups. Deciders are the approvers who may decide the request now.
	Approvers, Deciders []string
	Policy              *authz.Policy
	// Patience is how long an approved request may wait for its call.
	Patience time.Duration
	// Emergency is what to do if nobody answers; it may be empty.
	Emergency string
	// CardLink leads to the card; empty while there is no card. Only a reader who CanOpen
	// it sees the link: see line.card. CardChannel is the channel of the card.
	CardLink    string
	CanOpen     bool
	CardChannel string
	// Sources lead to the messages on which askers ran a shortcut, by Slack ID, as far as the
	// reader can open them.
	Sources map[string]string
	// Asked means that the reader has a direct message about the request, or gets one.
	// OwnLink leads to it; empty while it is not posted.
	Asked   bool
	OwnLink string
	// Able are the Slack IDs of the people who may decide the request now, for
	// direct messages.
	Able []string
	// Readers are the Slack IDs of today's approvers, who may read how a request goes
	// on; not the target of somebody else's request. Guessed means that some may be
	// missing, because a look-up failed.
	Readers []string
	Guessed bool
	// Shut is what keeps the bot from posting in the approvers' channel; empty if
	// nothing does. Told are the approvers who read about that in a direct message.
	Shut bot.ChannelProblem
	Told []string
	// CancelPosted means that the thread asks the approvers to cancel. CancelTold are
	// the approvers who were asked by direct message.
	CancelPosted bool
	CancelTold   []string
	// SlackSettings is the address of Slack's account settings; empty if not known.
	SlackSettings string
	// Freeze is the current freeze, or nil.
	Freeze *bot.Freeze
	// LastFreeze is when the reader's last freeze ended.
	LastFreeze time.Time
	// Meanwhile is another request that revoked the account after this one was made;
	// nil for none.
	Meanwhile *bot.Request
	// Changed is what prevents another try of a failed request.
	Changed []bot.Difference
	// Limit is the limit that was reached.
	Limit *bot.LimitError
	// Wanted is the action that is refused.
	Wanted authz.Action
	// Reader is the reader of a refusal, who is not named among those who can act.
	Reader string
	// Where names the service that did not answer a look-up: Slack or Microsoft Entra.
	Where string
	// Remedy says what to do if that service refused the bot.
	Remedy string
	// TooOften and Spent come from a *LookupError. Wait is how long to wait after
	// that, or after requests that came too fast.
	TooOften, Spent bool
	Wait            time.Duration
}

// SetLookupError copies from e why a look-up failed.
func (v *View) SetLookupError(e *bot.LookupError) {
	v.Where, v.Remedy, v.TooOften, v.Spent, v.Wait = e.Where, e.Remedy, e.TooOften, e.Spent, e.Wait
}

// deciders mentions the approvers who may decide the request, except the reader.
func (l *line) deciders(v View) *line {
	return l.able(v.Deciders, v.Reader)
}

// able mentions these people except one, or says that it knows none.
func (l *line) able(names []string, but string) *line {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == but })
	if len(names) == 0 {
		return l.say("nobody I can find")
	}
	return l.people(names)
}

// card names the card, and links to it for a reader who can open it.
func (l *line) card(v View, words string) *line {
	if v.CanOpen && v.CardLink != "" {
		return l.link(v.CardLink, words)
	}
	return l.say("%s", words)
}

// readMore leads the reader of an answer on: to the card if they can open it, and
// otherwise to their own direct message.
func readMore(v View) *line {
	switch l := (&line{}); {
	case v.CanOpen && v.CardLink != "":
		return l.link(v.CardLink, "Open the card").say(".")
	case v.OwnLink != "":
		return l.link(v.OwnLink, "Open my message to you").say(".")
	case v.Asked:
		return l.say("See my direct message to you.")
	case v.CardLink != "":
		return l.say("Only members of its channel can open its card.")
	default:
		return l
	}
}
