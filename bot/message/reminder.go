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
	l := mark(r).about(r)
	if n := len(r.Approvals); n > 0 {
		l.bold("still %d of %d approvals", n, r.Need)
	} else {
		l.bold("nobody has decided this yet")
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
	p.add(emergencyFor(r, v))
	return p.message()
}

// escalation mentions the people whom the policy names for a request that nobody
// decides.
func escalation(r *bot.Request, v View) bot.Message {
	p := &page{}
	l := mark(r).about(r).bold("nobody has decided this (%s).", r.ID).say(" ")
	if v.Policy != nil {
		l.people(slices.DeleteFunc(slices.Clone(v.Policy.Reminders.EscalateTo), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.TargetSlackIDs(), name)
		}))
	}
	p.add(callDeciders(l.say(": please get one of the approvers: "), v, "."))
	p.add(emergencyFor(r, v))
	return p.message()
}
