package bot

import (
	"testing"
)

func TestWorkspace_AccountSettings(t *testing.T) {
	for url, want := range map[string]string{
		"https://contoso.slack.com/": "https://contoso.slack.com/account/settings",
		"https://contoso.slack.com":  "https://contoso.slack.com/account/settings",
		"":                           "",
	} {
		if got := (Workspace{URL: url}).AccountSettings(); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}
