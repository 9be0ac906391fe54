package message

import (
	"strings"

	"revoke-sessions/bot"
)

// CoverageNotice tells the channel that too few approvers can decide, that the bot
// cannot read who they are, or that others can read the channel.
//
// unread says what the bot cannot read; problems then say what to do about it.
// unable are the named approvers who cannot decide.
func CoverageNotice(problems []string, able int, unread string, unable []bot.Unable, channel bot.ChannelProblem, v View) bot.Message {
	p := &page{}
	var items []*line
	for _, problem := range problems {
		items = append(items, (&line{}).say("%s", problem))
	}
	switch {
	case unread != "":
		p.add((&line{}).bold("%s", unread))
	case len(problems) > 0:
		p.add((&line{}).bold("Too few approvers: I know of %d who could decide.", able).
			say(" An approver must be a full member of this workspace, and their Slack account must lead to exactly one Entra account " +
				"that may sign in. The bot's owner must name more approvers, or ask for fewer approvals:"))
	}
	if len(problems) > 0 {
		p.some(bullets, func(n int) *line { return (&line{}).say("%d more like these; the bot's log has them all", n) }, items...)
		p.add((&line{}).say("Named approvers: ").people(v.Approvers).say("."))
	}
	if len(unable) > 0 && unread == "" {
		var who []*line
		for _, u := range unable {
			who = append(who, (&line{}).person(u.SlackID).say(": %s", WhyUnable(u)))
		}
		p.add((&line{}).say("These named approvers cannot decide:"))
		p.some(bullets, func(n int) *line { return (&line{}).say("%d more; the bot's log has them all", n) }, who...)
		if how := Unmapped(unable); how != "" {
			p.add((&line{}).say("%s", how))
		}
	}
	if channel == bot.ChannelShared { // with any other problem, nobody reads this in the channel
		p.add((&line{}).bold("About the approvers' channel: ").say("%s.", ChannelSays(channel)))
	}
	return p.message()
}

// PassedOverNotice tells the channel that an operator overrides the policy at the
// command line. The outcome is not known yet.
func PassedOverNotice(r *bot.Request) bot.Message {
	p := &page{}
	l := begin(r)
	what := "revoke all sessions of "
	if r.Drill {
		what = "rehearse the end of all sessions of "
	}
	l.boldTyped(strings.TrimPrefix(r.Askers[0].SlackID, bot.OperatorPrefix)).bold(" overrode the policy at the command line")
	l.say(" to %s", what).typed(r.Name())
	if r.Words.UPN != "" && r.Words.UPN != r.Name() {
		l.say(" (").typed(r.Words.UPN).say(")")
	}
	p.add(l.say("."))
	var rules []string
	for _, rule := range r.PassedOver {
		rules = append(rules, reasons[rule])
	}
	p.add((&line{}).say("Overridden: %s.", strings.Join(rules, "; ")))
	p.add((&line{}).say("Reason: ").typed(r.Words.Override))
	p.add((&line{}).say("No approver was asked. The outcome is in the audit record: `revoke-sessions audit show %s`. "+
		"This person can use the bot's credential. If nobody here knows about this, have the credential renewed.", r.ID))
	return p.message()
}

// ReachNotice warns the approvers in advance that Microsoft may refuse to revoke an
// administrator's sessions.
func ReachNotice() bot.Message {
	p := &page{}
	p.add((&line{}).bold("Microsoft may refuse to revoke an administrator's sessions.").
		say(" I have no Entra role for that. This is about accounts with an administrator role, or in a group that can hold one."))
	p.add((&line{}).say("If Microsoft refuses, a Privileged Authentication Administrator can revoke in the Entra portal: find out now who that is. " +
		"Or ask the bot's owner to give me that role: `revoke-sessions doctor` says how."))
	return p.message()
}
