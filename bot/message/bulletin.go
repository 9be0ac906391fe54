package message

import (
	"slices"
	"time"

	"revoke-sessions/bot"
)

// A notice goes to the approvers' channel. While the bot cannot post there, it goes to
// the approvers by direct message, and follows in the channel. Each place holds one
// message about a freeze, which is edited with each step; a step that is over before
// it is posted rings nobody.

// newsFor is how long after the end of a freeze its readers still get a new message
// about it. Later, only the edit says so.
const newsFor = 10 * time.Minute

// Bulletin is a notice with its state in each place.
type Bulletin struct {
	bot.Notice
	Home   string                     // its destination: the approvers' channel, or a user
	Freeze *bot.Freeze                // its current state; nil if the notice concerns something else
	Places map[string]bot.NoticePlace // where it is posted, by destination
	V      View
}

// Readers are the users who have it as a direct message.
func (o *Bulletin) Readers() (ids []string) {
	for to := range o.Places {
		if to != o.Home && bot.SlackUser.MatchString(to) {
			ids = append(ids, to)
		}
	}
	slices.Sort(ids)
	return ids
}

// Actors are the users who froze, or asked to end the freeze.
func (o *Bulletin) Actors() (ids []string) {
	if o.Freeze == nil {
		return nil
	}
	for _, a := range append(slices.Clone(o.Freeze.Votes), o.Freeze.By) {
		ids = append(ids, a.SlackID)
	}
	return ids
}

// Over reports whether its freeze is over.
func (o *Bulletin) Over() bool { return o.Freeze != nil && !o.Freeze.EndedAt.IsZero() }

// Steps counts the steps of its freeze.
func (o *Bulletin) Steps() int {
	if o.Freeze == nil {
		return 0
	}
	return o.Freeze.Steps()
}

// Owes reports whether the bot must post or edit the notice at this destination.
func (o *Bulletin) Owes(to string, now time.Time) bool {
	_, posted := o.Places[to]
	switch {
	case o.Freeze == nil:
		return !posted
	case posted || !o.Over():
		return true
	case to == o.Home: // once, for the record, unless another channel has it
		return len(o.Readers()) == len(o.Places)
	}
	return len(o.Places) > 0 && now.Sub(o.Freeze.EndedAt) < newsFor
}

// Says is the message for one destination.
func (o *Bulletin) Says(to string) bot.Message {
	_, posted := o.Places[to]
	channel := to == o.Home || !bot.SlackUser.MatchString(to)
	p := &page{}
	switch {
	case o.Freeze != nil:
		p = freezeNotice(o.Freeze, o.V, o.Over() && channel && !posted)
	case channel:
		return o.Message
	default:
		p.ready(o.Message)
	}
	if !channel {
		p.add(o.why(to))
	}
	if o.hasButton(to) {
		p.buttons(unfreezeButton(o.Freeze))
	}
	return p.message()
}

// hasButton reports whether the freeze can be ended at this destination. A direct message
// is stored like the notice in the channel, and a click on it is compared in the same way:
// while the channel is shut, it is the only notice. A former channel keeps no button.
func (o *Bulletin) hasButton(to string) bool {
	return o.Freeze != nil && !o.Over() && (to == o.Home || bot.SlackUser.MatchString(to))
}

// why says why the notice comes by direct message, and who else got it.
func (o *Bulletin) why(reader string) *line {
	l := &line{}
	switch _, posted := o.Places[o.Home]; {
	case o.V.Shut != "":
		l.bold("I cannot post this in the approvers' channel").say(": %s. %s", ChannelSays(o.V.Shut), ChannelMend(o.V.Shut))
	case posted:
		return l.say("I could not post this in the approvers' channel at first. It is there now.")
	default:
		return l.say("I could not post this in the approvers' channel yet.")
	}
	switch told := o.V.Told; {
	case !slices.Contains(o.Actors(), reader):
	case len(told) == 0:
		l.say(" I could not tell another approver: please tell them yourself.")
	default:
		l.say(" I have told ").people(told).say(" by direct message.")
	}
	return l
}

// News is the new message under the notice about the last step of its freeze; false if
// nobody needs it.
func (o *Bulletin) News(to string, now time.Time) (bot.Message, bool) {
	at := o.Places[to]
	last := len(o.Freeze.Votes) > 0 && o.Freeze.Votes[len(o.Freeze.Votes)-1].SlackID == to
	switch direct := bot.SlackUser.MatchString(to); {
	case at.News >= o.Steps(), o.Over() && now.Sub(o.Freeze.EndedAt) >= newsFor:
		return bot.Message{}, false
	case direct && o.V.Shut == "", !direct && to != o.Home: // read elsewhere
		return bot.Message{}, false
	case last: // their own step
		p := &page{}
		p.add(o.why(to))
		return p.message(), true
	}
	return freezeNews(o.Freeze, o.V), true
}
