package browser_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"revoke-sessions/bot/testrun"
)

// see waits until something visible says all of these words.
func (b *tab) see(selector string, words ...string) {
	b.Helper()
	b.until("see "+selector, func() (string, error) {
		seen, err := ask[[]string](b, "eyes.seen", selector)
		if err != nil || slices.ContainsFunc(seen, func(text string) bool { return contains(text, words) }) {
			return "", err
		}
		return "nothing says “" + strings.Join(words, "”, “") + "”, but there is:\n" + strings.Join(seen, "\n"), nil
	})
}

// none waits until nothing visible says all of these words.
func (b *tab) none(selector string, words ...string) {
	b.Helper()
	b.until("see no "+selector, func() (string, error) {
		seen, err := ask[[]string](b, "eyes.seen", selector)
		if i := slices.IndexFunc(seen, func(text string) bool { return contains(text, words) }); err == nil && i >= 0 {
			return "there is: " + seen[i], nil
		}
		return "", err
	})
}

// only waits until these, and no others, are the words of what is visible, in messages
// with those words.
func (b *tab) only(selector, message string, words ...string) {
	b.Helper()
	b.until("see only "+strings.Join(words, ", "), func() (string, error) {
		seen, err := ask[[]string](b, "eyes.seen", selector, message)
		if err != nil || slices.Equal(seen, words) {
			return "", err
		}
		return "there is " + strings.Join(seen, ", "), nil
	})
}

// inSight holds a message to be seen as a whole, without scrolling.
func (b *tab) inSight(message string) {
	b.Helper()
	b.until(message+" in sight", func() (string, error) {
		return ask[string](b, "eyes.outside", "#messages .message", message, "#messages")
	})
}

func contains(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// fits holds the page to the width of the screen.
func (b *tab) fits(state string) {
	b.Helper()
	for _, wide := range tell[[]string](b, "eyes.beyond", b.width) {
		b.Errorf("%s, at %d px: wider than the screen: %s", state, b.width, wide)
	}
}

// axe is the source of axe-core.
var axe struct {
	once   sync.Once
	source string
}

// needAxe skips the test where axe-core cannot be installed.
func needAxe(t *testing.T) {
	t.Helper()
	axe.once.Do(func() {
		folder := testrun.Packages(t, filepath.Join("testdata", "axe"))
		source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
		if err != nil {
			t.Fatal(err)
		}
		axe.source = string(source)
	})
	if axe.source == "" {
		t.Skip("SKIPPED: axe-core is not installed")
	}
}

// accessible has axe look at the page, light and dark.
func (b *tab) accessible(state string) {
	b.Helper()
	// The page's policy lets no script in by a tag.
	if !tell[bool](b, `(() => "axe" in globalThis)`) {
		b.do("axe", chromedp.Evaluate[chromedp.Void](axe.source))
	}
	for _, c := range []struct {
		scheme string
		rules  []string
	}{{"dark", []string{"color-contrast", "link-in-text-block"}}, {"light", nil}} {
		b.light(c.scheme)
		for _, wrong := range tell[[]string](b, "eyes.wrong", c.rules) {
			b.Errorf("%s, at %d px, %s: axe: %s", state, b.width, c.scheme, wrong)
		}
	}
}
