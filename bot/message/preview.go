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
	if r.Target.Guest != graph.Yes { // the warning about a guest says that nothing happens
		lines = append(lines, previewEffect(r))
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

// previewEffect says what the yes does.
func previewEffect(r *bot.Request) string {
	l := &line{}
	if r.Drill {
		return l.say("A drill reads the account once and changes nothing. A real revoke would sign ").typed(r.Name()).
			say(" out of Microsoft 365 and every app that uses this account.").plain()
	}
	return l.say("Revoking signs ").typed(r.Name()).say(" out of Microsoft 365 and every app that uses this account. " +
		"It does not block sign-in, change the password or wipe the device.").plain()
}

// previewFacts says in one line that the account is ordinary, or what is unknown about
// it. What is known and not ordinary is a warning.
func previewFacts(r *bot.Request) string {
	ordinary, unknown := true, []string{}
	for _, f := range []struct {
		fact  graph.Fact
		words string
	}{
		{r.Privileged, "whether it holds a privileged role"},
		{r.Target.Guest, "whether it is a guest"},
		{r.Target.Disabled, "whether sign-in is blocked"},
		{r.Target.Synced, "whether it is synced from on-premises"},
		{r.Target.Restricted, "whether it is in a restricted management unit"},
	} {
		ordinary = ordinary && f.fact == graph.No
		if f.fact == graph.Unknown {
			unknown = append(unknown, f.words)
		}
	}
	if !r.SignInsRead {
		unknown = append(unknown, "when it last signed in")
	}
	if !r.Target.Stamps.Known() {
		unknown = append(unknown, "since when its sessions are valid")
	}
	l := &line{}
	if ordinary {
		l.say("Ordinary account, no special rights. ")
	}
	if len(unknown) > 0 {
		l.say("Unknown: %s. ", strings.Join(unknown, ", "))
	}
	switch {
	case !r.SignInsRead:
	case r.SignedIn.IsZero():
		l.say("No sign-in on record. ")
	default:
		l.say("Last sign-in: ").when(r.SignedIn).say(". ")
	}
	if r.Target.Stamps.Known() {
		l.say("Sessions valid since: ").when(r.Target.Stamps.ValidFrom()).say(". ")
	}
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
