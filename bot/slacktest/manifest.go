package slacktest

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Manifest is what the double takes from an app's manifest, for any YAML library: read
// manifest.yml into it, and give it to the workspace by Into or Server.SetManifest.
type Manifest struct {
	Features struct {
		AppHome struct {
			HomeTabEnabled             bool `yaml:"home_tab_enabled"`
			MessagesTabReadOnlyEnabled bool `yaml:"messages_tab_read_only_enabled"`
		} `yaml:"app_home"`
		Shortcuts []Shortcut `yaml:"shortcuts"`
	} `yaml:"features"`
	Settings struct {
		EventSubscriptions struct {
			BotEvents []string `yaml:"bot_events"`
		} `yaml:"event_subscriptions"`
	} `yaml:"settings"`
}

// Into is c with what the manifest says of the app's tabs, events and shortcuts.
func (m Manifest) Into(c Config) Config {
	c.HomeTab = m.Features.AppHome.HomeTabEnabled
	c.MessagesTabReadOnly = m.Features.AppHome.MessagesTabReadOnlyEnabled
	c.Events = slices.Clone(m.Settings.EventSubscriptions.BotEvents)
	c.Shortcuts = slices.Clone(m.Features.Shortcuts)
	return c
}

// SetManifest installs the app again, with another manifest. Home tabs that are published
// stay; nobody sees them while the tab is off.
func (s *Server) SetManifest(m Manifest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := m.Into(s.cfg)
	if err := checkShortcuts(c.Shortcuts); err != nil {
		return err
	}
	s.cfg.HomeTab, s.cfg.MessagesTabReadOnly, s.cfg.Events, s.cfg.Shortcuts = c.HomeTab, c.MessagesTabReadOnly, c.Events, c.Shortcuts
	s.touch()
	return nil
}

// Shortcut is one entry of the manifest's shortcuts.
type Shortcut struct {
	Name       string `yaml:"name"`
	Type       string `yaml:"type"` // GlobalShortcut or MessageShortcut
	CallbackID string `yaml:"callback_id"`
}

// The types of shortcuts.
const (
	GlobalShortcut  = "global"
	MessageShortcut = "message"
)

// What a manifest may hold: github.com/slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json.
const (
	MaxShortcuts    = 10
	MaxShortcutName = 24
)

func checkShortcuts(list []Shortcut) error {
	if len(list) > MaxShortcuts {
		return fmt.Errorf("a manifest has at most %d shortcuts, not %d", MaxShortcuts, len(list))
	}
	known := map[string]bool{}
	for _, c := range list {
		name, id := utf8.RuneCountInString(c.Name), utf8.RuneCountInString(c.CallbackID)
		switch {
		case c.Type != GlobalShortcut && c.Type != MessageShortcut:
			return fmt.Errorf("shortcut %q: type %q is neither global nor message", c.CallbackID, c.Type)
		case name == 0 || name > MaxShortcutName:
			return fmt.Errorf("shortcut %q: its name has %d characters, and must have 1 to %d", c.CallbackID, name, MaxShortcutName)
		case id == 0 || id > MaxID:
			return fmt.Errorf("shortcut %q: its callback_id has %d characters, and must have 1 to %d", c.Name, id, MaxID)
		case known[c.CallbackID]:
			return fmt.Errorf("shortcut %q is there twice", c.CallbackID)
		}
		known[c.CallbackID] = true
	}
	return nil
}
