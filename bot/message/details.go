package message

import (
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// The card shows what deviates. Details is a modal with everything else. It opens empty,
// because its trigger lives three seconds, and is filled once the reader was looked up.

func detailsModal(p *page) Modal { return closable("Details", p.blocks()) }

// LoadingDetails is what the modal shows until its reader is known.
func LoadingDetails() Modal {
	p := &page{}
	p.add((&line{}).say("Loading…"))
	return detailsModal(p)
}

// DetailsNotShown answers a press of Details whose modal did not open, or stayed empty.
func DetailsNotShown() bot.Message {
	return Note("I could not show the details. Nothing was changed. Please press Details again.")
}

// DetailsInstead shows an answer in place of the details, such as a refusal.
func DetailsInstead(m bot.Message) Modal {
	p := &page{}
	p.ready(m)
	return detailsModal(p)
}

// Details says what is known of a request. approver decides whether it may name facts
// about the account: people who asked read only how the request is decided.
func Details(r *bot.Request, v View, approver bool) Modal {
	p := &page{}
	if approver {
		p.add(headline(r, mark(r), v))
		p.rows(decisionDetails(r, v, true)...)
		p.rows(accountDetails(r, v)...)
	} else {
		p.add(statusLine(r, v))
		p.rows(decisionDetails(r, v, false)...)
		p.add((&line{}).say("Only approvers can see facts about the account."))
	}
	p.fit()
	return detailsModal(p)
}

// decisionDetails say who decides, how, and until when. Only approvers read who else asked.
func decisionDetails(r *bot.Request, v View, approver bool) []*line {
	all := []*line{(&line{}).bold("Request: ").say("%s, made ", r.ID).when(r.CreatedAt)}
	if approver {
		all = append(all, (&line{}).bold("Asked by: ").people(r.AskedBy()))
	}
	if approver {
		all = append(all, sourceLines(r, v)...)
	}
	all = append(all, ruleLine(r, v, approver))
	given := (&line{}).bold("Approved by: ")
	for i, a := range r.Approvals {
		if i > 0 {
			given.say(", ")
		}
		given.person(a.SlackID).say(" (").when(a.At).say(")")
	}
	if len(r.Approvals) > 0 {
		all = append(all, given)
	}
	if r.State == bot.Pending {
		all = append(all, (&line{}).bold("Can decide now: ").deciders(v))
		all = append(all, ifUndecided(r, &line{}, v))
	}
	if r.State == bot.Pending && slices.Equal(v.Approvers, v.Deciders) {
		return all
	}
	return append(all, (&line{}).bold("Approvers: ").able(v.Approvers, ""))
}

// sourceLines say which messages led to the asks. The channel of one may be private, or
// could not be read.
func sourceLines(r *bot.Request, v View) (all []*line) {
	for _, asker := range r.AskedBy() {
		if r.Words.Sources[asker].TS == "" {
			continue
		}
		l := (&line{}).bold("From: ")
		if link := v.Sources[asker]; link != "" {
			l.link(link, "a message")
		} else {
			l.say("a message that I can't link to for you")
		}
		all = append(all, l.say(", chosen by ").person(asker))
	}
	return all
}

// ruleLine says which rule of the policy applies, and how many approvals it asks for. Only
// approvers read that it is stricter for this account.
func ruleLine(r *bot.Request, v View, approver bool) *line {
	l := (&line{}).bold("Policy: ")
	if r.Lane == authz.Self {
		l.say("people who report their own device")
	} else {
		l.say("requests about somebody else")
	}
	switch {
	case r.Need == 0:
		l.say(" need no approval")
	case r.Protected && approver:
		l.say(", made stricter for a protected account: %s", countApprovals(r.Need))
	default:
		l.say(": %s", countApprovals(r.Need))
	}
	if v.Policy == nil {
		return l.say(".")
	}
	switch {
	case r.Need == 0:
	case v.Policy.Require(r.Matter()).RequesterMayApprove:
		l.say("; an approver who asked may give one")
	default:
		l.say("; nobody who asked may give one")
	}
	if rule := v.Policy.Rule(r.Lane); rule.Ticket != nil {
		l.say("; the reason must name a ticket").join(ticketLike(rule))
	}
	return l.say(".")
}

// accountDetails are the facts about the account and the call. They are as old as the
// card.
func accountDetails(r *bot.Request, v View) []*line {
	known := *r
	stamps := (&line{}).bold("Sessions valid since: ")
	if v.Meanwhile != nil {
		known.RevokedBefore = time.Time{} // not the last one
		stamps = (&line{}).bold("Sessions valid since, when this card was made: ")
	}
	stamps.when(r.Target.Stamps.ValidFrom())
	if read := r.Target.Stamps.ReadAt; !read.IsZero() {
		stamps.say(" (read ").when(read).say(")")
	}
	call := (&line{}).bold("Graph call: ").say("%s", r.Operation)
	if r.Fallback != "" {
		call.say(", or %s where that is gone or not permitted", r.Fallback)
	}
	name := (&line{}).bold("Name: ").typed(r.Name())
	if r.Words.UPN != "" {
		name.say(" (").typed(r.Words.UPN).say(")")
	}
	all := []*line{name, (&line{}).bold("Object ID: ").say("%s", r.Target.ID), accountFacts(&known, &line{}), stamps, call}
	if r.Attempts.Last() != nil {
		all = append(all, callLine(r, (&line{}).bold("Last call: ")))
	}
	return all
}
