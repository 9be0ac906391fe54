package revokesessions_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
)

// TestManifest holds the app's manifest to what the code relies on: Slack
// accepts a misspelt scope without a word.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	manifest := string(text)
	for _, line := range []string{
		"command: /revoke-sessions", "should_escape: true", "socket_mode_enabled: true", "is_enabled: true",
		"messages_tab_enabled: true", "token_rotation_enabled: false",
	} {
		if !strings.Contains(manifest, line) {
			t.Errorf("the manifest lacks %q", line)
		}
	}
	var read struct {
		slacktest.Manifest `yaml:",inline"`
		OAuth              struct {
			Scopes struct {
				Bot []string `yaml:"bot"`
			} `yaml:"scopes"`
		} `yaml:"oauth_config"`
	}
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	scopes := read.OAuth.Scopes.Bot
	want := []slacktest.Shortcut{
		{Name: "Report a lost device", Type: slacktest.GlobalShortcut, CallbackID: bot.LostShortcut},
		{Name: "Revoke sessions of…", Type: slacktest.MessageShortcut, CallbackID: bot.MessageShortcut},
	}
	if !slices.Equal(read.Features.Shortcuts, want) || !read.Features.AppHome.HomeTabEnabled ||
		!slices.Equal(read.Settings.EventSubscriptions.BotEvents, []string{"app_home_opened"}) {
		t.Errorf("the manifest has the doors %+v", read.Manifest)
	}
	// The Slack double grants these and no more, so the stories show that
	// they are enough.
	if want := slacktest.DefaultScopes; !slices.Equal(slices.Sorted(slices.Values(scopes)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the manifest asks for %q, the bot is tested with %q", scopes, want)
	}
	// And doctor holds a token to these.
	var known []string
	for _, scope := range slackapi.Scopes {
		known = append(known, scope.Name)
	}
	if !slices.Equal(scopes, known) {
		t.Errorf("the manifest asks for %q, doctor for %q", scopes, known)
	}
}
