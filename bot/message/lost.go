package message

import (
	"revoke-sessions/bot"
)

// lost is the headline of a request whose outcome the database has lost.
func lost(r *bot.Request, l *line) *line {
	l = lostNews(r, l).say(" The bot's database lost rows: somebody restored an older backup or exchanged it, or a standby took over. ")
	return afterLost(r, l)
}

// lostNews says that nobody knows what became of a request.
func lostNews(r *bot.Request, l *line) *line {
	if r.Drill {
		return l.about(r).bold("not known what became of this rehearsal.")
	}
	return l.about(r).bold("not known whether the sessions were revoked.")
}

// afterLost says what people can do about it.
func afterLost(r *bot.Request, l *line) *line {
	if r.Drill {
		return l.say("Rehearse again if you need to.")
	}
	return l.say("Look in Entra's audit log. If it is still needed, ask again with `/revoke-sessions`.")
}

// RestoredNotice tells the channel that the database has lost rows; closed is the
// number of open requests that were closed as not known.
func RestoredNotice(back bot.StepBack, closed int, v View) bot.Message {
	p := &page{}
	l := (&line{}).bold("The bot's database lost rows: somebody restored an older backup or exchanged it, or a standby took over.").
		say(" Its record ends at row %d, and the bot had noted row %d.", back.Head, back.Seq)
	switch closed {
	case 0:
		l.say(" No request was open in it.")
	case 1:
		l.say(" One request was open in it. I closed it as not known, and make no call for it.")
	default:
		l.say(" %d requests were open in it. I closed them as not known, and make no call for them.", closed)
	}
	p.add(l)
	p.add((&line{}).everyone(v.Approvers).say(", please look: I do not know what the lost rows held."))
	p.list(
		(&line{}).say("Cards of requests that are not in the backup have buttons that no longer work. "+
			"If such a request is still needed, ask again."),
		(&line{}).say("A freeze that began after the backup is gone. If it is needed, freeze again: `/revoke-sessions freeze`."),
		(&line{}).say("Entra's audit log shows what was revoked in between."),
	)
	return p.message()
}
