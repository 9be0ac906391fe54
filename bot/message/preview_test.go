package message

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// previewOf is the preview of a revoke of Carol's ordinary account.
func previewOf() *Preview {
	r := newScene("", bot.Pending).r
	r.Drill, r.Privileged, r.Coverage = false, graph.No, bot.Coverage{}
	r.Target.Guest, r.Target.Disabled, r.Target.Synced, r.Target.Restricted = graph.No, graph.No, graph.No, graph.No
	r.SignInsRead, r.SignedIn, r.RevokedBefore, r.Fallback = true, time.Time{}, time.Time{}, ""
	r.Target.Stamps.RefreshTokens = time.Date(2025, 10, 30, 8, 0, 0, 0, time.UTC)
	r.Target.Stamps.Sessions = r.Target.Stamps.RefreshTokens
	return &Preview{Request: r}
}

// An ordinary account has a question, what a yes does, and two quiet lines.
func TestPreview_SaysOrdinaryInOneLine(t *testing.T) {
	p := previewOf()
	want := []string{
		"Revoke all sessions of Carol Target (carol@contoso.example)?",
		"Revoking signs Carol Target out of Microsoft 365 and apps that use this account, most within 90 minutes. " +
			"It does not block sign-in, change the password or wipe the device.",
		"Ordinary account, no special rights. No sign-in on record. Sessions valid since: 2025-10-30 08:00:00 UTC.",
		"Object ID: " + p.Request.Target.ID + ". Graph call: invalidateAllRefreshTokens.",
	}
	if got := p.Lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What could not be read is unknown, and then the account is not called ordinary.
func TestPreview_SaysWhatIsUnknown(t *testing.T) {
	unknown := func(r *bot.Request) {
		r.Privileged, r.SignInsRead, r.Target.Stamps = graph.Unknown, false, graph.Stamps{}
		r.Target.Guest, r.Target.Disabled, r.Target.Synced, r.Target.Restricted = graph.Unknown, graph.Unknown, graph.Unknown, graph.Unknown
	}
	p := previewOf()
	unknown(&p.Request)
	text := strings.Join(p.Lines(), "\n")
	for _, want := range []string{
		"⚠ I could not read whether the account holds a privileged role, or is a guest, or may sign in, or is synced from on-premises, " +
			"or is in a restricted management unit.",
		"Last sign-in: unknown. Sessions valid since: unknown.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Ordinary") {
		t.Errorf("it calls the account ordinary:\n%s", text)
	}
	p = previewOf()
	p.Request.Privileged = graph.Unknown
	if text := strings.Join(p.Lines(), "\n"); strings.Contains(text, "Ordinary") || !strings.Contains(text, "whether the account holds a privileged role.") {
		t.Errorf("one unknown fact:\n%s", text)
	}
}

// Each fact that is not ordinary is a warning above what a yes does, and stands nowhere else.
func TestPreview_WarnsOfWhatDeviates(t *testing.T) {
	for words, deviate := range map[string]func(*bot.Request){
		"Holds a privileged role.":    func(r *bot.Request) { r.Privileged = graph.Yes },
		"Guest account.":              func(r *bot.Request) { r.Target.Guest = graph.Yes },
		"Sign-in is blocked already.": func(r *bot.Request) { r.Target.Disabled = graph.Yes },
		"Restricted management unit.": func(r *bot.Request) { r.Target.Restricted = graph.Yes },
	} {
		p := previewOf()
		deviate(&p.Request)
		lines := p.Lines()
		if !strings.HasPrefix(lines[1], "⚠ "+words) || strings.Contains(strings.Join(lines[2:], "\n"), "Ordinary") {
			t.Errorf("%s\n%s", words, strings.Join(lines, "\n"))
		}
	}
}

// TestPreview_SyncedIsQuiet: it is ordinary in many tenants, so it is no warning, but the
// line below says it, also beside a deviation.
func TestPreview_SyncedIsQuiet(t *testing.T) {
	for _, f := range []graph.Fact{graph.No, graph.Yes} {
		p := previewOf()
		p.Request.Target.Synced, p.Request.Privileged = graph.Yes, f
		if text := strings.Join(p.Lines(), "\n"); !strings.Contains(strings.ToLower(text), "synced from on-premises. no sign-in") {
			t.Errorf("privileged %v:\n%s", f, text)
		}
	}
}

// Of a guest, nothing promises that they are signed out.
func TestPreview_PromisesNothingOfGuest(t *testing.T) {
	p := previewOf()
	p.Request.Target.Guest = graph.Yes
	if text := strings.Join(p.Lines(), "\n"); strings.Contains(text, "Revoking signs") {
		t.Error(text)
	}
}

func TestPreview_InDrillClaimsNothing(t *testing.T) {
	p := previewOf()
	p.Request.Drill, p.Request.Fallback = true, graph.RevokeSignInSessions
	lines := p.Lines()
	text := strings.Join(lines, "\n")
	if lines[0] != "🧪 DRILL: rehearse revoking all sessions of Carol Target (carol@contoso.example)?" || !strings.Contains(text, "nothing is changed") ||
		strings.Contains(text, "Revoking signs") || !strings.Contains(text, ", or revokeSignInSessions if that is gone or not permitted.") {
		t.Error(text)
	}
}
