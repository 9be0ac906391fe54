package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// picturesVariable names a folder for the pictures of all states. Else only those of a
// failed test are kept, in a temporary folder.
const picturesVariable = "REVOKE_TEST_PICTURES"

// album is what a tab looked like.
type album []photograph

type photograph struct {
	name      string
	png       []byte
	html, err string
}

// photograph takes a picture of what is on the screen, under a name.
func (b *tab) photograph(name string) {
	b.Helper()
	p := photograph{name: fmt.Sprintf("%02d %s", len(b.album)+1, name)}
	var err error
	if p.png, err = chromedp.Run(b.ctx, chromedp.CaptureScreenshot()); err == nil {
		p.html, err = ask[string](b, `(() => document.documentElement.outerHTML)`)
	}
	if err != nil {
		b.Errorf("photograph %s: %v", name, err)
	}
	b.album = append(b.album, p)
}

// keep writes the pictures where somebody wants them.
func (b *tab) keep(t *testing.T) {
	folder := os.Getenv(picturesVariable)
	var err error
	switch {
	case folder != "":
	case !t.Failed():
		return
	default:
		if folder, err = os.MkdirTemp("", "revoke-sessions-pictures-"); err != nil {
			t.Error(err)
			return
		}
	}
	folder = filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-"))
	if err = os.MkdirAll(folder, 0o755); err != nil {
		t.Error(err)
		return
	}
	for _, p := range b.album {
		for name, content := range map[string][]byte{p.name + ".png": p.png, p.name + ".html": []byte(p.html)} {
			if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("the pictures of its %d states are in %s", len(b.album), folder)
}
