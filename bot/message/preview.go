package message

import (
	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Preview is what a revoke would do, and to whom.
type Preview struct {
	Request bot.Request
	// Refused is why the policy forbids it, or OwnAccount, or empty.
	Refused authz.Reason
	// Why explains Refused and says what to do.
	Why string
	// Held means that the operator cannot override Refused: Revoke returns a
	// *RefusedError.
	Held bool
}

// Lines is the preview for a terminal: the question, the warnings, what would happen,
// and the facts about the account.
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
	facts := accountFacts(r, &line{}).say(" Sessions valid since ").when(r.Target.Stamps.ValidFrom()).
		say(". Object ID %s. Called is %s", r.Target.ID, r.Operation)
	if r.Fallback != "" {
		facts.say(", or %s where that is gone or not permitted", r.Fallback)
	}
	return append(lines, whatWillHappen(r).plain(), facts.say(".").plain())
}

// Account is the account that the preview looked up, and its two names.
func (p *Preview) Account() (u graph.User, words bot.Words) { return p.Request.Target, p.Request.Words }
