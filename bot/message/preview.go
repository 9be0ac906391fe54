package message

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Preview is what a revoke would do, and to whom. Nothing has been done.
type Preview struct {
	Request bot.Request
	// Refused is what is against it, a rule of the policy or OwnAccount, or empty.
	Refused authz.Reason
	// Why says it in a sentence, with what to do.
	Why string
	// Held: it is not passed over either, so Revoke answers a *RefusedError.
	Held bool
}

// Lines is the preview for a terminal, a paragraph to a line: what is asked,
// what to beware of, what would happen and what is known of the account.
func (p *Preview) Lines() []string {
	r := &p.Request
	l := begin(r)
	if r.Drill {
		l.say("rehearse the end of all sessions of ")
	} else {
		l.say("Revoke all sessions of ")
	}
	l.typed(r.Name())
	if r.Words.UPN != "" && r.Words.UPN != r.Name() {
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
func (p *Preview) Account() (u graph.User, words bot.Words) { return p.Request.Target, p.Request.Words }
