package bot

import (
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Lines is the preview for a terminal, a paragraph to a line: what is asked,
// what to beware of, what would happen and what is known of the account.
func (p *Preview) Lines() []string {
	r := &p.request
	l := r.begin()
	if r.Drill {
		l.say("rehearse the end of all sessions of ")
	} else {
		l.say("Revoke all sessions of ")
	}
	l.typed(r.name())
	if r.Words.UPN != "" && r.Words.UPN != r.name() {
		l.say(" (").typed(r.Words.UPN).say(")")
	}
	lines := []string{l.say("?").plain()}
	for _, w := range warnings(r, View{}) {
		lines = append(lines, w.plain())
	}
	if p.Why != "" {
		lines = append(lines, "⚠ "+p.Why)
	}
	facts := accountFacts(r, &line{}).say(" Sessions valid since ").when(r.Target.Stamps.ValidFrom()).say(". Object ID %s. Called is %s", r.Target.ID, r.Operation)
	if r.Fallback != "" {
		facts.say(", or %s where that is gone or not permitted", r.Fallback)
	}
	return append(lines, whatWillHappen(r).plain(), facts.say(".").plain())
}

// Account is the account as it was looked up; of its names, only the two that
// Words has.
func (p *Preview) Account() (u graph.User, words Words) { return p.request.Target, p.request.Words }

// Says is what came of a request, for whoever waits for it at a terminal.
func (r *Request) Says() string {
	l := r.begin()
	switch {
	case r.State == Drilled:
		return l.say("Microsoft Entra answered a read of the account. Nothing was changed.").plain()
	case r.State == Denied:
		l.say("Stopped while it waited. Nothing was revoked.")
		switch v := r.verdict(); {
		case len(r.Changed) > 0:
			l.say(" This changed since: %s.", inWords(r.Changed))
		case v != nil && v.Why != "":
			l.say(" Why: %s.", because(v.Why))
		}
		return l.plain()
	case r.State == Lost:
		return lost(r, l).plain()
	case r.State == Failed:
		return unitMayBeWhy(r, failure(r, l, View{})).plain()
	case r.State == Unknown:
		return accountShows(r, whyUnclear(r, l.say("It is not known whether the sessions were revoked."))).plain()
	case !r.State.Accepted():
		return l.say("It was left in the state %s.", r.State).plain()
	}
	if r.Target.Guest == graph.Yes {
		l.say("Microsoft Entra accepted the request, but this is a guest: sessions at the home organisation go on. Ask that organisation to revoke them.")
	} else {
		l.say("The sessions are revoked.")
	}
	if r.Seen {
		l.say(" %s, but the account shows the change.", r.noAnswer())
	} else {
		l.say(" Entra accepted: ").whenExactly(r.AcceptedAt).say(".")
	}
	switch {
	case r.State == Verified:
		stampsLine(r, l.say(" "))
	case r.Unread:
		l.say(" The account could not be read since, so this is not verified.")
	case !r.After.Known():
		l.say(" The account was not read since, so this is not verified.")
	case r.Target.Guest == graph.Yes:
		return strings.TrimSpace(guestStamp(r, l.say(" ")).plain())
	default:
		l.say(" Not visible in the account yet, which can take minutes: it still shows sessions valid since ").when(r.After.ValidFrom()).
			say(". If that stays so, block sign-in or revoke in the Entra portal.")
	}
	return l.plain()
}

// Last is the last call of the request; the zero Attempt if there was none.
func (r *Request) Last() Attempt {
	if a := r.attempt(); a != nil {
		return *a
	}
	return Attempt{}
}

// Called names the operation that ran, or would have.
func (r *Request) Called() graph.Operation { return r.called() }

// Stopped reports that whoever had confirmed it at a command line stopped it
// while it waited.
func (r *Request) Stopped() bool {
	v := r.verdict()
	return r.State == Denied && v != nil && v.Kind == authz.Deny
}
