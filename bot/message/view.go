package message

import (
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// View is what a message needs to know beside the request.
type View struct {
	Now time.Time
	// Approvers are the mentions of all approvers: user IDs, group IDs, names
	// of Entra groups. Deciders are those who may decide the request now.
	Approvers, Deciders []string
	Policy              *authz.Policy
	// Patience is how long a decision may wait to be carried out.
	Patience time.Duration
	// Emergency is what to do when nobody answers; it may be empty.
	Emergency string
	// CardLink leads to the card; empty while the card does not stand.
	CardLink string
	// Able are the Slack IDs of those who may decide the request now, for
	// direct messages.
	Able []string
	// Readers are the Slack IDs of today's approvers, but for the target of a report
	// by somebody else: those who may read how a request goes on. Guessed: some may be
	// missing, because not all could be looked up.
	Readers []string
	Guessed bool
	// Shut is what keeps the bot from posting in the approvers' channel, as
	// just seen; empty where it could post. Told are the approvers who read of
	// that in a direct message.
	Shut bot.ChannelProblem
	Told []string
	// CancelPosted: the thread asks the approvers to cancel. CancelTold are those
	// who were asked by direct message.
	CancelPosted bool
	CancelTold   []string
	// Freeze is the freeze that is on, or nil.
	Freeze *bot.Freeze
	// LastFreeze is when the person's last freeze ended.
	LastFreeze time.Time
	// Meanwhile is another request, by which the account was revoked since this one
	// was asked for; nil for none.
	Meanwhile *bot.Request
	// Changed is what is no longer so, of a request that cannot become void.
	Changed []bot.Difference
	// Limit is the limit that was reached.
	Limit *bot.LimitError
	// Reader is whom a refusal is for, who is not among those who could.
	Reader string
	// Where names who did not answer a look-up: Slack or Microsoft Entra.
	Where string
	// Remedy goes with it where the answer was a refusal of the bot.
	Remedy string
	// TooOften and Spent are those of a *LookupError, and Wait is how long to
	// leave it; of an ask that came too soon, too.
	TooOften, Spent bool
	Wait            time.Duration
}

// Unread has the view say why a look-up failed.
func (v *View) Unread(e *bot.LookupError) {
	v.Where, v.Remedy, v.TooOften, v.Spent, v.Wait = e.Where, e.Remedy, e.TooOften, e.Spent, e.Wait
}

// deciders mentions the approvers who may decide the request: of a report by
// somebody else not its target, who should learn of it last.
func (l *line) deciders(v View) *line {
	return l.able(v.Deciders, v.Reader)
}

// otherApprovers mentions every approver but the reader.
func (l *line) otherApprovers(v View) *line { return l.able(v.Approvers, v.Reader) }

func (l *line) able(names []string, but string) *line {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == but })
	if len(names) == 0 {
		return l.say("nobody whom I know")
	}
	return l.people(names)
}

// enders mentions those who may end a self report undone: never its target.
func (l *line) enders(r *bot.Request, v View) *line { return l.able(v.Approvers, r.TargetSlackID) }
