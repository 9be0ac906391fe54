package message

import (
	"slices"
	"time"

	"revoke-sessions/bot"
)

// A notice goes to the approvers' channel. While that is shut, the approvers
// read it by direct message, and it follows in the channel. A notice of a freeze
// is one message in each of these places, which is edited as the freeze goes on:
// what has come and gone before it could be posted is not posted as news.

// newsFor is for how long the end of a freeze rings for those who have read of
// its beginning. After that the one message says so.
const newsFor = 10 * time.Minute

// Bulletin is a notice on its way to its readers.
type Bulletin struct {
	bot.Notice
	Home   string      // where it goes: the approvers' channel, or a user
	Freeze *bot.Freeze // as it is now; nil for a notice of something else
	Places map[string]bot.NoticePlace
	V      View
}

// Readers are those who have it as a direct message.
func (o *Bulletin) Readers() (ids []string) {
	for to := range o.Places {
		if to != o.Home && bot.SlackUser.MatchString(to) {
			ids = append(ids, to)
		}
	}
	slices.Sort(ids)
	return ids
}

// Actors are those who have frozen, or asked to end it.
func (o *Bulletin) Actors() (ids []string) {
	if o.Freeze == nil {
		return nil
	}
	for _, a := range append(slices.Clone(o.Freeze.Votes), o.Freeze.By) {
		ids = append(ids, a.SlackID)
	}
	return ids
}

// Over reports whether it is about a freeze that is over.
func (o *Bulletin) Over() bool { return o.Freeze != nil && !o.Freeze.EndedAt.IsZero() }

// Steps counts what has happened since the notice was first owed.
func (o *Bulletin) Steps() int {
	if o.Freeze == nil {
		return 0
	}
	return o.Freeze.Steps()
}

// Owes reports whether something is to be posted or edited there.
func (o *Bulletin) Owes(to string, now time.Time) bool {
	_, stands := o.Places[to]
	switch {
	case o.Freeze == nil:
		return !stands
	case stands || !o.Over():
		return true
	case to == o.Home: // once, for the record, unless that is in another channel
		return len(o.Readers()) == len(o.Places)
	}
	return len(o.Places) > 0 && now.Sub(o.Freeze.EndedAt) < newsFor
}

// Says is what stands at one place.
func (o *Bulletin) Says(to string) bot.Message {
	_, stands := o.Places[to]
	channel := to == o.Home || !bot.SlackUser.MatchString(to)
	m := o.Message
	if o.Freeze != nil {
		m = FreezeNotice(o.Freeze, o.V, o.Over() && channel && !stands)
	}
	if channel {
		return m
	}
	p := &page{}
	p.ready(m)
	p.add(o.why(to))
	return p.message()
}

// why says why somebody reads it by direct message, and who else does.
func (o *Bulletin) why(reader string) *line {
	l := &line{}
	switch _, stands := o.Places[o.Home]; {
	case o.V.Shut != "":
		l.bold("I cannot post this in the approvers' channel").say(": %s. %s", ChannelSays(o.V.Shut), ChannelMend(o.V.Shut))
	case stands:
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

// News is what rings for the last step of a freeze where its message stands;
// false where nobody is to be rung.
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
	return FreezeNews(o.Freeze, o.V), true
}
