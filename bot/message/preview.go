package message

import (
	"strings"

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

// Lines is the preview for a terminal: the question, what deviates from an ordinary
// account, what a revoke does, and the rest in two quiet lines.
func (p *Preview) Lines() []string {
	r := &p.Request
	lines := []string{previewQuestion(r)}
	for _, w := range warnings(r, View{}) {
		lines = append(lines, w.plain())
	}
	if p.Why != "" {
		lines = append(lines, "⚠ "+p.Why)
	}
	if effect := whatWillHappen(r); len(effect.parts) > 0 {
		lines = append(lines, effect.plain())
	}
	return append(lines, previewFacts(r), previewCall(r))
}

// previewQuestion asks, with the account's name.
func previewQuestion(r *bot.Request) string {
	l := begin(r)
	if r.Drill {
		l.say("rehearse revoking all sessions of ")
	} else {
		l.say("Revoke all sessions of ")
	}
	l.typed(r.Name())
	if r.Words.UPN != "" && r.Words.UPN != r.Name() {
		l.say(" (").typed(r.Words.UPN).say(")")
	}
	return l.say("?").plain()
}

// previewFacts says in one line that the account is ordinary, or what is unknown about
// its sessions. What else is unknown or not ordinary is a warning.
func previewFacts(r *bot.Request) string {
	l := &line{}
	switch quiet := ordinary(r); {
	case quiet != "":
		l.say("%s. ", quiet)
	case r.Target.Synced == graph.Yes:
		l.say("Synced from on-premises. ")
	}
	switch {
	case !r.SignInsRead:
		l.say("Last sign-in: unknown. ")
	case r.SignedIn.IsZero():
		l.say("No sign-in on record. ")
	default:
		l.say("Last sign-in: ").when(r.SignedIn).say(". ")
	}
	l.say("Sessions valid since: ").when(r.Target.Stamps.ValidFrom()).say(". ")
	if !r.RevokedBefore.IsZero() {
		l.say("Microsoft last accepted a revoke from this bot: ").when(r.RevokedBefore).say(".")
	}
	return strings.TrimSpace(l.plain())
}

// previewCall names the account and the call as Graph does.
func previewCall(r *bot.Request) string {
	l := (&line{}).say("Object ID: %s. Graph call: %s", r.Target.ID, r.Operation)
	if r.Fallback != "" {
		l.say(", or %s if that is gone or not permitted", r.Fallback)
	}
	return l.say(".").plain()
}

// Account is the account that the preview looked up, and its two names.
func (p *Preview) Account() (u graph.User, words bot.Words) { return p.Request.Target, p.Request.Words }
