package message

import (
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// TerminalOutcome is the outcome of a request, for a terminal.
func TerminalOutcome(r *bot.Request) string {
	l := begin(r)
	switch {
	case r.State == bot.Drilled:
		return l.say("Microsoft Entra answered a read of ").typed(r.Name()).say("'s account. Nothing was changed.").plain()
	case r.State == bot.Denied:
		l.say("Stopped while it waited for Microsoft. Nothing was revoked.")
		switch v := r.Verdict(); {
		case len(r.Changed) > 0:
			l.say(" This has changed: %s.", inWords(r.Changed))
		case v != nil && v.Why != "":
			l.say(" Why: %s.", reasonWords(v.Why))
		}
		return l.plain()
	case r.State == bot.Lost:
		return lost(r, l).plain()
	case r.State == bot.Failed:
		return unitMayBeWhy(r, failure(r, l, View{})).plain()
	case r.State == bot.Unknown:
		return accountShows(r, whyUnclear(r, l.say("It is not known whether ").typed(r.Name()).say("'s sessions were revoked."))).plain()
	case !r.State.Accepted():
		return l.say("The request is not finished. Its state is %s.", r.State).plain()
	}
	if r.Target.Guest == graph.Yes {
		l.say("Microsoft Entra accepted the request, but ").typed(r.Name()).
			say(" is a guest: sessions at the home organisation go on. Ask that organisation to revoke them.")
	} else {
		l.typed(r.Name()).say("'s sessions are revoked.")
	}
	if r.Seen {
		l.say(" %s, but the account shows the change.", noAnswer(r))
	} else {
		l.say(" Entra accepted: ").whenExactly(r.AcceptedAt).say(".")
	}
	switch {
	case r.State == bot.Verified:
		stampsLine(r, l.say(" "))
	case r.Unread:
		l.say(" The account could not be read after that, so this is not verified.")
	case !r.After.Known():
		l.say(" The account was not read after that, so this is not verified.")
	case r.Target.Guest == graph.Yes:
		l.say(" What this account shows says nothing about them.")
	default:
		l.say(" Not verified yet: the account still shows sessions valid since ").when(r.After.ValidFrom()).
			say(". That can take minutes. If it does not change, block sign-in or revoke in the Entra portal.")
	}
	return l.plain()
}

// TerminalFreeze says at a terminal that a freeze is on, and how it ends.
func TerminalFreeze(f *bot.Freeze) string {
	return (&line{}).say("Frozen by ").person(f.By.SlackID).say(": no revoke starts. The freeze ends by itself at ").when(f.Until).
		say(", or earlier if approvers end it in Slack.").plain()
}

// TerminalLimit says at a terminal which limit of the policy is reached.
func TerminalLimit(e *bot.LimitError) string {
	whose := "all accounts together"
	switch e.Use.Kind {
	case bot.PerApprover:
		whose = "one person"
	case bot.PerTarget, bot.OwnTarget:
		whose = "one account"
	}
	limit := e.Use.Limit
	return (&line{}).say("The policy's limit for %s is reached: %s in %s. The next revoke is possible at ", whose, count(limit.N, "revoke"), Spell(limit.Within)).
		when(e.Free).say(".").plain()
}
