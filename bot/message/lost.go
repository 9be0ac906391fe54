package message

import (
	"revoke-sessions/bot"
)

// lost is the headline of a request whose outcome the database has lost.
func lost(r *bot.Request, l *line) *line {
	if r.Drill {
		l.bold("Not known what became of the rehearsal for ").boldTyped(r.Name()).bold(".")
	} else {
		l.bold("Not known whether ").boldTyped(r.Name()).bold("'s sessions were revoked.")
	}
	l.say(" The bot's database has lost rows: it was restored from an older backup, or exchanged, or a standby took over. " +
		"What happened to this account in between is not known here.")
	if r.Drill {
		return l.say(" Rehearse again if you need to.")
	}
	return l.say(" Look in Entra's audit log. If it is still needed, ask again with `/revoke-sessions`.")
}

// RestoredNotice tells the channel that the database has lost rows; closed is the
// number of open requests that were closed as not known.
func RestoredNotice(back bot.StepBack, closed int, v View) bot.Message {
	p := &page{}
	l := (&line{}).bold("The bot's database has lost rows: it was restored from an older backup, or exchanged, or a standby took over.").
		say(" Its record ends at row %d, and the bot had noted row %d.", back.Head, back.Seq)
	switch closed {
	case 0:
		l.say(" No request was open in it.")
	case 1:
		l.say(" One request was open in it. It is closed as not known, and nothing is called for it.")
	default:
		l.say(" %d requests were open in it. They are closed as not known, and nothing is called for them.", closed)
	}
	p.add(l)
	p.add((&line{}).everyone(v.Approvers).say(", please look: what the lost rows held is not known here."))
	p.list(
		(&line{}).say("Cards of requests that are not in the backup have buttons that no longer work. "+
			"If a request is still needed, it must be asked again."),
		(&line{}).say("A freeze that began after the backup is gone. If it is needed, freeze again: `/revoke-sessions freeze`."),
		(&line{}).say("What was revoked in between stands in Entra's audit log."),
	)
	return p.message()
}
