package bot

import (
	"slices"

	"revoke-sessions/authz"
)

// Reminder is the message in the card's thread while nobody has decided. It
// mentions only those who can act.
func Reminder(r *Request, v View) Message {
	p := &page{}
	l := r.begin().bold("Nobody has decided this yet")
	if n := len(r.Approvals); n > 0 {
		l = r.begin().bold("This has %d of %d approvals", n, r.Need)
	}
	if r.AskedAgainAt.IsZero() {
		l.bold("%s.", r.afterReport(r.RemindedAt))
	} else {
		l.bold(", %s after I asked again.", spell(r.RemindedAt.Sub(r.since())))
	}
	p.add(calls(l.say(" "), v, ": please decide on the card."))
	if r.Executes {
		p.add(ahead(r, &line{}, v))
	}
	p.add(elsewhere(v))
	return p.message()
}

// Escalation calls those whom the policy names when nobody decides.
func Escalation(r *Request, v View) Message {
	p := &page{}
	l := r.begin().bold("Nobody decides ").bold("%s.", r.ID).say(" ")
	if v.Policy != nil {
		l.people(slices.DeleteFunc(slices.Clone(v.Policy.Reminders.EscalateTo), func(name string) bool {
			return r.Lane == authz.ThirdParty && slices.Contains(r.targetSlackIDs(), name)
		}))
	}
	p.add(calls(l.say(": please get one of those who may decide: "), v, "."))
	p.add(elsewhere(v))
	return p.message()
}

// calls mentions those who may decide, or says that nobody is known who may.
func calls(l *line, v View, then string) *line {
	if len(v.Deciders) == 0 {
		return l.say("I know nobody who may. Whoever runs the bot must name more approvers.")
	}
	return l.deciders(v).say("%s", then)
}

// elsewhere is what to do where nobody answers.
func elsewhere(v View) *line {
	l := &line{}
	if v.Emergency != "" {
		l.say("Nobody answers? ").typed(v.Emergency)
	}
	return l
}
