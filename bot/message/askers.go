package message

import (
	"fmt"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

const (
	// fewAskers is how many requesters a card names.
	fewAskers = 3
	// fewReasons is how many joined requesters the thread quotes. The audit record
	// quotes all.
	fewReasons = 5
)

// askers mentions the first requesters and counts the others.
func (l *line) askers(r *bot.Request) *line {
	all := r.AskedBy()
	named := all[:min(len(all), fewAskers)]
	rest := len(all) - len(named)
	for i, id := range named {
		switch {
		case i == 0:
		case i == len(named)-1 && rest == 0:
			l.say(" and ")
		default:
			l.say(", ")
		}
		l.person(id)
	}
	if rest > 0 {
		l.say(" and %d more", rest)
	}
	return l
}

// alsoAsked is the thread's one note about the requesters who joined, and about what
// they and the first requester added.
func alsoAsked(r *bot.Request) bot.Message {
	p := &page{}
	if added := r.Words.Also[r.Requester().SlackID]; added != "" {
		p.add(begin(r).person(r.Requester().SlackID).say(" adds: ").typed(added))
	}
	names := r.AskedBy()[1:]
	if len(names) == 0 {
		return p.message()
	}
	wrote := slices.DeleteFunc(slices.Clone(names), func(id string) bool { return r.Words.Also[id] == "" })
	l := &line{}
	if len(p.groups) == 0 {
		l = begin(r)
	}
	l.say("Also asked by ").people(names)
	if len(names) == 1 && len(wrote) == 1 {
		l.say(": ").typed(r.Words.Also[names[0]])
		wrote = nil
	}
	l.say(".")
	if r.Lane == authz.ThirdParty {
		l.say(" Now only an approver can end it, with Deny.")
	}
	p.add(l)
	var quotes []*line
	for _, id := range wrote[max(0, len(wrote)-fewReasons):] {
		quotes = append(quotes, (&line{}).person(id).say(": ").typed(r.Words.Also[id]))
	}
	if len(quotes) > 0 {
		p.list(quotes...)
	}
	if more := len(wrote) - len(quotes); more > 0 {
		p.add((&line{}).say("%s gave a reason before them: `revoke-sessions audit show %s`.", others(more), r.ID))
	}
	return p.message()
}

func others(n int) string {
	if n == 1 {
		return "1 other person"
	}
	return fmt.Sprintf("%d other people", n)
}
