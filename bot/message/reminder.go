package message

import (
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// reminder asks for a decision in the card's thread. It mentions only people who can
// decide.
func reminder(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := begin(r).bold("Nobody has decided this yet")
	if n := len(r.Approvals); n > 0 {
		l = begin(r).bold("This has %d of %d approvals", n, r.Need)
	}
	if r.AskedAgainAt.IsZero() {
		l.bold("%s.", afterReport(r, r.RemindedAt))
	} else {
		l.bold(", %s after I asked again.", Spell(r.RemindedAt.Sub(r.Since())))
	}
	p.add(callDeciders(l.say(" "), v, ": please decide on the card."))
	if r.Executes {
		p.add(ifUndecided(r, &line{}, v))
	}
	p.add(emergencyWay(v))
	return p.message()
}

// escalation mentions the people whom the policy names for a request that nobody
// decides.
func escalation(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := begin(r).bold("Nobody decides ").bold("%s.", r.ID).say(" ")
	if v.Policy != nil {
		l.people(slices.DeleteFunc(slices.Clone(v.Policy.Reminders.EscalateTo), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
		}))
	}
	p.add(callDeciders(l.say(": please get one of those who may decide: "), v, "."))
	p.add(emergencyWay(v))
	return p.message()
}
